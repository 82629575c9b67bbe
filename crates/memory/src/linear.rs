//! [`LinearMemory`]: bytes with a type, and the ways to reach them one number at a time.
//!
//! Operations on ranges of bytes are in [`bulk`](crate::bulk), those for hosts in
//! [`access`](crate::access) and [`view`](crate::view); where the bytes live is decided in
//! [`backing`](crate::backing). All of them use the check in [`bounds`].

use core::fmt;
use core::ptr::NonNull;
use core::slice;

use crate::backing::Backing;
use crate::bounds;
use crate::error::{CreateError, GrowError, OutOfBounds};
use crate::memory_type::MemoryType;
use crate::options::{BackingKind, MemoryOptions};
use crate::scalar::Scalar;
use crate::size;
use crate::types::Pages;

/// A linear memory: a growable array of bytes, all zero at first, addressed from 0.
///
/// Addresses are `u64` here, whatever the address type: zero-extend a 32-bit one. Loads and
/// stores take an address and an offset (the `memarg` immediate of an instruction) and add
/// them without wrapping around. Numbers are little-endian and need no alignment.
///
/// Growing moves no bytes as long as the size stays within [`capacity`](Self::capacity_bytes).
///
/// A memory belongs to one thread at a time. Several threads use a
/// [`SharedMemory`](crate::SharedMemory) instead. A memory created here from a *shared* type is not
/// shared; only the limits of the type count.
///
/// ```
/// use lineal_memory::{LinearMemory, MemoryType, Pages};
///
/// let mut memory = LinearMemory::new(MemoryType::new(Pages(1), Some(Pages(2)))?)?;
/// memory.store(8, 0, 0x1234_5678_u32)?;
/// assert_eq!(memory.load::<u16>(8, 2)?, 0x1234);
/// assert_eq!(memory.as_slice()[8..12], [0x78, 0x56, 0x34, 0x12]);
///
/// assert!(memory.load::<u32>(65_533, 0).is_err());
/// assert_eq!(memory.grow(Pages(1))?, Pages(1));
/// assert_eq!(memory.load::<u32>(65_533, 0)?, 0);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
//
// The invariants that unsafe code relies on, citing the contract of a backing:
//
// M1. `base_ptr` is that of `backing`, and `byte_len` is the size it was last made or grown to.
//     So by S1 the `byte_len` bytes from `base_ptr` may be read and written, and by S2 they
//     are initialised.
// M2. `byte_len` is at most `isize::MAX`.
// M3. By S3, the bytes are reached only through this value: through borrows of it, and through
//     the pointers of `as_ptr` and `as_mut_ptr`, whose users answer for what they do.
// M4. Nobody has written past `byte_len` in `backing`, as S2 wants.
pub struct LinearMemory {
    base_ptr: NonNull<u8>,
    byte_len: usize,
    growths: u64,
    ty: MemoryType,
    max_bytes: Option<u64>,
    backing: Backing,
}

// SAFETY: M3: the pointer is owned, and what it points to is plain bytes.
unsafe impl Send for LinearMemory {}

// SAFETY: M3: a shared borrow only reads.
unsafe impl Sync for LinearMemory {}

impl LinearMemory {
    /// Creates a memory of the minimum size of `ty`, with the default [`MemoryOptions`].
    ///
    /// # Errors
    ///
    /// When the host has no room for the minimum.
    pub fn new(ty: MemoryType) -> Result<LinearMemory, CreateError> {
        LinearMemory::with_options(ty, &MemoryOptions::new())
    }

    /// Creates a memory of the minimum size of `ty`, kept as `options` say.
    ///
    /// # Errors
    ///
    /// When the minimum is over the host's limit, when the host has no room for it, or when
    /// the options insist on a backing that this build does not have.
    pub fn with_options(
        ty: MemoryType,
        options: &MemoryOptions,
    ) -> Result<LinearMemory, CreateError> {
        let bytes = size::minimum_bytes(&ty, options)?;
        let reservation_bytes = size::reservation_bytes(&ty, options);
        let backing = Backing::new(options.backing, bytes, reservation_bytes)
            .map_err(|_| CreateError::OutOfMemory { minimum: ty.minimum() })?;
        let base_ptr = backing.base_ptr();
        let max_bytes = options.max_bytes;
        Ok(LinearMemory { base_ptr, byte_len: bytes, growths: 0, ty, max_bytes, backing })
    }

    /// The type the memory was created with. Its minimum does not change as the memory grows.
    #[inline]
    #[must_use]
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// The current size in pages: `memory.size`.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Pages {
        Pages(self.byte_len() >> self.ty.page_size().log2())
    }

    /// The current size in bytes.
    ///
    /// [`grow`](Self::grow) changes it; nothing else does.
    #[inline]
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.byte_len as u64
    }

    /// How many times the memory has grown, also by no page. What others remember of the bytes, a
    /// pointer or a copy of the length, is good as long as this stays as it is.
    #[inline]
    #[must_use]
    pub fn growths(&self) -> u64 {
        self.growths
    }

    /// The size in bytes up to which [`grow`](Self::grow) does not move the bytes: the
    /// reserved address space, or for the heap backing just the current size.
    #[must_use]
    pub fn capacity_bytes(&self) -> u64 {
        self.backing.capacity_bytes() as u64
    }

    /// The kind of backing the bytes live in.
    #[must_use]
    pub fn backing_kind(&self) -> BackingKind {
        self.backing.kind()
    }

    /// Adds `delta` pages of zeros and returns the size before: `memory.grow`, whose −1 is
    /// the error. Any `delta` is safe to pass, and growing by 0 always works.
    ///
    /// With [`BackingKind::Reserved`] the bytes stay in place, and the time this takes depends
    /// neither on the size nor on `delta`, as long as the new size is within
    /// [`capacity_bytes`](Self::capacity_bytes). Beyond that, and with
    /// [`BackingKind::Heap`], they may move.
    ///
    /// # Errors
    ///
    /// When the new size is over the maximum or the host's limit, or when the host has no room
    /// for it. Nothing has changed then.
    pub fn grow(&mut self, delta: Pages) -> Result<Pages, GrowError> {
        let current = self.size();
        let new_bytes = size::grown_bytes(&self.ty, current, delta, self.max_bytes)?;
        self.backing
            .grow(self.byte_len, new_bytes)
            .map_err(|_| GrowError::OutOfMemory { current, delta })?;
        self.base_ptr = self.backing.base_ptr();
        self.byte_len = new_bytes;
        self.growths += 1;
        Ok(current)
    }

    /// Loads the number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// When the number does not lie inside the memory entirely.
    #[inline]
    pub fn load<T: Scalar>(&self, addr: u64, offset: u64) -> Result<T, OutOfBounds> {
        let ea = bounds::check(addr, offset, T::WIDTH_BYTES, self.byte_len)?;
        // SAFETY: M1, and `ea` is at most `byte_len`.
        let number_ptr = unsafe { self.base_ptr.add(ea) };
        // SAFETY: M1, and the number ends inside `byte_len`; `Bytes` takes any bytes at any
        // alignment.
        Ok(T::from_bytes(unsafe { number_ptr.cast().read() }))
    }

    /// Stores a number at `addr + offset`. To store only the low bytes of a wide integer, as
    /// `i64.store8` does, convert it with `as` first.
    ///
    /// # Errors
    ///
    /// When the number does not fit inside the memory entirely; nothing is stored then.
    #[inline]
    pub fn store<T: Scalar>(
        &mut self,
        addr: u64,
        offset: u64,
        value: T,
    ) -> Result<(), OutOfBounds> {
        let ea = bounds::check(addr, offset, T::WIDTH_BYTES, self.byte_len)?;
        // SAFETY: M1, and `ea` is at most `byte_len`.
        let number_ptr = unsafe { self.base_ptr.add(ea) };
        // SAFETY: M1, and the number ends inside `byte_len`; `Bytes` has no alignment.
        unsafe { number_ptr.cast().write(value.into_bytes()) };
        Ok(())
    }

    /// All bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: M1 and M2; by M3 the borrow of `self` keeps writers away.
        unsafe { slice::from_raw_parts(self.base_ptr.as_ptr(), self.byte_len) }
    }

    /// All bytes, mutably.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: M1 and M2; by M3 the borrow of `self` keeps everybody else away.
        unsafe { slice::from_raw_parts_mut(self.base_ptr.as_ptr(), self.byte_len) }
    }

    /// Where the bytes begin, for reading. Together with [`byte_len`](Self::byte_len) it is the raw view
    /// for engines; see [`as_mut_ptr`](Self::as_mut_ptr).
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.base_ptr.as_ptr()
    }

    /// Where the bytes begin.
    ///
    /// An engine may cache this pointer together with [`byte_len`](Self::byte_len), and read
    /// and write through it without borrowing the memory:
    ///
    /// - The two are valid together until [`grow`](Self::grow) is called with a `delta` other
    ///   than 0, or the memory is dropped; moving the `LinearMemory` itself does no harm. No
    ///   other operation changes them. After `grow`, both must be fetched again.
    /// - While the size stays within [`capacity_bytes`](Self::capacity_bytes), `grow` changes
    ///   the length only, and memory never shrinks: a stale pair then covers a valid beginning
    ///   of the memory.
    /// - The `byte_len` bytes may be accessed and no more, even if the host has mapped more.
    ///   [`effective_address`](crate::effective_address) is the check to use.
    /// - An access through the pointer must not happen while a borrow handed out by this
    ///   memory, such as a slice or a view, is still in use (unless both only read).
    /// - The pointer is aligned to 8 bytes, so an aligned address is aligned for the host too.
    ///   It is never null, not even for an empty memory.
    #[inline]
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.base_ptr.as_ptr()
    }
}

impl fmt::Debug for LinearMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinearMemory")
            .field("ty", &self.ty)
            .field("size", &self.size())
            .field("backing", &self.backing.kind())
            .finish_non_exhaustive()
    }
}
