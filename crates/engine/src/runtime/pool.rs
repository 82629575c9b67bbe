//! Memory for the parts of small objects: cells of a few words each, from blocks that stay the
//! store's.

use std::ptr::{self, NonNull};

use super::room;

/// The most words that a cell has.
pub(crate) const MAX_CELL_WORDS: usize = 8;

/// How many words a block has.
const BLOCK_WORDS: usize = 4096;

/// Cells of up to [`MAX_CELL_WORDS`] words.
pub(crate) struct Pool {
    /// The free cells of each size: the first word of each says which is the next.
    free: [*mut u64; MAX_CELL_WORDS + 1],
    /// What is left of the last block.
    next: *mut u64,
    rest_words: usize,
    /// All blocks, each a leaked box.
    blocks: Vec<*mut [u64]>,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool {
            free: [ptr::null_mut(); MAX_CELL_WORDS + 1],
            next: ptr::null_mut(),
            rest_words: 0,
            blocks: Vec::new(),
        }
    }
}

impl Pool {
    /// A cell with so many words, whatever they hold; `None` if there are too many, or the host has
    /// no room.
    pub(crate) fn take(&mut self, words: usize) -> Option<NonNull<u64>> {
        match words {
            0 => Some(NonNull::dangling()),
            1..=MAX_CELL_WORDS => self.take_ready(words).or_else(|| {
                self.add_block()?;
                self.take_ready(words)
            }),
            _ => None,
        }
    }

    /// A cell of 1 to [`MAX_CELL_WORDS`] words, if there is one without a new block.
    #[inline(always)]
    pub(crate) fn take_ready(&mut self, words: usize) -> Option<NonNull<u64>> {
        let cell = self.free[words];
        if !cell.is_null() {
            // SAFETY: the first word of a free cell is the next free one.
            self.free[words] = ptr::with_exposed_provenance_mut(unsafe { cell.read() } as usize);
            return NonNull::new(cell);
        }
        let rest_words = self.rest_words.checked_sub(words)?;
        let cell = self.next;
        self.rest_words = rest_words;
        self.next = cell.wrapping_add(words);
        NonNull::new(cell)
    }

    /// Makes another block the one that cells are cut off.
    #[cold]
    fn add_block(&mut self) -> Option<()> {
        self.blocks.try_reserve(1).ok()?;
        let block = Box::into_raw(room::zeros::<u64>(BLOCK_WORDS).ok()?);
        self.blocks.push(block);
        self.next = block.cast();
        self.rest_words = BLOCK_WORDS;
        Some(())
    }

    /// Takes a cell back.
    ///
    /// # Safety
    ///
    /// It is from this pool, has that many words, and nobody uses it any more.
    pub(crate) unsafe fn give_back(&mut self, cell: NonNull<u64>, words: usize) {
        if words > 0 {
            // SAFETY: the caller's promise.
            unsafe { cell.write(self.free[words].expose_provenance() as u64) };
            self.free[words] = cell.as_ptr();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for &block in &self.blocks {
            // SAFETY: it was a box, and the objects whose cells are in it are gone.
            drop(unsafe { Box::from_raw(block) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_used_again() {
        let mut pool = Pool::default();
        let cells: Vec<_> = (0..1000).map(|_| pool.take(3).unwrap()).collect();
        let mut sorted = cells.clone();
        sorted.sort();
        assert!(sorted.windows(2).all(|pair| pair[0].as_ptr().wrapping_add(3) <= pair[1].as_ptr()));
        for &cell in &cells {
            // SAFETY: it is one of the pool's, and not used.
            unsafe { pool.give_back(cell, 3) };
        }
        let mut again: Vec<_> = (0..1000).map(|_| pool.take(3).unwrap()).collect();
        again.sort();
        assert_eq!(again, sorted);
    }

    #[test]
    fn sizes_have_limits() {
        let mut pool = Pool::default();
        assert!(pool.take(0).is_some() && pool.blocks.is_empty());
        assert!(pool.take(MAX_CELL_WORDS).is_some());
        assert!(pool.take(MAX_CELL_WORDS + 1).is_none());
    }
}
