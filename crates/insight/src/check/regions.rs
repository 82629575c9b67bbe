//! Parts of the memory that are not the heap: the null page, constant data, the stack.

use std::collections::HashMap;
use std::ops::Range;
use std::thread::{self, ThreadId};

use lineal::{MemoryId, Module, Moment};

use crate::layout::Layout;

/// What LLVM's leaf functions use below the stack pointer without moving it.
const RED_ZONE_BYTES: u64 = 128;

/// The size that linkers give a stack unless they are told another.
const USUAL_STACK_BYTES: u64 = 64 << 10;

/// After how many reads constant data is not watched any more. Accesses of interest are reported
/// one by one, and a program may do nothing but read a table of constants.
const READS: u32 = 64;

/// A place that must not be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    NullPage,
    ReadOnly,
    /// Beyond the end of the stack, which is at that address.
    BelowStack(u64),
}

#[derive(Debug, Default)]
pub(super) struct Regions {
    null_end: u64,
    read_only: Vec<Range<u64>>,
    /// How often granules of constant data were read.
    reads: HashMap<u64, u32>,
    /// Granules that are not watched any more, and what they contained.
    unwatched: Vec<(u64, [u8; 8])>,
    stack: Option<Stack>,
}

#[derive(Clone, Copy, Debug)]
struct Stack {
    /// The index of the global that holds the stack pointer.
    global: u32,
    /// Whether it has 64 bits.
    is_64: bool,
    /// The lowest address that the stack may use.
    low: u64,
    /// Where it begins.
    start: u64,
    /// The lowest address that certainly belongs to it, if its size is the usual one.
    certain: u64,
    beyond: Option<Beyond>,
}

/// That the stack pointer is below the end of the stack.
#[derive(Clone, Copy, Debug)]
struct Beyond {
    /// The lowest stack pointer.
    lowest: u64,
    /// The height of the outermost frame that set it so.
    height: u64,
    /// Whose stack it is.
    thread: ThreadId,
    /// Whether a write was reported: what comes after it follows from it.
    reported: bool,
}

impl Regions {
    pub(super) fn new(layout: &Layout, variables_end: u64) -> Regions {
        let start = layout.stack_pointer.map(|stack| stack.start);
        let stack = start.zip(layout.stack_end(variables_end));
        Regions {
            null_end: layout.null_page_end(),
            read_only: layout.read_only().collect(),
            reads: HashMap::new(),
            unwatched: Vec::new(),
            stack: stack.map(|(start, low)| {
                // Variables without initial values lie between the data and the stack. Where they
                // end is not known without debug information.
                let known = variables_end > 0 || layout.is_stack_first();
                let usual = start.saturating_sub(USUAL_STACK_BYTES);
                Stack {
                    global: layout.stack_pointer.map_or(0, |stack| stack.global),
                    is_64: layout.is_64,
                    low,
                    start,
                    certain: if known { low } else { low.max(usual) },
                    beyond: None,
                }
            }),
        }
    }

    /// Has accesses reported.
    pub(super) fn mark(&self, moment: &mut Moment<'_>, memory: MemoryId) {
        // A granule that is shared with data is only looked at in vain.
        moment.set_interest(memory, 0..self.null_end, self.null_end > 0);
        for range in &self.read_only {
            moment.set_interest(memory, range.clone(), true);
        }
    }

    /// Below which address the stack pointer is of interest, if there is one.
    pub(super) fn stack_limit(&self) -> Option<u64> {
        self.stack.as_ref().map(Stack::limit)
    }

    pub(super) fn stack_pointer_set(&mut self, moment: &mut Moment<'_>, memory: MemoryId, to: u64) {
        let height = moment.height();
        let Some(stack) = &mut self.stack else { return };
        if to >= stack.limit() {
            return;
        }
        let thread = thread::current().id();
        let beyond =
            stack.beyond.get_or_insert(Beyond { lowest: to, height, thread, reported: false });
        beyond.lowest = beyond.lowest.min(to);
        beyond.height = beyond.height.min(height);
        if to < stack.low {
            moment.set_interest(memory, to.saturating_sub(RED_ZONE_BYTES)..stack.low, true);
        }
    }

    /// Where an access is that must not be there.
    pub(super) fn place(
        &mut self,
        moment: &mut Moment<'_>,
        memory: MemoryId,
        range: &Range<u64>,
        writes: bool,
    ) -> Option<Where> {
        if let Some(stack) = &mut self.stack
            && let Some(beyond) = &mut stack.beyond
            && beyond.thread == thread::current().id()
        {
            let is_frame = beyond.lowest.saturating_sub(RED_ZONE_BYTES) <= range.start;
            if moment.height() < beyond.height {
                stack.beyond = None;
            } else if writes && range.start < stack.low && is_frame {
                let first = !std::mem::replace(&mut beyond.reported, true);
                return first.then_some(Where::BelowStack(stack.low));
            }
        }
        if range.start < self.null_end {
            return (!self.is_frame(moment, range.start)).then_some(Where::NullPage);
        }
        let overlaps = |other: &Range<u64>| range.start < other.end && other.start < range.end;
        if !self.read_only.iter().any(overlaps) {
            return None;
        }
        if writes {
            return Some(Where::ReadOnly);
        }
        let granule = range.start & !7;
        let reads = self.reads.entry(granule).or_default();
        *reads += 1;
        // What is shared with other data stays of interest.
        let inside =
            |other: &Range<u64>| other.start <= granule && granule.saturating_add(8) <= other.end;
        if *reads == READS && self.read_only.iter().any(inside) {
            let mut bytes = [0; 8];
            if moment.read(memory, granule, &mut bytes).is_ok() {
                self.unwatched.push((granule, bytes));
                moment.set_interest(memory, granule..granule + 8, false);
            }
        }
        None
    }

    /// The first address of constant data that has changed since it was watched.
    pub(super) fn changed_constant(&self, moment: &Moment<'_>, memory: MemoryId) -> Option<u64> {
        let changed = |&(granule, ref bytes): &(u64, [u8; 8])| {
            let mut now = [0; 8];
            moment.read(memory, granule, &mut now).ok()?;
            let at = now.iter().zip(bytes).position(|(now, before)| now != before)?;
            Some(granule + at as u64)
        };
        self.unwatched.iter().filter_map(changed).min()
    }

    /// Whether an address in the null page is in the frame of the function that runs.
    fn is_frame(&self, moment: &Moment<'_>, addr: u64) -> bool {
        let Some(stack) = self.stack.filter(|stack| stack.low == 0 || stack.beyond.is_some())
        else {
            return false;
        };
        // Beyond address 0, the pointer is a large number.
        let pointer = moment.global(stack.global);
        pointer.is_some_and(|pointer| {
            stack.is_negative(pointer) || pointer <= addr.saturating_add(RED_ZONE_BYTES)
        })
    }

    /// Whether an access that was out of bounds was so because the stack pointer, which has that
    /// value now, went beyond address 0.
    pub(super) fn ran_out_of_stack(&self, pointer: Option<u64>) -> bool {
        let Some(stack) = self.stack else { return false };
        stack.low == 0 && stack.beyond.is_some()
            || pointer.is_some_and(|pointer| stack.is_negative(pointer))
    }

    /// Whether an address is in the stack.
    pub(super) fn is_stack(&self, addr: u64) -> bool {
        self.stack.is_some_and(|stack| (stack.low..stack.start).contains(&addr))
    }

    /// Whether an address is in static data, as far as it is known: below the stack.
    pub(super) fn is_data(&self, addr: u64) -> bool {
        self.stack.is_some_and(|stack| addr < stack.low)
    }

    /// The part of the stack that is not in use, given the values that frames and globals hold:
    /// the stack pointer is among them.
    pub(super) fn dead_stack(&self, values: &[u64]) -> Range<u64> {
        let Some(stack) = self.stack else { return 0..0 };
        let in_stack =
            |value: &u64| (stack.low..=stack.start).contains(value) && value.is_multiple_of(16);
        let pointer = values.iter().copied().filter(in_stack).min().unwrap_or(stack.start);
        stack.certain..pointer.max(stack.certain)
    }
}

/// The parts of a module's memory for a picture: kind and name of each.
pub(crate) fn regions_of(
    layout: &Layout,
    module: &Module,
    memory_bytes: u64,
) -> Vec<(Range<u64>, &'static str, Option<String>)> {
    let variables_end = variables_end(layout, module);
    let mut parts = vec![(0..layout.null_page_end(), "null", None)];
    for segment in &layout.segments {
        let name = segment.name.as_deref().unwrap_or("");
        let kind = if name.starts_with(".rodata") { "rodata" } else { "data" };
        parts.push((segment.range.clone(), kind, segment.name.clone()));
    }
    if let Some(stack) = layout.stack_pointer {
        let end = layout.stack_end(variables_end).unwrap_or(0);
        let data_end = layout.segments_end();
        if data_end < end {
            parts.push((data_end..end, "bss", None));
        }
        parts.push((end..stack.start, "stack", None));
    }
    if let Some(start) = layout.heap_start() {
        parts.push((start..memory_bytes, "heap", None));
    }
    parts.retain(|(range, _, _)| !range.is_empty());
    parts.sort_by_key(|(range, _, _)| range.start);
    parts
}

/// Where the variables end that lie below the stack, or 0 if no debug information says so.
pub(super) fn variables_end(layout: &Layout, module: &Module) -> u64 {
    let Some(stack) = layout.stack_pointer else { return 0 };
    let variables = module.data_symbols().iter().filter(|symbol| symbol.memory() == 0);
    let ends = variables.map(|variable| variable.range().end);
    ends.filter(|&end| end <= stack.start).max().unwrap_or(0)
}

impl Stack {
    /// Whether a stack pointer is beyond address 0.
    fn is_negative(&self, pointer: u64) -> bool {
        pointer >> if self.is_64 { 63 } else { 31 } & 1 != 0
    }

    /// A stack pointer below this is of interest.
    fn limit(&self) -> u64 {
        // A stack that begins above address 0 cannot overflow into anything, but run out.
        if self.low == 0 { 1024 } else { self.low }
    }
}
