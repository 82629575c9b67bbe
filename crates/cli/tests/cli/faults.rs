//! The host has little memory: guests are told so, or the user is; the program never breaks down.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::{Outcome, file};

/// Address space that is enough for a guest with one page, and so much less than a guest with
/// a page may have that no memory gets all that it might need.
const LIMITS_MIB: [u32; 6] = [64, 96, 128, 192, 256, 384];

/// Runs a module in so much address space; the outcome, which is not by a signal.
#[track_caller]
fn limited(mib: u32, name: &str, wat: &str, options: &[&str]) -> Outcome {
    let path = file(name, wat);
    let script = format!("ulimit -v {} && exec \"$0\" run \"$@\"", mib * 1024);
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_lineal")]).args(options).arg(path);
    let output = command.env_remove("RUST_BACKTRACE").stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some(), "{name} in {mib} MiB: {}\n{told}", output.status);
    assert!(!told.contains("panicked"), "{name} in {mib} MiB: {told}");
    Outcome::of(output)
}

#[test]
fn a_memory_grows_until_there_is_no_more() {
    for pages in [1, 16, 100] {
        // Everything that was got is touched, then asked for the number of pages.
        let wat = format!(
            r#"(module (memory (export "memory") 1)
            (func (export "run") (result i32) (local $old i32)
                (block (loop
                    (local.set $old (memory.grow (i32.const {pages})))
                    (br_if 1 (i32.lt_s (local.get $old) (i32.const 0)))
                    (memory.fill
                        (i32.mul (local.get $old) (i32.const 65536)) (i32.const 7)
                        (i32.const {bytes}))
                    (br 0)))
                (if (i32.ne (i32.const 7)
                        (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536))
                            (i32.const 1))))
                    (then (unreachable)))
                (memory.size)))"#,
            bytes = pages * 65_536,
        );
        let mut last = 0;
        for mib in LIMITS_MIB {
            let outcome = limited(mib, &format!("limited-memory-{pages}.wat"), &wat, &[]);
            let size: u32 = outcome.success().trim().parse().unwrap();
            assert!(size >= last && size > pages && size < mib * 16, "{size} pages in {mib} MiB");
            last = size;
        }
    }
}

#[test]
fn a_memory_that_is_too_large_is_an_error() {
    let wat = r#"(module (memory 16000) (func (export "run")))"#;
    for mib in LIMITS_MIB {
        let report = limited(mib, "limited-minimum.wat", wat, &[]).failure(1);
        assert!(report.contains("no room for a memory of 16000 pages"), "{report}");
    }
    let wat = r#"(module (memory 1 65536 shared) (func (export "run")))"#;
    for mib in LIMITS_MIB {
        let report = limited(mib, "limited-shared.wat", wat, &[]).failure(1);
        assert!(report.contains("4294967296 bytes"), "{report}");
    }
}

#[test]
fn a_table_grows_until_there_is_no_more() {
    let wat = r#"(module (table 1 externref) (table 1 externref) (table 1 externref)
            (table 1 externref) (table 1 externref) (table 1 externref)
        (func (export "run") (result i32)
            (loop (br_if 0 (i32.ge_s (table.grow 0 (ref.null extern) (i32.const 50000)) (i32.const 0))))
            (loop (br_if 0 (i32.ge_s (table.grow 1 (ref.null extern) (i32.const 50000)) (i32.const 0))))
            (loop (br_if 0 (i32.ge_s (table.grow 2 (ref.null extern) (i32.const 50000)) (i32.const 0))))
            (loop (br_if 0 (i32.ge_s (table.grow 3 (ref.null extern) (i32.const 50000)) (i32.const 0))))
            (loop (br_if 0 (i32.ge_s (table.grow 4 (ref.null extern) (i32.const 50000)) (i32.const 0))))
            (i32.add (table.size 0) (i32.add (table.size 1) (i32.add (table.size 2)
                (i32.add (table.size 3) (table.size 4)))))))"#;
    for mib in LIMITS_MIB {
        let size = limited(mib, "limited-table.wat", wat, &[]).success();
        let size: u32 = size.trim().parse().unwrap();
        assert!((5..mib << 17).contains(&size), "{size} elements in {mib} MiB");
    }
    let wat = r#"(module (table 9000000 funcref) (func (export "run")))"#;
    let report = limited(64, "limited-table-2.wat", wat, &[]).failure(1);
    assert!(report.contains("no room for a table of 9000000 elements"), "{report}");
}

#[test]
fn objects_fill_the_heap_until_there_is_no_more() {
    let list = |fields: &str, values: &str| {
        format!(
            r#"(module (type $list (struct (field (ref null $list)) {fields}))
            (global $list (mut (ref null $list)) (ref.null $list))
            (func (export "run")
                (loop
                    (global.set $list (struct.new $list (global.get $list) {values}))
                    (br 0))))"#
        )
    };
    let arrays = |len: u32| {
        format!(
            r#"(module (type $array (array i8))
            (type $list (struct (field (ref null $list)) (field (ref $array))))
            (global $list (mut (ref null $list)) (ref.null $list))
            (func (export "run")
                (loop
                    (global.set $list (struct.new $list (global.get $list)
                        (array.new_default $array (i32.const {len}))))
                    (br 0))))"#
        )
    };
    let guests = [
        ("small", list("", "")),
        ("wide", list(&"(field i64)".repeat(20), &"(i64.const 1)".repeat(20))),
        ("bytes", arrays(10)),
        ("pages", arrays(65_536)),
        ("megabytes", arrays(5_000_000)),
    ];
    for (name, wat) in guests {
        for mib in LIMITS_MIB {
            let report = limited(mib, &format!("limited-{name}.wat"), &wat, &[]).failure(134);
            assert!(report.contains("GC heap out of memory"), "{name} in {mib} MiB: {report}");
            assert!(report.contains("!<wasm function 0>"), "{name} in {mib} MiB: {report}");
        }
    }
}

#[test]
fn recursion_and_instances_need_what_they_need() {
    let wat = r#"(module (func $deeper (export "run") (call $deeper)))"#;
    let passive = "(ref.null func)".repeat(100_000);
    let large = format!(r#"(module (elem funcref {passive}) (func (export "run")))"#);
    for mib in LIMITS_MIB {
        let report = limited(mib, "limited-recursion.wat", wat, &[]).failure(134);
        assert!(report.contains("call stack exhausted"), "{report}");
        limited(mib, "limited-passive.wat", &large, &[]).success();
    }
}

#[test]
fn a_program_that_calls_the_host_with_all_memory_taken_ends_well() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 100) "all of it\n")
        (func (export "_start")
            (loop (br_if 0 (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
            (i32.store (i32.const 0) (i32.const 100))
            (i32.store (i32.const 4) (i32.const 10))
            (drop (call $random (i32.const 200) (i32.const 1000)))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    for mib in LIMITS_MIB {
        assert_eq!(limited(mib, "limited-wasi.wat", wat, &[]).success(), "all of it\n");
    }
}

#[test]
fn a_guest_that_cannot_be_stopped_in_time_does_not_start() {
    let wat = r#"(module (func (export "_start") (loop (br 0))))"#;
    let path = file("limited-timeout.wat", wat);
    let mut command = crate::command(&["run", "--timeout", "1s", &path]);
    // A stack that no thread gets.
    command.env("RUST_MIN_STACK", (1_u64 << 60).to_string());
    let report = Outcome::of(command.output().unwrap()).failure(1);
    assert!(report.contains("cannot start the thread"), "{report}");
}

#[test]
fn a_backtrace_that_is_cut_says_so() {
    let path = crate::file(
        "deep.wat",
        r#"(module (func $down (export "down") (param i32)
            (if (i32.eqz (local.get 0)) (then unreachable))
            (call $down (i32.sub (local.get 0) (i32.const 1)))))"#,
    );
    for (depth, end) in
        [("19", "down\n"), ("20", "and 1 more function\n"), ("999", "and 980 more functions\n")]
    {
        let report = crate::lineal(&["run", &path, depth]).failure(134);
        assert!(report.ends_with(end), "{depth}: {report}");
    }
}
