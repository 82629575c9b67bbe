//! References, and what holds or carries them: the objects of the heap, how long host code keeps
//! them, tables, and the tags of exceptions.
//!
//! A [`Rooted`](rooting::Rooted) or an [`OwnedRooted`](owned::OwnedRooted) is what hosts hold; it
//! dereferences to what it is a reference to: an `ExternRef`, an `AnyRef` and so on.

pub(crate) mod anyref;
pub(crate) mod arrayref;
pub(crate) mod exnref;
pub(crate) mod externref;
pub(crate) mod null;
pub(crate) mod owned;
pub(crate) mod rooting;
pub(crate) mod structref;
pub(crate) mod table;
pub(crate) mod tag;

use std::fmt;

use anyhow::{Error, Result};
use lineal_decoder::FieldType;

use crate::api::values::val::Val;
use crate::runtime::object::Storage;
use crate::runtime::slots::MAX_SLOTS;
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;

/// The error of an allocation for which the store's objects leave no room, with the value that was
/// to be put there; see [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
///
/// ```
/// use lineal::{Config, Engine, ExternRef, GcHeapOutOfMemory, Store};
///
/// let engine = Engine::new(Config::new().gc_heap_limit(1000))?;
/// let mut store = Store::new(&engine, ());
/// let large = || [7_u8; 2000];
/// let error = ExternRef::new(&mut store, large()).unwrap_err();
/// let (value, why) = error.downcast::<GcHeapOutOfMemory<[u8; 2000]>>()?.take_inner();
/// assert_eq!(value, large());
/// store.gc(Some(&why))?;
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct GcHeapOutOfMemory<T> {
    inner: T,
}

impl<T> GcHeapOutOfMemory<T> {
    /// The value that was to be put there.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The value that was to be put there, and what remains of the error.
    pub fn take_inner(self) -> (T, GcHeapOutOfMemory<()>) {
        (self.inner, GcHeapOutOfMemory { inner: () })
    }
}

impl<T: Send + Sync + 'static> GcHeapOutOfMemory<T> {
    /// Adds the value to the trap of an allocation that failed.
    fn with(error: Error, inner: T) -> Error {
        match error.downcast_ref::<Trap>() {
            Some(Trap::GcHeapOutOfMemory) => error.context(GcHeapOutOfMemory { inner }),
            _ => error,
        }
    }
}

impl<T> fmt::Display for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Trap::GcHeapOutOfMemory.fmt(f)
    }
}

impl<T> fmt::Debug for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> std::error::Error for GcHeapOutOfMemory<T> {}

/// A value for a field or an element, as slots hold it.
fn lower(store: &StoreCore, field: FieldType, value: Val) -> Result<[u64; MAX_SLOTS]> {
    value.to_slots_of(store, field.storage.unpack())
}

/// What a field or an element holds.
///
/// # Safety
///
/// The slots' value must be of the field's type and belong to the store.
unsafe fn lift(store: &StoreCore, field: FieldType, slots: [u64; MAX_SLOTS]) -> Val {
    let low = Storage::of(field.storage).extend(slots[0], false);
    // SAFETY: the caller's promise.
    unsafe { Val::from_slots(store, field.storage.unpack(), [low, slots[1]]) }
}
