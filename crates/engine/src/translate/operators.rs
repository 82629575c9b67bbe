//! Sends each operator to the method that translates it.
//!
//! The parser calls a method of [`VisitOperator`] with the immediates. An operator that the parser
//! knows does not compile unless an arm of `translate!` names it, it is an operation on numbers, or
//! its effect is [`Effect::Unsupported`].

use crate::machine::Bank;
use wasmparser::{FrameKind, FrameStack, VisitOperator};

use super::Translator;
use super::effect::{Effect, effects};
use crate::exec::access::atomic::AtomicFence;

use crate::op::access::scalar as m;
use crate::op::scalar::{self as n, Lowering};
use crate::op::wide as w;

/// What translates an operator with its immediates, in the parser's order.
#[rustfmt::skip]
macro_rules! translate {
    (@threads $t:ident AtomicFence $ordering:ident) => { $t.slow::<AtomicFence>(0, 0) };
    // A method of the operator's own name.
    (@threads $t:ident $op:ident $memarg:ident) => { $t.$op($memarg) };
    (@simd $t:ident $($rest:ident)+) => { translate_vector!($t $($rest)+) };
    (@relaxed_simd $t:ident $($rest:ident)+) => { translate_vector!($t $($rest)+) };
    (@legacy_exceptions $t:ident $op:ident $($_:ident)*) => { $t.unsupported(effects::$op) };
    (@memory_control $t:ident $op:ident $($_:ident)*) => { $t.unsupported(effects::$op) };
    (@stack_switching $t:ident $op:ident $($_:ident)*) => { $t.unsupported(effects::$op) };
    (@custom_descriptors $t:ident $op:ident $($_:ident)*) => { $t.unsupported(effects::$op) };
    (@shared_everything_threads $t:ident $op:ident $($_:ident)*) => {
        $t.unsupported(effects::$op)
    };
    (@acquire_release_atomics $t:ident $op:ident $($_:ident)*) => { $t.unsupported(effects::$op) };
    (@$proposal:ident $t:ident $($rest:ident)+) => { translate!($t $($rest)+) };

    ($t:ident Nop) => {};
    ($t:ident Unreachable) => { $t.unreachable() };
    ($t:ident Block $ty:ident) => { $t.block($ty) };
    ($t:ident Loop $ty:ident) => { $t.loop_($ty) };
    ($t:ident If $ty:ident) => { $t.if_($ty) };
    ($t:ident Else) => { $t.else_() };
    ($t:ident End) => { $t.end() };
    ($t:ident Br $depth:ident) => { $t.br($depth) };
    ($t:ident BrIf $depth:ident) => { $t.br_if($depth) };
    ($t:ident BrTable $targets:ident) => { $t.br_table(&$targets) };
    ($t:ident Return) => { $t.return_() };
    ($t:ident Call $func:ident) => { $t.call($func) };
    ($t:ident CallIndirect $ty:ident $table:ident) => { $t.call_indirect($ty, $table) };
    ($t:ident ReturnCall $func:ident) => { $t.return_call($func) };
    ($t:ident ReturnCallIndirect $ty:ident $table:ident) => {
        $t.return_call_indirect($ty, $table)
    };
    ($t:ident CallRef $ty:ident) => { $t.call_ref($ty) };
    ($t:ident ReturnCallRef $ty:ident) => { $t.return_call_ref($ty) };

    ($t:ident Drop) => { $t.drop_value() };
    ($t:ident Select) => { $t.select() };
    ($t:ident TypedSelect $ty:ident) => { $t.select() };
    // The specification reserves it for the future.
    ($t:ident TypedSelectMulti $tys:ident) => { $t.unsupported(effects::TypedSelectMulti) };
    ($t:ident LocalGet $local:ident) => { $t.local_get($local) };
    ($t:ident LocalSet $local:ident) => { $t.local_set($local) };
    ($t:ident LocalTee $local:ident) => {{
        $t.local_set($local);
        $t.local_get($local);
    }};
    ($t:ident GlobalGet $global:ident) => { $t.global_get($global) };
    ($t:ident GlobalSet $global:ident) => { $t.global_set($global) };
    ($t:ident I32Const $value:ident) => { $t.constant(u64::from($value as u32), Bank::Int) };
    ($t:ident I64Const $value:ident) => { $t.constant($value as u64, Bank::Int) };
    ($t:ident F32Const $value:ident) => { $t.constant(u64::from($value.bits()), Bank::F32) };
    ($t:ident F64Const $value:ident) => { $t.constant($value.bits(), Bank::F64) };
    ($t:ident RefNull $ty:ident) => { $t.constant(0, Bank::Int) };
    ($t:ident RefIsNull) => { $t.test_zero::<n::I64Eq>() };
    ($t:ident RefFunc $func:ident) => { $t.ref_func($func) };
    ($t:ident TryTable $try_table:ident) => { $t.try_table(&$try_table) };
    ($t:ident Throw $tag:ident) => { $t.throw($tag) };
    ($t:ident ThrowRef) => { $t.throw_ref() };
    ($t:ident RefEq) => { $t.compare::<n::I64Eq>() };
    ($t:ident StructNew $ty:ident) => { $t.struct_new($ty) };
    ($t:ident StructNewDefault $ty:ident) => { $t.struct_new_default($ty) };
    ($t:ident StructGet $ty:ident $field:ident) => { $t.struct_get($ty, $field, false) };
    ($t:ident StructGetU $ty:ident $field:ident) => { $t.struct_get($ty, $field, false) };
    ($t:ident StructGetS $ty:ident $field:ident) => { $t.struct_get($ty, $field, true) };
    ($t:ident StructSet $ty:ident $field:ident) => { $t.struct_set($ty, $field) };
    ($t:ident ArrayNew $ty:ident) => { $t.array_new($ty) };
    ($t:ident ArrayNewDefault $ty:ident) => { $t.array_new_default($ty) };
    ($t:ident ArrayNewFixed $ty:ident $size:ident) => { $t.array_new_fixed($ty, $size) };
    ($t:ident ArrayNewData $ty:ident $data:ident) => { $t.array_new_data($ty, $data) };
    ($t:ident ArrayNewElem $ty:ident $elem:ident) => { $t.array_new_elem($ty, $elem) };
    ($t:ident ArrayGet $ty:ident) => { $t.array_get($ty, false) };
    ($t:ident ArrayGetU $ty:ident) => { $t.array_get($ty, false) };
    ($t:ident ArrayGetS $ty:ident) => { $t.array_get($ty, true) };
    ($t:ident ArraySet $ty:ident) => { $t.array_set($ty) };
    ($t:ident ArrayLen) => { $t.array_len() };
    ($t:ident ArrayFill $ty:ident) => { $t.array_fill($ty) };
    ($t:ident ArrayCopy $_to:ident $_from:ident) => { $t.array_copy() };
    ($t:ident ArrayInitData $ty:ident $data:ident) => { $t.array_init_data($data) };
    ($t:ident ArrayInitElem $ty:ident $elem:ident) => { $t.array_init_elem($elem) };
    ($t:ident RefI31) => { $t.ref_i31() };
    ($t:ident I31GetS) => { $t.i31_get(true) };
    ($t:ident I31GetU) => { $t.i31_get(false) };
    ($t:ident RefTestNonNull $ty:ident) => { $t.ref_test(false, $ty) };
    ($t:ident RefTestNullable $ty:ident) => { $t.ref_test(true, $ty) };
    ($t:ident RefCastNonNull $ty:ident) => { $t.ref_cast(false, $ty) };
    ($t:ident RefCastNullable $ty:ident) => { $t.ref_cast(true, $ty) };
    ($t:ident BrOnCast $depth:ident $_from:ident $to:ident) => { $t.br_on_cast($depth, $to, true) };
    ($t:ident BrOnCastFail $depth:ident $_from:ident $to:ident) => {
        $t.br_on_cast($depth, $to, false)
    };
    // References of both hierarchies are the same bits.
    ($t:ident AnyConvertExtern) => {};
    ($t:ident ExternConvertAny) => {};
    ($t:ident RefAsNonNull) => { $t.ref_as_non_null() };
    ($t:ident BrOnNull $depth:ident) => { $t.br_on_null($depth) };
    ($t:ident BrOnNonNull $depth:ident) => { $t.br_on_non_null($depth) };

    ($t:ident I32Load $memarg:ident) => { $t.scalar_load::<m::I32Load>($memarg) };
    ($t:ident I64Load $memarg:ident) => { $t.scalar_load::<m::I64Load>($memarg) };
    ($t:ident F32Load $memarg:ident) => { $t.scalar_load::<m::F32Load>($memarg) };
    ($t:ident F64Load $memarg:ident) => { $t.scalar_load::<m::F64Load>($memarg) };
    ($t:ident I32Load8S $memarg:ident) => { $t.scalar_load::<m::I32Load8S>($memarg) };
    ($t:ident I32Load8U $memarg:ident) => { $t.scalar_load::<m::I32Load8U>($memarg) };
    ($t:ident I32Load16S $memarg:ident) => { $t.scalar_load::<m::I32Load16S>($memarg) };
    ($t:ident I32Load16U $memarg:ident) => { $t.scalar_load::<m::I32Load16U>($memarg) };
    ($t:ident I64Load8S $memarg:ident) => { $t.scalar_load::<m::I64Load8S>($memarg) };
    ($t:ident I64Load8U $memarg:ident) => { $t.scalar_load::<m::I64Load8U>($memarg) };
    ($t:ident I64Load16S $memarg:ident) => { $t.scalar_load::<m::I64Load16S>($memarg) };
    ($t:ident I64Load16U $memarg:ident) => { $t.scalar_load::<m::I64Load16U>($memarg) };
    ($t:ident I64Load32S $memarg:ident) => { $t.scalar_load::<m::I64Load32S>($memarg) };
    ($t:ident I64Load32U $memarg:ident) => { $t.scalar_load::<m::I64Load32U>($memarg) };
    ($t:ident I32Store $memarg:ident) => { $t.scalar_store::<m::I32Store>($memarg) };
    ($t:ident I64Store $memarg:ident) => { $t.scalar_store::<m::I64Store>($memarg) };
    ($t:ident F32Store $memarg:ident) => { $t.scalar_store::<m::F32Store>($memarg) };
    ($t:ident F64Store $memarg:ident) => { $t.scalar_store::<m::F64Store>($memarg) };
    ($t:ident I32Store8 $memarg:ident) => { $t.scalar_store::<m::I32Store8>($memarg) };
    ($t:ident I32Store16 $memarg:ident) => { $t.scalar_store::<m::I32Store16>($memarg) };
    ($t:ident I64Store8 $memarg:ident) => { $t.scalar_store::<m::I64Store8>($memarg) };
    ($t:ident I64Store16 $memarg:ident) => { $t.scalar_store::<m::I64Store16>($memarg) };
    ($t:ident I64Store32 $memarg:ident) => { $t.scalar_store::<m::I64Store32>($memarg) };

    ($t:ident MemorySize $mem:ident) => { $t.memory_size($mem) };
    ($t:ident MemoryGrow $mem:ident) => { $t.memory_grow($mem) };
    ($t:ident MemoryFill $mem:ident) => { $t.memory_fill($mem) };
    ($t:ident MemoryCopy $to:ident $from:ident) => { $t.memory_copy($to, $from) };
    ($t:ident MemoryInit $data:ident $mem:ident) => { $t.memory_init($mem, $data) };
    ($t:ident DataDrop $data:ident) => { $t.data_drop($data) };
    ($t:ident TableGet $table:ident) => { $t.table_get($table) };
    ($t:ident TableSet $table:ident) => { $t.table_set($table) };
    ($t:ident TableSize $table:ident) => { $t.table_size($table) };
    ($t:ident TableGrow $table:ident) => { $t.table_grow($table) };
    ($t:ident TableFill $table:ident) => { $t.table_fill($table) };
    ($t:ident TableCopy $to:ident $from:ident) => { $t.table_copy($to, $from) };
    ($t:ident TableInit $elem:ident $table:ident) => { $t.table_init($table, $elem) };
    ($t:ident ElemDrop $elem:ident) => { $t.elem_drop($elem) };

    ($t:ident I32Eqz) => { $t.test_zero::<n::I32Eq>() };
    ($t:ident I64Eqz) => { $t.test_zero::<n::I64Eq>() };

    // Slots and registers hold an `i32` zero-extended, so it is one already.
    ($t:ident I64ExtendI32U) => {};

    ($t:ident I64Add128) => { $t.wide_128::<w::I64Add128>() };
    ($t:ident I64Sub128) => { $t.wide_128::<w::I64Sub128>() };
    ($t:ident I64MulWideS) => { $t.mul_wide::<w::I64MulWideS>() };
    ($t:ident I64MulWideU) => { $t.mul_wide::<w::I64MulWideU>() };

    // All others are operations on numbers, which have no immediates.
    ($t:ident $op:ident) => { <n::$op as n::ScalarOp>::lower($t) };
}

/// The same for operators on vectors: those with immediates have methods of their own names.
#[cfg(feature = "simd")]
macro_rules! translate_vector {
    ($t:ident $op:ident) => {
        <crate::op::vector::$op as crate::op::vector::VectorOp>::lower($t)
    };
    ($t:ident $op:ident $($field:ident)+) => {
        $t.$op($($field),+)
    };
}

/// Whether a build leaves out the operators of a proposal.
macro_rules! is_left_out {
    (gc) => {
        cfg!(not(feature = "gc"))
    };
    (threads) => {
        cfg!(not(feature = "threads"))
    };
    ($other:ident) => {
        false
    };
}

macro_rules! define_visits {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        #[allow(unused_variables)]
        fn $visit(&mut self $($(, $arg: $ty)*)?) {
            const EFFECT: Effect = effects::$op;
            let t = self;
            if t.function.dead.is_some() {
                t.skip(EFFECT);
            } else if is_left_out!($proposal) {
                // Then the handlers are not compiled.
                t.left_out();
            } else {
                translate!(@$proposal t $op $($($arg)*)?);
            }
        }
    )*};
}

impl Translator<'_> {
    /// Passes an operator that cannot be reached: only where blocks begin and end matters.
    #[inline]
    fn skip(&mut self, effect: Effect) {
        match effect {
            Effect::Block | Effect::If | Effect::TryTable => self.skip_block(),
            Effect::Loop => self.skip_loop(),
            Effect::Else => self.skip_else(),
            Effect::End => self.skip_end(),
            Effect::Plain | Effect::Call | Effect::Free | Effect::Unsupported => {}
            Effect::Br | Effect::BrIf | Effect::BrTable => {}
            Effect::Return | Effect::TailCall | Effect::Throw | Effect::Trap => {}
        }
    }

    /// An operator of a proposal that this build leaves out: validation refuses the module.
    #[cold]
    fn left_out(&mut self) {
        panic!("a validated module has an operator of a proposal that is left out");
    }

    /// An operator of a proposal that is not supported: validation, which knows as much, refuses
    /// the module.
    #[cold]
    fn unsupported(&mut self, effect: Effect) {
        assert!(effect == Effect::Unsupported, "an operator is supported, but not translated");
        panic!("a validated module has an operator of a proposal that is not supported");
    }
}

impl<'a> VisitOperator<'a> for Translator<'_> {
    type Output = ();

    #[cfg(feature = "simd")]
    fn simd_visitor(&mut self) -> Option<&mut dyn wasmparser::VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define_visits);
}

#[cfg(feature = "simd")]
impl<'a> wasmparser::VisitSimdOperator<'a> for Translator<'_> {
    wasmparser::for_each_visit_simd_operator!(define_visits);
}

impl FrameStack for Translator<'_> {
    /// The parser asks so that it can refuse an `else` outside of an `if`. Validation did that.
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::If)
    }
}
