//! A guest that waits is stopped at once: by `--timeout`, and by Ctrl-C.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{command, file};

/// What a guest waits for, in the text format: the function `wait`, which never returns.
const WAITS: [(&str, &str); 6] = [
    ("computes", "(func $wait (loop (br 0)))"),
    // Subscriptions: an hour of the monotonic clock, or standard input.
    (
        "sleeps",
        r#"(func $wait (drop (call $poll (i32.const 256) (i32.const 1024) (i32.const 1) (i32.const 8))))"#,
    ),
    (
        "polls",
        r#"(func $wait (drop (call $poll (i32.const 304) (i32.const 1024) (i32.const 1) (i32.const 8))))"#,
    ),
    (
        "reads",
        r#"(func $wait (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
    ),
    (
        "writes",
        r#"(func $wait (loop
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0)))"#,
    ),
    (
        "waits for a thread",
        r#"(func $wait (drop (memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const -1))))"#,
    ),
];

/// A guest that says on standard error that it is there, and waits if it is to.
fn guest(wait: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 4 4 shared)
        (data (i32.const 0) "\00\00\01\00\00\00\02\00")
        (data (i32.const 32) "\28\00\00\00\01\00\00\00!")
        (data (i32.const 272) "\01\00\00\00\00\00\00\00\00\A0\B8\30\46\03\00\00")
        (data (i32.const 312) "\01")
        {wait}
        (func (export "_start")
            (drop (call $write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 8)))
            (call $wait)))"#
    )
}

/// Starts a guest, and waits until it is there. Its standard input and output are pipes that
/// nobody uses.
fn start(name: &str, wait: &str, options: &[&str]) -> Child {
    let path = file(&format!("{name}.wat"), guest(wait));
    let mut args = vec!["run"];
    args.extend(options);
    args.push(&path);
    let mut command = command(&args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut byte = [0];
    child.stderr.as_mut().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"!");
    child
}

/// The middle one of some times. The machine may have other things to do now and then.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// How late a guest may end.
const LATE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 7;

#[test]
fn a_timeout_ends_whatever_it_waits_for() {
    const TIMEOUT: Duration = Duration::from_millis(100);
    for (name, wait) in WAITS {
        let lates = (0..ROUNDS).map(|_| {
            let mut child = start(name, wait, &["--timeout", "100ms"]);
            // Its time has begun before it was there.
            let begin = Instant::now();
            // The pipes stay open, as `wait` itself would not leave them.
            let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
            assert_eq!(child.wait().unwrap().code(), Some(134), "{name}");
            let late = begin.elapsed().saturating_sub(TIMEOUT);
            drop((stdin, stdout));
            let mut report = String::new();
            child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
            assert!(report.starts_with("error: the guest timed out after 100ms"), "{report}");
            let waits = report.contains("still waiting");
            // One that waits for a thread is told where, if it was interrupted in time.
            if name != "waits for a thread" {
                assert_eq!(waits, name != "computes", "{name}: {report}");
            }
            late
        });
        let late = median(lates.collect());
        assert!(late <= LATE, "{name}: {late:?}");
    }
}

#[test]
fn statistics_are_printed_all_the_same() {
    for (name, wait) in WAITS {
        let mut child = start(&format!("{name}-stats"), wait, &["--stats", "--timeout", "100ms"]);
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(134), "{name}");
        drop((stdin, stdout));
        let mut report = String::new();
        child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
        // The guest's time, which may be less than the timeout: that counts from the start of the
        // command.
        let time = report.strip_prefix("time: ").and_then(|rest| rest.split_once(" ms"));
        let time: f64 = time.unwrap_or_else(|| panic!("{name}: {report}")).0.parse().unwrap();
        assert!(time > 0.0, "{name}: {report}");
        assert!(report.contains("\npeak memory: 262144 bytes\ngrown: 0 times\n"), "{report}");
    }
}

/// Ctrl-C's signal. Where whoever started the tests has it ignored, as shells do for commands in the
/// background, all children ignore it too: another signal then has to do.
fn interrupting() -> Signal {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let is_ignored = ignored >> (Signal::INT.as_raw() - 1) & 1 != 0;
    if is_ignored { Signal::TERM } else { Signal::INT }
}

#[test]
fn control_c_ends_whatever_it_waits_for() {
    let signal = interrupting();
    for (name, wait) in WAITS {
        for options in [&[][..], &["--timeout", "1h"]] {
            let lates = (0..ROUNDS).map(|_| {
                let mut child = start(&format!("{name}-c"), wait, options);
                // Long enough that it waits now.
                std::thread::sleep(Duration::from_millis(20));
                let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
                let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
                kill_process(pid, signal).unwrap();
                let begin = Instant::now();
                let status = child.wait().unwrap();
                let late = begin.elapsed();
                drop((stdin, stdout));
                assert_eq!(status.signal(), Some(signal.as_raw()), "{name}");
                late
            });
            let late = median(lates.collect());
            assert!(late <= LATE, "{name}: {late:?}");
        }
    }
}
