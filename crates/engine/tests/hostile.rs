//! Modules made to hurt get an error, or run, in bounded time and memory.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use lineal::{Config, Engine, Linker, Module, Store, Trap};

/// Modules to damage: a compiled program, and one with everything that is rare in those.
fn seeds() -> Vec<Vec<u8>> {
    let rare = "(module
        (import \"m\" \"f\" (func $f (param i32) (result i64)))
        (memory $a 1 2) (memory $b i64 1) (table $t 3 9 funcref) (table $u i64 2 externref)
        (global $g (mut f64) (f64.const 1.5)) (global $h funcref (ref.func $f))
        (elem (i32.const 0) $f $many) (elem $passive funcref (ref.null func))
        (data (i32.const 3) \"active\") (data $d \"passive\")
        (func $many (export \"many\") (param i32 i64 f32 f64) (result i64 f32)
            (local i32 f64)
            (block $out (result i64 f32)
                (loop $again (param) (result)
                    (local.set 4 (i32.add (local.get 0) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get 4) (i32.const 7))))
                (memory.init $a $d (i32.const 0) (i32.const 1) (i32.const 2))
                (memory.copy $a $b (i32.const 0) (i64.const 0) (i32.const 9))
                (table.set $t (i32.const 1) (ref.func $many))
                (drop (table.grow $u (ref.null extern) (i64.const 1)))
                (i64.store offset=9 (i32.add (local.get 0) (local.get 4)) (local.get 1))
                (br_table $out $out (call $f (local.get 0)) (f32.load (local.get 0)) (local.get 0))))
        (func (export \"tail\") (param i32) (result i64) (return_call $f (local.get 0)))
        (func (export \"through\") (param i32) (result i64)
            (call_indirect $t (param i32) (result i64) (local.get 0) (i32.const 0))))";
    vec![
        include_bytes!("programs/strings.wasm").to_vec(),
        wat::parse_str(rare).expect("valid text"),
    ]
}

/// A small generator of numbers; the tests are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn damage(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    match numbers.below(5) {
        0 => bytes.truncate(numbers.below(bytes.len())),
        1 => {
            let from = numbers.below(bytes.len());
            let to = (from + numbers.below(9)).min(bytes.len());
            bytes.drain(from..to);
        }
        2 => {
            let at = numbers.below(bytes.len());
            bytes[at] = [0, 0x7f, 0x80, 0xff][numbers.below(4)];
        }
        _ => {
            for _ in 0..=numbers.below(4) {
                let at = numbers.below(bytes.len());
                bytes[at] ^= 1 << numbers.below(8);
            }
        }
    }
    bytes
}

#[test]
fn ten_thousand_damaged_modules_are_refused_or_run() {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true);
    let engine = Engine::new(&config).expect("an engine");
    let seeds = seeds();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let (mut refused, mut instantiated) = (0, 0);
    for round in 0..10_000 {
        let bytes = damage(&seeds[round % seeds.len()], &mut numbers);
        // Compiling translates everything that was accepted.
        let Ok(module) = Module::new(&engine, &bytes) else {
            refused += 1;
            continue;
        };
        // A start function might not end; the seeds have none.
        let decoded = lineal_decoder::Module::new(&bytes, &lineal::Features::default());
        if decoded.is_ok_and(|decoded| decoded.start.is_none()) {
            let mut store = Store::new(&engine, ());
            let mut linker = Linker::new(&engine);
            let defined = linker.define_unknown_imports_as_traps(&module);
            if defined.is_ok() && linker.instantiate(&mut store, &module).is_ok() {
                instantiated += 1;
            }
        }
    }
    // Both ways out were taken often, or the test would show little.
    assert!(refused > 3_000, "{refused} refused");
    assert!(instantiated > 500, "{instantiated} instantiated");
}

fn refusal(wat: &str) -> String {
    let engine = Engine::default();
    let error = match Module::new(&engine, wat) {
        Err(error) => error,
        Ok(module) => {
            let mut store = Store::new(&engine, ());
            let instance = Linker::new(&engine).instantiate(&mut store, &module);
            instance.expect_err("it cannot be instantiated")
        }
    };
    format!("{error:#}")
}

#[test]
fn limits_that_no_host_has_are_errors() {
    let start = Instant::now();
    let too_much = refusal("(module (memory i64 0xffff_ffff_ffff))");
    assert!(too_much.contains("memory"), "{too_much}");
    let too_many = refusal("(module (table 0xffff_ffff funcref))");
    assert!(too_many.contains("table"), "{too_many}");
    let locals = refusal(&format!("(module (func (local {})))", "i64 ".repeat(100_000)));
    assert!(locals.contains("locals"), "{locals}");
    let data = "(module (memory 1) (data (i32.const 65530) \"0123456789\"))";
    assert!(refusal(data).contains("out of bounds"), "{}", refusal(data));
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// Instantiates a module without imports and calls its export `f`.
fn call(wat_or_wasm: impl AsRef<[u8]>) -> lineal::Result<i32> {
    let engine = Engine::default();
    let module = Module::new(&engine, wat_or_wasm)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &module)?;
    instance.get_typed_func::<i32, i32>(&store, "f")?.call(&mut store, 1)
}

/// A binary module whose only function, exported as `f`, takes and returns an `i32`.
fn module_of(body: &[u8]) -> Vec<u8> {
    fn leb(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f]);
    module.extend([3, 2, 1, 0]);
    module.extend([7, 5, 1, 1, b'f', 0, 0]);
    let code = [leb(body.len() + 1), vec![0], body.to_vec()].concat();
    module.extend([vec![10], leb(code.len() + 1), vec![1], code].concat());
    module
}

#[test]
fn a_hundred_thousand_nested_blocks_are_translated() {
    let depth = 100_000;
    let mut body = [0x02, 0x40].repeat(depth);
    body.extend([0x0b].repeat(depth));
    body.extend([0x20, 0, 0x0b]);
    assert_eq!(call(module_of(&body)).expect("it runs"), 1);
}

#[test]
fn a_hundred_thousand_nested_loops_are_translated() {
    let depth = 100_000;
    let body =
        [[0x03, 0x40, 0x20, 0, 0x21, 0].repeat(depth), [0x0b].repeat(depth), vec![0x20, 0, 0x0b]]
            .concat();
    let start = Instant::now();
    assert_eq!(call(module_of(&body)).expect("it runs"), 1);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_frame_with_more_slots_than_16_bits_number_works() {
    // 70,000 times the parameter plus one, then their sum; the first half through the operand
    // stack as results, so that they have slots.
    let count = 70_000;
    let body =
        [[0x20, 0, 0x41, 1, 0x6a].repeat(count), [0x6a].repeat(count - 1), vec![0x0b]].concat();
    assert_eq!(call(module_of(&body)).expect("it runs"), 2 * count as i32);
}

#[test]
fn calls_selects_branches_and_accesses_work_above_slot_65_535() {
    let mut text = String::from(
        "(module (memory 1) (table 1 funcref) (elem (i32.const 0) $double)
         (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
         (func (export \"f\") (param i32) (result i32) (local i32)",
    );
    let count = 66_000;
    for _ in 0..count {
        text += "(i32.sub (local.get 0) (i32.const 1))\n";
    }
    text += "(local.set 1 (i32.add (local.get 0) (i32.const 6)))
        (i32.store (i32.const 16) (local.get 1))
        (call $double (i32.load (i32.add (local.get 0) (i32.const 15))))
        (call_indirect (param i32) (result i32) (i32.const 0))
        (if (result i32) (i32.gt_s (local.get 1) (i32.const 3))
            (then (select (i32.const 100) (i32.load (i32.const 0)) (local.get 0)))
            (else (i32.const -1)))
        (block (result i32) (i32.const 5) (br_if 0 (i32.const 9) (local.get 0)) (drop))
        (block (result i32) (i32.const 1000) (br_table 0 0 (local.get 1)))\n";
    // 7 doubled twice, 100, 9 and 1000, and the zeros below.
    for _ in 0..count + 3 {
        text += "i32.add\n";
    }
    writeln!(text, "))").expect("a string");
    assert_eq!(call(&text).expect("it runs"), 28 + 100 + 9 + 1000);
}

#[test]
fn a_wide_br_table_and_a_giant_segment_are_fine() {
    let mut text = String::from("(module (memory 160) (data (i32.const 64) \"");
    text.extend(std::iter::repeat_n('x', 10_000_000));
    text += "\") (func (export \"f\") (param i32) (result i32) (block (block (br_table";
    text += &" 0 1".repeat(50_000);
    text += " (local.get 0))) (return (i32.const 1))) (i32.load8_u (i32.const 64))))";
    assert_eq!(call(&text).expect("it runs"), i32::from(b'x'));
}

#[test]
fn recursion_without_end_traps() {
    let error =
        call("(module (func $f (export \"f\") (param i32) (result i32) (call $f (local.get 0))))")
            .expect_err("the stack ends");
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
    // One call with a frame larger than the stack.
    let body = [[0x20, 0, 0x41, 1, 0x6a].repeat(200_000), [0x6a].repeat(199_999), vec![0x0b]];
    let error = call(module_of(&body.concat())).expect_err("the frame is too large");
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}
