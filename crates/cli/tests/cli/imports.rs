//! What a program gets that does not define its host itself: AssemblyScript's functions, and what `-W` makes of
//! unknown imports.

use crate::{Outcome, file, lineal};

/// What AssemblyScript's compiler makes of
/// `export function run(n) { trace("ü1", 2, 1.5, -2); console.log("ü1"); if (n) throw "ü1"; return seed(); }`.
const PROGRAM: &str = r#"(module
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
    (import "env" "console.log" (func $log (param i32)))
    (import "env" "console.error" (func $error (param i32)))
    (import "env" "seed" (func $seed (result f64)))
    (memory (export "memory") 1)
    (data (i32.const 12) "\04\00\00\00\fc\001\00")
    (data (i32.const 28) "\08\00\00\00a\00.\00t\00s\00")
    (func (export "run") (param $at i32) (result f64)
        (call $trace (i32.const 16) (i32.const 2) (f64.const 1.5) (f64.const -2)
            (f64.const 0) (f64.const 0) (f64.const 0))
        (call $log (i32.const 16))
        (call $error (i32.const 0))
        (if (local.get $at) (then
            (call $abort (local.get $at) (i32.const 32) (i32.const 3) (i32.const 7))))
        (call $seed)))"#;

fn run(args: &[&str]) -> Outcome {
    let path = file("assemblyscript.wat", PROGRAM);
    let (options, arg) = args.split_at(args.len() - 1);
    lineal(&[&["run"], options, &[&path], arg].concat())
}

#[test]
fn assemblyscripts_functions_are_there() {
    let first = run(&["--seed", "7", "0"]);
    assert_eq!((first.status, first.stderr.as_str()), (0, "null\n"));
    assert_eq!(first.stdout, "ü1 1.5 -2\nü1\n7.0\n");
    assert_ne!(run(&["0"]).stdout, run(&["0"]).stdout, "seeds are random");
    for (text, status, expected) in [
        ("16", 134, "ü1 in a.ts:3:7"),
        ("65540", 1, "the program has no text at 0x10004"),
        ("-4", 1, "the program has no text at 0xfffffffc"),
    ] {
        let Outcome { status: ended, stderr, .. } = run(&[text]);
        assert_eq!(ended, status, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

const UNKNOWN: &str = r#"(module
    (import "env" "abort" (func $other (param i64)))
    (import "env" "number" (func $number (result i32)))
    (import "env" "memory" (memory 2))
    (func (export "unused") (result i32) (memory.size))
    (func (export "used") (result i32) (call $other (i64.const 1)) (call $number)))"#;

const FUNCTIONS: &str = r#"(module (import "env" "number" (func $number (result i32)))
    (func (export "unused") (result i32) (i32.const 5))
    (func (export "used") (result i32) (call $number)))"#;

#[test]
fn unknown_imports_are_refused_or_fail_or_are_zero() {
    let call = |text: &str, option: &[&str], name: &str| {
        let path = file(&format!("unknown{}.wat", text.len()), text);
        lineal(&[&["run"], option, &["--invoke", name, &path]].concat())
    };
    let report = call(UNKNOWN, &[], "unused").failure(1);
    assert!(report.contains("unknown import: env.abort"), "the type is another: {report}");
    assert!(report.contains("-W unknown-imports-trap"), "{report}");
    let traps = ["-W", "unknown-imports-trap"];
    assert_eq!(call(FUNCTIONS, &traps, "unused").success(), "5\n");
    let report = call(FUNCTIONS, &traps, "used").failure(1);
    assert!(report.contains("env::number"), "{report}");
    let report = call(UNKNOWN, &traps, "unused").failure(1);
    assert!(report.contains("env.memory"), "only functions can fail: {report}");
    let defaults = ["-W", "unknown-imports-trap,unknown-imports-default=y"];
    assert_eq!(call(UNKNOWN, &defaults, "unused").success(), "2\n");
    assert_eq!(call(UNKNOWN, &defaults, "used").success(), "0\n");
    let refused = ["-W", "unknown-imports-default,unknown-imports-default=n"];
    call(UNKNOWN, &refused, "unused").failure(1);
}
