//! Decodes and validates WebAssembly into an owned, immutable [`Module`].
//!
//! ```text
//! bytes ─► text? ─► binary ─► one pass over the sections ─► bodies ─► Module
//!          (text)             validate, then keep (decode)  validate  types, imports, index spaces,
//!                                                                     segments and bodies as ranges
//! ```
//!
//! The result is a complete, validated module, or an [`Error`] that says where the input is wrong.
//! [`Features`] decide which parts of WebAssembly are accepted.
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
//! Decoding never panics. Memory use grows with the items that a binary really has, not with the counts
//! that it declares. Nesting, in the text format and in function bodies, takes memory of the heap and
//! not of the host's stack.
//!
//! # What may grow
//!
//! Enums are exhaustive on purpose: code that uses a module must decide what it does with each kind of
//! type, import or constant instruction. Types can be built by hand, so their structs are exhaustive
//! too. What only the decoder builds ([`Import`], [`Export`], [`Table`] and the like) is
//! `#[non_exhaustive]`.
//!
//! # The parser
//!
//! [`wasmparser`] decodes and validates. Its types are part of this crate's interface in one place
//! only: operators are visited by its trait [`VisitOperator`](wasmparser::VisitOperator), on which
//! [`BodyVisitor`] and [`visit_operator`] build. The crate is exported, so that users take the same
//! version.

#![forbid(unsafe_code)]

mod convert;
mod decode;
mod error;
mod escape;
mod features;
mod module;
mod names;
mod size;
mod steps;
#[cfg_attr(not(feature = "wat"), path = "text_disabled.rs")]
mod text;
mod types;
mod validate;
mod visit;

pub use error::Error;
pub use escape::Escaped;
pub use features::Features;
pub use lineal_memory::MemoryType;
pub use module::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementSegment, Export, ExternIndex, FuncBody,
    Global, Import, Module, ModuleParts, SegmentMode, Table,
};
pub use names::Names;
pub use size::decoded_bytes;
pub use text::to_binary;
pub use types::{
    ArrayType, CompositeType, ExternType, FieldType, FuncType, GlobalType, HeapType, RefType,
    StorageType, StructType, SubType, TableType, TagType, TypeIndex, ValType,
};
pub use validate::{BodyValidator, UnvalidatedBodies};
pub use visit::{BodyVisitor, NoVisitor, visit_operator};
pub use wasmparser;

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
