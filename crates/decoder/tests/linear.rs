//! Decoding takes time in proportion to the input, whatever the input has many of.
//!
//! What is measured is processor time of the thread, which other programs hardly change, and of several
//! measurements the least.

#![cfg(unix)]

use std::time::Duration;

use lineal_decoder::{Features, Module};
use rustix::time::{ClockId, clock_gettime};

/// A text that has something `n` times.
type Shape = fn(n: usize) -> String;

fn repeated(begin: &str, item: &str, n: usize, end: &str) -> String {
    format!("{begin}{}{end}", item.repeat(n))
}

const SHAPES: [(&str, Shape); 22] = [
    ("types", |n| repeated("(module ", "(type (func (param i32))) ", n, ")")),
    ("types of a group", |n| repeated("(module (rec ", "(type (struct)) ", n, "))")),
    ("a type with many fields", |n| {
        repeated("(module (type (struct ", "(field i32) ", n.min(1_200), ")))")
    }),
    ("subtypes", |n| {
        let types =
            (1..n.min(8_000)).map(|at| format!("(type (sub {} (struct))) ", (at - 1) / 60 * 60));
        format!("(module (type (sub (struct))) {})", types.collect::<String>())
    }),
    ("imports", |n| repeated("(module ", "(import \"a\" \"b\" (func)) ", n, ")")),
    ("exports", |n| {
        let exports = (0..n).map(|at| format!("(export \"e{}\" (func 0)) ", at * 7919 % n));
        format!("(module (func) {})", exports.collect::<String>())
    }),
    ("functions", |n| repeated("(module ", "(func) ", n, ")")),
    ("names", |n| {
        (0..n).fold("(module ".to_owned(), |text, at| text + &format!("(func $f{at}) ")) + ")"
    }),
    ("globals", |n| repeated("(module ", "(global i32 (i32.const 1)) ", n, ")")),
    ("tags", |n| repeated("(module ", "(tag) ", n, ")")),
    ("data segments", |n| repeated("(module (memory 1) ", "(data \"a\") ", n, ")")),
    ("element segments", |n| repeated("(module (func) ", "(elem func 0) ", n, ")")),
    ("elements", |n| repeated("(module (func) (elem func ", "0 ", n, "))")),
    ("element expressions", |n| repeated("(module (elem funcref ", "(ref.null func) ", n, "))")),
    ("a long constant expression", |n| {
        let (begin, item) = ("(module (global i32 i32.const 1 ", "i32.const 1 i32.add ");
        repeated(begin, item, n, "))")
    }),
    ("custom sections", |n| repeated("(module ", "(@custom \"a\" \"b\") ", n, ")")),
    ("locals in groups", |n| repeated("(module (func (local ", "i32 i64 ", n.min(20_000), ")))")),
    ("nested blocks", |n| format!("(module (func {}{}))", "block ".repeat(n), "end ".repeat(n))),
    ("nested ifs with results", |n| {
        let (begin, end) = ("i32.const 1 if (result i32) ", "else i32.const 2 end ");
        format!("(module (func (result i32) {}i32.const 3 {}))", begin.repeat(n), end.repeat(n))
    }),
    ("nested expressions", |n| {
        let (begin, end) = ("(i32.add (i32.const 1) ".repeat(n), ")".repeat(n));
        format!("(module (func (result i32) {begin}(i32.const 2){end}))")
    }),
    ("branch tables", |n| {
        let item = "block i32.const 1 br_table 0 0 0 0 end ";
        repeated("(module (func ", item, n, "))")
    }),
    ("a deep stack", |n| {
        let (push, drop) = ("i32.const 1 ".repeat(n), "drop ".repeat(n));
        format!("(module (func {push}{drop}))")
    }),
];

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The least time that decoding took, and looking for what has names.
fn time(input: &[u8], rounds: usize) -> Duration {
    let once = |_| {
        let begin = processor_time();
        let module = Module::new(input, &Features::default());
        // A limit of the validator may be exceeded, and finding that out takes time too.
        if let Ok(module) = &module {
            let _ = (module.export("e1"), module.names().func(1), module.func_at(input.len() / 2));
        }
        processor_time() - begin
    };
    (0..rounds).map(once).min().expect("there are rounds")
}

#[test]
fn decoding_takes_linear_time() {
    const N: usize = 2_000;
    const TIMES: usize = 16;
    let mut slow = Vec::new();
    for (name, shape) in SHAPES {
        let inputs = [shape(N), shape(N * TIMES)];
        let [few, many] = inputs.each_ref().map(|text| text.as_bytes());
        let binaries = [few, many].map(|text| lineal_decoder::to_binary(text).expect("text"));
        let sizes = [[few, many], binaries.each_ref().map(|binary| &**binary)];
        for (format, [few, many]) in ["text", "binary"].iter().zip(sizes) {
            // Quadratic work would take as many times as long for each byte.
            let growth = many.len() as f64 / few.len() as f64;
            let ratio = || time(many, 3).as_secs_f64() / time(few, 5).as_secs_f64();
            let ratio = (0..3).map(|_| ratio()).fold(f64::INFINITY, f64::min);
            if ratio > growth * 3.0 {
                slow.push(format!("{name} as {format}: {ratio:.0} times for {growth:.0} times"));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
