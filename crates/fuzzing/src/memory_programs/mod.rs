//! Programs full of memory accesses near every boundary, in the text format.
//!
//! A module has one to three memories of any kind, data segments, and functions of a few
//! statements each. A trap ends the function that it happens in, so that only a function's last
//! statement dares what probably traps. `places` chooses addresses, `accesses` has the tables of
//! instructions.

mod accesses;
mod places;

use std::fmt::Write as _;

use accesses::Access;
use places::{MOST_ROUNDS, Need, Place};

use crate::numbers::Numbers;
use crate::oracle::{Case, compare};

/// The bytes that choose the arguments of calls.
const ARGUMENT_BYTES: usize = 16;

/// Fuel for any range of bytes: the programs end by themselves.
const PLENTY: u64 = 1 << 62;

/// Room for every kind of statement, in bytes.
const ROOMY: u64 = 64;

/// Compares the program that some bytes choose in Wasmtime and Lineal.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    let (arguments, bytes) = bytes.split_at(bytes.len().min(ARGUMENT_BYTES));
    let text = module(&mut Numbers::new(bytes));
    let wasm = wat::parse_str(&text).map_err(|error| format!("{error}\n{text}"))?;
    // Floats are only moved.
    compare(&Case { wasm: &wasm, arguments, fuel: PLENTY, nans_are_canonical: true })
}

/// A memory of a module.
#[derive(Clone, Copy, Debug)]
struct Memory {
    index: usize,
    is_64: bool,
    page_bytes: u64,
    minimum: u64,
    maximum: Option<u64>,
    shared: bool,
}

impl Memory {
    fn random(numbers: &mut Numbers<'_>, index: usize) -> Memory {
        let page_bytes = numbers.pick(&[65_536, 65_536, 65_536, 1]);
        let minimum = match page_bytes {
            1 => numbers.pick(&[0, 1, 15, 64, 1000, 65_537]),
            _ => numbers.pick(&[1, 1, 2, 0, 3]),
        };
        let shared = numbers.once_in(4);
        let maximum = match numbers.below(4) {
            0 if !shared => None,
            // Further than the host allows; shared memories are nobody's to limit.
            1 if !shared => Some(minimum + (2 << 20) / page_bytes),
            2 => Some(minimum),
            _ => Some(minimum + 2),
        };
        Memory { index, is_64: numbers.once_in(3), page_bytes, minimum, maximum, shared }
    }

    /// The type of addresses and sizes.
    fn address_type(self) -> &'static str {
        if self.is_64 { "i64" } else { "i32" }
    }

    fn bytes(self) -> u64 {
        self.minimum * self.page_bytes
    }

    /// A constant address, length or number of pages.
    fn constant(self, value: u64) -> String {
        match self.is_64 {
            true => format!("(i64.const {})", value as i64),
            false => format!("(i32.const {})", value as i32),
        }
    }
}

/// What functions can refer to.
struct Module {
    memories: Vec<Memory>,
    /// The lengths of the data segments; the first ones are active.
    segments: Vec<u64>,
}

fn module(numbers: &mut Numbers<'_>) -> String {
    let memories: Vec<Memory> =
        (0..1 + numbers.below(3)).map(|index| Memory::random(numbers, index)).collect();
    let mut text = String::from("(module\n");
    let mut segments = Vec::new();
    for memory in &memories {
        let Memory { index, minimum, page_bytes, .. } = memory;
        let maximum = memory.maximum.map_or(String::new(), |maximum| maximum.to_string());
        let shared = if memory.shared { "shared" } else { "" };
        let page_size = match page_bytes {
            65_536 => String::new(),
            bytes => format!("(pagesize {bytes})"),
        };
        writeln!(
            text,
            "(memory (export \"m{index}\") {} {minimum} {maximum} {shared} {page_size})",
            memory.address_type()
        )
        .expect("a string");
        let len = numbers.below(20) as u64;
        // Now and then beyond the end.
        let end = memory.bytes() + u64::from(numbers.once_in(40));
        let start = numbers.pick(&[0, end.saturating_sub(len), end / 2]);
        write_segment(&mut text, &format!("(memory {index}) {}", memory.constant(start)), len);
        segments.push(len);
    }
    for _ in 0..2 {
        let len = numbers.below(64) as u64;
        write_segment(&mut text, "", len);
        segments.push(len);
    }
    let module = Module { memories, segments };
    for function in 0..4 + numbers.below(12) {
        let mut writer = FunctionWriter { numbers, module: &module, daring: false };
        let mut body: String = (0..writer.numbers.below(6)).map(|_| writer.statement()).collect();
        writer.daring = !writer.numbers.once_in(3);
        body += &writer.statement();
        writeln!(
            text,
            "(func (export \"f{function}\") (param $p i32) (result i64)
  (local $s i64) (local $t i64) (local $i i32) (local $j i64)
  (local $a i32) (local $b i32) (local $c i64) (local $d i64) (local $v v128)
  (local $dst_32 i32) (local $dst_64 i64)
{body}  (local.get $s))"
        )
        .expect("a string");
    }
    text.push(')');
    text
}

fn write_segment(text: &mut String, place: &str, len: u64) {
    let bytes: String = (0..len).map(|at| format!("\\{:02x}", (at * 37 + 1) as u8)).collect();
    writeln!(text, "(data {place} \"{bytes}\")").expect("a string");
}

/// Writes one function.
struct FunctionWriter<'a, 'b> {
    numbers: &'a mut Numbers<'b>,
    module: &'a Module,
    /// Whether statements may well trap.
    daring: bool,
}

impl FunctionWriter<'_, '_> {
    fn memory(&mut self) -> Memory {
        let all = &self.module.memories;
        let roomy: Vec<Memory> =
            all.iter().copied().filter(|memory| memory.bytes() >= ROOMY).collect();
        self.numbers.pick(if self.daring || roomy.is_empty() { all } else { &roomy })
    }

    fn place(&mut self, memory: Memory, width: u64, align: u64) -> Place {
        Place::random(self.numbers, memory, Need { width, align, daring: self.daring })
    }

    /// One statement, with the locals it uses set before it.
    fn statement(&mut self) -> String {
        let memory = self.memory();
        match self.numbers.below(16) {
            0..=6 => {
                let access = Access::random(self.numbers);
                let place = self.place(memory, access.width, access.align());
                self.access(memory, access, &place)
            }
            7 => self.loop_(memory),
            8 => self.fill(memory),
            9 | 10 => self.copy(memory),
            11 => self.init(memory),
            12 => format!("  (data.drop {})\n", self.numbers.below(self.module.segments.len())),
            13 | 14 => self.grow(memory),
            _ => self.notify(memory),
        }
    }

    /// An access, whose value is mixed into the sum.
    fn access(&mut self, memory: Memory, access: Access, place: &Place) -> String {
        let Memory { index, .. } = memory;
        let Place { setup, addr, offset } = place;
        let lane = match access.lanes {
            0 => String::new(),
            lanes => self.numbers.below(lanes).to_string(),
        };
        let align = match access.is_atomic() || !self.numbers.once_in(3) {
            true => "",
            false => "align=1",
        };
        let operands: String =
            access.operands.iter().map(|ty| self.operand(ty)).collect::<Vec<_>>().join(" ");
        let name = access.name;
        let value = format!("({name} {index} offset={offset} {align} {lane} {addr} {operands})");
        format!("{setup}{}", self.consume(&value, access.result))
    }

    /// A value to be stored.
    fn operand(&mut self, ty: &str) -> String {
        match ty {
            "v128" => {
                "(i64x2.splat (i64.mul (local.get $s) (i64.const 0x9e3779b97f4a7c15)))".into()
            }
            "f32" => "(f32.reinterpret_i32 (i32.wrap_i64 (local.get $s)))".into(),
            "f64" => "(f64.reinterpret_i64 (local.get $s))".into(),
            "i32" => match self.numbers.below(4) {
                0 => "(local.get $p)".into(),
                1 => "(i32.wrap_i64 (local.get $s))".into(),
                2 => format!("(i32.const {})", self.numbers.pick(&[0, -1, 0x1234_5678, 255])),
                _ => "(i32.add (local.get $p) (i32.wrap_i64 (local.get $s)))".into(),
            },
            _ => match self.numbers.below(3) {
                0 => "(local.get $s)".into(),
                1 => format!(
                    "(i64.const {})",
                    self.numbers.pick(&[0, -1, 0x1234_5678_9abc_def0_i64])
                ),
                _ => "(i64.xor (local.get $s) (i64.extend_i32_s (local.get $p)))".into(),
            },
        }
    }

    /// Mixes a value into the sum.
    fn consume(&mut self, value: &str, ty: &str) -> String {
        let bits = match ty {
            "" => return format!("  {value}\n"),
            "i32" => format!("(i64.extend_i32_u {value})"),
            "f32" => format!("(i64.extend_i32_u (i32.reinterpret_f32 {value}))"),
            "f64" => format!("(i64.reinterpret_f64 {value})"),
            "v128" => {
                return format!(
                    "  (local.set $v {value})
  (local.set $s (i64.xor (i64.mul (local.get $s) (i64.const 31))
    (i64.sub (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (local.get $v)))))\n"
                );
            }
            _ => value.to_owned(),
        };
        let operation = self.numbers.pick(&["i64.xor", "i64.add", "i64.sub", "i64.mul"]);
        match self.numbers.below(3) {
            0 => format!("  (local.set $s ({operation} (local.get $s) {bits}))\n"),
            1 => format!(
                "  (local.set $s ({operation} (i64.rotl (local.get $s) (i64.const 7)) {bits}))\n"
            ),
            _ => format!(
                "  (local.set $t {bits})\n  (local.set $s ({operation} (local.get $t) (local.get $s)))\n"
            ),
        }
    }

    /// A few rounds of accesses that move through a memory.
    fn loop_(&mut self, memory: Memory) -> String {
        let counter = if memory.is_64 { "$j" } else { "$i" };
        let ty = memory.address_type();
        let mut body = String::new();
        let mut setups = String::new();
        let mut step = self.numbers.pick(&[1, 4, 8, 3]);
        for _ in 0..1 + self.numbers.below(3) {
            let access = Access::random(self.numbers);
            let Access { width, .. } = access;
            let need = Need { width, align: access.align(), daring: self.daring };
            if !self.daring && access.is_atomic() {
                step = 8;
            }
            let place = Place::moving(self.numbers, memory, need, counter);
            setups.push_str(&place.setup);
            body += &self.access(memory, access, &Place { setup: String::new(), ..place });
        }
        let end = self.numbers.pick(&[8, 16, MOST_ROUNDS]);
        format!(
            "{setups}  (local.set {counter} ({ty}.const 0))
  (loop
{body}  (br_if 0 ({ty}.lt_u (local.tee {counter}
      ({ty}.add (local.get {counter}) ({ty}.const {step}))) ({ty}.const {end}))))\n"
        )
    }

    fn fill(&mut self, memory: Memory) -> String {
        let (len, place) = self.range(memory, memory.bytes());
        let (index, value) = (memory.index, self.operand("i32"));
        format!(
            "{}  (memory.fill {index} {} {value} {})\n",
            place.setup,
            place.addr,
            memory.constant(len)
        )
    }

    fn copy(&mut self, to: Memory) -> String {
        let from = match self.numbers.once_in(2) {
            true => self.memory(),
            false => to,
        };
        let (len, dst) = self.range(to, from.bytes().min(to.bytes()));
        // Often overlapping.
        let src = match from.index == to.index && self.numbers.once_in(2) {
            true => {
                let near = self.numbers.below(40) as u64;
                let last = from.bytes().saturating_sub(len);
                let start = if self.daring { near } else { near.min(last) };
                Place { setup: String::new(), addr: from.constant(start), offset: 0 }
            }
            false => self.place(from, len, 1),
        };
        let len = match to.is_64 && from.is_64 {
            true => to.constant(len),
            false => format!("(i32.const {})", len as i32),
        };
        // Both places may use the same locals.
        let start = if to.is_64 { "$dst_64" } else { "$dst_32" };
        format!(
            "{}  (local.set {start} {})\n{}  (memory.copy {} {} (local.get {start}) {} {len})\n",
            dst.setup, dst.addr, src.setup, to.index, from.index, src.addr,
        )
    }

    fn init(&mut self, memory: Memory) -> String {
        let mut segment = self.numbers.below(self.module.segments.len());
        if !self.daring {
            // The active ones are dropped.
            segment = segment.max(self.module.memories.len());
        }
        let bytes = self.module.segments[segment];
        let mut start = self.numbers.pick(&[0, 1, bytes, bytes + 1, u64::from(u32::MAX)]);
        let mut left = bytes.saturating_sub(start);
        let mut len = self.numbers.pick(&[0, left, left, left + 1, 3, u64::from(u32::MAX)]);
        if !self.daring {
            start = start.min(bytes);
            left = (bytes - start).min(memory.bytes());
            len = len.min(left);
        }
        let place = self.place(memory, len, 1);
        format!(
            "{}  (memory.init {} {segment} {} (i32.const {}) (i32.const {}))\n",
            place.setup, memory.index, place.addr, start as i32, len as i32
        )
    }

    fn grow(&mut self, memory: Memory) -> String {
        let room = memory.maximum.unwrap_or(memory.minimum + 2) - memory.minimum;
        let delta = self.numbers.pick(&[1, 0, room, room + 1, 1 << 16, u64::MAX, 1 << 31]);
        let (index, ty) = (memory.index, memory.address_type());
        let grow = format!("(memory.grow {index} {})", memory.constant(delta));
        let size = format!("(memory.size {index})");
        self.consume(&grow, ty) + &self.consume(&size, ty)
    }

    /// Wakes nobody, or waits for no time.
    fn notify(&mut self, memory: Memory) -> String {
        let place = self.place(memory, 8, 8);
        let Place { setup, addr, offset } = &place;
        let index = memory.index;
        // Only threads that share a memory can wait.
        let kinds = if self.daring || memory.shared { 4 } else { 2 };
        let value = match self.numbers.below(kinds) {
            0 => return "  (atomic.fence)\n".to_owned(),
            1 => format!("(memory.atomic.notify {index} offset={offset} {addr} (i32.const 1))"),
            2 => format!(
                "(memory.atomic.wait32 {index} offset={offset} {addr} (i32.const 0) (i64.const 0))"
            ),
            _ => format!(
                "(memory.atomic.wait64 {index} offset={offset} {addr} (i64.const 0) (i64.const 0))"
            ),
        };
        format!("{setup}{}", self.consume(&value, "i32"))
    }

    /// A length and where it starts.
    fn range(&mut self, memory: Memory, most: u64) -> (u64, Place) {
        let len =
            self.numbers.pick(&[0, 1, 15, 16, 16, 100, most / 2, most, most, most + 1, u64::MAX]);
        let len = if memory.is_64 { len } else { len.min(u32::MAX.into()) };
        let len = if self.daring { len } else { len.min(most) };
        (len, self.place(memory, len, 1))
    }
}
