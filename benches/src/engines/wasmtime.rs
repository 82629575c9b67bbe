//! Wasmtime: Pulley, its interpreter, for which Cranelift compiles to a portable bytecode; and
//! Cranelift to machine code, to show what a compiler reaches.

use anyhow::{Result, anyhow};

use super::host;
use crate::{Engine, Instance, Module};

pub(crate) struct Wasmtime {
    name: &'static str,
    target: Option<&'static str>,
}

impl Wasmtime {
    pub(crate) fn pulley() -> Wasmtime {
        let bits = if cfg!(target_pointer_width = "64") { "pulley64" } else { "pulley32" };
        Wasmtime { name: "pulley", target: Some(bits) }
    }

    pub(crate) fn cranelift() -> Wasmtime {
        Wasmtime { name: "cranelift", target: None }
    }
}

impl Engine for Wasmtime {
    fn name(&self) -> &'static str {
        self.name
    }

    fn package(&self) -> &'static str {
        "wasmtime"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        let mut config = wasmtime::Config::new();
        // Off by default, unlike the instructions of the proposal.
        config.shared_memory(true);
        if let Some(target) = self.target {
            config.target(target).map_err(local)?;
        }
        let engine = wasmtime::Engine::new(&config).map_err(local)?;
        let module = wasmtime::Module::new(&engine, wasm).map_err(local)?;
        Ok(Box::new(WasmtimeModule { engine, module }))
    }
}

struct WasmtimeModule {
    engine: wasmtime::Engine,
    module: wasmtime::Module,
}

impl Module for WasmtimeModule {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let mut store = wasmtime::Store::new(&self.engine, ());
        let mut linker = wasmtime::Linker::new(&self.engine);
        if self.module.imports().next().is_some() {
            linker.func_wrap("host", "nothing", || ()).map_err(local)?;
            linker.func_wrap("host", "add", host::add).map_err(local)?;
            linker.func_wrap("host", "blend", host::blend).map_err(local)?;
        }
        let instance = linker.instantiate(&mut store, &self.module).map_err(local)?;
        Ok(Box::new(WasmtimeInstance { store, instance }))
    }
}

struct WasmtimeInstance {
    store: wasmtime::Store<()>,
    instance: wasmtime::Instance,
}

impl Instance for WasmtimeInstance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let func = self.instance.get_typed_func::<i32, i64>(&mut self.store, export);
        func.map_err(local)?.call(&mut self.store, arg).map_err(local)
    }
}

/// Wasmtime has an error type of its own.
fn local(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
