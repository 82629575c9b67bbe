//! The program as a whole: usage, completions, broken pipes.

use std::io::Read as _;
use std::process::Stdio;

use crate::{command, file, lineal};

#[test]
fn wrong_usage_has_status_two() {
    for args in [
        &[][..],
        &["walk"],
        &["run"],
        &["run", "--no-such-option", "file"],
        &["wast"],
        &["dump", "file"],
        &["dump", "file", "--range", "5"],
        &["dump", "file", "--range", "5..4"],
        &["dump", "file", "--range", "0..4", "7"],
        &["completions", "no-such-shell"],
    ] {
        let outcome = lineal(args);
        assert_eq!(outcome.status, 2, "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(!outcome.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    assert!(lineal(&["--version"]).success().starts_with("lineal "));
    let help = lineal(&["--help"]).success();
    for name in ["run", "wast", "inspect", "dump", "completions"] {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is missing:\n{help}");
        assert!(lineal(&[name, "--help"]).success().contains("Usage: lineal"));
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lineal(&["completions", shell]).success();
        for name in ["run", "wast", "inspect", "dump", "completions"] {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // More than a pipe holds, with no two rows alike.
    let data: String =
        (0..40_000).map(|i: u32| format!("\\{:02x}\\{:02x}", i >> 8, i & 255)).collect();
    let path = file("pipe.wat", format!(r#"(module (memory 2) (data (i32.const 0) "{data}"))"#));
    for args in [&["inspect", &path][..], &["dump", &path, "--range", "0..80000"]] {
        let mut child =
            command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_file_runs_without_a_command() {
    let path = file("no-command.wat", crate::CALLS);
    assert_eq!(lineal(&["--invoke", "add", &path, "1", "2"]).success(), "3\n");
    assert_eq!(lineal(&["--fuel", "1000", "--invoke=add", &path, "1", "2"]).success(), "3\n");
    let only = file("only.wat", r#"(module (func (export "f") (result i32) (i32.const 7)))"#);
    assert_eq!(lineal(&[&only]).success(), "7\n");
    let input = br#"(module (func (export "f") (result i32) (i32.const 8)))"#;
    assert_eq!(crate::lineal_with_input(&["-"], input).success(), "8\n");
    // A file that is not there, and a command with a mistake in it.
    assert!(lineal(&["no-such-file.wasm"]).failure(1).contains("cannot read no-such-file.wasm"));
    let report = lineal(&["inspct"]).failure(2);
    assert!(report.contains("unrecognized subcommand 'inspct'"), "{report}");
    assert!(report.contains("inspect"), "{report}");
}

#[test]
fn an_option_after_the_file_gets_a_hint() {
    let path = file("hint.wat", crate::CALLS);
    let report = lineal(&["run", &path, "--invoke", "add", "1", "2"]).failure(1);
    let hint = "hint: --invoke comes after the file, so it is the program's own: \
        options for lineal go before FILE\n";
    assert!(report.ends_with(hint), "{report}");
    let report = lineal(&["run", "--invoke", "add", &path, "1", "--fuel=7"]).failure(1);
    assert!(report.contains("hint: --fuel comes after the file"), "{report}");
    // Not for what is no option of ours, and not for what a program has to say itself.
    assert!(!lineal(&["run", "--invoke", "add", &path, "1", "--x"]).failure(1).contains("hint"));
    let formats = crate::wasi::program("formats.wasm");
    assert_eq!(lineal(&["run", &formats, "--dir=."]).stderr, "to standard error\n");
}

#[test]
fn a_misspelt_option_gets_the_right_tip() {
    let path = file("misspelt.wat", crate::CALLS);
    for command in [
        "run",
        "script",
        "wast",
        "inspect",
        "dump",
        "blame",
        "check",
        "heap",
        "heat",
        "trace",
        "snapshot",
        "diff",
        "completions",
    ] {
        let report = lineal(&[command, "--quite", &path]).failure(2);
        assert!(report.contains("unexpected argument '--quite' found"), "{command}: {report}");
        assert!(report.contains("a similar argument exists: '--quiet'"), "{command}: {report}");
        assert!(!report.contains("as a value"), "{command}: {report}");
        let report = lineal(&[command, "--zzz", &path]).failure(2);
        assert!(!report.contains("tip:"), "{command}: {report}");
    }
    let report = lineal(&["--fule=5", &path]).failure(2);
    assert!(report.contains("a similar argument exists: '--fuel'"), "{report}");
    assert!(!report.contains("as a value"), "{report}");
}

#[test]
fn limits_that_are_none_get_advice() {
    let path = file("limits.wat", crate::CALLS);
    for (option, value, advice) in [
        ("--fuel", "-1", "expected a whole number without a sign"),
        ("--fuel", "many", "expected a whole number without a sign"),
        ("--fuel", "1e6", "expected a whole number without a sign"),
        ("--max-memory", "5XB", "expected KiB, MiB, GiB or TiB"),
        ("--max-memory", "5MB", "expected KiB, MiB, GiB or TiB"),
        ("--max-memory", "-5", "such as 64MiB"),
        ("--max-memory", "infinity", "such as 64MiB"),
        ("--timeout", "NaN", "such as 300ms or 2.5s"),
        ("--timeout", "infinity", "such as 300ms or 2.5s"),
        ("--timeout", "-1s", "such as 300ms or 2.5s"),
    ] {
        let report = lineal(&["run", option, value, &path]).failure(2);
        assert!(report.contains(advice), "{option} {value}: {report}");
    }
    for (value, advice) in [("NaN", "`nan`"), ("-Infinity", "`inf`")] {
        let report = lineal(&["run", "--invoke", "same", &path, value]).failure(1);
        assert!(report.contains(advice), "{report}");
    }
}

#[test]
fn what_is_no_module_is_recognised() {
    for (name, bytes, expected) in [
        ("component", &b"\0asm\x0d\0\x01\0\0"[..], "it is a component"),
        ("gzip", b"\x1f\x8b\x08\0\0\0", "compressed with gzip"),
        ("zstd", b"\x28\xb5\x2f\xfd\0\0", "compressed with zstd"),
        ("zip", b"PK\x03\x04....", "ZIP archive"),
        ("elf", b"\x7fELF\x02\x01\x01\0", "ELF file"),
        ("macho", b"\xcf\xfa\xed\xfe\x07\0", "Mach-O"),
        ("windows", b"MZ\x90\0", "program for Windows"),
        ("archive", b"!<arch>\n", "archive of object files"),
        ("html", b"\n<!DOCTYPE html><html>", "HTML page"),
        ("lfs", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("short", b"\0asm\x01", "ends within its first 8 bytes"),
        ("empty", b"", "it is empty"),
    ] {
        let path = file(&format!("foreign-{name}"), bytes);
        for args in [&["run", &path][..], &["inspect", &path], &["dump", "--range", "0..1", &path]]
        {
            let report = lineal(args).failure(1);
            let start = format!("error: {path} is not a module: ");
            assert!(report.starts_with(&start) && report.contains(expected), "{report}");
            assert_eq!(report.lines().count(), 1, "{report}");
        }
    }
}

#[test]
fn proposals_are_switched() {
    let wide = file(
        "wide.wat",
        r#"(module (func (export "f") (result i64 i64)
            (i64.add128 (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))"#,
    );
    let report = lineal(&["run", &wide]).failure(1);
    let advice = "the module needs the proposal wide-arithmetic, which is off: switch it on with \
        -W wide-arithmetic\n";
    assert!(report.contains(advice), "{report}");
    assert!(lineal(&["inspect", &wide]).failure(1).contains(advice));
    for switch in ["wide-arithmetic", "wide-arithmetic=y", "all", "all=n,all=y"] {
        assert_eq!(lineal(&["run", "-W", switch, &wide]).success(), "4\n6\n", "{switch}");
        lineal(&["inspect", "-W", switch, &wide]).success();
    }
    let simd = file("simd.wat", r#"(module (func (export "f") (param v128)))"#);
    let report = lineal(&["run", "--wasm", "simd=n", &simd, "0"]).failure(1);
    assert!(report.contains("-W simd\n"), "{report}");
    let script = file(
        "wide.wast",
        "(module (func (param i64 i64 i64 i64) (result i64 i64) \
        (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
    );
    assert_eq!(lineal(&["wast", &script]).status, 1);
    lineal(&["wast", "-Wall", &script]).success();
    for switch in ["sind", "simd=perhaps", "="] {
        assert_eq!(lineal(&["run", "-W", switch, &simd, "0"]).status, 2, "{switch}");
    }
}

#[test]
fn colours_and_hints_are_chosen() {
    let path = file("style.wat", crate::CALLS);
    let misplaced = [&path, "--invoke", "add"];
    let run = |options: &[&str]| lineal(&[options, &misplaced].concat());
    assert!(run(&[]).stderr.starts_with("error: "));
    assert!(run(&["--color", "never", "run"]).stderr.starts_with("error: "));
    for options in
        [&["--color", "always"][..], &["--color=always", "run"], &["run", "--color=always"]]
    {
        assert!(run(options).stderr.starts_with("\x1b[1;31merror:\x1b[0m "), "{options:?}");
    }
    assert!(run(&["--color", "auto"]).stderr.contains("hint: "));
    for options in [&["-q"][..], &["--quiet", "run"], &["run", "-q"]] {
        assert!(!run(options).stderr.contains("hint: "), "{options:?}");
    }
    assert_eq!(lineal(&["--color", "sometimes", &path]).status, 2);
    // Of scripts, those that fail.
    let good = file("quiet-good.wast", "(module)");
    let bad =
        file("quiet-bad.wast", "(module (func (export \"f\"))) (assert_trap (invoke \"f\") \"x\")");
    let outcome = lineal(&["-q", "wast", &good, &bad]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.stdout.starts_with(&format!("{bad}: 1 passed, 1 failed\n")),
        "{}",
        outcome.stdout
    );
}

/// A module of so many functions of about 100 kB.
fn large_module(functions: usize) -> Vec<u8> {
    fn number(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }
    let section = |id: u8, contents: Vec<u8>| [vec![id], number(contents.len()), contents].concat();
    // No locals; `i32.const 1`, `i32.const 2`, `i32.add`, `drop` again and again.
    let body = [vec![0], [0x41, 1, 0x41, 2, 0x6a, 0x1a].repeat(16_000), vec![0x0b]].concat();
    let body = [number(body.len()), body].concat();
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, vec![1, 0x60, 0, 0]),
        section(3, [number(functions), vec![0; functions]].concat()),
        section(7, vec![1, 1, b'f', 0, 0]),
        section(10, [number(functions), body.repeat(functions)].concat()),
    ]
    .concat()
}

#[test]
fn compiling_a_large_module_shows_how_far_it_is() {
    let run = |path: &str, options: &[&str]| {
        let (mut ours, its) = crate::streams::terminal();
        let mut command = command(&[&["run", "--invoke", "f"], options, &[path]].concat());
        let start = std::time::Instant::now();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::from(its)).spawn().unwrap();
        drop(command);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut shown = Vec::new();
        let _ = ours.read_to_end(&mut shown);
        (String::from_utf8(shown).unwrap(), start.elapsed())
    };
    // What takes half a second is shown: how large that is depends on the machine.
    let sizes = [(300, "28.8"), (600, "57.6"), (1200, "115.2"), (2400, "230.4")];
    let is_shown = sizes.into_iter().any(|(functions, size)| {
        let path = file("large.wasm", large_module(functions));
        let (shown, elapsed) = run(&path, &[]);
        assert!(shown.is_empty() || shown.ends_with("\r\x1b[K"), "{shown:?}");
        let is_long = elapsed > std::time::Duration::from_secs(1);
        if is_long {
            let all = format!(" of {size} MB of functions");
            assert!(shown.contains(&all), "{shown:?}");
            assert_eq!(run(&path, &["--quiet"]).0, "");
        }
        std::fs::remove_file(path).unwrap();
        is_long
    });
    assert!(is_shown, "all of them are compiled within a second");
}

/// What a program writes to a terminal as its standard error, while a script runs for a second.
fn progress(options: &[&str]) -> String {
    let path = file(
        "slow.wast",
        r#"(module (func (export "spin") (param i32)
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
        (invoke "spin" (i32.const 1_000_000_000))"#,
    );
    let (mut ours, its) = crate::streams::terminal();
    let mut command = command(&[options, &["wast", &path]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::from(its)).spawn().unwrap();
    drop(command);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut shown = Vec::new();
    // It ends with an error when the program's side is closed.
    let _ = ours.read_to_end(&mut shown);
    String::from_utf8(shown).unwrap()
}

#[test]
fn long_work_is_shown_on_a_terminal_only() {
    let shown = progress(&[]);
    assert!(shown.contains("1 of 1: ") && shown.contains("slow.wast"), "{shown:?}");
    // Nothing of it stays.
    assert!(shown.ends_with("\r\x1b[K"), "{shown:?}");
    assert_eq!(progress(&["--quiet"]), "");
}
