//! Settings that exist so that programs written for Wasmtime build: what they choose cannot differ
//! in an interpreter. And modules as files of their own, which are binaries here.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::api::module::Module;
use crate::runtime::config::Config;
use crate::runtime::engine::Engine;

/// Which compiler makes machine code: none does here. See [`Config::strategy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// The engine's choice.
    Auto,
    /// The compiler of this name.
    Cranelift,
    /// The compiler of this name.
    Winch,
}

/// How much a compiler is to optimize: there is none here. See [`Config::cranelift_opt_level`], and
/// [`Optimizations`](crate::Optimizations) for what the interpreter can leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptLevel {
    /// Not at all.
    None,
    /// For speed.
    Speed,
    /// For speed and small code.
    SpeedAndSize,
}

/// Which profiler is told about machine code: there is none here. See [`Config::profiler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfilingStrategy {
    /// None.
    None,
    /// `perf`, by a file of symbols.
    PerfMap,
    /// `perf`, by a file of code.
    JitDump,
    /// VTune.
    VTune,
    /// A profile of guests by the interpreter of this name.
    Pulley,
}

/// Where compiled code is kept: there is none here, so a cache holds nothing. See [`Config::cache`].
#[derive(Clone, Debug)]
pub struct Cache(());

impl Cache {
    /// A cache that holds nothing.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn new(_: CacheConfig) -> Result<Cache> {
        Ok(Cache(()))
    }

    /// A cache that holds nothing. The file is not read.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn from_file(_: Option<&Path>) -> Result<Cache> {
        Ok(Cache(()))
    }
}

/// Settings of a [`Cache`], without effect.
#[derive(Clone, Debug, Default)]
pub struct CacheConfig(());

impl CacheConfig {
    /// The settings.
    pub fn new() -> CacheConfig {
        CacheConfig(())
    }

    /// Has no effect: nothing is written to the directory.
    pub fn with_directory(&mut self, _: impl Into<std::path::PathBuf>) -> &mut Self {
        self
    }
}

/// Setters that do nothing.
macro_rules! without_effect {
    ($($(#[doc = $doc:literal])* $name:ident($ty:ty);)*) => {
        /// Settings without effect, for programs that were written for Wasmtime. Each says why.
        impl Config {
            $(
                $(#[doc = $doc])*
                pub fn $name(&mut self, _: $ty) -> &mut Self {
                    self
                }
            )*
        }
    };
}

without_effect! {
    /// Has no effect: no machine code is generated, so there is none to describe to a native
    /// debugger. Backtraces show lines of the source by themselves.
    debug_info(bool);
    /// Has no effect: no machine code is generated that would have to be unwound.
    native_unwind_info(bool);
    /// Has no effect: the interpreter always knows which instruction it is at.
    generate_address_map(bool);
    /// Has no effect: the address space for a memory is that of its
    /// [`memory_options`](Config::memory_options).
    memory_reservation(u64);
    /// Has no effect; see [`memory_options`](Config::memory_options).
    memory_reservation_for_growth(u64);
    /// Has no effect: each access is checked, and there are no guard pages.
    memory_guard_size(u64);
    /// Has no effect: guests cannot see whether a memory moves when it grows.
    memory_may_move(bool);
    /// Has no effect: data segments are copied.
    memory_init_cow(bool);
    /// Has no effect: each access is checked, and there are no guard pages.
    guard_before_linear_memory(bool);
    /// Has no effect: tables that are not written to take no room already.
    table_lazy_init(bool);
    /// Has no effect: traps do not depend on signals of the host.
    signals_based_traps(bool);
    /// Has no effect: the collector is there if a module needs it; see
    /// [`wasm_gc`](Config::wasm_gc).
    gc_support(bool);
    /// Has no effect: there is no compiler to choose.
    strategy(Strategy);
    /// Has no effect: there is no compiler. See [`optimizations`](Config::optimizations).
    cranelift_opt_level(OptLevel);
    /// Has no effect: there is no compiler to check.
    cranelift_debug_verifier(bool);
    /// Has no effect: there is no machine code to tell a profiler of. An [`Observe`](crate::Observe)
    /// sees calls and instructions.
    profiler(ProfilingStrategy);
    /// Has no effect: there is no machine code to keep.
    cache(Option<Cache>);
    /// Has no effect: no signals are used.
    macos_use_mach_ports(bool);
}

impl Config {
    /// Does the same as [`canonicalize_nans`](Config::canonicalize_nans).
    pub fn cranelift_nan_canonicalization(&mut self, enable: bool) -> &mut Self {
        self.canonicalize_nans(enable)
    }
}

/// What a file of machine code is made of: [`Engine::detect_precompiled`] never finds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precompiled {
    /// A module.
    Module,
    /// A component.
    Component,
}

/// Modules to keep in files. There is no machine code to keep, so these are WebAssembly binaries.
impl Engine {
    /// Validates and translates a module, and gives its binary: see [`Module::serialize`].
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn precompile_module(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Module::new(self, bytes)?.serialize()
    }

    /// Always `None`: what [`Module::serialize`] gives is a binary like any other, which
    /// [`Module::new`] takes.
    pub fn detect_precompiled(_: &[u8]) -> Option<Precompiled> {
        None
    }

    /// As [`Engine::detect_precompiled`], for a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn detect_precompiled_file(path: impl AsRef<Path>) -> Result<Option<Precompiled>> {
        let path = path.as_ref();
        let file = std::fs::File::open(path).and_then(|file| file.metadata());
        file.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(None)
    }
}

/// Modules to keep in files. There is no machine code to keep, so these are WebAssembly binaries.
impl Module {
    /// The binary that the module was made from, as [`Module::binary`] lends it.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        Ok(self.binary().to_vec())
    }

    /// Does the same as [`Module::from_binary`]: the module is validated and translated, so this is
    /// safe for any bytes, and any engine.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_binary(engine, bytes.as_ref())
    }

    /// Does the same as [`Module::from_file`].
    ///
    /// # Errors
    ///
    /// As for [`Module::from_file`].
    pub fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        Module::from_file(engine, path)
    }
}
