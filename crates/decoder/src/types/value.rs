//! The types of values, and what references refer to.

use std::fmt;

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit IEEE 754 float.
    F32,
    /// 64-bit IEEE 754 float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

/// A reference type: what it refers to and whether it may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    /// Whether the null reference belongs to the type.
    pub nullable: bool,
    /// What a non-null reference refers to.
    pub heap: HeapType,
}

/// What a reference refers to: an abstract heap type, or a type that a module defines.
///
/// The abstract ones form four hierarchies, whose types share no values but null:
///
/// ```text
/// any ─► eq ─┬► i31 ────────────────────┐
///            ├► struct ─► defined ones ─┼► none
///            └► array ──► defined ones ─┘
/// func ─► defined ones ─► nofunc      extern ─► noextern      exn ─► noexn
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// Any function.
    Func,
    /// A function of the type with an index.
    ConcreteFunc(TypeIndex),
    /// No function: only null.
    NoFunc,
    /// Any host value.
    Extern,
    /// No host value: only null.
    NoExtern,
    /// Any value of the guest's heap.
    Any,
    /// Anything that `ref.eq` compares.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// Any structure.
    Struct,
    /// A structure of the type with an index.
    ConcreteStruct(TypeIndex),
    /// Any array.
    Array,
    /// An array of the type with an index.
    ConcreteArray(TypeIndex),
    /// No value of the guest's heap: only null.
    None,
    /// Any exception.
    Exn,
    /// No exception: only null.
    NoExn,
}

/// The number of a defined type.
///
/// In a decoded module, it counts the types of that module. In types that the engine returns, it counts
/// the types of the whole engine, where equal types have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeIndex(pub u32);

impl HeapType {
    /// The defined type, if it is one.
    pub fn concrete(self) -> Option<TypeIndex> {
        match self {
            HeapType::ConcreteFunc(index)
            | HeapType::ConcreteStruct(index)
            | HeapType::ConcreteArray(index) => Some(index),
            _ => None,
        }
    }

    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> HeapType {
        match self {
            HeapType::ConcreteFunc(index) => HeapType::ConcreteFunc(map(index)),
            HeapType::ConcreteStruct(index) => HeapType::ConcreteStruct(map(index)),
            HeapType::ConcreteArray(index) => HeapType::ConcreteArray(map(index)),
            other => other,
        }
    }

    /// The top of the type's hierarchy.
    pub const fn top(self) -> HeapType {
        match self {
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::Func,
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
            _ => HeapType::Any,
        }
    }

    /// What the abstract type is called; `None` for a defined one.
    fn name(self) -> Option<&'static str> {
        Some(match self {
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            _ => return None,
        })
    }
}

impl RefType {
    /// `funcref`, the nullable reference to any function.
    pub const FUNCREF: RefType = RefType { nullable: true, heap: HeapType::Func };
    /// `externref`, the nullable reference to any host value.
    pub const EXTERNREF: RefType = RefType { nullable: true, heap: HeapType::Extern };

    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> RefType {
        RefType { heap: self.heap.map_index(map), ..self }
    }
}

impl ValType {
    /// `funcref`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// `externref`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);

    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> ValType {
        match self {
            ValType::Ref(ty) => ValType::Ref(ty.map_index(map)),
            number => number,
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Display for HeapType {
    /// Writes an abstract type's name, a defined type's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.concrete()) {
            (Some(name), _) => f.write_str(name),
            (None, index) => index.map_or(Ok(()), |index| index.fmt(f)),
        }
    }
}

impl fmt::Display for TypeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RefType {
    /// Writes the type as the text format does, with its abbreviations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heap = self.heap;
        match heap {
            _ if !self.nullable => write!(f, "(ref {heap})"),
            HeapType::None => f.write_str("nullref"),
            HeapType::NoFunc => f.write_str("nullfuncref"),
            HeapType::NoExtern => f.write_str("nullexternref"),
            HeapType::NoExn => f.write_str("nullexnref"),
            _ if heap.concrete().is_some() => write!(f, "(ref null {heap})"),
            _ => write!(f, "{heap}ref"),
        }
    }
}
