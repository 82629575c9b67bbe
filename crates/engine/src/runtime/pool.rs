//! Memory for the parts of objects, within a limit: those of small objects are cells of a few words
//! each, from blocks that are the store's until all their cells are free.

use std::ptr::{self, NonNull};

use super::room;

/// The most words that a cell has.
pub(crate) const MAX_CELL_WORDS: usize = 8;

/// How many words of a block are cells.
const BLOCK_WORDS: usize = 4095;

/// A block, at an address that is a multiple of its size, so that a cell's address says where its
/// block is.
#[repr(C, align(32768))]
struct Block {
    /// While empty blocks are looked for, how many words are in free cells; otherwise 0.
    free_words: u64,
    cells: [u64; BLOCK_WORDS],
}

// SAFETY: it is nothing but numbers.
unsafe impl room::Zero for Block {}

const BLOCK_BYTES: usize = size_of::<Block>();
const _: () = assert!(BLOCK_BYTES == align_of::<Block>());

/// How many blocks do not count towards the limit: one for each size of cells.
const UNCOUNTED_BLOCKS: usize = MAX_CELL_WORDS;

/// How many empty blocks are kept for the next cells.
const SPARE_BLOCKS: usize = 32;

/// The memory for the parts of objects: cells of up to [`MAX_CELL_WORDS`] words, and the account of
/// larger parts, which are boxes.
pub(crate) struct Pool {
    /// The free cells of each size: the first word of each says which is the next.
    free: [*mut u64; MAX_CELL_WORDS + 1],
    /// What is left of the last block.
    next: *mut u64,
    rest_words: usize,
    /// All blocks with cells in use, each a leaked box.
    blocks: Vec<*mut Block>,
    /// Blocks without cells.
    spare: Vec<*mut Block>,
    boxed_bytes: usize,
    /// How much blocks and boxes may take.
    limit_bytes: usize,
}

impl Pool {
    pub(crate) fn new(limit_bytes: usize) -> Pool {
        Pool {
            free: [ptr::null_mut(); MAX_CELL_WORDS + 1],
            next: ptr::null_mut(),
            rest_words: 0,
            blocks: Vec::new(),
            spare: Vec::new(),
            boxed_bytes: 0,
            limit_bytes: limit_bytes.saturating_add(UNCOUNTED_BLOCKS * BLOCK_BYTES),
        }
    }

    /// A cell with so many words, whatever they hold; `None` if there are too many, it would be
    /// beyond the limit, or the host has no room.
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
            self.free[words] = unsafe { next_free(cell) };
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
        let block = match self.spare.pop() {
            Some(block) => block,
            None if self.has_room(BLOCK_BYTES) => {
                Box::into_raw(room::zeros::<Block>(1).ok()?).cast()
            }
            None => return None,
        };
        self.blocks.push(block);
        if let Some(rest) = NonNull::new(self.next) {
            // SAFETY: nothing of it was handed out; it is less than the cell that it was too small for.
            unsafe { self.give_back(rest, self.rest_words) };
        }
        // SAFETY: it is a block.
        self.next = unsafe { &raw mut (*block).cells }.cast();
        self.rest_words = BLOCK_WORDS;
        Some(())
    }

    /// How many bytes blocks and boxes take.
    pub(super) fn taken_bytes(&self) -> usize {
        let blocks = self.blocks.len() + self.spare.len();
        self.boxed_bytes.saturating_add(blocks * BLOCK_BYTES)
    }

    /// Whether that many more bytes are within the limit.
    fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.limit_bytes.saturating_sub(self.taken_bytes())
    }

    /// A box of so many zeros; `None` if it would be beyond the limit, or the host has no room.
    pub(crate) fn take_box(&mut self, words: usize) -> Option<Box<[u64]>> {
        let bytes = words.checked_mul(size_of::<u64>())?;
        if !self.has_room(bytes) {
            // SAFETY: they are blocks without cells.
            self.spare.drain(..).for_each(|block| unsafe { free_block(block) });
        }
        let boxed = self.has_room(bytes).then(|| room::zeros::<u64>(words).ok())??;
        self.boxed_bytes += bytes;
        Some(boxed)
    }

    /// A box of so many words, from [`Self::take_box`], was freed.
    pub(crate) fn box_is_freed(&mut self, words: usize) {
        self.boxed_bytes -= words * size_of::<u64>();
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

    /// Takes the blocks that have only free cells: a few to cut cells of any size off later, the
    /// others go back to the host.
    pub(crate) fn release_empty_blocks(&mut self) {
        for words in 1..=MAX_CELL_WORDS {
            let mut cell = self.free[words];
            while !cell.is_null() {
                // SAFETY: it is a free cell.
                unsafe {
                    *free_words(cell) += words as u64;
                    cell = next_free(cell);
                }
            }
        }
        if self.rest_words > 0 {
            // SAFETY: what is left of a block is in it.
            unsafe { *free_words(self.next) += self.rest_words as u64 };
        }
        // The free cells of the blocks that stay.
        for words in 1..=MAX_CELL_WORDS {
            let mut cell = std::mem::replace(&mut self.free[words], ptr::null_mut());
            while let Some(free) = NonNull::new(cell) {
                // SAFETY: it is a free cell, which is given back if its block stays.
                unsafe {
                    cell = next_free(cell);
                    if *free_words(free.as_ptr()) < BLOCK_WORDS as u64 {
                        self.give_back(free, words);
                    }
                }
            }
        }
        // SAFETY: what is left of a block is in it.
        if self.rest_words > 0 && unsafe { *free_words(self.next) } == BLOCK_WORDS as u64 {
            self.next = ptr::null_mut();
            self.rest_words = 0;
        }
        let spare = &mut self.spare;
        self.blocks.retain(|&block| {
            // SAFETY: it is a block.
            let free_words = unsafe { std::mem::take(&mut (*block).free_words) };
            let stays = free_words < BLOCK_WORDS as u64;
            if !stays && spare.len() < SPARE_BLOCKS {
                spare.push(block);
            } else if !stays {
                // SAFETY: nothing refers to its cells any more.
                unsafe { free_block(block) };
            }
            stays
        });
    }
}

/// The free cell after a free one.
///
/// # Safety
///
/// It is a free cell of a pool.
#[inline(always)]
unsafe fn next_free(cell: *mut u64) -> *mut u64 {
    // SAFETY: the caller's promise.
    ptr::with_exposed_provenance_mut(unsafe { cell.read() } as usize)
}

/// [`Block::free_words`] of the block that a cell is in.
///
/// # Safety
///
/// It is in a block of a pool.
unsafe fn free_words(cell: *mut u64) -> *mut u64 {
    let block = cell.map_addr(|addr| addr & !(BLOCK_BYTES - 1)).cast::<Block>();
    // SAFETY: the caller's promise: blocks are at multiples of their size.
    unsafe { &raw mut (*block).free_words }
}

/// Returns a block to the host.
///
/// # Safety
///
/// It is one, and nobody uses it any more.
unsafe fn free_block(block: *mut Block) {
    // SAFETY: the caller's promise: it was a box.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(block, 1)) });
}

impl Drop for Pool {
    fn drop(&mut self) {
        for &block in self.blocks.iter().chain(&self.spare) {
            // SAFETY: the objects whose cells are in it are gone.
            unsafe { free_block(block) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_used_again() {
        let mut pool = Pool::new(usize::MAX);
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
    fn blocks_with_only_free_cells_are_for_any_size() {
        let limit_blocks = 100;
        let mut pool = Pool::new((limit_blocks - UNCOUNTED_BLOCKS) * BLOCK_BYTES);
        for words in (1..=MAX_CELL_WORDS).cycle().take(24) {
            let cells: Vec<_> = std::iter::from_fn(|| pool.take(words)).collect();
            assert!(cells.len() >= limit_blocks * (BLOCK_WORDS / words), "{words}");
            assert_eq!((pool.blocks.len(), pool.spare.len()), (limit_blocks, 0));
            assert!(pool.take_box(9).is_none());
            for &cell in &cells[1..] {
                // SAFETY: it is one of the pool's, and not used.
                unsafe { pool.give_back(cell, words) };
            }
            pool.release_empty_blocks();
            assert_eq!((pool.blocks.len(), pool.spare.len()), (1, SPARE_BLOCKS));
            let boxed_words = (limit_blocks - 1) * BLOCK_BYTES / 8;
            assert!(pool.take_box(boxed_words).is_some() && pool.spare.is_empty());
            pool.box_is_freed(boxed_words);
            // SAFETY: as above.
            unsafe { pool.give_back(cells[0], words) };
            pool.release_empty_blocks();
            assert_eq!((pool.blocks.len(), pool.spare.len()), (0, 1));
        }
    }

    #[test]
    fn sizes_have_limits() {
        let mut pool = Pool::new(usize::MAX);
        assert!(pool.take(0).is_some() && pool.blocks.is_empty());
        assert!(pool.take(MAX_CELL_WORDS).is_some());
        assert!(pool.take(MAX_CELL_WORDS + 1).is_none());
    }
}
