//! wasmi with its default features and `simd`, and its default settings, translating eagerly or
//! lazily.

use anyhow::Result;
use wasmi::{CompilationMode, Config};

use super::host;
use crate::{Engine, Instance, Module};

pub(crate) struct Wasmi {
    mode: CompilationMode,
}

impl Wasmi {
    pub(crate) fn eager() -> Wasmi {
        Wasmi { mode: CompilationMode::Eager }
    }

    /// Validates when the module is made and translates on the first call.
    pub(crate) fn lazy() -> Wasmi {
        Wasmi { mode: CompilationMode::LazyTranslation }
    }

    /// Validates and translates on the first call.
    pub(crate) fn lazy_validation() -> Wasmi {
        Wasmi { mode: CompilationMode::Lazy }
    }
}

impl Engine for Wasmi {
    fn name(&self) -> &'static str {
        match self.mode {
            CompilationMode::Eager => "wasmi",
            CompilationMode::LazyTranslation => "wasmi-lazy",
            CompilationMode::Lazy => "wasmi-lazy-validation",
        }
    }

    fn package(&self) -> &'static str {
        "wasmi"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        let mut config = Config::default();
        config.compilation_mode(self.mode);
        let engine = wasmi::Engine::new(&config);
        let module = wasmi::Module::new(&engine, wasm)?;
        Ok(Box::new(WasmiModule { engine, module }))
    }
}

struct WasmiModule {
    engine: wasmi::Engine,
    module: wasmi::Module,
}

impl Module for WasmiModule {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let mut store = wasmi::Store::new(&self.engine, ());
        let mut linker = wasmi::Linker::new(&self.engine);
        if self.module.imports().next().is_some() {
            linker.func_wrap("host", "nothing", || ())?;
            linker.func_wrap("host", "add", host::add)?;
            linker.func_wrap("host", "blend", host::blend)?;
        }
        let instance = linker.instantiate_and_start(&mut store, &self.module)?;
        Ok(Box::new(WasmiInstance { store, instance }))
    }
}

struct WasmiInstance {
    store: wasmi::Store<()>,
    instance: wasmi::Instance,
}

impl Instance for WasmiInstance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let func = self.instance.get_typed_func::<i32, i64>(&self.store, export)?;
        Ok(func.call(&mut self.store, arg)?)
    }
}
