//! wasm3 through the crate `wasm3x`, translating eagerly or lazily. The latter is its default.

use anyhow::{Result, anyhow};
use wasm3x::{CompilationMode, Config};

use crate::{Engine, Instance, Module};

pub(crate) struct Wasm3 {
    mode: CompilationMode,
}

impl Wasm3 {
    pub(crate) fn eager() -> Wasm3 {
        Wasm3 { mode: CompilationMode::Eager }
    }

    pub(crate) fn lazy() -> Wasm3 {
        Wasm3 { mode: CompilationMode::Lazy }
    }
}

impl Engine for Wasm3 {
    fn name(&self) -> &'static str {
        match self.mode {
            CompilationMode::Eager => "wasm3",
            CompilationMode::Lazy => "wasm3-lazy",
        }
    }

    fn package(&self) -> &'static str {
        "wasm3x"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        let mut config = Config::new();
        config.compilation_mode(self.mode);
        let engine = wasm3x::Engine::new(&config);
        let module = wasm3x::Module::new(&engine, wasm).map_err(local)?;
        Ok(Box::new(Wasm3Module { engine, module }))
    }
}

struct Wasm3Module {
    engine: wasm3x::Engine,
    module: wasm3x::Module,
}

impl Module for Wasm3Module {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let mut store = wasm3x::Store::new(&self.engine, ());
        let linker = wasm3x::Linker::new(&self.engine);
        let instance = linker.instantiate_and_start(&mut store, &self.module).map_err(local)?;
        Ok(Box::new(Wasm3Instance { store, instance }))
    }
}

struct Wasm3Instance {
    store: wasm3x::Store<()>,
    instance: wasm3x::Instance,
}

impl Instance for Wasm3Instance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let func = self.instance.get_typed_func::<i32, i64>(&self.store, export).map_err(local)?;
        func.call(&mut self.store, arg).map_err(local)
    }
}

/// wasm3's errors are not `Send`, as ours must be.
fn local(error: wasm3x::Error) -> anyhow::Error {
    anyhow!("{error}")
}
