//! tinywasm with its default features and settings, except for a deeper call stack.

use anyhow::Result;
use tinywasm::engine::{Config, StackConfig};

use crate::{Engine, Instance, Module};

pub(crate) struct TinyWasm;

/// The default is 1,024 frames, too few for programs that recurse.
const FRAMES: usize = 64 * 1024;

impl Engine for TinyWasm {
    fn name(&self) -> &'static str {
        "tinywasm"
    }

    fn package(&self) -> &'static str {
        "tinywasm"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        Ok(Box::new(TinyWasmModule(tinywasm::parse_bytes(wasm)?)))
    }
}

struct TinyWasmModule(tinywasm::Module);

impl Module for TinyWasmModule {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let config = Config::new().with_call_stack(StackConfig::dynamic(1024, FRAMES));
        let mut store = tinywasm::Store::new(tinywasm::Engine::new(config));
        let instance = tinywasm::ModuleInstance::instantiate(&mut store, &self.0, None)?;
        Ok(Box::new(TinyWasmInstance { store, instance }))
    }
}

struct TinyWasmInstance {
    store: tinywasm::Store,
    instance: tinywasm::ModuleInstance,
}

impl Instance for TinyWasmInstance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let func = self.instance.func::<i32, i64>(&self.store, export)?;
        Ok(func.call(&mut self.store, arg)?)
    }
}
