//! [`OwnedRooted`]: references that keep their objects until they are dropped.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;

use super::rooting::sealed::{Opaque, Root};
use super::rooting::{GcRef, HeapRef, Rooted, RootedGcRef};
use crate::api::store::sealed::Core;
use crate::api::store::{AsContext, AsContextMut};
use crate::runtime::store::StoreCore;

/// A reference that keeps its object until it and all its clones are dropped, whatever scope it
/// came from.
///
/// ```
/// use lineal::{ExternRef, OwnedRooted, RootScope, Store};
///
/// let mut store = Store::<()>::default();
/// let owned: OwnedRooted<ExternRef> = {
///     let mut scope = RootScope::new(&mut store);
///     ExternRef::new(&mut scope, "kept")?.to_owned_rooted(&mut scope)?
/// };
/// store.gc(None)?;
/// assert_eq!(owned.data(&store)?.unwrap().downcast_ref(), Some(&"kept"));
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct OwnedRooted<T: GcRef> {
    reference: Opaque,
    token: Arc<()>,
    ty: PhantomData<T>,
}

impl<T: GcRef> OwnedRooted<T> {
    /// Keeps what a reference stands for, which must be of the type.
    pub(crate) fn keep(store: &StoreCore, reference: HeapRef) -> Result<OwnedRooted<T>> {
        let token = store.heap.root_owned(reference.to_slot(store)?);
        Ok(OwnedRooted { reference: Opaque(reference), token, ty: PhantomData })
    }

    pub(crate) fn reference(&self) -> HeapRef {
        self.reference.0
    }

    /// The reference, rooted in the current scope.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Rooted<T> {
        let store = store.as_context_mut();
        match self.reference.0.to_slot(store.core()) {
            Ok(bits) => store.core().heap.root_in_scope(bits),
            Err(error) => panic!("{error}"),
        }
        Rooted::new(self.reference.0)
    }

    /// Whether two references are to the same object.
    ///
    /// # Errors
    ///
    /// If one of them belongs to another store, or its object is gone.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl RootedGcRef<T>,
        b: &impl RootedGcRef<T>,
    ) -> Result<bool> {
        Rooted::ref_eq(store, a, b)
    }

    /// Feeds a hasher with what tells this reference, as something that keeps an object, from others.
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.token).hash(state);
    }

    /// Feeds a hasher with what tells the object from others of the store.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) -> Result<()> {
        self.reference.0.to_slot(store.as_context().core())?.hash(state);
        Ok(())
    }

    /// The same reference as one of another type, which the object has too.
    pub(crate) fn cast<U: GcRef>(self) -> OwnedRooted<U> {
        OwnedRooted { reference: self.reference, token: self.token, ty: PhantomData }
    }
}

impl<T: GcRef> Root<T> for OwnedRooted<T> {
    fn heap_ref(&self, _: Core<'_>) -> Opaque {
        self.reference
    }
}

impl<T: GcRef> RootedGcRef<T> for OwnedRooted<T> {}

impl<T: GcRef> Deref for OwnedRooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::of(&self.reference)
    }
}

impl<T: GcRef> Clone for OwnedRooted<T> {
    fn clone(&self) -> OwnedRooted<T> {
        OwnedRooted { reference: self.reference, token: self.token.clone(), ty: PhantomData }
    }
}

impl<T: GcRef> fmt::Debug for OwnedRooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedRooted").field(&self.reference.0).finish()
    }
}
