//! The portable backing: one allocation of the global allocator.

use alloc::alloc::{alloc_zeroed, dealloc, realloc};
use core::alloc::Layout;
use core::ptr::{self, NonNull};

use super::{BASE_ALIGN, OutOfMemory, dangling};

/// A zeroed allocation of exactly the memory's size. See [`super`] for what it promises.
///
/// H1: `base_ptr` is an allocation of `layout`, or dangling if the size of that is 0.
#[derive(Debug)]
pub(crate) struct HeapBacking {
    base_ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: H1: the allocation is this backing's own, whichever thread has the backing.
unsafe impl Send for HeapBacking {}

// SAFETY: a shared borrow reads the fields only.
unsafe impl Sync for HeapBacking {}

impl HeapBacking {
    pub(crate) fn new(bytes: usize) -> Result<HeapBacking, OutOfMemory> {
        let layout = layout_of(bytes)?;
        if bytes == 0 {
            return Ok(HeapBacking { base_ptr: dangling(), layout });
        }
        // SAFETY: the size is not zero.
        let base_ptr = unsafe { alloc_zeroed(layout) };
        let base_ptr = NonNull::new(base_ptr).ok_or(OutOfMemory)?;
        Ok(HeapBacking { base_ptr, layout })
    }

    pub(crate) fn base_ptr(&self) -> NonNull<u8> {
        self.base_ptr
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        self.layout.size()
    }

    pub(crate) fn grow(&mut self, new_bytes: usize) -> Result<(), OutOfMemory> {
        let old_bytes = self.layout.size();
        let added_bytes = new_bytes - old_bytes;
        if added_bytes == 0 {
            return Ok(());
        }
        // A fresh zeroed allocation can be free of charge until touched, but the old bytes
        // must be copied; extending the old one is the other way round. Do less work.
        if added_bytes < old_bytes {
            return self.extend(new_bytes);
        }
        let replaced = self.replace(new_bytes);
        // Where there is no room for both, there may be some for one.
        if replaced.is_err() && old_bytes > 0 { self.extend(new_bytes) } else { replaced }
    }

    /// Extends the allocation, in place if the allocator can, and zeroes the added bytes. There
    /// must be one.
    fn extend(&mut self, new_bytes: usize) -> Result<(), OutOfMemory> {
        let layout = layout_of(new_bytes)?;
        // SAFETY: H1, with an old size that the caller knows not to be zero; the new size is
        // larger and makes a valid layout.
        let base_ptr = unsafe { realloc(self.base_ptr.as_ptr(), self.layout, new_bytes) };
        let base_ptr = NonNull::new(base_ptr).ok_or(OutOfMemory)?;
        let old_bytes = self.layout.size();
        self.base_ptr = base_ptr;
        self.layout = layout;
        // SAFETY: H1, and the old size is inside the new one.
        let added_ptr = unsafe { base_ptr.as_ptr().add(old_bytes) };
        // SAFETY: H1, as above.
        unsafe { added_ptr.write_bytes(0, new_bytes - old_bytes) };
        Ok(())
    }

    /// Moves the bytes to a fresh allocation.
    fn replace(&mut self, new_bytes: usize) -> Result<(), OutOfMemory> {
        let larger = HeapBacking::new(new_bytes)?;
        let (old_ptr, new_ptr) = (self.base_ptr.as_ptr(), larger.base_ptr.as_ptr());
        // SAFETY: H1 for both: the old size is no more than the new one, and a fresh
        // allocation does not overlap.
        unsafe { ptr::copy_nonoverlapping(old_ptr, new_ptr, self.layout.size()) };
        *self = larger;
        Ok(())
    }
}

impl Drop for HeapBacking {
    fn drop(&mut self) {
        if self.layout.size() != 0 {
            // SAFETY: H1, and nobody else frees it.
            unsafe { dealloc(self.base_ptr.as_ptr(), self.layout) };
        }
    }
}

fn layout_of(bytes: usize) -> Result<Layout, OutOfMemory> {
    Layout::from_size_align(bytes, BASE_ALIGN).map_err(|_| OutOfMemory)
}
