//! Any bytes through decoder, validator and translator: a module or an error, never a panic, and the same
//! in whichever order functions are looked at.

use lineal::{
    CompilationMode, Config, DecodeError, Engine, Func, Instance, Module, Store,
    StoreLimitsBuilder, Val,
};

use crate::numbers::Numbers;
use crate::show_on_failure;

/// Takes the bytes as they are, and as damage to a valid module.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    decode(bytes)?;
    if let Some((_, module)) = crate::differential::module(bytes) {
        let mut damaged = module;
        let mut numbers = Numbers::new(bytes);
        for _ in 0..1 + numbers.below(4) {
            let at = numbers.below(damaged.len());
            damaged[at] = numbers.below(256) as u8;
        }
        show_on_failure(&damaged);
        decode(&damaged)?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<(), String> {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).consume_fuel(true);
    let mut module = |mode, parallel| {
        let config = config.compilation_mode(mode).parallel_compilation(parallel);
        let engine = Engine::new(config).expect("valid options");
        Module::from_binary(&engine, bytes).map_err(|error| error.to_string())
    };
    let expected = module(CompilationMode::Eager, false).err();
    for (mode, parallel) in [
        (CompilationMode::Eager, true),
        (CompilationMode::Lazy, false),
        (CompilationMode::Lazy, true),
    ] {
        let found = module(mode, parallel).err();
        if found != expected {
            return Err(format!("{mode:?}, parallel {parallel}: {found:?}, not {expected:?}"));
        }
    }
    let only_some = module(CompilationMode::LazyValidation, false);
    if let (Err(error), None) = (&only_some, &expected) {
        return Err(format!("a valid module is refused without its bodies: {error}"));
    }
    if let Ok(module) = only_some {
        call_all(&module, expected.is_none())?;
    }
    Ok(())
}

/// Calls functions without parameters whose bodies were not validated, if nothing is imported.
fn call_all(module: &Module, valid: bool) -> Result<(), String> {
    let limits = StoreLimitsBuilder::new().memory_size(4 << 20).table_elements(10_000).build();
    let mut store = Store::new(module.engine(), limits);
    store.limiter(|limits| limits);
    store.set_fuel(10_000).expect("it is consumed");
    let instance = match Instance::new(&mut store, module, &[]) {
        Ok(instance) => instance,
        Err(error) if valid && error.is::<DecodeError>() => return Err(format!("{error:?}")),
        Err(_) => return Ok(()),
    };
    let funcs: Vec<Func> =
        instance.exports(&mut store).filter_map(|export| export.into_func()).collect();
    for func in funcs {
        store.set_fuel(10_000).expect("it is consumed");
        let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
        match func.call(&mut store, &[], &mut results) {
            Err(error) if valid && error.is::<DecodeError>() => return Err(format!("{error:?}")),
            _ => {}
        }
    }
    Ok(())
}
