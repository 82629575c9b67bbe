//! [`ExternRef`]: host values that the guest can hold but not look into.

use std::any::Any;

use anyhow::Result;

use crate::api::refs::GcHeapOutOfMemory;
use crate::api::refs::anyref::AnyRef;
use crate::api::refs::rooting::{HeapRef, Rooted, gc_ref};
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::runtime::object::Object;
use crate::runtime::pool::{Pool, box_bytes};

/// What an `externref` that is not null refers to: a host value.
///
/// The value is dropped some time after nothing refers to it any more. A [`Rooted`] reference keeps
/// it until the end of the scope; see [`RootScope`](crate::RootScope).
///
/// ```
/// use lineal::{ExternRef, Rooted, Store};
///
/// let mut store = Store::<()>::default();
/// let name: Rooted<ExternRef> = ExternRef::new(&mut store, String::from("Ada"))?;
/// let value = name.data_mut(&mut store)?.and_then(|any| any.downcast_mut::<String>());
/// value.unwrap().push_str(" Lovelace");
/// let value = name.data(&store)?.and_then(|any| any.downcast_ref::<String>());
/// assert_eq!(value.unwrap(), "Ada Lovelace");
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct ExternRef(HeapRef);

gc_ref! { ExternRef: Extern; }

impl ExternRef {
    /// Puts a value into the store and refers to it.
    ///
    /// # Errors
    ///
    /// [`GcHeapOutOfMemory`] with the value, if the store's objects would take more than
    /// [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    pub fn new<V>(mut store: impl AsContextMut, value: V) -> Result<Rooted<ExternRef>>
    where
        V: Any + Send + Sync,
    {
        let mut store = store.as_context_mut();
        // The value is put into the object when there is room for it, and comes back if there is not.
        let mut value = Some(value);
        let make = |pool: &mut Pool| Some(Object::host_value(pool, Box::new(value.take()?)));
        match HeapRef::allocate(store.limits(), box_bytes(size_of::<V>()), &[], make) {
            Ok(reference) => Ok(Rooted::new(reference)),
            Err(error) => Err(match value {
                Some(value) => GcHeapOutOfMemory::with(error, value),
                None => error,
            }),
        }
    }

    /// A guest's reference as one of the host's: `extern.convert_any`.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn convert_any(store: impl AsContext, anyref: Rooted<AnyRef>) -> Result<Rooted<ExternRef>> {
        anyref.reference().to_slot(store.as_context().core())?;
        Ok(anyref.cast())
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

    /// The value referred to, mutably. `None` is for references that did not come from the host.
    ///
    /// # Errors
    ///
    /// As for [`Self::data`].
    pub fn data_mut<'a, T: 'a>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
        let core = &mut store.into().0.core;
        let bits = self.0.to_slot(core)?;
        Ok(core.heap.host_value(bits))
    }
}
