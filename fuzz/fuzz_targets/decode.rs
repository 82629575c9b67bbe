//! Any bytes through decoder, validator and translator: a module or an error, never a panic.

#![no_main]

use lineal::{Engine, Module};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Module::new(&Engine::default(), bytes);
});
