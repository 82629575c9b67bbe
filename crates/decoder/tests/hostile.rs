//! Input made to hurt: every answer must come without a panic, soon, and in little memory.

use std::time::{Duration, Instant};

use lineal_decoder::{Features, Module};

/// Small modules that between them have every section and most kinds of instructions.
const SEEDS: [&str; 5] = [
    "(module $seed
       (type $bin (func (param i32 i32) (result i32)))
       (import \"env\" \"log\" (func $log (param i32)))
       (import \"env\" \"base\" (global $base i32))
       (memory (export \"memory\") 1 4)
       (table (export \"table\") 4 16 funcref)
       (global $sp (mut i32) (i32.const 1024))
       (elem (i32.const 1) $add $fact)
       (data (i32.const 8) \"hello, linear memory\")
       (data $passive \"passive\")
       (func $add (export \"add\") (type $bin) local.get 0 local.get 1 i32.add)
       (func $fact (type $bin)
         (if (result i32) (i32.eqz (local.get 0))
           (then (local.get 1))
           (else (call $fact
             (i32.sub (local.get 0) (i32.const 1))
             (i32.mul (local.get 0) (local.get 1))))))
       (func (export \"init\") (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 7))
         data.drop $passive)
       (func $start (call $log (global.get $base)))
       (start $start))",
    "(module
       (memory i64 1 2) (memory 1)
       (func (export \"f\") (param i64) (result i64)
         (local f32 f64 i64 i64)
         (i64.store (local.get 0) (i64.const 3))
         (i32.store8 1 offset=70000 (i32.const 1) (i32.const 2))
         (drop (f64.load offset=4294967296 (local.get 0)))
         (i64.load32_u (local.get 0)) (memory.grow (i64.const 1)) i64.add))",
    "(module
       (table $t 10 externref) (table i64 2 funcref)
       (func (param i32 externref) (result externref i32)
         (table.set $t (local.get 0) (local.get 1))
         (table.get $t (local.get 0)) (table.size $t))
       (func $g (result funcref) ref.func $g)
       (elem declare func $g)
       (elem funcref (ref.func $g) (ref.null func))
       (global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3)))))",
    "(module
       (func $switch (param i32) (result f64)
         (block $a (block $b (block $c
           (br_table $a $b $c (local.get 0)))
           (return (f64.const nan:0x123)))
           (br_if $a (i32.trunc_sat_f64_s (f64.sqrt (f64.const 2)))))
         (loop $l (result f64) (br_if $l (i32.const 0)) (f64.const 0)))
       (func $tail (param i32) (result f64) (return_call $switch (local.get 0)))
       (func (param i64 i64) (result i64 i64)
         (select (i64.const 1) (local.get 0) (i32.const 1)) (i64.extend8_s (local.get 1)))
       (export \"a\" (func $switch)) (export \"b\" (func $tail)))",
    "(module (import \"a\" \"t\" (table 0 funcref)) (import \"a\" \"m\" (memory 0))
       (type $v (func)) (func (param i32) (call_indirect (type $v) (local.get 0)))
       (func (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
         (table.copy (i32.const 0) (i32.const 1) (i32.const 2))))",
];

const LIMIT: Duration = Duration::from_secs(30);

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|text| wat::parse_str(text).unwrap()).collect()
}

/// Everything on, so that as much as possible is reachable.
fn features() -> Features {
    let mut features = Features::default();
    features.wasm_custom_page_sizes(true);
    features
}

/// The xorshift64* generator: the same inputs in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

#[test]
fn the_seeds_are_valid() {
    for bytes in seeds() {
        Module::new(&bytes, &features()).unwrap();
    }
}

#[test]
fn every_truncation_is_refused_or_whole() {
    for bytes in seeds() {
        for len in 0..bytes.len() {
            // A cut between sections can leave a module that is valid.
            if let Ok(module) = Module::from_binary(&bytes[..len], &features()) {
                assert_eq!(module.bytes.len(), len);
            }
        }
    }
}

#[test]
fn mutations_are_answered() {
    let started = Instant::now();
    let seeds = seeds();
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut valid = 0;
    for round in 0..10_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, &mut random);
        }
        valid += usize::from(Module::new(&bytes, &features()).is_ok());
    }
    // Some mutations hit an operand or a name: both outcomes have been exercised.
    assert!((100..9_900).contains(&valid), "{valid} of 10,000 were valid");
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes[at] = [0x00, 0x7f, 0x80, 0xff][random.below(4)],
        3 => drop(bytes.remove(at)),
        4 => bytes.insert(at, random.next() as u8),
        _ => bytes.truncate(at.max(8)),
    }
}

/// A number in LEB128.
fn leb(mut value: u64) -> Vec<u8> {
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

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [vec![id], leb(contents.len() as u64), contents.to_vec()].concat()
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

#[test]
fn declared_counts_do_not_decide_the_allocation() {
    let started = Instant::now();
    for id in 0..=14 {
        for count in [1_000, 100_000, 1_000_000, u64::from(u32::MAX)] {
            let contents = [leb(count), vec![0; 40]].concat();
            let bytes = module(&[section(id, &contents)]);
            assert!(Module::from_binary(&bytes, &features()).is_err() || id == 0);
        }
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// A module of one function `() -> ()` with this body.
fn function(body: &[u8]) -> Vec<u8> {
    let code = [vec![1], leb(body.len() as u64), body.to_vec()].concat();
    module(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &code)])
}

#[test]
fn locals_without_end() {
    let with_locals =
        |count: u64| function(&[vec![1], leb(count), vec![0x7f], vec![0x0b]].concat());
    Module::from_binary(&with_locals(50_000), &features()).unwrap();
    for count in [50_001, 100_000, u64::from(u32::MAX)] {
        let error = Module::from_binary(&with_locals(count), &features()).unwrap_err();
        assert!(error.message().contains("local"), "{error}");
    }
    let twice_the_most = function(
        &[
            vec![2],
            leb(u64::from(u32::MAX)),
            vec![0x7f],
            leb(u64::from(u32::MAX)),
            vec![0x7f, 0x0b],
        ]
        .concat(),
    );
    assert!(Module::from_binary(&twice_the_most, &features()).is_err());
}

#[test]
fn limits_beyond_reason() {
    for (fields, valid) in [
        ("(memory 65536)", true),
        ("(memory 65537)", false),
        ("(memory 0 65537)", false),
        ("(memory i64 0x1000000000000)", true),
        ("(memory i64 0x1000000000001)", false),
        ("(memory i64 0 0xffffffffffffffff)", false),
        ("(memory 0xffffffff (pagesize 1))", true),
        ("(memory i64 0xffffffffffffffff (pagesize 1))", true),
        ("(table 0xffffffff funcref)", true),
        ("(table 1 0xffffffff funcref)", true),
    ] {
        let result = Module::new(format!("(module {fields})").as_bytes(), &features());
        assert_eq!(result.is_ok(), valid, "{fields}: {result:?}");
    }
}

#[test]
fn blocks_nested_a_million_deep() {
    let depth = 1_000_000;
    let mut body = vec![0];
    body.extend(std::iter::repeat_n([0x02, 0x40], depth).flatten());
    body.extend(std::iter::repeat_n(0x0b, depth + 1));
    Module::from_binary(&function(&body), &features()).unwrap();
}

#[test]
fn parentheses_nested_a_million_deep() {
    let depth = 1_000_000;
    for (open, close) in [
        ("(", ")"),
        ("(;", ";)"),
        ("(module ", ")"),
        ("(func (block ", "))"),
        ("(@a ", ")"),
        ("(module (func ", "))"),
    ] {
        for text in [
            format!("{}{}", open.repeat(depth), close.repeat(depth)),
            format!("(module {}{})", open.repeat(depth), close.repeat(depth)),
            format!("(module (func {}{}))", open.repeat(depth), close.repeat(depth)),
            open.repeat(depth),
        ] {
            // A comment is skipped however deep; the rest is refused.
            drop(Module::new(text.as_bytes(), &features()));
        }
    }
}

#[test]
fn folded_instructions_nested_deep() {
    let depth = 20_000;
    let text = format!(
        "(module (func (result i32) {}(i32.const 0){}))",
        "(i32.eqz ".repeat(depth),
        ")".repeat(depth)
    );
    drop(Module::new(text.as_bytes(), &features()));
}

#[test]
fn mutated_texts_are_answered() {
    let started = Instant::now();
    let mut random = Random(0xfeed_f00d_dead_beef);
    for round in 0..2_000 {
        let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        if let Err(error) = Module::new(&bytes, &features()) {
            assert!(!error.to_string().is_empty());
        }
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}
