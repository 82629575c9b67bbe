//! Where the bytes of a memory live: [`heap`] or [`mmap`], behind [`Store`].
//!
//! Every store keeps this contract, which the invariants of
//! [`LinearMemory`](crate::LinearMemory) rest on. With `n` the size it was last made or grown
//! to:
//!
//! - **S1.** The `n` bytes from `base_ptr` are one allocation, aligned to [`BASE_ALIGN`], and
//!   may be read and written until the store is grown or dropped. `n` is at most
//!   `isize::MAX`.
//! - **S2.** Making a store gives zeros. Growing keeps the bytes there were and adds zeros,
//!   provided that nobody has written past `n`. A failed grow changes nothing.
//! - **S3.** The store owns the bytes: it alone frees them, and no other value hands out
//!   pointers to them.

mod heap;
#[cfg(all(unix, feature = "mmap"))]
mod mmap;
#[cfg(not(all(unix, feature = "mmap")))]
#[path = "mmap_disabled.rs"]
mod mmap;

use core::ptr::NonNull;

use self::heap::HeapStore;
use self::mmap::ReservedStore;
use crate::options::StoreKind;

/// The alignment of every base pointer: that of the widest atomic access. More would make
/// common allocators write zeros by hand instead of asking for fresh pages.
pub(crate) const BASE_ALIGN: usize = 8;

/// The largest size of a store, in bytes; more than that no slice can have.
pub(crate) const MAX_STORE_BYTES: usize = isize::MAX as usize;

/// Whether [`StoreKind::Reserved`] exists in this build.
pub(crate) const RESERVED_AVAILABLE: bool = cfg!(all(unix, feature = "mmap"));

/// A store could not be made or grown, as the host has not got the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

/// The backing store of one memory.
#[derive(Debug)]
pub(crate) enum Store {
    Heap(HeapStore),
    Reserved(ReservedStore),
}

impl Store {
    /// A store of `bytes` bytes and, where address space can be reserved, room to grow to
    /// `reservation_bytes`. `None` chooses the kind by what the host grants.
    pub(crate) fn new(
        kind: Option<StoreKind>,
        bytes: usize,
        reservation_bytes: usize,
    ) -> Result<Store, OutOfMemory> {
        let heap = || HeapStore::new(bytes).map(Store::Heap);
        let reserved = |room| ReservedStore::new(bytes, room).map(Store::Reserved);
        match kind {
            Some(StoreKind::Heap) => heap(),
            Some(StoreKind::Reserved) => reserved(reservation_bytes).or_else(|_| reserved(bytes)),
            None => reserved(reservation_bytes).or_else(|_| heap()),
        }
    }

    /// A store of `bytes` bytes that can be committed up to `capacity_bytes`, and does not move.
    pub(crate) fn fixed(
        kind: Option<StoreKind>,
        bytes: usize,
        capacity_bytes: usize,
    ) -> Result<Store, OutOfMemory> {
        let heap = || HeapStore::new(capacity_bytes).map(Store::Heap);
        let reserved = || {
            ReservedStore::new(bytes, capacity_bytes)
                .map(|store| Store::Reserved(store.into_fixed()))
        };
        match kind {
            Some(StoreKind::Heap) => heap(),
            Some(StoreKind::Reserved) => reserved(),
            None => reserved().or_else(|_| heap()),
        }
    }

    pub(crate) fn kind(&self) -> StoreKind {
        match self {
            Store::Heap(_) => StoreKind::Heap,
            Store::Reserved(_) => StoreKind::Reserved,
        }
    }

    pub(crate) fn base_ptr(&self) -> NonNull<u8> {
        match self {
            Store::Heap(store) => store.base_ptr(),
            Store::Reserved(store) => store.base_ptr(),
        }
    }

    /// The size up to which growing does not move the base.
    pub(crate) fn capacity_bytes(&self) -> usize {
        match self {
            Store::Heap(store) => store.capacity_bytes(),
            Store::Reserved(store) => store.capacity_bytes(),
        }
    }

    /// Grows from `old_bytes`, the current size, to `new_bytes`.
    pub(crate) fn grow(&mut self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        debug_assert!(old_bytes <= new_bytes);
        match self {
            Store::Heap(store) => store.grow(new_bytes),
            Store::Reserved(store) => store.grow(old_bytes, new_bytes),
        }
    }

    /// Grows a [`fixed`](Self::fixed) store from `old_bytes` to `new_bytes`, which its capacity
    /// allows. Several threads may do so at once, from any size that the store has had.
    pub(crate) fn commit(&self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        match self {
            // Its capacity is there from the start.
            Store::Heap(_) => Ok(()),
            Store::Reserved(store) => store.commit(old_bytes, new_bytes),
        }
    }
}

/// The base pointer of a store without bytes.
fn dangling() -> NonNull<u8> {
    const { assert!(align_of::<Aligned>() == BASE_ALIGN) };
    #[repr(align(8))]
    struct Aligned;
    NonNull::<Aligned>::dangling().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(store: &Store, len: usize) -> &[u8] {
        // SAFETY: S1, and the tests pass the store's size.
        unsafe { core::slice::from_raw_parts(store.base_ptr().as_ptr(), len) }
    }

    fn write(store: &mut Store, index: usize, value: u8) {
        let byte_ptr = store.base_ptr().as_ptr().wrapping_add(index);
        // SAFETY: S1, and the tests pass an index inside the store's size.
        unsafe { byte_ptr.write(value) }
    }

    /// Runs `test` for every kind of store this build has.
    fn on_every_store(test: impl Fn(&dyn Fn(usize, usize) -> Store)) {
        for kind in [StoreKind::Heap, StoreKind::Reserved] {
            if !kind.is_available() {
                continue;
            }
            test(&|bytes, reservation| {
                let store = Store::new(Some(kind), bytes, reservation).unwrap();
                assert_eq!(store.kind(), kind);
                store
            });
        }
    }

    #[test]
    fn growing_keeps_bytes_and_adds_zeros() {
        on_every_store(|new| {
            let mut store = new(1, 1 << 20);
            assert_eq!(bytes_of(&store, 1), [0]);
            write(&mut store, 0, 7);
            let mut size = 1;
            // Small, large and host-page-straddling steps.
            for new_size in [2, 3, 4_095, 4_096, 4_097, 65_536, 65_537, 1 << 20] {
                store.grow(size, new_size).unwrap();
                assert_eq!(store.base_ptr().as_ptr() as usize % BASE_ALIGN, 0);
                assert_eq!(bytes_of(&store, new_size)[size - 1], 7);
                assert!(bytes_of(&store, new_size)[size..].iter().all(|byte| *byte == 0));
                write(&mut store, new_size - 1, 7);
                size = new_size;
            }
        });
    }

    #[test]
    fn growing_past_the_capacity_moves() {
        on_every_store(|new| {
            let mut store = new(100, 0);
            write(&mut store, 99, 7);
            let size = store.capacity_bytes() + 1;
            store.grow(100, size).unwrap();
            assert!(store.capacity_bytes() >= size);
            assert_eq!(bytes_of(&store, size)[99], 7);
            assert_eq!(bytes_of(&store, size)[size - 1], 0);
        });
    }

    #[test]
    fn empty_stores_are_aligned() {
        on_every_store(|new| {
            let mut store = new(0, 0);
            assert_eq!(store.base_ptr().as_ptr() as usize % BASE_ALIGN, 0);
            store.grow(0, 0).unwrap();
            store.grow(0, 10).unwrap();
            assert_eq!(bytes_of(&store, 10), [0; 10]);
        });
    }

    #[test]
    fn refusals_are_errors_and_change_nothing() {
        on_every_store(|new| {
            let mut store = new(100, 0);
            write(&mut store, 99, 7);
            for size in [MAX_STORE_BYTES, MAX_STORE_BYTES - 4_096] {
                assert_eq!(store.grow(100, size), Err(OutOfMemory));
                assert_eq!(bytes_of(&store, 100)[99], 7);
                assert!(Store::new(Some(store.kind()), size, size).is_err());
            }
        });
    }

    #[test]
    fn a_refused_reservation_falls_back() {
        on_every_store(|new| {
            let mut store = new(10, MAX_STORE_BYTES);
            store.grow(10, 20).unwrap();
            assert_eq!(bytes_of(&store, 20), [0; 20]);
        });
        let store = Store::new(None, 10, MAX_STORE_BYTES).unwrap();
        assert_eq!(store.kind(), StoreKind::Heap);
    }
}
