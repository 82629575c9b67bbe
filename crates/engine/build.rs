//! Decides how operations are dispatched: by tail calls where the optimiser is known to turn
//! them into jumps, by a loop everywhere else. And whether translated code is verified although
//! debug assertions are off: with `LINEAL_VERIFY=1`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(lineal_tail_calls)");
    println!("cargo::rustc-check-cfg=cfg(lineal_verify)");
    println!("cargo::rerun-if-env-changed=LINEAL_DISPATCH");
    println!("cargo::rerun-if-env-changed=LINEAL_VERIFY");
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    if var("LINEAL_VERIFY") == "1" {
        println!("cargo::rustc-cfg=lineal_verify");
    }
    // LLVM makes sibling calls of these at opt-level 2 and above; "s" and "z" are not proven.
    let optimised = matches!(var("OPT_LEVEL").as_str(), "2" | "3");
    // Enough argument registers for the whole machine state, and a 64-bit address space.
    let known_target = var("CARGO_CFG_TARGET_ARCH") == "x86_64"
        || (var("CARGO_CFG_TARGET_ARCH") == "aarch64" && var("CARGO_CFG_TARGET_OS") != "windows");
    // Instrumentation puts calls after the sibling calls, or stack frames around them.
    let flags = var("CARGO_ENCODED_RUSTFLAGS");
    let instrumented = ["sanitizer", "sancov", "instrument-coverage"];
    let plain = std::env::var_os("CARGO_CFG_MIRI").is_none()
        && !instrumented.iter().any(|flag| flags.contains(flag));
    match var("LINEAL_DISPATCH").as_str() {
        "loop" => {}
        "" if optimised && known_target && plain => println!("cargo::rustc-cfg=lineal_tail_calls"),
        "tail" if optimised && known_target => println!("cargo::rustc-cfg=lineal_tail_calls"),
        "tail" => panic!("LINEAL_DISPATCH=tail needs opt-level 2 or 3 on x86-64 or AArch64"),
        "" => {}
        other => panic!("LINEAL_DISPATCH={other}: expected `tail` or `loop`"),
    }
}
