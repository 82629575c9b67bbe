//! Operations on memories of all kinds and on a model of plain vectors.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("memory_model", bytes));
