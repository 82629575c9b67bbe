//! `--timeout` ends a command whatever it is doing.

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::{command, file, lineal};

/// Nothing here would end by itself in less time, or at all.
const MUCH_LATER: Duration = Duration::from_secs(30);

/// Starts a command, of which nothing is read, and which has nothing to read yet.
fn start(args: &[&str]) -> Child {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until a command ends by itself; its status.
#[track_caller]
fn ended(child: &mut Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().expect("ended by itself");
        }
        if start.elapsed() > MUCH_LATER {
            child.kill().unwrap();
            panic!("the command did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The error of a command that must end because its time is over.
#[track_caller]
fn timed_out(mut child: Child) -> String {
    assert_eq!(ended(&mut child), 134);
    let mut report = String::new();
    child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(report.starts_with("error: "), "{report}");
    report
}

/// A binary module with a function of `nop`s, as LEB128 with a fixed number of bytes allows it.
fn nops(count: u32) -> Vec<u8> {
    let size = |bytes: u32| {
        let group = |index: u32| (bytes >> (7 * index)) as u8 & 0x7f;
        [group(0) | 0x80, group(1) | 0x80, group(2) | 0x80, group(3) | 0x80, group(4)]
    };
    let body_bytes = count + 2;
    let mut binary = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a".to_vec();
    binary.extend(size(body_bytes + 6));
    binary.push(1);
    binary.extend(size(body_bytes));
    binary.push(0);
    binary.resize(binary.len() + count as usize, 0x01);
    binary.push(0x0b);
    binary
}

#[test]
fn reading_ends() {
    for args in [
        &["run", "--timeout", "100ms", "-"][..],
        &["dump", "--timeout", "100ms", "-", "--range", "0..16"],
        &["heat", "--timeout", "100ms", "-"],
    ] {
        let report = timed_out(start(args));
        assert_eq!(report, "error: timed out after 100ms, while its module was loaded\n");
    }
    #[cfg(feature = "lua")]
    let report = timed_out(start(&["script", "--lang", "lua", "--timeout", "100ms", "-"]));
    #[cfg(feature = "lua")]
    assert_eq!(report, "error: timed out after 100ms, while the script was loaded\n");
}

#[test]
fn text_and_binaries_that_take_long_to_load_end() {
    let text = format!("(module (func (export \"_start\") {}))", "nop ".repeat(20_000_000));
    for path in [file("long.wat", text), file("long.wasm", nops(80_000_000))] {
        let report = timed_out(start(&["run", "--timeout", "10ms", &path]));
        assert_eq!(report, "error: timed out after 10ms, while its module was loaded\n");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn guests_end_wherever_they_are() {
    let spin = "(loop (br 0))";
    let poll = r#"(import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))"#;
    let sleep = "(i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))";
    let read = r#"(import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))"#;
    let wait = "(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 8))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))";
    let fill = "(drop (memory.grow (i32.const 2000))) (loop
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072000)) (br 0))";
    let calls = "(func $calls (param i32) (if (local.get 0) (then
        (call $calls (i32.sub (local.get 0) (i32.const 1)))
        (call $calls (i32.sub (local.get 0) (i32.const 1))))))";
    let begin = |body: &str| format!("(func $run {body}) (start $run) (func (export \"_start\"))");
    let run = |body: &str| format!("(func (export \"_start\") {body})");
    for (name, import, code) in [
        ("start", "", begin(spin)),
        ("function", "", run(spin)),
        ("initializer", "", format!("(func (export \"_initialize\") {spin}) {}", run(""))),
        ("sleep", poll, run(sleep)),
        ("sleep-start", poll, begin(sleep)),
        ("read", read, run(wait)),
        ("bulk", "", run(fill)),
        ("throw", "(tag $t)", run("(loop (block (try_table (catch_all 0) (throw $t))) (br 0))")),
        ("calls", "", format!("{calls} {}", run("(call $calls (i32.const 60))"))),
    ] {
        let wat = format!("(module {import} (memory (export \"memory\") 1) {code})");
        let path = file(&format!("timeout-{name}.wat"), wat);
        let report = timed_out(start(&["run", "--timeout", "100ms", &path]));
        assert!(report.starts_with("error: the guest timed out after 100ms"), "{name}: {report}");
    }
}

/// Writes numbers to all of a memory.
const NUMBERS: &str = r#"(module (memory (export "memory") 64) (start $numbers)
    (func $numbers (local $at i32)
        (loop $next
            (i32.store (local.get $at) (local.get $at))
            (br_if $next (i32.lt_u
                (local.tee $at (i32.add (local.get $at) (i32.const 4)))
                (i32.const 0x400000))))))"#;

#[test]
fn printing_ends_if_nobody_reads() {
    let path = file("timeout-print.wat", NUMBERS);
    let report = timed_out(start(&["dump", "--timeout", "2s", &path, "--range", "0..0x400000"]));
    assert_eq!(report, "error: timed out after 2s, while its results were printed\n");
}

/// Writes to standard error for ever.
const CHATTER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 4096))
        (loop
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
            (br 0))))"#;

#[test]
fn a_guest_ends_even_if_nobody_reads_its_errors() {
    let path = file("timeout-chatter.wat", CHATTER);
    let mut child = start(&["run", "--timeout", "100ms", &path]);
    assert_eq!(ended(&mut child), 134);
}

#[test]
fn scripts_of_the_test_suite_have_their_time_each() {
    let good = file("timeout-good.wast", "(module) (module)");
    let spin = file(
        "timeout-spin.wast",
        r#"(module (func (export "spin") (loop (br 0)))) (invoke "spin") (invoke "spin")"#,
    );
    let outcome = lineal(&["wast", "--timeout", "500ms", &spin, &good]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""));
    let expected = format!("{spin}: timed out after 500ms\n{good}: 2 passed, 0 failed\n");
    assert_eq!(outcome.stdout, expected);
}
