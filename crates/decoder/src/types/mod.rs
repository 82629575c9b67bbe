//! The types of WebAssembly, owned and free of the parser's lifetimes.
//!
//! [`value`] has the types of values; [`defined`] has what a module's type section defines: functions,
//! structures and arrays; [`entity`] has what a module imports and exports.

mod defined;
mod entity;
mod value;

pub use self::defined::{
    ArrayType, CompositeType, FieldType, FuncType, StorageType, StructType, SubType,
};
pub use self::entity::{ExternType, GlobalType, TableType, TagType};
pub use self::value::{HeapType, RefType, TypeIndex, ValType};
