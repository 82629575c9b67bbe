//! What the build says when there is no C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The build script, compiled.
fn build_script() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-script");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built =
        Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&program).arg(source).status();
    assert!(built.unwrap().success());
    program
}

#[test]
fn a_missing_compiler_is_told_clearly() {
    let program = build_script();
    let run = |features: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(&program);
        command.env_clear().env("HOST", "x").env("TARGET", "x");
        command.envs(features.iter().map(|feature| (format!("CARGO_FEATURE_{feature}"), "1")));
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let languages = ["LUA", "JS"];
    let text = run(&languages, &[("CC", "/nonexistent/cc")]);
    assert!(
        text.contains(
            "cargo::error=Lua and JavaScript need a C compiler, and CC names `/nonexistent/cc`, \
             which cannot be run. Correct it, or unset it, or build without them: \
             `--no-default-features --features starlark`\n"
        ),
        "{text}"
    );
    let text = run(&["JS"], &[("CC_x", "/nonexistent/cc -O2"), ("PATH", "")]);
    assert!(text.contains("cargo::error=JavaScript needs a C compiler, and CC_x names"), "{text}");
    let text = run(&languages, &[("PATH", "/nonexistent")]);
    assert!(text.contains("and none was found. Install one (Debian and Ubuntu: `apt"), "{text}");
    // Nobody needs one, or nobody can tell.
    assert!(!run(&[], &[("CC", "/nonexistent/cc")]).contains("cargo::error"));
    assert!(
        !run(&languages, &[("CC", "/nonexistent/cc"), ("TARGET", "y")]).contains("cargo::error")
    );
    // This one can be run: that it is no compiler, others find out.
    if Path::new("/bin/true").exists() {
        assert!(!run(&languages, &[("CC", "/bin/true")]).contains("cargo::error"));
        assert!(!run(&languages, &[("CC", "/bin/true gcc")]).contains("cargo::error"));
    }
}
