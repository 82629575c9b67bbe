//! Tests of the command line, one module a command: they drive the built program.

mod check;
#[path = "../common/mod.rs"]
mod common;
mod dump;
mod faults;
mod heap;
mod hostile;
mod imports;
mod inspect;
mod javascript;
mod observe;
mod program;
mod run;
mod script;
mod script_tools;
mod snapshot;
mod streams;
mod timeout;
mod wasi;
mod wast;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use common::{command, file};

/// What a run of the program came to.
struct Outcome {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Outcome {
        Outcome {
            status: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Checks that all went well, and returns the output.
    #[track_caller]
    fn success(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// Checks the status and that an error was reported without output; returns the report.
    #[track_caller]
    fn failure(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        assert!(!self.stderr.contains('\x1b'), "colours outside a terminal");
        self.stderr
    }
}

/// Runs the program.
fn lineal(args: &[&str]) -> Outcome {
    Outcome::of(command(args).stdin(Stdio::null()).output().unwrap())
}

/// Runs the program with something on its standard input.
fn lineal_with_input(args: &[&str], input: &[u8]) -> Outcome {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Outcome::of(child.wait_with_output().unwrap())
}

/// The path of a bundled example.
fn example(name: &str) -> String {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "examples", name].iter().collect();
    root.into_os_string().into_string().unwrap()
}

/// The path of a compiled program with faults, which the tests of the tools have.
fn faulty(name: &str) -> String {
    let faults = ["..", "insight", "tests", "faults", name];
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR")].into_iter().chain(faults).collect();
    path.into_os_string().into_string().unwrap()
}

/// The contents of a file of JSON.
fn json(path: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A module with functions of every kind that the tests call.
const CALLS: &str = r#"(module $calls
    (func $add (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
    (func (export "swap") (param i64 f64) (result f64 i64) (local.get 1) (local.get 0))
    (func (export "same") (param f32) (result f32) (local.get 0))
    (func (export "refs") (param externref funcref) (result externref funcref)
        (local.get 0) (local.get 1))
    (func $divide (export "divide") (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1)))
    (func (export "twice") (param v128) (result v128)
        (i64x2.add (local.get 0) (local.get 0)))
    (func (export "nothing"))
    (memory (export "memory") 1))"#;
