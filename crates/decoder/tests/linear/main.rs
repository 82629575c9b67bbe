//! Decoding takes time in proportion to the input, whatever the input has many of.
//!
//! What is measured is processor time of the thread, which other programs hardly change, and of several
//! measurements the least.

#![cfg(unix)]

mod shapes;

use std::time::Duration;

use lineal_decoder::{Features, Module};
use rustix::time::{ClockId, clock_gettime};
use shapes::SHAPES;

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The least time that decoding took, and looking for what has names.
fn time(input: &[u8], rounds: usize) -> Duration {
    let once = |_| {
        let begin = processor_time();
        let module = Module::new(input, &Features::default());
        // A limit of the validator may be exceeded, and finding that out takes time too.
        if let Ok(module) = &module {
            let _ = (module.export("e1"), module.names().func(1), module.func_at(input.len() / 2));
        }
        processor_time() - begin
    };
    (0..rounds).map(once).min().expect("there are rounds")
}

#[test]
fn decoding_takes_linear_time() {
    const N: usize = 2_000;
    const TIMES: usize = 16;
    let mut slow = Vec::new();
    for (name, shape) in SHAPES {
        let inputs = [shape(N), shape(N * TIMES)];
        let [few, many] = inputs.each_ref().map(|text| text.as_bytes());
        let binaries = [few, many].map(|text| lineal_decoder::to_binary(text).expect("text"));
        let sizes = [[few, many], binaries.each_ref().map(|binary| &**binary)];
        for (format, [few, many]) in ["text", "binary"].iter().zip(sizes) {
            // Quadratic work would take as many times as long for each byte.
            let growth = many.len() as f64 / few.len() as f64;
            let ratio = || time(many, 3).as_secs_f64() / time(few, 5).as_secs_f64();
            let ratio = (0..3).map(|_| ratio()).fold(f64::INFINITY, f64::min);
            if ratio > growth * 3.0 {
                slow.push(format!("{name} as {format}: {ratio:.0} times for {growth:.0} times"));
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
