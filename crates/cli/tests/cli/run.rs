//! `lineal run`.

use crate::{CALLS, example, file, lineal, lineal_with_input};

/// Calls a function of [`CALLS`].
fn call(file_name: &str, args: &[&str]) -> crate::Outcome {
    let path = file(file_name, CALLS);
    let mut all = vec!["run", "--invoke", args[0], &path];
    all.extend(&args[1..]);
    lineal(&all)
}

#[test]
fn arguments_are_parsed_by_type() {
    let call = |args: &[&str]| call("types.wat", args).success();
    assert_eq!(call(&["add", "2", "3"]), "5\n");
    assert_eq!(call(&["add", "-5", "3"]), "-2\n");
    assert_eq!(call(&["add", "0xffff_ffff", "-0x1"]), "-2\n");
    assert_eq!(call(&["swap", "-9223372036854775808", "0.1"]), "0.1\n-9223372036854775808\n");
    assert_eq!(call(&["swap", "1_000", "-0x1.8p1"]), "-3.0\n1000\n");
    assert_eq!(call(&["same", "-inf"]), "-inf\n");
    assert_eq!(call(&["same", "nan"]), "nan\n");
    assert_eq!(call(&["same", "-nan:0x123"]), "-nan:0x123\n");
    assert_eq!(call(&["same", "nan:canonical"]), "nan\n");
    assert_eq!(call(&["same", "1e20"]), "1e20\n");
    assert_eq!(call(&["refs", "null", "null"]), "null\nnull\n");
    assert_eq!(call(&["twice", "17"]), "0x00000000000000000000000000000022\n");
    assert_eq!(
        call(&["twice", "0x10000000000000002"]),
        "0x00000000000000020000000000000004\n",
        "lanes are not added to each other"
    );
    assert_eq!(call(&["nothing"]), "");
}

#[test]
fn wrong_arguments_are_explained() {
    let call = |args: &[&str]| call("wrong.wat", args).failure(1);
    assert!(
        call(&["add", "1"]).contains("its type is (i32, i32) -> i32: expected 2 arguments, got 1")
    );
    let report = call(&["add", "1", "x"]);
    assert!(report.contains("argument 2 is invalid"), "{report}");
    assert!(report.contains("`x` is not an i32"), "{report}");
    assert!(call(&["add", "1", "4294967296"]).contains("it is out of range"));
    assert!(call(&["same", "1e99"]).contains("it is out of range"));
    assert!(call(&["twice", "-1"]).contains("`-1` is not a v128"));
    assert!(call(&["refs", "1", "null"]).contains("only `null` can be written here"));
}

#[test]
fn everything_after_the_file_is_the_guests() {
    let path = file("order.wat", CALLS);
    let report = lineal(&["run", &path, "--invoke", "add", "-1", "-2"]).failure(1);
    assert!(report.contains("name it with --invoke"), "{report}");
    assert_eq!(lineal(&["run", "--invoke", "add", &path, "-1", "-2"]).success(), "-3\n");
    let report = lineal(&["run", "--invoke", "add", &path, "1", "--invoke"]).failure(1);
    assert!(report.contains("`--invoke` is not an i32"), "{report}");
    assert_eq!(lineal(&["run", "--invoke", "add", "--", &path, "1", "1"]).success(), "2\n");
}

#[test]
fn the_function_to_call_is_found() {
    let module = |names: &[&str]| -> String {
        let funcs = names.iter().enumerate().map(|(index, name)| {
            format!(r#"(func (export "{name}") (result i32) (i32.const {index}))"#)
        });
        format!("(module (memory (export \"memory\") 1) {})", funcs.collect::<String>())
    };
    for (names, expected) in [
        (&["run", "main", "_start", "other"][..], "2\n"),
        (&["other", "run", "main"], "2\n"),
        (&["other", "run"], "1\n"),
        (&["other"], "0\n"),
    ] {
        let path = file(&format!("entry-{}.wat", names.join("-")), module(names));
        assert_eq!(lineal(&["run", &path]).success(), expected, "{names:?}");
    }
    let path = file("entries.wat", module(&["one", "two"]));
    let report = lineal(&["run", &path]).failure(1);
    assert!(report.contains("name it with --invoke"), "{report}");
    assert!(report.ends_with("\n  one: () -> i32\n  two: () -> i32\n"), "{report}");
    let path = file("no-entry.wat", module(&[]));
    assert!(lineal(&["run", &path]).failure(1).contains("does not export a function"));
}

#[test]
fn unknown_exports_are_answered_with_the_known_ones() {
    let report = call("unknown.wat", &["subtract"]).failure(1);
    assert!(report.contains("does not export `subtract`; it exports these functions:"), "{report}");
    assert!(report.contains("\n  add: (i32, i32) -> i32\n"), "{report}");
    let report = call("unknown.wat", &["memory"]).failure(1);
    assert!(report.contains("is not a function"), "{report}");
}

#[test]
fn a_trap_tells_the_access_and_the_lines_of_the_source() {
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../symbols/tests/symbols/programs");
    let module = format!("{programs}/tiles_O2_dwarf5.wasm");
    // The README shows this.
    let report = lineal(&["run", "--invoke", "run", &module, "100000"]).failure(134);
    let expected = "error: `run` failed
  caused by: wasm trap: out of bounds memory access: store of 4 bytes at 0x1253d0 in memory 0 of 131072 bytes
  wasm backtrace, innermost function first:
     0:     0x71 - <unknown>!store_tile
                    at tiles.c:19:11
                 - load_level
                    at tiles.c:25:3
     1:     0x9d - <unknown>!run
                    at tiles.c:33:12
";
    assert_eq!(report, expected);
    // The source map is next to the module.
    let module = format!("{programs}/queue.wasm");
    let report = lineal(&["run", "--invoke", "run", &module, "268435456"]).failure(134);
    assert!(report.contains("at queue/queue.ts:12:5\n"), "{report}");
}

#[test]
fn an_invalid_text_is_shown_with_line_and_function() {
    let text = "(module\n  (func $sum (result i32)\n    i32.add))";
    let report = lineal(&["run", &file("invalid-sum.wat", text)]).failure(1);
    assert!(report.contains("type mismatch"), "{report}");
    assert!(report.contains("--> line 3, column 5, in function $sum\n"), "{report}");
}

#[test]
fn a_trap_has_a_backtrace_and_a_status_of_its_own() {
    let report = call("trap.wat", &["divide", "1", "0"]).failure(134);
    assert!(report.starts_with("error: `divide` failed\n"), "{report}");
    assert!(report.contains("caused by: wasm trap: integer divide by zero\n"), "{report}");
    assert!(report.contains("calls!divide\n"), "{report}");

    let path = file(
        "start.wat",
        "(module (func $begin unreachable) (start $begin) (func (export \"f\")))",
    );
    let report = lineal(&["run", &path]).failure(134);
    assert!(report.contains("cannot instantiate"), "{report}");
    assert!(report.contains("!begin\n"), "{report}");
}

#[test]
fn standard_input_is_read() {
    let args = ["run", "--invoke", "add", "-", "20", "22"];
    assert_eq!(lineal_with_input(&args, CALLS.as_bytes()).success(), "42\n");
    let report = lineal_with_input(&["run", "-"], b"(module").failure(1);
    assert!(report.starts_with("error: <stdin> is not a valid module\n"), "{report}");
}

#[test]
fn bad_files_are_explained() {
    let report = lineal(&["run", "no-such-file.wat"]).failure(1);
    assert!(report.starts_with("error: cannot read no-such-file.wat\n"), "{report}");

    let path = file("broken.wat", "(module\n  (func (export \"f\")\n    i32.cosnt 5))");
    let report = lineal(&["run", &path]).failure(1);
    assert!(report.contains("--> line 3, column 5"), "{report}");
    assert!(report.contains("3 |     i32.cosnt 5))"), "{report}");

    let path = file("invalid.wat", "(module (func (result i32) (i64.const 1)))");
    assert!(lineal(&["run", &path]).failure(1).contains("type mismatch"));

    let path = file("truncated.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60");
    let report = lineal(&["run", &path]).failure(1);
    assert!(report.contains("at offset 0x"), "{report}");

    let path = file("garbage.bin", [0xff; 100]);
    assert!(lineal(&["run", &path]).failure(1).contains("neither a WebAssembly binary nor"));
}

#[test]
fn binaries_run_too() {
    // (module (func (export "f") (result i32) (i32.const 42)))
    let binary = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x07\x05\x01\x01f\0\0\
        \x0a\x06\x01\x04\0\x41\x2a\x0b";
    let path = file("binary.wasm", binary);
    assert_eq!(lineal(&["run", &path]).success(), "42\n");
}

#[test]
fn imports_that_there_are_not_are_listed() {
    let path = file(
        "imports.wat",
        r#"(module (import "wasi" "write" (func (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
            (import "env" "memory" (memory 1)) (func (export "f")))"#,
    );
    let report = lineal(&["run", &path]).failure(1);
    let expected = "\n  unknown import: wasi.write (function (i32) -> i32)\
        \n  unknown import: env.memory (memory 1 page (65536 bytes))\n";
    assert!(report.contains(expected), "{report}");
}

#[test]
fn what_would_provide_an_import_is_told() {
    for (name, import, hint) in [
        ("thread", r#""wasi" "thread-spawn" (func (param i32) (result i32))"#, "-S threads=y"),
        ("shared", r#""env" "memory" (memory 1 2 shared)"#, "-S threads=y"),
        ("newer", r#""wasi_snapshot_preview1" "fd_dup" (func)"#, "no such function"),
        ("preview2", r#""wasi:cli/environment@0.2.0" "get" (func)"#, "wasm32-wasip1"),
        ("bindgen", r#""wbg" "__wbg_log" (func)"#, "wasm-bindgen"),
        ("go", r#""gojs" "runtime.wasmExit" (func)"#, "GOOS=wasip1"),
        ("emscripten", r#""env" "emscripten_memcpy_js" (func)"#, "-sSTANDALONE_WASM"),
        ("spectest", r#""spectest" "print" (func)"#, "lineal wast"),
        ("other", r#""host" "log" (func)"#, "lineal script"),
    ] {
        let path = file(
            &format!("import-{name}.wat"),
            format!("(module (import {import}) (func (export \"f\")))"),
        );
        let report = lineal(&["run", &path]).failure(1);
        assert!(report.contains("unknown import: "), "{report}");
        let last = report.lines().last().unwrap();
        assert!(last.starts_with("  hint: ") && last.contains(hint), "{name}: {report}");
    }
}

#[test]
fn a_name_cannot_change_what_is_read() {
    // It would end the line, and write the rest from right to left.
    let wat =
        "(module (import \"a\\0a  unknown import: b\" \"\u{202e}c\" (func)) (func (export \"f\")))";
    let report = lineal(&["run", &file("direction.wat", wat.replace('\u{202e}', "\\u{202e}"))]);
    let report = report.failure(1);
    let expected = "unknown import: a\\n  unknown import: b.\\u{202e}c (function () -> ())";
    assert!(report.contains(expected), "{report}");
}

#[test]
fn a_function_keeps_to_its_line() {
    let names =
        r#"(module (@name "m\0am") (func (@name "f\0a   9: g") (export "e\0ae") unreachable))"#;
    let report = lineal(&["run", &file("lines.wat", names)]).failure(134);
    assert!(report.contains("error: `e\\ne` failed\n"), "{report}");
    assert!(report.contains("m\\nm!f\\n   9: g"), "{report}");
    let memories = file("memories.wat", r#"(module (memory (export "a\0ab") 1))"#);
    let report = lineal(&["dump", "--range", "0..1", "--memory", "c", &memories]).failure(1);
    assert!(report.contains("exported as a\\nb\n"), "{report}");
}

#[test]
fn the_examples_work() {
    assert_eq!(lineal(&["run", &example("sieve.wat"), "1000"]).success(), "168\n");
    assert_eq!(lineal(&["run", &example("sieve.wat"), "100000"]).success(), "9592\n");
    assert_eq!(lineal(&["run", &example("sieve.wat"), "0"]).success(), "0\n");
    lineal(&["run", &example("sieve.wat"), "-5"]).failure(134);
    assert_eq!(lineal(&["run", &example("reverse.wat"), "8", "14"]).success(), "22\n");
}

#[test]
fn atomics_run_on_shared_memories() {
    let path = file(
        "atomics.wat",
        r#"(module (memory 1 1 shared)
            (func (export "add") (param i32) (result i32)
                (drop (i32.atomic.rmw.add (i32.const 8) (local.get 0)))
                (drop (memory.atomic.notify (i32.const 8) (i32.const 1)))
                (memory.atomic.wait32 (i32.const 8) (local.get 0) (i64.const 0)))
            (func (export "unaligned") (drop (i32.atomic.load (i32.const 2)))))"#,
    );
    assert_eq!(lineal(&["run", "--invoke", "add", &path, "5"]).success(), "2\n");
    let report = lineal(&["run", "--invoke", "unaligned", &path]).failure(134);
    assert!(report.contains("unaligned atomic"), "{report}");
}

#[test]
fn a_trap_leaves_a_core_dump() {
    let path = file("core.wat", CALLS);
    let dump = file("core.wasm", "");
    let options = ["run", "--coredump", &dump, "--invoke", "divide", &path, "1"];
    let fine = lineal(&[&options[..], &["1"]].concat());
    assert_eq!((fine.success().as_str(), std::fs::read(&dump).unwrap().len()), ("1\n", 0));
    let trapped = lineal(&[&options[..], &["0"]].concat());
    assert_eq!(trapped.status, 134, "{}", trapped.stderr);
    assert!(trapped.stderr.starts_with("core dump written to "), "{}", trapped.stderr);
    assert!(!trapped.stderr.contains("wasm core dump with"), "{}", trapped.stderr);
    let bytes = std::fs::read(&dump).unwrap();
    assert!(bytes.starts_with(b"\0asm\x01") && bytes.windows(9).any(|it| it == b"corestack"));
}
