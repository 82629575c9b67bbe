//! `lineal script` with JavaScript.

use std::fs;
use std::path::Path;

use super::{Outcome, lineal};

/// A module in the binary format: imports `proc_exit` of WASI, exports a memory and `exit`.
const EXITS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "exit") (param i32) (call $exit (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "forever") (loop (br 0))))"#;

/// Runs a script with options, next to the module above as `guest.wat`.
fn script(name: &str, text: &str, options: &[&str]) -> Outcome {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("javascript-{name}"));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("main.js");
    fs::write(&file, text).unwrap();
    let guest = folder.join("guest.wat");
    fs::write(&guest, EXITS).unwrap();
    let mut args = vec!["script"];
    for option in options {
        args.push(if *option == "GUEST" { guest.to_str().unwrap() } else { option });
    }
    args.push(file.to_str().unwrap());
    args.extend(["one", "--two"]);
    lineal(&args)
}

#[test]
fn a_script_prints_and_gets_its_arguments() {
    let text = "console.log(scriptArgs.slice(1)); document.write('<br/>');";
    assert_eq!(script("prints", text, &[]).success(), "[ 'one', '--two' ]\n<br/>");
}

#[test]
fn a_script_finds_the_instance_of_its_module() {
    let text = "const { memory, load } = instance;
        new Uint32Array(memory.buffer)[1] = 42;
        console.log(load(4), instance.exports.load === load);";
    let outcome = script("module", text, &["--module", "GUEST"]);
    assert_eq!(outcome.success(), "42 true\n");
}

#[test]
fn a_guest_ends_the_program_with_its_status() {
    let text = "try { instance.exit(7); } catch { console.log('caught'); }";
    let outcome = script("exit", text, &["--module", "GUEST"]);
    assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (7, "", ""));
}

#[test]
fn an_error_shows_the_lines_of_script_and_guest() {
    let outcome =
        script("error", "function f() {\n  instance.load(-1);\n}\nf();", &["--module", "GUEST"]);
    let report = outcome.failure(1);
    for part in ["RuntimeError: out of bounds memory access", "at wasm ", "main.js:2", "main.js:4"]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn strict_refuses_what_browsers_refuse() {
    let text = "new WebAssembly.Memory({ initial: 1, shared: true });";
    let outcome = script("lenient", text, &[]);
    assert_eq!((outcome.status, &*outcome.stdout), (0, ""));
    assert!(outcome.stderr.contains("browsers refuse it"), "{}", outcome.stderr);
    assert!(script("strict", text, &["--strict"]).failure(1).contains("TypeError"));
}

#[test]
fn limits_hold() {
    for text in ["for (;;) {}", "instance.forever();"] {
        let options = ["--timeout", "100ms", "--module", "GUEST"];
        let report = script("timeout", text, &options).failure(134);
        assert!(report.contains("timed out after 100ms"), "{report}");
    }
    let text =
        "try { new WebAssembly.Memory({ initial: 100 }); } catch (e) { console.log(e.name); }";
    assert_eq!(script("room", text, &["--max-memory", "1MiB"]).success(), "RangeError\n");
}
