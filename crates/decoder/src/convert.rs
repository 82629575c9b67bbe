//! From the parser's types to this crate's, refusing what they cannot represent.
//!
//! Validation refuses most of it before, because the proposals it belongs to cannot be switched
//! on; the errors here keep that a fact about two places instead of an assumption.

use std::ops::Range;

use lineal_memory::{AddressType, MemoryType, PageSize, Pages};
use wasmparser::{AbstractHeapType, CompositeInnerType, Operator};

use crate::error::Error;
use crate::module::{ConstExpr, ConstOp, ElementItems};
use crate::types::{FuncType, GlobalType, HeapType, RefType, TableType, ValType};

/// A range of bytes of the binary, which is in memory.
pub(crate) fn range(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

pub(crate) fn val_type(ty: wasmparser::ValType, offset: u64) -> Result<ValType, Error> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty, offset)?),
    })
}

pub(crate) fn ref_type(ty: wasmparser::RefType, offset: u64) -> Result<RefType, Error> {
    if !ty.is_nullable() {
        let what = "a reference type without null";
        return Err(Error::unsupported(offset, what, "function-references"));
    }
    Ok(RefType { nullable: true, heap: heap_type(ty.heap_type(), offset)? })
}

fn heap_type(ty: wasmparser::HeapType, offset: u64) -> Result<HeapType, Error> {
    let (what, proposal) = match ty {
        wasmparser::HeapType::FUNC => return Ok(HeapType::Func),
        wasmparser::HeapType::EXTERN => return Ok(HeapType::Extern),
        wasmparser::HeapType::Concrete(_) => ("a typed reference", "function-references"),
        wasmparser::HeapType::Exact(_) => ("an exact reference", "custom-descriptors"),
        wasmparser::HeapType::Abstract { shared: true, .. } => {
            ("a shared reference", "shared-everything-threads")
        }
        wasmparser::HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Exn | AbstractHeapType::NoExn => {
                ("an exception reference", "exception-handling")
            }
            AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                ("a continuation reference", "stack-switching")
            }
            _ => ("an internal reference", "gc"),
        },
    };
    Err(Error::unsupported(offset, what, proposal))
}

pub(crate) fn func_type(ty: &wasmparser::SubType, offset: u64) -> Result<FuncType, Error> {
    let composite = &ty.composite_type;
    if !ty.is_final || !ty.supertype_idxs.is_empty() {
        return Err(Error::unsupported(offset, "a subtype", "gc"));
    }
    if composite.shared {
        return Err(Error::unsupported(offset, "a shared type", "shared-everything-threads"));
    }
    if composite.descriptor_idx.is_some() || composite.describes_idx.is_some() {
        return Err(Error::unsupported(offset, "a descriptor", "custom-descriptors"));
    }
    match &composite.inner {
        CompositeInnerType::Func(ty) => {
            let convert = |types: &[wasmparser::ValType]| {
                types.iter().map(|&ty| val_type(ty, offset)).collect::<Result<Vec<_>, _>>()
            };
            Ok(FuncType::new(convert(ty.params())?, convert(ty.results())?))
        }
        CompositeInnerType::Array(_) => Err(Error::unsupported(offset, "an array type", "gc")),
        CompositeInnerType::Struct(_) => Err(Error::unsupported(offset, "a structure type", "gc")),
        CompositeInnerType::Cont(_) => {
            Err(Error::unsupported(offset, "a continuation type", "stack-switching"))
        }
    }
}

pub(crate) fn table_type(ty: wasmparser::TableType, offset: u64) -> Result<TableType, Error> {
    if ty.shared {
        return Err(Error::unsupported(offset, "a shared table", "shared-everything-threads"));
    }
    Ok(TableType {
        element: ref_type(ty.element_type, offset)?,
        minimum: ty.initial,
        maximum: ty.maximum,
        table64: ty.table64,
    })
}

pub(crate) fn memory_type(ty: wasmparser::MemoryType, offset: u64) -> Result<MemoryType, Error> {
    let page_size = match ty.page_size_log2 {
        None => PageSize::DEFAULT,
        Some(log2) => {
            PageSize::from_log2(log2).map_err(|error| Error::binary(offset, error.to_string()))?
        }
    };
    MemoryType::builder(Pages(ty.initial))
        .maximum(ty.maximum.map(Pages))
        .address_type(if ty.memory64 { AddressType::I64 } else { AddressType::I32 })
        .page_size(page_size)
        .shared(ty.shared)
        .build()
        .map_err(|error| Error::binary(offset, error.to_string()))
}

pub(crate) fn global_type(ty: wasmparser::GlobalType, offset: u64) -> Result<GlobalType, Error> {
    if ty.shared {
        return Err(Error::unsupported(offset, "a shared global", "shared-everything-threads"));
    }
    Ok(GlobalType { content: val_type(ty.content_type, offset)?, mutable: ty.mutable })
}

pub(crate) fn element_items(
    items: wasmparser::ElementItems<'_>,
    offset: u64,
) -> Result<(RefType, ElementItems), Error> {
    match items {
        wasmparser::ElementItems::Functions(funcs) => {
            let funcs = funcs.into_iter().collect::<Result<_, _>>()?;
            Ok((RefType::FUNCREF, ElementItems::Funcs(funcs)))
        }
        wasmparser::ElementItems::Expressions(ty, exprs) => {
            let exprs =
                exprs.into_iter().map(|expr| const_expr(&expr?)).collect::<Result<_, _>>()?;
            Ok((ref_type(ty, offset)?, ElementItems::Exprs(exprs)))
        }
    }
}

pub(crate) fn const_expr(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
    let mut ops = Vec::new();
    for op in expr.get_operators_reader().into_iter_with_offsets() {
        let (op, offset) = op?;
        ops.push(match op {
            // Constant expressions have no blocks, so this is the last one.
            Operator::End => break,
            Operator::I32Const { value } => ConstOp::I32Const(value),
            Operator::I64Const { value } => ConstOp::I64Const(value),
            Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
            Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
            Operator::V128Const { value } => ConstOp::V128Const(value.i128() as u128),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
            Operator::RefNull { hty } => {
                ConstOp::RefNull(RefType { nullable: true, heap: heap_type(hty, offset)? })
            }
            Operator::RefFunc { function_index } => ConstOp::RefFunc(function_index),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            _ => return Err(Error::unsupported(offset, "this constant expression", "gc")),
        });
    }
    Ok(ConstExpr { ops: ops.into() })
}
