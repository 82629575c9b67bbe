//! The kernels of `benches/guest`: small functions in the text format, each of which does one
//! thing with memory.

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

impl Kernel {
    /// How many bytes one pass moves, of every kernel.
    pub const PASS_BYTES: u64 = 64 << 10;

    /// The names of the files, without `grow`, whose function works in another way.
    pub const FILES: [&str; 7] =
        ["loads", "stores", "addressing", "bulk", "pointers", "structs", "stack"];

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
