//! Programs shaped like what compilers make of C: large functions with many locals, which keep
//! variables on a stack of their own in memory, call each other by name and through a table, run
//! over arrays, and switch.

use std::fmt::Write as _;

use super::FUEL_GLOBAL;
use crate::numbers::Numbers;

/// The types of functions: parameters and result. The first parameter's is the result's.
const SIGNATURES: [(&str, &str); 3] = [("i32", "i32"), ("i64", "i32"), ("f64", "i64")];

/// How many functions there are of each type.
const COUNT: usize = 3;

/// How many locals a function has of each type, besides the frame's address and counters.
const LOCALS: usize = 12;

/// How deep loops, branches and switches are nested.
const DEPTH: usize = 3;

/// The end of the stack, and the least that is left of it when a function begins.
const STACK: [u32; 2] = [65_536, 16_384];

/// The module that some bytes choose.
pub(crate) fn module(bytes: &[u8]) -> Vec<u8> {
    let mut numbers = Numbers::new(bytes);
    let [top, least] = STACK;
    let mut text = format!(
        "(module (memory (export \"memory\") 2 2)
(data (i32.const 1024) \"some constant data of the program, with a \\00 and a \\ff\")
(global $sp (export \"sp\") (mut i32) (i32.const {top}))
(global $fuel (export \"{FUEL_GLOBAL}\") (mut i32) (i32.const 0))\n"
    );
    for (number, (ty, other)) in SIGNATURES.iter().enumerate() {
        let _ = writeln!(text, "(type $t{number} (func (param {ty} {other}) (result {ty})))");
    }
    let names = (0..SIGNATURES.len()).flat_map(|ty| (0..COUNT).map(move |at| (ty, at)));
    let list: String = names.clone().map(|(ty, at)| format!(" $f{ty}_{at}")).collect();
    let _ = writeln!(text, "(table $table {} funcref)", SIGNATURES.len() * COUNT);
    let _ = writeln!(text, "(elem (i32.const 0){list})");
    for (ty, at) in names {
        let frame = 16 * (2 + numbers.below(14));
        let (first, second) = SIGNATURES[ty];
        let mut writer = Writer { numbers: &mut numbers, frame, labels: 0 };
        let body = writer.statements(DEPTH, 24);
        let _ = write!(
            text,
            "(func $f{ty}_{at} (export \"f{ty}_{at}\") (type $t{ty}) (local $fp i32){counters}{locals}
  (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
  (if (i32.lt_s (global.get $fuel) (i32.const 0)) (then (return (local.get 0))))
  (if (i32.lt_u (global.get $sp) (i32.const {least})) (then (global.set $sp (i32.const {top}))))
  (local.set $fp (i32.sub (global.get $sp) (i32.const {frame})))
  (global.set $sp (local.get $fp))
  (local.set ${first}_0 (local.get 0)) (local.set ${second}_1 (local.get 1))
  (block $exit
{body})
  (global.set $sp (i32.add (local.get $fp) (i32.const {frame})))
  (local.get ${first}_0))\n",
            counters = (0..=DEPTH).map(|at| format!(" (local $c{at} i32)")).collect::<String>(),
            locals = ["i32", "i64", "f64"]
                .map(|ty| (0..LOCALS).map(|at| format!(" (local ${ty}_{at} {ty})")).collect::<String>())
                .concat(),
        );
    }
    text.push(')');
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// One function while it is written.
struct Writer<'a, 'b> {
    numbers: &'a mut Numbers<'b>,
    /// How many bytes of the stack it has.
    frame: usize,
    /// How many labels it has.
    labels: usize,
}

impl Writer<'_, '_> {
    fn local(&mut self, ty: &str) -> String {
        format!("${ty}_{}", self.numbers.below(LOCALS))
    }

    fn get(&mut self, ty: &str) -> String {
        format!("(local.get {})", self.local(ty))
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("$l{}", self.labels)
    }

    /// Where a variable of so many bytes is in the frame.
    fn slot(&mut self, bytes: usize) -> usize {
        self.numbers.below(self.frame / bytes) * bytes
    }

    /// The address of an element of an array: on the stack, or static.
    fn element(&mut self, shift: u32) -> String {
        let index = self.get("i32");
        let base = match self.numbers.once_in(2) {
            true => format!("(i32.const {})", 1024 + 64 * self.numbers.below(4)),
            false => "(local.get $fp)".to_owned(),
        };
        format!("(i32.add {base} (i32.shl (i32.and {index} (i32.const 7)) (i32.const {shift})))")
    }

    /// A value of a type.
    fn value(&mut self, ty: &str) -> String {
        let (a, b) = (self.get(ty), self.get(ty));
        let number = self.numbers.pick(&[0i64, 1, 4, -1, 31, 255, 65_537, 1 << 31]);
        let (narrow, wide) = (self.get("i32"), self.get("i64"));
        let slot = self.slot(8);
        let pick = self.numbers.below(8);
        match (ty, pick) {
            (_, 0) => a,
            ("f64", 1) => format!("(f64.convert_i32_s {narrow})"),
            ("f64", 2) => format!("(f64.convert_i64_u {wide})"),
            ("f64", 3) => format!("(f64.const {number})"),
            ("f64", pick) => {
                let op = ["add", "sub", "mul", "max"][pick % 4];
                format!("(f64.{op} {a} {b})")
            }
            ("i32", 1) => format!("(i32.wrap_i64 {wide})"),
            ("i64", 1) => format!("(i64.extend_i32_{} {narrow})", ["s", "u"][slot / 8 % 2]),
            ("i64", 2) => format!("(i64.trunc_sat_f64_s {})", self.get("f64")),
            (_, 3) => {
                let load =
                    self.numbers.pick(&["load", "load8_u", "load8_s", "load16_u", "load16_s"]);
                format!("({ty}.{load} offset={slot} (local.get $fp))")
            }
            (_, 4) => format!("({ty}.load {})", self.element(if ty == "i32" { 2 } else { 3 })),
            (_, 5) => {
                let number = if ty == "i32" { i64::from(number as i32) } else { number };
                let op = self.numbers.pick(&["add", "and", "shl", "shr_u", "mul", "xor"]);
                format!("({ty}.{op} {a} ({ty}.const {number}))")
            }
            _ => {
                let op = self.numbers.pick(&["add", "sub", "mul", "or", "xor", "rotl", "shr_s"]);
                format!("({ty}.{op} {a} {b})")
            }
        }
    }

    fn condition(&mut self) -> String {
        let ty = self.numbers.pick(&["i32", "i32", "i64"]);
        let (left, right) = (self.value(ty), self.get(ty));
        let op = self.numbers.pick(&["lt_s", "lt_u", "eq", "ne", "ge_s", "gt_u"]);
        match self.numbers.below(4) {
            0 => format!("({ty}.eqz {left})"),
            _ => format!("({ty}.{op} {left} {right})"),
        }
    }

    /// Statements one after the other, about so many.
    fn statements(&mut self, depth: usize, most: usize) -> String {
        let count = 1 + self.numbers.below(most);
        (0..count).map(|_| format!("  {}\n", self.statement(depth))).collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        let ty = self.numbers.pick(&["i32", "i32", "i64", "f64"]);
        let nested = |writer: &mut Self| writer.statements(depth - 1, 6);
        match self.numbers.below(14) {
            0 | 1 => {
                // NaNs must not be seen, so floats stay out of memory.
                let ty = if ty == "f64" { "i64" } else { ty };
                let slot = self.slot(8);
                let store = self.numbers.pick(&["store", "store", "store8", "store16"]);
                format!("({ty}.{store} offset={slot} (local.get $fp) {})", self.value(ty))
            }
            2 => format!("(i32.store {} {})", self.element(2), self.value("i32")),
            3 => self.call(),
            4 => {
                let [to, from] = [self.slot(16), self.slot(16)];
                format!(
                    "(memory.copy (i32.add (local.get $fp) (i32.const {to}))
    (i32.add (local.get $fp) (i32.const {from})) (i32.const 16))"
                )
            }
            5 => format!("(br_if $exit {})", self.condition()),
            6 | 7 if depth > 0 => {
                let (label, counter, rounds) = (self.label(), depth, 1 + self.numbers.below(9));
                format!(
                    "(local.set $c{counter} (i32.const {rounds}))
  (loop {label}
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (br_if $exit (i32.lt_s (global.get $fuel) (i32.const 0)))
{}    (br_if {label} (local.tee $c{counter} (i32.sub (local.get $c{counter}) (i32.const 1)))))",
                    nested(self)
                )
            }
            8 if depth > 0 => {
                let (condition, then) = (self.condition(), nested(self));
                match self.numbers.once_in(2) {
                    true => format!("(if {condition} (then\n{then}))"),
                    false => format!("(if {condition} (then\n{then}) (else\n{}))", nested(self)),
                }
            }
            9 if depth > 0 => {
                let [a, b, c] = [self.label(), self.label(), self.label()];
                let index = self.get("i32");
                format!(
                    "(block {a} (block {b} (block {c}
    (br_table {a} {b} {c} {b} (i32.and {index} (i32.const 3))))
{} (br {a}))
{})",
                    nested(self),
                    nested(self)
                )
            }
            _ => format!("(local.set {} {})", self.local(ty), self.value(ty)),
        }
    }

    /// A call, by name or through the table.
    fn call(&mut self) -> String {
        let ty = self.numbers.below(SIGNATURES.len());
        let (first, second) = SIGNATURES[ty];
        let (to, a, b) = (self.local(first), self.value(first), self.value(second));
        if self.numbers.once_in(2) {
            let at = self.numbers.below(COUNT);
            return format!("(local.set {to} (call $f{ty}_{at} {a} {b}))");
        }
        let index = self.get("i32");
        format!(
            "(local.set {to} (call_indirect $table (type $t{ty}) {a} {b}
    (i32.add (i32.const {}) (i32.rem_u {index} (i32.const {COUNT})))))",
            ty * COUNT
        )
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::Validator;

    use crate::{Target, bytes_of_seed};

    #[test]
    fn all_programs_are_valid() {
        let target = Target::named("translate").expect("a target");
        for seed in 0..200 {
            let wasm = super::module(&bytes_of_seed(&target, seed));
            Validator::new().validate_all(&wasm).unwrap();
        }
    }
}
