//! Where the bytes of a memory live: [`heap`] or [`mmap`], behind [`Backing`].
//!
//! Every backing keeps this contract, which the invariants of
//! [`LinearMemory`](crate::LinearMemory) rest on. With `n` the size it was last made or grown
//! to:
//!
//! - **S1.** The `n` bytes from `base_ptr` are one allocation, aligned to [`BASE_ALIGN`], and
//!   may be read and written until the backing is grown or dropped. `n` is at most
//!   `isize::MAX`.
//! - **S2.** Making a backing gives zeros. Growing keeps the bytes there were and adds zeros,
//!   provided that nobody has written past `n`. A failed grow changes nothing.
//! - **S3.** The backing owns the bytes: it alone frees them, and no other value hands out
//!   pointers to them.

mod heap;
// Miri knows no `mmap`, so it takes the heap.
#[cfg(all(unix, feature = "mmap", not(miri)))]
mod mmap;
#[cfg(not(all(unix, feature = "mmap", not(miri))))]
#[path = "mmap_disabled.rs"]
mod mmap;

use core::ptr::NonNull;

use self::heap::HeapBacking;
use self::mmap::ReservedBacking;
use crate::options::BackingKind;

/// The alignment of every base pointer: that of the widest atomic access. More would make
/// common allocators write zeros by hand instead of asking for fresh pages.
pub(crate) const BASE_ALIGN: usize = 8;

/// The largest size of a backing, in bytes; more than that no slice can have.
pub(crate) const MAX_BACKING_BYTES: usize = isize::MAX as usize;

/// Whether [`BackingKind::Reserved`] exists in this build.
pub(crate) const RESERVED_AVAILABLE: bool = cfg!(all(unix, feature = "mmap", not(miri)));

/// A backing could not be made or grown, as the host has not got the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

/// The backing of one memory.
#[derive(Debug)]
pub(crate) enum Backing {
    Heap(HeapBacking),
    Reserved(ReservedBacking),
}

impl Backing {
    /// A backing of `bytes` bytes and, where address space can be reserved, room to grow to
    /// `reservation_bytes`. `None` chooses the kind by what the host grants.
    pub(crate) fn new(
        kind: Option<BackingKind>,
        bytes: usize,
        reservation_bytes: usize,
    ) -> Result<Backing, OutOfMemory> {
        let heap = || HeapBacking::new(bytes).map(Backing::Heap);
        let reserved = |room| ReservedBacking::new(bytes, room).map(Backing::Reserved);
        match kind {
            Some(BackingKind::Heap) => heap(),
            Some(BackingKind::Reserved) => reserved(reservation_bytes).or_else(|_| reserved(bytes)),
            None => reserved(reservation_bytes).or_else(|_| heap()),
        }
    }

    /// A backing of `bytes` bytes that can be committed up to `capacity_bytes`, and does not move.
    pub(crate) fn fixed(
        kind: Option<BackingKind>,
        bytes: usize,
        capacity_bytes: usize,
    ) -> Result<Backing, OutOfMemory> {
        let heap = || HeapBacking::new(capacity_bytes).map(Backing::Heap);
        let reserved = || {
            ReservedBacking::new(bytes, capacity_bytes)
                .map(|backing| Backing::Reserved(backing.into_fixed()))
        };
        match kind {
            Some(BackingKind::Heap) => heap(),
            Some(BackingKind::Reserved) => reserved(),
            None => reserved().or_else(|_| heap()),
        }
    }

    pub(crate) fn kind(&self) -> BackingKind {
        match self {
            Backing::Heap(_) => BackingKind::Heap,
            Backing::Reserved(_) => BackingKind::Reserved,
        }
    }

    pub(crate) fn base_ptr(&self) -> NonNull<u8> {
        match self {
            Backing::Heap(backing) => backing.base_ptr(),
            Backing::Reserved(backing) => backing.base_ptr(),
        }
    }

    /// The size up to which growing does not move the base.
    pub(crate) fn capacity_bytes(&self) -> usize {
        match self {
            Backing::Heap(backing) => backing.capacity_bytes(),
            Backing::Reserved(backing) => backing.capacity_bytes(),
        }
    }

    /// Grows from `old_bytes`, the current size, to `new_bytes`.
    pub(crate) fn grow(&mut self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        debug_assert!(old_bytes <= new_bytes);
        match self {
            Backing::Heap(backing) => backing.grow(new_bytes),
            Backing::Reserved(backing) => backing.grow(old_bytes, new_bytes),
        }
    }

    /// Grows a [`fixed`](Self::fixed) backing from `old_bytes` to `new_bytes`, which its capacity
    /// allows. Several threads may do so at once, from any size that the backing has had.
    pub(crate) fn commit(&self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        match self {
            // Its capacity is there from the start.
            Backing::Heap(_) => Ok(()),
            Backing::Reserved(backing) => backing.commit(old_bytes, new_bytes),
        }
    }
}

/// The base pointer of a backing without bytes.
fn dangling() -> NonNull<u8> {
    const { assert!(align_of::<Aligned>() == BASE_ALIGN) };
    #[repr(align(8))]
    struct Aligned;
    NonNull::<Aligned>::dangling().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(backing: &Backing, len: usize) -> &[u8] {
        // SAFETY: S1, and the tests pass the backing's size.
        unsafe { core::slice::from_raw_parts(backing.base_ptr().as_ptr(), len) }
    }

    fn write(backing: &mut Backing, index: usize, value: u8) {
        let byte_ptr = backing.base_ptr().as_ptr().wrapping_add(index);
        // SAFETY: S1, and the tests pass an index inside the backing's size.
        unsafe { byte_ptr.write(value) }
    }

    /// Runs `test` for every kind of backing this build has.
    fn on_every_backing(test: impl Fn(&dyn Fn(usize, usize) -> Backing)) {
        for kind in [BackingKind::Heap, BackingKind::Reserved] {
            if !kind.is_available() {
                continue;
            }
            test(&|bytes, reservation| {
                let backing = Backing::new(Some(kind), bytes, reservation).unwrap();
                assert_eq!(backing.kind(), kind);
                backing
            });
        }
    }

    #[test]
    fn growing_keeps_bytes_and_adds_zeros() {
        on_every_backing(|new| {
            let mut backing = new(1, 1 << 20);
            assert_eq!(bytes_of(&backing, 1), [0]);
            write(&mut backing, 0, 7);
            let mut size = 1;
            // Small, large and host-page-straddling steps.
            for new_size in [2, 3, 4_095, 4_096, 4_097, 65_536, 65_537, 1 << 20] {
                backing.grow(size, new_size).unwrap();
                assert_eq!(backing.base_ptr().as_ptr() as usize % BASE_ALIGN, 0);
                assert_eq!(bytes_of(&backing, new_size)[size - 1], 7);
                assert!(bytes_of(&backing, new_size)[size..].iter().all(|byte| *byte == 0));
                write(&mut backing, new_size - 1, 7);
                size = new_size;
            }
        });
    }

    #[test]
    fn growing_past_the_capacity_moves() {
        on_every_backing(|new| {
            let mut backing = new(100, 0);
            write(&mut backing, 99, 7);
            let size = backing.capacity_bytes() + 1;
            backing.grow(100, size).unwrap();
            assert!(backing.capacity_bytes() >= size);
            assert_eq!(bytes_of(&backing, size)[99], 7);
            assert_eq!(bytes_of(&backing, size)[size - 1], 0);
        });
    }

    #[test]
    fn empty_stores_are_aligned() {
        on_every_backing(|new| {
            let mut backing = new(0, 0);
            assert_eq!(backing.base_ptr().as_ptr() as usize % BASE_ALIGN, 0);
            backing.grow(0, 0).unwrap();
            backing.grow(0, 10).unwrap();
            assert_eq!(bytes_of(&backing, 10), [0; 10]);
        });
    }

    #[test]
    fn refusals_are_errors_and_change_nothing() {
        on_every_backing(|new| {
            let mut backing = new(100, 0);
            write(&mut backing, 99, 7);
            for size in [MAX_BACKING_BYTES, MAX_BACKING_BYTES - 4_096] {
                assert_eq!(backing.grow(100, size), Err(OutOfMemory));
                assert_eq!(bytes_of(&backing, 100)[99], 7);
                assert!(Backing::new(Some(backing.kind()), size, size).is_err());
            }
        });
    }

    #[test]
    fn a_refused_reservation_falls_back() {
        on_every_backing(|new| {
            let mut backing = new(10, MAX_BACKING_BYTES);
            backing.grow(10, 20).unwrap();
            assert_eq!(bytes_of(&backing, 20), [0; 20]);
        });
        let backing = Backing::new(None, 10, MAX_BACKING_BYTES).unwrap();
        assert_eq!(backing.kind(), BackingKind::Heap);
    }
}
