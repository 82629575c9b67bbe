//! What is said of imports that nothing provides.

use std::fmt::Write as _;

use lineal::{Escaped, ExternType, ImportType};

use crate::inspect::kind_and_type;
use crate::source::Source;

/// Lists the imports that are unknown, and what would provide them.
pub(crate) fn unknown(source: &Source, imports: &[ImportType<'_>]) -> String {
    let count = imports.len();
    let what = if count == 1 { "an unknown import" } else { "unknown imports" };
    let mut message = format!("{source} has {what}");
    for import in imports {
        let (module, name) = (Escaped(import.module()), Escaped(import.name()));
        let (kind, ty) = kind_and_type(&(&import.ty()).into());
        let _ = write!(message, "\n  unknown import: {module}.{name} ({kind} {ty})");
    }
    let mut said = Vec::new();
    for import in imports {
        if let Some(hint) = provider(import)
            && !said.contains(&hint)
        {
            let _ = write!(message, "\n  hint: {hint}");
            said.push(hint);
        }
    }
    message
}

/// What would provide an import, if that is known.
fn provider(import: &ImportType<'_>) -> Option<&'static str> {
    let (module, name) = (import.module(), import.name());
    let shared = matches!(import.ty(), ExternType::Memory(ty) if ty.is_shared());
    Some(match module {
        "wasi" if name == "thread-spawn" => "allow threads with -S threads=y, before the file",
        _ if shared => "a shared memory is provided with -S threads=y, before the file",
        "wasi_snapshot_preview1" | "wasi_unstable" => {
            "WASI preview 1 has no such function: the program may need a newer version of WASI"
        }
        _ if module.starts_with("wasi:") => {
            "this is WASI preview 2, which needs components: build for wasm32-wasip1"
        }
        "wbg" | "__wbindgen_placeholder__" => {
            "this was built by wasm-bindgen for a page in a browser: build for wasm32-wasip1"
        }
        "go" | "gojs" => "this was built by Go for a page in a browser: build with GOOS=wasip1",
        "env" if name.starts_with("emscripten_") || name.starts_with("_emscripten_") => {
            "this was built by Emscripten for a page in a browser: build with -sSTANDALONE_WASM"
        }
        "spectest" => "scripts of the test suite provide it: run them with `lineal wast`",
        _ => {
            "`lineal script` can define functions, memories, tables and globals for a module; with \
             -W unknown-imports-trap, before the file, functions fail only when they are called"
        }
    })
}
