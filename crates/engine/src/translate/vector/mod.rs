//! Translates vector operations.
//!
//! Their vectors are in slots ([`moves`]). Scalar operands are wherever those of
//! other operations are, and scalar results go to the accumulator first, as theirs do.

mod lanes;
mod moves;

use std::marker::PhantomData;

use wasmparser::Operator;

use super::Translator;
use super::emit::{Dests, Fields, dests};
use super::scalar::halves;
use super::stack::Operand;
use crate::exec::vector::{Binop, Shift, Shuffle, SlowTernop, Ternop, Test, Unop};
use crate::machine::operand::{Acc, ImmB, Pin, SlotB};
use crate::machine::{Bank, Handler, handler};
use crate::op::access::lane as l;
use crate::op::vector::{
    self as v, VectorBinary, VectorShift, VectorTernary, VectorTest, VectorUnary,
};

/// Handlers of an operation with a scalar result.
struct TestTable<O>(PhantomData<O>);

impl<O: VectorTest> TestTable<O> {
    const DESTS: &'static Dests = &dests!(Test<O>);
}

/// A match on an operator: for each group, a method and the operations that it is called with.
macro_rules! operators {
    (
        $this:ident, $operator:expr;
        $($method:ident: $($name:ident)*;)*
        @memory $($memory_method:ident: $($memory:ident)*;)*
        @memory_lane $($memory_lane_method:ident: $($memory_lane:ident $width:ident)*;)*
        @lane $($lane_method:ident: $($lane:ident)*;)*
    ) => {
        match *$operator {
            $($(Operator::$name => $this.$method::<v::$name>(),)*)*
            $($(Operator::$memory { memarg } => $this.$memory_method::<l::$memory>(memarg),)*)*
            $($(Operator::$memory_lane { memarg, lane } => {
                $this.$memory_lane_method::<l::$width>(memarg, lane);
            })*)*
            $($(Operator::$lane { lane } => $this.$lane_method::<v::$lane>(lane),)*)*
            Operator::V128Const { value } => $this.vector_constant(value.i128() as u128),
            Operator::V128Store { memarg } => $this.vector_store(memarg),
            Operator::I8x16Shuffle { lanes } => $this.shuffle(lanes),
            ref other => $this.atomic_operator(other),
        }
    };
}

impl Translator<'_> {
    /// Translates an operator on vectors.
    pub(in crate::translate) fn vector_operator(&mut self, operator: &Operator<'_>) {
        operators! { self, operator;
            vector_unary:
                V128Not
                I8x16Abs I8x16Neg I8x16Popcnt I16x8Abs I16x8Neg I32x4Abs I32x4Neg I64x2Abs I64x2Neg
                I16x8ExtAddPairwiseI8x16S I16x8ExtAddPairwiseI8x16U
                I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U
                I16x8ExtendLowI8x16S I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U
                I16x8ExtendHighI8x16U I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S
                I32x4ExtendLowI16x8U I32x4ExtendHighI16x8U I64x2ExtendLowI32x4S
                I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U
                F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F32x4Abs F32x4Neg F32x4Sqrt
                F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest F64x2Abs F64x2Neg F64x2Sqrt
                I32x4TruncSatF32x4S I32x4TruncSatF32x4U F32x4ConvertI32x4S F32x4ConvertI32x4U
                I32x4TruncSatF64x2SZero I32x4TruncSatF64x2UZero F64x2ConvertLowI32x4S
                F64x2ConvertLowI32x4U F32x4DemoteF64x2Zero F64x2PromoteLowF32x4
                I32x4RelaxedTruncF32x4S I32x4RelaxedTruncF32x4U I32x4RelaxedTruncF64x2SZero
                I32x4RelaxedTruncF64x2UZero;
            vector_binary:
                V128And V128AndNot V128Or V128Xor I8x16Swizzle
                I8x16Eq I8x16Ne I8x16LtS I8x16LtU I8x16GtS I8x16GtU I8x16LeS I8x16LeU I8x16GeS
                I8x16GeU I16x8Eq I16x8Ne I16x8LtS I16x8LtU I16x8GtS I16x8GtU I16x8LeS I16x8LeU
                I16x8GeS I16x8GeU I32x4Eq I32x4Ne I32x4LtS I32x4LtU I32x4GtS I32x4GtU I32x4LeS
                I32x4LeU I32x4GeS I32x4GeU I64x2Eq I64x2Ne I64x2LtS I64x2GtS I64x2LeS I64x2GeS
                F32x4Eq F32x4Ne F32x4Lt F32x4Gt F32x4Le F32x4Ge
                F64x2Eq F64x2Ne F64x2Lt F64x2Gt F64x2Le F64x2Ge
                I8x16NarrowI16x8S I8x16NarrowI16x8U I16x8NarrowI32x4S I16x8NarrowI32x4U
                I8x16Add I8x16AddSatS I8x16AddSatU I8x16Sub I8x16SubSatS I8x16SubSatU
                I8x16MinS I8x16MinU I8x16MaxS I8x16MaxU I8x16AvgrU
                I16x8Add I16x8AddSatS I16x8AddSatU I16x8Sub I16x8SubSatS I16x8SubSatU I16x8Mul
                I16x8MinS I16x8MinU I16x8MaxS I16x8MaxU I16x8AvgrU I16x8Q15MulrSatS
                I32x4Add I32x4Sub I32x4Mul I32x4MinS I32x4MinU I32x4MaxS I32x4MaxU I32x4DotI16x8S
                I64x2Add I64x2Sub I64x2Mul
                I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S I16x8ExtMulLowI8x16U
                I16x8ExtMulHighI8x16U I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S
                I32x4ExtMulLowI16x8U I32x4ExtMulHighI16x8U I64x2ExtMulLowI32x4S
                I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U I64x2ExtMulHighI32x4U
                F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4PMin F32x4PMax
                F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2PMin F64x2PMax
                I8x16RelaxedSwizzle F32x4RelaxedMin F32x4RelaxedMax F64x2RelaxedMin
                F64x2RelaxedMax I16x8RelaxedQ15mulrS I16x8RelaxedDotI8x16I7x16S;
            vector_ternary:
                V128Bitselect I8x16RelaxedLaneselect I16x8RelaxedLaneselect
                I32x4RelaxedLaneselect I64x2RelaxedLaneselect I32x4RelaxedDotI8x16I7x16AddS;
            vector_ternary_slow:
                F32x4RelaxedMadd F32x4RelaxedNmadd F64x2RelaxedMadd F64x2RelaxedNmadd;
            vector_shift:
                I8x16Shl I8x16ShrS I8x16ShrU I16x8Shl I16x8ShrS I16x8ShrU
                I32x4Shl I32x4ShrS I32x4ShrU I64x2Shl I64x2ShrS I64x2ShrU;
            vector_test:
                V128AnyTrue I8x16AllTrue I16x8AllTrue I32x4AllTrue I64x2AllTrue
                I8x16Bitmask I16x8Bitmask I32x4Bitmask I64x2Bitmask;
            splat:
                I8x16Splat I16x8Splat I32x4Splat I64x2Splat F32x4Splat F64x2Splat;
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
    }

    /// Makes the lanes of an operator's result canonical, should they be NaNs.
    pub(in crate::translate) fn canonicalize_vector(&mut self, operator: &Operator<'_>) {
        use Operator as O;
        match operator {
            O::F32x4Add
            | O::F32x4Sub
            | O::F32x4Mul
            | O::F32x4Div
            | O::F32x4Min
            | O::F32x4Max
            | O::F32x4Sqrt
            | O::F32x4Ceil
            | O::F32x4Floor
            | O::F32x4Trunc
            | O::F32x4Nearest
            | O::F32x4RelaxedMin
            | O::F32x4RelaxedMax
            | O::F32x4RelaxedMadd
            | O::F32x4RelaxedNmadd
            | O::F32x4DemoteF64x2Zero => {
                self.vector_unary::<v::F32x4Canonical>();
            }
            O::F64x2Add
            | O::F64x2Sub
            | O::F64x2Mul
            | O::F64x2Div
            | O::F64x2Min
            | O::F64x2Max
            | O::F64x2Sqrt
            | O::F64x2Ceil
            | O::F64x2Floor
            | O::F64x2Trunc
            | O::F64x2Nearest
            | O::F64x2RelaxedMin
            | O::F64x2RelaxedMax
            | O::F64x2RelaxedMadd
            | O::F64x2RelaxedNmadd
            | O::F64x2PromoteLowF32x4 => {
                self.vector_unary::<v::F64x2Canonical>();
            }
            _ => {}
        }
    }

    fn vector_unary<O: VectorUnary>(&mut self) {
        let x = self.pop_vector();
        let fields = Fields { a: self.reach_vector(x, 1), ..Fields::default() };
        self.define_vector(handler::<Unop<O>>(), fields, &[]);
    }

    /// Pops two vectors as operands `a` and `b`.
    fn pop_two_vectors(&mut self) -> Fields {
        let b = self.pop_vector();
        let a = self.pop_vector();
        let (a, b) = (self.reach_vector(a, 1), self.reach_vector(b, 2));
        Fields { a, b: u32::from(b), ..Fields::default() }
    }

    fn vector_binary<O: VectorBinary>(&mut self) {
        let fields = self.pop_two_vectors();
        self.define_vector(handler::<Binop<O>>(), fields, &[]);
    }

    fn vector_ternary<O: VectorTernary>(&mut self) {
        self.vector_ternary_by(handler::<Ternop<O>>());
    }

    fn vector_ternary_slow<O: VectorTernary>(&mut self) {
        self.vector_ternary_by(handler::<SlowTernop<O>>());
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
}
