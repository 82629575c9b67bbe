//! The operations of a run.

use lineal_memory::RmwOp;
use proptest::prelude::*;

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
    pub(crate) fn addr(self, byte_len: u64) -> u64 {
        match self {
            Place::FromStart(addr) | Place::Anywhere(addr) => addr,
            Place::BeforeEnd(distance) => byte_len.saturating_sub(distance),
            Place::AfterEnd(distance) => byte_len + distance,
        }
    }
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => (0..300_u64).prop_map(Place::FromStart),
        4 => (0..40_u64).prop_map(Place::BeforeEnd),
        1 => (0..20_u64).prop_map(Place::AfterEnd),
        1 => (u64::MAX - 40..=u64::MAX).prop_map(Place::Anywhere),
        1 => any::<u64>().prop_map(Place::Anywhere),
    ]
}

/// An offset or a length.
pub(crate) fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        10 => 0..64_u64,
        2 => 0..70_000_u64,
        1 => u64::MAX - 40..=u64::MAX,
        1 => any::<u64>(),
    ]
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

fn access() -> impl Strategy<Value = Access> {
    use RmwOp::{Add, And, Or, Sub, Xchg, Xor};
    prop_oneof![
        Just(Access::Load),
        Just(Access::Store),
        proptest::sample::select(vec![Add, Sub, And, Or, Xor, Xchg]).prop_map(Access::Rmw),
        any::<bool>().prop_map(|hit| Access::Cmpxchg { hit }),
    ]
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

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let scalar = || 0..SCALARS;
    let index = || prop_oneof![9 => 0..70_usize, 1 => Just(usize::MAX)];
    // Mostly text of a few kinds of characters, so that it is often read as text again.
    let text = || "[a\u{0}é€𝄞]{0,12}";
    prop_oneof![
        (scalar(), place(), amount()).prop_map(|(scalar, addr, offset)| Load {
            scalar,
            addr,
            offset
        }),
        (0..PAIRS, place(), amount()).prop_map(|(pair, addr, offset)| LoadExtend {
            pair,
            addr,
            offset
        }),
        (scalar(), place(), amount(), any::<u128>())
            .prop_map(|(scalar, addr, offset, value)| { Store { scalar, addr, offset, value } }),
        (place(), 0..100_usize).prop_map(|(addr, len)| Read { addr, len }),
        (place(), proptest::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(addr, bytes)| Write { addr, bytes }),
        (place(), any::<u8>(), amount()).prop_map(|(addr, value, len)| Fill { addr, value, len }),
        (place(), place(), amount()).prop_map(|(dst, src, len)| CopyWithin { dst, src, len }),
        (place(), place(), amount()).prop_map(|(dst, src, len)| CopyFrom { dst, src, len }),
        (place(), 0..2_usize, amount(), amount()).prop_map(|(dst, segment, offset, len)| Init {
            dst,
            segment,
            offset,
            len
        }),
        (0..2_usize).prop_map(|segment| Drop { segment }),
        prop_oneof![0..3_u64, amount()].prop_map(|delta| Grow { delta }),
        (scalar(), place(), amount(), index()).prop_map(|(scalar, addr, count, index)| ReadView {
            scalar,
            addr,
            count,
            index
        }),
        (scalar(), place(), amount(), index(), any::<u128>()).prop_map(
            |(scalar, addr, count, index, value)| WriteView { scalar, addr, count, index, value }
        ),
        (place(), amount()).prop_map(|(addr, len)| ReadString { addr, len }),
        (place(), text()).prop_map(|(addr, text)| WriteString { addr, text }),
        (place(), amount()).prop_map(|(addr, limit)| ReadCstring { addr, limit }),
        (place(), amount()).prop_map(|(addr, len)| ReadUtf16 { addr, len }),
        (place(), text()).prop_map(|(addr, text)| WriteUtf16 { addr, text }),
        (0..4_usize, access(), place(), amount(), any::<[u64; 2]>()).prop_map(
            |(width, access, addr, offset, operands)| Atomic {
                width,
                access,
                addr,
                offset,
                operands
            }
        ),
        (place(), amount()).prop_map(|(addr, offset)| Notify { addr, offset }),
    ]
}
