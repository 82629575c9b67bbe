//! Translates what moves bytes within vectors, for processors that have an instruction for it.

use std::arch::is_x86_feature_detected;

use super::moves::{VectorSources, vector_sources};
use super::{VectorPairs, granules, vector_pairs};
use crate::exec::vector::bytes::{FastShuffle, FastSwizzle, ShuffleOne, indices};
use crate::machine::operand::{Acc, SlotA, SlotB, Src};
use crate::machine::{Handler, Vector, handler};
use crate::translate::Translator;
use crate::translate::emit::Fields;

/// Handlers of a shuffle of one vector.
struct ShuffleTable;

impl ShuffleTable {
    const fn by_source<A: Src<Vector>>() -> Handler {
        handler::<ShuffleOne<A>>()
    }

    const BY_SOURCE: &'static VectorSources<Handler> = &vector_sources!(by_source);
}

impl Translator<'_> {
    /// Whether the processor can. Without optimisations bytes move one at a time, so that what other
    /// processors do can be tested here.
    fn can_shuffle(&self) -> bool {
        self.function.options.optimizations.fuse && is_x86_feature_detected!("ssse3")
    }

    /// Translates a shuffle, if the processor can do it.
    pub(super) fn fast_shuffle(&mut self, lanes: [u8; 16]) -> bool {
        if !self.can_shuffle() {
            return false;
        }
        let b = self.pop_vector();
        let a = self.pop_vector();
        let one = match () {
            () if a == b || lanes.iter().all(|&lane| lane < 16) => Some(a),
            () if lanes.iter().all(|&lane| lane >= 16) => Some(b),
            () => None,
        };
        if let Some(slot) = one {
            let [low, high] = granules(lanes.map(|lane| lane % 16));
            let (source, a) = self.vector_source(slot, 1);
            let fields = Fields { a, wide: Some(low), ..Fields::default() };
            self.define_vector(*ShuffleTable::BY_SOURCE.at(source), fields, &[high]);
            return true;
        }
        let [[low, high], second] = indices(lanes).map(granules);
        let (pair, fields) = self.vector_pair(a, b);
        let handler = *vector_pairs!(FastShuffle).at(pair);
        let fields = Fields { wide: Some(low), ..fields };
        self.define_vector(handler, fields, &[high, second[0], second[1]]);
        true
    }

    /// Translates `i8x16.swizzle`, if the processor can do it.
    pub(super) fn fast_swizzle(&mut self) -> bool {
        if !self.can_shuffle() {
            return false;
        }
        let (pair, fields) = self.pop_two_vectors();
        self.define_vector(*vector_pairs!(FastSwizzle).at(pair), fields, &[]);
        true
    }
}
