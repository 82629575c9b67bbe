//! Accesses that do not fit.

use core::error::Error;
use core::fmt;

use super::Bytes;

/// An access outside a linear memory: the trap `out of bounds memory access`.
///
/// Nothing has been read or written. Every field is in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// The address the access was given.
    pub addr: u64,
    /// What was to be added to the address; 0 for bulk operations.
    pub offset: u64,
    /// How many bytes were to be accessed.
    pub len_bytes: u64,
    /// How many bytes the memory had.
    pub memory_bytes: u64,
}

impl OutOfBounds {
    /// The effective address, `addr + offset`. A `u64` cannot always hold it.
    #[must_use]
    pub const fn effective_address(&self) -> u128 {
        self.addr as u128 + self.offset as u128
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfBounds { addr, offset, len_bytes, memory_bytes } = *self;
        write!(f, "out of bounds memory access: {} at address {addr:#x}", Bytes(len_bytes))?;
        if offset != 0 {
            write!(f, " + {offset:#x}")?;
        }
        write!(f, ", but the memory has {}", Bytes(memory_bytes))
    }
}

impl Error for OutOfBounds {}

/// A range outside a data segment, which includes any non-empty range of a dropped one.
///
/// Every field is in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentOutOfBounds {
    /// Where in the segment the range was to begin.
    pub offset: u64,
    /// How long the range was.
    pub len_bytes: u64,
    /// How long the segment was; 0 once dropped.
    pub segment_bytes: u64,
}

impl fmt::Display for SegmentOutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SegmentOutOfBounds { offset, len_bytes, segment_bytes } = *self;
        write!(f, "out of bounds data segment access: {} from", Bytes(len_bytes))?;
        write!(f, " offset {offset:#x}, but the segment has {}", Bytes(segment_bytes))
    }
}

impl Error for SegmentOutOfBounds {}

/// Why [`LinearMemory::init`](crate::LinearMemory::init) refused to copy. Both cases are the
/// trap `out of bounds memory access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitError {
    /// The destination is not inside the memory.
    Memory(OutOfBounds),
    /// The source is not inside the segment.
    Segment(SegmentOutOfBounds),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitError::Memory(error) => error.fmt(f),
            InitError::Segment(error) => error.fmt(f),
        }
    }
}

impl Error for InitError {}

impl From<OutOfBounds> for InitError {
    fn from(error: OutOfBounds) -> InitError {
        InitError::Memory(error)
    }
}

impl From<SegmentOutOfBounds> for InitError {
    fn from(error: SegmentOutOfBounds) -> InitError {
        InitError::Segment(error)
    }
}

/// An atomic access whose effective address is not a multiple of its width: the trap
/// `unaligned atomic`.
///
/// Every field is in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unaligned {
    /// The address the access was given.
    pub addr: u64,
    /// What was to be added to the address.
    pub offset: u64,
    /// What the sum must be a multiple of.
    pub align_bytes: u64,
}

impl fmt::Display for Unaligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unaligned { addr, offset, align_bytes } = *self;
        write!(f, "unaligned atomic access: address {addr:#x}")?;
        if offset != 0 {
            write!(f, " + {offset:#x}")?;
        }
        write!(f, " is not a multiple of {}", Bytes(align_bytes))
    }
}

impl Error for Unaligned {}

/// Why an atomic access was refused. Nothing has been read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtomicError {
    /// The effective address is not a multiple of the width.
    Unaligned(Unaligned),
    /// The access is not inside the memory.
    OutOfBounds(OutOfBounds),
    /// A thread can wait only on a shared memory: the trap `expected shared memory`.
    NotShared,
}

impl fmt::Display for AtomicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtomicError::Unaligned(error) => error.fmt(f),
            AtomicError::OutOfBounds(error) => error.fmt(f),
            AtomicError::NotShared => {
                f.write_str("expected shared memory: a thread cannot wait on another")
            }
        }
    }
}

impl Error for AtomicError {}

impl From<Unaligned> for AtomicError {
    fn from(error: Unaligned) -> AtomicError {
        AtomicError::Unaligned(error)
    }
}

impl From<OutOfBounds> for AtomicError {
    fn from(error: OutOfBounds) -> AtomicError {
        AtomicError::OutOfBounds(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn out_of_bounds_reads_well() {
        let mut error =
            OutOfBounds { addr: 0x10000, offset: 0, len_bytes: 4, memory_bytes: 65_536 };
        assert_eq!(
            error.to_string(),
            "out of bounds memory access: 4 bytes at address 0x10000, \
             but the memory has 65536 bytes"
        );
        error.offset = 16;
        error.len_bytes = 1;
        assert_eq!(
            error.to_string(),
            "out of bounds memory access: 1 byte at address 0x10000 + 0x10, \
             but the memory has 65536 bytes"
        );
    }

    #[test]
    fn unaligned_reads_well() {
        let error = AtomicError::from(Unaligned { addr: 0x11, offset: 8, align_bytes: 4 });
        assert_eq!(
            error.to_string(),
            "unaligned atomic access: address 0x11 + 0x8 is not a multiple of 4 bytes"
        );
    }

    #[test]
    fn effective_address_does_not_wrap() {
        let error = OutOfBounds { addr: u64::MAX, offset: u64::MAX, len_bytes: 1, memory_bytes: 0 };
        assert_eq!(error.effective_address(), 2 * u128::from(u64::MAX));
    }
}
