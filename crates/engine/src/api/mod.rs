//! The embedding API: the handles that hosts hold, and what they can do with them.
//!
//! ```text
//! Engine (Config) ──► Module ──┐
//!    │                         ├──► Instance ──► Func (TypedFunc), Memory, Table, Global
//!    └──► Store<T> ◄── Linker<T> ┘
//! ```
//!
//! What lives in a store is an entity of [`crate::runtime`]; what the API gives out for it is a
//! [`store::handle::Handle`], which says which store to look in. Names and signatures are those of
//! Wasmtime where that is possible; [`crate::docs`] lists what differs.

mod engine;
mod func;
mod linker;
mod memory;
mod module;
mod refs;
mod store;
mod types;
mod values;

pub use engine::compat::{Cache, CacheConfig, OptLevel, Precompiled, ProfilingStrategy, Strategy};
pub use engine::config::{CompilationMode, Config, WasmBacktraceDetails};
pub use engine::{Engine, EngineWeak};
pub use func::Func;
pub use func::caller::Caller;
pub use func::host::{IntoFunc, WasmRet};
pub use func::resumable::{
    ResumableCall, ResumableCallHostTrap, ResumableCallOutOfFuel, TypedResumableCall,
    TypedResumableCallHostTrap, TypedResumableCallOutOfFuel,
};
pub use func::typed::TypedFunc;
pub use linker::{Linker, UnknownImportError};
pub use memory::Memory;
pub use memory::error::MemoryAccessError;
pub use memory::shared::SharedMemory;
pub use module::Module;
pub use module::contents::{ModuleExport, ModuleFunction, ResourcesRequired};
pub use module::externs::{Export, ExportType, Extern, ImportType};
pub use module::instance::Instance;
pub use module::instance_pre::InstancePre;
pub use refs::GcHeapOutOfMemory;
pub use refs::anyref::{AnyRef, EqRef, I31};
pub use refs::arrayref::{ArrayRef, ArrayRefPre};
pub use refs::exnref::{ExnRef, ExnRefPre};
pub use refs::externref::ExternRef;
pub use refs::null::{NoExtern, NoFunc, NoneRef};
pub use refs::owned::OwnedRooted;
pub use refs::rooting::{GcRef, RootScope, Rooted, RootedGcRef};
pub use refs::structref::{StructRef, StructRefPre};
pub use refs::table::Table;
pub use refs::tag::Tag;
#[cfg(feature = "coredump")]
pub use store::coredump::WasmCoreDump;
pub use store::exceptions::ThrownException;
#[cfg(feature = "async")]
pub use store::limits::ResourceLimiterAsync;
pub use store::limits::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
pub use store::region::Region;
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use types::{
    ArrayType, ExnType, ExternType, FieldType, Finality, FuncType, GlobalType, HeapType,
    MemoryType, MemoryTypeBuilder, Mutability, RefType, StorageType, StructType, TableType,
    TagType, ValType,
};
pub use values::global::Global;
pub use values::v128::V128;
pub use values::val::{Ref, Val};
pub use values::wasm_ty::{WasmParams, WasmResults, WasmTy};
