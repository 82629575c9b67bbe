//! Threads that run the same function on a shared memory, whose outcome does not depend on who is
//! first.
//!
//! Both threads change shared cells by atomic operations that commute, and counters under a lock that
//! waits and notifies. All else they do in a range of their own. So the memory ends the same when one
//! runs after the other, as it does in Wasmtime, and when both run at once.

use std::fmt::Write as _;
use std::thread;

use lineal::Optimizations;

use crate::numbers::Numbers;
use crate::show_on_failure;

/// How many threads there are.
const THREADS: i32 = 2;

/// How large the memory is at the start, and how far it can grow, in pages.
const PAGES: u64 = 1;
const MAX_PAGES: u64 = 12;

/// Where the lock, the counters that it protects, the shared cells and the threads' own ranges are.
const LOCK: usize = 64;
const COUNTERS: usize = 128;
const CELLS: usize = 1024;
const OWN: usize = 8192;
const OWN_BYTES: usize = 2048;
const END: usize = OWN + OWN_BYTES * THREADS as usize;

/// The memory after all threads have run, in the engine of a crate.
macro_rules! run {
    ($engine_crate:ident, $engine:expr, $wasm:expr, $at_once:expr) => {{
        use $engine_crate::{Linker, MemoryTypeBuilder, Module, SharedMemory, Store};

        let module = Module::new($engine, $wasm).expect("a valid module");
        let ty = MemoryTypeBuilder::new().min(PAGES).max(Some(MAX_PAGES)).shared(true).build();
        let ty = ty.expect("a valid type");
        let memory = SharedMemory::new($engine, ty).expect("a small memory");
        let instantiate = || {
            let mut store = Store::new($engine, ());
            // An error only says that none is consumed.
            let _ = store.set_fuel(u64::MAX);
            store.set_epoch_deadline(1);
            let mut linker = Linker::new($engine);
            linker.define(&store, "", "memory", memory.clone()).expect("defined once");
            let instance = linker.instantiate(&mut store, &module).expect("all is imported");
            (store, instance)
        };
        let one = |number: i32| {
            let (mut store, instance) = instantiate();
            let run = instance.get_typed_func::<i32, ()>(&mut store, "run").expect("exported");
            run.call(&mut store, number).expect("it does not trap");
        };
        let (mut store, instance) = instantiate();
        let begin = instance.get_typed_func::<(), ()>(&mut store, "begin").expect("exported");
        begin.call(&mut store, ()).expect("in bounds");
        if $at_once {
            let one = &one;
            thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..THREADS).map(|number| scope.spawn(move || one(number))).collect();
                threads.into_iter().for_each(|thread| thread.join().expect("it does not trap"));
            });
        } else {
            (0..THREADS).for_each(one);
        }
        let word = instance.get_typed_func::<i32, i64>(&mut store, "word").expect("exported");
        let last = memory.size() as i64;
        (0..END as i32)
            .step_by(8)
            .map(|addr| word.call(&mut store, addr).expect("in bounds"))
            .chain([last])
            .collect::<Vec<i64>>()
    }};
}

pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let mut numbers = Numbers::new(bytes);
    let (metered, plain) = (numbers.once_in(2), numbers.once_in(3));
    let wasm = module(&mut numbers);
    show_on_failure(&wasm);
    let mut config = wasmtime::Config::new();
    config
        .wasm_threads(true)
        .shared_memory(true)
        .cranelift_opt_level(wasmtime::OptLevel::None)
        .signals_based_traps(false)
        .memory_reservation(4 << 20)
        .memory_guard_size(0);
    let engine = wasmtime::Engine::new(&config).expect("valid options");
    let expected = run!(wasmtime, &engine, &wasm, false);
    let mut config = lineal::Config::new();
    config.consume_fuel(metered).epoch_interruption(metered).optimizations(if plain {
        Optimizations::NONE
    } else {
        Optimizations::ALL
    });
    let engine = lineal::Engine::new(&config).expect("valid options");
    for at_once in [false, true, true] {
        compare(at_once, &expected, &run!(lineal, &engine, &wasm, at_once))?;
    }
    Ok(())
}

/// Compares words of memory, the last of which is its size.
fn compare(at_once: bool, expected: &[i64], found: &[i64]) -> Result<(), String> {
    let how = if at_once { "threads at once" } else { "one thread after the other" };
    match expected.iter().zip(found).position(|(expected, found)| expected != found) {
        Some(at) => Err(format!(
            "{how}: the word at {:#x} of {END:#x} is {:#x}, not {:#x}",
            8 * at,
            found[at],
            expected[at]
        )),
        None => Ok(()),
    }
}

/// The module that some bytes choose. Its function's parameter is the number of the thread.
fn module(numbers: &mut Numbers<'_>) -> Vec<u8> {
    let mut body = String::new();
    for _ in 0..1 + numbers.below(6) {
        let rounds = 1 + numbers.below(60);
        let statements: String = (0..1 + numbers.below(8))
            .map(|_| statement(numbers))
            .collect::<Vec<_>>()
            .join("\n    ");
        let _ = writeln!(
            body,
            "  (local.set $i (i32.const {rounds}))
  (loop $round
    {statements}
    (br_if $round (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
        );
        if numbers.once_in(4) {
            body += "  (drop (memory.grow (i32.const 1)))\n";
        }
    }
    let text = format!(
        "(module (import \"\" \"memory\" (memory {PAGES} {MAX_PAGES} shared))
(func (export \"begin\") (memory.fill (i32.const {}) (i32.const 255) (i32.const 512)))
(func (export \"word\") (param i32) (result i64) (i64.load (local.get 0)))
(func (export \"run\") (param $number i32) (local $i i32) (local $own i32) (local $old i64)
  (local.set $own (i32.add (i32.const {OWN}) (i32.mul (local.get $number) (i32.const {OWN_BYTES}))))
{body}))",
        CELLS + 512 * 3
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A number that depends on the thread and the round.
fn value(numbers: &mut Numbers<'_>, ty: &str) -> String {
    let factor = numbers.pick(&[1_i64, 3, 255, 65_537, 0x1234_5678, -7]);
    let value = format!(
        "(i64.add (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const {factor}))
      (i64.extend_i32_u (local.get $number)))"
    );
    if ty == "i32" { format!("(i32.wrap_i64 {value})") } else { value }
}

fn statement(numbers: &mut Numbers<'_>) -> String {
    match numbers.below(8) {
        0..=2 => cell(numbers),
        3 => exchange(numbers),
        4 => locked(numbers),
        _ => own(numbers),
    }
}

/// The width of an operation and its name's end, for a type.
fn width(numbers: &mut Numbers<'_>, ty: &str) -> (usize, &'static str, &'static str) {
    let widths = [(1, "8", "_u"), (2, "16", "_u"), (4, "", ""), (4, "32", "_u"), (8, "", "")];
    match ty {
        "i32" => widths[numbers.below(3)],
        _ => widths[numbers.pick(&[0, 1, 3, 4])],
    }
}

/// An atomic operation on a shared cell. Each cell has operations of one kind, which commute, and of
/// one width.
fn cell(numbers: &mut Numbers<'_>) -> String {
    let ty = numbers.pick(&["i32", "i64"]);
    let (bytes, narrow, sign) = width(numbers, ty);
    let kinds: [&[&str]; 4] = [&["add", "sub"], &["xor"], &["or"], &["and"]];
    let kind = numbers.below(kinds.len());
    let op = numbers.pick(kinds[kind]);
    let addr = CELLS + 512 * kind + 128 * bytes.ilog2() as usize + 8 * numbers.below(4);
    let value = value(numbers, ty);
    format!("(drop ({ty}.atomic.rmw{narrow}.{op}{sign} offset={addr} (i32.const 0) {value}))")
}

/// An addition by `cmpxchg`, to a cell that is added to.
fn exchange(numbers: &mut Numbers<'_>) -> String {
    let (bytes, narrow, sign) = width(numbers, "i64");
    let addr = CELLS + 128 * bytes.ilog2() as usize + 8 * numbers.below(4);
    let value = value(numbers, "i64");
    format!(
        "(loop $again
      (local.set $old (i64.atomic.load{narrow}{sign} offset={addr} (i32.const 0)))
      (br_if $again (i64.ne (local.get $old) (i64.atomic.rmw{narrow}.cmpxchg{sign} offset={addr}
        (i32.const 0) (local.get $old) (i64.add (local.get $old) {value})))))"
    )
}

/// Plain additions under the lock.
fn locked(numbers: &mut Numbers<'_>) -> String {
    let addr = COUNTERS + 8 * numbers.below(8);
    let value = value(numbers, "i64");
    format!(
        "(loop $locked
      (if (i32.atomic.rmw.cmpxchg offset={LOCK} (i32.const 0) (i32.const 0) (i32.const 1)) (then
        (drop (memory.atomic.wait32 offset={LOCK} (i32.const 0) (i32.const 1) (i64.const 1000000)))
        (br $locked))))
    (i64.store offset={addr} (i32.const 0) (i64.add (i64.load offset={addr} (i32.const 0)) {value}))
    (i32.atomic.store offset={LOCK} (i32.const 0) (i32.const 0))
    (drop (memory.atomic.notify offset={LOCK} (i32.const 0) (i32.const 1)))"
    )
}

/// Something in the thread's own range.
fn own(numbers: &mut Numbers<'_>) -> String {
    let offset = 8 * numbers.below(64);
    let at = "(i32.add (local.get $own) (i32.shl (i32.and (local.get $i) (i32.const 63)) (i32.const 3)))";
    let ty = numbers.pick(&["i32", "i64"]);
    let (_, narrow, sign) = width(numbers, ty);
    let value = value(numbers, ty);
    match numbers.below(6) {
        0 => format!("({ty}.atomic.store{narrow} offset={offset} {at} {value})"),
        1 => format!("(drop ({ty}.atomic.rmw{narrow}.xchg{sign} offset={offset} {at} {value}))"),
        2 => format!(
            "(memory.fill {at} (i32.add (local.get $number) (local.get $i)) (i32.const {}))",
            offset + 3
        ),
        3 => format!(
            "(memory.copy (i32.add (local.get $own) (i32.const {offset})) {at} (i32.const {}))",
            numbers.below(500)
        ),
        4 => format!(
            "({ty}.store offset={} {at} ({ty}.add {value} ({ty}.load offset={offset} {at})))",
            offset + 1
        ),
        _ => format!("({ty}.store{narrow} offset={} {at} {value})", offset + 3),
    }
}
