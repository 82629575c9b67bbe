//! The types that modules define: functions, structures, arrays, and which is a subtype of which.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::value::{TypeIndex, ValType};

/// A defined type with its place in the hierarchy of subtypes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubType {
    /// Whether it can have no subtypes.
    pub is_final: bool,
    /// The type it is a subtype of.
    pub supertype: Option<TypeIndex>,
    /// What it is.
    pub composite: CompositeType,
}

/// A function, structure or array type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CompositeType {
    /// A function type.
    Func(FuncType),
    /// A structure type.
    Struct(StructType),
    /// An array type.
    Array(ArrayType),
}

/// A structure type: its fields, in order. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructType {
    fields: Arc<[FieldType]>,
}

/// An array type: what its elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArrayType {
    field: FieldType,
}

/// The type of a field of a structure, or of the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldType {
    /// What is stored.
    pub storage: StorageType,
    /// Whether it can be written after the object was created.
    pub mutable: bool,
}

/// What a field stores: a value, or an integer that is packed into fewer bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// The low 8 bits of an `i32`.
    I8,
    /// The low 16 bits of an `i32`.
    I16,
    /// A value.
    ValType(ValType),
}

impl SubType {
    /// Replaces the numbers of defined types.
    pub fn map_index(&self, map: impl Fn(TypeIndex) -> TypeIndex) -> SubType {
        let composite = match &self.composite {
            CompositeType::Func(ty) => CompositeType::Func(ty.map_index(&map)),
            CompositeType::Struct(ty) => CompositeType::Struct(StructType::new(
                ty.fields().iter().map(|field| field.map_index(&map)),
            )),
            CompositeType::Array(ty) => {
                CompositeType::Array(ArrayType::new(ty.field.map_index(&map)))
            }
        };
        SubType { is_final: self.is_final, supertype: self.supertype.map(&map), composite }
    }

    /// The function type, if it is one.
    pub fn as_func(&self) -> Option<&FuncType> {
        if let CompositeType::Func(ty) = &self.composite { Some(ty) } else { None }
    }

    /// The structure type, if it is one.
    pub fn as_struct(&self) -> Option<&StructType> {
        if let CompositeType::Struct(ty) = &self.composite { Some(ty) } else { None }
    }

    /// The array type, if it is one.
    pub fn as_array(&self) -> Option<&ArrayType> {
        if let CompositeType::Array(ty) = &self.composite { Some(ty) } else { None }
    }
}

impl From<CompositeType> for SubType {
    /// A final type without a supertype: what a definition without `sub` defines.
    fn from(composite: CompositeType) -> SubType {
        SubType { is_final: true, supertype: None, composite }
    }
}

macro_rules! from_composite {
    ($($ty:ident => $variant:ident;)*) => {$(
        impl From<$ty> for SubType {
            fn from(ty: $ty) -> SubType {
                CompositeType::$variant(ty).into()
            }
        }
    )*};
}

from_composite! {
    FuncType => Func;
    StructType => Struct;
    ArrayType => Array;
}

impl StructType {
    /// Builds a structure type from its fields.
    pub fn new(fields: impl IntoIterator<Item = FieldType>) -> StructType {
        StructType { fields: fields.into_iter().collect() }
    }

    /// The fields.
    pub fn fields(&self) -> &[FieldType] {
        &self.fields
    }
}

impl ArrayType {
    /// Builds an array type from what its elements are.
    pub fn new(field: FieldType) -> ArrayType {
        ArrayType { field }
    }

    /// What the elements are.
    pub fn field(&self) -> FieldType {
        self.field
    }
}

impl FieldType {
    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> FieldType {
        match self.storage {
            StorageType::ValType(ty) => {
                FieldType { storage: StorageType::ValType(ty.map_index(map)), ..self }
            }
            StorageType::I8 | StorageType::I16 => self,
        }
    }
}

impl StorageType {
    /// The type that a stored value has outside of the object.
    pub fn unpack(self) -> ValType {
        match self {
            StorageType::I8 | StorageType::I16 => ValType::I32,
            StorageType::ValType(ty) => ty,
        }
    }
}

/// A function type: parameters and results, in order. Cheap to clone.
///
/// A type that comes from a module also says which of the module's types it is: two types with the same
/// parameters and results can differ, as members of recursive groups or as subtypes. A function that a host
/// creates from such a type has exactly that type. Equality compares parameters and results only.
#[derive(Clone)]
pub struct FuncType {
    /// Parameters, then results.
    types: Arc<[ValType]>,
    params: usize,
    defined: Option<TypeIndex>,
}

impl PartialEq for FuncType {
    fn eq(&self, other: &FuncType) -> bool {
        (&self.types, self.params) == (&other.types, other.params)
    }
}

impl Eq for FuncType {}

impl Hash for FuncType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.types, self.params).hash(state);
    }
}

impl FuncType {
    /// Builds a function type from its parameters and results.
    pub fn new(
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let mut types: Vec<ValType> = params.into_iter().collect();
        let params = types.len();
        types.extend(results);
        FuncType { types: types.into(), params, defined: None }
    }

    /// The parameter types.
    pub fn params(&self) -> &[ValType] {
        &self.types[..self.params]
    }

    /// The result types.
    pub fn results(&self) -> &[ValType] {
        &self.types[self.params..]
    }

    /// The same type, as the defined type with this number.
    pub fn defined_as(&self, index: TypeIndex) -> FuncType {
        FuncType { defined: Some(index), ..self.clone() }
    }

    /// Which defined type it is, if that is known.
    pub fn defined(&self) -> Option<TypeIndex> {
        self.defined
    }

    /// Replaces the numbers of defined types.
    pub fn map_index(&self, map: impl Fn(TypeIndex) -> TypeIndex) -> FuncType {
        let defined = self.defined.map(&map);
        if !self.types.iter().any(|ty| matches!(ty, ValType::Ref(_))) {
            return FuncType { defined, ..self.clone() };
        }
        let types = self.types.iter().map(|ty| ty.map_index(&map)).collect();
        FuncType { types, params: self.params, defined }
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FuncType {
    /// Writes the type as `(i32, i32) -> i64`, the way signatures are read aloud.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, types: &[ValType]) -> fmt::Result {
            for (index, ty) in types.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{ty}")?;
            }
            Ok(())
        }
        f.write_str("(")?;
        list(f, self.params())?;
        f.write_str(") -> ")?;
        match self.results() {
            [one] => one.fmt(f),
            many => {
                f.write_str("(")?;
                list(f, many)?;
                f.write_str(")")
            }
        }
    }
}
