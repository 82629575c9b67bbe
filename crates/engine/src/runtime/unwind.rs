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
use super::frames::{Frame, Walk};
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

/// A clause that catches exceptions.
#[derive(Debug)]
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

/// The machine as it goes on where the context's exception is caught; `None` if the invocation
/// does not catch it.
///
/// # Safety
///
/// The invocation has just stopped with the exception, and the store is exclusively the
/// caller's (R3).
pub(crate) unsafe fn catch(store: NonNull<StoreCore>) -> Option<Machine> {
    // SAFETY: the caller's promise. The machine's pointer to the context, like every other, comes
    // from the store's (R7).
    let cx: *mut Context = unsafe { &raw mut (*store.as_ptr()).context };
    // SAFETY: the caller's promise.
    let (context, heap) = unsafe { (&mut *cx, &(*store.as_ptr()).heap) };
    let exception = heap.exception(context.exception)?;
    let (frame, clause) = Walk::new(context).find_map(|frame| {
        let clause = find_clause(&frame, exception.tag)?;
        Some((frame, clause))
    })?;
    let values = match clause.tag {
        Some(_) => &exception.args[..],
        None => &[],
    };
    let reference = clause.with_reference.then_some(context.exception);
    let ip = Ip::new(&raw const frame.code.cells[clause.target as usize]);
    let (fp, pins, switches) = (frame.fp, clause.pins, frame.switches);
    let instance: *const InstanceData = frame.instance;
    for (&value, at) in values.iter().chain(&reference).zip(clause.slot as usize..) {
        // SAFETY: E2: the label's slots are in the frame.
        unsafe { fp.set(at, value) };
    }
    context.switches.truncate(switches);
    context.exception = 0;
    context.enter(instance);
    Some(machine(cx, context.mem_ptr, ip, fp, pins))
}

/// The innermost clause around where a frame's function is that catches a tag.
fn find_clause<'a>(frame: &Frame<'a>, tag: NonNull<TagEntity>) -> Option<&'a Clause> {
    let ranges = frame.code.tries.iter().rev();
    ranges
        .filter(|range| (range.start..range.end).contains(&frame.granule))
        .flat_map(|range| &range.clauses)
        .find(|clause| clause.catches(frame.instance, tag))
}

fn machine(cx: *mut Context, mem_ptr: *mut u8, ip: Ip, fp: Fp, pins: (u16, u16)) -> Machine {
    let mut machine = Machine {
        ip,
        fp,
        cx,
        mem_ptr,
        acc: 0,
        pin: 0,
        acc64: 0.0,
        acc32: 0.0,
        pin64: 0.0,
        pin32: 0.0,
        head: Ip::NULL,
    };
    // SAFETY: E2: the frame is still on the stack, and has the slots.
    unsafe { machine.load_pins(fp, pins.0.into(), pins.1.into()) };
    machine
}
