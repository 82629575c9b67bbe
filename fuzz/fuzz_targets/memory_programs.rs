//! Programs full of memory accesses near every boundary in Lineal and Wasmtime.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("memory_programs", bytes));
