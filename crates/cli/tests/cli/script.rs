//! `lineal script`.

use crate::{command, example, file, lineal};

/// Runs a script that is written to a file.
fn script(name: &str, text: &str, options: &[&str]) -> crate::Outcome {
    let path = file(name, text.as_bytes());
    let args = ["script"].iter().chain(options).chain([&&*path]).copied().collect::<Vec<_>>();
    lineal(&args)
}

#[test]
fn the_ending_says_the_language() {
    assert_eq!(script("language.lua", "print(7 // 2, _VERSION)", &[]).success(), "3\tLua 5.4\n");
    assert_eq!(script("language.star", "print(7 // 2, [1])", &[]).success(), "3 [1]\n");
    assert_eq!(script("language.js", "console.log(7n / 2n)", &[]).success(), "3n\n");
    assert_eq!(script("language.txt", "print(1)", &["--lang", "lua"]).success(), "1\n");
    let report = script("language.txt", "print(1)", &[]).failure(1);
    assert!(report.contains("name it with --lang"), "{report}");
    let report = script("language.lua", "", &["--lang", "perl"]);
    assert!(report.stderr.contains("unknown language `perl`"), "{}", report.stderr);
}

#[test]
fn what_follows_the_script_is_its_own() {
    let path = file("args.lua", b"print(#arg, arg[1], arg[2], ...)");
    let out = lineal(&["script", "--strict", &path, "--check", "-x"]).success();
    assert_eq!(out, "2\t--check\t-x\t--check\t-x\n");
    let path = file("args.star", b"print(args)");
    assert_eq!(lineal(&["script", &path, "a", "b c"]).success(), "[\"a\", \"b c\"]\n");
}

#[test]
fn a_module_is_instantiated_first() {
    let module = example("reverse.wat");
    let text = "end = wasm_instance.exports.reverse(8, 14)\nprint(memory.read_string(8, 14), end)";
    let out = script("module.star", text, &["--module", &module]).success();
    assert_eq!(out, "!yromem raenil 22\n");
    let report = script("module.star", text, &["--module", "missing.wasm"]).failure(1);
    assert!(report.contains("cannot read missing.wasm"), "{report}");
}

#[test]
fn the_status_is_the_scripts() {
    assert_eq!(script("status.lua", "os.exit(7)", &[]).status, 7);
    assert_eq!(script("status.lua", "os.exit(true)", &[]).status, 0);
    let report = script("status.lua", "error('no')", &[]).failure(1);
    assert!(report.contains("status.lua:1: no"), "{report}");
    let report = script("status.star", "fail('no')", &[]).failure(1);
    assert!(report.contains("no") && report.contains("status.star:1"), "{report}");
    let outcome = script("status.lua", "m.alloc(5)", &["--check"]);
    assert_eq!((outcome.status, &*outcome.stdout), (99, ""));
    assert!(outcome.stderr.contains("1 block of 5 bytes was never freed"), "{}", outcome.stderr);
    assert_eq!(script("status.lua", "m.free(m.alloc(5))", &["--check"]).status, 0);
}

#[test]
fn scripts_are_limited() {
    let text = "print(m.alloc(65537), m.alloc(65536) ~= nil)";
    assert_eq!(script("limit.lua", text, &["--max-memory", "64KiB"]).success(), "nil\ttrue\n");
    for (name, text) in [
        ("time.lua", "while true do pcall(error) end"),
        ("time.star", "def f():\n  for _ in range(1 << 30):\n    pass\nf()"),
        ("time.js", "for (;;) {}"),
    ] {
        let report = script(name, text, &["--timeout", "200ms"]);
        assert_ne!(report.status, 0, "{name}");
        assert!(report.stderr.contains("time"), "{name}: {}", report.stderr);
    }
}

/// What a script fills and copies is reported with its range, as what it writes is.
#[test]
fn what_a_script_fills_is_watched() {
    let module = file("filled.wat", r#"(module (memory (export "memory") 1))"#);
    let text = format!(
        "local g = wasm.load({module:?})\nm.fill(g.memory, 100, 7, 50)\n\
         m.fill(g.memory, 200, 7, 50)\nm.copy(g.memory, 300, g.memory, 200, 8)\n"
    );
    let outcome = script("filled.lua", &text, &["--watch", "120..124", "--watch", "304"]);
    assert!(outcome.stderr.contains("watch 120..124: 1 access\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("watch 304: 1 access\n"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("unknown range"), "{}", outcome.stderr);
}

#[test]
fn a_modules_memory_is_watched() {
    let module = example("reverse.wat");
    let text = "wasm_instance.exports.reverse(8, 14)\nprint(memory.read_string(8, 1))";
    let outcome = script("watch.star", text, &["--module", &module, "--watch", "8..9"]);
    assert_eq!((outcome.status, &*outcome.stdout), (0, "!\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("watch 8..9: 1 access\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("write of 1 byte at 0x8: 6c -> 21"), "{}", outcome.stderr);
}

#[test]
fn programs_for_wasi_print() {
    let module = file(
        "hello.wat",
        br#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00")
            (data (i32.const 16) "hello\0a")
            (func (export "hello") (result i32)
                (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
    );
    let text = "print('before')\nprint(wasm_instance.exports.hello())";
    let out = script("wasi.lua", text, &["--module", &module]).success();
    assert_eq!(out, "before\nhello\n0\n");
    let text = "print('before')\nprint(wasm_instance.exports.hello())";
    let out = script("wasi.star", text, &["--module", &module]).success();
    assert_eq!(out, "before\nhello\n0\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let path = file("pipe.lua", b"for i = 1, 100000 do print(i) end");
    let mut child =
        command(&["script", &path]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
