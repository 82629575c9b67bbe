//! What can go wrong, with the values involved.
//!
//! [`OutOfBounds`] is the one every access can report; [`SegmentOutOfBounds`] is its twin for
//! data segments and [`InitError`] is either. [`CreateError`] and [`GrowError`] refuse a size,
//! [`MemoryTypeError`], [`InvalidPageSize`] and [`ImportMismatch`] refuse a type, and
//! [`AtomicError`] belongs to atomic accesses, and [`StringError`] and [`IndexOutOfRange`] belong to the host conveniences.

mod access;
mod host;
mod size;
mod types;

use core::fmt;

pub use self::access::{AtomicError, InitError, OutOfBounds, SegmentOutOfBounds, Unaligned};
pub use self::host::{IndexOutOfRange, StringError};
pub use self::size::{CreateError, GrowError};
pub use self::types::{ImportMismatch, InvalidPageSize, MemoryTypeError};

/// Prints a number of bytes with its unit.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0 == 1 { "byte" } else { "bytes" };
        write!(f, "{} {unit}", self.0)
    }
}
