//! The types of what modules import and export.

use lineal_memory::MemoryType;

use super::defined::FuncType;
use super::value::{RefType, TypeIndex, ValType};

/// The type of a global variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// The type of the value it holds.
    pub content: ValType,
    /// Whether it can be written after instantiation.
    pub mutable: bool,
}

/// The type of a table; its limits count elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// The type of its elements.
    pub element: RefType,
    /// Elements at the start.
    pub minimum: u64,
    /// The most elements it may grow to, if declared.
    pub maximum: Option<u64>,
    /// Whether elements are addressed by `i64` (the memory64 proposal's tables).
    pub table64: bool,
}

/// The type of a tag: a function type without results, whose parameters are what exceptions of
/// the tag carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType {
    ty: FuncType,
}

impl TagType {
    /// Builds the type of a tag.
    pub fn new(ty: FuncType) -> TagType {
        TagType { ty }
    }

    /// The function type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }
}

/// The type of an import or an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A global variable.
    Global(GlobalType),
    /// A tag of exceptions.
    Tag(TagType),
}

impl ExternType {
    /// Replaces the numbers of defined types.
    pub fn map_index(&self, map: impl Fn(TypeIndex) -> TypeIndex) -> ExternType {
        match self {
            ExternType::Func(ty) => ExternType::Func(ty.map_index(map)),
            ExternType::Table(ty) => ExternType::Table(ty.map_index(map)),
            ExternType::Memory(ty) => ExternType::Memory(*ty),
            ExternType::Global(ty) => ExternType::Global(ty.map_index(map)),
            ExternType::Tag(ty) => ExternType::Tag(TagType { ty: ty.ty.map_index(map) }),
        }
    }
}

impl TableType {
    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> TableType {
        TableType { element: self.element.map_index(map), ..self }
    }
}

impl GlobalType {
    /// Replaces the number of the defined type, if it is or refers to one.
    pub fn map_index(self, map: impl FnOnce(TypeIndex) -> TypeIndex) -> GlobalType {
        GlobalType { content: self.content.map_index(map), ..self }
    }
}
