//! Without the feature `debug-info`, source maps are not read.

use std::path::Path;

use lineal_decoder::Module as Decoded;

use super::FrameSymbol;

/// No source map.
#[derive(Debug)]
pub(super) enum SourceMap {}

impl SourceMap {
    pub(super) fn load(_: &Decoded, _: Option<&Path>) -> Option<SourceMap> {
        None
    }

    pub(super) fn locate(&self, _: usize) -> Option<FrameSymbol> {
        match *self {}
    }
}
