//! [`ExternRef`]: host values that the guest can hold but not look into.

use std::any::Any;

use anyhow::Result;

use crate::api::refs::rooting::{HeapRef, gc_ref};
use crate::api::store::{AsContextMut, StoreContext};
use crate::runtime::object::Object;
use crate::runtime::store::StoreCore;

/// A reference to a host value: an `externref` that is not null.
///
/// The value is dropped some time after nothing refers to it any more. The reference itself keeps
/// it until the end of the scope; see [`RootScope`](crate::RootScope).
///
/// ```
/// use lineal::{ExternRef, Store};
///
/// let mut store = Store::<()>::default();
/// let name = ExternRef::new(&mut store, String::from("Ada"))?;
/// let value = name.data(&store)?.and_then(|any| any.downcast_ref::<String>());
/// assert_eq!(value.unwrap(), "Ada");
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExternRef(pub(in crate::api) HeapRef);

gc_ref! { ExternRef }

impl ExternRef {
    /// Puts a value into the store and refers to it.
    ///
    /// # Errors
    ///
    /// The trap [`GcHeapOutOfMemory`](crate::Trap::GcHeapOutOfMemory), if the store's objects
    /// would take more than [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    pub fn new<V>(mut store: impl AsContextMut, value: V) -> Result<ExternRef>
    where
        V: Any + Send + Sync,
    {
        let mut store = store.as_context_mut();
        let mut value = Some(value);
        let make = || Some(Object::Extern(Box::new(value.take()?)));
        Ok(ExternRef(HeapRef::allocate(store.core_mut(), size_of::<V>(), &[], make)?))
    }

    /// The value referred to. `None` is for references that did not come from the host.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the value is gone.
    pub fn data<'a, T: 'a>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let core = store.into().core();
        Ok(match self.0.object(core)? {
            Some(Object::Extern(value)) => Some(&**value),
            _ => None,
        })
    }

    /// The `externref` that slots hold.
    pub(crate) fn option_to_slot(value: Option<ExternRef>, store: &StoreCore) -> Result<u64> {
        value.map_or(Ok(0), |value| value.0.to_slot(store))
    }

    /// The reference for an `externref` that a slot holds.
    pub(crate) fn option_from_slot(store: &StoreCore, bits: u64) -> Option<ExternRef> {
        HeapRef::from_slot(store, bits).map(ExternRef)
    }
}
