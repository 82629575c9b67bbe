//! [`Engine`]: what modules and stores refer to. What hosts do with it is in the embedding API.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lineal_memory::SharedMemory;

use super::config::Config;
use super::observe::{SharedWriters, Sites};
use super::types::TypeRegistry;

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
    pub(crate) inner: Arc<Inner>,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) types: TypeRegistry,
    pub(crate) epoch: AtomicU64,
    pub(crate) sites: Sites,
    /// Who wrote the bytes of memories that threads share, for all stores.
    pub(crate) shared_writers: Mutex<Vec<(SharedMemory, SharedWriters)>>,
}

/// A handle to an [`Engine`] that does not keep it alive; see [`Engine::weak`].
#[derive(Clone)]
pub struct EngineWeak {
    pub(crate) inner: Weak<Inner>,
}

impl Engine {
    /// The configuration the engine was created with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether two handles stand for one engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    pub(crate) fn epoch(&self) -> &AtomicU64 {
        &self.inner.epoch
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
