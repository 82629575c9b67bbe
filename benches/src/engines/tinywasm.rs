//! tinywasm with its default features and settings, except for a deeper call stack.

use anyhow::Result;
use tinywasm::engine::{Config, StackConfig};
use tinywasm::{FuncContext, HostFunction, Imports};

use super::host;
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
        let mut imports = Imports::new();
        if self.0.imports().next().is_some() {
            let nothing = HostFunction::from(&mut store, |_: FuncContext<'_>, ()| Ok(()));
            let add =
                HostFunction::from(&mut store, |_: FuncContext<'_>, (a, b)| Ok(host::add(a, b)));
            let blend = HostFunction::from(&mut store, |_: FuncContext<'_>, (a, b, c, d)| {
                Ok(host::blend(a, b, c, d))
            });
            imports.define("host", "nothing", nothing).define("host", "add", add);
            imports.define("host", "blend", blend);
        }
        let instance = tinywasm::ModuleInstance::instantiate(&mut store, &self.0, Some(imports))?;
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
