//! Scripts that pass, and scripts that must be reported as wrong, with the place and the values.

use lineal_wast::{Location, Report, Runner};

fn run(script: &str) -> Report {
    Runner::default().run(script).unwrap()
}

/// Asserts that everything in a script passes.
#[track_caller]
fn passes(script: &str) {
    let report = run(script);
    let failures: Vec<String> = report.failures().iter().map(ToString::to_string).collect();
    assert!(failures.is_empty() && report.skipped() == 0, "{report}: {failures:#?}");
}

/// Asserts that one directive fails: the last, which is to stand on a line of its own.
#[track_caller]
fn fails(script: &str, expected: &str, found: &str) {
    let report = run(script);
    let [failure] = report.failures() else {
        panic!("{report}: {:#?}", report.failures());
    };
    assert_eq!(failure.location, Location { line: script.lines().count(), column: 1 });
    assert!(failure.expected.contains(expected), "expected: {}", failure.expected);
    assert!(failure.found.contains(found), "found: {}", failure.found);
}

const NUMBERS: &str = r#"(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "two") (result i32 i64) i32.const 1 i64.const 2)
  (func (export "none"))
  (func (export "div") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  (func $loop (export "loop") (call $loop))
  (global (export "g") i32 (i32.const 7)))
"#;

#[test]
fn values_pass() {
    passes(&format!(
        r#"{NUMBERS}
        (assert_return (invoke "i32" (i32.const -1)) (i32.const 0xffffffff))
        (assert_return (invoke "i64" (i64.const -1)) (i64.const 0xffffffffffffffff))
        (assert_return (invoke "f32" (f32.const -0)) (f32.const -0))
        (assert_return (invoke "f32" (f32.const nan:0x200000)) (f32.const nan:0x200000))
        (assert_return (invoke "f32" (f32.const -nan)) (f32.const nan:canonical))
        (assert_return (invoke "f64" (f64.const nan)) (f64.const nan:canonical))
        (assert_return (invoke "f64" (f64.const nan:0xfffffffffffff)) (f64.const nan:arithmetic))
        (assert_return (invoke "two") (i32.const 1) (i64.const 2))
        (assert_return (invoke "none"))
        (assert_return (get "g") (i32.const 7))
        (assert_return (invoke "i32" (i32.const 2)) (either (i32.const 1) (i32.const 2)))
        (invoke "none")
        (assert_trap (invoke "div" (i32.const 1) (i32.const 0)) "integer divide by zero")
        (assert_exhaustion (invoke "loop") "call stack exhausted")"#
    ));
}

#[test]
fn wrong_values_are_reported() {
    for (directive, expected, found) in [
        (r#""i32" (i32.const 3)) (i32.const 4)"#, "(i32.const 4)", "(i32.const 3)"),
        (r#""i32" (i32.const 3)) (i64.const 3)"#, "(i64.const 3)", "(i32.const 3)"),
        (r#""i32" (i32.const 3))"#, "no results", "(i32.const 3)"),
        (r#""none") (i32.const 3)"#, "(i32.const 3)", "no results"),
        (r#""two") (i32.const 1) (i64.const 1)"#, "1) (i64.const 1)", "1) (i64.const 2)"),
        (r#""two") (i32.const 1)"#, "(i32.const 1)", "(i64.const 2)"),
        (r#""f32" (f32.const -0)) (f32.const 0)"#, "(f32.const 0.0)", "(f32.const -0.0)"),
        (
            r#""f32" (f32.const nan:0x1)) (f32.const nan:arithmetic)"#,
            "nan:arithmetic",
            "(f32.const nan:0x1)",
        ),
        (
            r#""f64" (f64.const -nan:0x8000000000001)) (f64.const nan:canonical)"#,
            "nan:canonical",
            "(f64.const -nan:0x8000000000001)",
        ),
        (
            r#""i32" (i32.const 3)) (either (i32.const 1) (i32.const 2))"#,
            "(either (i32.const 1) (i32.const 2))",
            "(i32.const 3)",
        ),
        (
            r#""div" (i32.const 1) (i32.const 0)) (i32.const 1)"#,
            "(i32.const 1)",
            "trap: integer divide by zero",
        ),
    ] {
        fails(&format!("{NUMBERS}(assert_return (invoke {directive})"), expected, found);
    }
}

#[test]
fn wrong_traps_are_reported() {
    for (directive, expected, found) in [
        (
            r#"(assert_trap (invoke "div" (i32.const 6) (i32.const 2)) "integer overflow")"#,
            "trap: integer overflow",
            "(i32.const 3)",
        ),
        (
            r#"(assert_trap (invoke "div" (i32.const 6) (i32.const 0)) "integer overflow")"#,
            "trap: integer overflow",
            "trap: integer divide by zero",
        ),
        (
            r#"(assert_exhaustion (invoke "none") "call stack exhausted")"#,
            "call stack exhausted",
            "no results",
        ),
        (r#"(invoke "div" (i32.const 6) (i32.const 0))"#, "a return", "integer divide by zero"),
    ] {
        fails(&format!("{NUMBERS}{directive}"), expected, found);
    }
}

#[test]
fn wrong_calls_are_reported() {
    for (directive, expected, found) in [
        (r#"(invoke "absent")"#, "an export \"absent\"", "none"),
        (r#"(invoke "g")"#, "an exported function \"g\"", "something else"),
        (r#"(assert_return (get "i32"))"#, "an exported global \"i32\"", "something else"),
        (r#"(invoke $m "none")"#, "a module $m", "none"),
        (r#"(invoke "i32")"#, "a return", ""),
        (r#"(invoke "i32" (i64.const 1))"#, "a return", ""),
        (r#"(register "m" $absent)"#, "a module $absent", "none"),
    ] {
        fails(&format!("{NUMBERS}{directive}"), expected, found);
    }
    fails("(invoke \"f\")", "a module before this", "none");
}

#[test]
fn references() {
    const MODULE: &str = r#"(module
      (func $f (export "extern") (param externref) (result externref) local.get 0)
      (func (export "func") (param funcref) (result funcref) local.get 0)
      (func (export "some") (result funcref) ref.func $f))
"#;
    passes(&format!(
        r#"{MODULE}
        (assert_return (invoke "extern" (ref.extern 3)) (ref.extern 3))
        (assert_return (invoke "extern" (ref.extern 3)) (ref.extern))
        (assert_return (invoke "extern" (ref.null extern)) (ref.null extern))
        (assert_return (invoke "extern" (ref.null extern)) (ref.null))
        (assert_return (invoke "func" (ref.null func)) (ref.null func))
        (assert_return (invoke "func" (ref.null func)) (ref.null nofunc))
        (assert_return (invoke "some") (ref.func))"#
    ));
    for (directive, expected, found) in [
        (r#""extern" (ref.extern 3)) (ref.extern 4)"#, "(ref.extern 4)", "(ref.extern 3)"),
        (r#""extern" (ref.extern 3)) (ref.null extern)"#, "(ref.null)", "(ref.extern 3)"),
        (r#""extern" (ref.null extern)) (ref.extern)"#, "(ref.extern)", "(ref.null extern)"),
        (r#""extern" (ref.null extern)) (ref.null func)"#, "(ref.null)", "(ref.null extern)"),
        (r#""some") (ref.null func)"#, "(ref.null)", "(ref.func)"),
        (r#""func" (ref.null func)) (ref.func)"#, "(ref.func)", "(ref.null func)"),
    ] {
        fails(&format!("{MODULE}(assert_return (invoke {directive})"), expected, found);
    }
}

#[test]
fn modules_that_must_be_refused() {
    passes(
        r#"(assert_malformed (module quote "(func (bloc))") "unexpected token")
        (assert_malformed (module binary "\00asm\02\00\00\00") "unknown binary version")
        (assert_malformed (module quote "\ff") "malformed UTF-8 encoding")
        (assert_invalid (module (func (result i32))) "type mismatch")
        (assert_invalid (module (func (call 7))) "unknown function")"#,
    );
    fails(
        "(assert_malformed (module quote \"(func)\") \"unexpected token\")",
        "the module to be malformed: unexpected token",
        "a valid module",
    );
    fails(
        "(assert_invalid (module (func)) \"type mismatch\")",
        "the module to be invalid: type mismatch",
        "a valid module",
    );
    fails("(module (func (result i32)))", "a valid module", "type mismatch");
    fails("(module quote \"(func (bloc))\")", "a module", "unknown operator");
    fails("(module binary \"\\00asm\\02\\00\\00\\00\")", "a valid module", "version");
}

#[test]
fn modules_that_must_not_link() {
    passes(
        r#"(assert_unlinkable (module (import "no" "such" (func))) "unknown import")
        (assert_unlinkable (module (import "spectest" "print" (memory 1)))
          "incompatible import type")
        (assert_unlinkable (module (import "spectest" "print" (func (param i64))))
          "incompatible import type")"#,
    );
    fails(
        "(assert_unlinkable (module) \"unknown import\")",
        "the module to be unlinkable: unknown import",
        "an instance",
    );
    fails(
        "(assert_unlinkable (module (func unreachable) (start 0)) \"unknown import\")",
        "unlinkable",
        "trap: ",
    );
    fails("(module (import \"no\" \"such\" (func)))", "an instance", "unknown import");
}

#[test]
fn instantiation_can_trap() {
    passes(
        r#"(assert_trap (module (func unreachable) (start 0)) "unreachable")
        (assert_trap (module (memory 1) (data (i32.const 65536) "a"))
          "out of bounds memory access")"#,
    );
    fails("(assert_trap (module) \"unreachable\")", "trap: unreachable", "no results");
}

#[test]
fn instances_have_names_and_can_be_imported() {
    passes(
        r#"(module $a
          (global $g (export "g") (mut i32) (i32.const 1))
          (func (export "next") (result i32)
            (global.set $g (i32.add (global.get $g) (i32.const 1)))
            (global.get $g)))
        (register "a")
        (module $b
          (import "a" "g" (global $g (mut i32)))
          (func (export "peek") (result i32) (global.get $g)))
        (assert_return (invoke "peek") (i32.const 1))
        (assert_return (invoke $a "next") (i32.const 2))
        (assert_return (invoke $b "peek") (i32.const 2))
        (assert_return (get $a "g") (i32.const 2))
        (register "other" $a)
        (module (import "other" "next" (func (result i32))))"#,
    );
}

#[test]
fn definitions_are_instantiated_as_often_as_wanted() {
    passes(
        r#"(module definition $counter
          (global $g (mut i32) (i32.const 0))
          (func (export "next") (result i32)
            (global.set $g (i32.add (global.get $g) (i32.const 1)))
            (global.get $g)))
        (module instance $one $counter)
        (module instance $two $counter)
        (assert_return (invoke $one "next") (i32.const 1))
        (assert_return (invoke $one "next") (i32.const 2))
        (assert_return (invoke $two "next") (i32.const 1))"#,
    );
    fails("(module instance $one $counter)", "a module definition $counter", "none");
}

#[test]
fn the_host_module() {
    passes(
        r#"(module
          (import "spectest" "print" (func $print))
          (import "spectest" "print_i32" (func $i32 (param i32)))
          (import "spectest" "print_i64" (func $i64 (param i64)))
          (import "spectest" "print_f32" (func $f32 (param f32)))
          (import "spectest" "print_f64" (func $f64 (param f64)))
          (import "spectest" "print_i32_f32" (func $i32_f32 (param i32 f32)))
          (import "spectest" "print_f64_f64" (func $f64_f64 (param f64 f64)))
          (import "spectest" "global_i32" (global $i i32))
          (import "spectest" "global_i64" (global $j i64))
          (import "spectest" "global_f32" (global $x f32))
          (import "spectest" "global_f64" (global $y f64))
          (import "spectest" "table" (table $t 10 20 funcref))
          (import "spectest" "table64" (table i64 10 20 funcref))
          (import "spectest" "memory" (memory 1 2))
          (func (export "all") (result i32 i64 f32 f64 i32 i32)
            (call $print) (call $i32 (global.get $i)) (call $i64 (global.get $j))
            (call $f32 (global.get $x)) (call $f64 (global.get $y))
            (call $i32_f32 (i32.const 1) (f32.const 2)) (call $f64_f64 (f64.const 1) (f64.const 2))
            (global.get $i) (global.get $j) (global.get $x) (global.get $y)
            (memory.size) (table.size $t)))
        (assert_return (invoke "all") (i32.const 666) (i64.const 666) (f32.const 666.6)
          (f64.const 666.6) (i32.const 1) (i32.const 10))"#,
    );
}

#[test]
fn vectors_are_compared_lane_by_lane() {
    let module = r#"(module
      (func (export "same") (param v128) (result v128) (local.get 0))
      (func (export "nans") (result v128) (v128.const f32x4 nan nan:0x400001 1.5 -0)))"#;
    passes(&format!(
        r#"{module}
        (assert_return (invoke "same" (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1))
          (v128.const i16x8 0x0100 0x0302 0x0504 0x0706 0x0908 0x0b0a 0x0d0c 0xff0e))
        (assert_return (invoke "same" (v128.const i32x4 1 0 -1 -1)) (v128.const i64x2 1 -1))
        (assert_return (invoke "same" (v128.const f64x2 1 2))
          (either (v128.const f64x2 1 1) (v128.const f64x2 1 2)))
        (assert_return (invoke "nans")
          (v128.const f32x4 nan:canonical nan:arithmetic 1.5 -0))"#
    ));
    for expected in [
        "f32x4 nan:canonical nan:canonical 1.5 -0",
        "f32x4 nan:canonical nan:arithmetic 1.5 0",
        "f64x2 nan:canonical nan:canonical",
        "i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
    ] {
        let report =
            run(&format!("{module} (assert_return (invoke \"nans\") (v128.const {expected}))"));
        assert_eq!((report.passed(), report.failed()), (1, 1), "{expected}");
    }
    let report = run(&format!(
        "{module} (assert_return (invoke \"same\" (v128.const i32x4 1 2 3 4))
            (v128.const i64x2 1 2))"
    ));
    let failure = report.failures()[0].to_string();
    assert!(failure.contains("(v128.const i64x2 1 2)"), "{failure}");
    assert!(
        failure.contains("(v128.const i32x4 0x00000001 0x00000002 0x00000003 0x00000004)"),
        "{failure}"
    );
}

#[test]
fn exceptions_are_asserted() {
    let module = r#"(module (tag) (func (export "t") (throw 0)) (func (export "r")))"#;
    passes(&format!("{module} (assert_exception (invoke \"t\"))"));
    let report = run(&format!("{module} (assert_exception (invoke \"r\"))"));
    assert_eq!(report.failures()[0].to_string(), "1:66: expected an exception, found no results");
}

#[test]
fn what_needs_a_missing_proposal_is_skipped() {
    let report = run(r#"(module $v (type $f (func)) (type (cont $f)) (func (export "f")))
        (invoke "f")
        (register "v")
        (module $importer (import "v" "f" (func)))
        (assert_return (invoke $importer "g"))
        (assert_suspension (invoke "f") "none")
        (assert_suspension (invoke "f") "none")
        (module (func (export "f") (result i32) (i32.const 1)))
        (assert_return (invoke "f") (i32.const 1))"#);
    assert_eq!((report.passed(), report.failed(), report.skipped()), (2, 0, 7));
    let reasons: Vec<(&str, usize)> = report.skip_reasons().into_iter().collect();
    assert_eq!(reasons, [("needs stack-switching", 7)]);
    assert_eq!(report.skips()[0].location, Location { line: 1, column: 1 });
    assert_eq!(report.to_string(), "2 passed, 0 failed, 7 skipped (needs stack-switching: 7)");
}

#[test]
fn threads_run_at_the_same_time() {
    // Each waits for the other, so they cannot run one after the other.
    passes(
        r#"(module $Mem (memory (export "shared") 1 1 shared) (memory (export "own") 1))
        (thread $one (shared (module $Mem))
          (register "mem" $Mem)
          (module (memory (import "mem" "shared") 1 1 shared)
            (func (export "run") (result i32)
              (i32.atomic.store (i32.const 0) (i32.const 1))
              (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
              (drop (memory.atomic.wait32 (i32.const 4) (i32.const 0) (i64.const -1)))
              (i32.atomic.load (i32.const 4))))
          (assert_return (invoke "run") (i32.const 2)))
        (thread $two (shared (module $Mem))
          (register "mem" $Mem)
          (module (memory (import "mem" "shared") 1 1 shared)
            (func (export "run") (result i32)
              (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
              (i32.atomic.store (i32.const 4) (i32.const 2))
              (drop (memory.atomic.notify (i32.const 4) (i32.const 1)))
              (i32.atomic.load (i32.const 0))))
          (assert_return (invoke "run") (either (i32.const 0) (i32.const 1)))
          ;; Only what is shared comes along.
          (assert_unlinkable (module (memory (import "mem" "own") 1)) "unknown import"))
        (wait $one)
        (wait $two)
        (module (import "spectest" "shared_memory" (memory 1 2 shared)))"#,
    );
}

#[test]
fn failures_of_threads_are_reported() {
    let report = run(r#"(module $Mem (memory (export "shared") 1 1 shared))
        (thread $t (shared (module $Mem))
          (module (func (export "f") (result i32) (i32.const 1)))
          (assert_return (invoke "f") (i32.const 2)))
        (wait $t)
        (wait $t)
        (thread $u (shared (module $None)))
        (thread $never-waited-for (assert_return (invoke "f")))"#);
    let mut failures: Vec<(usize, &str)> = report
        .failures()
        .iter()
        .map(|failure| (failure.location.line, failure.expected.as_str()))
        .collect();
    failures.sort_unstable();
    assert_eq!(
        failures,
        [
            (4, "(i32.const 2)"),
            (6, "a thread $t that runs"),
            (7, "a module $None before this"),
            (8, "a module before this"),
        ]
    );
}

#[test]
fn threads_of_one_name_are_all_reported() {
    let report = run(r#"(module $Mem (memory (export "shared") 1 1 shared))
        (thread $t (shared (module $Mem))
          (module (func (export "f") (result i32) (i32.const 1)))
          (assert_return (invoke "f") (i32.const 2)))
        (thread $t (shared (module $Mem)))
        (wait $t)"#);
    let lines: Vec<usize> = report.failures().iter().map(|failure| failure.location.line).collect();
    assert_eq!(lines, [4]);
}

#[test]
fn names_in_failures_keep_to_their_line() {
    let report = run(r#"(module (memory (export "\1bm") 1))
        (invoke "a\0a\1b[2J")
        (invoke "\1bm")
        (assert_return (get "\1bm"))"#);
    let expected: Vec<&str> = report.failures().iter().map(|it| &*it.expected).collect();
    assert_eq!(
        expected,
        [
            r#"an export "a\n\u{1b}[2J""#,
            r#"an exported function "\u{1b}m""#,
            r#"an exported global "\u{1b}m""#,
        ]
    );
}

#[test]
fn a_failure_does_not_stop_the_script() {
    let report = run(
        r#"(module (func (export "f") (result i32) (i32.const 1)) (func (export "t") unreachable))
        (assert_return (invoke "f") (i32.const 2))
        (invoke "t")
        (module (import "no" "such" (func)))
        (invoke "f")
        (assert_return (invoke "f") (i32.const 1))
        (module (func (export "f") (result i32) (i32.const 1)))
        (assert_return (invoke "f") (i32.const 1))"#,
    );
    // What depends on the module that did not link is not blamed again.
    assert_eq!((report.passed(), report.failed(), report.skipped()), (3, 3, 2));
    let lines: Vec<usize> = report.failures().iter().map(|failure| failure.location.line).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert_eq!(
        report.failures()[0].to_string(),
        "2:9: expected (i32.const 2), found (i32.const 1)"
    );
}

#[test]
fn scripts_that_are_not_well_formed() {
    for (script, line, column) in [
        ("(module)\n(assert_retrun (invoke \"f\"))", 2, 2),
        ("(module)\n  (assert_return (invoke \"f\")", 2, 30),
        ("(module)\n(invoke \"f\" (i32.const 1_000_000_000_000))", 2, 24),
        ("(module (func (i32.ad)))", 1, 16),
        ("\"", 1, 2),
        ("(module))", 1, 9),
    ] {
        let error = Runner::default().run(script).unwrap_err();
        assert_eq!((error.line(), error.column()), (Some(line), Some(column)), "{error}");
        assert!(!error.message().is_empty());
    }
}

#[test]
fn a_script_can_be_a_module_alone() {
    passes("(module (func))");
    passes("(func $f) (start $f)");
    assert_eq!(run("(func $f unreachable) (start $f)").failed(), 1);
    assert_eq!(run("(assert_invalid (module (func i32.add)) \"type mismatch\")").passed(), 1);
}

#[test]
fn scripts_nested_deep_are_answered() {
    for (open, close) in [("(", ")"), ("(module ", ")"), ("(assert_return (invoke ", "))")] {
        let script = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Runner::default().run(&script).is_err());
    }
    let script = format!(
        "(module (func (export \"f\"))) (assert_return (invoke \"f\") {}(i32.const 1){})",
        "(either ".repeat(1_000),
        ")".repeat(1_000)
    );
    assert!(Runner::default().run(&script).is_err());
}
