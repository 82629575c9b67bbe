//! Heap blocks: those in use, and those freed lately.

use std::collections::BTreeMap;

use super::recognise::Family;

/// The number of a call stack that was kept.
pub type StackId = u32;

/// A heap block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The address that the guest got.
    pub addr: u64,
    /// How many bytes the guest asked for, or was told that it may use.
    pub size_bytes: u64,
    /// The alignment that was asked for, or 0.
    pub align: u64,
    /// Whose function allocated it.
    pub family: Family,
    /// Which allocation of the run it was, counted from 1.
    pub serial: u64,
    /// Where it was allocated.
    pub allocated_at: StackId,
    /// Where it was freed, if it was.
    pub freed_at: Option<StackId>,
}

impl Block {
    /// A block that was just allocated. [`Blocks::insert`] gives it its serial number.
    pub fn new(
        family: Family,
        addr: u64,
        size_bytes: u64,
        align: u64,
        allocated_at: StackId,
    ) -> Block {
        Block { addr, size_bytes, align, family, serial: 0, allocated_at, freed_at: None }
    }

    /// The first address after the block.
    pub fn end(&self) -> u64 {
        self.addr.saturating_add(self.size_bytes)
    }

    /// The first address that the block's own code may use: a header comes before the block.
    pub fn first(&self) -> u64 {
        self.addr.saturating_sub(self.family.header_bytes())
    }

    /// Whether all of a range is inside.
    pub fn contains(&self, addr: u64, len_bytes: u64) -> bool {
        self.first() <= addr && addr.saturating_add(len_bytes) <= self.end()
    }

    /// Where an address is, seen from the block.
    pub fn place_of(&self, addr: u64) -> Place {
        if addr < self.addr {
            Place::Before(self.addr - addr)
        } else if addr < self.end() {
            Place::Inside(addr - self.addr)
        } else {
            Place::After(addr - self.end())
        }
    }
}

/// Where an address is, seen from a block, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// That many bytes before the block's first.
    Before(u64),
    /// That many bytes after the block's first.
    Inside(u64),
    /// That many bytes after the block's end.
    After(u64),
}

/// How many bytes of an object's header AssemblyScript's allocator sees as a part of the block.
const OBJECT_HEADER_BYTES: u64 = 16;

/// The live block that is meant where a collector's allocator takes one back: the one with that address,
/// or the object whose header begins there. `None` if it is memory that was never a block, such as the
/// rest of a larger one. `family` tells whose block begins at an address, if a live one does.
pub(crate) fn reclaimed(addr: u64, family: impl Fn(u64) -> Option<Family>) -> Option<u64> {
    let object = addr.saturating_add(OBJECT_HEADER_BYTES);
    match family(addr) {
        Some(_) => Some(addr),
        None => (family(object) == Some(Family::AssemblyScript)).then_some(object),
    }
}

/// How many freed blocks are remembered.
const REMEMBERED_BLOCKS: usize = 100_000;

/// All blocks of a memory.
#[derive(Debug, Default)]
pub struct Blocks {
    live: BTreeMap<u64, Block>,
    /// Freed blocks that no later block overlaps, by address.
    freed: BTreeMap<u64, Block>,
    /// The order in which they were freed: address and serial.
    order: std::collections::VecDeque<(u64, u64)>,
    serial: u64,
    live_bytes: u64,
}

impl Blocks {
    /// Adds a block. What was freed at the same place is forgotten.
    ///
    /// Returns the live blocks that overlap it: an allocator that hands out the same bytes twice
    /// freed them by a way that was not recognised, so those blocks are gone.
    pub fn insert(&mut self, mut block: Block) -> Vec<Block> {
        self.serial += 1;
        block.serial = self.serial;
        let (addr, end) = (block.addr, block.end().max(block.addr + 1));
        let overlapping = keys_of(&self.live, addr, end);
        let gone = overlapping.into_iter().filter_map(|key| self.take(key)).collect();
        for key in keys_of(&self.freed, addr, end) {
            self.freed.remove(&key);
        }
        self.live_bytes += block.size_bytes;
        self.live.insert(addr, block);
        gone
    }

    fn take(&mut self, addr: u64) -> Option<Block> {
        let block = self.live.remove(&addr)?;
        self.live_bytes -= block.size_bytes;
        Some(block)
    }

    /// Removes the live block that begins at an address and remembers it as freed.
    pub fn free(&mut self, addr: u64, at: StackId) -> Option<&Block> {
        let mut block = self.take(addr)?;
        block.freed_at = Some(at);
        self.order.push_back((addr, block.serial));
        if self.order.len() > REMEMBERED_BLOCKS
            && let Some((oldest, serial)) = self.order.pop_front()
            && self.freed.get(&oldest).is_some_and(|block| block.serial == serial)
        {
            self.freed.remove(&oldest);
        }
        self.freed.insert(addr, block);
        self.freed.get(&addr)
    }

    /// Changes the size of a live block in place.
    pub fn resize(&mut self, addr: u64, size_bytes: u64) {
        if let Some(block) = self.live.get_mut(&addr) {
            self.live_bytes = self.live_bytes - block.size_bytes + size_bytes;
            block.size_bytes = size_bytes;
        }
    }

    /// The live block that begins at an address.
    pub fn at(&self, addr: u64) -> Option<&Block> {
        self.live.get(&addr)
    }

    /// The live block that has an address inside, its header included.
    pub fn containing(&self, addr: u64) -> Option<&Block> {
        let below = self.live.range(..=addr).next_back().map(|(_, block)| block);
        below.filter(|block| block.contains(addr, 1)).or_else(|| {
            // A header comes before the address by which the block is known.
            let above = self.live.range(addr..).next().map(|(_, block)| block);
            above.filter(|block| block.contains(addr, 1))
        })
    }

    /// The live block that is meant where a collector's allocator takes one back: the one with that
    /// address, or the object whose header begins there. `None` if it is memory that was never a block,
    /// such as the rest of a larger one.
    pub fn reclaimed(&self, addr: u64) -> Option<u64> {
        reclaimed(addr, |addr| self.at(addr).map(|block| block.family))
    }

    /// The last live block that begins at an address or before it.
    pub fn below(&self, addr: u64) -> Option<&Block> {
        self.live.range(..=addr).next_back().map(|(_, block)| block)
    }

    /// The block freed lately that has an address inside.
    pub fn freed_containing(&self, addr: u64) -> Option<&Block> {
        let below = self.freed.range(..=addr).rev().take(8).map(|(_, block)| block);
        below.filter(|block| addr < block.end()).max_by_key(|block| block.serial)
    }

    /// The block freed lately that began at an address.
    pub fn freed_at(&self, addr: u64) -> Option<&Block> {
        self.freed.get(&addr)
    }

    /// The live block that is nearest to an address, at most `within` bytes away.
    pub fn nearest(&self, addr: u64, within: u64) -> Option<&Block> {
        let below = self.live.range(..=addr).next_back().map(|(_, block)| block);
        let above = self.live.range(addr..).next().map(|(_, block)| block);
        let distance = |block: &&Block| match block.place_of(addr) {
            Place::Inside(_) => 0,
            // A block's end is missed more often than its start.
            Place::After(bytes) => bytes,
            Place::Before(bytes) => bytes.saturating_add(1),
        };
        [below, above].into_iter().flatten().filter(|b| distance(b) <= within).min_by_key(distance)
    }

    /// Live blocks, by address.
    pub fn live(&self) -> impl Iterator<Item = &Block> {
        self.live.values()
    }

    /// Blocks freed lately whose memory was not used again, by address.
    pub fn freed(&self) -> impl Iterator<Item = &Block> {
        self.freed.values()
    }

    /// How many blocks are live.
    pub fn count(&self) -> usize {
        self.live.len()
    }

    /// How many bytes the live blocks have together.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// How many blocks were allocated in all.
    pub fn allocations(&self) -> u64 {
        self.serial
    }
}

/// The addresses of the blocks that overlap a range.
fn keys_of(blocks: &BTreeMap<u64, Block>, addr: u64, end: u64) -> Vec<u64> {
    let mut keys: Vec<u64> = blocks.range(addr..end).map(|(&key, _)| key).collect();
    if let Some((&key, block)) = blocks.range(..addr).next_back()
        && block.end() > addr
    {
        keys.push(key);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(addr: u64, size_bytes: u64) -> Block {
        Block::new(Family::C, addr, size_bytes, 0, 0)
    }

    #[test]
    fn finds_blocks_by_address() {
        let mut blocks = Blocks::default();
        assert!(blocks.insert(block(100, 16)).is_empty());
        assert!(blocks.insert(block(200, 8)).is_empty());
        assert_eq!(blocks.containing(115).unwrap().addr, 100);
        assert!(blocks.containing(116).is_none());
        assert_eq!(blocks.nearest(118, 16).unwrap().place_of(118), Place::After(2));
        assert_eq!(blocks.nearest(196, 16).unwrap().place_of(196), Place::Before(4));
        assert!(blocks.nearest(150, 16).is_none());
        assert_eq!((blocks.count(), blocks.live_bytes(), blocks.allocations()), (2, 24, 2));
    }

    #[test]
    fn remembers_what_was_freed_until_it_is_used_again() {
        let mut blocks = Blocks::default();
        blocks.insert(block(100, 16));
        assert_eq!(blocks.free(100, 7).unwrap().freed_at, Some(7));
        assert!(blocks.free(100, 8).is_none());
        assert_eq!(blocks.freed_containing(110).unwrap().addr, 100);
        blocks.insert(block(104, 4));
        assert!(blocks.freed_containing(100).is_none());
        assert_eq!(blocks.live_bytes(), 4);
    }

    #[test]
    fn the_same_bytes_twice_end_the_block_before() {
        let mut blocks = Blocks::default();
        blocks.insert(block(100, 50));
        let gone = blocks.insert(block(120, 4));
        assert_eq!(gone.len(), 1);
        assert_eq!((blocks.count(), blocks.live_bytes()), (1, 4));
    }

    #[test]
    fn an_object_owns_its_header() {
        let mut blocks = Blocks::default();
        blocks.insert(Block { family: Family::AssemblyScript, ..block(100, 16) });
        assert_eq!(blocks.containing(80).unwrap().addr, 100);
        assert!(blocks.containing(79).is_none());
    }
}
