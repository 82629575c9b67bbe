//! Addresses: mostly where something ends.

use super::Memory;
use crate::numbers::Numbers;

/// How far counters of loops go, in bytes.
pub(super) const MOST_ROUNDS: u64 = 40;

/// Where an access goes.
pub(super) struct Place {
    /// Statements before it, which set locals.
    pub(super) setup: String,
    /// The expression of the address.
    pub(super) addr: String,
    /// The access's constant offset.
    pub(super) offset: u64,
}

/// What a place is for.
#[derive(Clone, Copy)]
pub(super) struct Need {
    /// In bytes.
    pub(super) width: u64,
    /// In bytes, a power of two; kept only where the access should succeed.
    pub(super) align: u64,
    /// Whether the access may well be out of bounds.
    pub(super) daring: bool,
}

impl Need {
    /// The last address that an access can start at, if it is not to fail.
    fn last(self, memory: Memory) -> u64 {
        memory.bytes().saturating_sub(self.width) & !(self.align - 1)
    }
}

impl Place {
    /// A place for an access.
    pub(super) fn random(numbers: &mut Numbers<'_>, memory: Memory, need: Need) -> Place {
        let mask = if memory.is_64 { u64::MAX } else { u32::MAX.into() };
        let target = target(numbers, memory, need) & mask;
        let offset = offset(numbers, memory, target, need) & mask;
        // The address that leads to the target, if there is one.
        let base = target.wrapping_sub(offset) & mask;
        let (ty, first, second) = match memory.is_64 {
            true => ("i64", "$c", "$d"),
            false => ("i32", "$a", "$b"),
        };
        let set = |local: &str, value: u64| {
            format!("  (local.set {local} {})\n", memory.constant(value & mask))
        };
        let part = numbers.pick(&[4, 16, 1, 1 << 16, u64::MAX]);
        let (setup, addr) = match numbers.below(6) {
            0 => (String::new(), memory.constant(base)),
            1 | 2 => (set(first, base), format!("(local.get {first})")),
            3 => (
                set(first, base.wrapping_sub(part)),
                format!("({ty}.add (local.get {first}) {})", memory.constant(part)),
            ),
            4 => (
                set(first, base.wrapping_sub(part)) + &set(second, part),
                format!("({ty}.add (local.get {first}) (local.get {second}))"),
            ),
            _ => (
                set(first, base & 7) + &set(second, base >> 3),
                format!(
                    "({ty}.add (local.get {first}) ({ty}.shl (local.get {second}) ({ty}.const 3)))"
                ),
            ),
        };
        Place { setup, addr, offset }
    }

    /// A place that moves with a counter, which starts at zero and stays below `MOST_ROUNDS`.
    pub(super) fn moving(
        numbers: &mut Numbers<'_>,
        memory: Memory,
        need: Need,
        counter: &str,
    ) -> Place {
        let end = memory.bytes();
        let mut start = numbers.pick(&[0, 8, end / 2, end.saturating_sub(need.width + 40), end]);
        let mut offset = numbers.below(16) as u64;
        if !need.daring {
            let range = Need { width: need.width + MOST_ROUNDS + 16, ..need };
            start = start.min(range.last(memory)) & !(need.align - 1);
            offset &= !(need.align - 1);
        }
        let (ty, base) = if memory.is_64 { ("i64", "$c") } else { ("i32", "$a") };
        match numbers.below(3) {
            0 => Place {
                setup: String::new(),
                addr: format!("(local.get {counter})"),
                offset: start,
            },
            1 => Place {
                setup: String::new(),
                addr: format!("({ty}.add (local.get {counter}) {})", memory.constant(start)),
                offset,
            },
            _ => Place {
                setup: format!("  (local.set {base} {})\n", memory.constant(start)),
                addr: format!("({ty}.add (local.get {base}) (local.get {counter}))"),
                offset,
            },
        }
    }
}

/// The address that an access should reach.
fn target(numbers: &mut Numbers<'_>, memory: Memory, need: Need) -> u64 {
    let near = numbers.below(20) as u64;
    let (end, width) = (memory.bytes(), need.width);
    if !need.daring {
        let last = need.last(memory);
        let page_end = memory.page_bytes.wrapping_sub(near);
        let target =
            numbers.pick(&[near, last, last, last.saturating_sub(near), page_end, last / 2]);
        return target.min(last) & !(need.align - 1);
    }
    match numbers.below(16) {
        0 | 1 => near,
        2..=5 => end.saturating_sub(width),
        6..=8 => end.saturating_sub(width).saturating_sub(near),
        9 => end.wrapping_sub(width).wrapping_add(near),
        // The end after growth.
        10 => end.wrapping_add(memory.page_bytes).wrapping_sub(near),
        11 => memory.page_bytes.wrapping_sub(near),
        12 => (1 << 31_u64) - near,
        13 => (1 << 32_u64) - near,
        14 => (1 << 63_u64) - near,
        _ => u64::MAX - near,
    }
}

/// The part of a target that is the instruction's own.
fn offset(numbers: &mut Numbers<'_>, memory: Memory, target: u64, need: Need) -> u64 {
    let near = numbers.below(20) as u64;
    match numbers.below(if need.daring { 10 } else { 9 }) {
        0..=4 => 0,
        5 | 6 => near.min(target),
        7 => target,
        8 => target.saturating_sub(near),
        // Mostly more than the target: the sum is out of bounds or overflows.
        _ => numbers.pick(&[memory.bytes(), u64::MAX - near, near]),
    }
}
