//! The fast interpreter of the WebAssembly Micro Runtime through the crate `wamrx`, with default
//! features.

use anyhow::{Result, anyhow, bail};
use wamrx::Val;

use crate::{Engine, Instance, Module};

pub(crate) struct Wamr;

impl Engine for Wamr {
    fn name(&self) -> &'static str {
        "wamr"
    }

    fn package(&self) -> &'static str {
        "wamrx"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>> {
        let engine = wamrx::Engine::new().map_err(local)?;
        // An instance takes the module with it, so each gets one of its own; this one shows
        // whether the module is valid.
        wamrx::Module::new(&engine, wasm).map_err(local)?;
        Ok(Box::new(WamrModule { engine, wasm: wasm.to_vec() }))
    }
}

struct WamrModule {
    engine: wamrx::Engine,
    wasm: Vec<u8>,
}

impl Module for WamrModule {
    fn instantiate(&self) -> Result<Box<dyn Instance>> {
        let module = wamrx::Module::new(&self.engine, &self.wasm).map_err(local)?;
        let instance = wamrx::Linker::new(&self.engine).instantiate(module).map_err(local)?;
        Ok(Box::new(WamrInstance(instance)))
    }
}

struct WamrInstance(wamrx::Instance);

impl Instance for WamrInstance {
    fn call(&mut self, export: &str, arg: i32) -> Result<i64> {
        let mut results = [Val::I64(0)];
        let func = self.0.get_func(export).map_err(local)?;
        func.call(&[Val::I32(arg)], &mut results).map_err(local)?;
        match results {
            [Val::I64(result)] => Ok(result),
            _ => bail!("`{export}` did not return an i64"),
        }
    }
}

fn local(error: wamrx::Error) -> anyhow::Error {
    anyhow!("{error}")
}
