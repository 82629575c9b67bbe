//! Any bytes, and damaged modules, through decoder, validator and translator: never a panic.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("decode", bytes));
