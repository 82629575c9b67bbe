//! What the thread's own stack leaves for guests and hosts that call each other.
//!
//! Guest frames are in the store's stack, but a host function that calls the guest again keeps its
//! frame, and ours, on the thread's. How much these take is measured from one invocation to the
//! next, so that host functions with large frames are refused earlier than small ones.

use std::cell::Cell;

/// The thread's stack as the running invocation found it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NativeStack {
    /// An address in the frame of the invocation; 0 if none runs.
    at: usize,
    /// Which thread it runs on.
    thread: usize,
    /// The most bytes that lay between two invocations.
    largest_step_bytes: usize,
    /// What must be left for whatever does not call the guest again.
    reserve_bytes: usize,
}

impl NativeStack {
    /// What lies farther apart than this is not on one stack.
    const LARGEST_STEP_BYTES: usize = 64 << 20;
    const SMALLEST_RESERVE_BYTES: usize = 32 << 10;
    const LARGEST_RESERVE_BYTES: usize = 256 << 10;

    /// The stack for one more invocation inside this one; `None` if there is no room for a host
    /// function that takes as much as the largest so far.
    #[inline]
    pub(crate) fn descend(self) -> Option<NativeStack> {
        let marker = Cell::new(0u8);
        let here = NativeStack { at: marker.as_ptr().addr(), thread: this_thread(), ..self };
        if self.at == 0 {
            // Of the first invocation nothing is asked.
            return Some(here);
        }
        // Where the host does not say what is left, or this is a stack that it does not know, the
        // store's own stack is the only bound.
        match stacker::remaining_stack() {
            None | Some(0) => Some(here),
            Some(remaining_bytes) => self.descend_to(here, remaining_bytes),
        }
    }

    /// The same for an invocation that waits: what runs next may run anywhere.
    #[cfg(feature = "async")]
    pub(crate) fn waiting(self) -> NativeStack {
        NativeStack { at: usize::MAX, ..self }
    }

    #[inline(never)]
    fn descend_to(self, here: NativeStack, remaining_bytes: usize) -> Option<NativeStack> {
        let step_bytes = match self.at.checked_sub(here.at) {
            Some(bytes) if self.thread == here.thread && bytes <= Self::LARGEST_STEP_BYTES => bytes,
            // The host function went on to another stack.
            _ => 0,
        };
        let largest_step_bytes = self.largest_step_bytes.max(step_bytes);
        let reserve_bytes = match self.reserve_bytes {
            0 => (remaining_bytes / 4)
                .clamp(Self::SMALLEST_RESERVE_BYTES, Self::LARGEST_RESERVE_BYTES),
            reserve_bytes => reserve_bytes,
        };
        let needed_bytes = reserve_bytes.saturating_add(largest_step_bytes);
        (needed_bytes <= remaining_bytes).then_some(NativeStack {
            largest_step_bytes,
            reserve_bytes,
            ..here
        })
    }
}

/// A number that tells this thread from others.
fn this_thread() -> usize {
    thread_local! { static THREAD: Cell<u8> = const { Cell::new(0) } }
    THREAD.with(|thread| thread.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: usize) -> NativeStack {
        NativeStack { at, ..NativeStack::default() }
    }

    #[test]
    fn the_largest_step_and_a_reserve_must_be_left() {
        let top = 1 << 20;
        // A step of 100,000 bytes, with 512 KiB left.
        let second = at(top).descend_to(at(top - 100_000), 512 << 10).unwrap();
        assert_eq!(second.reserve_bytes, 128 << 10);
        assert_eq!(second.largest_step_bytes, 100_000);
        // A smaller one does not make it less.
        let needed = (128 << 10) + 100_000;
        assert!(second.descend_to(at(second.at - 100), needed).is_some());
        assert!(second.descend_to(at(second.at - 100), needed - 1).is_none());
    }

    #[test]
    fn another_stack_is_no_step() {
        let other_thread = NativeStack { thread: 1, ..at(1 << 19) };
        for here in [at(1 << 30), other_thread] {
            let second = at(1 << 20).descend_to(here, 1 << 20).unwrap();
            assert_eq!(second.largest_step_bytes, 0);
        }
        let second = at(1 << 30).descend_to(at(1 << 20), 1 << 20).unwrap();
        assert_eq!(second.largest_step_bytes, 0);
    }
}
