//! How long functions of random shapes take to load, at one size and at eight times that.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("work", bytes));
