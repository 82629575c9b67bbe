//! Parts of the memory that are not the heap: the null page, constant data, the stack.

use std::ops::Range;

use lineal::{MemoryId, Module, Moment};

use crate::layout::Layout;

/// What LLVM's leaf functions use below the stack pointer without moving it.
const RED_ZONE_BYTES: u64 = 128;

/// The size that linkers give a stack unless they are told another.
const USUAL_STACK_BYTES: u64 = 64 << 10;

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
    stack: Option<Stack>,
}

#[derive(Clone, Copy, Debug)]
struct Stack {
    /// The lowest address that the stack may use.
    low: u64,
    /// Where it begins.
    start: u64,
    /// The lowest address that certainly belongs to it, if its size is the usual one.
    certain: u64,
    /// The lowest stack pointer below `low`, and the height of the frame that set it.
    beyond: Option<(u64, u64)>,
}

impl Regions {
    pub(super) fn new(layout: &Layout, variables_end: u64) -> Regions {
        let start = layout.stack_pointer.map(|stack| stack.start);
        let stack = start.zip(layout.stack_end(variables_end));
        Regions {
            null_end: layout.null_page_end(),
            read_only: layout.read_only().collect(),
            stack: stack.map(|(start, low)| {
                // Variables without initial values lie between the data and the stack. Where they
                // end is not known without debug information.
                let known = variables_end > 0 || layout.is_stack_first();
                let usual = start.saturating_sub(USUAL_STACK_BYTES);
                Stack {
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
        if let Some(stack) = &self.stack {
            moment.report_globals_below(stack.limit());
        }
    }

    pub(super) fn stack_pointer_set(&mut self, moment: &mut Moment<'_>, memory: MemoryId, to: u64) {
        let height = moment.height();
        let Some(stack) = &mut self.stack else { return };
        if to >= stack.limit() {
            return;
        }
        let lowest = stack.beyond.map_or(to, |(lowest, _)| lowest.min(to));
        // The outermost frame that is beyond the end.
        let height = stack.beyond.map_or(height, |(_, known)| known.min(height));
        stack.beyond = Some((lowest, height));
        if to < stack.low {
            moment.set_interest(memory, to.saturating_sub(RED_ZONE_BYTES)..stack.low, true);
        }
    }

    /// Where an access is that must not be there.
    pub(super) fn place(
        &mut self,
        moment: &Moment<'_>,
        range: &Range<u64>,
        writes: bool,
    ) -> Option<Where> {
        if let Some(stack) = &mut self.stack
            && let Some((lowest, height)) = stack.beyond
        {
            if moment.height() < height {
                stack.beyond = None;
            } else if writes
                && range.start < stack.low
                && lowest.saturating_sub(RED_ZONE_BYTES) <= range.start
            {
                return Some(Where::BelowStack(stack.low));
            }
        }
        if range.start < self.null_end {
            return Some(Where::NullPage);
        }
        let overlaps = |other: &&Range<u64>| range.start < other.end && other.start < range.end;
        (writes && self.read_only.iter().any(|other| overlaps(&other))).then_some(Where::ReadOnly)
    }

    /// Whether the stack pointer was near address 0, with nothing below the stack.
    pub(super) fn ran_out_of_stack(&self) -> bool {
        self.stack.is_some_and(|stack| stack.low == 0 && stack.beyond.is_some())
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
    /// A stack pointer below this is of interest.
    fn limit(&self) -> u64 {
        // A stack that begins above address 0 cannot overflow into anything, but run out.
        if self.low == 0 { 1024 } else { self.low }
    }
}
