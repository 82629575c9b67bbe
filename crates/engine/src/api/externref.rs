//! [`ExternRef`]: host values that the guest can hold but not look into.

use std::any::Any;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::store::{AsContextMut, StoreContext};
use crate::runtime::store::{StoreCore, StoreId};

/// A reference to a host value: an `externref` that is not null.
///
/// The value lives as long as the store.
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
pub struct ExternRef {
    store: StoreId,
    /// What slots hold: the position in the store's list plus one, as 0 is null.
    bits: u64,
}

impl ExternRef {
    /// Puts a value into the store and refers to it.
    ///
    /// # Errors
    ///
    /// None at present; a limit on what a store may hold would be one.
    pub fn new<V>(mut store: impl AsContextMut, value: V) -> Result<ExternRef>
    where
        V: Any + Send + Sync,
    {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        core.externs.push(Arc::new(value));
        Ok(ExternRef { store: core.id, bits: core.externs.len() as u64 })
    }

    /// The value referred to. `None` is for references that did not come from the host; there
    /// are none at present.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store.
    pub fn data<'a, T: 'a>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let core = store.into().core();
        let bits = ExternRef::option_to_slot(Some(*self), core)?;
        Ok(core.externs.get(bits as usize - 1).map(|value| &**value))
    }

    /// The `externref` that slots hold.
    pub(crate) fn option_to_slot(value: Option<ExternRef>, store: &StoreCore) -> Result<u64> {
        let Some(value) = value else { return Ok(0) };
        ensure!(value.store == store.id, "reference to a host value of another store");
        Ok(value.bits)
    }

    /// The reference for an `externref` that a slot holds.
    pub(crate) fn option_from_slot(store: &StoreCore, bits: u64) -> Option<ExternRef> {
        (bits != 0).then_some(ExternRef { store: store.id, bits })
    }
}
