//! Dense programs in Lineal, with each of the translator's optimisations and without.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("translate", bytes));
