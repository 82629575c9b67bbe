//! Which bytes were never written since their block was allocated.

use std::collections::HashMap;
use std::ops::Range;

use crate::alloc::Block;

/// Bytes of a page of the bitmap.
const PAGE: u64 = 4096;

/// Undefined bytes that the host reads.
pub(super) struct Undefined {
    /// The first of them.
    pub(super) first: u64,
    /// How many there are.
    pub(super) count: u64,
    /// The block that they are in.
    pub(super) block: Option<Block>,
}

/// A set of addresses: a bit for each byte of the pages that have any.
#[derive(Debug, Default)]
pub(super) struct UndefinedBytes {
    pages: HashMap<u64, Box<[u64; PAGE as usize / 64]>>,
}

impl UndefinedBytes {
    /// Adds a range.
    pub(super) fn add(&mut self, range: Range<u64>) {
        for (page, start, end) in pieces(range) {
            let bits = self.pages.entry(page).or_insert_with(|| Box::new([0; 64]));
            for_words(start, end, |word, mask| bits[word] |= mask);
        }
    }

    /// Removes a range.
    pub(super) fn remove(&mut self, range: Range<u64>) {
        for (page, start, end) in pieces(range) {
            if let Some(bits) = self.pages.get_mut(&page) {
                for_words(start, end, |word, mask| bits[word] &= !mask);
            }
        }
    }

    /// The addresses of a range that are in the set.
    fn iter(&self, range: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        pieces(range).flat_map(move |(page, start, end)| {
            let bits = self.pages.get(&page);
            let has = move |at: &u64| {
                bits.is_some_and(|bits| bits[*at as usize / 64] >> (at % 64) & 1 != 0)
            };
            (start..end).filter(has).map(move |at| page * PAGE + at)
        })
    }

    /// Removes a range and returns what of it was in the set.
    pub(super) fn take(&mut self, range: Range<u64>) -> Vec<u64> {
        let taken = self.iter(range.clone()).collect();
        self.remove(range);
        taken
    }

    /// Whether any address of a range is in the set.
    pub(super) fn any(&self, range: Range<u64>) -> bool {
        self.iter(range).next().is_some()
    }

    /// The first address of a range that is in the set, and how many are.
    pub(super) fn first(&self, range: Range<u64>) -> Option<(u64, u64)> {
        let mut addresses = self.iter(range);
        let first = addresses.next()?;
        Some((first, 1 + addresses.count() as u64))
    }
}

/// The parts of a range in each page.
fn pieces(range: Range<u64>) -> impl Iterator<Item = (u64, u64, u64)> {
    let pages = if range.is_empty() { 0..0 } else { range.start / PAGE..range.end.div_ceil(PAGE) };
    pages.map(move |page| {
        let start = range.start.saturating_sub(page * PAGE);
        (page, start, (range.end - page * PAGE).min(PAGE))
    })
}

/// Calls a function with each word of a page that a range touches, and the bits in it.
fn for_words(start: u64, end: u64, mut each: impl FnMut(usize, u64)) {
    let mut at = start;
    while at < end {
        let next = ((at / 64 + 1) * 64).min(end);
        let count = next - at;
        let mask = if count == 64 { u64::MAX } else { ((1 << count) - 1) << (at % 64) };
        each((at / 64) as usize, mask);
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_naive_set() {
        let mut bytes = UndefinedBytes::default();
        let mut model = vec![false; 3 * PAGE as usize];
        let mut random = 7_u64;
        for _ in 0..2000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let start = (random >> 20) % (2 * PAGE);
            let end = start + (random >> 40) % 200;
            let undefined = random >> 63 == 0;
            if undefined {
                bytes.add(start..end)
            } else {
                bytes.remove(start..end)
            }
            model[start as usize..end as usize].fill(undefined);
            let first = (start..end + 50).find(|&at| model[at as usize]);
            let count = (start..end + 50).filter(|&at| model[at as usize]).count() as u64;
            assert_eq!(bytes.first(start..end + 50), first.map(|first| (first, count)));
        }
    }
}
