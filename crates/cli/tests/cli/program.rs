//! The program as a whole: usage, completions, broken pipes.

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
