//! Memory for the parts of objects, and how much it is: those of small objects are cells of a few words
//! each, from blocks that are the store's until all their cells are free.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{self, NonNull};

use super::room;

/// The most words that a cell has.
pub(crate) const MAX_CELL_WORDS: usize = 8;

/// What a block takes. Its address is a multiple of that, so that a cell's address says where its block
/// is.
const BLOCK_BYTES: usize = 32 << 10;

/// How many words of a block are cells. The allocator needs two words for itself: if it had to take them
/// from elsewhere, no two blocks could lie side by side.
const BLOCK_WORDS: usize = BLOCK_BYTES / size_of::<u64>() - 3;

/// A block.
#[repr(C)]
struct Block {
    /// While empty blocks are looked for, how many words are in free cells; otherwise 0.
    free_words: u64,
    cells: [u64; BLOCK_WORDS],
}

const BLOCK_LAYOUT: Layout = match Layout::from_size_align(size_of::<Block>(), BLOCK_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("not a layout"),
};

/// How many empty blocks are kept for the next cells.
const SPARE_BLOCKS: usize = 32;

/// What a value of the host's counts for when room is made for it: it is in a box, however small.
pub(crate) const fn box_bytes(value_bytes: usize) -> usize {
    let least = (MAX_CELL_WORDS + 1) * size_of::<u64>();
    if value_bytes < least { least } else { value_bytes }
}

/// How much a box takes besides what is in it.
pub(super) const BOX_BYTES: usize = 16;

/// The memory for the parts of objects: cells of up to [`MAX_CELL_WORDS`] words, and the account of
/// larger parts, which are boxes.
pub(crate) struct Pool {
    /// The free cells of each size: the first word of each says which is the next.
    free: [*mut u64; MAX_CELL_WORDS + 1],
    /// What is left of the last block.
    next: *mut u64,
    rest_words: usize,
    /// All blocks with cells in use.
    blocks: Vec<*mut Block>,
    /// Blocks without cells.
    spare: Vec<*mut Block>,
    boxed_bytes: usize,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool {
            free: [ptr::null_mut(); MAX_CELL_WORDS + 1],
            next: ptr::null_mut(),
            rest_words: 0,
            blocks: Vec::new(),
            spare: Vec::new(),
            boxed_bytes: 0,
        }
    }

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
            None => new_block()?.as_ptr(),
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

    /// How many more they may take at most with the parts of one more object; those of a value of the
    /// host's have [`box_bytes`].
    #[inline]
    pub(super) fn more_bytes(&self, payload_bytes: usize) -> usize {
        let words = payload_bytes.div_ceil(size_of::<u64>());
        if self.has_cell(words) || (words <= MAX_CELL_WORDS && !self.spare.is_empty()) {
            0
        } else if words <= MAX_CELL_WORDS {
            BLOCK_BYTES
        } else {
            payload_bytes.saturating_add(size_of::<u64>() + BOX_BYTES)
        }
    }

    /// Whether there is a cell with so many words without a new block.
    #[inline]
    pub(super) fn has_cell(&self, words: usize) -> bool {
        words == 0
            || words <= MAX_CELL_WORDS && (!self.free[words].is_null() || self.rest_words >= words)
    }

    /// Returns empty blocks to the host, except one if the parts of that size may need it.
    pub(super) fn free_spare_blocks(&mut self, payload_bytes: usize) {
        let is_cell = payload_bytes <= MAX_CELL_WORDS * size_of::<u64>();
        let kept = self.spare.len().min(usize::from(is_cell));
        // SAFETY: they are blocks without cells.
        self.spare.drain(kept..).for_each(|block| unsafe { free_block(block) });
    }

    /// A box of so many zeros; `None` if the host has no room.
    pub(crate) fn take_box(&mut self, words: usize) -> Option<Box<[u64]>> {
        let boxed = room::zeros::<u64>(words).ok()?;
        self.count_box(size_of_val(&*boxed));
        Some(boxed)
    }

    /// Counts a box with so many bytes.
    pub(crate) fn count_box(&mut self, bytes: usize) {
        self.boxed_bytes += bytes + BOX_BYTES;
    }

    /// A box that counted was freed.
    pub(crate) fn box_is_freed(&mut self, bytes: usize) {
        self.boxed_bytes -= bytes + BOX_BYTES;
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

/// A block of zeros; `None` if the host has no room.
fn new_block() -> Option<NonNull<Block>> {
    // SAFETY: its size is not zero.
    NonNull::new(unsafe { alloc_zeroed(BLOCK_LAYOUT) }.cast())
}

/// Returns a block to the host.
///
/// # Safety
///
/// It is one, and nobody uses it any more.
unsafe fn free_block(block: *mut Block) {
    // SAFETY: the caller's promise; it is from `new_block`.
    unsafe { dealloc(block.cast(), BLOCK_LAYOUT) };
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
        let mut pool = Pool::new();
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

    /// Takes cells of a size until the blocks take so many bytes.
    fn fill(pool: &mut Pool, words: usize, bytes: usize) -> Vec<NonNull<u64>> {
        let mut cells = Vec::new();
        while pool.taken_bytes() + pool.more_bytes(words * 8) <= bytes {
            cells.push(pool.take(words).unwrap());
        }
        cells
    }

    #[test]
    fn blocks_with_only_free_cells_are_for_any_size() {
        let limit_blocks = 100;
        let limit_bytes = limit_blocks * BLOCK_BYTES;
        let mut pool = Pool::new();
        for words in (1..=MAX_CELL_WORDS).cycle().take(24) {
            let cells = fill(&mut pool, words, limit_bytes);
            assert!(cells.len() >= limit_blocks * (BLOCK_WORDS / words), "{words}");
            assert_eq!((pool.blocks.len(), pool.spare.len()), (limit_blocks, 0));
            for &cell in &cells[1..] {
                // SAFETY: it is one of the pool's, and not used.
                unsafe { pool.give_back(cell, words) };
            }
            pool.release_empty_blocks();
            assert_eq!((pool.blocks.len(), pool.spare.len()), (1, SPARE_BLOCKS));
            pool.free_spare_blocks(8);
            assert_eq!(pool.taken_bytes(), 2 * BLOCK_BYTES);
            pool.free_spare_blocks(1000);
            assert_eq!(pool.taken_bytes(), BLOCK_BYTES);
            // SAFETY: as above.
            unsafe { pool.give_back(cells[0], words) };
            pool.release_empty_blocks();
            assert_eq!((pool.blocks.len(), pool.spare.len()), (0, 1));
        }
    }

    #[test]
    fn what_is_taken_was_foreseen() {
        let mut pool = Pool::new();
        for words in (0..40).cycle().take(10_000) {
            let most = pool.taken_bytes() + pool.more_bytes(words * 8);
            match words {
                ..=MAX_CELL_WORDS => drop(pool.take(words).unwrap()),
                _ => drop(pool.take_box(words).unwrap()),
            }
            assert!(pool.taken_bytes() <= most, "{words}");
        }
    }

    #[test]
    fn sizes_have_limits() {
        let mut pool = Pool::new();
        assert!(pool.take(0).is_some() && pool.blocks.is_empty());
        assert!(pool.take(MAX_CELL_WORDS).is_some());
        assert!(pool.take(MAX_CELL_WORDS + 1).is_none());
    }
}
