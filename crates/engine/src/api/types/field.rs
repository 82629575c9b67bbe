//! What the fields of structures and the elements of arrays are.

use std::fmt;

use lineal_decoder as plain;

use super::Mutability;
use super::value::{RefType, ValType, check_engine, compare};
use crate::api::engine::Engine;

/// What a field stores: a value, or an integer that is packed into fewer bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// The low 8 bits of an `i32`.
    I8,
    /// The low 16 bits of an `i32`.
    I16,
    /// A value.
    ValType(ValType),
}

/// The type of a field of a structure, or of the elements of an array.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FieldType {
    mutability: Mutability,
    element_type: StorageType,
}

impl StorageType {
    fn plain(&self) -> plain::StorageType {
        match self {
            StorageType::I8 => plain::StorageType::I8,
            StorageType::I16 => plain::StorageType::I16,
            StorageType::ValType(ty) => plain::StorageType::ValType(ty.plain()),
        }
    }

    fn engine(&self) -> Option<&Engine> {
        self.as_val_type()?.engine()
    }

    /// Whether this is [`StorageType::I8`].
    pub fn is_i8(&self) -> bool {
        matches!(self, StorageType::I8)
    }

    /// Whether this is [`StorageType::I16`].
    pub fn is_i16(&self) -> bool {
        matches!(self, StorageType::I16)
    }

    /// Whether values are stored as they are.
    pub fn is_val_type(&self) -> bool {
        matches!(self, StorageType::ValType(_))
    }

    /// The value type, if values are stored as they are.
    pub fn as_val_type(&self) -> Option<&ValType> {
        if let StorageType::ValType(ty) = self { Some(ty) } else { None }
    }

    /// The value type.
    ///
    /// # Panics
    ///
    /// If integers are stored packed.
    #[track_caller]
    pub fn unwrap_val_type(&self) -> &ValType {
        self.as_val_type().unwrap_or_else(|| panic!("expected a value type, found {self}"))
    }

    /// The type that a stored value has outside of the object: `i32` for packed integers.
    pub fn unpack(&self) -> &ValType {
        self.as_val_type().unwrap_or(&ValType::I32)
    }

    /// Whether what this type stores may be used where another is expected.
    ///
    /// # Panics
    ///
    /// If the types belong to different engines.
    pub fn matches(&self, other: &StorageType) -> bool {
        match (self, other) {
            (StorageType::ValType(own), StorageType::ValType(other)) => own.matches(other),
            _ => self == other,
        }
    }
}

impl FieldType {
    /// Builds the type of a field.
    pub fn new(mutability: Mutability, element_type: StorageType) -> FieldType {
        FieldType { mutability, element_type }
    }

    pub(super) fn lift(engine: &Engine, ty: plain::FieldType) -> FieldType {
        let element_type = match ty.storage {
            plain::StorageType::I8 => StorageType::I8,
            plain::StorageType::I16 => StorageType::I16,
            plain::StorageType::ValType(ty) => StorageType::ValType(ValType::lift(engine, ty)),
        };
        FieldType { mutability: Mutability::lift(ty.mutable), element_type }
    }

    pub(super) fn lower(&self, engine: &Engine) -> plain::FieldType {
        check_engine(self.element_type.engine(), engine);
        self.plain()
    }

    fn plain(&self) -> plain::FieldType {
        plain::FieldType { storage: self.element_type.plain(), mutable: self.mutability.is_var() }
    }

    /// Whether the field can be written after the object was created.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// What the field stores.
    pub fn element_type(&self) -> &StorageType {
        &self.element_type
    }

    /// Whether a field of this type may stand where another is expected, as in a subtype of a
    /// structure.
    ///
    /// # Panics
    ///
    /// If the types belong to different engines.
    pub fn matches(&self, other: &FieldType) -> bool {
        compare([self.element_type.engine(), other.element_type.engine()], |types| {
            types.is_sub_field(self.plain(), other.plain())
        })
    }
}

impl From<ValType> for StorageType {
    fn from(ty: ValType) -> StorageType {
        StorageType::ValType(ty)
    }
}

impl From<RefType> for StorageType {
    fn from(ty: RefType) -> StorageType {
        StorageType::ValType(ty.into())
    }
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::ValType(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Debug for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FieldType {
    /// Writes the type as the text format does: `(mut i8)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutability {
            Mutability::Const => self.element_type.fmt(f),
            Mutability::Var => write!(f, "(mut {})", self.element_type),
        }
    }
}

impl fmt::Debug for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
