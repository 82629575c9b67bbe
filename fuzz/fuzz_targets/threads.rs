//! Threads on one shared memory, whose outcome does not depend on who is first.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lineal_fuzzing::fuzz("threads", bytes));
