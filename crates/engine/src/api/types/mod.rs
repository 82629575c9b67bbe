//! The types that hosts name: of values, of what modules define, and of what they import and export.
//!
//! ```text
//! ExternType ─┬► FuncType ◄── TagType          defined types know their engine:
//!             ├► GlobalType ──► ValType         FuncType, StructType, ArrayType
//!             ├► TableType ──► RefType ──► HeapType ──► one of them, if it is concrete
//!             └► MemoryType
//! ```
//!
//! The engine itself works with the decoder's types ([`lineal_decoder`], called `plain` here), in which
//! a defined type is a number of the engine. `lift` makes a type of this module from a plain one,
//! `lower` makes a plain one for an engine and panics if the type belongs to another.

mod defined;
mod entity;
mod field;
mod memory;
mod value;

pub use defined::{ArrayType, ExnType, FuncType, StructType};
pub use entity::{ExternType, GlobalType, TableType, TagType};
pub use field::{FieldType, StorageType};
pub use memory::{MemoryType, MemoryTypeBuilder};
pub use value::{HeapType, RefType, ValType};

/// Whether a global, a field or an element can be written after it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// It cannot.
    Const,
    /// It can.
    Var,
}

impl Mutability {
    pub(crate) fn lift(mutable: bool) -> Mutability {
        if mutable { Mutability::Var } else { Mutability::Const }
    }

    /// Whether this is [`Mutability::Const`].
    pub fn is_const(&self) -> bool {
        *self == Mutability::Const
    }

    /// Whether this is [`Mutability::Var`].
    pub fn is_var(&self) -> bool {
        *self == Mutability::Var
    }
}

/// Whether a defined type can have subtypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finality {
    /// It has none.
    Final,
    /// It can have some.
    NonFinal,
}

impl Finality {
    /// Whether this is [`Finality::Final`].
    pub fn is_final(&self) -> bool {
        *self == Finality::Final
    }

    /// Whether this is [`Finality::NonFinal`].
    pub fn is_non_final(&self) -> bool {
        *self == Finality::NonFinal
    }
}
