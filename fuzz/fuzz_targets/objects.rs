//! Programs on structures, arrays and references in Lineal and Wasmtime.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("objects", bytes));
