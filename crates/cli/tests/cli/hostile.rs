//! Guests that mean ill are stopped, and the user is told why.

use std::time::{Duration, Instant};

use crate::{file, lineal};

/// Runs a module that must be stopped; the report.
#[track_caller]
fn stopped(name: &str, wat: &str, options: &[&str], status: i32) -> String {
    let path = file(name, wat);
    let mut args = vec!["run"];
    args.extend(options);
    args.push(&path);
    let start = Instant::now();
    let report = lineal(&args).failure(status);
    assert!(start.elapsed() < Duration::from_secs(30), "{name} took {:?}", start.elapsed());
    report
}

const LOOP: &str = r#"(module (func $spin (export "_start") (loop (br 0))))"#;

#[test]
fn an_infinite_loop_runs_out_of_time() {
    let report = stopped("loop-time.wat", LOOP, &["--timeout", "100ms"], 134);
    assert!(report.starts_with("error: the guest timed out after 100ms\n"), "{report}");
    assert!(report.contains("wasm trap: interrupt"), "{report}");
    assert!(report.contains("!spin"), "{report}");
}

#[test]
fn an_infinite_loop_runs_out_of_fuel() {
    let report = stopped("loop-fuel.wat", LOOP, &["--fuel", "1_000_000"], 134);
    assert!(
        report.starts_with("error: the guest consumed its fuel of 1000000 units\n"),
        "{report}"
    );
    assert!(report.contains("all fuel consumed by WebAssembly"), "{report}");
}

#[test]
fn an_infinite_loop_in_the_start_function_is_stopped_too() {
    let wat = r#"(module (func $spin (loop (br 0))) (start $spin) (func (export "_start")))"#;
    let report = stopped("loop-start.wat", wat, &["--timeout", "100ms"], 134);
    assert!(report.contains("timed out after 100ms"), "{report}");
}

/// Asks for more pages until it gets no more, and then for ever.
const MEMORY_BOMB: &str = r#"(module (memory (export "memory") 1)
    (func $more (export "_start")
        (loop $again
            (drop (memory.grow (i32.const 16)))
            (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
            (br $again))))"#;

#[test]
fn a_memory_bomb_gets_no_more() {
    let options = ["--max-memory", "8MiB", "--trap-on-grow-failure"];
    let report = stopped("memory-bomb.wat", MEMORY_BOMB, &options, 1);
    assert!(report.contains("the guest's memory needs"), "{report}");
    assert!(report.contains("in total, which exceeds --max-memory (8388608 bytes)"), "{report}");
    assert!(report.contains("!more"), "{report}");
    // Without that option, the guest gets -1 and continues.
    let options = ["--max-memory", "8MiB", "--timeout", "200ms"];
    assert!(stopped("memory-bomb-2.wat", MEMORY_BOMB, &options, 134).contains("timed out"));
    let wat = "(module (memory 200) (func (export \"_start\")))";
    let report = stopped("memory-bomb-3.wat", wat, &["--max-memory", "8MiB"], 1);
    assert!(report.contains("a memory of 13107200 bytes exceeds the store's limit"), "{report}");
}

/// A file of zeros that says it is a module with 20 million types.
fn many_types() -> String {
    let path = file("many-types.wasm", b"\0asm\x01\0\0\0\x01\x84\xb4\xc4\x09\x80\xb4\xc4\x09");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it was written");
    file.set_len(8 + 1 + 4 + 4 + 20_000_000).expect("room for a hole");
    path
}

#[test]
fn without_options_a_module_is_limited_to_a_gibibyte() {
    let path = many_types();
    let report = lineal(&["run", &path]).failure(1);
    assert!(report.contains("is too large: allow more with --max-memory"), "{report}");
    assert!(report.contains("which exceeds the limit of 1073741824 bytes"), "{report}");
    // Then something else is wrong with it.
    let report = lineal(&["run", "--max-memory", "64GiB", &path]).failure(1);
    assert!(!report.contains("--max-memory"), "{report}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_module_counts_too() {
    let run = "(func $f (export \"_start\"))";
    // Functions that are listed take more room than their bytes in the binary.
    let wat = format!("(module {run} (elem func {}))", "$f ".repeat(100_000));
    let report = stopped("large-module.wat", &wat, &["--max-memory", "200KiB"], 1);
    assert!(report.contains("is too large: allow more with --max-memory"), "{report}");
    assert!(report.contains("which exceeds the limit of 204800 bytes"), "{report}");
    let report = stopped("large-module.wat", &wat, &["--max-memory", "1MiB"], 1);
    assert!(report.contains("exceeds --max-memory (1048576 bytes)"), "{report}");
    let path = file("large-module.wat", &wat);
    lineal(&["run", "--max-memory", "2MiB", &path]).success();
    // With its memory it is too much.
    let wat = format!("(module {run} (memory 30) (elem func {}))", "$f ".repeat(100_000));
    let report = stopped("large-module-2.wat", &wat, &["--max-memory", "2MiB"], 1);
    assert!(report.contains("a memory of 1966080 bytes exceeds"), "{report}");
}

#[test]
fn a_table_bomb_gets_no_more() {
    let wat = r#"(module (table 1 funcref)
        (func (export "_start")
            (loop $again (drop (table.grow (ref.null func) (i32.const 10000))) (br $again))))"#;
    let options = ["--max-memory", "1MiB", "--trap-on-grow-failure"];
    let report = stopped("table-bomb.wat", wat, &options, 1);
    assert!(report.contains("the guest's table needs"), "{report}");
    // Many small tables count too.
    let wat = format!("(module {} (func (export \"_start\")))", "(table 9000 funcref)".repeat(20));
    let report = stopped("table-bomb-2.wat", &wat, &["--max-memory", "1MiB"], 1);
    assert!(report.contains("a table of 9000 elements exceeds the store's limit"), "{report}");
    // Even without options there is a limit.
    let report = stopped(
        "table-bomb-3.wat",
        "(module (table 0xffffffff funcref) (func (export \"_start\")))",
        &[],
        1,
    );
    assert!(report.contains("no room for a table of 4294967295 elements"), "{report}");
}

#[test]
fn an_object_bomb_gets_no_more() {
    let wat = r#"(module (type $list (struct (field (ref null $list)) (field i64)))
        (func (export "_start") (local $list (ref null $list))
            (loop $again
                (local.set $list (struct.new $list (local.get $list) (i64.const 1)))
                (br $again))))"#;
    let report = stopped("object-bomb.wat", wat, &["--max-memory", "1MiB"], 134);
    assert!(report.contains("wasm trap: GC heap out of memory"), "{report}");
    assert!(report.starts_with("error: the guest's objects need "), "{report}");
    assert!(report.contains("in total, which exceeds --max-memory (1048576 bytes)"), "{report}");
    // What other things take is not there for objects.
    let wat = wat.replace("(func", "(memory 15) (func");
    let report = stopped("object-bomb-2.wat", &wat, &["--max-memory", "1MiB"], 134);
    assert!(report.contains("which exceeds --max-memory (1048576 bytes)"), "{report}");
    // Even without options there is a limit.
    let large = r#"(module (type $bytes (array i8)) (func (export "_start")
        (drop (array.new_default $bytes (i32.const 1073741824)))))"#;
    let report = stopped("object-bomb-3.wat", large, &[], 134);
    let told = "which exceeds 1073741824 bytes: allow more with --max-memory";
    assert!(report.contains(told), "{report}");
    let path = file("object-bomb-3.wat", large);
    lineal(&["run", "--max-memory", "2GiB", &path]).success();
}

#[test]
fn deep_recursion_exhausts_the_stack() {
    let wat = r#"(module (func $deeper (export "_start") (call $deeper)))"#;
    let report = stopped("recursion.wat", wat, &[], 134);
    assert!(report.contains("wasm trap: call stack exhausted"), "{report}");
    let wat = r#"(module (table 1 funcref) (elem (i32.const 0) $deeper)
        (func $deeper (export "_start") (call_indirect (i32.const 0))))"#;
    assert!(stopped("recursion-2.wat", wat, &[], 134).contains("call stack exhausted"));
}

/// Calls the host as fast as it can.
const STORM: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (loop $again (drop (call $random (i32.const 0) (i32.const 64))) (br $again))))"#;

#[test]
fn a_storm_of_host_calls_ends() {
    let report = stopped("storm-time.wat", STORM, &["--timeout", "100ms"], 134);
    assert!(report.contains("timed out after 100ms"), "{report}");
    let report = stopped("storm-fuel.wat", STORM, &["--fuel", "100000"], 134);
    assert!(report.contains("consumed its fuel of 100000 units"), "{report}");
}

#[test]
fn waiting_in_the_host_ends_too() {
    // A subscription to the monotonic clock, an hour from now.
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 3600000000000))
            (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"#;
    let report = stopped("sleep.wat", wat, &["--timeout", "50ms"], 134);
    assert!(
        report.contains("timed out after 50ms, and is still waiting for something"),
        "{report}"
    );
}

#[test]
fn waiting_for_another_thread_ends_too() {
    let wat = r#"(module (memory 1 1 shared)
        (func (export "_start")
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"#;
    let report = stopped("wait.wat", wat, &["--timeout", "50ms"], 134);
    assert!(report.contains("timed out after 50ms"), "{report}");
}

#[test]
fn a_shared_memory_bomb_gets_no_more() {
    let wat = MEMORY_BOMB.replace("(memory (export \"memory\") 1)", "(memory 1 60000 shared)");
    let options = ["--max-memory", "8MiB", "--trap-on-grow-failure"];
    let report = stopped("shared-bomb.wat", &wat, &options, 1);
    assert!(report.contains("the guest's memory needs"), "{report}");
}

#[test]
fn arguments_to_the_host_are_checked() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "write") (result i32)
            (call $write (i32.const 1) (i32.const -8) (i32.const -1) (i32.const -4)))
        (func (export "random") (result i32) (call $random (i32.const 1) (i32.const -1))))"#;
    for name in ["write", "random"] {
        let report = stopped("faults.wat", wat, &["--invoke", name], 1);
        assert!(report.contains("out of bounds"), "{report}");
    }
}
