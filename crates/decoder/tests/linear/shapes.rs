//! Modules that have one thing many times.

/// A text that has something `n` times.
pub(crate) type Shape = fn(n: usize) -> String;

fn repeated(begin: &str, item: &str, n: usize, end: &str) -> String {
    format!("{begin}{}{end}", item.repeat(n))
}

pub(crate) const SHAPES: [(&str, Shape); 22] = [
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
