//! Decodes and validates WebAssembly into an owned, immutable [`Module`].
//!
//! ```text
//! bytes ─► text? ─► binary ─► one pass over the sections ─► Module
//!          (text)             validate, then keep (decode)   types, imports, index spaces,
//!                                                            segments and bodies as ranges
//! ```
//!
//! The answer is a complete module that has been validated, or an [`Error`] that says where the
//! input is wrong. Which WebAssembly is accepted is decided by [`Features`].
//!
//! ```
//! use lineal_decoder::{ExternIndex, Features, Module};
//!
//! let module = Module::new(
//!     br#"(module
//!           (func $double (export "double") (param i32) (result i32)
//!             local.get 0
//!             local.get 0
//!             i32.add))"#,
//!     &Features::default(),
//! )?;
//! assert_eq!(module.export("double"), Some(ExternIndex::Func(0)));
//! assert_eq!(module.func_type(0).to_string(), "(i32) -> i32");
//! assert_eq!(module.names().func(0), Some("double"));
//!
//! let error = Module::new(b"(module\n  (func i32.add))", &Features::default()).unwrap_err();
//! assert!(error.message().contains("type mismatch"));
//! # Ok::<(), lineal_decoder::Error>(())
//! ```
//!
//! # Hostile input
//!
//! Decoding never panics, and neither the counts nor the sizes that a binary declares decide how
//! much is allocated: storage grows with the items that are really there. Nesting in the text
//! format and in function bodies costs heap, not host stack.

#![forbid(unsafe_code)]

mod composite;
mod convert;
mod decode;
mod error;
mod features;
mod module;
mod names;
mod observe;
#[cfg_attr(not(feature = "wat"), path = "text_disabled.rs")]
mod text;
mod types;
mod validate;

pub use composite::{
    ArrayType, CompositeType, FieldType, FuncType, StorageType, StructType, SubType,
};
pub use error::Error;
pub use features::Features;
pub use lineal_memory::MemoryType;
pub use module::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementSegment, Export, ExternIndex, FuncBody,
    Global, Import, Module, ModuleParts, SegmentMode, Table,
};
pub use names::Names;
pub use observe::{BodyObserver, visit_operator};
pub use text::to_binary;
pub use types::{
    ExternType, GlobalType, HeapType, RefType, TableType, TagType, TypeIndex, ValType,
};
