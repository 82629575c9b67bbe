//! Sizes that are refused.

use core::error::Error;
use core::fmt;

use super::Bytes;
use crate::types::Pages;

/// Why a memory could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateError {
    /// The minimum is over [`MemoryOptions::max_bytes`](crate::MemoryOptions::max_bytes).
    OverHostLimit {
        /// The minimum of the memory type.
        minimum: Pages,
        /// The limit the host set, in bytes.
        limit_bytes: u64,
    },
    /// The host could not provide the minimum.
    OutOfMemory {
        /// The minimum of the memory type.
        minimum: Pages,
    },
    /// [`BackingKind::Reserved`](crate::BackingKind::Reserved) was asked for, but this build has
    /// no such backing: it needs Unix and the `mmap` feature.
    ReservedUnavailable,
    /// A [`SharedMemory`](crate::SharedMemory) was to be created from a type that is not shared.
    NotShared,
    /// The host refused the address space that a shared memory reserves when it is created.
    ReservationRefused {
        /// How much that is, in bytes.
        reservation_bytes: u64,
    },
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreateError::OverHostLimit { minimum, limit_bytes } => {
                write!(f, "a memory of {minimum} exceeds the host's limit of ")?;
                write!(f, "{}", Bytes(*limit_bytes))
            }
            CreateError::OutOfMemory { minimum } => {
                write!(f, "the host has no room for a memory of {minimum}")
            }
            CreateError::ReservedUnavailable => {
                f.write_str("this build cannot reserve address space for a memory")
            }
            CreateError::NotShared => {
                f.write_str("a shared memory cannot be made of a type that is not shared")
            }
            CreateError::ReservationRefused { reservation_bytes } => {
                write!(f, "the host refused to reserve {}", Bytes(*reservation_bytes))?;
                f.write_str(" for a shared memory")
            }
        }
    }
}

impl Error for CreateError {}

/// Why a memory could not grow. For a guest all of them are the result −1 of `memory.grow`.
///
/// The memory has not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrowError {
    /// The new size would be over the maximum of the memory type or, without one, over what
    /// addresses can reach.
    OverMaximum {
        /// The size before.
        current: Pages,
        /// How much it was to grow.
        delta: Pages,
        /// The largest size allowed.
        maximum: Pages,
    },
    /// The new size would be over [`MemoryOptions::max_bytes`](crate::MemoryOptions::max_bytes).
    OverHostLimit {
        /// The size before.
        current: Pages,
        /// How much it was to grow.
        delta: Pages,
        /// The limit the host set, in bytes.
        limit_bytes: u64,
    },
    /// The host could not provide the new size.
    OutOfMemory {
        /// The size before.
        current: Pages,
        /// How much it was to grow.
        delta: Pages,
    },
}

impl fmt::Display for GrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (current, delta) = match self {
            GrowError::OverMaximum { current, delta, .. }
            | GrowError::OverHostLimit { current, delta, .. }
            | GrowError::OutOfMemory { current, delta } => (current, delta),
        };
        write!(f, "a memory of {current} cannot grow by {delta}: ")?;
        match self {
            GrowError::OverMaximum { maximum, .. } => write!(f, "its maximum is {maximum}"),
            GrowError::OverHostLimit { limit_bytes, .. } => {
                write!(f, "the host's limit is {}", Bytes(*limit_bytes))
            }
            GrowError::OutOfMemory { .. } => f.write_str("the host has no room for it"),
        }
    }
}

impl Error for GrowError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn refusals_read_well() {
        let error =
            GrowError::OverMaximum { current: Pages(1), delta: Pages(2), maximum: Pages(2) };
        assert_eq!(
            error.to_string(),
            "a memory of 1 page cannot grow by 2 pages: its maximum is 2 pages"
        );
        let error = CreateError::OverHostLimit { minimum: Pages(2), limit_bytes: 65_536 };
        assert_eq!(
            error.to_string(),
            "a memory of 2 pages exceeds the host's limit of 65536 bytes"
        );
    }
}
