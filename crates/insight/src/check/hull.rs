//! Which memory an allocator manages: what lies outside of it is never "outside of any block".

#![expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of which have one")]

use std::ops::Range;

use crate::layout::Layout;

/// How far an allocator's own data may lie from a block, if nothing better is known.
const SLACK_BYTES: u64 = 16;

/// The memory of the allocators of a program.
#[derive(Debug, Default)]
pub(super) struct Hull {
    span: Option<Range<u64>>,
    /// Memory in the span that somebody else asked for.
    foreign: Vec<Range<u64>>,
    /// Memory that an allocator asked for.
    owned: Vec<Range<u64>>,
    heap_start: Option<u64>,
    segments_end: u64,
    /// Where the stack begins, which grows downwards; 0 if that is not known.
    stack_start: u64,
    initial_bytes: u64,
}

impl Hull {
    pub(super) fn new(layout: &Layout) -> Hull {
        Hull {
            heap_start: layout.heap_start(),
            segments_end: layout.segments_end(),
            stack_start: layout.stack_pointer.map_or(0, |stack| stack.start),
            initial_bytes: layout.initial_bytes,
            ..Hull::default()
        }
    }

    /// The memory grew, on behalf of an allocator or of somebody else. Returns what belongs to the
    /// allocators from now on.
    pub(super) fn grew(&mut self, grown: Range<u64>, by_allocator: bool) -> Option<Range<u64>> {
        if !by_allocator {
            self.foreign.push(grown);
            return None;
        }
        match self.owned.last_mut() {
            Some(last) if last.end == grown.start => last.end = grown.end,
            _ => self.owned.push(grown.clone()),
        }
        let span = self.span.as_mut()?;
        (span.end == grown.start).then(|| {
            span.end = grown.end;
            grown
        })
    }

    /// There is a block. Returns what belongs to the allocators from now on, besides what did.
    pub(super) fn cover(&mut self, block: Range<u64>) -> Vec<Range<u64>> {
        let start = match self.heap_start {
            Some(start) if start <= block.start => start,
            _ => block.start.saturating_sub(SLACK_BYTES),
        };
        // What is below belongs to static data, and to the stack.
        let below = [self.segments_end, self.stack_start];
        let below = below.into_iter().filter(|&end| end <= block.start);
        let start = below.fold(start, u64::max);
        let owned = self.owned.iter().find(|owned| owned.contains(&block.start));
        let end = match owned {
            Some(owned) => owned.end,
            None if self.heap_start.is_some_and(|start| start <= block.start)
                && block.end <= self.initial_bytes =>
            {
                self.initial_bytes
            }
            None => block.end.saturating_add(SLACK_BYTES),
        };
        let end = end.max(block.end);
        let new = match self.span.take() {
            None => {
                self.span = Some(start..end);
                vec![start..end]
            }
            Some(old) => {
                let new = [start..old.start.max(start), old.end.min(end)..end];
                self.span = Some(old.start.min(start)..old.end.max(end));
                let outside = |range: &Range<u64>| !range.is_empty();
                new.into_iter().filter(outside).collect()
            }
        };
        new.into_iter().flat_map(|range| self.without_foreign(range)).collect()
    }

    fn without_foreign(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut pieces = vec![range];
        for foreign in &self.foreign {
            pieces = pieces
                .into_iter()
                .flat_map(|piece| {
                    [
                        piece.start..piece.end.min(foreign.start),
                        piece.start.max(foreign.end)..piece.end,
                    ]
                })
                .filter(|piece| !piece.is_empty())
                .collect();
        }
        pieces
    }

    /// Whether an address belongs to an allocator.
    pub(super) fn contains(&self, addr: u64) -> bool {
        self.span.as_ref().is_some_and(|span| span.contains(&addr))
            && !self.foreign.iter().any(|foreign| foreign.contains(&addr))
    }

    /// What does not belong to an allocator, in a memory of that size.
    pub(super) fn outside(&self, memory_bytes: u64) -> Vec<Range<u64>> {
        let Some(span) = self.span.clone() else { return vec![0..memory_bytes] };
        let mut outside = vec![0..span.start.min(memory_bytes)];
        if span.end < memory_bytes {
            outside.push(span.end..memory_bytes);
        }
        outside.extend(self.foreign.iter().filter(|range| range.end <= span.end).cloned());
        outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::StackPointer;

    fn layout() -> Layout {
        Layout { initial_bytes: 0x20000, heap_base: Some(0x11000), ..Layout::default() }
    }

    #[test]
    fn the_heap_begins_at_its_base_and_ends_with_the_memory() {
        let mut hull = Hull::new(&layout());
        assert!(!hull.contains(0x12000));
        assert_eq!(hull.cover(0x12000..0x12010), [0x11000..0x20000]);
        assert!(hull.contains(0x11000) && hull.contains(0x1ffff));
        assert!(!hull.contains(0x10fff) && !hull.contains(0x20000));
        assert_eq!(hull.grew(0x20000..0x30000, true), Some(0x20000..0x30000));
        assert!(hull.contains(0x20000));
    }

    /// Programs without a data segment, of which nothing else says where the heap begins.
    #[test]
    fn frames_right_below_the_first_block_are_not_the_allocators() {
        let stack_pointer = Some(StackPointer { global: 0, start: 0x10510 });
        let layout = Layout { initial_bytes: 0x20000, stack_pointer, ..Layout::default() };
        let mut hull = Hull::new(&layout);
        assert_eq!(hull.cover(0x10518..0x10600), [0x10510..0x10610]);
        assert!(!hull.contains(0x1050c));
        // A heap that lies below the stack is another matter.
        let mut hull = Hull::new(&layout);
        assert_eq!(hull.cover(0x8000..0x8010), [0x7ff0..0x8020]);
    }

    #[test]
    fn memory_that_somebody_else_asked_for_is_not_the_allocators() {
        let mut hull = Hull::new(&layout());
        hull.cover(0x12000..0x12010);
        assert_eq!(hull.grew(0x20000..0x30000, false), None);
        assert_eq!(hull.grew(0x30000..0x40000, true), None);
        assert_eq!(hull.cover(0x30010..0x30020), [0x30000..0x40000]);
        assert!(!hull.contains(0x20000) && hull.contains(0x30000));
        assert_eq!(hull.outside(0x40000), [0..0x11000, 0x20000..0x30000]);
    }

    #[test]
    fn without_a_base_only_what_is_near_blocks_counts() {
        let mut hull = Hull::new(&Layout { initial_bytes: 0x20000, ..Layout::default() });
        assert_eq!(hull.cover(0x5000..0x5010), [0x4ff0..0x5020]);
        assert_eq!(hull.cover(0x6000..0x6010), [0x5020..0x6020]);
        assert!(hull.contains(0x5800) && !hull.contains(0x6020));
        assert!(hull.cover(0x5100..0x5110).is_empty());
    }
}
