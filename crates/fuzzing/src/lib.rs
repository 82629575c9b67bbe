//! Makes wrong behaviour hard to hide: generators of test cases, and oracles that judge them.
//!
//! A [`Target`] reads a test case from any bytes and compares Lineal with something that is known
//! to be right: a naive model, Wasmtime, or itself with less cleverness. The fuzz targets of
//! `fuzz/` feed bytes that libFuzzer finds; this crate's tests feed bytes made from fixed seeds.

#![forbid(unsafe_code)]

mod decode;
mod differential;
mod guest;
mod memory_model;
mod memory_programs;
mod minimise;
#[path = "../../memory/tests/model/numbers.rs"]
mod numbers;
mod objects;
mod oracle;
mod programs;
mod threads;
mod work;

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

pub use minimise::minimise;
pub use oracle::Tally;

/// Something to feed with bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also of the fuzz target.
    pub name: &'static str,
    /// How many bytes choose a test case of ordinary size.
    pub case_bytes: usize,
    judge: fn(&[u8]) -> Result<(), String>,
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    Target { name: "decode", case_bytes: 512, judge: decode::judge },
    Target { name: "memory_model", case_bytes: 4096, judge: memory_model::judge },
    Target { name: "memory_programs", case_bytes: 2048, judge: memory_programs::judge },
    Target { name: "differential", case_bytes: 4096, judge: differential::judge },
    Target { name: "translate", case_bytes: 6144, judge: programs::judge },
    Target { name: "work", case_bytes: 48, judge: work::judge },
    Target { name: "threads", case_bytes: 256, judge: threads::judge },
    Target { name: "objects", case_bytes: 1024, judge: objects::judge },
];

/// A test case that shows something wrong.
pub struct Failure {
    /// What is wrong.
    pub report: String,
    /// The module in the text format, if the test case is one.
    pub module: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)?;
        match &self.module {
            Some(module) => write!(f, "\n{module}"),
            None => Ok(()),
        }
    }
}

thread_local! {
    /// The module of the test case that is being judged.
    static MODULE: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Remembers the module of a test case, to be shown if something is wrong.
fn show_on_failure(wasm: &[u8]) {
    MODULE.set(Some(wasm.to_vec()));
}

impl Target {
    /// The target with a name.
    pub fn named(name: &str) -> Option<Target> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Judges a test case. A panic is a failure too.
    ///
    /// # Errors
    ///
    /// The failure, with the module that shows it.
    pub fn run(&self, bytes: &[u8]) -> Result<(), Failure> {
        MODULE.set(None);
        let judged = catch_unwind(AssertUnwindSafe(|| (self.judge)(bytes)));
        let report = match judged {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(report)) => report,
            Err(panic) => match panic.downcast::<String>() {
                Ok(message) => format!("panic: {message}"),
                Err(panic) => format!("panic: {:?}", panic.downcast_ref::<&str>()),
            },
        };
        let text = |wasm| wasmprinter::print_bytes(wasm).unwrap_or_else(|error| error.to_string());
        Err(Failure { report, module: MODULE.take().map(text) })
    }
}

/// Judges a test case for a fuzzer, which wants a panic for a failure.
///
/// # Panics
///
/// If it shows something wrong, or there is no target of that name.
pub fn fuzz(name: &str, bytes: &[u8]) {
    // The fuzzer's own hook would end the process before the failure is described.
    static UNHOOK: Once = Once::new();
    UNHOOK.call_once(|| drop(std::panic::take_hook()));
    let target = Target::named(name).expect("the name of a target");
    if let Err(failure) = target.run(bytes) {
        panic!("{failure}");
    }
    Tally::print_now_and_then();
}

/// The bytes of the test case with a number, for a target.
pub fn bytes_of_seed(target: &Target, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    let len = target.case_bytes / 2 + (next() % target.case_bytes as u64) as usize;
    std::iter::repeat_with(|| next().to_le_bytes()).flatten().take(len).collect()
}
