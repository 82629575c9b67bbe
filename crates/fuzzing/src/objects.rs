//! Programs on structures, arrays and references, in the text format: deep trees of subtypes, packed
//! fields, vectors, casts of every kind, conversions to and from `externref`, operations on ranges of
//! arrays, and garbage.
//!
//! What has to do with a reference is guarded by `ref.test` most of the time, so that programs get far.
//! Everything ends soon, because a global counts down.

use std::fmt::Write as _;

use crate::numbers::Numbers;
use crate::oracle::{Case, FUEL, compare_objects};

/// The bytes that choose the arguments of calls.
const ARGUMENT_BYTES: usize = 32;

/// How many functions there are. Each can call those after it.
const FUNCTIONS: usize = 4;

/// How many expressions and statements a function has; beyond there are only leaves.
const BUDGET: usize = 90;

/// Compares the program that some bytes choose in Wasmtime and Lineal.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let (arguments, bytes) = bytes.split_at(bytes.len().min(ARGUMENT_BYTES));
    let text = module(&mut Numbers::new(bytes));
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    compare_objects(&Case { wasm: &wasm, arguments, fuel: 100 * FUEL, nans_are_canonical: true })
}

/// How a field or an element is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Storage {
    I8,
    I16,
    I32,
    I64,
    F64,
    V128,
    Ref,
}

impl Storage {
    const ALL: [Storage; 7] = [
        Storage::I8,
        Storage::I16,
        Storage::I32,
        Storage::I64,
        Storage::F64,
        Storage::V128,
        Storage::Ref,
    ];

    fn name(self) -> &'static str {
        match self {
            Storage::I8 => "i8",
            Storage::I16 => "i16",
            Storage::I32 => "i32",
            Storage::I64 => "i64",
            Storage::F64 => "f64",
            Storage::V128 => "v128",
            Storage::Ref => "anyref",
        }
    }

    /// The end of the name of an operation that reads it.
    fn getter(self, numbers: &mut Numbers<'_>) -> &'static str {
        match self {
            Storage::I8 | Storage::I16 => numbers.pick(&["get_u", "get_s"]),
            _ => "get",
        }
    }

    /// An `i64` that an expression with a value of it gives.
    fn to_i64(self, value: &str) -> String {
        match self {
            Storage::I8 | Storage::I16 | Storage::I32 => format!("(i64.extend_i32_s {value})"),
            Storage::I64 => value.to_owned(),
            Storage::F64 => format!("(i64.trunc_sat_f64_s {value})"),
            Storage::V128 => {
                format!("(i64x2.extract_lane 1 (i32x4.add {value} (v128.const i32x4 1 2 3 4)))")
            }
            Storage::Ref => format!("(i64.extend_i32_u (ref.test (ref i31) {value}))"),
        }
    }
}

/// A type of structures: its supertype, and how all fields are stored.
struct Struct {
    parent: Option<usize>,
    fields: Vec<Storage>,
}

struct Writer<'a, 'b> {
    numbers: &'a mut Numbers<'b>,
    structs: &'a [Struct],
    /// The number of the function.
    index: usize,
    budget: usize,
    labels: usize,
}

/// What may be cast to, besides structures and arrays of the module's.
const ABSTRACT: [&str; 6] = ["any", "eq", "i31", "struct", "array", "none"];

fn module(numbers: &mut Numbers<'_>) -> String {
    let count = 3 + numbers.below(14);
    let mut structs = vec![Struct { parent: None, fields: vec![Storage::I32] }];
    for index in 1..count {
        // Most of them are one long line of descent.
        let parent = if numbers.once_in(4) { numbers.below(index) } else { index - 1 };
        let mut fields = structs[parent].fields.clone();
        for _ in 0..numbers.pick(&[0, 1, 1, 2]) {
            fields.push(numbers.pick(&Storage::ALL));
        }
        structs.push(Struct { parent: Some(parent), fields });
    }
    let mut text = String::from("(module\n");
    for (index, ty) in structs.iter().enumerate() {
        let parent = ty.parent.map_or(String::new(), |parent| format!("$s{parent} "));
        write!(text, "(type $s{index} (sub {parent}(struct").expect("a string");
        for field in &ty.fields {
            write!(text, " (field (mut {}))", field.name()).expect("a string");
        }
        text.push_str(")))\n");
    }
    for storage in Storage::ALL {
        let name = storage.name();
        writeln!(text, "(type $a_{name} (sub (array (mut {name}))))").expect("a string");
        writeln!(text, "(type $b_{name} (sub $a_{name} (array (mut {name}))))").expect("a string");
    }
    text.push_str(
        "(type $f0 (sub (func (param i64) (result i64))))
(type $f1 (sub $f0 (func (param i64) (result i64))))
(type $f2 (sub final $f1 (func (param i64) (result i64))))
(func $none (type $f0) (i64.const 3))
(func $one (type $f1) (i64.add (local.get 0) (i64.const 1)))
(func $two (type $f2) (i64.mul (local.get 0) (i64.const 2)))
(table $funcs funcref (elem $none $one $two))
(memory (export \"memory\") 1 1)
(data $bytes \"some bytes that arrays are made of: \\00\\01\\02\\80\\81\\fe\\ff, and a few more of them\")
(elem $refs anyref (item (ref.i31 (i32.const 5))) (item (ref.null any))
    (item (struct.new_default $s0)) (item (struct.new_default $s1)) (item (struct.new_default $s2))
    (item (array.new_default $a_i8 (i32.const 3))) (item (ref.i31 (i32.const -1))))
(global $h (export \"h\") (mut i64) (i64.const 1))
(global $fuel (export \"fuel\") (mut i32) (i32.const 0))
(global $g0 (export \"g0\") (mut anyref) (struct.new_default $s2))
(global $g1 (export \"g1\") (mut anyref) (array.new_default $b_v128 (i32.const 5)))
(global $g2 (export \"g2\") (mut anyref) (ref.i31 (i32.const 77)))
(global $e (export \"e\") (mut externref) (ref.null extern))
(func $mix (param i64)
    (global.set $h (i64.add (i64.rotl (global.get $h) (i64.const 7)) (local.get 0))))
(func $spend (result i32)
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (i32.gt_s (global.get $fuel) (i32.const 0)))\n",
    );
    for index in 0..FUNCTIONS {
        text.push_str(&function(numbers, &structs, index));
    }
    text.push(')');
    text
}

/// A function, and another that can be called from outside.
fn function(numbers: &mut Numbers<'_>, structs: &[Struct], index: usize) -> String {
    let mut text = format!(
        "(func $f{index} (param $i i32) (param $j i64) (param $a anyref) (result anyref)
    (local $b anyref) (local $c anyref) (local $s (ref null $s0)) (local $x externref)
    (if (i32.eqz (call $spend)) (then (return (local.get $a))))\n"
    );
    let mut writer = Writer { numbers, structs, index, budget: BUDGET, labels: 0 };
    for _ in 0..4 + writer.numbers.below(8) {
        let statement = writer.statement();
        writeln!(text, "    {statement}").expect("a string");
    }
    let result = writer.any();
    write!(
        text,
        "    {result})
(func (export \"f{index}\") (param $i i32) (param $j i64) (result i64) (local $r anyref)
    (local.set $r (call $f{index} (local.get $i) (local.get $j) (global.get $g0)))
    (global.set $g1 (local.get $r))
    (i64.add (global.get $h)
        (i64.extend_i32_u (ref.test (ref $s{}) (local.get $r)))))\n",
        structs.len() - 1
    )
    .expect("a string");
    text
}

impl Writer<'_, '_> {
    /// Whether there may be more than a leaf.
    fn spends(&mut self) -> bool {
        let may = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        may
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("$l{}", self.labels)
    }

    fn place(&mut self) -> &'static str {
        self.numbers.pick(&[
            "local.get $a",
            "local.get $b",
            "local.get $c",
            "global.get $g0",
            "global.get $g1",
            "global.get $g2",
        ])
    }

    fn a_struct(&mut self) -> usize {
        // The deepest are the most interesting.
        let count = self.structs.len();
        if self.numbers.once_in(2) {
            count - 1 - self.numbers.below(count.min(3))
        } else {
            self.numbers.below(count)
        }
    }

    fn an_array(&mut self) -> (Storage, String) {
        let storage = self.numbers.pick(&Storage::ALL);
        let letter = self.numbers.pick(&["a", "b"]);
        (storage, format!("${letter}_{}", storage.name()))
    }

    /// The name of a type in the hierarchy of `any`.
    fn heap_type(&mut self) -> String {
        match self.numbers.below(6) {
            0 => self.numbers.pick(&ABSTRACT).to_owned(),
            1 | 2 => self.an_array().1,
            _ => format!("$s{}", self.a_struct()),
        }
    }

    fn i32(&mut self) -> String {
        if !self.spends() {
            return self.numbers.pick(&["(i32.const 3)", "(local.get $i)"]).to_owned();
        }
        match self.numbers.below(9) {
            0 => format!(
                "(i32.const {})",
                self.numbers.pick(&[0, 1, -1, 7, 127, 128, 255, 32768, 65535, i32::MIN])
            ),
            1 => "(local.get $i)".to_owned(),
            2 => format!("(i32.wrap_i64 {})", self.i64()),
            3 => {
                let (null, ty) = (self.numbers.pick(&["", "null "]), self.heap_type());
                format!("(ref.test (ref {null}{ty}) {})", self.any())
            }
            4 => format!("(ref.is_null {})", self.any()),
            5 => self.equal(),
            6 => {
                let (func, ty) = (
                    self.numbers.below(4),
                    self.numbers.pick(&["$f0", "$f1", "$f2", "func", "nofunc"]),
                );
                let null = self.numbers.pick(&["", "null "]);
                format!(
                    "(ref.test (ref {null}{ty}) (table.get $funcs (i32.rem_u (i32.const {func}) (i32.const 3))))"
                )
            }
            7 => {
                let get = self.numbers.pick(&["get_u", "get_s"]);
                let place = self.place();
                let other = self.i32();
                format!(
                    "(if (result i32) (ref.test (ref i31) ({place})) (then (i31.{get} (ref.cast i31ref ({place})))) (else {other}))"
                )
            }
            _ => {
                let op = self.numbers.pick(&["add", "xor", "mul", "shr_s"]);
                format!("(i32.{op} {} {})", self.i32(), self.i32())
            }
        }
    }

    /// Whether two references are the same one.
    fn equal(&mut self) -> String {
        let (left, right) = (self.place(), self.place());
        format!(
            "(if (result i32) (i32.and (ref.test eqref ({left})) (ref.test eqref ({right})))
        (then (ref.eq (ref.cast eqref ({left})) (ref.cast eqref ({right})))) (else (i32.const 9)))"
        )
    }

    fn i64(&mut self) -> String {
        if !self.spends() {
            return self
                .numbers
                .pick(&["(local.get $j)", "(i64.const -5)", "(global.get $h)"])
                .to_owned();
        }
        match self.numbers.below(8) {
            0 => format!("(i64.const {})", self.numbers.pick(&[0, 1, -1, 1 << 40, i64::MAX])),
            1 => "(local.get $j)".to_owned(),
            2 => format!("(i64.extend_i32_s {})", self.i32()),
            3 | 4 => self.field(),
            5 | 6 => self.element(),
            _ => {
                let (func, ty) = (self.numbers.below(3), self.numbers.pick(&["$f0", "$f0", "$f1"]));
                format!(
                    "(call_indirect $funcs (type {ty}) {} (i32.const {}))",
                    self.i64(),
                    func.max(usize::from(ty == "$f1"))
                )
            }
        }
    }

    /// A place with a structure, and what guards that: how many fields it has at least.
    fn guarded(&mut self, ty: &str, then: &str, otherwise: &str, result: &str) -> String {
        let place = self.place();
        let then = then.replace("OBJECT", &format!("(ref.cast (ref {ty}) ({place}))"));
        if self.numbers.once_in(24) {
            return then;
        }
        format!("(if {result} (ref.test (ref {ty}) ({place})) (then {then}) (else {otherwise}))")
    }

    /// An `i64` from a field.
    fn field(&mut self) -> String {
        let index = self.a_struct();
        let field = self.numbers.below(self.structs[index].fields.len());
        let storage = self.structs[index].fields[field];
        let get = storage.getter(self.numbers);
        let value = storage.to_i64(&format!("(struct.{get} $s{index} {field} OBJECT)"));
        self.guarded(&format!("$s{index}"), &value, "(local.get $j)", "(result i64)")
    }

    /// An index into `OBJECT`, mostly within it.
    fn array_index(&mut self) -> String {
        let index = self.i32();
        if self.numbers.once_in(30) {
            return index;
        }
        // A length of zero gives an index out of bounds, not a division by zero.
        format!("(i32.rem_u {index} (i32.or (array.len OBJECT) (i32.eqz (array.len OBJECT))))")
    }

    /// An `i64` from an element.
    fn element(&mut self) -> String {
        let (storage, ty) = self.an_array();
        let get = storage.getter(self.numbers);
        let value = if self.numbers.once_in(4) {
            "(i64.extend_i32_u (array.len OBJECT))".to_owned()
        } else {
            storage.to_i64(&format!("(array.{get} {ty} OBJECT {})", self.array_index()))
        };
        self.guarded(&ty, &value, "(i64.const 11)", "(result i64)")
    }

    fn value(&mut self, storage: Storage) -> String {
        match storage {
            Storage::I8 | Storage::I16 | Storage::I32 => self.i32(),
            Storage::I64 => self.i64(),
            Storage::F64 => format!("(f64.convert_i32_s {})", self.i32()),
            Storage::V128 => {
                format!("(i64x2.replace_lane 1 (i32x4.splat {}) {})", self.i32(), self.i64())
            }
            Storage::Ref => self.any(),
        }
    }

    fn any(&mut self) -> String {
        if !self.spends() {
            return format!("({})", self.place());
        }
        match self.numbers.below(14) {
            0 | 1 => format!("({})", self.place()),
            2 => format!("(ref.null {})", self.numbers.pick(&["any", "none"])),
            3 => format!("(ref.i31 {})", self.i32()),
            4 => format!("(struct.new_default $s{})", self.a_struct()),
            5 | 6 => {
                let index = self.a_struct();
                let fields = self.structs[index].fields.clone();
                let fields: Vec<String> =
                    fields.into_iter().map(|field| self.value(field)).collect();
                format!("(struct.new $s{index} {})", fields.join(" "))
            }
            7..=9 => self.new_array(),
            10 => format!(
                "(any.convert_extern {})",
                self.numbers.pick(&["(global.get $e)", "(local.get $x)"])
            ),
            11 => format!("(select (result anyref) {} {} {})", self.any(), self.any(), self.i32()),
            12 if self.index + 1 < FUNCTIONS => {
                let callee = self.index + 1 + self.numbers.below(FUNCTIONS - self.index - 1);
                format!("(call $f{callee} {} {} {})", self.i32(), self.i64(), self.any())
            }
            _ => {
                let (null, ty) = (self.numbers.pick(&["", "null "]), self.heap_type());
                let place = self.place();
                format!(
                    "(if (result anyref) (ref.test (ref {null}{ty}) ({place})) (then (ref.cast (ref {null}{ty}) ({place}))) (else {}))",
                    self.any()
                )
            }
        }
    }

    fn new_array(&mut self) -> String {
        let (storage, ty) = self.an_array();
        let len = self.numbers.pick(&[0, 1, 2, 7, 8, 9, 33, 200]);
        match self.numbers.below(5) {
            0 => format!("(array.new_default {ty} (i32.const {len}))"),
            1 => format!(
                "(array.new {ty} {} (i32.and {} (i32.const 63)))",
                self.value(storage),
                self.i32()
            ),
            2 => {
                let values: Vec<String> =
                    (0..self.numbers.below(6)).map(|_| self.value(storage)).collect();
                format!("(array.new_fixed {ty} {} {})", values.len(), values.join(" "))
            }
            3 if storage == Storage::Ref => {
                let (offset, count) = (self.numbers.below(4), self.numbers.below(5));
                format!("(array.new_elem {ty} $refs (i32.const {offset}) (i32.const {count}))")
            }
            3 => {
                let (offset, count) = (self.numbers.below(20), self.numbers.below(5));
                format!("(array.new_data {ty} $bytes (i32.const {offset}) (i32.const {count}))")
            }
            _ => format!("(array.new {ty} {} (i32.const {len}))", self.value(storage)),
        }
    }

    fn statement(&mut self) -> String {
        if !self.spends() {
            return "(call $mix (local.get $j))".to_owned();
        }
        match self.numbers.below(15) {
            0 | 1 => format!("(call $mix {})", self.i64()),
            2 => format!("(local.set {} {})", self.numbers.pick(&["$a", "$b", "$c"]), self.any()),
            3 => {
                format!("(global.set {} {})", self.numbers.pick(&["$g0", "$g1", "$g2"]), self.any())
            }
            4 => format!(
                "({} (extern.convert_any {}))",
                self.numbers.pick(&["global.set $e", "local.set $x"]),
                self.any()
            ),
            5 | 6 => self.set_field(),
            7 | 8 => self.set_elements(),
            9..=11 => self.branch_on_cast(),
            12 => {
                // The narrower local.
                let index = self.a_struct();
                let then = "(local.set $s OBJECT)".to_owned();
                let set = self.guarded(&format!("$s{index}"), &then, "", "");
                format!(
                    "{set} (if (i32.eqz (ref.is_null (local.get $s))) (then (call $mix (i64.extend_i32_s (struct.get $s0 0 (local.get $s))))))"
                )
            }
            13 => self.garbage(),
            _ => {
                let (label, body) = (self.label(), self.statement());
                let condition = self.i32();
                format!(
                    "(loop {label} {body} (br_if {label} (i32.and (call $spend) (i32.and {condition} (i32.const 1)))))"
                )
            }
        }
    }

    fn set_field(&mut self) -> String {
        let index = self.a_struct();
        let field = self.numbers.below(self.structs[index].fields.len());
        let value = self.value(self.structs[index].fields[field]);
        let set = format!("(struct.set $s{index} {field} OBJECT {value})");
        self.guarded(&format!("$s{index}"), &set, "", "")
    }

    /// Changes one element or a range of them. Ranges go out of bounds now and then, which traps.
    fn set_elements(&mut self) -> String {
        let (storage, ty) = self.an_array();
        let index = self.array_index();
        let count = self.numbers.pick(&[0, 1, 1, 2, 3, 8]);
        // What the array has from the index on, if that is less.
        let rest = format!("(i32.sub (array.len OBJECT) {index})");
        let count = if self.numbers.once_in(12) {
            format!("(i32.const {count})")
        } else {
            format!("(select (i32.const {count}) {rest} (i32.lt_u (i32.const {count}) {rest}))")
        };
        let set = match self.numbers.below(6) {
            0 | 1 => format!("(array.set {ty} OBJECT {index} {})", self.value(storage)),
            2 => format!("(array.fill {ty} OBJECT {index} {} {count})", self.value(storage)),
            3 => {
                let from = self.place();
                let other = format!("(ref.cast (ref {ty}) ({from}))");
                let copy = format!(
                    "(array.copy {ty} {ty} OBJECT {index} {other} (i32.const {}) {count})",
                    self.numbers.below(3)
                );
                let fits =
                    format!("(i32.le_u (i32.add (i32.const 3) {count}) (array.len {other}))");
                format!("(if (ref.test (ref {ty}) ({from})) (then (if {fits} (then {copy}))))")
            }
            _ if storage == Storage::Ref => {
                format!(
                    "(array.init_elem {ty} $refs OBJECT {index} (i32.const {}) {count})",
                    self.numbers.below(2)
                )
            }
            4 => format!(
                "(array.init_data {ty} $bytes OBJECT {index} (i32.const {}) {count})",
                self.numbers.below(9)
            ),
            _ => {
                // Within itself, with overlap.
                let to = self.numbers.below(2);
                let moved = format!(
                    "(array.copy {ty} {ty} OBJECT (i32.const {to}) OBJECT (i32.const {}) (i32.const 3))",
                    1 - to
                );
                format!("(if (i32.ge_u (array.len OBJECT) (i32.const 4)) (then {moved}))")
            }
        };
        self.guarded(&ty, &set, "", "")
    }

    /// `br_on_cast`, `br_on_cast_fail`, `br_on_null` and `br_on_non_null`.
    fn branch_on_cast(&mut self) -> String {
        let (out, cast) = (self.label(), self.label());
        let (null, ty) = (self.numbers.pick(&["", "null "]), self.heap_type());
        let (value, mixed) = (self.any(), self.i64());
        match self.numbers.below(4) {
            0 | 1 => format!(
                "(block {out} (local.set $b (block {cast} (result (ref {null}{ty}))
        (drop (br_on_cast {cast} anyref (ref {null}{ty}) {value}))
        (call $mix {mixed}) (br {out}))))"
            ),
            2 => format!(
                "(block {out} (local.set $c (block {cast} (result anyref)
        (local.set $b (br_on_cast_fail {cast} anyref (ref {null}{ty}) {value}))
        (call $mix {mixed}) (br {out}))))"
            ),
            _ => format!(
                "(block {out} (local.set $c (block {cast} (result (ref any))
        (br_on_non_null {cast} {value})
        (local.set $b (br_on_null {out} (local.get $a)))
        (call $mix {mixed}) (br {out}))))"
            ),
        }
    }

    /// More objects than are collected at a time, of which one stays.
    fn garbage(&mut self) -> String {
        let label = self.label();
        let large = self.numbers.once_in(2);
        let make = if large {
            "(array.new_default $a_i64 (i32.const 6000))".to_owned()
        } else {
            self.new_array()
        };
        format!("(loop {label} (local.set $c {make}) (br_if {label} (call $spend)))")
    }
}
