//! What a heap profile says.

use crate::alloc::AllocatorFunction;
use crate::check::Frame;

/// Numbers of blocks and bytes, and what became of the blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many blocks were allocated.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many blocks were live when the program had most bytes allocated.
    pub peak_blocks: u64,
    /// Their bytes.
    pub peak_bytes: u64,
    /// How many blocks were not freed.
    pub end_blocks: u64,
    /// Their bytes.
    pub end_bytes: u64,
    /// How many blocks were freed before anything else was allocated.
    pub temporary_blocks: u64,
    /// How many allocations all blocks lived through, added up.
    pub lifetimes: u64,
    /// The most bytes that were live at a time.
    pub max_bytes: u64,
    /// How many blocks were live then.
    pub max_blocks: u64,
    /// How many bytes of the blocks were read, if accesses were counted.
    pub read_bytes: u64,
    /// How many bytes were written to the blocks.
    pub written_bytes: u64,
    /// How many blocks were never read.
    pub never_read_blocks: u64,
    /// How many blocks were never written.
    pub never_written_blocks: u64,
}

/// What one call stack allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteProfile {
    /// The stack, innermost first: the allocator function comes first.
    pub stack: Vec<Frame>,
    /// What it allocated.
    pub totals: Totals,
}

/// The heap at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// The fuel that was consumed, or without fuel the number of allocations.
    pub time: u64,
    /// The bytes of the live blocks.
    pub live_bytes: u64,
    /// The size of the memory in bytes.
    pub memory_bytes: u64,
}

/// That the memory grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// When.
    pub time: u64,
    /// By how many bytes.
    pub bytes: u64,
    /// Who made it grow, innermost first.
    pub stack: Vec<Frame>,
}

/// The deepest point of the stack in linear memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackMark {
    /// How many bytes of the stack were in use.
    pub bytes: u64,
    /// How many it has, if that is known.
    pub size_bytes: Option<u64>,
    /// Whose frame was the deepest, innermost first.
    pub stack: Vec<Frame>,
}

/// The heap profile of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// All call stacks that allocated, those with the most bytes first.
    pub sites: Vec<SiteProfile>,
    /// All of them together.
    pub totals: Totals,
    /// When the program had most bytes allocated.
    pub peak_time: u64,
    /// When it ended.
    pub end_time: u64,
    /// Whether times are fuel; otherwise they are numbers of allocations.
    pub time_is_fuel: bool,
    /// The heap over time: some hundred points, the last one at the end.
    pub timeline: Vec<Point>,
    /// When the memory grew.
    pub growths: Vec<Growth>,
    /// The size of the memory at the end, in bytes.
    pub memory_bytes: u64,
    /// From the first to the last byte of any block.
    pub span_bytes: u64,
    /// The deepest point of the stack.
    pub stack: Option<StackMark>,
    /// The allocator functions that were recognised.
    pub allocators: Vec<String>,
    /// Whether all blocks belong to a collector, so that none is a leak.
    pub is_collected: bool,
    /// Whether accesses were counted.
    pub has_accesses: bool,
}

impl Profile {
    pub(super) fn allocator_names(functions: &[AllocatorFunction]) -> Vec<String> {
        functions.iter().map(|function| function.name.clone()).collect()
    }
}
