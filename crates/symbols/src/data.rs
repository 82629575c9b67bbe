//! Data symbols: names for ranges of memory.

use std::cmp::Reverse;
use std::ops::Range;

use lineal_decoder::{ConstOp, Module as Decoded, SegmentMode};

/// A variable with a fixed address, or a named data segment.
///
/// See [`Symbols::data`](crate::Symbols::data).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataSymbol {
    name: Box<str>,
    memory: u32,
    addr: u64,
    len_bytes: u64,
    is_segment: bool,
}

impl DataSymbol {
    /// A variable; without a size, it takes one byte.
    #[cfg(feature = "debug-info")]
    pub(super) fn variable(name: String, addr: u64, len_bytes: Option<u64>) -> DataSymbol {
        let len_bytes = len_bytes.unwrap_or(1).max(1);
        // Compilers for WebAssembly know of one memory only.
        DataSymbol { name: name.into(), memory: 0, addr, len_bytes, is_segment: false }
    }

    /// What the source calls it, demangled: `counter`, `game::score`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The index of the memory it lies in.
    pub fn memory(&self) -> u32 {
        self.memory
    }

    /// The addresses that it takes, in bytes.
    pub fn range(&self) -> Range<u64> {
        self.addr..self.addr.saturating_add(self.len_bytes)
    }

    /// Whether it is a data segment, and not a variable.
    pub fn is_segment(&self) -> bool {
        self.is_segment
    }

    /// Whether a name means this symbol: the whole name, or what comes after its last `::`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let last = || self.name.rsplit("::").next();
        *self.name == *name || (!self.is_segment && last() == Some(name))
    }
}

/// Puts the variables and the named segments in order: by memory and address, a range before those
/// inside it.
pub(super) fn collect(module: &Decoded, variables: Vec<DataSymbol>) -> Box<[DataSymbol]> {
    let mut symbols = variables;
    symbols.extend(segments(module));
    symbols.sort_by_key(|symbol| {
        let size = (Reverse(symbol.len_bytes), !symbol.is_segment);
        (symbol.memory, symbol.addr, size, symbol.name.clone())
    });
    symbols.dedup();
    symbols.into()
}

/// The data segments that have a name and a constant address.
fn segments(module: &Decoded) -> impl Iterator<Item = DataSymbol> {
    module.data.iter().enumerate().filter_map(|(index, segment)| {
        let name = module.names().data(index as u32)?;
        let SegmentMode::Active { target, offset } = &segment.mode else { return None };
        let addr = match *offset.ops() {
            [ConstOp::I32Const(addr)] => u64::from(addr as u32),
            [ConstOp::I64Const(addr)] => addr as u64,
            _ => return None,
        };
        let len_bytes = segment.range.len() as u64;
        Some(DataSymbol { name: name.into(), memory: *target, addr, len_bytes, is_segment: true })
    })
}

/// The smallest symbol that holds an address, among those of [`collect`]; a variable if one does.
pub(super) fn at(symbols: &[DataSymbol], memory: u32, addr: u64) -> Option<&DataSymbol> {
    let after = symbols.partition_point(|symbol| (symbol.memory, symbol.addr) <= (memory, addr));
    let candidates = symbols[..after].iter().rev().take_while(|symbol| symbol.memory == memory);
    let holds = candidates.filter(|symbol| symbol.range().contains(&addr));
    holds.min_by_key(|symbol| (symbol.is_segment, symbol.len_bytes))
}
