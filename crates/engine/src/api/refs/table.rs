//! [`Table`]: the handle to a table in a store.

use std::ops::Range;

use anyhow::{Result, bail};

#[cfg(feature = "async")]
use crate::api::store::StoreContextMut;
#[cfg(feature = "async")]
use crate::api::store::asynchronous::with_answers;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::TableType;
use crate::api::values::val::Ref;
use crate::runtime::entity::TableEntity;
use crate::runtime::trap::Trap;

/// A table in a [`Store`](crate::Store): a growable array of references.
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{Func, Ref, RefType, Store, Table, TableType};
///
/// let mut store = Store::<()>::default();
/// let ty = TableType::new(RefType::FUNCREF, 2, None);
/// let table = Table::new(&mut store, ty, Ref::Func(None))?;
///
/// let answer = Func::wrap(&mut store, || 42);
/// table.set(&mut store, 1, answer.into())?;
/// assert!(table.get(&mut store, 0).unwrap().is_null());
/// assert!(!table.get(&mut store, 1).unwrap().is_null());
/// assert!(table.get(&mut store, 2).is_none());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Table {
    handle: Handle<TableEntity>,
}

impl Table {
    /// Creates a table, as large as the type's minimum and filled with `init`.
    ///
    /// # Errors
    ///
    /// If `init` is not of the element type or belongs to another store, or if the minimum is
    /// over a limit.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Table> {
        let mut store = store.as_context_mut();
        let ty = ty.lower(store.engine());
        let init = init.to_slot_of(store.core(), ty.element)?;
        let mut limits = store.limits();
        limits.check_tables(1)?;
        let table = limits.new_table(ty, init)?;
        let core = store.core_mut();
        let entity = core.tables.push(table);
        // SAFETY: the store owns the table as of now.
        Ok(Table { handle: unsafe { Handle::new(core, entity) } })
    }

    /// [`new`](Self::new) for stores whose limiter may wait: see
    /// [`Store::limiter_async`](crate::Store::limiter_async).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    #[cfg(feature = "async")]
    pub async fn new_async(
        mut store: impl AsContextMut<Data: Send>,
        ty: TableType,
        init: Ref,
    ) -> Result<Table> {
        let new = |store: &mut StoreContextMut<'_, _>| Table::new(store, ty.clone(), init);
        with_answers(&mut store.as_context_mut(), new).await
    }

    /// [`grow`](Self::grow) for stores whose limiter may wait: see
    /// [`Store::limiter_async`](crate::Store::limiter_async).
    ///
    /// # Errors
    ///
    /// As for [`grow`](Self::grow).
    #[cfg(feature = "async")]
    pub async fn grow_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        delta: u64,
        init: Ref,
    ) -> Result<u64> {
        let grow = |store: &mut StoreContextMut<'_, _>| self.grow(store, delta, init);
        with_answers(&mut store.as_context_mut(), grow).await
    }

    pub(crate) fn from_handle(handle: Handle<TableEntity>) -> Table {
        Table { handle }
    }

    pub(crate) fn handle(self) -> Handle<TableEntity> {
        self.handle
    }

    /// A number that tells this table from all others that are in the store now: for hosts that
    /// keep something of their own for each.
    pub fn hash_key(&self, store: impl AsContext) -> usize {
        self.handle.entity(store.as_context().core()).addr().get()
    }

    /// The table's type.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        let store = store.as_context();
        TableType::lift(store.engine(), self.handle.get(store.core()).ty)
    }

    /// The number of elements.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.handle.get(store.as_context().core()).elements.len() as u64
    }

    /// The element at an index; `None` past the end.
    pub fn get(&self, store: impl AsContext, index: u64) -> Option<Ref> {
        let store = store.as_context();
        let table = self.handle.get(store.core());
        let bits = *table.elements.get(usize::try_from(index).ok()?)?;
        // SAFETY: a table of the store holds references of its element type (R4).
        Some(unsafe { Ref::from_slot(store.core(), table.ty.element.heap, bits) })
    }

    /// Sets the element at an index.
    ///
    /// # Errors
    ///
    /// If the index is past the end, or if `val` is not of the element type or belongs to
    /// another store.
    pub fn set(&self, store: impl AsContextMut, index: u64, val: Ref) -> Result<()> {
        self.fill(store, index, val, 1)
    }

    /// Sets `len` elements from `dst` on: `table.fill`.
    ///
    /// # Errors
    ///
    /// If the range is not inside the table, or if `val` is not of the element type or belongs
    /// to another store. Nothing is written then.
    pub fn fill(&self, mut store: impl AsContextMut, dst: u64, val: Ref, len: u64) -> Result<()> {
        let mut store = store.as_context_mut();
        let element = self.handle.get(store.core()).ty.element;
        let bits = val.to_slot_of(store.core(), element)?;
        let elements = &mut self.handle.get_mut(store.core_mut()).elements;
        let range = range(elements, dst, len)?;
        elements[range].fill(bits);
        Ok(())
    }

    /// Adds `delta` elements that are `init` and returns the size before.
    ///
    /// # Errors
    ///
    /// If the new size is over a limit, or if `init` is not of the element type or belongs to
    /// another store. The table is as before then.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let mut store = store.as_context_mut();
        let element = self.handle.get(store.core()).ty.element;
        let init = init.to_slot_of(store.core(), element)?;
        let entity = self.handle.entity(store.core()).as_ptr();
        // SAFETY: R2 was just checked, so R1 applies; R3: the store is borrowed exclusively, and
        // its limiter reaches no entity.
        let table = unsafe { &mut *entity };
        Ok(store.limits().grow_table(table, delta, init)?)
    }

    /// Copies `len` elements from one table to another, or inside one, where the ranges may
    /// overlap: `table.copy`.
    ///
    /// # Errors
    ///
    /// If one of the ranges is not inside its table, or if the element types do not fit.
    /// Nothing is written then.
    pub fn copy(
        mut store: impl AsContextMut,
        dst_table: &Table,
        dst_index: u64,
        src_table: &Table,
        src_index: u64,
        len: u64,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let source = src_table.handle.get(core);
        let src = range(&source.elements, src_index, len)?;
        if src_table.handle.entity(core) == dst_table.handle.entity(core) {
            let elements = &mut dst_table.handle.get_mut(core).elements;
            let dst = range(elements, dst_index, len)?;
            elements.copy_within(src, dst.start);
            return Ok(());
        }
        let target = dst_table.handle.get(core);
        let (from, to) = (source.ty.element, target.ty.element);
        if !core.engine.types().is_sub_ref(from, to) {
            bail!("type mismatch: cannot copy elements of type {from} to a table of {to}");
        }
        let dst = range(&target.elements, dst_index, len)?;
        // SAFETY: both are the store's (R2), which is borrowed exclusively (R3), and they are
        // different tables.
        let (target, source) = unsafe {
            (dst_table.handle.entity(core).as_mut(), src_table.handle.entity(core).as_ref())
        };
        target.elements[dst].copy_from_slice(&source.elements[src]);
        Ok(())
    }
}

/// The range of `len` elements from `start` on.
fn range(elements: &[u64], start: u64, len: u64) -> Result<Range<usize>, Trap> {
    let end = start.checked_add(len).filter(|&end| end <= elements.len() as u64);
    // Not past the end, so a `usize` holds both.
    end.map(|end| start as usize..end as usize).ok_or(Trap::TableOutOfBounds)
}
