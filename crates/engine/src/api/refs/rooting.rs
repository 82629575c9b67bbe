//! How long references that host code holds keep their objects.
//!
//! A reference that the host gets is *rooted in a scope*: it keeps its object until the host
//! function that got it returns, or until the [`RootScope`] around it ends, or else as long as
//! the store lives. [`OwnedRooted`] keeps an object longer than that.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;

use anyhow::{Result, ensure};

use super::owned::OwnedRooted;
use crate::api::store::sealed::{Core, OneStore};
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::runtime::heap::is_i31;
use crate::runtime::limits::Limits;
use crate::runtime::object::Object;
use crate::runtime::pool::Pool;
use crate::runtime::store::{StoreCore, StoreId};

/// What references of the embedding API are made of: a reference as slots hold it, and the store
/// that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// Puts an object with a payload of so many bytes into a store's heap and refers to it.
    /// What the words in `held` stand for, which the object is to refer to, stays meanwhile.
    pub(crate) fn allocate(
        mut limits: Limits<'_>,
        payload_bytes: usize,
        held: &[u64],
        make: impl FnMut(&mut Pool) -> Option<Object>,
    ) -> Result<HeapRef> {
        let bits = limits.allocate(payload_bytes, held, make)?;
        let store = limits.core();
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

    /// The object; `None` for an `i31`.
    ///
    /// # Errors
    ///
    /// As for [`Self::to_slot`].
    pub(crate) fn object(self, store: &StoreCore) -> Result<Option<&Object>> {
        Ok(store.heap.get(self.to_slot(store)?))
    }
}

/// What a reference can be to: [`ExternRef`](crate::ExternRef), [`AnyRef`](crate::AnyRef) and what it
/// can be narrowed to, [`ExnRef`](crate::ExnRef). Hosts hold a [`Rooted`] or an
/// [`OwnedRooted`](crate::OwnedRooted) of these.
///
/// ```compile_fail
/// use lineal::{GcRef, Rooted};
///
/// // A reference to one kind of object is none to another.
/// fn cast<From: GcRef, To: GcRef>(reference: &Rooted<From>) -> &To {
///     To::of(reference.heap_ref())
/// }
/// ```
pub trait GcRef: sealed::Reference {}

/// A reference that keeps its object: a [`Rooted`] or an [`OwnedRooted`](crate::OwnedRooted).
pub trait RootedGcRef<T: GcRef>: Deref<Target = T> + sealed::Root<T> {}

pub(crate) mod sealed {
    use lineal_decoder::HeapType;

    use super::HeapRef;
    use crate::api::store::sealed::Core;

    pub trait Reference: Send + Sync + Sized + 'static {
        /// What references of this kind refer to.
        #[doc(hidden)]
        const HEAP: HeapType;

        /// Nobody outside has an [`Opaque`], so nobody can make one reference of another.
        #[doc(hidden)]
        fn of(reference: &Opaque) -> &Self;
    }

    pub trait Root<T> {
        /// Nobody outside has a [`Core`].
        #[doc(hidden)]
        fn heap_ref(&self, store: Core<'_>) -> Opaque;
    }

    /// A reference in the signatures of sealed traits, which must not name the real type.
    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub struct Opaque(pub(crate) HeapRef);
}

/// Makes a type around a [`HeapRef`] one that references can be to.
macro_rules! gc_ref {
    ($($ty:ident: $heap:ident;)*) => {$(
        impl $crate::api::refs::rooting::sealed::Reference for $ty {
            const HEAP: ::lineal_decoder::HeapType = ::lineal_decoder::HeapType::$heap;

            fn of(reference: &$crate::api::refs::rooting::sealed::Opaque) -> &$ty {
                // SAFETY: both types have the layout of a `HeapRef`.
                unsafe { &*::std::ptr::from_ref(reference).cast() }
            }
        }

        impl $crate::api::refs::rooting::GcRef for $ty {}
    )*};
}
pub(in crate::api) use gc_ref;

/// A reference to an object in a store, which is kept until the scope ends in which the host got
/// the reference.
///
/// That is the host function that runs, or the [`RootScope`] around it, or else the store. A
/// reference whose scope has ended can be held but not used: methods return errors then. It
/// dereferences to what it refers to, so the methods of that can be called on it.
///
/// ```
/// use lineal::{ExternRef, Rooted, Store};
///
/// let mut store = Store::<()>::default();
/// let ada: Rooted<ExternRef> = ExternRef::new(&mut store, "Ada")?;
/// let other = ExternRef::new(&mut store, "Ada")?;
/// assert!(Rooted::ref_eq(&store, &ada, &ada)? && !Rooted::ref_eq(&store, &ada, &other)?);
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct Rooted<T: GcRef> {
    reference: sealed::Opaque,
    ty: PhantomData<T>,
}

impl<T: GcRef> Rooted<T> {
    /// A reference to an object of the type, or to none any more.
    pub(crate) fn new(reference: HeapRef) -> Rooted<T> {
        Rooted { reference: sealed::Opaque(reference), ty: PhantomData }
    }

    pub(crate) fn reference(self) -> HeapRef {
        self.reference.0
    }

    /// The same reference as one of another type, which the object has too.
    pub(crate) fn cast<U: GcRef>(self) -> Rooted<U> {
        Rooted::new(self.reference.0)
    }

    /// The reference that a slot of the type holds, rooted in the current scope; `None` for null.
    pub(crate) fn from_slot(store: &StoreCore, bits: u64) -> Option<Rooted<T>> {
        HeapRef::from_slot(store, bits).map(Rooted::new)
    }

    /// A reference, or null, as a slot holds it.
    pub(crate) fn option_to_slot(value: Option<Rooted<T>>, store: &StoreCore) -> Result<u64> {
        value.map_or(Ok(0), |value| value.reference.0.to_slot(store))
    }

    /// Keeps the object until the result and all its clones are dropped.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn to_owned_rooted(&self, mut store: impl AsContextMut) -> Result<OwnedRooted<T>> {
        OwnedRooted::keep(store.as_context_mut().core(), self.reference.0)
    }

    /// A number that tells the object from all others that are in the store now: for hosts
    /// that keep something of their own for each.
    pub fn hash_key(&self) -> u64 {
        self.reference.0.bits
    }

    /// Whether two references are the same, which asks nothing of a store: to one object that was
    /// or is in one store.
    pub fn rooted_eq(a: Rooted<T>, b: Rooted<T>) -> bool {
        a.reference.0 == b.reference.0
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
        let store = store.as_context();
        let core = store.core();
        let [a, b] = [a.heap_ref(Core(core)).0, b.heap_ref(Core(core)).0];
        Ok(a.to_slot(core)? == b.to_slot(core)?)
    }

    /// Feeds a hasher with what [`rooted_eq`](Self::rooted_eq) compares.
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        self.reference.0.hash(state);
    }

    /// Feeds a hasher with what tells the object from others of the store.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) -> Result<()> {
        self.reference.0.to_slot(store.as_context().core())?.hash(state);
        Ok(())
    }
}

impl<T: GcRef> sealed::Root<T> for Rooted<T> {
    fn heap_ref(&self, _: Core<'_>) -> sealed::Opaque {
        self.reference
    }
}

impl<T: GcRef> RootedGcRef<T> for Rooted<T> {}

impl<T: GcRef> Deref for Rooted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::of(&self.reference)
    }
}

impl<T: GcRef> Clone for Rooted<T> {
    fn clone(&self) -> Rooted<T> {
        *self
    }
}

impl<T: GcRef> Copy for Rooted<T> {}

impl<T: GcRef> fmt::Debug for Rooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rooted").field(&self.reference.0).finish()
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
/// store.gc(None)?;
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

    /// Makes room for that many more references at once.
    pub fn reserve(&mut self, additional: usize) {
        self.store.as_context_mut().core_mut().heap.reserve_in_scope(additional);
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
