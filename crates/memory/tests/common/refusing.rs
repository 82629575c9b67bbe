//! The system's allocator, which refuses on demand.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Refusing;

#[derive(Clone, Copy)]
struct Plan {
    /// Only what is at least as large counts.
    floor_bytes: usize,
    /// How many of these are granted first.
    granted: usize,
    /// How many are refused after that.
    refused: usize,
}

const GRANT_ALL: Plan = Plan { floor_bytes: usize::MAX, granted: 0, refused: 0 };

thread_local! {
    static PLAN: Cell<Plan> = const { Cell::new(GRANT_ALL) };
}

fn is_refused(bytes: usize) -> bool {
    // A failed test must be told.
    if std::thread::panicking() {
        return false;
    }
    // Fails only while the thread ends, when nobody has a plan any more.
    PLAN.try_with(|cell| {
        let mut plan = cell.get();
        if bytes < plan.floor_bytes {
            return false;
        }
        let grant = plan.granted > 0 || plan.refused == 0;
        let left = if plan.granted > 0 { &mut plan.granted } else { &mut plan.refused };
        *left = left.saturating_sub(1);
        cell.set(plan);
        !grant
    })
    .unwrap_or(false)
}

// SAFETY: passes everything on to the system's allocator, or refuses.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        if new_bytes > layout.size() && is_refused(new_bytes) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_bytes) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// Puts the plan back when a test fails, too.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        PLAN.set(GRANT_ALL);
    }
}

/// Runs a closure while this thread gets no allocation of so many bytes or more.
pub(crate) fn refusing<R>(floor_bytes: usize, run: impl FnOnce() -> R) -> R {
    let _restore = Restore;
    PLAN.set(Plan { floor_bytes, granted: 0, refused: usize::MAX });
    run()
}

/// Runs a closure again and again: first with the first allocation of so many bytes or more
/// refused, then with the second one, and so on, until there is none to refuse. Returns how many
/// were.
pub(crate) fn refusing_each(floor_bytes: usize, mut run: impl FnMut()) -> usize {
    let _restore = Restore;
    for granted in 0.. {
        PLAN.set(Plan { floor_bytes, granted, refused: 1 });
        run();
        let refused = PLAN.replace(GRANT_ALL).refused == 0;
        if !refused {
            return granted;
        }
    }
    unreachable!("numbers end later")
}
