//! [`Engine`]: what modules and stores of one embedding have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use lineal_decoder::FuncType;

use super::config::Config;
use crate::runtime::entity::SigId;

/// The context that modules are compiled in and stores are made from: a [`Config`] and the
/// function types seen so far.
///
/// An engine is cheap to clone and can be shared between threads. A program usually has one.
/// Modules and stores work together only if they were made with the same engine.
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
    sigs: Mutex<HashMap<FuncType, SigId>>,
}

impl Engine {
    /// Makes an engine.
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
        let inner = Inner { config: config.clone(), sigs: Mutex::default() };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// The configuration the engine was made with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether two handles stand for one engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// The engine-wide number of a function type.
    pub(crate) fn register(&self, ty: &FuncType) -> SigId {
        let mut sigs = self.inner.sigs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&sig) = sigs.get(ty) {
            return sig;
        }
        let sig = SigId(sigs.len() as u32);
        sigs.insert(ty.clone(), sig);
        sig
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
    use lineal_decoder::ValType;

    #[test]
    fn equal_types_have_equal_numbers() {
        let engine = Engine::default();
        let unary = |ty| FuncType::new([ty], []);
        let first = engine.register(&unary(ValType::I32));
        assert_eq!(engine.register(&unary(ValType::I32)), first);
        assert_ne!(engine.register(&unary(ValType::I64)), first);
        assert_ne!(engine.register(&FuncType::new([], [ValType::I32])), first);
        assert_eq!(engine.clone().register(&unary(ValType::I32)), first);
    }

    #[test]
    fn impossible_stacks_are_refused() {
        for bytes in [0, Config::MAX_STACK_LIMIT_BYTES + 1, usize::MAX] {
            assert!(Engine::new(Config::new().max_wasm_stack(bytes)).is_err());
        }
        assert!(Engine::new(Config::new().max_wasm_stack(1)).is_ok());
    }
}
