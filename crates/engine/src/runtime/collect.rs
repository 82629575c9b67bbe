//! Where the collector finds references, and allocation that collects when it is time.

use std::ptr::NonNull;

use super::heap::{Heap, Object};
use super::store::StoreCore;
use super::trap::Trap;

/// Puts an object into a store's heap, after a collection if one is due; its handle.
///
/// # Errors
///
/// If the heap would grow beyond its limit, or the host has no room.
///
/// # Safety
///
/// The store must be borrowed exclusively, with nothing of it borrowed except the context and
/// parts of instances that do not change. Every slot that is in use must lie before `stack_top`,
/// and references that are nowhere else must be rooted.
pub(crate) unsafe fn allocate(
    store: NonNull<StoreCore>,
    stack_top: *const u64,
    object: Object,
) -> Result<u64, Trap> {
    // SAFETY: the caller's promise: nothing borrows the heap.
    let heap: &mut Heap = unsafe { &mut (*store.as_ptr()).heap };
    if heap.is_due(object.size_bytes()) {
        let rescued: Vec<u64> = object.words().collect();
        // SAFETY: the caller's promise.
        unsafe { collect(store, stack_top, &rescued) };
    }
    // SAFETY: as above.
    unsafe { (*store.as_ptr()).heap.insert(object) }
}

/// Frees what cannot be reached from a store's roots and from the given references.
///
/// # Safety
///
/// As for [`allocate`].
pub(crate) unsafe fn collect(store: NonNull<StoreCore>, stack_top: *const u64, more: &[u64]) {
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
        let segments = instances.flat_map(|instance| {
            let segments = (*instance.as_ptr()).elements.iter();
            segments.flat_map(|segment| segment.borrow().to_vec())
        });
        let words = slots.iter().chain(more).copied().chain([exception]);
        (*store).heap.collect(words.chain(globals).chain(elements).chain(segments));
    }
}

impl StoreCore {
    /// Puts an object into the heap, after a collection if one is due; its handle.
    ///
    /// # Errors
    ///
    /// If the heap would grow beyond its limit, or the host has no room.
    pub(crate) fn allocate(&mut self, object: Object) -> Result<u64, Trap> {
        let stack_top = self.context.stack_free;
        // SAFETY: the store is borrowed exclusively; what the guest has in use lies below the
        // first slot that the host may use.
        unsafe { allocate(NonNull::from(self), stack_top, object) }
    }

    /// Frees what cannot be reached.
    pub(crate) fn collect_garbage(&mut self) {
        let stack_top = self.context.stack_free;
        // SAFETY: as for `allocate`.
        unsafe { collect(NonNull::from(self), stack_top, &[]) }
    }
}
