//! [`Handle`]: what every handle of the embedding API is made of.

use std::fmt;
use std::ptr::NonNull;

use crate::runtime::store::{StoreCore, StoreId};

/// An entity of a store, and which store that is.
///
/// This is the one place where the embedding API turns the address of an entity into a
/// reference, after it has compared the stores (**R2**).
pub(crate) struct Handle<E> {
    store: StoreId,
    entity: NonNull<E>,
}

// SAFETY: a handle is an address and a number. The entity is reached only through a borrow of
// its store (R2), and it is the store's business which threads may have that.
unsafe impl<E> Send for Handle<E> {}
// SAFETY: as for `Send`.
unsafe impl<E> Sync for Handle<E> {}

impl<E> Handle<E> {
    /// Creates a handle for an entity.
    ///
    /// # Safety
    ///
    /// The store must own the entity.
    pub(crate) unsafe fn new(store: &StoreCore, entity: NonNull<E>) -> Handle<E> {
        Handle { store: store.id, entity }
    }

    /// The address of the entity.
    ///
    /// # Panics
    ///
    /// If the entity belongs to another store.
    #[inline]
    pub(crate) fn entity(self, store: &StoreCore) -> NonNull<E> {
        if !self.belongs_to(store) {
            wrong_store();
        }
        self.entity
    }

    /// Whether the entity belongs to a store.
    #[inline]
    pub(crate) fn belongs_to(self, store: &StoreCore) -> bool {
        self.store == store.id
    }

    /// The entity.
    ///
    /// # Panics
    ///
    /// If the entity belongs to another store.
    #[inline]
    pub(crate) fn get(self, store: &StoreCore) -> &E {
        // SAFETY: R2 was just checked, so R1 applies; R3: the borrow of the store keeps all that
        // could change the entity away.
        unsafe { self.entity(store).as_ref() }
    }

    /// The entity, mutably.
    ///
    /// # Panics
    ///
    /// If the entity belongs to another store.
    #[inline]
    pub(crate) fn get_mut(self, store: &mut StoreCore) -> &mut E {
        // SAFETY: R2 was just checked, so R1 applies; R3: the borrow of the store is exclusive,
        // and nothing in the API gives out an entity for longer than such a borrow.
        unsafe { self.entity(store).as_mut() }
    }
}

#[cold]
#[track_caller]
pub(crate) fn wrong_store() -> ! {
    panic!("object used with the wrong store: it belongs to another one");
}

impl<E> Clone for Handle<E> {
    fn clone(&self) -> Handle<E> {
        *self
    }
}

impl<E> Copy for Handle<E> {}

impl<E> fmt::Debug for Handle<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:p}", self.store, self.entity)
    }
}
