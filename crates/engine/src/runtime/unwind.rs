//! Exceptions: the `try_table` ranges of a function's code, and the way from where an exception
//! was thrown to the clause that catches it.
//!
//! Entering a `try_table` costs nothing. A throw walks the guest's frames until one is inside a
//! range with a clause for the exception's tag; the values go straight to the slots of the
//! clause's label, and the machine continues there.

use std::fmt;
use std::ptr::NonNull;

use super::context::Context;
use super::entity::TagEntity;
use super::frames::Walk;
use super::instance::InstanceData;
use super::store::StoreCore;
use crate::machine::{Fp, Ip, Machine};

/// The error of a call in which an exception was thrown that nothing caught; see
/// [`ExnRef`](crate::ExnRef).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrownException;

impl fmt::Display for ThrownException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("thrown WebAssembly exception")
    }
}

impl std::error::Error for ThrownException {}

/// The body of a `try_table` in a function's code. Ranges inside others come after them.
#[derive(Debug, Default)]
pub(crate) struct TryRange {
    /// The first granule of the body.
    pub(crate) start: u32,
    /// One past its last granule.
    pub(crate) end: u32,
    pub(crate) clauses: Vec<Clause>,
}

/// The `try_table`s of a function's code, so that those around a granule are found in logarithmic
/// time.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    ranges: Box<[TryRange]>,
    /// For each range the innermost one around it.
    parents: Box<[Option<u32>]>,
    /// Where the innermost range changes, ascending, and which one it is from there on.
    changes: Box<[(u32, Option<u32>)]>,
}

impl Tries {
    /// Ranges are given in the order in which they start. Those without clauses, and those without
    /// a granule, are dropped: they catch nothing.
    pub(crate) fn new(ranges: impl Iterator<Item = TryRange>) -> Tries {
        let ranges = ranges.filter(|range| !range.clauses.is_empty() && range.start < range.end);
        let ranges: Box<[TryRange]> = ranges.collect();
        let mut parents = Vec::with_capacity(ranges.len());
        let mut changes: Vec<(u32, Option<u32>)> = Vec::new();
        let mut open: Vec<u32> = Vec::new();
        let mut change = |at: u32, innermost: Option<u32>| match changes.last_mut() {
            Some(last) if last.0 == at => last.1 = innermost,
            _ => changes.push((at, innermost)),
        };
        let end_of = |index: u32| ranges[index as usize].end;
        for (index, range) in (0u32..).zip(&ranges) {
            while let Some(last) = open.pop_if(|&mut last| end_of(last) <= range.start) {
                change(end_of(last), open.last().copied());
            }
            parents.push(open.last().copied());
            change(range.start, Some(index));
            open.push(index);
        }
        while let Some(last) = open.pop() {
            change(end_of(last), open.last().copied());
        }
        Tries { parents: parents.into(), changes: changes.into(), ranges }
    }

    /// About how many bytes they take besides the value itself.
    pub(super) fn size_bytes(&self) -> usize {
        let clauses = self.ranges.iter().map(|range| size_of_val(&*range.clauses));
        size_of_val(&*self.ranges)
            + size_of_val(&*self.parents)
            + size_of_val(&*self.changes)
            + clauses.sum::<usize>()
    }

    /// The ranges around a granule, from the innermost outwards.
    fn around(&self, granule: u32) -> impl Iterator<Item = &TryRange> {
        let after = self.changes.partition_point(|&(at, _)| at <= granule);
        let innermost = after.checked_sub(1).and_then(|before| self.changes[before].1);
        let outwards = std::iter::successors(innermost, |&index| self.parents[index as usize]);
        outwards.map(|index| &self.ranges[index as usize])
    }
}

/// A clause that catches exceptions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause {
    /// The index of the tag it catches; `None` catches all.
    pub(crate) tag: Option<u32>,
    /// Whether the exception's reference goes behind its values.
    pub(crate) with_reference: bool,
    /// The slot of the label's first value.
    pub(crate) slot: u32,
    /// Where execution continues.
    pub(crate) target: u32,
    /// The slots of the pinned locals there: integer, float.
    pub(crate) pins: (u16, u16),
}

impl Clause {
    fn catches(&self, instance: &InstanceData, tag: NonNull<TagEntity>) -> bool {
        self.tag.is_none_or(|index| instance.tags[index as usize] == tag)
    }
}

/// What became of an exception.
pub(crate) enum Unwound {
    /// The machine as it goes on where the exception is caught.
    Caught(Machine),
    /// The invocation does not catch it.
    Uncaught,
    /// There is no fuel left to look for who catches it. Looking again needs so much.
    OutOfFuel { needed: u64 },
    /// The epoch's deadline is reached. What the guest has in use of its stack ends at `end`; so
    /// many frames were looked at.
    EpochReached { end: *mut u64, frames: usize },
}

/// Looks for where the context's exception is caught. If the configuration asks for it, each frame
/// and each clause that is looked at costs a unit of fuel, and each frame but the first `checked`
/// looks at the epoch.
///
/// # Safety
///
/// The invocation has just stopped with the exception, and the store is exclusively the
/// caller's (R3).
pub(crate) unsafe fn catch(store: NonNull<StoreCore>, checked: usize) -> Unwound {
    // SAFETY: the caller's promise. The machine's pointer to the context, like every other, comes
    // from the store's (R7).
    let cx: *mut Context = unsafe { &raw mut (*store.as_ptr()).context };
    // SAFETY: the caller's promise.
    let (context, heap, options) = unsafe {
        let store = store.as_ptr();
        (&mut *cx, &(*store).heap, (*store).engine.config().translation())
    };
    let Some(exception) = heap.exception(context.exception) else { return Unwound::Uncaught };
    let fuel = if options.fuel { context.fuel } else { u64::MAX };
    let mut cost = 0;
    let mut end = None;
    let mut found = None;
    for (number, frame) in Walk::new(context).enumerate() {
        let end = *end.get_or_insert_with(|| frame.end());
        if options.epochs && number >= checked && context.is_deadline_reached() {
            return Unwound::EpochReached { end, frames: number + 1 };
        }
        let clauses = frame.code.tries.around(frame.granule).flat_map(|range| &range.clauses);
        let mut looked_at = 0;
        let clause = clauses
            .inspect(|_| looked_at += 1)
            .find(|clause| clause.catches(frame.instance, exception.tag));
        cost += 1 + looked_at;
        if cost > fuel {
            return Unwound::OutOfFuel { needed: cost };
        }
        if let Some(clause) = clause {
            found = Some((frame, clause));
            break;
        }
    }
    let caught = found.map(|(frame, clause)| {
        let ip = Ip::new(&raw const frame.code.cells[clause.target as usize]);
        let instance: *const InstanceData = frame.instance;
        (ip, frame.fp, frame.switches, instance, *clause)
    });
    if options.fuel {
        context.fuel = fuel - cost;
    }
    let Some((ip, fp, switches, instance, clause)) = caught else { return Unwound::Uncaught };
    let values = match clause.tag {
        Some(_) => exception.args(),
        None => &[],
    };
    let reference = clause.with_reference.then_some(context.exception);
    for (&value, at) in values.iter().chain(&reference).zip(clause.slot as usize..) {
        // SAFETY: E2: the label's slots are in the frame.
        unsafe { fp.set(at, value) };
    }
    context.switches.truncate(switches);
    context.exception = 0;
    context.enter(instance);
    Unwound::Caught(machine(cx, context.mem_ptr, ip, fp, clause.pins))
}

fn machine(cx: *mut Context, mem_ptr: *mut u8, ip: Ip, fp: Fp, pins: (u16, u16)) -> Machine {
    let mut machine = Machine { ip, ..Machine::at(cx, mem_ptr, fp) };
    // SAFETY: E2: the frame is still on the stack, and has the slots.
    unsafe { machine.load_pins(fp, pins.0.into(), pins.1.into()) };
    machine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u32, end: u32) -> TryRange {
        let clause = Clause { tag: None, with_reference: false, slot: 0, target: 0, pins: (0, 0) };
        TryRange { start, end, clauses: vec![clause] }
    }

    fn around(tries: &Tries, granule: u32) -> Vec<(u32, u32)> {
        tries.around(granule).map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn ranges_are_found_from_the_innermost_outwards() {
        let all = [(2, 20), (2, 5), (5, 9), (6, 8), (12, 12), (14, 20), (16, 20), (30, 31)];
        let tries = Tries::new(all.iter().map(|&(start, end)| range(start, end)));
        for granule in 0..40 {
            // Later ones are inside, or beside.
            let naive = all.iter().rev().copied();
            let naive: Vec<_> =
                naive.filter(|&(start, end)| (start..end).contains(&granule)).collect();
            assert_eq!(around(&tries, granule), naive, "at {granule}");
        }
    }

    #[test]
    fn what_catches_nothing_is_dropped() {
        let empty = TryRange { clauses: Vec::new(), ..range(0, 10) };
        let tries = Tries::new([empty, range(1, 4)].into_iter());
        assert_eq!(tries.ranges.len(), 1);
        assert_eq!((around(&tries, 0), around(&tries, 3)), (vec![], vec![(1, 4)]));
    }
}
