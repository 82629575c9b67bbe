//! Translates vector operations.
//!
//! Their vectors are in slots ([`moves`]), one perhaps in the accumulator too. Scalar operands are wherever those of
//! other operations are, and scalar results go to the accumulator first, as theirs do.

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod bytes;
mod lanes;
pub(super) mod moves;

use std::marker::PhantomData;

use moves::{VectorSource, VectorSources, vector_sources};
use wasmparser::{MemArg, V128};

use super::Translator;
use super::emit::Fields;
use super::scalar::halves;
use super::stack::Operand;
use super::tables::{Dests, dests, table};
use crate::exec::vector::{
    Shift, Shuffle, SlowVectorTernop, Test, VectorBinop, VectorTernop, VectorUnop,
};
use crate::machine::operand::{Acc, ImmB, Pin, SlotA, SlotB, SlotBHigh, SlotBLow, Src};
use crate::machine::{Bank, Handler, Vector, handler};
use crate::op::access::lane as l;
use crate::op::vector::{
    self as v, Nans, Splat, VectorBinary, VectorLowering, VectorShift, VectorTernary, VectorTest,
    VectorUnary,
};

/// Handlers by source.
struct UnaryTable<O>(PhantomData<O>);

impl<O: VectorUnary> UnaryTable<O> {
    const fn by_source<A: Src<Vector>>() -> Handler {
        handler::<VectorUnop<O, A>>()
    }

    const BY_SOURCE: &'static VectorSources<Handler> = &vector_sources!(by_source);
}

/// Handlers of an operation with a scalar result.
struct TestTable<O>(PhantomData<O>);

impl<O: VectorTest> TestTable<O> {
    const fn dests<A: Src<Vector>>() -> Dests {
        dests!(Test<O, A>)
    }

    const BY_SOURCE: &'static VectorSources<Dests> = &vector_sources!(dests);
}

/// Handlers of a shift by a count of class `C`.
struct ShiftTable<O, C>(PhantomData<(O, C)>);

impl<O: VectorShift, C: Src<u32>> ShiftTable<O, C> {
    const fn by_source<A: Src<Vector>>() -> Handler {
        handler::<Shift<O, A, C>>()
    }

    const BY_SOURCE: &'static VectorSources<Handler> = &vector_sources!(by_source);
}

table! {
    /// Which of two vectors is in the accumulator.
    VectorPair, VectorPairs:
    SlotSlot slot_slot;
    AccSlot acc_slot;
    SlotAcc slot_acc;
}

/// The [`VectorPairs`] of an operation whose last type parameters are the vectors' sources.
macro_rules! vector_pairs {
    ($op:ident $(, $param:ty)*) => {
        VectorPairs {
            slot_slot: handler::<$op<$($param,)* SlotA, SlotB>>(),
            acc_slot: handler::<$op<$($param,)* Acc, SlotB>>(),
            slot_acc: handler::<$op<$($param,)* SlotA, Acc>>(),
        }
    };
}
use vector_pairs;

/// The granules of a cell that has a vector in it.
fn granules(vector: Vector) -> [u64; 2] {
    let (halves, _) = vector.as_chunks();
    [0, 1].map(|index| u64::from_ne_bytes(halves[index]))
}

/// Handlers by both sources.
struct BinaryTable<O>(PhantomData<O>);

impl<O: VectorBinary> BinaryTable<O> {
    const BY_SOURCES: &'static VectorPairs<Handler> = &vector_pairs!(VectorBinop, O);
}

table! {
    /// Which of three vectors is in the accumulator.
    VectorTriple, VectorTriples:
    Slots slots;
    First first;
    Second second;
    Third third;
}

/// Handlers by the sources.
struct TernaryTable<O>(PhantomData<O>);

impl<O: VectorTernary> TernaryTable<O> {
    const BY_SOURCES: &'static VectorTriples<Handler> = &VectorTriples {
        slots: handler::<VectorTernop<O, SlotA, SlotBLow, SlotBHigh>>(),
        first: handler::<VectorTernop<O, Acc, SlotBLow, SlotBHigh>>(),
        second: handler::<VectorTernop<O, SlotA, Acc, SlotBHigh>>(),
        third: handler::<VectorTernop<O, SlotA, SlotBLow, Acc>>(),
    };
}

/// Methods named as the operators on vectors that have immediates: for each group, the method that
/// translates them, and the operations that it is called with.
macro_rules! operators {
    (
        @memory $($memory_method:ident: $($memory:ident)*;)*
        @memory_lane $($memory_lane_method:ident: $($memory_lane:ident $width:ident)*;)*
        @lane $($lane_method:ident: $($lane:ident)*;)*
    ) => {
        #[expect(non_snake_case, reason = "the names are those of the operators")]
        impl Translator<'_> {
            $($(pub(super) fn $memory(&mut self, memarg: MemArg) {
                self.$memory_method::<l::$memory>(memarg);
            })*)*
            $($(pub(super) fn $memory_lane(&mut self, memarg: MemArg, lane: u8) {
                self.$memory_lane_method::<l::$width>(memarg, lane);
            })*)*
            $($(pub(super) fn $lane(&mut self, lane: u8) {
                self.$lane_method::<v::$lane>(lane);
            })*)*

            pub(super) fn V128Const(&mut self, value: V128) {
                self.vector_constant(value.i128() as u128);
            }

            pub(super) fn V128Store(&mut self, memarg: MemArg) {
                self.vector_store(memarg);
            }

            pub(super) fn I8x16Shuffle(&mut self, lanes: [u8; 16]) {
                self.shuffle(lanes);
            }
        }
    };
}

operators! {
    @memory
    vector_load:
        V128Load V128Load8x8S V128Load8x8U V128Load16x4S V128Load16x4U V128Load32x2S
        V128Load32x2U V128Load8Splat V128Load16Splat V128Load32Splat V128Load64Splat
        V128Load32Zero V128Load64Zero;
    @memory_lane
    load_lane:
        V128Load8Lane Lane8 V128Load16Lane Lane16 V128Load32Lane Lane32
        V128Load64Lane Lane64;
    store_lane:
        V128Store8Lane Lane8 V128Store16Lane Lane16 V128Store32Lane Lane32
        V128Store64Lane Lane64;
    @lane
    extract_lane:
        I8x16ExtractLaneS I8x16ExtractLaneU I16x8ExtractLaneS I16x8ExtractLaneU
        I32x4ExtractLane I64x2ExtractLane F32x4ExtractLane F64x2ExtractLane;
    replace_lane:
        I8x16ReplaceLane I16x8ReplaceLane I32x4ReplaceLane I64x2ReplaceLane
        F32x4ReplaceLane F64x2ReplaceLane;
}

impl Translator<'_> {
    /// Makes the lanes of a result canonical if they may be any NaNs, and if that is asked for.
    fn canonicalize_lanes(&mut self, nans: Nans) {
        if !self.function.options.canonical_nans {
            return;
        }
        match nans {
            Nans::None => {}
            Nans::F32 => self.vector_unary::<v::F32x4Canonical>(),
            Nans::F64 => self.vector_unary::<v::F64x2Canonical>(),
        }
    }

    /// Pops two vectors as operands `a` and `b`.
    fn pop_two_vectors(&mut self) -> (VectorPair, Fields) {
        let b = self.pop_vector();
        let a = self.pop_vector();
        self.vector_pair(a, b)
    }

    /// Where two vectors are read from, as operands `a` and `b`.
    fn vector_pair(&mut self, a_slot: u32, b_slot: u32) -> (VectorPair, Fields) {
        let (a_source, a) = self.vector_source(a_slot, 1);
        let (pair, b) = match a_source {
            VectorSource::Acc => (VectorPair::AccSlot, self.reach_vector(b_slot, 2)),
            VectorSource::Slot => match self.vector_source(b_slot, 2) {
                (VectorSource::Acc, b) => (VectorPair::SlotAcc, b),
                (VectorSource::Slot, b) => (VectorPair::SlotSlot, b),
            },
        };
        (pair, Fields { a, b: u32::from(b), ..Fields::default() })
    }

    /// Pops three vectors as operands `a` and the halves of `b`.
    fn pop_three_vectors(&mut self) -> (VectorTriple, Fields) {
        let c = self.pop_vector();
        let b = self.pop_vector();
        let a = self.pop_vector();
        let triple = match () {
            () if self.holds_vector(a) => VectorTriple::First,
            () if self.holds_vector(b) => VectorTriple::Second,
            () if self.holds_vector(c) => VectorTriple::Third,
            () => VectorTriple::Slots,
        };
        let (a, b) = (self.reach_vector(a, 1), self.reach_vector(b, 2));
        let b = u32::from_ne_bytes(halves(b, self.reach_vector(c, 3)));
        (triple, Fields { a, b, d: 0, wide: None })
    }

    fn shuffle(&mut self, lanes: [u8; 16]) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if self.fast_shuffle(lanes) {
            return;
        }
        let (pair, fields) = self.pop_two_vectors();
        let [low, high] = granules(lanes);
        let handler = *vector_pairs!(Shuffle).at(pair);
        self.define_vector(handler, Fields { wide: Some(low), ..fields }, &[high]);
    }
}

impl VectorLowering for Translator<'_> {
    fn vector_unary<O: VectorUnary>(&mut self) {
        let x = self.pop_vector();
        let (source, a) = self.vector_source(x, 1);
        let handler = *UnaryTable::<O>::BY_SOURCE.at(source);
        self.define_vector(handler, Fields { a, ..Fields::default() }, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_binary<O: VectorBinary>(&mut self) {
        let (pair, fields) = self.pop_two_vectors();
        self.define_vector(*BinaryTable::<O>::BY_SOURCES.at(pair), fields, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn swizzle<O: VectorBinary>(&mut self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if self.fast_swizzle() {
            return;
        }
        self.vector_binary::<O>();
    }

    fn vector_ternary<O: VectorTernary>(&mut self) {
        let (triple, fields) = self.pop_three_vectors();
        self.define_vector(*TernaryTable::<O>::BY_SOURCES.at(triple), fields, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_ternary_slow<O: VectorTernary>(&mut self) {
        let (_, fields) = self.pop_three_vectors();
        self.define_vector(handler::<SlowVectorTernop<O>>(), fields, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_shift<O: VectorShift>(&mut self) {
        let count = self.pop();
        let x = self.pop_vector();
        let (handlers, b) = match count {
            Operand::Slot(slot) => {
                (ShiftTable::<O, SlotB>::BY_SOURCE, u32::from(self.reach(slot as u32, 1)))
            }
            Operand::Acc => (ShiftTable::<O, Acc>::BY_SOURCE, 0),
            Operand::Pin => (ShiftTable::<O, Pin>::BY_SOURCE, 0),
            Operand::Const(bits) => (ShiftTable::<O, ImmB>::BY_SOURCE, bits as u32),
        };
        let (source, a) = self.vector_source(x, 1);
        self.define_vector(*handlers.at(source), Fields { a, b, ..Fields::default() }, &[]);
    }

    fn vector_test<O: VectorTest>(&mut self) {
        let x = self.pop_vector();
        let (source, a) = self.vector_source(x, 1);
        let fields = Fields { a, ..Fields::default() };
        self.define(TestTable::<O>::BY_SOURCE.at(source), fields, Bank::Int);
    }

    fn splat<O: Splat>(&mut self) {
        self.splat_operand::<O>();
    }
}
