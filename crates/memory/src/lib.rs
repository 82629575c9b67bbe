//! WebAssembly linear memory on its own: bounds-checked, little-endian, growable.
//!
//! This crate knows nothing of an interpreter. A [`LinearMemory`] is created from a
//! [`MemoryType`], which is always valid. It is safe to use with any address, any length and any amount
//! to grow by: what does not fit is an error, never a panic or an abort.
//!
//! ```
//! use lineal_memory::{DataSegment, LinearMemory, MemoryType, Pages};
//!
//! // (memory 1 16) (data "\2a\00\00\00hello")
//! let mut memory = LinearMemory::new(MemoryType::new(Pages(1), Some(Pages(16)))?)?;
//! let segment = DataSegment::from(&b"\x2a\x00\x00\x00hello"[..]);
//! memory.init(1024, &segment, 0, segment.byte_len())?;
//!
//! assert_eq!(memory.load::<u32>(1024, 0)?, 42);
//! assert_eq!(memory.read_string(1028, 5)?, "hello");
//!
//! let error = memory.load::<u32>(65_536, 0).unwrap_err();
//! assert_eq!((error.len_bytes, error.memory_bytes), (4, 65_536));
//! assert_eq!(memory.grow(Pages(1))?, Pages(1));
//! assert_eq!(memory.load::<u32>(65_536, 0)?, 0);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! - [`Pages`], [`PageSize`], [`AddressType`] and [`MemoryType`] are what a module declares.
//!   [`MemoryOptions`] is what the host decides: the [`BackingKind`] and a limit in bytes.
//! - [`LinearMemory`] loads and stores any [`Scalar`], works on ranges as the bulk
//!   instructions do, and copies from a [`DataSegment`].
//! - [`SharedMemory`] is the same for threads that share it: a handle, whose operations race
//!   safely. Both have [atomic accesses](AtomicInteger); threads can wait on a shared one.
//! - [`MemoryAccess`] is what both have in common, for code that takes either.
//! - [`View`], [`ViewMut`], [`Record`] and the string methods are conveniences for hosts.
//! - [`effective_address`] is the one bounds check. Engines use it with the raw view:
//!   [`LinearMemory::as_mut_ptr`] and [`LinearMemory::byte_len`].
//!
//! It covers memories of WebAssembly 3.0 (32-bit and 64-bit addresses, bulk operations, any
//! number of memories), the threads proposal and the custom-page-sizes proposal. Shared memories
//! and atomics need a host with 64-bit atomics.
//!
//! # Features
//!
//! - `mmap` (default, implies `std`): [`BackingKind::Reserved`] on Unix.
//! - `wait` (default, implies `std`): lets threads wait on a [`SharedMemory`].
//! - `std` (default): links the standard library. Without it the crate is `no_std` and needs
//!   `alloc`.
//!
//! They change how memories are kept, never what operations do.
//!
//! # What may grow
//!
//! Errors that are enums, and [`BackingKind`], may get more variants: they are `#[non_exhaustive]`.
//! All other enums mirror the specification, and structs with public fields are meant to be built
//! by hand: they are exhaustive on purpose.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod access;
#[cfg(target_has_atomic = "64")]
mod atomic;
mod backing;
mod bounds;
mod bulk;
mod error;
mod linear;
mod memory_type;
mod options;
mod record;
#[cfg(target_has_atomic = "64")]
mod relaxed;
mod scalar;
mod segment;
#[cfg(target_has_atomic = "64")]
mod shared;
mod size;
mod strings;
mod types;
mod view;
#[cfg(target_has_atomic = "64")]
mod wait;

pub use access::MemoryAccess;
#[cfg(target_has_atomic = "64")]
pub use atomic::{AtomicInteger, RmwOp, atomic_fence};
pub use bounds::effective_address;
pub use error::{
    AtomicError, CreateError, GrowError, ImportMismatch, IndexOutOfRange, InitError,
    InvalidPageSize, MemoryTypeError, OutOfBounds, SegmentOutOfBounds, StringError, Unaligned,
};
pub use linear::LinearMemory;
pub use memory_type::{MemoryType, MemoryTypeBuilder};
pub use options::{BackingKind, MemoryOptions};
pub use record::Record;
pub use scalar::{Integer, Scalar};
pub use segment::DataSegment;
#[cfg(target_has_atomic = "64")]
pub use shared::SharedMemory;
pub use strings::CSTRING_LIMIT_BYTES;
pub use types::{AddressType, PageSize, Pages};
pub use view::{View, ViewIter, ViewMut};
#[cfg(target_has_atomic = "64")]
pub use wait::WaitResult;

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
