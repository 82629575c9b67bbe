//! [`Lately`]: which bytes at the ends of blocks were found to be inside them lately.

use std::ops::Range;

use crate::alloc::Block;

/// How many granules are remembered: the number is a power of two.
const ENTRIES: usize = 1024;

/// A granule of 8 bytes, and which of them are inside a block.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    granule: u64,
    /// How often blocks had changed when this was found out.
    changes: u64,
    inside: u8,
}

/// Where a block ends within a granule, every access to that granule is reported, and programs that
/// work on short strings make many of them. Only the granules seen last are remembered, each in one
/// place.
#[derive(Debug)]
pub(super) struct Lately(Box<[Entry; ENTRIES]>);

impl Default for Lately {
    fn default() -> Lately {
        Lately(Box::new([Entry::default(); ENTRIES]))
    }
}

/// The bytes of a granule that a range has, as bits.
fn bits(granule: u64, range: &Range<u64>) -> u8 {
    let first = granule * 8;
    let start = range.start.saturating_sub(first).min(8);
    let end = range.end.saturating_sub(first).min(8);
    if start >= end { 0 } else { (0xff_u16 >> (8 - (end - start)) << start) as u8 }
}

impl Lately {
    /// Whether a range is inside a block as far as is remembered, if blocks have changed that often.
    pub(super) fn is_inside(&self, range: &Range<u64>, changes: u64) -> bool {
        let granule = range.start / 8;
        let entry = &self.0[granule as usize % ENTRIES];
        let bits = bits(granule, range);
        entry.granule == granule
            && entry.changes == changes
            && range.end <= granule * 8 + 8
            && bits & !entry.inside == 0
            && bits != 0
    }

    /// Remembers the granule of an address which is in a block.
    pub(super) fn remember(&mut self, block: &Block, addr: u64, changes: u64) {
        let granule = addr / 8;
        let inside = bits(granule, &(block.first()..block.end()));
        self.0[granule as usize % ENTRIES] = Entry { granule, changes, inside };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::Family;

    #[test]
    fn only_what_is_inside_is_remembered() {
        let block = Block::new(Family::C, 100, 6, 0, 0);
        let mut lately = Lately::default();
        assert!(!lately.is_inside(&(100..104), 0));
        lately.remember(&block, 100, 1);
        assert!(lately.is_inside(&(100..104), 1) && lately.is_inside(&(101..102), 1));
        // Before it, across a granule's end, of another granule, after a change.
        for (range, changes) in
            [(99..100, 1), (98..102, 1), (100..106, 1), (104..106, 1), (100..104, 2)]
        {
            assert!(!lately.is_inside(&range, changes), "{range:?}");
        }
        lately.remember(&block, 104, 1);
        assert!(lately.is_inside(&(104..106), 1) && !lately.is_inside(&(104..107), 1));
        // A granule that falls into the same place.
        let far = Block::new(Family::C, 100 + 8 * ENTRIES as u64, 6, 0, 0);
        lately.remember(&far, far.addr, 1);
        assert!(!lately.is_inside(&(100..104), 1));
        assert!(!Lately::default().is_inside(&(0..4), 0));
        assert!(!lately.is_inside(&(100..100), 1));
    }
}
