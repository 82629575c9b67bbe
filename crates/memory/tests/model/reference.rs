//! The model.

use super::kind::Kind;

/// A memory as it should be.
pub(crate) struct Model {
    pub(crate) bytes: Vec<u8>,
    pub(crate) page_bytes: u64,
    max_bytes: u128,
}

impl Model {
    /// The model of a memory that cannot grow beyond `capacity_bytes`, whatever its type says.
    pub(crate) fn new(kind: &Kind, capacity_bytes: u64) -> Model {
        let page_bytes = kind.page_size.bytes();
        let maximum_bytes = u128::from(kind.maximum * page_bytes);
        Model {
            bytes: vec![0; (kind.minimum * page_bytes) as usize],
            page_bytes,
            max_bytes: maximum_bytes
                .min(kind.max_bytes.map_or(u128::MAX, u128::from))
                .min(capacity_bytes.into()),
        }
    }

    /// The bytes of an access, if it is in bounds.
    pub(crate) fn get(&self, addr: u64, offset: u64, len: u128) -> Option<&[u8]> {
        let start = u128::from(addr) + u128::from(offset);
        if start + len > self.bytes.len() as u128 {
            return None;
        }
        Some(&self.bytes[start as usize..][..len as usize])
    }

    /// Writes if it is in bounds, and says whether it was.
    pub(crate) fn set(&mut self, addr: u64, offset: u64, new: &[u8]) -> bool {
        if self.get(addr, offset, new.len() as u128).is_none() {
            return false;
        }
        let start = (addr + offset) as usize;
        self.bytes[start..start + new.len()].copy_from_slice(new);
        true
    }

    pub(crate) fn grow(&mut self, delta: u64) -> Option<u64> {
        let old_pages = self.bytes.len() as u64 / self.page_bytes;
        let new_bytes = (u128::from(old_pages) + u128::from(delta)) * u128::from(self.page_bytes);
        if new_bytes > self.max_bytes {
            return None;
        }
        self.bytes.resize(new_bytes as usize, 0);
        Some(old_pages)
    }
}
