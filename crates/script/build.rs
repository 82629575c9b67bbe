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
    if wanted.is_empty() || !is_native || is_msvc || has_compiler() {
        return;
    }
    println!(
        "cargo::error={} need a C compiler, and none was found. Install one (Debian and Ubuntu: \
         `apt install gcc`; Fedora: `dnf install gcc`; macOS: `xcode-select --install`), name it \
         in the variable CC, or build without them: `--no-default-features --features starlark`",
        wanted.join(" and ")
    );
}

/// Whether the crate `cc` will probably find a C compiler.
fn has_compiler() -> bool {
    let named = env::vars_os().any(|(name, _)| {
        name.to_str()
            .is_some_and(|name| name == "CC" || name.starts_with("CC_") || name.ends_with("_CC"))
    });
    named || USUAL.iter().any(|name| runs(name))
}

fn runs(compiler: &str) -> bool {
    let mut command = Command::new(compiler);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
