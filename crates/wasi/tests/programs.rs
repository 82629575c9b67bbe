//! Compiled C programs behave as they do under Wasmtime: what they print, their exit codes and the
//! files that they write are compared with what was recorded there, in `expected`.
//!
//! The programs and the command that compiles them are in `programs`. Records are made with
//! `wasmtime run --dir DIRECTORY::data --env … PROGRAM.wasm ARGUMENTS…`, on the input files that
//! this test writes.

use std::fs;
use std::path::{Path, PathBuf};

use lineal::{Engine, Linker, Module, Store};
use lineal_wasi::p1::{self, WasiP1Ctx};
use lineal_wasi::pipe::{MemoryInputPipe, MemoryOutputPipe};
use lineal_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// A directory of one test's own, with the input files.
fn data_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("text.txt"), text(200_000)).unwrap();
    dir
}

/// Words in lines, many of them, always the same.
fn text(words: usize) -> String {
    const STEMS: [&str; 12] = [
        "memory", "page", "load", "Store", "grow", "trap", "table", "stack", "local", "branch",
        "loop", "call",
    ];
    const ENDINGS: [&str; 8] = ["", "s", "ed", "ing", "er", "less", "ful", "wise"];
    let mut state = 12345_u32;
    let mut next = |count: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % count
    };
    let mut text = String::new();
    for index in 0..words {
        text += STEMS[next(STEMS.len())];
        text += ENDINGS[next(ENDINGS.len())];
        text += if index % 11 == 10 { ".\n" } else { " " };
    }
    text
}

/// What a program did.
struct Outcome {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit_code: i32,
}

/// Runs a program with a directory as `data`.
fn run(program: &str, args: &[&str], env: &[(&str, &str)], stdin: &[u8], dir: &Path) -> Outcome {
    let engine = Engine::default();
    let file = tests_dir().join("programs").join(program);
    let module = Module::from_file(&engine, file).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi).unwrap();

    let (stdout, stderr) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let mut wasi = WasiCtxBuilder::new();
    wasi.arg(program).args(args).envs(env);
    wasi.preopened_dir(dir, "data", FsPerms::ReadWrite).unwrap();
    wasi.stdin(MemoryInputPipe::new(stdin)).stdout(stdout.clone()).stderr(stderr.clone());

    let mut store = Store::new(&engine, wasi.build_p1());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&store, "_start").unwrap();
    let exit_code = match start.call(&mut store, ()) {
        Ok(()) => 0,
        Err(error) => error.downcast_ref::<I32Exit>().unwrap_or_else(|| panic!("{error:?}")).0,
    };
    Outcome { stdout: stdout.contents(), stderr: stderr.contents(), exit_code }
}

impl Outcome {
    /// Compares with a record.
    #[track_caller]
    fn is(&self, record: &str, exit_code: i32) {
        let expected = |ending: &str| {
            fs::read(tests_dir().join("expected").join(record).with_extension(ending))
        };
        for (found, ending) in [(&self.stdout, "stdout"), (&self.stderr, "stderr")] {
            // Where nothing was written, there is no file.
            let expected = expected(ending).unwrap_or_default();
            assert!(
                *found == expected,
                "{record}.{ending}: {}",
                first_difference(found, &expected)
            );
        }
        assert_eq!(self.exit_code, exit_code, "{record}");
    }
}

/// The first line that differs, found and expected.
fn first_difference(found: &[u8], expected: &[u8]) -> String {
    let (found, expected) = (String::from_utf8_lossy(found), String::from_utf8_lossy(expected));
    let mut lines = found.lines().zip(expected.lines()).enumerate();
    match lines.find(|(_, (found, expected))| found != expected) {
        Some((number, (found, expected))) => {
            format!("line {}: found `{found}`, expected `{expected}`", number + 1)
        }
        None => format!("found {} bytes, expected {}", found.len(), expected.len()),
    }
}

#[test]
fn a_file_is_copied_with_checksums() {
    let dir = data_dir("copy");
    run("copy.wasm", &["data/text.txt", "data/copy.txt"], &[], b"", &dir).is("copy", 0);
    assert!(fs::read(dir.join("text.txt")).unwrap() == fs::read(dir.join("copy.txt")).unwrap());
}

#[test]
fn failures_are_told_by_errno() {
    let dir = data_dir("copy-failures");
    run("copy.wasm", &["data/missing.txt", "data/copy.txt"], &[], b"", &dir).is("copy-missing", 1);
    run("copy.wasm", &["data/text.txt", "data"], &[], b"", &dir).is("copy-to-directory", 1);
    run("copy.wasm", &["data/text.txt", "elsewhere"], &[], b"", &dir).is("copy-elsewhere", 1);
    run("copy.wasm", &[], &[], b"", &dir).is("copy-usage", 2);
}

#[test]
fn words_of_a_large_file_are_counted() {
    let dir = data_dir("words");
    run("words.wasm", &["data/text.txt", "100"], &[], b"", &dir).is("words", 0);
    run("words.wasm", &[], &[], b"one two\ntwo, three-three three\n", &dir).is("words-stdin", 0);
}

#[test]
fn qsort_and_malloc_hold() {
    run("stress.wasm", &[], &[], b"", &data_dir("stress")).is("stress", 0);
}

#[test]
fn an_interpreter_of_three_thousand_lines() {
    let scripts = tests_dir().join("scripts");
    let dir = data_dir("lisp");
    fs::copy(scripts.join("demo.lisp"), dir.join("demo.lisp")).unwrap();
    run("lisp.wasm", &["data/demo.lisp"], &[("DATA", "data")], b"", &dir).is("lisp", 7);
    let session = fs::read(scripts.join("session.lisp")).unwrap();
    run("lisp.wasm", &[], &[], &session, &dir).is("lisp-session", 1);
}

#[test]
fn every_format_of_printf() {
    let env = [("GREETING", "hello world"), ("OTHER", "")];
    let args = ["plain", "with space", "täxt", ""];
    run("formats.wasm", &args, &env, b"", &data_dir("formats")).is("formats", 3);
}

/// Errors, streams with buffers, files past 4 GiB, and times, as a C program sees them.
#[test]
fn a_c_library_finds_what_it_expects() {
    for section in ["errors", "stdio", "large", "times"] {
        let dir = data_dir(&format!("posix-{section}"));
        let outcome = run("posix.wasm", &[section], &[], b"", &dir);
        outcome.is(&format!("posix-{section}"), 0);
    }
}

/// The record is that of the same program compiled for Linux: under Wasmtime, files that are
/// removed while they are listed make others disappear from the listing.
#[test]
fn directories_are_listed_as_on_linux() {
    let dir = data_dir("posix-directories");
    run("posix.wasm", &["directories"], &[], b"", &dir).is("posix-directories", 0);
}
