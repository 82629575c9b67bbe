//! From the parser's types to this crate's, refusing what they cannot represent.
//!
//! Validation refuses most of it before, because the proposals it belongs to cannot be switched
//! on; the errors here keep that a fact about two places instead of an assumption.

use std::ops::Range;

use lineal_memory::{AddressType, MemoryType, PageSize, Pages};
use wasmparser::{AbstractHeapType, CompositeInnerType, Operator, UnpackedIndex};

use crate::error::Error;
use crate::module::{ConstExpr, ConstOp, ElementItems, ModuleParts};
use crate::steps;
use crate::types::{
    ArrayType, CompositeType, FieldType, FuncType, GlobalType, HeapType, RefType, StorageType,
    StructType, SubType, TableType, TypeIndex, ValType,
};

/// A range of bytes of the binary, which is in memory.
pub(crate) fn range(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
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

/// What each defined type is, for references to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Func,
    Struct,
    Array,
}

/// What is known of a module's types when something that refers to them is converted.
#[derive(Debug)]
pub(crate) struct Types {
    /// By index; of a recursive group, all come at once.
    kinds: Vec<Kind>,
}

impl Types {
    pub(crate) fn new() -> Types {
        Types { kinds: Vec::new() }
    }

    /// Adds the types of a recursive group, which may refer to each other.
    pub(crate) fn add_group(
        &mut self,
        group: Vec<(u64, wasmparser::SubType)>,
    ) -> Result<Vec<SubType>, Error> {
        steps::count(group.len());
        for (offset, ty) in &group {
            self.kinds.push(match ty.composite_type.inner {
                CompositeInnerType::Func(_) => Kind::Func,
                CompositeInnerType::Struct(_) => Kind::Struct,
                CompositeInnerType::Array(_) => Kind::Array,
                CompositeInnerType::Cont(_) => {
                    let what = "a continuation type";
                    return Err(Error::unsupported(*offset, what, "stack-switching"));
                }
            });
        }
        group.iter().map(|(offset, ty)| self.sub_type(ty, *offset)).collect()
    }

    fn sub_type(&self, ty: &wasmparser::SubType, offset: u64) -> Result<SubType, Error> {
        let composite = &ty.composite_type;
        if composite.shared {
            return Err(Error::unsupported(offset, "a shared type", "shared-everything-threads"));
        }
        if composite.descriptor_idx.is_some() || composite.describes_idx.is_some() {
            return Err(Error::unsupported(offset, "a descriptor", "custom-descriptors"));
        }
        let supertype = match *ty.supertype_idxs {
            [] => None,
            [index] => Some(TypeIndex(module_index(index.unpack(), offset)?)),
            _ => return Err(Error::binary(offset, "a type has several supertypes")),
        };
        let composite = match &composite.inner {
            CompositeInnerType::Func(ty) => {
                let convert = |types: &[wasmparser::ValType]| {
                    types.iter().map(|&ty| self.val_type(ty, offset)).collect::<Result<Vec<_>, _>>()
                };
                CompositeType::Func(FuncType::new(convert(ty.params())?, convert(ty.results())?))
            }
            CompositeInnerType::Struct(ty) => {
                let fields = ty.fields.iter().map(|&field| self.field_type(field, offset));
                CompositeType::Struct(StructType::new(fields.collect::<Result<Vec<_>, _>>()?))
            }
            CompositeInnerType::Array(ty) => {
                CompositeType::Array(ArrayType::new(self.field_type(ty.0, offset)?))
            }
            CompositeInnerType::Cont(_) => {
                return Err(Error::unsupported(offset, "a continuation type", "stack-switching"));
            }
        };
        Ok(SubType { is_final: ty.is_final, supertype, composite })
    }

    fn field_type(&self, ty: wasmparser::FieldType, offset: u64) -> Result<FieldType, Error> {
        let storage = match ty.element_type {
            wasmparser::StorageType::I8 => StorageType::I8,
            wasmparser::StorageType::I16 => StorageType::I16,
            wasmparser::StorageType::Val(ty) => StorageType::ValType(self.val_type(ty, offset)?),
        };
        Ok(FieldType { storage, mutable: ty.mutable })
    }

    fn val_type(&self, ty: wasmparser::ValType, offset: u64) -> Result<ValType, Error> {
        steps::count(1);
        Ok(match ty {
            wasmparser::ValType::I32 => ValType::I32,
            wasmparser::ValType::I64 => ValType::I64,
            wasmparser::ValType::F32 => ValType::F32,
            wasmparser::ValType::F64 => ValType::F64,
            wasmparser::ValType::V128 => ValType::V128,
            wasmparser::ValType::Ref(ty) => ValType::Ref(self.ref_type(ty, offset)?),
        })
    }

    fn ref_type(&self, ty: wasmparser::RefType, offset: u64) -> Result<RefType, Error> {
        Ok(RefType { nullable: ty.is_nullable(), heap: self.heap_type(ty.heap_type(), offset)? })
    }

    fn heap_type(&self, ty: wasmparser::HeapType, offset: u64) -> Result<HeapType, Error> {
        heap_type(ty, offset, |index| self.kinds[index as usize])
    }

    pub(crate) fn table_type(
        &self,
        ty: wasmparser::TableType,
        offset: u64,
    ) -> Result<TableType, Error> {
        if ty.shared {
            return Err(Error::unsupported(offset, "a shared table", "shared-everything-threads"));
        }
        Ok(TableType {
            element: self.ref_type(ty.element_type, offset)?,
            minimum: ty.initial,
            maximum: ty.maximum,
            table64: ty.table64,
        })
    }

    pub(crate) fn global_type(
        &self,
        ty: wasmparser::GlobalType,
        offset: u64,
    ) -> Result<GlobalType, Error> {
        if ty.shared {
            return Err(Error::unsupported(offset, "a shared global", "shared-everything-threads"));
        }
        Ok(GlobalType { content: self.val_type(ty.content_type, offset)?, mutable: ty.mutable })
    }

    pub(crate) fn element_items(
        &self,
        items: wasmparser::ElementItems<'_>,
        offset: u64,
    ) -> Result<(RefType, ElementItems), Error> {
        match items {
            wasmparser::ElementItems::Functions(funcs) => {
                steps::count(funcs.count() as usize);
                let funcs = funcs.into_iter().collect::<Result<_, _>>()?;
                Ok((RefType::FUNCREF, ElementItems::Funcs(funcs)))
            }
            wasmparser::ElementItems::Expressions(ty, exprs) => {
                let exprs = exprs
                    .into_iter()
                    .map(|expr| self.const_expr(&expr?))
                    .collect::<Result<_, _>>()?;
                Ok((self.ref_type(ty, offset)?, ElementItems::Exprs(exprs)))
            }
        }
    }

    pub(crate) fn const_expr(&self, expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
        let ops = expr.get_operators_reader().into_iter_with_offsets();
        ops.map(|op| {
            steps::count(1);
            let (op, offset) = op?;
            Ok(Some(match op {
                // Constant expressions have no blocks, so this is the last one.
                Operator::End => return Ok(None),
                Operator::I32Const { value } => ConstOp::I32Const(value),
                Operator::I64Const { value } => ConstOp::I64Const(value),
                Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
                Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
                #[cfg(feature = "simd")]
                Operator::V128Const { value } => {
                    let bits = value.i128() as u128;
                    ConstOp::V128Const([bits as u64, (bits >> 64) as u64])
                }
                Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
                Operator::RefNull { hty } => {
                    ConstOp::RefNull(RefType { nullable: true, heap: self.heap_type(hty, offset)? })
                }
                Operator::RefFunc { function_index } => ConstOp::RefFunc(function_index),
                Operator::StructNew { struct_type_index } => ConstOp::StructNew(struct_type_index),
                Operator::StructNewDefault { struct_type_index } => {
                    ConstOp::StructNewDefault(struct_type_index)
                }
                Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(array_type_index),
                Operator::ArrayNewDefault { array_type_index } => {
                    ConstOp::ArrayNewDefault(array_type_index)
                }
                Operator::ArrayNewFixed { array_type_index, array_size } => {
                    ConstOp::ArrayNewFixed(array_type_index, array_size)
                }
                Operator::RefI31 => ConstOp::RefI31,
                Operator::AnyConvertExtern => ConstOp::AnyConvertExtern,
                Operator::ExternConvertAny => ConstOp::ExternConvertAny,
                Operator::I32Add => ConstOp::I32Add,
                Operator::I32Sub => ConstOp::I32Sub,
                Operator::I32Mul => ConstOp::I32Mul,
                Operator::I64Add => ConstOp::I64Add,
                Operator::I64Sub => ConstOp::I64Sub,
                Operator::I64Mul => ConstOp::I64Mul,
                _ => return Err(Error::unsupported(offset, "this constant expression", "gc")),
            }))
        })
        .filter_map(Result::transpose)
        .collect()
    }
}

/// A heap type, where `kind` says what a defined type is.
fn heap_type(
    ty: wasmparser::HeapType,
    offset: u64,
    kind: impl FnOnce(u32) -> Kind,
) -> Result<HeapType, Error> {
    let (what, proposal) = match ty {
        wasmparser::HeapType::Concrete(index) => {
            let index = module_index(index, offset)?;
            return Ok(match kind(index) {
                Kind::Func => HeapType::ConcreteFunc(TypeIndex(index)),
                Kind::Struct => HeapType::ConcreteStruct(TypeIndex(index)),
                Kind::Array => HeapType::ConcreteArray(TypeIndex(index)),
            });
        }
        wasmparser::HeapType::Exact(_) => ("an exact reference", "custom-descriptors"),
        wasmparser::HeapType::Abstract { shared: true, .. } => {
            ("a shared reference", "shared-everything-threads")
        }
        wasmparser::HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func => return Ok(HeapType::Func),
            AbstractHeapType::NoFunc => return Ok(HeapType::NoFunc),
            AbstractHeapType::Extern => return Ok(HeapType::Extern),
            AbstractHeapType::NoExtern => return Ok(HeapType::NoExtern),
            AbstractHeapType::Any => return Ok(HeapType::Any),
            AbstractHeapType::Eq => return Ok(HeapType::Eq),
            AbstractHeapType::I31 => return Ok(HeapType::I31),
            AbstractHeapType::Struct => return Ok(HeapType::Struct),
            AbstractHeapType::Array => return Ok(HeapType::Array),
            AbstractHeapType::None => return Ok(HeapType::None),
            AbstractHeapType::Exn => return Ok(HeapType::Exn),
            AbstractHeapType::NoExn => return Ok(HeapType::NoExn),
            AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                ("a continuation reference", "stack-switching")
            }
        },
    };
    Err(Error::unsupported(offset, what, proposal))
}

/// The index in the module that a reference to a type is, outside of validation.
fn module_index(index: UnpackedIndex, offset: u64) -> Result<u32, Error> {
    let in_module = index.as_module_index();
    in_module.ok_or_else(|| Error::binary(offset, "a type is not referred to by its index"))
}

impl ModuleParts {
    /// Converts a heap type of [`wasmparser`]'s, in an operator of a validated body, to this
    /// crate's.
    ///
    /// # Panics
    ///
    /// If it belongs to a proposal that is not implemented.
    #[doc(hidden)]
    pub fn heap_type(&self, ty: wasmparser::HeapType) -> HeapType {
        let kind = |index| match self.types[index as usize].composite {
            CompositeType::Func(_) => Kind::Func,
            CompositeType::Struct(_) => Kind::Struct,
            CompositeType::Array(_) => Kind::Array,
        };
        heap_type(ty, 0, kind).expect("validated to be of an implemented proposal")
    }
}
