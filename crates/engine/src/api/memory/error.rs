//! [`MemoryAccessError`]: the one error of reading and writing memory.

use std::fmt;

use lineal_memory::{OutOfBounds, StringError};

/// Why something could not be read from a [`Memory`](crate::Memory), or written to it.
///
/// Its text says what was asked for, and where the memory ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryAccessError {
    error: StringError,
}

impl MemoryAccessError {
    /// What was asked for and what there is, if the access is not inside the memory.
    pub fn out_of_bounds(&self) -> Option<OutOfBounds> {
        match self.error {
            StringError::OutOfBounds(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for MemoryAccessError {}

impl From<OutOfBounds> for MemoryAccessError {
    fn from(error: OutOfBounds) -> MemoryAccessError {
        MemoryAccessError { error: error.into() }
    }
}

impl From<StringError> for MemoryAccessError {
    fn from(error: StringError) -> MemoryAccessError {
        MemoryAccessError { error }
    }
}
