//! Any bytes through decoder, validator and translator: a module or an error, never a panic.

use lineal::{CompilationMode, Config, Engine, Module};

use crate::numbers::Numbers;
use crate::show_on_failure;

/// Takes the bytes as they are, and as damage to a valid module.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), String> {
    decode(bytes);
    if let Some((_, module)) = crate::differential::module(bytes) {
        let mut damaged = module;
        let mut numbers = Numbers::new(bytes);
        for _ in 0..1 + numbers.below(4) {
            let at = numbers.below(damaged.len());
            damaged[at] = numbers.below(256) as u8;
        }
        show_on_failure(&damaged);
        decode(&damaged);
    }
    Ok(())
}

fn decode(bytes: &[u8]) {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true);
    for mode in [CompilationMode::Eager, CompilationMode::Lazy] {
        let engine = Engine::new(config.compilation_mode(mode)).expect("valid options");
        let _ = Module::from_binary(&engine, bytes);
    }
}
