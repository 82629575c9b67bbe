//! [`Engine`]: what modules and stores of one embedding have in common.

pub(crate) mod compat;
pub(crate) mod config;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, bail, ensure};
use lineal_decoder::{FuncType, SubType, TypeIndex};

use crate::runtime::config::Config;
use crate::runtime::engine::Inner;
pub use crate::runtime::engine::{Engine, EngineWeak};
use crate::runtime::observe::{Origin, Site};

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
        if let Some(feature) = config.left_out() {
            bail!(
                "the configuration enables a proposal that this build leaves out: build with the \
                 feature `{feature}`, or do not enable it"
            );
        }
        ensure!(
            config.observe.is_none() || cfg!(feature = "observe"),
            "the configuration has an observer, which this build leaves out: build with the feature \
             `observe`"
        );
        let inner = Inner { config: config.clone(), ..Inner::default() };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Adds a tick to the engine's epoch. Guests whose deadline it reaches are interrupted;
    /// see [`Config::epoch_interruption`].
    ///
    /// Any thread can do this at any time, and so can a signal handler.
    pub fn increment_epoch(&self) {
        self.inner.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// A handle that does not keep the engine alive: for a thread that counts epochs.
    pub fn weak(&self) -> EngineWeak {
        EngineWeak { inner: Arc::downgrade(&self.inner) }
    }

    /// The number of a function type: its own, if it comes from one of this engine's modules.
    pub(crate) fn register_func_type(&self, ty: &FuncType) -> TypeIndex {
        let is_same = |index| self.type_at(index).is_some_and(|def| def.as_func() == Some(ty));
        match ty.defined() {
            Some(index) if is_same(index) => index,
            _ => self.types().register_plain(&ty.clone().into()),
        }
    }

    /// What a site stands for: which instruction, data segment or host function.
    ///
    /// Sites come from reports to an [`Observer`](crate::Observer) of a store of this engine.
    pub fn origin(&self, site: Site) -> Origin {
        self.sites().origin(site)
    }

    /// The type with a number; `None` if the number is not one of this engine's.
    pub(crate) fn type_at(&self, index: TypeIndex) -> Option<&SubType> {
        self.types().get(index).map(|def| &def.ty)
    }
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
