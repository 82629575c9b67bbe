//! The kernels of `benches/guest`: small functions in the text format, each of which does one
//! thing, with memory or with something else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lineal::ExternType;

/// A function in one of the files.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The file's name without the ending.
    pub file: String,
    /// The function's name. It takes a number of passes and returns a checksum.
    pub export: String,
    /// The module in the binary format.
    pub wasm: Vec<u8>,
}

/// What one pass of a kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It moves so many bytes.
    Bytes(u64),
    /// It does so many operations, which the comments in the file describe.
    Operations(u64),
}

impl Kernel {
    /// Files whose functions move bytes, without `grow`, whose function works in another way.
    const MEMORY_FILES: [&str; 11] = [
        "loads",
        "stores",
        "addressing",
        "bulk",
        "pointers",
        "structs",
        "stack",
        "plain",
        "shared",
        "wide",
        "second",
    ];

    /// Files whose functions count operations. Not all engines know all of their instructions.
    const OPERATION_FILES: [&str; 7] =
        ["globals", "tables", "references", "tail_calls", "exceptions", "collected", "host_calls"];

    /// The names of all files except `grow`, each with what one pass of its functions does.
    pub fn files() -> impl Iterator<Item = (&'static str, Work)> {
        let memory = Kernel::MEMORY_FILES.map(|file| (file, Work::Bytes(64 << 10)));
        let operations = Kernel::OPERATION_FILES.map(|file| (file, Work::Operations(1 << 10)));
        memory.into_iter().chain(operations)
    }

    /// All functions that a file exports.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is no module.
    pub fn all_in(file: &str) -> Result<Vec<Kernel>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest").join(file);
        let wasm = Kernel::assemble(&path.with_extension("wat"))?;
        let module = lineal::Module::from_binary(&lineal::Engine::default(), &wasm)?;
        let functions =
            module.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
        Ok(functions
            .map(|function| Kernel {
                file: file.to_owned(),
                export: function.name().to_owned(),
                wasm: wasm.clone(),
            })
            .collect())
    }

    fn assemble(path: &Path) -> Result<Vec<u8>> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        wat::parse_str(text).with_context(|| format!("assembling {}", path.display()))
    }
}
