//! Modules of `wasm-smith` and dense programs in Lineal and Wasmtime.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("differential", bytes));
