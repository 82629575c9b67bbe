//! Types that are not valid or do not match.

use core::error::Error;
use core::fmt;

use crate::types::Pages;

/// Why the parts of a [`MemoryType`](crate::MemoryType) do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryTypeError {
    /// The minimum is more than the address type allows.
    MinimumTooLarge {
        /// The minimum given.
        minimum: Pages,
        /// The most the address type allows.
        limit: Pages,
    },
    /// The maximum is more than the address type allows.
    MaximumTooLarge {
        /// The maximum given.
        maximum: Pages,
        /// The most the address type allows.
        limit: Pages,
    },
    /// The minimum is more than the maximum.
    MinimumOverMaximum {
        /// The minimum given.
        minimum: Pages,
        /// The maximum given.
        maximum: Pages,
    },
    /// A shared memory must have a maximum.
    SharedWithoutMaximum,
}

impl fmt::Display for MemoryTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryTypeError::MinimumTooLarge { minimum, limit } => {
                write!(f, "the minimum of {minimum} exceeds the limit of {limit}")
            }
            MemoryTypeError::MaximumTooLarge { maximum, limit } => {
                write!(f, "the maximum of {maximum} exceeds the limit of {limit}")
            }
            MemoryTypeError::MinimumOverMaximum { minimum, maximum } => {
                write!(f, "the minimum of {minimum} is larger than the maximum of {maximum}")
            }
            MemoryTypeError::SharedWithoutMaximum => {
                f.write_str("a shared memory must declare a maximum")
            }
        }
    }
}

impl Error for MemoryTypeError {}

/// A page size that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPageSize {
    /// The binary logarithm given; only 0 and 16 are valid.
    pub log2: u32,
}

impl fmt::Display for InvalidPageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid page size 2^{}: a page has 2^0 or 2^16 bytes", self.log2)
    }
}

impl Error for InvalidPageSize {}

/// The part of a memory's type that keeps it from being imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportMismatch {
    /// One has 32-bit addresses and the other 64-bit ones.
    AddressType,
    /// The page sizes differ.
    PageSize,
    /// One is shared and the other is not.
    Shared,
    /// The memory is smaller than the import's minimum.
    Minimum {
        /// The size of the memory.
        current: Pages,
        /// The minimum the import declares.
        required: Pages,
    },
    /// The memory may grow past the import's maximum.
    Maximum {
        /// The maximum of the memory, if it has one.
        actual: Option<Pages>,
        /// The maximum the import declares.
        required: Pages,
    },
}

impl fmt::Display for ImportMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportMismatch::AddressType => f.write_str("the address types differ"),
            ImportMismatch::PageSize => f.write_str("the page sizes differ"),
            ImportMismatch::Shared => f.write_str("only one of the two memories is shared"),
            ImportMismatch::Minimum { current, required } => {
                write!(f, "the memory has {current}, but at least {required} must be there")
            }
            ImportMismatch::Maximum { actual: Some(actual), required } => {
                write!(f, "the memory's maximum is {actual}, but it must be at most {required}")
            }
            ImportMismatch::Maximum { actual: None, required } => {
                write!(f, "the memory has no maximum, but it must have one of at most {required}")
            }
        }
    }
}

impl Error for ImportMismatch {}
