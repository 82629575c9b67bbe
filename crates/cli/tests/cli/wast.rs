//! `lineal wast`.

use crate::{file, lineal, lineal_with_input};

const GOOD: &str = r#"(module (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke "one") (i32.const 1))"#;

const BAD: &str = r#"(module (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke "one") (i32.const 1))
  (assert_return (invoke "one") (i32.const 2))
(assert_trap (invoke "one") "unreachable")"#;

#[test]
fn each_file_gets_a_line() {
    let (first, second) = (file("first.wast", GOOD), file("second.wast", GOOD));
    let text = lineal(&["wast", &first, &second]).success();
    assert_eq!(text, format!("{first}: 2 passed, 0 failed\n{second}: 2 passed, 0 failed\n"));
    assert_eq!(
        lineal_with_input(&["wast", "-"], GOOD.as_bytes()).success(),
        "<stdin>: 2 passed, 0 failed\n"
    );
}

#[test]
fn failures_say_where_and_what() {
    let (bad, good) = (file("bad.wast", BAD), file("good.wast", GOOD));
    let outcome = lineal(&["wast", &bad, &good]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""));
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], format!("{bad}: 2 passed, 2 failed"));
    let place = format!("{bad}:3:3: expected (i32.const 2), found (i32.const 1)");
    assert_eq!(lines[1], place);
    assert!(lines[2].starts_with(&format!("{bad}:4:1: expected ")), "{}", lines[2]);
    assert_eq!(lines[3], format!("{good}: 2 passed, 0 failed"));
}

#[test]
fn scripts_that_cannot_be_read_are_errors() {
    let path = file("malformed.wast", "(module)\n(assert_returns)");
    let report = lineal(&["wast", &path]).failure(1);
    assert!(report.contains("is not a test script"), "{report}");
    assert!(report.contains("line 2, column 2"), "{report}");
    lineal(&["wast", "no-such-file.wast"]).failure(1);
    let path = file("binary.wast", [0xff; 10]);
    assert!(lineal(&["wast", &path]).failure(1).contains("is not UTF-8 text"));
}

#[test]
fn directories_are_searched_for_scripts() {
    let dir = crate::wasi::directory("scripts");
    std::fs::create_dir(dir.join("below")).unwrap();
    for name in ["b.wast", "below/a.wast", "a.wast"] {
        std::fs::write(dir.join(name), GOOD).unwrap();
    }
    std::fs::write(dir.join("other.txt"), "not a script").unwrap();
    // A link in a circle has an end.
    std::os::unix::fs::symlink("..", dir.join("below/up")).unwrap();
    let path = dir.to_str().unwrap();
    let line = |name: &str| format!("{path}/{name}: 2 passed, 0 failed\n");
    let expected = line("a.wast") + &line("b.wast") + &line("below/a.wast");
    assert_eq!(lineal(&["wast", path]).success(), expected);
    std::fs::create_dir(dir.join("empty")).unwrap();
    let report = lineal(&["wast", &format!("{path}/empty")]).failure(1);
    assert!(report.contains("there are no scripts (.wast) below"), "{report}");
}

#[test]
fn a_module_is_imported_by_its_name() {
    let script = r#"
        (module $A (func (export "one") (result i32) (i32.const 1)))
        (module (import "A" "one" (func $one (result i32))) (func (export "two") (result i32)
            (i32.add (call $one) (call $one))))
        (assert_return (invoke "two") (i32.const 2))
        ;; What is registered counts more.
        (module $B (func (export "one") (result i32) (i32.const 10)))
        (register "A" $B)
        (module $A (func (export "one") (result i32) (i32.const 100)))
        (module (import "A" "one" (func (result i32))) (export "it" (func 0)))
        (assert_return (invoke "it") (i32.const 10))
        ;; The host's module keeps its name.
        (module $spectest)
        (module (import "spectest" "print" (func)))
        (assert_unlinkable (module (import "C" "one" (func))) "unknown import")"#;
    let path = file("by-name.wast", script);
    let text = lineal(&["wast", &path]).success();
    assert!(text.ends_with(", 0 failed\n"), "{text}");
}
