//! Translates vector operations.
//!
//! Their vectors are in slots ([`moves`]). Scalar operands are wherever those of
//! other operations are, and scalar results go to the accumulator first, as theirs do.

mod lanes;
mod moves;

use std::marker::PhantomData;

use wasmparser::{MemArg, V128};

use super::Translator;
use super::emit::Fields;
use super::scalar::halves;
use super::stack::Operand;
use super::tables::{Dests, dests};
use crate::exec::vector::{
    Shift, Shuffle, SlowVectorTernop, Test, VectorBinop, VectorTernop, VectorUnop,
};
use crate::machine::operand::{Acc, ImmB, Pin, SlotB};
use crate::machine::{Bank, Handler, handler};
use crate::op::access::lane as l;
use crate::op::vector::{
    self as v, Nans, Splat, VectorBinary, VectorLowering, VectorShift, VectorTernary, VectorTest,
    VectorUnary,
};

/// Handlers of an operation with a scalar result.
struct TestTable<O>(PhantomData<O>);

impl<O: VectorTest> TestTable<O> {
    const DESTS: &'static Dests = &dests!(Test<O>);
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
    fn pop_two_vectors(&mut self) -> Fields {
        let b = self.pop_vector();
        let a = self.pop_vector();
        let (a, b) = (self.reach_vector(a, 1), self.reach_vector(b, 2));
        Fields { a, b: u32::from(b), ..Fields::default() }
    }

    fn vector_ternary_by(&mut self, handler: Handler) {
        let c = self.pop_vector();
        let b = self.pop_vector();
        let a = self.pop_vector();
        let (a, b) = (self.reach_vector(a, 1), self.reach_vector(b, 2));
        let b = u32::from_ne_bytes(halves(b, self.reach_vector(c, 3)));
        self.define_vector(handler, Fields { a, b, d: 0, wide: None }, &[]);
    }

    fn shuffle(&mut self, lanes: [u8; 16]) {
        let fields = self.pop_two_vectors();
        let (granules, _) = lanes.as_chunks();
        let [low, high] = [0, 1].map(|index| u64::from_ne_bytes(granules[index]));
        let fields = Fields { wide: Some(low), ..fields };
        self.define_vector(handler::<Shuffle>(), fields, &[high]);
    }
}

impl VectorLowering for Translator<'_> {
    fn vector_unary<O: VectorUnary>(&mut self) {
        let x = self.pop_vector();
        let fields = Fields { a: self.reach_vector(x, 1), ..Fields::default() };
        self.define_vector(handler::<VectorUnop<O>>(), fields, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_binary<O: VectorBinary>(&mut self) {
        let fields = self.pop_two_vectors();
        self.define_vector(handler::<VectorBinop<O>>(), fields, &[]);
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_ternary<O: VectorTernary>(&mut self) {
        self.vector_ternary_by(handler::<VectorTernop<O>>());
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_ternary_slow<O: VectorTernary>(&mut self) {
        self.vector_ternary_by(handler::<SlowVectorTernop<O>>());
        self.canonicalize_lanes(O::NANS);
    }

    fn vector_shift<O: VectorShift>(&mut self) {
        let count = self.pop();
        let x = self.pop_vector();
        let (handler, b) = match count {
            Operand::Slot(slot) => {
                (handler::<Shift<O, SlotB>>(), u32::from(self.reach(slot as u32, 1)))
            }
            Operand::Acc => (handler::<Shift<O, Acc>>(), 0),
            Operand::Pin => (handler::<Shift<O, Pin>>(), 0),
            Operand::Const(bits) => (handler::<Shift<O, ImmB>>(), bits as u32),
        };
        let fields = Fields { a: self.reach_vector(x, 1), b, ..Fields::default() };
        self.define_vector(handler, fields, &[]);
    }

    fn vector_test<O: VectorTest>(&mut self) {
        let x = self.pop_vector();
        let fields = Fields { a: self.reach_vector(x, 1), ..Fields::default() };
        self.define(TestTable::<O>::DESTS, fields, Bank::Int);
    }

    fn splat<O: Splat>(&mut self) {
        self.splat_operand::<O>();
    }
}
