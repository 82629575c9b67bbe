//! Lines of the source and variables by address. The modules, and what llvm-symbolizer says of
//! them, come from `programs/build.sh`.

mod answers;
mod damaged;
mod data_symbols;
mod source_map;

use std::path::PathBuf;

use lineal_decoder::{Features, Module};
use lineal_symbols::{DataSymbol, FrameSymbol, Symbols};

/// A file of `programs`.
fn program(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/symbols/programs", name].iter().collect()
}

/// A module with its symbols.
struct Loaded {
    module: Module,
    symbols: Symbols,
}

impl Loaded {
    fn new(bytes: &[u8]) -> Loaded {
        let module = Module::from_binary(bytes, &Features::default()).unwrap();
        Loaded { module, symbols: Symbols::default() }
    }

    fn file(name: &str) -> Loaded {
        Loaded::new(&std::fs::read(program(name)).unwrap())
    }

    fn locate(&self, offset: usize) -> Vec<FrameSymbol> {
        self.symbols.locate(&self.module, None, offset)
    }

    fn data(&self) -> &[DataSymbol] {
        self.symbols.data(&self.module)
    }

    fn data_named(&self, name: &str) -> Option<&DataSymbol> {
        self.symbols.data_named(&self.module, name)
    }

    fn data_at(&self, memory: u32, addr: u64) -> Option<&DataSymbol> {
        self.symbols.data_at(&self.module, memory, addr)
    }

    /// The contents of memory at an address, as the data segments have it.
    fn bytes_at(&self, addr: u64, len: usize) -> &[u8] {
        let segments = self.module.data.iter().enumerate();
        let found = segments.filter_map(|(index, segment)| {
            let lineal_decoder::SegmentMode::Active { offset, .. } = &segment.mode else {
                return None;
            };
            let [lineal_decoder::ConstOp::I32Const(start)] = *offset.ops() else { return None };
            let at = addr.checked_sub(u64::from(start as u32))? as usize;
            self.module.data_bytes(index as u32).get(at..at + len)
        });
        found.last().unwrap()
    }
}
