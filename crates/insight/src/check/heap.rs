//! The heap of a checked guest: its blocks, and what is wrong with requests and accesses.

use std::collections::VecDeque;
use std::ops::Range;

use lineal::{Access, AccessSource, Call, MemoryId, Moment, Site};

use super::finding::Kind;
use super::hull::Hull;
use super::options::Options;
use super::regions::Regions;
use super::report::{Draft, HeapSummary};
use super::undefined::{Undefined, UndefinedBytes};
use crate::alloc::{Begun, Block, Blocks, Done, Family, Place, Recognised, Role, StackId};
use crate::layout::Layout;
use crate::words::bytes;

/// How far from a block an access may be to be shown as before or after it.
const NEAR_BYTES: u64 = 4096;

/// String functions look at so many bytes at once, or at a word.
const VECTOR_BYTES: u64 = 16;

#[derive(Debug)]
pub(super) struct Heap {
    memory: MemoryId,
    /// The size of a word: that of an address.
    word_bytes: u64,
    blocks: Blocks,
    hull: Hull,
    undefined: Option<UndefinedBytes>,
    /// Whether `free` may be called in the place of `delete`, and so on.
    inlines_operators: bool,
    /// Calls that free a block and were put off: the arguments, and how many bytes the block has.
    quarantine: VecDeque<(Site, Vec<u64>, u64)>,
    quarantined_bytes: u64,
    frees: u64,
    allocated_bytes: u64,
}

/// Whether an access may be made.
pub(super) enum Verdict {
    Fine,
    Bad {
        /// Whether it is in a block that was freed.
        freed: bool,
        /// Where it is.
        place: String,
        /// The block that it is near to or in.
        block: Option<Block>,
    },
}

impl Heap {
    pub(super) fn new(
        memory: MemoryId,
        layout: &Layout,
        undefined: bool,
        inlines_operators: bool,
    ) -> Heap {
        Heap {
            memory,
            inlines_operators,
            word_bytes: if layout.is_64 { 8 } else { 4 },
            blocks: Blocks::default(),
            hull: Hull::new(layout),
            undefined: undefined.then(UndefinedBytes::default),
            quarantine: VecDeque::new(),
            quarantined_bytes: 0,
            frees: 0,
            allocated_bytes: 0,
        }
    }

    pub(super) fn grew(&mut self, moment: &mut Moment<'_>, grown: Range<u64>, inside: bool) {
        if let Some(new) = self.hull.grew(grown, inside) {
            moment.set_interest(self.memory, new, true);
        }
    }

    /// Live blocks, by address.
    pub(super) fn live(&self) -> impl Iterator<Item = &Block> {
        self.blocks.live()
    }

    /// Blocks that were freed, as far as they are remembered.
    pub(super) fn freed(&self) -> impl Iterator<Item = &Block> {
        self.blocks.freed()
    }

    /// The memory that is not the allocators'.
    pub(super) fn outside(&self, memory_bytes: u64) -> Vec<Range<u64>> {
        self.hull.outside(memory_bytes)
    }

    pub(super) fn summary(&self) -> HeapSummary {
        HeapSummary {
            live_blocks: self.blocks.count() as u64,
            live_bytes: self.blocks.live_bytes(),
            allocations: self.blocks.allocations(),
            frees: self.frees,
            allocated_bytes: self.allocated_bytes,
        }
    }

    /// What is wrong with what a program asks its allocator for. A block that is freed is gone.
    pub(super) fn begun(
        &mut self,
        moment: &mut Moment<'_>,
        family: Family,
        begun: Begun,
        stack: StackId,
        regions: &Regions,
    ) -> Vec<Draft> {
        let mut found = Vec::new();
        match begun {
            Begun::Allocate { size_bytes: None, signed }
            | Begun::Reallocate { size_bytes: None, signed, .. } => {
                let message = if signed < 0 {
                    format!("an allocation of {signed} bytes was asked for: the size is negative")
                } else {
                    "an allocation was asked for whose size overflows".to_owned()
                };
                found.push(Draft::new(Kind::FishySize, message));
            }
            Begun::Copy { to, from, len_bytes } => found.extend(overlap(to, from, len_bytes)),
            _ => {}
        }
        match begun {
            // AssemblyScript's runtime moves constant arrays that grow to the heap.
            Begun::Reallocate { addr, .. }
                if family == Family::AssemblyScript
                    && self.blocks.at(addr).is_none()
                    && self.blocks.freed_at(addr).is_none() => {}
            Begun::Reallocate { addr, old_bytes, align, .. } if addr != 0 => {
                found.extend(self.check_free(family, addr, old_bytes, align, regions, "realloc"));
            }
            Begun::Free { addr, size_bytes, align } if addr != 0 => {
                found.extend(self.check_free(family, addr, size_bytes, align, regions, "free"));
                self.free(moment, family, addr, stack);
            }
            Begun::Reclaimed { addr } => self.free(moment, Family::AssemblyScript, addr, stack),
            _ => {}
        }
        found
    }

    /// The address of the block that a family knows by another: AssemblyScript's collector frees
    /// an object by where its header begins.
    fn block_at(&self, family: Family, addr: u64) -> u64 {
        match family {
            Family::AssemblyScript | Family::AssemblyScriptHeap => {
                self.blocks.reclaimed(addr).unwrap_or(addr)
            }
            _ => addr,
        }
    }

    fn free(&mut self, moment: &mut Moment<'_>, family: Family, addr: u64, stack: StackId) {
        let addr = self.block_at(family, addr);
        if let Some(block) = self.blocks.free(addr, stack) {
            let range = block.first()..block.end();
            self.frees += 1;
            if let Some(undefined) = &mut self.undefined {
                undefined.remove(range.clone());
            }
            moment.set_interest(self.memory, range, true);
        }
    }

    fn check_free(
        &self,
        family: Family,
        addr: u64,
        size_bytes: Option<u64>,
        align: Option<u64>,
        regions: &Regions,
        verb: &str,
    ) -> Option<Draft> {
        let addr = self.block_at(family, addr);
        let Some(block) = self.blocks.at(addr) else {
            if let Some(block) = self.blocks.freed_at(addr) {
                let message = format!("{verb} of {addr:#x}, a block that was freed already");
                return Some(
                    Draft::new(Kind::DoubleFree, message).at(addr, 0).about(Some(block.clone())),
                );
            }
            let block = self.blocks.containing(addr).or_else(|| self.blocks.nearest(addr, 64));
            let place = match block {
                Some(block) => place_text(block, addr),
                None if regions.is_stack(addr) => "which is on the stack".to_owned(),
                None if regions.is_data(addr) => "which is static data".to_owned(),
                None => "which was never allocated".to_owned(),
            };
            let message = format!("{verb} of {addr:#x}, {place}");
            return Some(Draft::new(Kind::InvalidFree, message).at(addr, 0).about(block.cloned()));
        };
        let mismatch = |message: String| {
            Some(Draft::new(Kind::MismatchedFree, message).at(addr, 0).about(Some(block.clone())))
        };
        let inlined =
            self.inlines_operators && block.family.is_like_malloc() && family.is_like_malloc();
        if !inlined && !block.family.may_be_freed_by(family) {
            return mismatch(format!(
                "{addr:#x} is freed by `{}`, but was allocated to be freed by `{}`",
                family.deallocator(),
                block.family.deallocator()
            ));
        }
        if let Some(size_bytes) = size_bytes
            && size_bytes != block.size_bytes
        {
            return mismatch(format!(
                "{addr:#x} is freed as a block of {size_bytes} {}, but has {}",
                bytes(size_bytes),
                block.size_bytes
            ));
        }
        if let Some(align) = align
            && align != block.align
            && block.align != 0
        {
            return mismatch(format!(
                "{addr:#x} is freed as a block aligned to {align} {}, but was allocated with {}",
                bytes(align),
                block.align
            ));
        }
        None
    }

    /// Takes note of what an allocator did.
    pub(super) fn done(
        &mut self,
        moment: &mut Moment<'_>,
        family: Family,
        done: Done,
        stack: StackId,
    ) {
        match done {
            Done::Allocated { addr, size_bytes, align, zeroed } if addr != 0 => {
                self.insert(moment, Block::new(family, addr, size_bytes, align, stack), zeroed);
            }
            Done::Reallocated { old, addr, size_bytes } if addr != 0 => {
                let align = self.blocks.at(old).map_or(0, |block| block.align);
                let kept = self.blocks.at(old).map_or(0..0, |block| block.addr..block.end());
                let kept_bytes = (kept.end - kept.start).min(size_bytes);
                let holes = self.undefined.as_mut().map(|undefined| undefined.take(kept));
                self.free(moment, family, old, stack);
                self.insert(moment, Block::new(family, addr, size_bytes, align, stack), false);
                if let (Some(undefined), Some(holes)) = (&mut self.undefined, holes) {
                    undefined.remove(addr..addr + kept_bytes);
                    for hole in holes {
                        let at = addr + (hole - old);
                        undefined.add(at..(at + 1).min(addr + kept_bytes));
                    }
                }
            }
            Done::Reallocated { old, addr: 0, size_bytes: 0 } => {
                self.free(moment, family, old, stack);
            }
            Done::UsableSize { addr, size_bytes }
                if self.blocks.at(addr).is_some_and(|block| block.size_bytes < size_bytes) =>
            {
                self.blocks.resize(addr, size_bytes);
                self.clear(moment, addr, addr + size_bytes);
            }
            _ => {}
        }
    }

    fn insert(&mut self, moment: &mut Moment<'_>, block: Block, zeroed: bool) {
        for new in self.hull.cover(block.first()..block.end()) {
            moment.set_interest(self.memory, new, true);
        }
        let (first, range) = (block.first(), block.addr..block.end());
        self.allocated_bytes += block.size_bytes;
        for gone in self.blocks.insert(block) {
            moment.set_interest(self.memory, gone.first()..gone.end(), true);
        }
        if let Some(undefined) = &mut self.undefined
            && !zeroed
        {
            undefined.add(range);
        } else {
            self.clear(moment, first, range.end);
        }
    }

    /// Has accesses reported no more that lie inside a block.
    fn clear(&self, moment: &mut Moment<'_>, start: u64, end: u64) {
        // The bytes before a block in its first granule are not its own.
        let start = start.next_multiple_of(8);
        if start < end {
            moment.set_interest(self.memory, start..end, false);
        }
    }

    /// Takes note that a guest wrote a range of a block.
    pub(super) fn defined(&mut self, moment: &mut Moment<'_>, range: Range<u64>) {
        let Some(undefined) = &mut self.undefined else { return };
        undefined.remove(range.clone());
        // A granule all of which is defined and in one block is of interest no more.
        let (start, end) = (range.start & !7, range.end.next_multiple_of(8));
        for granule in (start..end).step_by(8) {
            let inside = self.blocks.containing(granule).is_some_and(|b| b.contains(granule, 8));
            if inside && !undefined.any(granule..granule + 8) {
                moment.set_interest(self.memory, granule..granule + 8, false);
            }
        }
    }

    pub(super) fn undefined_in(&self, range: &Range<u64>) -> Option<Undefined> {
        let (first, count) = self.undefined.as_ref()?.first(range.clone())?;
        Some(Undefined { first, count, block: self.blocks.containing(first).cloned() })
    }

    /// Whether an access to the allocators' memory is inside a block.
    pub(super) fn verdict(
        &mut self,
        moment: &Moment<'_>,
        access: &Access<'_>,
        partial_loads_ok: bool,
    ) -> Verdict {
        let range = access.range();
        let Some(bad) = self.first_bad(&range) else { return Verdict::Fine };
        if !self.hull.contains(bad) || self.has_grown(moment, &range) {
            return Verdict::Fine;
        }
        let len_bytes = access.len_bytes();
        let partial = partial_loads_ok
            && (len_bytes == self.word_bytes || len_bytes == VECTOR_BYTES)
            && !access.kind().writes()
            && access.source() == AccessSource::Plain
            && range.start.is_multiple_of(len_bytes)
            && range.clone().any(|addr| self.blocks.containing(addr).is_some());
        if partial {
            return Verdict::Fine;
        }
        if let Some(block) = self.blocks.freed_containing(bad) {
            let into = bad - block.addr.min(bad);
            let size = block.size_bytes;
            let place =
                format!("{into} {} inside a freed block of {size} {}", bytes(into), bytes(size));
            return Verdict::Bad { freed: true, place, block: Some(block.clone()) };
        }
        // An access that begins in a block goes beyond the end of that one.
        let block =
            self.blocks.containing(range.start).or_else(|| self.blocks.nearest(bad, NEAR_BYTES));
        let place = match block {
            Some(block) if block.contains(range.start, 1) => {
                let beyond = range.end - block.end();
                let size = block.size_bytes;
                format!(
                    "{beyond} {} beyond the end of a block of {size} {}",
                    bytes(beyond),
                    bytes(size)
                )
            }
            Some(block) => place_text(block, range.start),
            None => "in the heap, but not in any block".to_owned(),
        };
        Verdict::Bad { freed: false, place, block: block.cloned() }
    }

    /// Whether a range is inside an object that has grown in place, without a call: AssemblyScript's
    /// runtime then only writes the new size to the object's header, and the compiler may have
    /// inlined that. The block has the new size afterwards.
    fn has_grown(&mut self, moment: &Moment<'_>, range: &Range<u64>) -> bool {
        let Some(block) = self.blocks.below(range.start) else { return false };
        let (addr, old_bytes) = (block.addr, block.size_bytes);
        if block.family != Family::AssemblyScript {
            return false;
        }
        let field = |before: u64| {
            let mut bytes = [0; 4];
            let at = addr.checked_sub(before)?;
            moment.read(self.memory, at, &mut bytes).ok()?;
            Some(u64::from(u32::from_le_bytes(bytes)))
        };
        // The object's size, and that of the allocator's block with the header but for the latter's
        // own size, whose lowest bits are flags.
        let (Some(size_bytes), Some(room)) = (field(4), field(20)) else { return false };
        let grown = size_bytes > old_bytes
            && size_bytes + 16 <= room & !3
            && range.end <= addr.saturating_add(size_bytes);
        if grown {
            self.blocks.resize(addr, size_bytes);
        }
        grown
    }

    /// The first byte of a range that is in no block, or in another than the first.
    fn first_bad(&self, range: &Range<u64>) -> Option<u64> {
        match self.blocks.containing(range.start) {
            None => Some(range.start),
            Some(block) => (block.end() < range.end).then(|| block.end()),
        }
    }

    /// Changes the arguments of a call as the options say: more room for a redzone, and another
    /// block to be freed than one that goes to quarantine. The tracker remembers the arguments
    /// from before.
    pub(super) fn change(
        &mut self,
        call: &mut Call<'_>,
        recognised: Recognised,
        begun: Begun,
        options: &Options,
    ) {
        // Others need the size again when a block is freed.
        if !matches!(recognised.family, Family::C | Family::New | Family::NewArray) {
            return;
        }
        match (begun, recognised.role) {
            (
                Begun::Allocate { size_bytes: Some(total), .. }
                | Begun::Reallocate { size_bytes: Some(total @ 1..), .. },
                Role::Allocate { size, count: Some(count), .. }
                | Role::Reallocate { size, count: Some(count), .. },
            ) if options.redzone_bytes > 0 => {
                call.values[size] = total + options.redzone_bytes;
                call.values[count] = 1;
            }
            (
                Begun::Allocate { size_bytes: Some(_), .. }
                | Begun::Reallocate { size_bytes: Some(1..), .. },
                Role::Allocate { size, count: None, .. }
                | Role::AllocateInto { size, .. }
                | Role::Reallocate { size, count: None, .. },
            ) => call.values[size] += options.redzone_bytes,
            (Begun::Free { addr: 1.., .. }, _) if options.quarantine_bytes > 0 => {
                self.put_off(call, options.quarantine_bytes);
            }
            _ => {}
        }
    }

    /// Puts a call that frees a block in quarantine, and has the oldest call of the same function
    /// made instead if there are enough bytes; otherwise none, as `free(NULL)` does nothing.
    fn put_off(&mut self, call: &mut Call<'_>, quarantine_bytes: u64) {
        let size_bytes = self.blocks.freed_at(call.values[0]).map_or(0, |block| block.size_bytes);
        self.quarantine.push_back((call.function, call.values.to_vec(), size_bytes));
        self.quarantined_bytes += size_bytes;
        let due = self.quarantined_bytes > quarantine_bytes;
        let oldest = self.quarantine.iter().position(|waiting| due && waiting.0 == call.function);
        match oldest.and_then(|at| self.quarantine.remove(at)) {
            Some((_, values, size_bytes)) => {
                self.quarantined_bytes -= size_bytes;
                call.values.copy_from_slice(&values);
            }
            None => call.values[0] = 0,
        }
    }
}

fn place_text(block: &Block, addr: u64) -> String {
    let size = block.size_bytes;
    let block_text = format!("a block of {size} {}", bytes(size));
    match block.place_of(addr) {
        Place::Before(count) => format!("{count} {} before {block_text}", bytes(count)),
        Place::Inside(count) => format!("{count} {} inside {block_text}", bytes(count)),
        Place::After(count) => format!("{count} {} after the end of {block_text}", bytes(count)),
    }
}

fn overlap(to: u64, from: u64, len_bytes: u64) -> Option<Draft> {
    let apart = to.abs_diff(from);
    // Compilers copy a structure to itself.
    if apart == 0 || apart >= len_bytes {
        return None;
    }
    let message = format!(
        "memcpy of {len_bytes} {} from {from:#x} to {to:#x}: the ranges overlap (use memmove)",
        bytes(len_bytes)
    );
    Some(Draft::new(Kind::Overlap, message).at(to, len_bytes))
}
