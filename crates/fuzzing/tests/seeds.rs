//! Every target with test cases from fixed seeds: the fuzz targets without a fuzzer.
//!
//! A failure prints its seed and a minimised module. Run more seeds, or others, with
//!
//! ```text
//! LINEAL_FUZZ_SEEDS=1000..50000 cargo test --release -p lineal-fuzzing differential
//! ```

use std::ops::Range;
use std::time::Duration;

use lineal_fuzzing::{Tally, Target, bytes_of_seed, minimise};

/// The variable with the seeds to run instead of the fixed ones.
const SEEDS: &str = "LINEAL_FUZZ_SEEDS";

/// How long a failing test case is made smaller.
const MINIMISE_TIME: Duration = Duration::from_secs(20);

/// Failures that are printed; the rest are counted.
const MAX_REPORTS: usize = 3;

/// Runs a target with a number of seeds, or with those that the variable says.
fn run(name: &str, count: u64) {
    let target = Target::named(name).expect("a target");
    let seeds = match std::env::var(SEEDS) {
        Ok(range) => parse_range(&range).unwrap_or_else(|| panic!("{SEEDS} looks like 1000..2000")),
        Err(_) => 0..count,
    };
    let mut failures = 0;
    for seed in seeds.clone() {
        let bytes = bytes_of_seed(&target, seed);
        if target.run(&bytes).is_ok() {
            continue;
        }
        failures += 1;
        if failures <= MAX_REPORTS {
            let smallest = minimise(&target, &bytes, MINIMISE_TIME);
            let failure = target.run(&smallest).expect_err("minimised test cases fail");
            println!("{name}, seed {seed}, in {} bytes: {failure}\n", smallest.len());
        }
    }
    println!("{name}, seeds {seeds:?}; of all targets so far: {:?}", Tally::now());
    assert_eq!(failures, 0, "of {name}, seeds {seeds:?}");
}

fn parse_range(text: &str) -> Option<Range<u64>> {
    let (start, end) = text.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

#[test]
fn decode() {
    run("decode", 1_000);
}

#[test]
fn memory_model() {
    run("memory_model", 500);
}

#[test]
fn memory_programs() {
    run("memory_programs", 500);
}

#[test]
fn differential() {
    run("differential", 400);
}

#[test]
fn translate() {
    run("translate", 400);
}
