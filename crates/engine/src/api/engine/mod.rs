//! [`Engine`]: what modules and stores of one embedding have in common.

pub(crate) mod config;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Result, ensure};
use lineal_decoder::{FuncType, SubType, TypeIndex};
use lineal_memory::SharedMemory;

use crate::api::engine::config::Config;
use crate::runtime::observe::{Origin, SharedWriters, Site, Sites};
use crate::runtime::types::TypeRegistry;

/// What modules are compiled with and stores are created from: a [`Config`] and the types of all modules
/// so far.
///
/// An engine is cheap to clone and can be shared between threads. A program usually has one.
/// Modules and stores work together only if they were created with the same engine.
///
/// An engine keeps one copy of each type that a module or a host function has, for as long as it lives.
/// A function type takes some hundred bytes. A program that loads ever new modules, each with types
/// of its own, should create a new engine from time to time.
///
/// ```
/// use lineal::{Config, Engine};
///
/// let mut config = Config::new();
/// config.wasm_memory64(false).max_wasm_stack(256 << 10);
/// let engine = Engine::new(&config)?;
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    config: Config,
    types: TypeRegistry,
    epoch: AtomicU64,
    sites: Sites,
    /// Who wrote the bytes of memories that threads share, for all stores.
    shared_writers: Mutex<Vec<(SharedMemory, SharedWriters)>>,
}

impl Engine {
    /// Creates an engine.
    ///
    /// # Errors
    ///
    /// If the configuration asks for a stack of no bytes, or of more than 1 GiB.
    pub fn new(config: &Config) -> Result<Engine> {
        let stack_bytes = config.max_wasm_stack_bytes();
        ensure!(stack_bytes > 0, "max_wasm_stack must not be zero");
        ensure!(
            stack_bytes <= Config::MAX_STACK_LIMIT_BYTES,
            "max_wasm_stack is {stack_bytes} bytes, but at most {} are possible",
            Config::MAX_STACK_LIMIT_BYTES
        );
        let inner = Inner { config: config.clone(), ..Inner::default() };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// The configuration the engine was created with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether two handles stand for one engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// Adds a tick to the engine's epoch. Guests whose deadline it reaches are interrupted;
    /// see [`Config::epoch_interruption`].
    ///
    /// Any thread can do this at any time, and so can a signal handler.
    pub fn increment_epoch(&self) {
        self.inner.epoch.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn epoch(&self) -> &AtomicU64 {
        &self.inner.epoch
    }

    /// A handle that does not keep the engine alive: for a thread that counts epochs.
    pub fn weak(&self) -> EngineWeak {
        EngineWeak { inner: Arc::downgrade(&self.inner) }
    }

    /// The number of a type in this engine; equal types have equal numbers.
    ///
    /// ```
    /// use lineal::{Engine, FuncType, HeapType, RefType, ValType};
    ///
    /// let engine = Engine::default();
    /// let callback = engine.register_type(&FuncType::new([ValType::I32], []).into());
    /// let ty = RefType { nullable: false, heap: HeapType::ConcreteFunc(callback) };
    /// let run = FuncType::new([ValType::Ref(ty)], []);
    /// assert_eq!(engine.type_at(callback).unwrap().as_func().unwrap().params(), [ValType::I32]);
    /// # assert_eq!(run.params().len(), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// If the type refers to a type that is not one of this engine's, or does not match its
    /// supertype.
    pub fn register_type(&self, ty: &SubType) -> TypeIndex {
        self.types().register_one(ty)
    }

    /// The number of a function type: its own, if it comes from one of this engine's modules.
    pub(crate) fn register_func_type(&self, ty: &FuncType) -> TypeIndex {
        let is_same = |index| self.type_at(index).is_some_and(|def| def.as_func() == Some(ty));
        match ty.defined() {
            Some(index) if is_same(index) => index,
            _ => self.register_type(&ty.clone().into()),
        }
    }

    /// The type with a number; `None` if the number is not one of this engine's.
    pub fn type_at(&self, index: TypeIndex) -> Option<&SubType> {
        self.types().get(index).map(|def| &def.ty)
    }

    /// What a site stands for: which instruction, data segment or host function.
    ///
    /// Sites come from reports to an [`Observer`](crate::Observer) of a store of this engine.
    pub fn origin(&self, site: Site) -> Origin {
        self.sites().origin(site)
    }

    pub(crate) fn sites(&self) -> &Sites {
        &self.inner.sites
    }

    /// Who wrote the bytes of a shared memory. All stores that use it take note in one place,
    /// which the engine keeps.
    pub(crate) fn shared_writers(
        &self,
        memory: &SharedMemory,
        max_bytes: u64,
    ) -> Option<SharedWriters> {
        let known = &self.inner.shared_writers;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, writers)) = known.iter().find(|(other, _)| other.same(memory)) {
            return Some(writers.clone());
        }
        let writers = SharedWriters::new(max_bytes)?;
        known.push((memory.clone(), writers.clone()));
        Some(writers)
    }

    pub(crate) fn types(&self) -> &TypeRegistry {
        &self.inner.types
    }
}

/// A handle to an [`Engine`] that does not keep it alive; see [`Engine::weak`].
#[derive(Clone)]
pub struct EngineWeak {
    inner: Weak<Inner>,
}

impl EngineWeak {
    /// The engine, if there still is one.
    pub fn upgrade(&self) -> Option<Engine> {
        self.inner.upgrade().map(|inner| Engine { inner })
    }
}

impl fmt::Debug for EngineWeak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineWeak").finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", self.config()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_stacks_are_refused() {
        for bytes in [0, Config::MAX_STACK_LIMIT_BYTES + 1, usize::MAX] {
            assert!(Engine::new(Config::new().max_wasm_stack(bytes)).is_err());
        }
        assert!(Engine::new(Config::new().max_wasm_stack(1)).is_ok());
    }
}
