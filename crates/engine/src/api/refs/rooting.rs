//! How long references that host code holds keep their objects.
//!
//! A reference that the host gets is *rooted in a scope*: it keeps its object until the host
//! function that got it returns, or until the [`RootScope`] around it ends, or else as long as
//! the store lives. [`OwnedRooted`] keeps an object longer than that.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::api::store::sealed::Core;
use crate::api::store::sealed::OneStore;
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::runtime::heap::is_i31;
use crate::runtime::object::Object;
use crate::runtime::store::{StoreCore, StoreId};

/// What references of the embedding API are made of: a reference as slots hold it, and the store
/// that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeapRef {
    store: StoreId,
    bits: u64,
}

impl HeapRef {
    /// The reference that a slot holds, rooted in the current scope; `None` for null.
    pub(crate) fn from_slot(store: &StoreCore, bits: u64) -> Option<HeapRef> {
        store.heap.root_in_scope(bits);
        (bits != 0).then_some(HeapRef { store: store.id, bits })
    }

    /// Puts an object with a payload of so many bytes into the store's heap and refers to it.
    /// What the words in `held` stand for, which the object is to refer to, stays meanwhile.
    pub(crate) fn allocate(
        store: &mut StoreCore,
        payload_bytes: usize,
        held: &[u64],
        make: impl FnMut() -> Option<Object>,
    ) -> Result<HeapRef> {
        let bits = store.allocate(payload_bytes, held, make)?;
        store.heap.root_in_scope(bits);
        Ok(HeapRef { store: store.id, bits })
    }

    /// The reference for an `i31`.
    pub(crate) fn i31(store: &StoreCore, bits: u64) -> HeapRef {
        HeapRef { store: store.id, bits }
    }

    /// The reference as a slot holds it.
    ///
    /// # Errors
    ///
    /// If it belongs to another store, or the scope that it was rooted in has ended and its object
    /// is gone.
    pub(crate) fn to_slot(self, store: &StoreCore) -> Result<u64> {
        ensure!(self.store == store.id, "reference to an object of another store");
        ensure!(
            is_i31(self.bits) || store.heap.get(self.bits).is_some(),
            "the object of the reference is gone: the scope that kept it has ended"
        );
        Ok(self.bits)
    }

    pub(crate) fn hash_key(self) -> u64 {
        self.bits
    }

    /// The object; `None` for an `i31`.
    ///
    /// # Errors
    ///
    /// As for [`Self::to_slot`].
    pub(crate) fn object(self, store: &StoreCore) -> Result<Option<&Object>> {
        Ok(store.heap.get(self.to_slot(store)?))
    }
}

/// A reference that can be rooted: [`ExternRef`](crate::ExternRef), [`ExnRef`](crate::ExnRef).
///
/// ```compile_fail
/// use lineal::GcRef;
///
/// // A reference to one kind of object is none to another.
/// fn cast<From: GcRef, To: GcRef>(reference: From) -> To {
///     To::from_heap_ref(reference.heap_ref())
/// }
/// ```
pub trait GcRef: sealed::Reference {}

pub(crate) mod sealed {
    use super::HeapRef;
    use crate::api::store::sealed::Core;

    pub trait Reference: Copy {
        /// Nobody outside has a [`Core`], so nobody can make one reference of another.
        #[doc(hidden)]
        fn heap_ref(self, store: Core<'_>) -> Opaque;
        #[doc(hidden)]
        fn from_heap_ref(reference: Opaque) -> Self;
    }

    /// A reference in the signatures of the sealed trait, which must not name the real type.
    #[derive(Clone, Copy)]
    pub struct Opaque(pub(crate) HeapRef);
}

/// Makes a type around a [`HeapRef`] one that can be rooted.
macro_rules! gc_ref {
    ($($ty:ident)*) => {$(
        impl $crate::api::refs::rooting::sealed::Reference for $ty {
            fn heap_ref(
                self,
                _: $crate::api::store::sealed::Core<'_>,
            ) -> $crate::api::refs::rooting::sealed::Opaque {
                $crate::api::refs::rooting::sealed::Opaque(self.0)
            }

            fn from_heap_ref(reference: $crate::api::refs::rooting::sealed::Opaque) -> $ty {
                $ty(reference.0)
            }
        }

        impl $crate::api::refs::rooting::GcRef for $ty {}

        impl $ty {
            /// Keeps the object until the result and all its clones are dropped.
            ///
            /// # Errors
            ///
            /// If the reference belongs to another store, or its object is gone.
            pub fn to_owned_rooted(
                &self,
                store: impl $crate::api::AsContextMut,
            ) -> ::anyhow::Result<$crate::api::OwnedRooted<$ty>> {
                $crate::api::OwnedRooted::new(store, *self)
            }

            /// A number that tells the object from all others that are in the store now: for hosts
            /// that keep something of their own for each.
            pub fn hash_key(&self) -> u64 {
                self.0.hash_key()
            }

            /// Whether two references are to the same object.
            ///
            /// # Errors
            ///
            /// If one of them belongs to another store, or its object is gone.
            pub fn ref_eq(
                store: impl $crate::api::AsContext,
                a: &$ty,
                b: &$ty,
            ) -> ::anyhow::Result<bool> {
                let store = store.as_context();
                Ok(a.0.to_slot(store.core())? == b.0.to_slot(store.core())?)
            }
        }
    )*};
}
pub(in crate::api) use gc_ref;

/// A reference that keeps its object until it and all its clones are dropped, whatever scope it
/// came from.
///
/// ```
/// use lineal::{ExternRef, RootScope, Store};
///
/// let mut store = Store::<()>::default();
/// let owned = {
///     let mut scope = RootScope::new(&mut store);
///     ExternRef::new(&mut scope, "kept")?.to_owned_rooted(&mut scope)?
/// };
/// store.gc();
/// let value = owned.to_rooted(&mut store);
/// assert_eq!(value.data(&store)?.unwrap().downcast_ref(), Some(&"kept"));
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct OwnedRooted<T> {
    reference: HeapRef,
    _token: Arc<()>,
    ty: PhantomData<T>,
}

impl<T: GcRef> OwnedRooted<T> {
    /// Keeps what a reference stands for.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn new(mut store: impl AsContextMut, reference: T) -> Result<OwnedRooted<T>> {
        let mut store = store.as_context_mut();
        let reference = reference.heap_ref(Core(store.core())).0;
        let bits = reference.to_slot(store.core())?;
        let token = store.core_mut().heap.root_owned(bits);
        Ok(OwnedRooted { reference, _token: token, ty: PhantomData })
    }

    /// The reference, rooted in the current scope.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> T {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        match self.reference.to_slot(core) {
            Ok(bits) => core.heap.root_in_scope(bits),
            Err(error) => panic!("{error}"),
        }
        T::from_heap_ref(sealed::Opaque(self.reference))
    }
}

impl<T> Clone for OwnedRooted<T> {
    fn clone(&self) -> OwnedRooted<T> {
        OwnedRooted { reference: self.reference, _token: self._token.clone(), ty: PhantomData }
    }
}

impl<T> fmt::Debug for OwnedRooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedRooted").field(&self.reference).finish()
    }
}

/// A scope for references: those that the host gets through it, or while it lasts, keep their
/// objects until it is dropped.
///
/// ```
/// use lineal::{ExternRef, RootScope, Store};
///
/// let mut store = Store::<()>::default();
/// let value = {
///     let mut scope = RootScope::new(&mut store);
///     ExternRef::new(&mut scope, 42)?
/// };
/// store.gc();
/// assert!(value.data(&store).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct RootScope<C: AsContextMut> {
    store: C,
    start: usize,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope in a store.
    pub fn new(mut store: C) -> RootScope<C> {
        let start = store.as_context_mut().core_mut().heap.begin_scope();
        RootScope { store, start }
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        self.store.as_context_mut().core_mut().heap.end_scope(self.start);
    }
}

impl<C: AsContextMut> OneStore for RootScope<C> {}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}
