//! Symbols of WebAssembly modules: which lines of source a place in the code comes from, and which
//! variables lie where in memory.
//!
//! ```text
//! Symbols ─┬─ dwarf       lines, inlined functions, variables: the `.debug_*` sections
//!          ├─ source_map  lines: the file that the section `sourceMappingURL` names
//!          └─ data        variables: those of DWARF, and the named data segments
//! ```
//!
//! All of it is read when first asked for. Debug information has no meaning to WebAssembly and may
//! say anything: what is wrong with it is ignored, and reading it takes time in proportion to its
//! size.
//!
//! ```
//! use lineal_decoder::{Features, Module};
//! use lineal_symbols::Symbols;
//!
//! let module = br#"(module (memory 1) (data $greeting (i32.const 16) "hello"))"#;
//! let module = Module::new(module, &Features::default())?;
//! let symbols = Symbols::default();
//! assert_eq!(symbols.data_at(&module, 0, 18).unwrap().name(), "greeting");
//! # Ok::<(), lineal_decoder::Error>(())
//! ```
//!
//! # Features
//!
//! - `debug-info` (default): DWARF and source maps are read, and names demangled. Without it, data
//!   segments have names, and nothing else is known.

#![forbid(unsafe_code)]

mod data;
#[cfg(feature = "debug-info")]
mod demangle;
#[cfg(not(feature = "debug-info"))]
#[path = "demangle_disabled.rs"]
mod demangle;
#[cfg(feature = "debug-info")]
mod dwarf;
#[cfg(not(feature = "debug-info"))]
#[path = "dwarf_disabled.rs"]
mod dwarf;
#[cfg(feature = "debug-info")]
mod source_map;
#[cfg(not(feature = "debug-info"))]
#[path = "source_map_disabled.rs"]
mod source_map;

use std::path::Path;
use std::sync::OnceLock;

use lineal_decoder::Module as Decoded;

pub use data::DataSymbol;
pub use demangle::demangle;

/// A place in the source that a place in the code comes from.
///
/// See [`Symbols::locate`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameSymbol {
    name: Option<Box<str>>,
    file: Option<Box<str>>,
    line: Option<u32>,
    column: Option<u32>,
}

impl FrameSymbol {
    /// The name of the function that the source calls it by, demangled; `None` if the debug
    /// information does not say.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The source file, as the compiler was told it.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in [`file`](Self::file), counted from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column in [`line`](Self::line), counted from 1.
    pub fn column(&self) -> Option<u32> {
        self.column
    }
}

/// What a module's debug information says, as far as somebody asked. The module is given to each
/// method, and is always the same one.
#[derive(Debug, Default)]
pub struct Symbols {
    dwarf: OnceLock<Option<dwarf::Index>>,
    source_map: OnceLock<Option<source_map::SourceMap>>,
    data: OnceLock<Box<[DataSymbol]>>,
}

impl Symbols {
    /// Where the instruction at an offset in the binary comes from: the innermost inlined function
    /// first, the function itself last. Empty if nothing is known.
    ///
    /// `file` is the file that the module came from, next to which its source map is looked for.
    pub fn locate(&self, module: &Decoded, file: Option<&Path>, offset: usize) -> Vec<FrameSymbol> {
        if module.func_at(offset).is_none() {
            return Vec::new();
        }
        let address = (offset - module.code_section.start) as u64;
        let dwarf = self.dwarf.get_or_init(|| dwarf::Index::read(module));
        let symbols = dwarf.as_ref().map(|index| index.locate(module, address));
        match symbols {
            Some(symbols) if !symbols.is_empty() => symbols,
            _ => {
                let map = || source_map::SourceMap::load(module, file);
                let map = self.source_map.get_or_init(map).as_ref();
                map.and_then(|map| map.locate(offset)).into_iter().collect()
            }
        }
    }

    /// The variables with a fixed address and the named data segments, by memory and address.
    pub fn data(&self, module: &Decoded) -> &[DataSymbol] {
        self.data.get_or_init(|| data::collect(module, dwarf::variables(module)))
    }

    /// The variable or data segment with a name. `game::score` is found by its whole name and by
    /// `score`; where several are called so, this is one whose whole name it is, or else the first.
    pub fn data_named(&self, module: &Decoded, name: &str) -> Option<&DataSymbol> {
        let symbols = self.data(module);
        let whole = symbols.iter().find(|symbol| symbol.name() == name);
        whole.or_else(|| symbols.iter().find(|symbol| symbol.is_called(name)))
    }

    /// What lies at an address of a memory: the smallest variable that holds it, or else the
    /// smallest data segment.
    pub fn data_at(&self, module: &Decoded, memory: u32, addr: u64) -> Option<&DataSymbol> {
        data::at(self.data(module), memory, addr)
    }
}

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
