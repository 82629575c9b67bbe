//! Sequences of operations that one handler executes, without jumps in between.
//!
//! A sequence does not change the encoding: the cells stay as they are, and only the handler of the
//! first one becomes that of [`Seq`]. The other cells stay valid by themselves, so branches and
//! returns to them still work. The sequences are those that occur most often in compiled programs.
//! `sequences.txt` lists them, printed by the translator's test `print_sequences`; `metered.txt` lists
//! those with the cells for fuel and epochs, and `vectors.txt` those with operations on vectors, which come
//! from modules of their own.

use std::marker::PhantomData;
use std::sync::OnceLock;

use super::access::scalar::*;
use super::access::*;
use super::call::*;
use super::control::*;
use super::meter::*;
use super::scalar::*;
use super::variable::*;
use crate::machine::operand::*;
use crate::machine::place::Place;
use crate::machine::{Exit, Handler, Machine, Op, handler, step};
use crate::op::access::scalar::*;
use crate::op::scalar::*;

/// The operation of a cell, then that of the cell after it, which may be a sequence too.
pub(crate) struct Seq<A, B>(PhantomData<(A, B)>);

impl<A: Op, B: Op> Op for Seq<A, B> {
    const GRANULES: usize = B::GRANULES;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = B::GOES_ON;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4, which `A` renews for the cell behind unless it leaves or branches.
        unsafe {
            step::<A>(m)?;
            B::exec(m)
        }
    }
}

/// How many operations the longest sequence has.
pub(crate) const LONGEST: usize = 3;

/// Handlers of an operation, of what follows it, and of both.
struct Pair {
    first: Handler,
    second: Handler,
    both: Handler,
}

macro_rules! sequences {
    ($list:ident: $($first:ty, $second:ty;)*) => {
        pub(in crate::exec::sequences) static $list: &[Pair] = &[$(Pair {
            first: handler::<$first>(),
            second: handler::<$second>(),
            both: handler::<Seq<$first, $second>>(),
        },)*];
    };
}

include!("sequences.txt");
include!("metered.txt");

#[cfg(feature = "simd")]
mod vectors;

/// What is at the end of most loops, for all comparisons and types: a counter or pointer is
/// stepped, after a sum or before a comparison. Any set of programs has only some of them.
macro_rules! loop_ends {
    (sums: $($add:ident)*; comparisons: $($compare:ident)*;) => {
        sequences! { LOOP_ENDS:
            $(Binop<$add, SlotA, Acc, ToSlot>, Binop<I32Add, Pin, ImmB, ToPin>;)*
            $(
                Binop<I32Add, Pin, ImmB, ToPin>, CmpBr<$compare, Pin, SlotD>;
                Binop<I32Add, Pin, ImmB, ToPin>, CmpBr<$compare, Pin, ImmD>;
                Binop<I32Add, Pin, ImmB, ToPin>, CmpBr<$compare, Pin, Wide>;
                Binop<I32Add, SlotA, ImmB, ToSlot>, CmpBr<$compare, Acc, SlotD>;
                Binop<I32Add, SlotA, ImmB, ToSlot>, CmpBr<$compare, Acc, ImmD>;
                Binop<I32Add, SlotA, ImmB, ToSlot>, CmpBr<$compare, Acc, Wide>;
            )*
        }
    };
}

loop_ends! {
    sums: I32Add I64Add F32Add F64Add;
    comparisons: I32Ne I32LtU I32LtS;
}

/// All sequences.
fn pairs() -> impl Iterator<Item = &'static Pair> + Clone {
    let pairs = PAIRS.iter().chain(METERED_PAIRS).chain(LOOP_ENDS);
    #[cfg(feature = "simd")]
    let pairs = pairs.chain(vectors::PAIRS);
    pairs
}

/// The sequences, by both handlers: open addressing in a table of a power of two. Handlers are
/// kept as distances from the first, so that the table stays in the cache.
pub(crate) struct Table {
    origin: u64,
    entries: Box<[[u32; 3]]>,
    /// A bit for each hash that a sequence has: most handlers begin none, and this is small.
    filter: Box<[u64; FILTER_BITS / 64]>,
}

/// Many more than there are sequences.
const FILTER_BITS: usize = 1 << 15;

/// The distance of a free entry: no handler has it.
const FREE: u32 = u32::MAX;

impl Table {
    fn new(pairs: impl Iterator<Item = &'static Pair> + Clone) -> Table {
        let handlers = |pair: &'static Pair| [pair.first, pair.second, pair.both];
        let granules = || pairs.clone().flat_map(handlers).map(Handler::to_granule);
        let size = (pairs.clone().count() * 2).next_power_of_two();
        let mut table = Table {
            origin: granules().min().unwrap_or(0),
            entries: vec![[FREE; 3]; size].into(),
            filter: Box::new([0; FILTER_BITS / 64]),
        };
        for pair in pairs {
            let entry = handlers(pair).map(|handler| table.distance(handler.to_granule()));
            let [Some(first), Some(second), Some(both)] = entry else { continue };
            let hash = hash(first, second);
            let (word, bit) = filter_bit(hash);
            table.filter[word] |= bit;
            let mut at = table.index(hash);
            while table.entries[at][0] != FREE && table.entries[at][..2] != [first, second] {
                at = (at + 1) & (table.entries.len() - 1);
            }
            table.entries[at] = [first, second, both];
        }
        table
    }

    /// How far a handler is from the first; `None` if it is too far to be in the table.
    fn distance(&self, handler: u64) -> Option<u32> {
        u32::try_from(handler.wrapping_sub(self.origin)).ok().filter(|&distance| distance != FREE)
    }

    fn index(&self, hash: u32) -> usize {
        (hash >> 12) as usize & (self.entries.len() - 1)
    }

    /// The handler, as a granule, for a cell and the cell or sequence after it, if there is one.
    #[inline]
    pub(crate) fn find(&self, first: u64, second: u64) -> Option<u64> {
        let near = |granule: u64| granule.wrapping_sub(self.origin) as u32;
        let hash = hash(near(first), near(second));
        let (word, bit) = filter_bit(hash);
        if self.filter[word] & bit == 0 { None } else { self.find_entry(first, second, hash) }
    }

    fn find_entry(&self, first: u64, second: u64, hash: u32) -> Option<u64> {
        let (first, second) = (self.distance(first)?, self.distance(second)?);
        let mut at = self.index(hash);
        loop {
            let [of_first, of_second, both] = self.entries[at];
            if (of_first, of_second) == (first, second) {
                return Some(self.origin + u64::from(both));
            }
            if of_first == FREE {
                return None;
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }
}

fn hash(first: u32, second: u32) -> u32 {
    (first ^ second.rotate_left(13)).wrapping_mul(0x9e37_79b9)
}

/// The word and the bit of the filter for a hash.
fn filter_bit(hash: u32) -> (usize, u64) {
    let index = hash as usize / (1 << (u32::BITS - FILTER_BITS.ilog2()));
    (index / 64, 1 << (index % 64))
}

/// The table of all sequences.
pub(crate) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(pairs()))
}

/// The handlers of all sequences and of their parts.
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
pub(super) fn handlers() -> impl Iterator<Item = Handler> {
    pairs().flat_map(|pair| [pair.first, pair.second, pair.both])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_found_and_nothing_else() {
        for pair in pairs() {
            let found = table().find(pair.first.to_granule(), pair.second.to_granule());
            assert!(
                found.is_some(),
                "{} {}",
                (pair.first.shape.name)(),
                (pair.second.shape.name)()
            );
        }
        assert_eq!(table().find(1, 2), None);
    }

    #[test]
    fn loops_over_any_type_end_alike() {
        let step = handler::<Binop<I32Add, Pin, ImmB, ToPin>>().to_granule();
        for sum in [
            handler::<Binop<I32Add, SlotA, Acc, ToSlot>>(),
            handler::<Binop<I64Add, SlotA, Acc, ToSlot>>(),
            handler::<Binop<F32Add, SlotA, Acc, ToSlot>>(),
            handler::<Binop<F64Add, SlotA, Acc, ToSlot>>(),
        ] {
            assert!(table().find(sum.to_granule(), step).is_some(), "{}", (sum.shape.name)());
        }
    }
}
