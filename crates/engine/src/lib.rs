//! Lineal: a WebAssembly interpreter that puts linear memory first.
//!
//! Modules come in the binary or the text format, are validated and translated to a compact code,
//! and run in a [`Store`] that hosts share with their guests. The API is Wasmtime's: see [what remains
//! different](docs::coming_from_wasmtime), also [from wasmi](docs::coming_from_wasmi).
//!
//! ```
//! use lineal::{Caller, Engine, Linker, Memory, MemoryAccessError, Module, Store};
//!
//! let engine = Engine::default();
//! let module = Module::new(&engine, r#"(module
//!     (import "host" "print" (func $print (param i32 i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 16) "hello, world")
//!     (func (export "greet") (call $print (i32.const 16) (i32.const 12)))
//!     (func (export "sum") (param $addr i32) (param $end i32) (result i32)
//!         (local $sum i32)
//!         (loop $next
//!             (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $addr))))
//!             (local.tee $addr (i32.add (local.get $addr) (i32.const 1)))
//!             (br_if $next (i32.lt_u (local.get $end))))
//!         (local.get $sum)))"#)?;
//!
//! // What the guest imports. The store's own value is a list of lines here.
//! let mut linker = Linker::<Vec<String>>::new(&engine);
//! linker.func_wrap("host", "print", |mut caller: Caller<'_, Vec<String>>, addr: u32, len: u32| {
//!     let memory: Memory = caller.get_export("memory").unwrap().into_memory().unwrap();
//!     let line = memory.read_string(&caller, addr.into(), len.into())?;
//!     caller.data_mut().push(line);
//!     lineal::Result::Ok(())
//! })?;
//!
//! let mut store = Store::new(&engine, Vec::new());
//! let instance = linker.instantiate(&mut store, &module)?;
//! instance.get_typed_func::<(), ()>(&store, "greet")?.call(&mut store, ())?;
//! assert_eq!(store.data()[..], ["hello, world"]);
//!
//! // The host and the guest see the same bytes.
//! let memory = instance.get_memory(&store, "memory").unwrap();
//! memory.write(&mut store, 100, &[1, 2, 3])?;
//! let sum = instance.get_typed_func::<(u32, u32), u32>(&store, "sum")?;
//! assert_eq!(sum.call(&mut store, (100, 103))?, 6);
//! # Ok::<(), lineal::Error>(())
//! ```
//!
//! # Errors
//!
//! Fallible functions return an [`Error`], which is [anyhow](https://docs.rs/anyhow)'s. What it is
//! about is found by downcasting: to [`Trap`] and [`WasmBacktrace`] when the guest was stopped (and
//! to [`MemoryTrap`] or [`ElementTrap`] when an access was out of bounds), to
//! the host's own type when a host function failed, to [`DecodeError`] when a module was refused,
//! to [`UnknownImportError`] or [`IncompatibleImport`] when it could not be linked, to
//! [`OutOfMemory`] when the host had no room for what a module wants.
//!
//! # Features
//!
//! - `wat` (default): [`Module::new`] accepts the text format.
//! - `async` (default): calls that are futures, such as [`Func::call_async`]. It needs no other crate.
//! - `simd` (default): vectors. Without it, modules that use them are refused, and the engine is much
//!   smaller.
//! - `gc` (default): structures, arrays, `i31` and casts. `threads` (default): shared memories and atomic
//!   operations. Without them, modules that use them are refused.
//! - `coredump` (default): `Config::coredump_on_trap`.
//! - `observe` (default): [`Config::observe`]. Without it, observers are refused, and the engine is
//!   smaller.
//! - `addr2line` (default): backtraces show lines of the source, inlined functions and demangled
//!   names, from DWARF and source maps.

mod api;
mod exec;
mod machine;
mod op;
mod runtime;
mod translate;

pub use anyhow::{Error, Result, bail, ensure, format_err};

/// Errors, and what adds to them where they pass.
pub mod error {
    pub use anyhow::{Context, Error, Result, bail, ensure, format_err};

    /// Makes a result with [anyhow](https://docs.rs/anyhow)'s error one with [`Error`], which is the
    /// same here.
    pub trait ToWasmtimeResult<T> {
        /// The same result.
        ///
        /// # Errors
        ///
        /// The error that it has.
        fn to_wasmtime_result(self) -> Result<T>;
    }

    impl<T> ToWasmtimeResult<T> for Result<T> {
        fn to_wasmtime_result(self) -> Result<T> {
            self
        }
    }
}

#[cfg(feature = "async")]
pub use api::ResourceLimiterAsync;
#[cfg(feature = "coredump")]
pub use api::WasmCoreDump;
pub use api::{
    AnyRef, ArrayRef, ArrayRefPre, ArrayType, AsContext, AsContextMut, Cache, CacheConfig, Caller,
    CompilationMode, Config, Engine, EngineWeak, EqRef, ExnRef, ExnRefPre, ExnType, Export,
    ExportType, Extern, ExternRef, ExternType, FieldType, Finality, Func, FuncType,
    GcHeapOutOfMemory, GcRef, Global, GlobalType, HeapType, I31, ImportType, Instance, InstancePre,
    IntoFunc, Linker, Memory, MemoryAccessError, MemoryType, MemoryTypeBuilder, Module,
    ModuleExport, ModuleFunction, Mutability, NoExtern, NoFunc, NoneRef, OptLevel, OwnedRooted,
    Precompiled, ProfilingStrategy, Ref, RefType, Region, ResourceLimiter, ResourcesRequired,
    ResumableCall, ResumableCallHostTrap, ResumableCallOutOfFuel, RootScope, Rooted, RootedGcRef,
    SharedMemory, StorageType, Store, StoreContext, StoreContextMut, StoreLimits,
    StoreLimitsBuilder, Strategy, StructRef, StructRefPre, StructType, Table, TableType, Tag,
    TagType, ThrownException, TypedFunc, TypedResumableCall, TypedResumableCallHostTrap,
    TypedResumableCallOutOfFuel, UnknownImportError, V128, Val, ValType, WasmBacktraceDetails,
    WasmParams, WasmResults, WasmRet, WasmTy,
};
pub use lineal_decoder::{Error as DecodeError, Escaped, Features};

/// Types as the binary of a module has them, in which defined types are numbers of that module: what
/// [observers](Observe) are told about functions and globals.
pub mod decoded {
    pub use lineal_decoder::{FuncType, GlobalType, HeapType, RefType, TypeIndex, ValType};
}

pub use lineal_memory::{
    AddressType, BackingKind, LinearMemory, MemoryOptions, OutOfBounds, PageSize, Pages, Scalar,
    View, ViewMut, WaitResult,
};
pub use lineal_symbols::{DataSymbol, FrameSymbol};
pub use runtime::backtrace::{FrameInfo, WasmBacktrace};
pub use runtime::details::{ElementAccess, ElementPlace, ElementTrap, MemoryAccess, MemoryTrap};
pub use runtime::footprint::ModuleTooLarge;
pub use runtime::hooks::{CallHook, UpdateDeadline};
pub use runtime::imports::IncompatibleImport;
pub use runtime::observe::{
    Access, AccessKind, AccessSource, Accesses, Batch, BatchIter, Call, Ending, FunctionInfo,
    GlobalInfo, GlobalSet, Growth, Instantiated, MemoryId, Moment, Observe, Observer, Origin, Site,
};
pub use runtime::options::Optimizations;
pub use runtime::progress::CompilationProgress;
pub use runtime::room::OutOfMemory;
pub use runtime::trap::Trap;

/// For programs that were written for another engine.
pub mod docs {
    #[doc = include_str!("../docs/coming_from_wasmtime.md")]
    pub mod coming_from_wasmtime {}

    #[doc = include_str!("../docs/coming_from_wasmi.md")]
    pub mod coming_from_wasmi {}
}

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
