//! Every target with the test cases of `fuzz/seeds` and others from fixed seeds: the fuzz targets
//! without a fuzzer.
//!
//! A failure prints its file or seed and a minimised module. Run more seeds, or others, with
//!
//! ```text
//! LINEAL_FUZZ_SEEDS=1000..50000 cargo test --release -p lineal-fuzzing differential
//! ```

use std::fmt::Display;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lineal_fuzzing::{Tally, Target, bytes_of_seed, minimise};

/// The variable with the seeds to run instead of the fixed ones.
const SEEDS: &str = "LINEAL_FUZZ_SEEDS";

/// How long a failing test case is made smaller.
const MINIMISE_TIME: Duration = Duration::from_secs(20);

/// Failures that are printed; the rest are counted.
const MAX_REPORTS: usize = 3;

/// Runs a target with the test cases that fuzzing has kept and a number of seeds, or with the seeds
/// that the variable says.
fn run(name: &str, count: u64) {
    let target = Target::named(name).expect("a target");
    let (seeds, kept) = match std::env::var(SEEDS) {
        Ok(range) => {
            (parse_range(&range).unwrap_or_else(|| panic!("{SEEDS} looks like 1000..2000")), vec![])
        }
        Err(_) => (0..count, kept(name)),
    };
    let mut failures = 0;
    let mut judge = |label: &dyn Display, bytes: &[u8]| {
        if target.run(bytes).is_ok() {
            return;
        }
        failures += 1;
        if failures <= MAX_REPORTS {
            let smallest = minimise(&target, bytes, MINIMISE_TIME);
            let failure = target.run(&smallest).expect_err("minimised test cases fail");
            println!("{name}, {label}, in {} bytes: {failure}\n", smallest.len());
        }
    };
    for path in &kept {
        judge(&path.display(), &fs::read(path).expect("a file that was listed"));
    }
    for seed in seeds.clone() {
        judge(&format_args!("seed {seed}"), &bytes_of_seed(&target, seed));
    }
    println!(
        "{name}, seeds {seeds:?} and {} kept; of all targets so far: {:?}",
        kept.len(),
        Tally::now()
    );
    assert_eq!(failures, 0, "of {name}, seeds {seeds:?} and {} kept", kept.len());
}

/// The files of a target's test cases in `fuzz/seeds`.
fn kept(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.sort();
    paths
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

#[test]
fn work() {
    run("work", 100);
}

#[test]
fn threads() {
    run("threads", 40);
}

#[test]
fn objects() {
    run("objects", 150);
}
