//! Where the collector finds references, and allocation that collects when it is time.

use std::ptr::NonNull;

use super::heap::Heap;
use super::limits::{Limits, Refusal};
use super::object::Object;
use super::pool::Pool;
use super::store::StoreCore;
use super::trap::Trap;

/// Puts an object into a store's heap, after a collection if one is due or there is no room without;
/// its handle. What `make` makes has a payload of so many bytes, and is `None` if the host has no
/// room. The words in `held` count as roots: what the object is to refer to.
///
/// # Errors
///
/// If the heap would take more than it may, or the host has no room: that is denied. The limiter's.
///
/// # Safety
///
/// The pointer must be good for the store's limiter (R7). The store must be borrowed exclusively,
/// with nothing of it borrowed except the context and parts of instances that do not change. Every slot
/// that is in use must lie before `stack_top`, and references that are nowhere else must be rooted.
pub(crate) unsafe fn allocate(
    store: NonNull<StoreCore>,
    stack_top: *const u64,
    payload_bytes: usize,
    held: &[u64],
    mut make: impl FnMut(&mut Pool) -> Option<Object>,
) -> Result<u64, Refusal> {
    let bytes = Object::counted_bytes(payload_bytes);
    // SAFETY: the caller's promise: nothing borrows the heap.
    unsafe {
        let mut collects = (*store.as_ptr()).heap.is_due(bytes);
        loop {
            if collects {
                collect(store, stack_top, held);
            }
            let allowed = Limits::new(store).allow_object(payload_bytes);
            let heap: &mut Heap = &mut (*store.as_ptr()).heap;
            if allowed.is_ok()
                && heap.prepare_entry().is_ok()
                && let Some(object) = make(&mut heap.pool)
                && let Ok(handle) = heap.insert(object)
            {
                return Ok(handle);
            }
            if collects {
                heap.make_room_for_errors();
                allowed?;
                return Err(Refusal::Denied(Trap::GcHeapOutOfMemory.into()));
            }
            collects = true;
        }
    }
}

/// Frees what cannot be reached from a store's roots and the words in `held`.
///
/// # Safety
///
/// As for [`allocate`].
unsafe fn collect(store: NonNull<StoreCore>, stack_top: *const u64, held: &[u64]) {
    let store = store.as_ptr();
    // SAFETY: the caller's promise; R1: entities are alive. What is borrowed here is only read,
    // but for the heap, which is no part of the rest.
    unsafe {
        let start: *const u64 = (*store).context.stack_start;
        let slots = match start.is_null() {
            true => &[][..],
            false => {
                let top = stack_top.min((*store).context.stack_end);
                std::slice::from_raw_parts(start, top.offset_from(start) as usize)
            }
        };
        let exception = (*store).context.exception;
        let globals = (*store).globals.iter().map(|global| (*global.as_ptr()).value[0]);
        let tables = (*store).tables.iter();
        let elements = tables.flat_map(|table| (*table.as_ptr()).elements.iter().copied());
        let instances = (*store).instances.iter();
        let segments = instances.flat_map(|instance| (*instance.as_ptr()).elements.iter());
        let segments = segments.flat_map(|segment| {
            let items = segment.borrow();
            (0..items.len()).map(move |index| items[index])
        });
        forget_unused(stack_top, (*store).context.stack_end);
        (*store).activations.sweep();
        let words = slots.iter().chain(held).copied().chain([exception]);
        let words = words.chain((*store).activations.words());
        (*store).heap.collect(words.chain(globals).chain(elements).chain(segments));
    }
}

/// How many unused slots in a row end the unused part of the stack that was in use before: more
/// than a call of the host leaves out.
const UNTOUCHED_SLOTS: usize = 2048;

/// Zeroes what frames that are gone left behind, so that no later frame seems to refer to it.
///
/// # Safety
///
/// The slots from `start` to `end` are the stack's, and no frame uses them.
unsafe fn forget_unused(start: *const u64, end: *mut u64) {
    let start = start.cast_mut();
    if start >= end {
        return;
    }
    // SAFETY: the caller's promise.
    let slots = unsafe { std::slice::from_raw_parts_mut(start, end.offset_from(start) as usize) };
    for chunk in slots.chunks_mut(UNTOUCHED_SLOTS) {
        if chunk.iter().all(|&slot| slot == 0) {
            break;
        }
        chunk.fill(0);
    }
}

impl Limits<'_> {
    /// Puts an object into the store's heap, after a collection if one is due; its handle. The words
    /// in `held` count as roots meanwhile.
    ///
    /// # Errors
    ///
    /// As for [`allocate`].
    pub(crate) fn allocate(
        &mut self,
        payload_bytes: usize,
        held: &[u64],
        make: impl FnMut(&mut Pool) -> Option<Object>,
    ) -> Result<u64, Refusal> {
        let stack_top = self.core().context.stack_free;
        // SAFETY: the store is borrowed exclusively (R7); what the guest has in use lies below the
        // first slot that the host may use.
        unsafe { allocate(self.store(), stack_top, payload_bytes, held, make) }
    }
}

impl StoreCore {
    /// Frees what cannot be reached.
    pub(crate) fn collect_garbage(&mut self) {
        let stack_top = self.context.stack_free;
        // SAFETY: as for `allocate`.
        unsafe { collect(NonNull::from(self), stack_top, &[]) }
    }
}
