//! `-W`: which proposals of WebAssembly are accepted, and what becomes of unknown imports.

use anyhow::{Error, Result, bail};
use lineal_decoder::Features;

/// The options about WebAssembly itself.
#[derive(Debug, clap::Args)]
// Part of a command's options, which have a group of that name already.
#[group(skip)]
#[command(next_help_heading = "Options for the module, before FILE")]
pub(crate) struct Options {
    /// Accept a proposal of WebAssembly or not: `-W wide-arithmetic=y`, `-W simd=n`, `-W all`. What
    /// is said last counts. WebAssembly 3.0 and threads are accepted anyway. With
    /// `-W unknown-imports-trap`, a function that nothing provides fails when it is called; with
    /// `-W unknown-imports-default`, it returns zeros, and memories, tables and globals are empty
    #[arg(
        short = 'W',
        long = "wasm",
        value_name = "NAME[=y|n]",
        value_delimiter = ',',
        value_parser = switch
    )]
    wasm: Vec<Switch>,
}

type Set = fn(&mut Features, bool) -> &mut Features;

/// What is switched on or off.
#[derive(Clone, Copy, Debug)]
struct Switch {
    what: What,
    enable: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// A proposal; all of them for no name.
    Proposal(Option<&'static str>),
    UnknownImports(UnknownImports),
}

/// What becomes of imports that nothing provides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnknownImports {
    /// The module cannot be instantiated.
    #[default]
    Refused,
    /// Functions fail when they are called.
    Traps,
    /// Everything is empty or zero.
    Defaults,
}

/// The proposals by Wasmtime's names for them, by those of their repositories where these are
/// others, and how to switch them.
const PROPOSALS: [(&str, &str, Set); 18] = [
    ("bulk-memory", "bulk-memory-operations", Features::wasm_bulk_memory),
    ("custom-page-sizes", "", Features::wasm_custom_page_sizes),
    ("exceptions", "exception-handling", Features::wasm_exceptions),
    ("extended-const", "", Features::wasm_extended_const),
    ("function-references", "", Features::wasm_function_references),
    ("gc", "", Features::wasm_gc),
    ("memory64", "", Features::wasm_memory64),
    ("multi-memory", "", Features::wasm_multi_memory),
    ("multi-value", "", Features::wasm_multi_value),
    ("mutable-global", "", Features::wasm_mutable_global),
    ("reference-types", "", Features::wasm_reference_types),
    ("relaxed-simd", "", Features::wasm_relaxed_simd),
    (
        "saturating-float-to-int",
        "nontrapping-float-to-int-conversions",
        Features::wasm_saturating_float_to_int,
    ),
    ("sign-extension", "sign-extension-ops", Features::wasm_sign_extension),
    ("simd", "", Features::wasm_simd),
    ("tail-call", "", Features::wasm_tail_call),
    ("threads", "", Features::wasm_threads),
    ("wide-arithmetic", "", Features::wasm_wide_arithmetic),
];

impl Options {
    /// What is accepted.
    pub(crate) fn features(&self) -> Features {
        let mut features = Features::default();
        for switch in &self.wasm {
            let What::Proposal(wanted) = switch.what else { continue };
            for (name, _, set) in PROPOSALS {
                if wanted.is_none_or(|wanted| wanted == name) {
                    set(&mut features, switch.enable);
                }
            }
        }
        features
    }

    /// What becomes of imports that nothing provides.
    pub(crate) fn unknown_imports(&self) -> UnknownImports {
        let said = self.wasm.iter().rev().find_map(|switch| match switch.what {
            What::UnknownImports(wanted) if switch.enable => Some(wanted),
            What::UnknownImports(_) => Some(UnknownImports::Refused),
            What::Proposal(_) => None,
        });
        said.unwrap_or_default()
    }
}

fn switch(text: &str) -> Result<Switch> {
    let (name, value) = text.split_once('=').unwrap_or((text, "y"));
    let enable = yes_or_no(value)?;
    let what = match name {
        "all" | "all-proposals" => What::Proposal(None),
        "unknown-imports-trap" => What::UnknownImports(UnknownImports::Traps),
        "unknown-imports-default" => What::UnknownImports(UnknownImports::Defaults),
        name => What::Proposal(Some(proposal(name)?)),
    };
    Ok(Switch { what, enable })
}

/// A proposal's name.
fn proposal(name: &str) -> Result<&'static str> {
    let known = PROPOSALS.iter().find(|proposal| proposal.0 == name || proposal.1 == name);
    let Some(&(name, ..)) = known.filter(|_| !name.is_empty()) else {
        let names: Vec<&str> = PROPOSALS.iter().map(|proposal| proposal.0).collect();
        bail!(
            "`{name}` is not a proposal: expected all, {}, unknown-imports-trap or \
             unknown-imports-default",
            names.join(", ")
        );
    };
    Ok(name)
}

/// The value of a switch.
pub(crate) fn yes_or_no(value: &str) -> Result<bool> {
    match value {
        "y" | "yes" | "true" | "on" => Ok(true),
        "n" | "no" | "false" | "off" => Ok(false),
        value => bail!("`{value}` is neither y nor n"),
    }
}

/// Names the option that lets a module be accepted, if there is one.
pub(crate) fn explain(error: Error) -> Error {
    let missing = error.downcast_ref::<lineal_decoder::Error>().and_then(|e| e.missing_proposal());
    let Some(missing) = missing else { return error };
    match PROPOSALS.iter().find(|proposal| proposal.0 == missing || proposal.1 == missing) {
        Some((name, ..)) => error.context(format!(
            "the module needs the proposal {missing}, which is off: switch it on with -W {name}"
        )),
        None => error.context(format!(
            "the module needs the proposal {missing}, which Lineal does not implement"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(switches: &[&str]) -> Features {
        let wasm = switches.iter().map(|text| switch(text).unwrap()).collect();
        Options { wasm }.features()
    }

    #[test]
    fn what_is_said_last_counts() {
        assert_eq!(features(&[]), Features::default());
        assert_eq!(features(&["simd=n", "simd"]), Features::default());
        assert_ne!(features(&["simd=n"]), Features::default());
        assert_eq!(features(&["simd=n"]), *Features::default().wasm_simd(false));
        // By either name.
        assert_eq!(features(&["exceptions=n"]), features(&["exception-handling=n"]));
        let mut all = Features::default();
        all.wasm_wide_arithmetic(true).wasm_custom_page_sizes(true);
        assert_eq!(features(&["all"]), all);
        assert_eq!(features(&["all", "gc=n"]), *all.wasm_gc(false));
        assert!(Features::wasm1().contains(&features(&["all=n"])));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for text in ["", "=y", "sind", "simd=maybe", "simd=", "component-model"] {
            assert!(switch(text).is_err(), "{text}");
        }
        let error = switch("sind").unwrap_err().to_string();
        assert!(error.starts_with("`sind` is not a proposal: expected all, bulk-memory, "));
    }
}
