//! [`SharedMemory`]: a memory that several threads use at once.
//!
//! Its operations are those of [`LinearMemory`](crate::LinearMemory), with shared borrows: single
//! numbers here and, atomically, in [`atomic`]; ranges in [`bulk`]; the rest comes from
//! [`MemoryAccess`](crate::MemoryAccess). All bytes move through [`relaxed`](crate::relaxed) or
//! atomics, and no reference to plain bytes is ever made.

mod atomic;
mod bulk;

use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::backing::Backing;
use crate::bounds;
use crate::error::{CreateError, GrowError, OutOfBounds};
use crate::memory_type::MemoryType;
use crate::options::{BackingKind, MemoryOptions};
use crate::relaxed;
use crate::scalar::Scalar;
use crate::size;
use crate::types::Pages;

/// A linear memory that several threads use at once, as the threads proposal defines it.
///
/// A clone is another handle to the same memory, and the last handle frees it. The address space for
/// the maximum is reserved at the start, so the bytes never move, even if one thread grows the memory while
/// others use it.
///
/// Plain loads and stores may race. One that is aligned and at most 8 bytes wide happens as a whole;
/// another thread may see wider or unaligned ones, and operations on ranges, half done. The methods named
/// `atomic_…` are sequentially consistent and order what threads see of each other. A plain access that
/// is out of bounds by the length that its thread knows is checked again with the current length.
///
/// # A limit of Rust
///
/// Threads may race with accesses of different widths: one stores 4 bytes while another loads 2 of
/// them. WebAssembly says byte by byte what the load may see, and so does LLVM, by which rustc
/// compiles this. Rust's own rules do not cover it yet: they call unsynchronised atomic accesses of
/// different widths undefined. Guests may do this at any time, so whoever must rely on Rust's rules
/// alone should not give several threads a guest that is not trusted. A memory that one thread uses, or
/// whose threads use one width for each number, is within the rules.
///
/// ```
/// use lineal_memory::{MemoryType, Pages, RmwOp, SharedMemory};
///
/// let memory = SharedMemory::new(MemoryType::shared(Pages(1), Pages(2))?)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| memory.atomic_rmw(RmwOp::Add, 8, 0, 1_u32).unwrap());
///     }
///     memory.grow(Pages(1)).unwrap();
/// });
/// assert_eq!(memory.load::<u32>(8, 0)?, 4);
/// assert_eq!(memory.size(), Pages(2));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory {
    shared: Arc<Shared>,
}

/// What the handles share.
//
// The invariants that unsafe code relies on:
//
// C1. `base_ptr` is that of `backing`, which is never grown, only committed; so the bytes stay
//     where they are for as long as this value lives, which is until the last handle is gone.
// C2. The first `byte_len` bytes are committed before `byte_len` says so, and it never becomes
//     less: any value read from it is good forever. It is at most `isize::MAX`.
// C3. By S3, the bytes are reached only through this value, and only by atomic accesses: those
//     made here, and those through the pointers of `as_ptr` and `as_cells`, whose users answer
//     for that.
struct Shared {
    base_ptr: NonNull<u8>,
    byte_len: AtomicUsize,
    ty: MemoryType,
    max_bytes: Option<u64>,
    backing: Backing,
}

// SAFETY: C1: the bytes live as long as the value, whichever thread drops it.
unsafe impl Send for Shared {}

// SAFETY: C3.
unsafe impl Sync for Shared {}

impl SharedMemory {
    /// A memory of the minimum size of `ty`, with the default [`MemoryOptions`].
    ///
    /// # Errors
    ///
    /// When the type is not shared, or the host has no room for the minimum or no address space
    /// for the maximum.
    pub fn new(ty: MemoryType) -> Result<SharedMemory, CreateError> {
        SharedMemory::with_options(ty, &MemoryOptions::new())
    }

    /// A memory of the minimum size of `ty`, kept as `options` say.
    ///
    /// The address space for the maximum is taken now, and there will be no more: the memory
    /// cannot outgrow [`MemoryOptions::max_reservation_bytes`] (unless the minimum does).
    /// With [`BackingKind::Heap`], all of it is one zeroed allocation.
    ///
    /// # Errors
    ///
    /// When the type is not shared; when the minimum is over the host's limit; when the host has
    /// no room for the minimum or refuses the address space; or when the options insist on a
    /// backing that this build does not have.
    pub fn with_options(
        ty: MemoryType,
        options: &MemoryOptions,
    ) -> Result<SharedMemory, CreateError> {
        if !ty.is_shared() {
            return Err(CreateError::NotShared);
        }
        let bytes = size::minimum_bytes(&ty, options)?;
        let reservation_bytes = size::reservation_bytes(&ty, options).max(bytes);
        let backing = Backing::fixed(options.backing, bytes, reservation_bytes).map_err(|_| {
            CreateError::ReservationRefused { reservation_bytes: reservation_bytes as u64 }
        })?;
        let shared = Shared {
            base_ptr: backing.base_ptr(),
            byte_len: AtomicUsize::new(bytes),
            ty,
            max_bytes: options.max_bytes,
            backing,
        };
        Ok(SharedMemory { shared: Arc::new(shared) })
    }

    /// The type the memory was created with. Its minimum does not change as the memory grows.
    #[inline]
    #[must_use]
    pub fn ty(&self) -> &MemoryType {
        &self.shared.ty
    }

    /// The current size in pages: `memory.size`. It may be more before this returns.
    #[inline]
    #[must_use]
    pub fn size(&self) -> Pages {
        Pages(self.byte_len() >> self.shared.ty.page_size().log2())
    }

    /// The current size in bytes. It may be more before this returns, and is never less later.
    #[inline]
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.shared.byte_len.load(Ordering::SeqCst) as u64
    }

    /// The size in bytes beyond which the memory cannot grow: the address space it has.
    #[must_use]
    pub fn capacity_bytes(&self) -> u64 {
        self.shared.backing.capacity_bytes() as u64
    }

    /// The kind of backing the bytes live in.
    #[must_use]
    pub fn backing_kind(&self) -> BackingKind {
        self.shared.backing.kind()
    }

    /// Whether both are handles to the same memory.
    #[must_use]
    pub fn same(&self, other: &SharedMemory) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Adds `delta` pages of zeros and returns the size before: `memory.grow`, whose −1 is
    /// the error. Any `delta` is safe to pass, and growing by 0 always works.
    ///
    /// Any number of threads may grow the memory at once; each of them gets what it asked for,
    /// or the error. Those that read the new length may use the new pages.
    ///
    /// # Errors
    ///
    /// When the new size is over the maximum, the host's limit or the
    /// [`capacity`](Self::capacity_bytes), or when the host has no room for it. Nothing has
    /// changed then.
    pub fn grow(&self, delta: Pages) -> Result<Pages, GrowError> {
        let Shared { byte_len, ty, max_bytes, backing, .. } = &*self.shared;
        let mut bytes = byte_len.load(Ordering::SeqCst);
        loop {
            let current = Pages(bytes as u64 >> ty.page_size().log2());
            let new_bytes = size::grown_bytes(ty, current, delta, *max_bytes)?;
            let out_of_memory = GrowError::OutOfMemory { current, delta };
            if new_bytes > backing.capacity_bytes() {
                return Err(out_of_memory);
            }
            // Before the new length is known; harmless if another thread comes first.
            backing.commit(bytes, new_bytes).map_err(|_| out_of_memory)?;
            let (success, failure) = (Ordering::SeqCst, Ordering::SeqCst);
            match byte_len.compare_exchange(bytes, new_bytes, success, failure) {
                Ok(_) => return Ok(current),
                Err(now_bytes) => bytes = now_bytes,
            }
        }
    }

    /// Loads the number at `addr + offset`: as a whole if that is a multiple of the number's
    /// width, and the width at most 8 bytes.
    ///
    /// # Errors
    ///
    /// When the number does not lie inside the memory entirely.
    #[inline]
    pub fn load<T: Scalar>(&self, addr: u64, offset: u64) -> Result<T, OutOfBounds> {
        let ea = self.check_plain(addr, offset, T::WIDTH_BYTES)?;
        // SAFETY: C1, C2: it was just checked.
        Ok(unsafe { Self::load_at(self.as_ptr().add(ea)) })
    }

    /// Stores a number at `addr + offset`: as a whole if that is a multiple of the number's
    /// width, and the width at most 8 bytes.
    ///
    /// # Errors
    ///
    /// When the number does not fit inside the memory entirely; nothing is stored then.
    #[inline]
    pub fn store<T: Scalar>(&self, addr: u64, offset: u64, value: T) -> Result<(), OutOfBounds> {
        let ea = self.check_plain(addr, offset, T::WIDTH_BYTES)?;
        // SAFETY: C1, C2: it was just checked.
        unsafe { Self::store_at(self.as_ptr().add(ea), value) };
        Ok(())
    }

    /// All bytes that there are now. As long as another thread may access them, access them through
    /// pointers and atomically only.
    #[must_use]
    pub fn as_cells(&self) -> &[UnsafeCell<u8>] {
        let cells_ptr = self.shared.base_ptr.as_ptr().cast();
        // SAFETY: C1, C2; `UnsafeCell` lets the bytes change.
        unsafe { slice::from_raw_parts(cells_ptr, self.byte_len() as usize) }
    }

    /// Where the bytes begin.
    ///
    /// An engine may cache this pointer together with [`byte_len`](Self::byte_len), and access
    /// the bytes through it for as long as a handle to the memory lives:
    ///
    /// - The pointer never changes; a stale length covers a valid beginning of the memory. A
    ///   check against one that fails has to be made again with the current length.
    /// - All accesses must be atomic, if only relaxed.
    /// - The pointer is aligned to 8 bytes, so an aligned address is aligned for the host too.
    ///   It is never null, not even for an empty memory.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.shared.base_ptr.as_ptr()
    }

    /// [`effective_address`](crate::effective_address) against the length as it is now: the
    /// bounds check for engines. A check that fails is made again with the length that all
    /// threads agree on.
    #[inline(always)]
    #[must_use]
    pub fn effective_address(&self, addr: u64, offset: u64, len_bytes: u64) -> Option<u64> {
        let check = |memory_bytes| {
            bounds::effective_address(addr, offset, len_bytes, memory_bytes as u64).ok_or(())
        };
        self.check(check).ok()
    }

    /// [`load`](Self::load) without the bounds check, through a pointer that was made from
    /// [`as_ptr`](Self::as_ptr): for engines.
    ///
    /// # Safety
    ///
    /// The number must lie inside a shared memory that a handle still refers to.
    #[inline(always)]
    #[must_use]
    pub unsafe fn load_at<T: Scalar>(src_ptr: *mut u8) -> T {
        // SAFETY: the caller's promise; C3.
        T::from_bytes(unsafe { relaxed::load(src_ptr) })
    }

    /// [`store`](Self::store) through such a pointer.
    ///
    /// # Safety
    ///
    /// As for [`load_at`](Self::load_at).
    #[inline(always)]
    pub unsafe fn store_at<T: Scalar>(dst_ptr: *mut u8, value: T) {
        // SAFETY: the caller's promise; C3.
        unsafe { relaxed::store(dst_ptr, value.into_bytes().as_ref()) };
    }

    /// [`write`](Self::write) without the bounds check, through a pointer that was made from
    /// [`as_ptr`](Self::as_ptr): for engines.
    ///
    /// # Safety
    ///
    /// As many bytes as there are must lie from there on inside a shared memory that a handle still
    /// refers to.
    #[inline(never)]
    pub unsafe fn write_at(dst_ptr: *mut u8, bytes: &[u8]) {
        // SAFETY: the caller's promise; C3.
        relaxed::write(unsafe { relaxed::bytes(dst_ptr, bytes.len()) }, bytes);
    }

    /// [`fill`](Self::fill) without the bounds check, through such a pointer.
    ///
    /// # Safety
    ///
    /// As for [`write_at`](Self::write_at), with `len_bytes` bytes.
    #[inline(never)]
    pub unsafe fn fill_at(dst_ptr: *mut u8, value: u8, len_bytes: usize) {
        // SAFETY: the caller's promise; C3.
        relaxed::fill(unsafe { relaxed::bytes(dst_ptr, len_bytes) }, value);
    }

    /// [`copy_within`](Self::copy_within), or [`copy_from`](Self::copy_from), without the bounds
    /// checks, through such pointers.
    ///
    /// # Safety
    ///
    /// As for [`fill_at`](Self::fill_at), for both pointers.
    //
    // Inlined, it would leave its buffer in the frame of an engine's handler: see `relaxed::load`.
    #[inline(never)]
    pub unsafe fn copy_at(dst_ptr: *mut u8, src_ptr: *mut u8, len_bytes: usize) {
        // SAFETY: the caller's promise; C3.
        unsafe {
            let src = relaxed::bytes(src_ptr, len_bytes);
            relaxed::copy(relaxed::bytes(dst_ptr, len_bytes), src);
        }
    }

    #[inline(always)]
    fn check_plain(&self, addr: u64, offset: u64, len_bytes: u64) -> Result<usize, OutOfBounds> {
        self.check(|memory_bytes| bounds::check(addr, offset, len_bytes, memory_bytes))
    }

    /// The bytes of a plain access.
    #[inline(always)]
    pub(crate) fn range(&self, addr: u64, len_bytes: u64) -> Result<&[AtomicU8], OutOfBounds> {
        let ea = self.check_plain(addr, 0, len_bytes)?;
        // SAFETY: C1, C2: in bounds, so a `usize` holds the length as well; C3.
        Ok(unsafe { self.bytes(ea, len_bytes as usize) })
    }

    /// Checks bounds against the length as this thread happens to see it, and again against
    /// the current length before that fails.
    #[inline(always)]
    fn check<T, E>(&self, check: impl Fn(usize) -> Result<T, E>) -> Result<T, E> {
        check(self.shared.byte_len.load(Ordering::Relaxed))
            .or_else(|_| check(self.shared.byte_len.load(Ordering::SeqCst)))
    }

    /// # Safety
    ///
    /// The `len` bytes from `start` on must be inside the memory.
    #[inline(always)]
    unsafe fn bytes(&self, start: usize, len: usize) -> &[AtomicU8] {
        // SAFETY: C1, C2 and the caller's promise; C3 allows a reference to atomics.
        unsafe { relaxed::bytes(self.as_ptr().add(start), len) }
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("ty", self.ty())
            .field("size", &self.size())
            .field("backing", &self.backing_kind())
            .finish_non_exhaustive()
    }
}
