//! [`Stack`]: the slots in which guest functions keep their frames.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use super::room::{self, OutOfMemory};

/// The slots in which guest functions keep their frames. Allocated once; they never move, also
/// when the stack does.
pub(crate) struct Stack {
    /// A box that was leaked, so that addresses in it stay good when the stack is moved.
    slots: NonNull<[u64]>,
}

// SAFETY: the slots are the stack's own.
unsafe impl Send for Stack {}
// SAFETY: nothing is reached through a shared borrow of a stack.
unsafe impl Sync for Stack {}

impl Stack {
    /// How many slots an invocation may rely on beyond the last frame, whatever the limit says.
    pub(super) const MINIMUM_SLOTS: usize = 64;

    /// How many stacks are kept for stores to come, and how large they may be.
    const SPARE: usize = 8;
    const LARGEST_SPARE_SLOTS: usize = (1 << 20) / size_of::<u64>();

    pub(super) fn new(size_bytes: usize) -> Result<Stack, OutOfMemory> {
        let count = (size_bytes / size_of::<u64>()).max(Self::MINIMUM_SLOTS);
        let mut spare = SPARE_STACKS.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = match spare.iter().position(|slots| slots.len() == count) {
            // What stores before left in it is overwritten before a guest can read it.
            Some(index) => spare.swap_remove(index),
            // The collector may look at any slot, so that all must have a value.
            None => room::zeros(count)?,
        };
        Ok(Stack { slots: NonNull::from(Box::leak(slots)) })
    }

    pub(super) fn range(&self) -> Range<*mut u64> {
        let start: *mut u64 = self.slots.as_ptr().cast();
        start..start.wrapping_add(self.slots.len())
    }
}

/// Stacks of stores that are gone: zeroing a new one takes longer than a small module's start.
static SPARE_STACKS: Mutex<Vec<Box<[u64]>>> = Mutex::new(Vec::new());

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: it came from a box in `new`, and is taken back once, here.
        let slots = unsafe { Box::from_raw(self.slots.as_ptr()) };
        let mut spare = SPARE_STACKS.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < Self::SPARE && slots.len() <= Self::LARGEST_SPARE_SLOTS {
            spare.push(slots);
        }
    }
}
