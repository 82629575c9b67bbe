//! The operations of a run.

use lineal_memory::RmwOp;

use super::numbers::Numbers;

/// How many scalar types there are.
pub(crate) const SCALARS: usize = 12;

/// How many pairs of types there are that `load_extend` is tried with.
pub(crate) const PAIRS: usize = 10;

/// A place in a memory of any size, so that edges are met often.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    FromStart(u64),
    BeforeEnd(u64),
    AfterEnd(u64),
    Anywhere(u64),
}

impl Place {
    fn random(numbers: &mut Numbers<'_>) -> Place {
        match numbers.below(11) {
            0..=3 => Place::FromStart(numbers.below(300) as u64),
            4..=7 => Place::BeforeEnd(numbers.below(40) as u64),
            8 => Place::AfterEnd(numbers.below(20) as u64),
            9 => Place::Anywhere(u64::MAX - numbers.below(40) as u64),
            _ => Place::Anywhere(numbers.wide(8) as u64),
        }
    }

    pub(crate) fn addr(self, byte_len: u64) -> u64 {
        match self {
            Place::FromStart(addr) | Place::Anywhere(addr) => addr,
            Place::BeforeEnd(distance) => byte_len.saturating_sub(distance),
            Place::AfterEnd(distance) => byte_len + distance,
        }
    }
}

/// An offset or a length.
fn amount(numbers: &mut Numbers<'_>) -> u64 {
    match numbers.below(14) {
        0..=9 => numbers.below(64) as u64,
        10 | 11 => numbers.below(70_000) as u64,
        12 => u64::MAX - numbers.below(40) as u64,
        _ => numbers.wide(8) as u64,
    }
}

/// The number of an element of a view.
fn index(numbers: &mut Numbers<'_>) -> usize {
    if numbers.once_in(10) { usize::MAX } else { numbers.below(70) }
}

/// Text of a few kinds of characters, so that it is often read as text again.
fn text(numbers: &mut Numbers<'_>) -> String {
    (0..numbers.below(13)).map(|_| numbers.pick(&['a', '\0', 'é', '€', '𝄞'])).collect()
}

/// An atomic access.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    Load,
    Store,
    Rmw(RmwOp),
    /// With what is there as the expected number, or with any.
    Cmpxchg {
        hit: bool,
    },
}

impl Access {
    fn random(numbers: &mut Numbers<'_>) -> Access {
        use RmwOp::{Add, And, Or, Sub, Xchg, Xor};
        match numbers.below(4) {
            0 => Access::Load,
            1 => Access::Store,
            2 => Access::Rmw(numbers.pick(&[Add, Sub, And, Or, Xor, Xchg])),
            _ => Access::Cmpxchg { hit: numbers.once_in(2) },
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Load { scalar: usize, addr: Place, offset: u64 },
    LoadExtend { pair: usize, addr: Place, offset: u64 },
    Store { scalar: usize, addr: Place, offset: u64, value: u128 },
    Read { addr: Place, len: usize },
    Write { addr: Place, bytes: Vec<u8> },
    Fill { addr: Place, value: u8, len: u64 },
    CopyWithin { dst: Place, src: Place, len: u64 },
    CopyFrom { dst: Place, src: Place, len: u64 },
    Init { dst: Place, segment: usize, offset: u64, len: u64 },
    Drop { segment: usize },
    Grow { delta: u64 },
    ReadView { scalar: usize, addr: Place, count: u64, index: usize },
    WriteView { scalar: usize, addr: Place, count: u64, index: usize, value: u128 },
    ReadString { addr: Place, len: u64 },
    WriteString { addr: Place, text: String },
    ReadCstring { addr: Place, limit: u64 },
    ReadUtf16 { addr: Place, len: u64 },
    WriteUtf16 { addr: Place, text: String },
    Atomic { width: usize, access: Access, addr: Place, offset: u64, operands: [u64; 2] },
    Notify { addr: Place, offset: u64 },
}

impl Operation {
    pub(crate) fn random(numbers: &mut Numbers<'_>) -> Operation {
        use Operation::*;
        let kind = numbers.below(20);
        let n = numbers;
        let addr = Place::random(n);
        match kind {
            0 => Load { scalar: n.below(SCALARS), addr, offset: amount(n) },
            1 => LoadExtend { pair: n.below(PAIRS), addr, offset: amount(n) },
            2 => Store { scalar: n.below(SCALARS), addr, offset: amount(n), value: n.wide(16) },
            3 => Read { addr, len: n.below(100) },
            4 => Write { addr, bytes: (0..n.below(100)).map(|_| n.below(256) as u8).collect() },
            5 => Fill { addr, value: n.below(256) as u8, len: amount(n) },
            6 => CopyWithin { dst: addr, src: Place::random(n), len: amount(n) },
            7 => CopyFrom { dst: addr, src: Place::random(n), len: amount(n) },
            8 => Init { dst: addr, segment: n.below(2), offset: amount(n), len: amount(n) },
            9 => Drop { segment: n.below(2) },
            10 => Grow { delta: if n.once_in(2) { amount(n) } else { n.below(3) as u64 } },
            11 => ReadView { scalar: n.below(SCALARS), addr, count: amount(n), index: index(n) },
            12 => {
                let (scalar, count) = (n.below(SCALARS), amount(n));
                WriteView { scalar, addr, count, index: index(n), value: n.wide(16) }
            }
            13 => ReadString { addr, len: amount(n) },
            14 => WriteString { addr, text: text(n) },
            15 => ReadCstring { addr, limit: amount(n) },
            16 => ReadUtf16 { addr, len: amount(n) },
            17 => WriteUtf16 { addr, text: text(n) },
            18 => {
                let (width, access, offset) = (n.below(4), Access::random(n), amount(n));
                let operands = [n.wide(8) as u64, n.wide(8) as u64];
                Atomic { width, access, addr, offset, operands }
            }
            _ => Notify { addr, offset: amount(n) },
        }
    }
}
