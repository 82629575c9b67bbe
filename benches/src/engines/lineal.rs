//! Lineal with its default settings, translating eagerly or lazily.

use anyhow::Result;
use lineal::{CompilationMode, Config};

use super::host;
use crate::{Engine, Instance, Module};

pub(crate) struct Lineal {
    mode: CompilationMode,
}

impl Lineal {
    pub(crate) fn eager() -> Lineal {
        Lineal { mode: CompilationMode::Eager }
    }

    pub(crate) fn lazy() -> Lineal {
        Lineal { mode: CompilationMode::Lazy }
    }

    pub(crate) fn lazy_validation() -> Lineal {
        Lineal { mode: CompilationMode::LazyValidation }
    }
}

impl Engine for Lineal {
    fn name(&self) -> &'static str {
        match self.mode {
            CompilationMode::Lazy => "lineal-lazy",
            CompilationMode::LazyValidation => "lineal-lazy-validation",
            _ => "lineal",
        }
    }

    fn package(&self) -> &'static str {
        "lineal"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        let engine = lineal::Engine::new(Config::new().compilation_mode(self.mode))?;
        let module = lineal::Module::new(&engine, wasm)?;
        Ok(Box::new(LinealModule { engine, module }))
    }
}

struct LinealModule {
    engine: lineal::Engine,
    module: lineal::Module,
}

impl Module for LinealModule {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let mut store = lineal::Store::new(&self.engine, ());
        let mut linker = lineal::Linker::new(&self.engine);
        if self.module.imports().next().is_some() {
            linker.func_wrap("host", "nothing", || ())?;
            linker.func_wrap("host", "add", host::add)?;
            linker.func_wrap("host", "blend", host::blend)?;
        }
        let instance = linker.instantiate(&mut store, &self.module)?;
        Ok(Box::new(LinealInstance { store, instance }))
    }
}

struct LinealInstance {
    store: lineal::Store<()>,
    instance: lineal::Instance,
}

impl Instance for LinealInstance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let func = self.instance.get_typed_func::<i32, i64>(&mut self.store, export)?;
        func.call(&mut self.store, arg)
    }
}
