//! `lineal run` with WASI: what programs get, and what bounds them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{file, lineal, lineal_with_input};

/// The path of a compiled program.
fn program(name: &str) -> String {
    let parts = [env!("CARGO_MANIFEST_DIR"), "..", "wasi", "tests", "programs", name];
    parts.iter().collect::<PathBuf>().into_os_string().into_string().unwrap()
}

/// An empty directory of one test's own.
fn directory(name: &str) -> PathBuf {
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
