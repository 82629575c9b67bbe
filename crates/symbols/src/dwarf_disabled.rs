//! Without the feature `debug-info`, DWARF is not read.

use lineal_decoder::Module as Decoded;

use super::{DataSymbol, FrameSymbol};

/// The index of no debug information.
#[derive(Debug)]
pub(super) enum Index {}

impl Index {
    pub(super) fn read(_: &Decoded) -> Option<Index> {
        None
    }

    pub(super) fn locate(&self, _: &Decoded, _: u64) -> Vec<FrameSymbol> {
        match *self {}
    }
}

/// No variables.
pub(super) fn variables(_: &Decoded) -> Vec<DataSymbol> {
    Vec::new()
}
