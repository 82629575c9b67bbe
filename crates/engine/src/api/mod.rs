//! The embedding API: the handles that hosts hold, and what they can do with them.
//!
//! ```text
//! Engine (Config) ──► Module ──┐
//!    │                         ├──► Instance ──► Func (TypedFunc), Memory, Table, Global
//!    └──► Store<T> ◄── Linker<T> ┘
//! ```
//!
//! What lives in a store is an entity of [`crate::runtime`]; what the API gives out for it is a
//! [`handle::Handle`], which says which store to look in. Names and signatures are those of
//! Wasmtime where that is possible.

mod access;
mod caller;
mod config;
mod control;
mod engine;
mod exnref;
mod externref;
mod externs;
mod func;
mod gcref;
mod global;
mod handle;
mod host;
mod instance;
mod instance_pre;
mod limits;
mod linker;
mod memory;
mod module;
mod rooting;
mod shared_memory;
mod store;
mod table;
mod tag;
mod typed;
mod v128;
mod val;
mod values;

pub use access::MemoryAccessError;
pub use caller::Caller;
pub use config::{CompilationMode, Config};
pub use control::UpdateDeadline;
pub use engine::{Engine, EngineWeak};
pub use exnref::{ExnRef, ThrownException};
pub use externref::ExternRef;
pub use externs::{Export, ExportType, Extern, ImportType};
pub use func::Func;
pub use gcref::{AnyRef, ArrayRef, EqRef, I31, StructRef};
pub use global::Global;
pub use host::{IntoFunc, WasmRet};
pub use instance::Instance;
pub use instance_pre::InstancePre;
pub use limits::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
pub use linker::{Linker, UnknownImportError};
pub use memory::Memory;
pub use module::Module;
pub use rooting::{GcRef, OwnedRooted, RootScope};
pub use shared_memory::SharedMemory;
pub(crate) use shared_memory::new_shared;
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use table::Table;
pub use tag::Tag;
pub use typed::TypedFunc;
pub use v128::V128;
pub use val::{Ref, Val};
pub use values::{WasmParams, WasmResults, WasmTy};
