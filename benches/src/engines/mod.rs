//! The engines: Lineal and those peers that the crate's features switch on.

mod lineal;
#[cfg(feature = "tinywasm")]
mod tinywasm;
#[cfg(feature = "wamr")]
mod wamr;
#[cfg(feature = "wasm3")]
mod wasm3;
#[cfg(feature = "wasmi")]
mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;

use std::panic::{self, AssertUnwindSafe};

use anyhow::{Context, Result, anyhow};

use crate::{Engine, Instance};

/// All engines that were built in, Lineal first.
pub fn engines() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(lineal::Lineal::eager()),
        Box::new(lineal::Lineal::lazy()),
        Box::new(lineal::Lineal::lazy_validation()),
        #[cfg(feature = "wasmi")]
        Box::new(wasmi::Wasmi::eager()),
        #[cfg(feature = "wasmi")]
        Box::new(wasmi::Wasmi::lazy()),
        #[cfg(feature = "wasmi")]
        Box::new(wasmi::Wasmi::lazy_validation()),
        #[cfg(feature = "wasm3")]
        Box::new(wasm3::Wasm3::eager()),
        #[cfg(feature = "wasm3")]
        Box::new(wasm3::Wasm3::lazy()),
        #[cfg(feature = "tinywasm")]
        Box::new(tinywasm::TinyWasm),
        #[cfg(feature = "wamr")]
        Box::new(wamr::Wamr),
        #[cfg(feature = "wasmtime")]
        Box::new(wasmtime::Wasmtime::pulley()),
        #[cfg(feature = "wasmtime")]
        Box::new(wasmtime::Wasmtime::cranelift()),
    ]
}

/// Those engines that have translated a module once it is instantiated. The others, whose names
/// have `-lazy` in them, are for measuring just that.
pub fn eager_engines() -> impl Iterator<Item = Box<dyn Engine>> {
    engines().into_iter().filter(|engine| !engine.name().contains("-lazy"))
}

/// The engine of that name.
///
/// # Errors
///
/// If there is none, or it was not built in.
pub fn engine(name: &str) -> Result<Box<dyn Engine>> {
    let found = engines().into_iter().find(|engine| engine.name() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = engines().iter().map(|engine| engine.name()).collect();
        anyhow!("no engine `{name}` in this build; there are: {}", names.join(", "))
    })
}

/// Compiles and instantiates a module that not every engine accepts. If a peer does not, prints a
/// line that says so and returns `None`.
///
/// # Errors
///
/// If Lineal does not accept it.
pub fn instantiate_if_supported(
    engine: &dyn Engine,
    name: &str,
    wasm: &[u8],
) -> Result<Option<Box<dyn Instance>>> {
    match engine.compile(wasm).and_then(|module| module.instantiate()) {
        Ok(instance) => Ok(Some(instance)),
        Err(error) if engine.package() == "lineal" => {
            Err(error).with_context(|| format!("instantiating {name}"))
        }
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            eprintln!("{name} is left out on {}: {reason}", engine.name());
            Ok(None)
        }
    }
}

/// Whether a function can be called without a panic of the engine's, which prints a line of its own.
/// Such a fault of a peer must not end a comparison.
///
/// # Errors
///
/// If the call returns one.
pub fn runs(instance: &mut dyn Instance, export: &str) -> Result<bool> {
    match panic::catch_unwind(AssertUnwindSafe(|| instance.call(export, 1))) {
        Ok(result) => result.map(|_| true),
        Err(_) => Ok(false),
    }
}

/// The host functions of the module `host`, for the kernels that measure calls of the host. An
/// engine defines them for modules that import something.
mod host {
    pub(super) fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    pub(super) fn blend(a: i64, b: f64, c: i32, d: i64) -> i64 {
        a.wrapping_mul(d).wrapping_add(b as i64).wrapping_sub(i64::from(c) * 2)
    }
}
