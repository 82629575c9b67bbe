//! A large module, made up: thousands of functions with the shapes that compilers produce.
//!
//! The same number of functions always gives the same module. It is written as text, which is
//! easy to read and to change, and assembled.

use std::fmt::Display;

use anyhow::Result;

/// A module with that many functions, of about 300 bytes each; 4,000 make more than 1 MB.
/// Exports `run`, from `i32` to `i64`, which runs two of them.
///
/// # Errors
///
/// If the text does not assemble, which would be a mistake here.
pub fn large_module(functions: u32) -> Result<Vec<u8>> {
    let mut writer = Writer { text: String::new(), random: Random(0x5EED), function: 0, loops: 0 };
    writer.module(functions);
    Ok(wat::parse_str(&writer.text)?)
}

const I32_BINARY: &[&str] =
    &["add", "add", "add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "rotl", "lt_s", "eq"];
const I32_COMPARE: &[&str] = &["lt_s", "eq", "ge_u", "ne", "gt_s"];
const I64_BINARY: &[&str] = &["add", "mul", "xor", "shr_u", "sub"];
const F64_BINARY: &[&str] = &["add", "mul", "sub", "max"];

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        ((mixed * u64::from(limit)) >> 32) as u32
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// Writes the module. Every function has parameters `$a` and `$b` and variables `$c` and `$d` of
/// type `i32`, `$i` to count loops, `$x` and `$y` of type `i64`, `$f` and `$g` of type `f64`.
struct Writer {
    text: String,
    random: Random,
    /// The number of the function that is being written.
    function: u32,
    /// How many loops there are so far.
    loops: u32,
}

impl Writer {
    fn put(&mut self, text: impl Display) {
        self.text.push_str(&text.to_string());
        self.text.push(' ');
    }

    fn module(&mut self, functions: u32) {
        self.put("(module (memory 4) (type $f (func (param i32 i32) (result i32)))");
        self.put("(table 16 funcref) (elem (i32.const 0) $f0 $f1 $f2 $f3)");
        self.put("(global $g0 (mut i32) (i32.const 65536))");
        for function in 0..functions {
            self.function = function;
            self.func();
        }
        let (last, middle) = (functions - 1, functions / 2);
        self.put("(func (export \"run\") (param $n i32) (result i64) (i64.extend_i32_s (i32.add");
        self.put(format_args!("(call $f{last} (local.get $n) (i32.const 1))"));
        self.put(format_args!("(call $f{middle} (local.get $n) (i32.const 2))))))"));
    }

    fn func(&mut self) {
        let function = self.function;
        self.put(format_args!("\n(func $f{function} (type $f)"));
        self.put("(param $a i32) (param $b i32) (result i32) (local $c i32) (local $d i32)");
        self.put("(local $i i32) (local $x i64) (local $y i64) (local $f f64) (local $g f64)");
        for _ in 0..4 + self.random.below(8) {
            self.statement(2);
        }
        self.i32(2);
        self.put(")");
    }

    fn statement(&mut self, depth: u32) {
        match self.random.below(if depth > 0 { 12 } else { 8 }) {
            0..=2 => {
                let variable = self.random.pick(&["$a", "$b", "$c", "$d"]);
                self.put(format_args!("(local.set {variable}"));
                self.i32(3);
            }
            3 => {
                let variable = self.random.pick(&["$x", "$y"]);
                self.put(format_args!("(local.set {variable}"));
                self.i64(2);
            }
            4 => {
                let variable = self.random.pick(&["$f", "$g"]);
                self.put(format_args!("(local.set {variable}"));
                self.f64(2);
            }
            5 | 6 => {
                let store = self.random.pick(&["i32.store", "i32.store8", "i32.store16"]);
                let offset = self.random.below(64) * 4;
                self.put(format_args!("({store} offset={offset}"));
                self.address();
                self.i32(2);
            }
            7 => {
                self.put("(i64.store offset=8");
                self.address();
                self.i64(1);
            }
            8 => return self.branch(depth - 1),
            9 => return self.repeat(),
            10 => return self.call(),
            _ => return self.switch(depth - 1),
        }
        self.put(")");
    }

    fn branch(&mut self, depth: u32) {
        self.put("(if");
        self.condition();
        self.put("(then");
        self.statement(depth);
        self.statement(depth);
        self.put(") (else");
        self.statement(depth);
        self.put("))");
    }

    fn repeat(&mut self) {
        self.loops += 1;
        let label = self.loops;
        self.put(format_args!("(local.set $i (i32.const 3)) (loop $l{label}"));
        // At depth 0 there are no loops inside, which would use the same counter.
        self.statement(0);
        self.statement(0);
        self.put(format_args!("(br_if $l{label}"));
        self.put("(local.tee $i (i32.sub (local.get $i) (i32.const 1)))))");
    }

    /// A call in an arm that is not taken, because what it tests is never so large. Everything
    /// would be called very often otherwise.
    fn call(&mut self) {
        self.put("(if (i32.gt_u (global.get $g0) (i32.const 0x7fffffff)) (then (local.set $c");
        let callee = self.random.below(self.function.max(1));
        let indirect = self.random.below(4) == 0;
        if indirect {
            self.put("(call_indirect (type $f)");
        } else {
            self.put(format_args!("(call $f{callee}"));
        }
        self.i32(1);
        self.i32(1);
        if indirect {
            self.put("(i32.and (local.get $a) (i32.const 3))");
        }
        self.put("))))");
    }

    fn switch(&mut self, depth: u32) {
        self.put("(block (block (block (block (br_table 0 1 2 3");
        self.i32(1);
        self.put("))");
        for _ in 0..3 {
            self.statement(depth);
            self.put(")");
        }
    }

    fn address(&mut self) {
        self.put("(i32.and");
        self.i32(1);
        self.put("(i32.const 0x1fff8))");
    }

    fn condition(&mut self) {
        if self.random.below(4) == 0 {
            self.put("(f64.lt (local.get $f) (local.get $g))");
        } else {
            self.binary("i32", I32_COMPARE, |writer| writer.i32(1));
        }
    }

    fn i32(&mut self, depth: u32) {
        match self.random.below(if depth > 0 { 10 } else { 4 }) {
            0..=2 => self.local(&["$a", "$b", "$c", "$d", "$i"]),
            3 => {
                let constant = self.random.below(1 << 16);
                self.put(format_args!("(i32.const {constant})"));
            }
            4..=7 => self.binary("i32", I32_BINARY, |writer| writer.i32(depth - 1)),
            8 => {
                let load = self.random.pick(&["i32.load", "i32.load8_u", "i32.load16_s"]);
                let offset = self.random.below(64) * 4;
                self.put(format_args!("({load} offset={offset}"));
                self.address();
                self.put(")");
            }
            _ => {
                self.put("(i32.wrap_i64");
                self.i64(depth - 1);
                self.put(")");
            }
        }
    }

    fn i64(&mut self, depth: u32) {
        match self.random.below(if depth > 0 { 6 } else { 3 }) {
            0 | 1 => self.local(&["$x", "$y"]),
            2 => {
                let constant = self.random.below(u32::MAX);
                self.put(format_args!("(i64.const {constant})"));
            }
            3 => {
                self.put("(i64.extend_i32_u");
                self.i32(depth - 1);
                self.put(")");
            }
            _ => self.binary("i64", I64_BINARY, |writer| writer.i64(depth - 1)),
        }
    }

    fn f64(&mut self, depth: u32) {
        match self.random.below(if depth > 0 { 6 } else { 3 }) {
            0 | 1 => self.local(&["$f", "$g"]),
            2 => {
                let constant = self.random.below(1000);
                self.put(format_args!("(f64.const {constant}.25)"));
            }
            3 => {
                self.put("(f64.convert_i32_s");
                self.i32(depth - 1);
                self.put(")");
            }
            _ => self.binary("f64", F64_BINARY, |writer| writer.f64(depth - 1)),
        }
    }

    fn local(&mut self, variables: &[&str]) {
        let variable = self.random.pick(variables);
        self.put(format_args!("(local.get {variable})"));
    }

    fn binary(&mut self, ty: &str, operations: &[&str], mut operand: impl FnMut(&mut Writer)) {
        let operation = self.random.pick(operations);
        self.put(format_args!("({ty}.{operation}"));
        operand(self);
        operand(self);
        self.put(")");
    }
}

#[cfg(test)]
mod tests {
    use super::large_module;

    #[test]
    fn it_is_large_and_always_the_same() {
        let module = large_module(4_000).unwrap();
        assert!(module.len() > 1_000_000, "{} bytes", module.len());
        assert!(module == large_module(4_000).unwrap());
    }
}
