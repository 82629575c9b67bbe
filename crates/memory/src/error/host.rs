//! What strings and views report.

use core::error::Error;
use core::fmt;

use super::{Bytes, OutOfBounds};

/// Why a string could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StringError {
    /// The string is not inside the memory.
    OutOfBounds(OutOfBounds),
    /// The bytes are not UTF-8.
    InvalidUtf8 {
        /// Where the first sequence that is not UTF-8 begins.
        addr: u64,
    },
    /// The 16-bit units are not UTF-16.
    InvalidUtf16 {
        /// Where the first unpaired surrogate is.
        addr: u64,
        /// That surrogate.
        unit: u16,
    },
    /// No NUL byte ends the string.
    Unterminated {
        /// Where the string begins.
        addr: u64,
        /// How many bytes were searched.
        limit_bytes: u64,
    },
    /// The string to be written contains a NUL, which would end it.
    InteriorNul {
        /// How many bytes come before the NUL.
        index: usize,
    },
    /// The host has no room for a copy of the string.
    OutOfMemory {
        /// The length of the string in the memory, in bytes.
        len_bytes: u64,
    },
}

impl fmt::Display for StringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StringError::OutOfBounds(error) => error.fmt(f),
            StringError::InvalidUtf8 { addr } => {
                write!(f, "the string is not UTF-8 at address {addr:#x}")
            }
            StringError::InvalidUtf16 { addr, unit } => {
                write!(f, "the string has an unpaired surrogate {unit:#06x} at address {addr:#x}")
            }
            StringError::InteriorNul { index } => {
                write!(f, "the string has a NUL after {index} bytes, which would end it")
            }
            StringError::Unterminated { addr, limit_bytes } => {
                write!(f, "no NUL ends the string at address {addr:#x} within ")?;
                write!(f, "{}", Bytes(*limit_bytes))
            }
            StringError::OutOfMemory { len_bytes } => {
                write!(f, "the host has no room for a string of {}", Bytes(*len_bytes))
            }
        }
    }
}

impl Error for StringError {}

impl From<OutOfBounds> for StringError {
    fn from(error: OutOfBounds) -> StringError {
        StringError::OutOfBounds(error)
    }
}

/// An index past the end of a [`View`](crate::View) or [`ViewMut`](crate::ViewMut).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexOutOfRange {
    /// The index given, in elements.
    pub index: usize,
    /// The number of elements in the view.
    pub len: usize,
}

impl fmt::Display for IndexOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {} is past the end of a view of length {}", self.index, self.len)
    }
}

impl Error for IndexOutOfRange {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn strings_read_well() {
        let error = StringError::InvalidUtf16 { addr: 6, unit: 0xd800 };
        assert_eq!(error.to_string(), "the string has an unpaired surrogate 0xd800 at address 0x6");
    }
}
