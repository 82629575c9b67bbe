//! Which blocks are lost: a conservative search for pointers, with Valgrind's kinds.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::alloc::{Block, Family};

/// How much of a way to a block there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeakKind {
    /// No pointer to the block was found.
    Definite,
    /// The only pointers to the block are in blocks that are lost themselves.
    Indirect,
    /// A pointer into the block was found, but none to its start.
    Possible,
    /// There is a pointer to the start of the block.
    Reachable,
}

impl LeakKind {
    /// The name that options and reports use.
    pub fn name(self) -> &'static str {
        match self {
            LeakKind::Definite => "definite",
            LeakKind::Indirect => "indirect",
            LeakKind::Possible => "possible",
            LeakKind::Reachable => "reachable",
        }
    }

    /// What a report says of such a block.
    pub(super) fn words(self) -> &'static str {
        match self {
            LeakKind::Definite => "definitely lost",
            LeakKind::Indirect => "indirectly lost",
            LeakKind::Possible => "possibly lost",
            LeakKind::Reachable => "still reachable",
        }
    }
}

/// What is searched for pointers first.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Values of globals and of live frames.
    pub values: Vec<u64>,
    /// Ranges of the memory: data, and the part of the stack that is in use.
    pub ranges: Vec<Range<u64>>,
}

/// The state of the search for one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    None,
    Possible,
    Reachable,
}

struct Search<'m, 'b> {
    memory: &'m [u8],
    pointer_bytes: usize,
    blocks: Vec<&'b Block>,
    /// Index by the block's first address.
    by_addr: BTreeMap<u64, usize>,
}

/// The kind of each block, in order of addresses.
///
/// `memory` is the memory's contents and `pointer_bytes` the size of a pointer in them. Pointers
/// are found at aligned places only.
pub fn find<'a>(
    memory: &[u8],
    pointer_bytes: usize,
    blocks: impl Iterator<Item = &'a Block>,
    roots: &Roots,
) -> Vec<(&'a Block, LeakKind)> {
    let blocks: Vec<&Block> = blocks.filter(|block| !block.family.is_collected()).collect();
    let by_addr = blocks.iter().enumerate().map(|(i, block)| (block.addr, i)).collect();
    let search = Search { memory, pointer_bytes, blocks, by_addr };
    let mut reach = vec![Reach::None; search.blocks.len()];

    // From the roots.
    let mut work = Vec::new();
    for &value in &roots.values {
        search.visit(value, Reach::Reachable, &mut reach, &mut work);
    }
    for range in &roots.ranges {
        search.scan_root(range.clone(), &mut reach, &mut work);
    }
    search.drain(&mut reach, &mut work);

    // What is left is lost; what only a lost block points to is lost with it.
    let mut indirect = vec![false; reach.len()];
    let mut leader = vec![false; reach.len()];
    for start in 0..reach.len() {
        if reach[start] != Reach::None || indirect[start] {
            continue;
        }
        leader[start] = true;
        let mut work = vec![start];
        while let Some(from) = work.pop() {
            for (to, _) in search.pointers(search.range_of(from)) {
                if reach[to] == Reach::None && to != start && !indirect[to] {
                    indirect[to] = true;
                    leader[to] = false;
                    work.push(to);
                }
            }
        }
    }

    let kinds = reach.iter().enumerate().map(|(i, reach)| match reach {
        Reach::Reachable => LeakKind::Reachable,
        Reach::Possible => LeakKind::Possible,
        Reach::None if leader[i] => LeakKind::Definite,
        Reach::None => LeakKind::Indirect,
    });
    let kinds: Vec<LeakKind> = kinds.collect();
    search.blocks.into_iter().zip(kinds).collect()
}

impl Search<'_, '_> {
    /// The block that a value points to, and whether it points to its start.
    fn target(&self, value: u64) -> Option<(usize, bool)> {
        let (_, &index) = self.by_addr.range(..=value).next_back()?;
        let block = self.blocks[index];
        let into = value - block.addr;
        if into == 0 {
            return Some((index, true));
        }
        if into >= block.size_bytes {
            return None;
        }
        // `new[]` of a type with a destructor keeps the count before the array.
        let cookie = block.family == Family::NewArray && (into == 4 || into == 8);
        Some((index, cookie))
    }

    fn range_of(&self, index: usize) -> Range<u64> {
        let block = self.blocks[index];
        block.addr..block.end()
    }

    /// The blocks that the aligned words of a range point to.
    fn pointers(&self, range: Range<u64>) -> impl Iterator<Item = (usize, bool)> + '_ {
        self.words(range).map(|(_, target)| target)
    }

    /// The same, with the words.
    fn words(&self, range: Range<u64>) -> impl Iterator<Item = (u64, (usize, bool))> + '_ {
        let size = self.pointer_bytes;
        let align = size as u64 - 1;
        let start = (range.start.saturating_add(align) & !align).min(self.memory.len() as u64);
        let end = range.end.min(self.memory.len() as u64).max(start);
        let words = self.memory[start as usize..end as usize].chunks_exact(size);
        words.filter_map(move |word| {
            let mut bytes = [0; 8];
            bytes[..size].copy_from_slice(word);
            let value = u64::from_le_bytes(bytes);
            self.target(value).map(|target| (value, target))
        })
    }

    fn visit(&self, value: u64, from: Reach, reach: &mut [Reach], work: &mut Vec<usize>) {
        if let Some(target) = self.target(value) {
            raise(target, from, reach, work);
        }
    }

    fn scan(&self, range: Range<u64>, from: Reach, reach: &mut [Reach], work: &mut Vec<usize>) {
        for target in self.pointers(range) {
            raise(target, from, reach, work);
        }
    }

    /// The same outside of the heap, where an allocator keeps its own pointers: to the next chunk,
    /// which begins in what may be the last word of a block.
    fn scan_root(&self, range: Range<u64>, reach: &mut [Reach], work: &mut Vec<usize>) {
        for (value, target) in self.words(range) {
            let block = self.blocks[target.0];
            let pointer_bytes = self.pointer_bytes as u64;
            // A chunk has at least two words between its header and the next chunk.
            let start = target.1 && value - block.addr < 2 * pointer_bytes;
            if start || value + pointer_bytes < block.end() {
                raise(target, Reach::Reachable, reach, work);
            }
        }
    }

    fn drain(&self, reach: &mut [Reach], work: &mut Vec<usize>) {
        while let Some(index) = work.pop() {
            self.scan(self.range_of(index), reach[index], reach, work);
        }
    }
}

/// Takes note that a block was found, if that is better than what is known.
fn raise((index, start): (usize, bool), from: Reach, reach: &mut [Reach], work: &mut Vec<usize>) {
    let found = if start { from } else { Reach::Possible };
    if reach[index] < found {
        reach[index] = found;
        work.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::Blocks;

    fn setup(at: &[(u64, u64)]) -> Blocks {
        let mut blocks = Blocks::default();
        for &(addr, size_bytes) in at {
            blocks.insert(Block::new(Family::C, addr, size_bytes, 0, 0));
        }
        blocks
    }

    fn kinds(memory: &[u8], blocks: &Blocks, roots: &Roots) -> Vec<LeakKind> {
        find(memory, 4, blocks.live(), roots).into_iter().map(|(_, kind)| kind).collect()
    }

    fn put(memory: &mut [u8], at: usize, value: u32) {
        memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    #[test]
    fn each_kind() {
        let mut memory = vec![0; 1024];
        let blocks = setup(&[(256, 16), (320, 16), (384, 16), (448, 16), (512, 16)]);
        put(&mut memory, 64, 256); // a global points to the first
        put(&mut memory, 260, 320); // which points to the second
        put(&mut memory, 68, 388); // a global points into the third
        put(&mut memory, 448, 512); // the fourth is lost, the fifth with it
        let roots = Roots { values: vec![], ranges: std::iter::once(0..256).collect() };
        use LeakKind::*;
        assert_eq!(
            kinds(&memory, &blocks, &roots),
            [Reachable, Reachable, Possible, Definite, Indirect]
        );
    }

    #[test]
    fn the_allocators_pointer_to_the_next_chunk_is_none_to_a_small_array() {
        let mut memory = vec![0; 1024];
        let mut blocks = Blocks::default();
        for (addr, size_bytes) in [(256, 9), (320, 5), (384, 16)] {
            blocks.insert(Block::new(Family::NewArray, addr, size_bytes, 0, 0));
        }
        put(&mut memory, 64, 256 + 8); // the first chunk has 12 bytes, the last of which are shared
        put(&mut memory, 68, 320 + 4); // after the count of one element of 1 byte
        put(&mut memory, 72, 384 + 8); // after the count of one element of 8 bytes
        let roots = Roots { values: vec![], ranges: std::iter::once(0..256).collect() };
        use LeakKind::*;
        assert_eq!(kinds(&memory, &blocks, &roots), [Definite, Reachable, Reachable]);
    }

    #[test]
    fn a_cycle_has_one_definite_loss() {
        let mut memory = vec![0; 1024];
        let blocks = setup(&[(256, 16), (320, 16)]);
        put(&mut memory, 256, 320);
        put(&mut memory, 320, 256);
        assert_eq!(
            kinds(&memory, &blocks, &Roots::default()),
            [LeakKind::Definite, LeakKind::Indirect]
        );
    }

    #[test]
    fn the_head_of_a_list_is_definite_wherever_it_lies() {
        let mut memory = vec![0; 1024];
        let blocks = setup(&[(256, 16), (320, 16), (384, 16)]);
        put(&mut memory, 384, 320);
        put(&mut memory, 320, 256);
        use LeakKind::*;
        assert_eq!(kinds(&memory, &blocks, &Roots::default()), [Indirect, Indirect, Definite]);
    }

    #[test]
    fn values_are_roots_and_ends_are_no_pointers() {
        let memory = vec![0; 1024];
        let blocks = setup(&[(256, 16), (320, 16)]);
        let roots = Roots { values: vec![256, 336], ranges: vec![] };
        assert_eq!(kinds(&memory, &blocks, &roots), [LeakKind::Reachable, LeakKind::Definite]);
    }
}
