//! How soon a guest is stopped: by `--timeout`, and by Ctrl-C. A program of its own, so that no
//! other test has the processors meanwhile.

#![cfg(unix)]

mod common;

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use common::{command, file};

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

/// How late a guest may end.
const LATE: Duration = Duration::from_millis(50);

/// What each test holds, so that the others wait.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that something is at most `LATE`, most times. As the machine may have other things to do, it
/// is tried again for a while.
#[track_caller]
fn assert_prompt(name: &str, mut late: impl FnMut() -> Duration) {
    const ROUNDS: usize = 7;
    const PATIENCE: Duration = Duration::from_secs(30);
    let begin = Instant::now();
    let mut seen = Vec::new();
    loop {
        let mut lates: Vec<_> = (0..ROUNDS).map(|_| late()).collect();
        lates.sort();
        if lates[ROUNDS / 2] <= LATE {
            return;
        }
        seen.push(lates[ROUNDS / 2]);
        assert!(begin.elapsed() < PATIENCE, "{name}: {seen:?}");
    }
}

#[test]
fn a_timeout_ends_whatever_it_waits_for() {
    let _alone = alone();
    const TIMEOUT: Duration = Duration::from_millis(100);
    for (name, wait) in WAITS {
        assert_prompt(name, || {
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
    }
}

/// Modules whose `_start` takes seconds, in one instruction or two, where pages have yet to be found.
const BULK: [(&str, &str); 3] = [
    (
        "fills",
        r#"(module (memory 16384) (func (export "_start")
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x40000000))))"#,
    ),
    (
        "fills what is shared",
        r#"(module (memory 16384 16384 shared) (func (export "_start")
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x40000000))))"#,
    ),
    (
        "copies",
        r#"(module (memory 16384) (func (export "_start")
            (memory.copy (i32.const 0x20000000) (i32.const 0) (i32.const 0x20000000))
            (memory.copy (i32.const 0) (i32.const 0x20000000) (i32.const 0x20000000))))"#,
    ),
];

#[test]
fn a_timeout_ends_one_instruction_in_the_middle() {
    let _alone = alone();
    const TIMEOUT: Duration = Duration::from_millis(50);
    for (name, module) in BULK {
        let path = file(&format!("{name}.wat"), module);
        assert_prompt(name, || {
            let begin = Instant::now();
            let output = command(&["run", "--timeout", "50ms", &path]).output().unwrap();
            let late = begin.elapsed().saturating_sub(TIMEOUT);
            let report = String::from_utf8_lossy(&output.stderr);
            assert!(report.starts_with("error: the guest timed out after 50ms"), "{report}");
            late
        });
    }
}

#[test]
fn statistics_are_printed_all_the_same() {
    let _alone = alone();
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
    let _alone = alone();
    let signal = interrupting();
    for (name, wait) in WAITS {
        for options in [&[][..], &["--timeout", "1h"]] {
            assert_prompt(name, || {
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
        }
    }
}

/// Recurses as deep as it can before it computes for ever, so that there is much to report.
const DEEP: &str = r#"(module (func $deep (export "_start") (call $down (i32.const 20000)))
    (func $down (param i32)
        (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (loop (br 0))))"#;

#[test]
fn guests_end_in_time() {
    let _alone = alone();
    // Nothing is interrupted while a table is filled for the first time.
    let slow = "(module (table 10000000 funcref (ref.func $f)) (elem declare func $f)
        (table 10000000 funcref (ref.func $f)) (table 10000000 funcref (ref.func $f))
        (table 10000000 funcref (ref.func $f)) (table 10000000 funcref (ref.func $f))
        (table 10000000 funcref (ref.func $f)) (table 10000000 funcref (ref.func $f))
        (func $f (export \"_start\") (loop (br 0))))";
    let spin = "(module (func (export \"_start\") (loop (br 0))))";
    for (name, wat) in [("spin", spin), ("deep", DEEP), ("slow-start", slow)] {
        let path = file(&format!("timeout-exact-{name}.wat"), wat);
        for timeout_ms in [20, 100] {
            let least = Duration::from_millis(timeout_ms);
            assert_prompt(name, || {
                let begin = Instant::now();
                let timeout = format!("{timeout_ms}ms");
                let mut command = command(&["run", "--timeout", &timeout, &path]);
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = command.spawn().unwrap();
                // The report. How long the system then takes to free a guest's memory is not ours.
                let mut byte = [0];
                child.stderr.as_mut().unwrap().read_exact(&mut byte).unwrap();
                let took = begin.elapsed();
                let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
                let status = child.wait().unwrap();
                drop((stdin, stdout));
                assert!(status.code() == Some(134) && took >= least, "{name}: {status}, {took:?}");
                took - least
            });
        }
    }
}
