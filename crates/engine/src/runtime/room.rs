//! Allocations whose size a guest or a module chooses: the host may refuse them.
//!
//! All other allocations are ordinary Rust ones, which end the process if the host refuses them.

use std::alloc::{Layout, alloc_zeroed};
use std::fmt;

/// The host has no room for something whose size a guest, a module or the
/// [`Config`](crate::Config) says.
///
/// Nothing has changed then, and the store can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    bytes: usize,
}

impl OutOfMemory {
    /// How many bytes were asked for.
    pub fn requested_bytes(&self) -> usize {
        self.bytes
    }

    fn new<T>(count: usize) -> OutOfMemory {
        OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host has no room for {} bytes", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

/// Makes room for so many values in total.
pub(crate) fn reserve<T>(values: &mut Vec<T>, count: usize) -> Result<(), OutOfMemory> {
    let more = count.saturating_sub(values.len());
    values.try_reserve_exact(more).map_err(|_| OutOfMemory::new::<T>(count))
}

/// The values, if there is room for them.
pub(crate) fn collect<T>(
    values: impl ExactSizeIterator<Item = T>,
) -> Result<Box<[T]>, OutOfMemory> {
    let mut collected = Vec::new();
    reserve(&mut collected, values.len())?;
    collected.extend(values);
    Ok(collected.into())
}

/// A number that is zero if all its bytes are.
///
/// # Safety
///
/// Zero bytes must be a value of the type.
pub(crate) unsafe trait Zero {}

// SAFETY: any bytes are a number.
unsafe impl Zero for u64 {}
// SAFETY: as above.
unsafe impl Zero for u8 {}

/// So many zeros, which take no memory of the host's before they are touched.
pub(crate) fn zeros<T: Zero>(count: usize) -> Result<Box<[T]>, OutOfMemory> {
    let refused = OutOfMemory::new::<T>(count);
    let layout = Layout::array::<T>(count).map_err(|_| refused)?;
    if layout.size() == 0 {
        return Ok(Box::default());
    }
    // SAFETY: the size is not zero.
    let slots = unsafe { alloc_zeroed(layout) }.cast::<T>();
    if slots.is_null() {
        return Err(refused);
    }
    // SAFETY: an allocation with the layout of so many numbers, all of which are zero.
    Ok(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(slots, count)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_has_is_refused() {
        assert_eq!(zeros::<u64>(usize::MAX), Err(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(reserve(&mut Vec::<u16>::new(), 1 << 62), Err(OutOfMemory { bytes: 1 << 63 }));
    }

    #[test]
    fn zeros_are_zero() {
        assert_eq!(zeros::<u8>(0).unwrap().len(), 0);
        assert_eq!(zeros::<u64>(1000).unwrap()[..], [0; 1000]);
        assert_eq!(collect([1, 2, 3].into_iter()).unwrap()[..], [1, 2, 3]);
    }
}
