//! Says clearly that a C compiler is missing, before the build of an interpreter fails for it.

use std::env;
use std::process::{Command, Stdio};

/// What is tried if the environment names no compiler.
const USUAL: [&str; 3] = ["cc", "gcc", "clang"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["CC", "HOST_CC", "TARGET_CC", "PATH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let wanted = [("CARGO_FEATURE_LUA", "Lua"), ("CARGO_FEATURE_JS", "JavaScript")];
    let wanted = wanted.iter().filter(|(feature, _)| env::var_os(feature).is_some());
    let wanted = wanted.map(|(_, language)| *language).collect::<Vec<_>>();
    // Compilers for other machines have names of many kinds, and Microsoft's is found elsewhere.
    let is_native = env::var_os("HOST") == env::var_os("TARGET");
    let is_msvc = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|name| name == "msvc");
    if wanted.is_empty() || !is_native || is_msvc {
        return;
    }
    let languages = wanted.join(" and ");
    let need = if wanted.len() == 1 { "needs" } else { "need" };
    let problem = match named_compiler() {
        Some((variable, name)) if !starts(&name) => {
            format!("{variable} names `{name}`, which cannot be run. Correct it, or unset it")
        }
        Some(_) => return,
        None if USUAL.iter().any(|name| runs(name)) => return,
        None => "none was found. Install one (Debian and Ubuntu: `apt install gcc`; Fedora: `dnf \
                 install gcc`; macOS: `xcode-select --install`), name it in the variable CC"
            .to_owned(),
    };
    println!(
        "cargo::error={languages} {need} a C compiler, and {problem}, or build without them: \
         `--no-default-features --features starlark`"
    );
}

/// The variable that names a C compiler, as the crate `cc` looks for it, and what it names.
fn named_compiler() -> Option<(String, String)> {
    let target = env::var("TARGET").unwrap_or_default();
    let names = [
        format!("CC_{target}"),
        format!("CC_{}", target.replace('-', "_")),
        "HOST_CC".to_owned(),
        "CC".to_owned(),
    ];
    names.into_iter().find_map(|name| {
        let compiler = env::var(&name).ok()?;
        (!compiler.trim().is_empty()).then_some((name, compiler))
    })
}

/// Whether a command can be run: a compiler, or one by way of another, as in `ccache gcc`.
fn starts(command: &str) -> bool {
    runs(command) || command.split_whitespace().next().is_some_and(runs)
}

fn runs(compiler: &str) -> bool {
    let mut command = Command::new(compiler);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
