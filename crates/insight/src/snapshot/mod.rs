//! Snapshots of a guest's memory at an event, and the difference between two of them.
//!
//! A [`Snapshotter`] takes a [`Snapshot`]; [`Difference`] compares two.

mod diff;
mod file;
mod take;

use std::collections::BTreeMap;
use std::ops::Range;

pub use diff::{BlockChange, Change, Difference};
pub use file::SnapshotError;
pub use take::Snapshotter;

/// How many bytes a page of a snapshot has. Pages of zeros are left out.
const PAGE_BYTES: u64 = 4096;

/// The memories of a guest at a moment, and what is known of what lies in the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken.
    pub event: String,
    /// The memories of the module, in order.
    pub memories: Vec<Image>,
    /// The parts of memory 0: the range, its kind, and its name.
    pub regions: Vec<(Range<u64>, String, Option<String>)>,
    /// Variables of memory 0 with fixed addresses.
    pub symbols: Vec<(Range<u64>, String)>,
    /// The heap's blocks, by address.
    pub blocks: Vec<SnapshotBlock>,
}

/// A heap block in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBlock {
    /// Where it begins.
    pub addr: u64,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Which allocation of the run it was.
    pub serial: u64,
    /// Where it was allocated, innermost first.
    pub stack: Vec<crate::check::Frame>,
}

/// The contents of a memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its size.
    pub len_bytes: u64,
    /// The pages that are not all zeros, by address.
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Image {
    /// The byte at an address; 0 outside of the memory.
    pub fn byte(&self, addr: u64) -> u8 {
        let page = self.pages.get(&(addr & !(PAGE_BYTES - 1)));
        page.and_then(|page| page.get((addr % PAGE_BYTES) as usize)).copied().unwrap_or(0)
    }

    /// Fills a buffer with the bytes from an address on.
    pub fn read(&self, addr: u64, buffer: &mut [u8]) {
        for (at, byte) in (addr..).zip(buffer) {
            *byte = self.byte(at);
        }
    }

    /// Gives it a size and contents.
    #[cfg(test)]
    pub(crate) fn fill(&mut self, len_bytes: u64, byte: impl Fn(u64) -> u8) {
        self.len_bytes = len_bytes;
        for addr in (0..len_bytes).step_by(PAGE_BYTES as usize) {
            let page: Vec<u8> = (addr..addr + PAGE_BYTES).map(&byte).collect();
            self.keep(addr, &page);
        }
    }

    /// Keeps a page, unless it is all zeros.
    fn keep(&mut self, addr: u64, page: &[u8]) {
        if page.iter().any(|&byte| byte != 0) {
            self.pages.insert(addr, page.to_vec());
        }
    }
}
