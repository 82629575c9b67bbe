//! [`ArrayRef`]: arrays.

use anyhow::{Context as _, Result, ensure};
use lineal_decoder as plain;

use crate::api::refs::rooting::{HeapRef, Rooted, gc_ref};
use crate::api::refs::{GcHeapOutOfMemory, lift, lower};
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::ArrayType;
use crate::api::values::val::Val;
use crate::runtime::limits::Limits;
use crate::runtime::object::{Array, Object};
use crate::runtime::pool::Pool;
use crate::runtime::store::{StoreCore, StoreId};
use crate::runtime::trap::Trap;

/// What an `arrayref` that is not null refers to: an array.
///
/// ```
/// use lineal::{
///     ArrayRef, ArrayRefPre, ArrayType, Engine, FieldType, Mutability, StorageType, Store, Val,
/// };
///
/// let engine = Engine::default();
/// let ty = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I16));
///
/// let mut store = Store::new(&engine, ());
/// let allocator = ArrayRefPre::new(&mut store, ty);
/// let array = ArrayRef::new(&mut store, &allocator, &Val::I32(-1), 3)?;
/// assert_eq!((array.len(&store)?, array.get(&mut store, 2)?.unwrap_i32()), (3, 0xffff));
/// array.set(&mut store, 2, Val::I32(5))?;
/// assert!(array.get(&mut store, 3).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct ArrayRef(HeapRef);

gc_ref! { ArrayRef: Array; }

/// An array type for use in one store: what arrays are created with.
#[derive(Clone, Debug)]
pub struct ArrayRefPre {
    store: StoreId,
    ty: ArrayType,
}

impl ArrayRefPre {
    /// Prepares the creation of arrays of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: ArrayType) -> ArrayRefPre {
        let store = store.as_context_mut();
        ty.index_in(store.engine());
        ArrayRefPre { store: store.core().id, ty }
    }

    /// What the elements are, in the allocator's own store.
    fn field_in(&self, store: &StoreCore) -> plain::FieldType {
        assert!(self.store == store.id, "the allocator belongs to another store");
        self.ty.plain().field()
    }
}

impl ArrayRef {
    /// Creates an array full of one value.
    ///
    /// # Errors
    ///
    /// If the value is not of the elements' type or belongs to another store; or
    /// [`GcHeapOutOfMemory`] if the store's objects would take more than
    /// [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    ///
    /// # Panics
    ///
    /// If the allocator belongs to another store.
    pub fn new(
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elem: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = allocator.field_in(core);
        let value = lower(core, field, *elem).context("invalid value for an array")?;
        ArrayRef::allocate(store.limits(), allocator, len, &value, |array| {
            array.fill(0, &value, len)
        })
    }

    /// Creates an array from its elements.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    pub fn new_fixed(
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = allocator.field_in(core);
        let values = elems.iter().map(|&value| lower(core, field, value));
        let values: Vec<_> = values.collect::<Result<_>>().context("invalid value for an array")?;
        let (len, held) = (u32::try_from(values.len())?, values.as_flattened());
        ArrayRef::allocate(store.limits(), allocator, len, held, |array| {
            (0..).zip(&values).try_for_each(|(index, value)| array.set(index, value))
        })
    }

    /// Creates an array of `i8` from bytes.
    ///
    /// # Errors
    ///
    /// If the elements are not `i8`, or as for [`Self::new`].
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    pub fn new_from_i8_slice(
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[u8],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        check_i8(allocator.field_in(core))?;
        let len = u32::try_from(elems.len())?;
        ArrayRef::allocate(store.limits(), allocator, len, &[], |array| {
            (0..).zip(elems).try_for_each(|(index, &byte)| array.set(index, &[byte.into(), 0]))
        })
    }

    fn allocate(
        mut limits: Limits<'_>,
        allocator: &ArrayRefPre,
        len: u32,
        held: &[u64],
        init: impl Fn(&mut Array) -> Result<(), Trap>,
    ) -> Result<Rooted<ArrayRef>> {
        let ty = allocator.ty.index();
        let storage = limits.core().engine.types().array_storage(ty);
        let bytes = (len as usize).saturating_mul(storage.bytes());
        let make = |pool: &mut Pool| {
            let mut array = Array::zeroed(pool, ty, storage, len)?;
            init(&mut array).ok()?;
            Some(Object::Array(array))
        };
        HeapRef::allocate(limits, bytes, held, make)
            .map(Rooted::new)
            .map_err(|error| GcHeapOutOfMemory::with(error, ()))
    }

    /// Copies the elements of an array of `i8` to a buffer of the array's length.
    ///
    /// # Errors
    ///
    /// If the elements are not `i8`, if the lengths differ, or as for [`Self::ty`].
    pub fn copy_to_i8_slice(&self, store: impl AsContext, dst: &mut [u8]) -> Result<()> {
        let store = store.as_context();
        check_i8(self.field_type(store.core())?)?;
        let array = self.object(store.core())?;
        let (len, room) = (array.len() as usize, dst.len());
        ensure!(len == room, "the array has {len} elements, but the buffer {room}");
        for (index, byte) in (0..).zip(dst) {
            *byte = array.get(index)?[0] as u8;
        }
        Ok(())
    }

    /// The array's type.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the array is gone.
    pub fn ty(&self, store: impl AsContext) -> Result<ArrayType> {
        let store = store.as_context();
        Ok(ArrayType::at(store.engine(), self.object(store.core())?.ty))
    }

    /// Whether the array is of a type.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ArrayType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// How many elements there are.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        Ok(self.object(store.as_context().core())?.len())
    }

    /// The elements; packed ones without a sign.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn elems(&self, store: impl AsContext) -> Result<std::vec::IntoIter<Val>> {
        let elems = (0..self.len(&store)?).map(|index| self.get(&store, index));
        Ok(elems.collect::<Result<Vec<_>>>()?.into_iter())
    }

    /// An element; of a packed one, without a sign.
    ///
    /// # Errors
    ///
    /// If there is no element with that index, or as for [`Self::ty`].
    pub fn get(&self, store: impl AsContext, index: u32) -> Result<Val> {
        let store = store.as_context();
        let field = self.field_type(store.core())?;
        let slots = self.object(store.core())?.get(index)?;
        // SAFETY: R5: an array's elements are of its type's type.
        Ok(unsafe { lift(store.core(), field, slots) })
    }

    /// Sets an element.
    ///
    /// # Errors
    ///
    /// If there is no element with that index, or elements are not mutable; if the value is not of
    /// their type or belongs to another store; or as for [`Self::ty`].
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = self.field_type(core)?;
        ensure!(field.mutable, "cannot set element {index}: array elements are not mutable");
        let value = lower(core, field, value).context("invalid value for an array")?;
        Ok(core.heap.array(self.0.to_slot(core)?)?.set(index, &value)?)
    }

    fn field_type(&self, store: &StoreCore) -> Result<plain::FieldType> {
        let ty = &store.engine.types().def(self.object(store)?.ty).ty;
        Ok(ty.as_array().expect("an array's type is an array type").field())
    }

    fn object<'a>(&self, store: &'a StoreCore) -> Result<&'a Array> {
        match self.0.object(store)? {
            Some(Object::Array(array)) => Ok(array),
            _ => unreachable!("an array's reference stands for an array"),
        }
    }
}

fn check_i8(field: plain::FieldType) -> Result<()> {
    ensure!(field.storage == plain::StorageType::I8, "the elements of the array type are not i8");
    Ok(())
}
