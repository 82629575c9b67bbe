//! `lineal run` with WASI: what programs get, and what bounds them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{command, file, lineal, lineal_with_input};

/// The path of a compiled program.
pub(crate) fn program(name: &str) -> String {
    let parts = [env!("CARGO_MANIFEST_DIR"), "..", "wasi", "tests", "programs", name];
    parts.iter().collect::<PathBuf>().into_os_string().into_string().unwrap()
}

/// An empty directory of one test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn programs_get_arguments_environment_and_exit_codes() {
    let formats = program("formats.wasm");
    let args = ["run", "--env", "GREETING=good day", &formats, "--first", "second one"];
    let outcome = lineal(&args);
    assert_eq!(outcome.status, 3);
    assert_eq!(outcome.stderr, "to standard error\n");
    let end = "argument 1: --first\nargument 2: second one\nGREETING=good day\n";
    assert!(outcome.stdout.ends_with(end), "{}", outcome.stdout);
    // Nothing of the host's own environment gets there.
    let outcome = lineal(&["run", &formats]);
    assert!(outcome.stdout.ends_with("GREETING=(unset)\n"), "{}", outcome.stdout);
    assert!(lineal(&["run", "--env", "=x", &formats]).failure(1).contains("name a variable"));
}

#[test]
fn standard_input_is_the_guests() {
    let text = b"to be or not to be\n";
    let output = lineal_with_input(&["run", &program("words.wasm")], text).success();
    assert!(output.starts_with("1 lines, 6 words, 19 bytes; 4 different words"), "{output}");
}

#[test]
fn directories_are_given_under_their_own_or_another_name() {
    let dir = directory("given");
    fs::write(dir.join("from"), "contents").unwrap();
    let path = dir.to_str().unwrap();
    let own = format!("{path}/from");
    let copy = |dir: &str, from: &str, to: &str| {
        lineal(&["run", "--dir", dir, &program("copy.wasm"), from, to])
    };
    copy(path, &own, &format!("{path}/to")).success();
    assert_eq!(fs::read(dir.join("to")).unwrap(), b"contents");
    let output =
        copy(&format!("{path}::/elsewhere"), "/elsewhere/from", "/elsewhere/too").success();
    assert!(output.starts_with("8 bytes, file of 8\n"), "{output}");
    assert_eq!(fs::read(dir.join("too")).unwrap(), b"contents");

    let report = lineal(&["run", "--dir", "no/such/directory", &program("copy.wasm")]).failure(1);
    assert!(report.contains("cannot open the directory no/such/directory"), "{report}");
}

#[test]
fn nothing_outside_the_directories_is_reachable() {
    let outer = directory("outer");
    fs::write(outer.join("secret"), "secret").unwrap();
    let dir = outer.join("inner");
    fs::create_dir_all(dir.join("deep")).unwrap();
    fs::write(dir.join("public"), "public").unwrap();
    let mut paths = vec!["data/../secret", "data/deep/../../secret", "../secret", "/etc/passwd"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret", dir.join("relative-link")).unwrap();
        std::os::unix::fs::symlink(outer.join("secret"), dir.join("absolute-link")).unwrap();
        std::os::unix::fs::symlink("..", dir.join("directory-link")).unwrap();
        std::os::unix::fs::symlink("public", dir.join("inner-link")).unwrap();
        paths.extend(["data/relative-link", "data/absolute-link", "data/directory-link/secret"]);
    }
    let given = format!("{}::data", dir.display());
    let copy =
        |from: &str, to: &str| lineal(&["run", "--dir", &given, &program("copy.wasm"), from, to]);
    for path in paths {
        let outcome = copy(path, "data/stolen");
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{path}");
        assert!(outcome.stderr.starts_with("copy: cannot open"), "{path}: {}", outcome.stderr);
        let outcome = copy("data/public", path);
        assert_eq!(outcome.status, 1, "{path}");
        assert!(outcome.stderr.starts_with("copy: cannot create"), "{path}: {}", outcome.stderr);
    }
    assert_eq!(fs::read(outer.join("secret")).unwrap(), b"secret");
    // What stays inside works.
    copy("data/deep/../public", "data/copy").success();
    #[cfg(unix)]
    copy("data/inner-link", "data/copy").success();
}

#[test]
fn a_module_without_a_memory_cannot_call_wasi() {
    let path = file(
        "memoryless.wat",
        r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            (func (export "_start") (drop (call $yield))))"#,
    );
    let report = lineal(&["run", &path]).failure(1);
    assert!(report.contains("does not export a memory"), "{report}");
}

#[test]
fn a_shared_memory_serves_wasi_too() {
    let path = file(
        "shared.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1 1 shared)
            (data (i32.const 0) "\08\00\00\00\07\00\00\00shared\n")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#,
    );
    assert_eq!(lineal(&["run", &path]).success(), "shared\n");
}

#[test]
fn libraries_are_initialised() {
    let path = file(
        "reactor.wat",
        r#"(module (global $ready (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $ready (i32.const 1)))
            (func (export "ready") (result i32) (global.get $ready)))"#,
    );
    assert_eq!(lineal(&["run", "--invoke", "ready", &path]).success(), "1\n");
}

#[test]
fn statistics_are_on_standard_error() {
    let path = file(
        "stats.wat",
        r#"(module (memory 1 4) (table 8 16 funcref)
            (func (export "run") (result i32)
                (drop (memory.grow (i32.const 2)))
                (drop (memory.grow (i32.const 9)))
                (table.grow (ref.null func) (i32.const 8))))"#,
    );
    let outcome = lineal(&["run", "--stats", &path]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "8\n"));
    let (time, rest) = outcome.stderr.split_once('\n').unwrap();
    assert!(time.starts_with("time: ") && time.ends_with(" ms"), "{time}");
    assert_eq!(rest, "fuel: 16\npeak memory: 196736 bytes\ngrown: 2 times\n");
}

/// Prints its arguments, the environment and where the entries of both begin.
fn formats(args: &[&str]) -> String {
    let outcome = lineal(args);
    assert_eq!(outcome.status, 3, "{}", outcome.stderr);
    outcome.stdout
}

#[test]
fn everything_after_the_file_is_an_argument() {
    let program = program("formats.wasm");
    let output = formats(&["run", &program, "--help", "--dir=/etc::/m", "--", "-x"]);
    let end = "argument 1: --help\nargument 2: --dir=/etc::/m\nargument 3: --\nargument 4: -x\n";
    assert!(output.contains(end), "{output}");
    let output = formats(&["run", "--env", "GREETING=a=b", "--", &program, "--env", "GREETING=c"]);
    assert!(
        output.contains("argument 1: --env\nargument 2: GREETING=c\nGREETING=a=b\n"),
        "{output}"
    );
    // A directory that is asked for after the file is not given.
    let dir = directory("not-given");
    fs::write(dir.join("from"), "contents").unwrap();
    let path = dir.to_str().unwrap();
    let copy = self::program("copy.wasm");
    let outcome = lineal(&["run", &copy, "--dir", path, &format!("{path}/from"), "to"]);
    assert_ne!(outcome.status, 0);
    let range = ["--range", "0..4", "--invoke", "_start"];
    let args = [&["dump", &copy][..], &range, &["--dir", path]].concat();
    let outcome = lineal(&args);
    assert_eq!(outcome.status, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("must come before"), "{}", outcome.stderr);
}

#[test]
fn a_variable_without_a_value_is_passed_on_if_it_is_set() {
    let program = program("formats.wasm");
    let run = |value: Option<&std::ffi::OsStr>| {
        let mut command = command(&["run", "--env", "GREETING", &program]);
        command.env_remove("GREETING");
        if let Some(value) = value {
            command.env("GREETING", value);
        }
        command.output().unwrap().stdout
    };
    assert!(run(Some("hello".as_ref())).ends_with(b"\nGREETING=hello\n"));
    assert!(run(Some("".as_ref())).ends_with(b"\nGREETING=\n"));
    assert!(run(None).ends_with(b"\nGREETING=(unset)\n"));
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    assert!(run(Some(bytes)).ends_with(b"\nGREETING=\xff\xfe\n"));
}

#[test]
fn runs_can_be_repeated() {
    let path = file(
        "repeated.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $time (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "run") (result i64 i64 i64)
                (drop (call $random (i32.const 0) (i32.const 8)))
                (drop (call $time (i32.const 0) (i64.const 0) (i32.const 8)))
                (drop (call $time (i32.const 1) (i64.const 0) (i32.const 16)))
                (i64.load (i32.const 0)) (i64.load (i32.const 8)) (i64.load (i32.const 16))))"#,
    );
    let run = |options: &[&str]| {
        let output = lineal(&[&["run"], options, &[&path]].concat()).success();
        output.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = run(&["--seed", "7", "--clock"]);
    assert_eq!(first, run(&["--seed", "7", "--clock"]));
    assert_eq!(first[1..], ["0", "1000"]);
    assert_eq!(run(&["--clock=5"])[1], "5000000000");
    assert_ne!(first[0], run(&["--seed", "8"])[0]);
    assert_ne!(run(&[]), run(&[]));
}

#[test]
fn initialising_happens_once() {
    let count = r#"(global $count (mut i32) (i32.const 0))
        (func (export "_initialize")
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (if (i32.gt_u (global.get $count) (i32.const 1)) (then (unreachable))))"#;
    let library = file("library.wat", format!("(module {count})"));
    assert_eq!(lineal(&["run", &library]).success(), "");
    assert_eq!(lineal(&["run", "--invoke", "_initialize", &library]).success(), "");
    let more = file(
        "library-2.wat",
        format!("(module {count} (func (export \"count\") (result i32) (global.get $count)))"),
    );
    assert_eq!(lineal(&["run", &more]).success(), "1\n");
}

#[test]
fn a_module_that_only_starts_runs() {
    let path = file(
        "only-start.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (func $start (call $exit (i32.const 5))) (start $start))"#,
    );
    assert_eq!(lineal(&["run", &path]).status, 5);
    let path = file("only-start-2.wat", "(module (func $start) (start $start))");
    assert_eq!(lineal(&["run", &path]).success(), "");
}

#[test]
fn a_dump_has_wasi() {
    let path = file(
        "dump-wasi.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (drop (call $get (i32.const 64) (i32.const 0)))))"#,
    );
    let args = ["dump", "--env", "A=bc", "--invoke", "_start", "--range", "0..5", &path];
    let output = lineal(&args).success();
    assert!(output.contains("41 3d 62 63 00"), "{output}");
}

/// Grows until it cannot, then ends in some way.
fn hungry(name: &str, end: &str) -> String {
    file(
        name,
        format!(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start")
                    (loop (br_if 0 (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0))))
                    {end}))"#
        ),
    )
}

#[test]
fn a_guest_that_fails_for_want_of_memory_is_told_so() {
    let limit = ["run", "--max-memory", "4MiB"];
    let told = "which exceeds --max-memory (4194304 bytes)";
    let run = |path: String| lineal(&[&limit[..], &[&path]].concat());
    let report = run(hungry("hungry-trap.wat", "(unreachable)")).failure(134);
    assert!(report.contains(told), "{report}");
    let report = run(hungry("hungry-exit.wat", "(call $exit (i32.const 9))")).failure(9);
    assert!(report.contains(told), "{report}");
    // Who gets along without is not told anything.
    assert_eq!(run(hungry("hungry-well.wat", "")).success(), "");
    assert_eq!(run(hungry("hungry-well-2.wat", "(call $exit (i32.const 0))")).success(), "");
}

/// Starts a thread, and waits for it to end.
const THREADS: &str = r#"(module
    (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "env" "memory" (memory 1 1 shared))
    (export "memory" (memory 0))
    (func $trap (unreachable))
    (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
        (if (i32.eq (local.get $arg) (i32.const 1)) (then (call $exit (i32.const 7))))
        (if (i32.eq (local.get $arg) (i32.const 2)) (then (call $trap)))
        (i32.atomic.store (i32.const 0) (i32.const 42))
        (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
    (func (export "run") (param $arg i32) (result i32)
        (if (i32.lt_s (call $spawn (local.get $arg)) (i32.const 1)) (then (unreachable)))
        (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 20000000000)))
        (i32.atomic.load (i32.const 0))))"#;

#[test]
fn threads_run_if_they_may() {
    let path = file("threads.wat", THREADS);
    let report = lineal(&["run", &path, "0"]).failure(1);
    assert!(report.contains("allow threads with -S threads=y"), "{report}");
    lineal(&["run", "-S", "threads=n", &path, "0"]).failure(1);
    assert_eq!(lineal(&["run", "-S", "threads=y", &path, "0"]).success(), "42\n");
    assert_eq!(lineal(&["run", "-Sthreads", &path, "0"]).success(), "42\n");
    // The end of one is the end of all, at once.
    let start = std::time::Instant::now();
    let outcome = lineal(&["run", "-S", "threads=y", &path, "1"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (7, ""));
    let report = lineal(&["run", "-S", "threads=y", &path, "2"]).failure(134);
    assert!(report.contains("`wasi_thread_start` of thread 1 failed"), "{report}");
    assert!(report.contains("trap"), "{report}");
    assert!(start.elapsed() < std::time::Duration::from_secs(15));
    for option in ["threads=x", "network=y"] {
        assert_eq!(lineal(&["run", "-S", option, &path, "0"]).status, 2);
    }
}
