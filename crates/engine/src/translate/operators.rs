//! Sends each operator to the method that translates it.
//!
//! For most operators the parser calls a method of [`VisitOperator`] with the immediates. It makes an
//! [`Operator`], which takes longer, only for vector and atomic operators.

use crate::machine::Bank;
use wasmparser::{FrameKind, FrameStack, Operator, VisitOperator, VisitSimdOperator};

use super::Translator;

use crate::op::access::scalar as m;
use crate::op::scalar as n;
use crate::op::wide as w;

/// What translates an operator with its immediates, in the parser's order.
#[rustfmt::skip]
macro_rules! translate {
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

    ($t:ident I32Load $memarg:ident) => { $t.load::<m::I32Load>($memarg) };
    ($t:ident I64Load $memarg:ident) => { $t.load::<m::I64Load>($memarg) };
    ($t:ident F32Load $memarg:ident) => { $t.load::<m::F32Load>($memarg) };
    ($t:ident F64Load $memarg:ident) => { $t.load::<m::F64Load>($memarg) };
    ($t:ident I32Load8S $memarg:ident) => { $t.load::<m::I32Load8S>($memarg) };
    ($t:ident I32Load8U $memarg:ident) => { $t.load::<m::I32Load8U>($memarg) };
    ($t:ident I32Load16S $memarg:ident) => { $t.load::<m::I32Load16S>($memarg) };
    ($t:ident I32Load16U $memarg:ident) => { $t.load::<m::I32Load16U>($memarg) };
    ($t:ident I64Load8S $memarg:ident) => { $t.load::<m::I64Load8S>($memarg) };
    ($t:ident I64Load8U $memarg:ident) => { $t.load::<m::I64Load8U>($memarg) };
    ($t:ident I64Load16S $memarg:ident) => { $t.load::<m::I64Load16S>($memarg) };
    ($t:ident I64Load16U $memarg:ident) => { $t.load::<m::I64Load16U>($memarg) };
    ($t:ident I64Load32S $memarg:ident) => { $t.load::<m::I64Load32S>($memarg) };
    ($t:ident I64Load32U $memarg:ident) => { $t.load::<m::I64Load32U>($memarg) };
    ($t:ident I32Store $memarg:ident) => { $t.store::<m::I32Store>($memarg) };
    ($t:ident I64Store $memarg:ident) => { $t.store::<m::I64Store>($memarg) };
    ($t:ident F32Store $memarg:ident) => { $t.store::<m::F32Store>($memarg) };
    ($t:ident F64Store $memarg:ident) => { $t.store::<m::F64Store>($memarg) };
    ($t:ident I32Store8 $memarg:ident) => { $t.store::<m::I32Store8>($memarg) };
    ($t:ident I32Store16 $memarg:ident) => { $t.store::<m::I32Store16>($memarg) };
    ($t:ident I64Store8 $memarg:ident) => { $t.store::<m::I64Store8>($memarg) };
    ($t:ident I64Store16 $memarg:ident) => { $t.store::<m::I64Store16>($memarg) };
    ($t:ident I64Store32 $memarg:ident) => { $t.store::<m::I64Store32>($memarg) };

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
    ($t:ident I32Eq) => { $t.compare::<n::I32Eq>() };
    ($t:ident I32Ne) => { $t.compare::<n::I32Ne>() };
    ($t:ident I32LtS) => { $t.compare::<n::I32LtS>() };
    ($t:ident I32LtU) => { $t.compare::<n::I32LtU>() };
    ($t:ident I32GtS) => { $t.compare::<n::I32GtS>() };
    ($t:ident I32GtU) => { $t.compare::<n::I32GtU>() };
    ($t:ident I32LeS) => { $t.compare::<n::I32LeS>() };
    ($t:ident I32LeU) => { $t.compare::<n::I32LeU>() };
    ($t:ident I32GeS) => { $t.compare::<n::I32GeS>() };
    ($t:ident I32GeU) => { $t.compare::<n::I32GeU>() };
    ($t:ident I64Eqz) => { $t.test_zero::<n::I64Eq>() };
    ($t:ident I64Eq) => { $t.compare::<n::I64Eq>() };
    ($t:ident I64Ne) => { $t.compare::<n::I64Ne>() };
    ($t:ident I64LtS) => { $t.compare::<n::I64LtS>() };
    ($t:ident I64LtU) => { $t.compare::<n::I64LtU>() };
    ($t:ident I64GtS) => { $t.compare::<n::I64GtS>() };
    ($t:ident I64GtU) => { $t.compare::<n::I64GtU>() };
    ($t:ident I64LeS) => { $t.compare::<n::I64LeS>() };
    ($t:ident I64LeU) => { $t.compare::<n::I64LeU>() };
    ($t:ident I64GeS) => { $t.compare::<n::I64GeS>() };
    ($t:ident I64GeU) => { $t.compare::<n::I64GeU>() };
    ($t:ident F32Eq) => { $t.compare::<n::F32Eq>() };
    ($t:ident F32Ne) => { $t.compare::<n::F32Ne>() };
    ($t:ident F32Lt) => { $t.compare::<n::F32Lt>() };
    ($t:ident F32Gt) => { $t.compare::<n::F32Gt>() };
    ($t:ident F32Le) => { $t.compare::<n::F32Le>() };
    ($t:ident F32Ge) => { $t.compare::<n::F32Ge>() };
    ($t:ident F64Eq) => { $t.compare::<n::F64Eq>() };
    ($t:ident F64Ne) => { $t.compare::<n::F64Ne>() };
    ($t:ident F64Lt) => { $t.compare::<n::F64Lt>() };
    ($t:ident F64Gt) => { $t.compare::<n::F64Gt>() };
    ($t:ident F64Le) => { $t.compare::<n::F64Le>() };
    ($t:ident F64Ge) => { $t.compare::<n::F64Ge>() };

    ($t:ident I32Add) => { $t.add_i32() };
    ($t:ident I32Sub) => { $t.subtract_i32() };
    ($t:ident I32Mul) => { $t.binary_loading::<n::I32Mul>() };
    ($t:ident I32DivS) => { $t.binary_trapping::<n::I32DivS>() };
    ($t:ident I32DivU) => { $t.binary_trapping::<n::I32DivU>() };
    ($t:ident I32RemS) => { $t.binary_trapping::<n::I32RemS>() };
    ($t:ident I32RemU) => { $t.binary_trapping::<n::I32RemU>() };
    ($t:ident I32And) => { $t.binary_loading::<n::I32And>() };
    ($t:ident I32Or) => { $t.binary_loading::<n::I32Or>() };
    ($t:ident I32Xor) => { $t.binary_loading::<n::I32Xor>() };
    ($t:ident I32Shl) => { $t.binary::<n::I32Shl>() };
    ($t:ident I32ShrS) => { $t.binary::<n::I32ShrS>() };
    ($t:ident I32ShrU) => { $t.binary::<n::I32ShrU>() };
    ($t:ident I32Rotl) => { $t.binary::<n::I32Rotl>() };
    ($t:ident I32Rotr) => { $t.binary::<n::I32Rotr>() };
    ($t:ident I64Add) => { $t.binary_loading::<n::I64Add>() };
    ($t:ident I64Sub) => { $t.subtract_i64() };
    ($t:ident I64Mul) => { $t.binary_loading::<n::I64Mul>() };
    ($t:ident I64DivS) => { $t.binary_trapping::<n::I64DivS>() };
    ($t:ident I64DivU) => { $t.binary_trapping::<n::I64DivU>() };
    ($t:ident I64RemS) => { $t.binary_trapping::<n::I64RemS>() };
    ($t:ident I64RemU) => { $t.binary_trapping::<n::I64RemU>() };
    ($t:ident I64And) => { $t.binary_loading::<n::I64And>() };
    ($t:ident I64Or) => { $t.binary_loading::<n::I64Or>() };
    ($t:ident I64Xor) => { $t.binary_loading::<n::I64Xor>() };
    ($t:ident I64Shl) => { $t.binary::<n::I64Shl>() };
    ($t:ident I64ShrS) => { $t.binary::<n::I64ShrS>() };
    ($t:ident I64ShrU) => { $t.binary::<n::I64ShrU>() };
    ($t:ident I64Rotl) => { $t.binary::<n::I64Rotl>() };
    ($t:ident I64Rotr) => { $t.binary::<n::I64Rotr>() };
    ($t:ident F32Add) => { $t.binary_loading::<n::F32Add>() };
    ($t:ident F32Sub) => { $t.binary_loading::<n::F32Sub>() };
    ($t:ident F32Mul) => { $t.binary_loading::<n::F32Mul>() };
    ($t:ident F32Div) => { $t.binary::<n::F32Div>() };
    ($t:ident F32Min) => { $t.binary::<n::F32Min>() };
    ($t:ident F32Max) => { $t.binary::<n::F32Max>() };
    ($t:ident F32Copysign) => { $t.binary::<n::F32Copysign>() };
    ($t:ident F64Add) => { $t.binary_loading::<n::F64Add>() };
    ($t:ident F64Sub) => { $t.binary_loading::<n::F64Sub>() };
    ($t:ident F64Mul) => { $t.binary_loading::<n::F64Mul>() };
    ($t:ident F64Div) => { $t.binary::<n::F64Div>() };
    ($t:ident F64Min) => { $t.binary::<n::F64Min>() };
    ($t:ident F64Max) => { $t.binary::<n::F64Max>() };
    ($t:ident F64Copysign) => { $t.binary::<n::F64Copysign>() };

    ($t:ident I32Clz) => { $t.unary::<n::I32Clz>() };
    ($t:ident I32Ctz) => { $t.unary::<n::I32Ctz>() };
    ($t:ident I32Popcnt) => { $t.unary::<n::I32Popcnt>() };
    ($t:ident I64Clz) => { $t.unary::<n::I64Clz>() };
    ($t:ident I64Ctz) => { $t.unary::<n::I64Ctz>() };
    ($t:ident I64Popcnt) => { $t.unary::<n::I64Popcnt>() };
    ($t:ident I32Extend8S) => { $t.unary::<n::I32Extend8S>() };
    ($t:ident I32Extend16S) => { $t.unary::<n::I32Extend16S>() };
    ($t:ident I64Extend8S) => { $t.unary::<n::I64Extend8S>() };
    ($t:ident I64Extend16S) => { $t.unary::<n::I64Extend16S>() };
    ($t:ident I64Extend32S) => { $t.unary::<n::I64Extend32S>() };
    ($t:ident I32WrapI64) => { $t.unary::<n::I32WrapI64>() };
    ($t:ident I64ExtendI32S) => { $t.unary::<n::I64ExtendI32S>() };
    // Slots and registers hold an `i32` zero-extended, so it is one already.
    ($t:ident I64ExtendI32U) => {};
    ($t:ident F32Abs) => { $t.unary::<n::F32Abs>() };
    ($t:ident F32Neg) => { $t.unary::<n::F32Neg>() };
    ($t:ident F32Ceil) => { $t.unary::<n::F32Ceil>() };
    ($t:ident F32Floor) => { $t.unary::<n::F32Floor>() };
    ($t:ident F32Trunc) => { $t.unary::<n::F32Trunc>() };
    ($t:ident F32Nearest) => { $t.unary::<n::F32Nearest>() };
    ($t:ident F32Sqrt) => { $t.unary::<n::F32Sqrt>() };
    ($t:ident F64Abs) => { $t.unary::<n::F64Abs>() };
    ($t:ident F64Neg) => { $t.unary::<n::F64Neg>() };
    ($t:ident F64Ceil) => { $t.unary::<n::F64Ceil>() };
    ($t:ident F64Floor) => { $t.unary::<n::F64Floor>() };
    ($t:ident F64Trunc) => { $t.unary::<n::F64Trunc>() };
    ($t:ident F64Nearest) => { $t.unary::<n::F64Nearest>() };
    ($t:ident F64Sqrt) => { $t.unary::<n::F64Sqrt>() };
    ($t:ident I32TruncF32S) => { $t.unary_trapping::<n::I32TruncF32S>() };
    ($t:ident I32TruncF32U) => { $t.unary_trapping::<n::I32TruncF32U>() };
    ($t:ident I32TruncF64S) => { $t.unary_trapping::<n::I32TruncF64S>() };
    ($t:ident I32TruncF64U) => { $t.unary_trapping::<n::I32TruncF64U>() };
    ($t:ident I64TruncF32S) => { $t.unary_trapping::<n::I64TruncF32S>() };
    ($t:ident I64TruncF32U) => { $t.unary_trapping::<n::I64TruncF32U>() };
    ($t:ident I64TruncF64S) => { $t.unary_trapping::<n::I64TruncF64S>() };
    ($t:ident I64TruncF64U) => { $t.unary_trapping::<n::I64TruncF64U>() };
    ($t:ident I32TruncSatF32S) => { $t.unary::<n::I32TruncSatF32S>() };
    ($t:ident I32TruncSatF32U) => { $t.unary::<n::I32TruncSatF32U>() };
    ($t:ident I32TruncSatF64S) => { $t.unary::<n::I32TruncSatF64S>() };
    ($t:ident I32TruncSatF64U) => { $t.unary::<n::I32TruncSatF64U>() };
    ($t:ident I64TruncSatF32S) => { $t.unary::<n::I64TruncSatF32S>() };
    ($t:ident I64TruncSatF32U) => { $t.unary::<n::I64TruncSatF32U>() };
    ($t:ident I64TruncSatF64S) => { $t.unary::<n::I64TruncSatF64S>() };
    ($t:ident I64TruncSatF64U) => { $t.unary::<n::I64TruncSatF64U>() };
    ($t:ident F32ConvertI32S) => { $t.unary::<n::F32ConvertI32S>() };
    ($t:ident F32ConvertI32U) => { $t.unary::<n::F32ConvertI32U>() };
    ($t:ident F32ConvertI64S) => { $t.unary::<n::F32ConvertI64S>() };
    ($t:ident F32ConvertI64U) => { $t.unary::<n::F32ConvertI64U>() };
    ($t:ident F64ConvertI32S) => { $t.unary::<n::F64ConvertI32S>() };
    ($t:ident F64ConvertI32U) => { $t.unary::<n::F64ConvertI32U>() };
    ($t:ident F64ConvertI64S) => { $t.unary::<n::F64ConvertI64S>() };
    ($t:ident F64ConvertI64U) => { $t.unary::<n::F64ConvertI64U>() };
    ($t:ident F32DemoteF64) => { $t.unary::<n::F32DemoteF64>() };
    ($t:ident F64PromoteF32) => { $t.unary::<n::F64PromoteF32>() };
    ($t:ident I32ReinterpretF32) => { $t.unary::<n::I32ReinterpretF32>() };
    ($t:ident I64ReinterpretF64) => { $t.unary::<n::I64ReinterpretF64>() };
    ($t:ident F32ReinterpretI32) => { $t.unary::<n::F32ReinterpretI32>() };
    ($t:ident F64ReinterpretI64) => { $t.unary::<n::F64ReinterpretI64>() };

    ($t:ident I64Add128) => { $t.wide_128::<w::I64Add128>() };
    ($t:ident I64Sub128) => { $t.wide_128::<w::I64Sub128>() };
    ($t:ident I64MulWideS) => { $t.mul_wide::<w::I64MulWideS>() };
    ($t:ident I64MulWideU) => { $t.mul_wide::<w::I64MulWideU>() };

    ($t:ident $other:ident $($field:ident)*) => {
        $t.vector_operator(&Operator::$other { $($field),* })
    };
}

/// What becomes of an operator that cannot be reached: only the ends of blocks matter.
macro_rules! skip {
    ($t:ident Block $($_:ident)*) => {
        $t.skip_block()
    };
    ($t:ident If $($_:ident)*) => {
        $t.skip_block()
    };
    ($t:ident TryTable $($_:ident)*) => {
        $t.skip_block()
    };
    ($t:ident Loop $($_:ident)*) => {
        $t.skip_loop()
    };
    ($t:ident Else) => {
        $t.skip_else()
    };
    ($t:ident End) => {
        $t.skip_end()
    };
    ($t:ident $other:ident $($_:ident)*) => {};
}

macro_rules! define_visits {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        #[allow(unused_variables)]
        fn $visit(&mut self $($(, $arg: $ty)*)?) {
            let t = self;
            if t.dead.is_some() {
                skip!(t $op $($($arg)*)?);
            } else {
                translate!(t $op $($($arg)*)?);
            }
        }
    )*};
}

impl<'a> VisitOperator<'a> for Translator<'_> {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define_visits);
}

impl<'a> VisitSimdOperator<'a> for Translator<'_> {
    wasmparser::for_each_visit_simd_operator!(define_visits);
}

impl FrameStack for Translator<'_> {
    /// The parser asks so that it can refuse an `else` outside of an `if`. Validation did that.
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::If)
    }
}
