//! Makes programs at random with accesses of every kind, to memories of every kind.

use std::fmt::Write;

/// A random number generator: always the same numbers for a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 11) & 0xffff_ffff
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// The memories that programs have, memory 0 first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) is_64: bool,
    pub(crate) is_shared: bool,
}

pub(crate) const KINDS: [Memory; 4] = [
    Memory { is_64: false, is_shared: false },
    Memory { is_64: true, is_shared: false },
    Memory { is_64: false, is_shared: true },
    Memory { is_64: true, is_shared: true },
];

const LOADS: &[&str] = &[
    "i32.load",
    "i32.load8_s",
    "i32.load8_u",
    "i32.load16_s",
    "i32.load16_u",
    "i64.load",
    "i64.load8_s",
    "i64.load8_u",
    "i64.load16_s",
    "i64.load16_u",
    "i64.load32_s",
    "i64.load32_u",
    "f32.load",
    "f64.load",
];
const STORES: &[&str] = &[
    "i32.store",
    "i32.store8",
    "i32.store16",
    "i64.store",
    "i64.store8",
    "i64.store16",
    "i64.store32",
    "f32.store",
    "f64.store",
];
const VECTOR_LOADS: &[&str] = &[
    "v128.load",
    "v128.load8x8_s",
    "v128.load16x4_u",
    "v128.load32x2_s",
    "v128.load8_splat",
    "v128.load16_splat",
    "v128.load32_splat",
    "v128.load64_splat",
    "v128.load32_zero",
    "v128.load64_zero",
];
const LANES: &[(&str, u64)] = &[("8", 16), ("16", 8), ("32", 4), ("64", 2)];
/// Atomic instructions by width, and what they take.
const ATOMIC_WIDTHS: &[(&str, &str, &str, u64)] = &[
    ("i32", "8", "_u", 1),
    ("i32", "16", "_u", 2),
    ("i32", "", "", 4),
    ("i64", "8", "_u", 1),
    ("i64", "16", "_u", 2),
    ("i64", "32", "_u", 4),
    ("i64", "", "", 8),
];
const RMW: &[&str] = &["add", "sub", "and", "or", "xor", "xchg"];

/// A program with statements on four memories. Its function `run` takes two addresses, and
/// returns a mixture of what it read.
pub(crate) fn program(random: &mut Random, statements: usize, zero: usize) -> String {
    let mut memories = KINDS;
    memories.swap(0, zero);
    let mut text = String::from("(module\n");
    text.push_str("  (import \"host\" \"touch\" (func $touch (param i32)))\n");
    for memory in memories {
        let address = if memory.is_64 { "i64 " } else { "" };
        let shared = if memory.is_shared { " shared" } else { "" };
        let name = (b'a'
            + memories
                .iter()
                .position(|m| m.is_64 == memory.is_64 && m.is_shared == memory.is_shared)
                .unwrap() as u8) as char;
        writeln!(text, "  (memory (export \"{name}\") {address}1 3{shared})").unwrap();
    }
    for (index, memory) in memories.iter().enumerate() {
        let address = if memory.is_64 { "i64" } else { "i32" };
        writeln!(text, "  (data (memory {index}) ({address}.const 3) \"segment {index}\")")
            .unwrap();
    }
    text.push_str("  (data $passive \"some bytes that are passive\")\n");
    text.push_str("  (func $mix (param i64) (global.set $sum (i64.xor (i64.rotl (global.get $sum) (i64.const 7)) (local.get 0))))\n");
    text.push_str("  (global $sum (mut i64) (i64.const 0))\n");
    text.push_str("  (func (export \"run\") (param $x i32) (param $y i32) (result i64) (local $v v128) (local $n i32)\n");
    text.push_str("    (local.set $v (v128.const i64x2 0x1122334455667788 0x99aabbccddeeff00))\n");
    text.push_str("    (loop $again\n");
    for _ in 0..statements {
        let index = random.below(4) as usize;
        // Memory 0 has the most handlers.
        let index = if random.below(2) == 0 { 0 } else { index };
        statement(&mut text, random, index, memories);
    }
    text.push_str("    (local.set $x (i32.add (local.get $x) (i32.const 5)))\n");
    text.push_str("    (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))\n");
    text.push_str("    (global.get $sum)))\n");
    text
}

/// An address of a memory that is in bounds, for some bytes.
fn address(random: &mut Random, memory: Memory, align: u64) -> String {
    let mut base = match random.below(6) {
        0 => "(local.get $x)".to_owned(),
        1 => "(local.get $y)".to_owned(),
        2 => format!("(i32.const {})", random.below(200)),
        3 => "(i32.add (local.get $x) (local.get $y))".to_owned(),
        4 => format!("(i32.add (local.get $x) (i32.const {}))", random.below(100)),
        _ => format!("(i32.and (local.get $y) (i32.const {}))", random.below(255)),
    };
    if align > 1 {
        base = format!("(i32.and {base} (i32.const -{align}))");
    }
    if memory.is_64 { format!("(i64.extend_i32_u {base})") } else { base }
}

fn value(random: &mut Random, ty: &str) -> String {
    match (ty, random.below(4)) {
        ("f32", _) => {
            format!("(f32.convert_i32_s (i32.add (local.get $x) (i32.const {})))", random.below(99))
        }
        ("f64", _) => {
            format!("(f64.convert_i32_s (i32.add (local.get $x) (i32.const {})))", random.below(99))
        }
        ("i32", 0) => "(local.get $x)".to_owned(),
        ("i32", 1) => format!("(i32.const {})", random.next() as i32),
        ("i32", _) => format!("(i32.mul (local.get $y) (i32.const {}))", random.below(1 << 20)),
        (_, 0) => "(i64.extend_i32_s (local.get $x))".to_owned(),
        (_, 1) => format!("(i64.const {})", random.next() as i64),
        (_, _) => format!(
            "(i64.mul (i64.extend_i32_u (local.get $y)) (i64.const {}))",
            random.next() as i32
        ),
    }
}

/// Mixes a value into the result.
fn mix(text: &mut String, ty: &str, value: &str) {
    let as_i64 = match ty {
        "i32" => format!("(i64.extend_i32_u {value})"),
        "f32" => format!("(i64.extend_i32_u (i32.reinterpret_f32 {value}))"),
        "f64" => format!("(i64.reinterpret_f64 {value})"),
        _ => value.to_owned(),
    };
    writeln!(text, "    (call $mix {as_i64})").unwrap();
}

fn statement(text: &mut String, random: &mut Random, index: usize, memories: [Memory; 4]) {
    let memory = memories[index];
    let offset = random.below(90);
    let length = |text: u64, memory: Memory| {
        if memory.is_64 { format!("(i64.const {text})") } else { format!("(i32.const {text})") }
    };
    match random.below(16) {
        0..=3 => {
            let load = random.pick(LOADS);
            let addr = address(random, memory, 1);
            mix(text, &load[..3], &format!("({load} {index} offset={offset} {addr})"));
        }
        4..=8 => {
            let store = random.pick(STORES);
            let addr = address(random, memory, 1);
            let value = value(random, &store[..3]);
            writeln!(text, "    ({store} {index} offset={offset} {addr} {value})").unwrap();
        }
        9 => {
            let load = random.pick(VECTOR_LOADS);
            let addr = address(random, memory, 1);
            writeln!(text, "    (local.set $v (i8x16.add (local.get $v) ({load} {index} offset={offset} {addr})))").unwrap();
        }
        10 => {
            let addr = address(random, memory, 1);
            writeln!(text, "    (v128.store {index} offset={offset} {addr} (local.get $v))")
                .unwrap();
        }
        11 => {
            let (width, lanes) = LANES[random.below(4) as usize];
            let (lane, addr) = (random.below(lanes), address(random, memory, 1));
            if random.below(2) == 0 {
                writeln!(text, "    (local.set $v (v128.load{width}_lane {index} offset={offset} {lane} {addr} (local.get $v)))").unwrap();
            } else {
                writeln!(text, "    (v128.store{width}_lane {index} offset={offset} {lane} {addr} (local.get $v))").unwrap();
            }
        }
        12 | 13 => atomic(text, random, index, memory),
        14 => {
            let (addr, len) = (address(random, memory, 1), random.below(60));
            match random.below(3) {
                0 => writeln!(
                    text,
                    "    (memory.fill {index} {addr} {} {})",
                    value(random, "i32"),
                    length(len, memory)
                )
                .unwrap(),
                1 => writeln!(
                    text,
                    "    (memory.init {index} $passive {addr} (i32.const 2) (i32.const {}))",
                    len % 20
                )
                .unwrap(),
                _ => {
                    let source = random.below(4) as usize;
                    let from = address(random, memories[source], 1);
                    let both_64 = memory.is_64 && memories[source].is_64;
                    let len = length(len, Memory { is_64: both_64, is_shared: false });
                    writeln!(text, "    (memory.copy {index} {source} {addr} {from} {len})")
                        .unwrap();
                }
            }
        }
        _ => {
            if random.below(3) == 0 {
                let delta = length(random.below(2), memory);
                let grown = format!("(memory.grow {index} {delta})");
                mix(text, if memory.is_64 { "i64" } else { "i32" }, &grown);
            } else {
                writeln!(text, "    (call $touch (i32.const {}))", random.below(1000)).unwrap();
            }
        }
    }
}

fn atomic(text: &mut String, random: &mut Random, index: usize, memory: Memory) {
    let (ty, width, unsigned, align) = ATOMIC_WIDTHS[random.below(7) as usize];
    let addr = address(random, memory, align);
    let operand = value(random, ty);
    match random.below(5) {
        0 => mix(text, ty, &format!("({ty}.atomic.load{width}{unsigned} {index} {addr})")),
        1 => writeln!(text, "    ({ty}.atomic.store{width} {index} {addr} {operand})").unwrap(),
        2 => {
            let other = value(random, ty);
            mix(
                text,
                ty,
                &format!(
                    "({ty}.atomic.rmw{width}.cmpxchg{unsigned} {index} {addr} {operand} {other})"
                ),
            );
        }
        3 if memory.is_shared => {
            let addr = address(random, memory, 4);
            // What it expects is not there, so it does not wait; or it waits no time at all.
            mix(
                text,
                "i32",
                &format!("(memory.atomic.wait32 {index} {addr} (i32.const 77) (i64.const 0))"),
            );
        }
        _ => {
            let operation = random.pick(RMW);
            mix(
                text,
                ty,
                &format!("({ty}.atomic.rmw{width}.{operation}{unsigned} {index} {addr} {operand})"),
            );
        }
    }
}
