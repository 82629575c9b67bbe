//! How the host wants a memory to be kept.

use crate::backing::RESERVED_AVAILABLE;

/// The kinds of backing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackingKind {
    /// The bytes are one allocation of the global allocator. Works on every host; growing may
    /// move, and then copies.
    Heap,
    /// Address space is reserved once and made accessible as the memory grows, so that growing
    /// neither moves nor copies. Needs Unix and the `mmap` feature.
    Reserved,
}

impl BackingKind {
    /// Whether this build has that kind of backing.
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            BackingKind::Heap => true,
            BackingKind::Reserved => RESERVED_AVAILABLE,
        }
    }
}

/// What the host decides about a memory, in addition to its type.
///
/// ```
/// use lineal_memory::{LinearMemory, MemoryOptions, MemoryType, Pages};
///
/// let options = MemoryOptions::new().max_bytes(2 * 65_536);
/// let mut memory = LinearMemory::with_options(MemoryType::new(Pages(1), None)?, &options)?;
/// assert!(memory.grow(Pages(1)).is_ok());
/// assert!(memory.grow(Pages(1)).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    pub(crate) backing: Option<BackingKind>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_reservation_bytes: u64,
}

impl MemoryOptions {
    /// The default of [`MemoryOptions::max_reservation_bytes`]: 64 GiB.
    pub const DEFAULT_MAX_RESERVATION_BYTES: u64 = 64 << 30;

    /// A backing chosen automatically, no host limit, and the default cap on reservations.
    #[must_use]
    pub const fn new() -> MemoryOptions {
        MemoryOptions {
            backing: None,
            max_bytes: None,
            max_reservation_bytes: MemoryOptions::DEFAULT_MAX_RESERVATION_BYTES,
        }
    }

    /// Requires a kind of backing.
    ///
    /// Without this, or with `None`, the backing is [`BackingKind::Reserved`] where that exists
    /// and the host grants the address space, and [`BackingKind::Heap`] otherwise. If `Reserved`
    /// is required and the host refuses the whole address space, the memory begins with a
    /// reservation of its minimum instead, and moves when it grows.
    #[must_use]
    pub fn backing(self, kind: impl Into<Option<BackingKind>>) -> MemoryOptions {
        MemoryOptions { backing: kind.into(), ..self }
    }

    /// Limits the memory to this many bytes, whatever its type allows; `None` (the default)
    /// sets no limit.
    #[must_use]
    pub fn max_bytes(self, max_bytes: impl Into<Option<u64>>) -> MemoryOptions {
        MemoryOptions { max_bytes: max_bytes.into(), ..self }
    }

    /// Caps the address space that [`BackingKind::Reserved`] takes at first, in bytes.
    ///
    /// The reservation is as large as the memory may ever become, but not larger than this
    /// (nor smaller than the minimum). It matters for 64-bit memories, whose growth limit is
    /// more than a host can address: growing past the reservation still works, but moves the
    /// memory to a larger one and copies it.
    #[must_use]
    pub const fn max_reservation_bytes(self, max_reservation_bytes: u64) -> MemoryOptions {
        MemoryOptions { max_reservation_bytes, ..self }
    }
}

impl Default for MemoryOptions {
    fn default() -> MemoryOptions {
        MemoryOptions::new()
    }
}
