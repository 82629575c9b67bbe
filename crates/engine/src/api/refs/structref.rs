//! [`StructRef`]: structures.

use anyhow::{Context as _, Result, anyhow, ensure};
use lineal_decoder as plain;

use crate::api::refs::rooting::{HeapRef, Rooted, gc_ref};
use crate::api::refs::{GcHeapOutOfMemory, lift, lower};
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::StructType;
use crate::api::values::val::Val;
use crate::runtime::object::{Object, Storage, Struct};
use crate::runtime::pool::Pool;
use crate::runtime::store::{StoreCore, StoreId};

/// What a `structref` that is not null refers to: a structure.
///
/// ```
/// use lineal::{
///     Engine, FieldType, Mutability, StorageType, Store, StructRef, StructRefPre, StructType, Val,
///     ValType,
/// };
///
/// let engine = Engine::default();
/// let byte = FieldType::new(Mutability::Var, StorageType::I8);
/// let number = FieldType::new(Mutability::Const, StorageType::ValType(ValType::F64));
/// let ty = StructType::new(&engine, [byte, number])?;
///
/// let mut store = Store::new(&engine, ());
/// let allocator = StructRefPre::new(&mut store, ty);
/// let value = StructRef::new(&mut store, &allocator, &[Val::I32(0x107), Val::from(2.5)])?;
/// assert_eq!(value.field(&mut store, 0)?.unwrap_i32(), 7);
/// value.set_field(&mut store, 0, Val::I32(9))?;
/// assert_eq!(value.field(&mut store, 0)?.unwrap_i32(), 9);
/// assert!(value.set_field(&mut store, 1, Val::from(1.0)).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct StructRef(HeapRef);

gc_ref! { StructRef: Struct; }

/// A structure type for use in one store: what structures are created with.
#[derive(Clone, Debug)]
pub struct StructRefPre {
    store: StoreId,
    ty: StructType,
}

impl StructRefPre {
    /// Prepares the creation of structures of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new(mut store: impl AsContextMut, ty: StructType) -> StructRefPre {
        let store = store.as_context_mut();
        ty.index_in(store.engine());
        StructRefPre { store: store.core().id, ty }
    }
}

impl StructRef {
    /// Creates a structure from the values of its fields.
    ///
    /// # Errors
    ///
    /// If the number or the types of the values are not those of the fields; if one belongs to
    /// another store; or [`GcHeapOutOfMemory`] if the store's objects would take more than
    /// [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    ///
    /// # Panics
    ///
    /// If the allocator belongs to another store.
    pub fn new(
        mut store: impl AsContextMut,
        allocator: &StructRefPre,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        assert!(allocator.store == core.id, "the allocator belongs to another store");
        let types = allocator.ty.plain().fields();
        let (expected, found) = (types.len(), fields.len());
        ensure!(expected == found, "expected {expected} values for a structure, found {found}");
        let mut slots = Vec::with_capacity(found);
        for (&field, &value) in types.iter().zip(fields) {
            let value = lower(core, field, value).context("invalid value for a field")?;
            slots.extend_from_slice(&value[..Storage::of(field.storage).slots()]);
        }
        let (ty, bytes) = (allocator.ty.index(), size_of_val(&*slots));
        let make = |pool: &mut Pool| Object::structure(pool, ty, &slots);
        HeapRef::allocate(store.limits(), bytes, &slots, make)
            .map(Rooted::new)
            .map_err(|error| GcHeapOutOfMemory::with(error, ()))
    }

    /// The structure's type.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the structure is gone.
    pub fn ty(&self, store: impl AsContext) -> Result<StructType> {
        let store = store.as_context();
        Ok(StructType::at(store.engine(), self.object(store.core())?.ty))
    }

    /// Whether the structure is of a type.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &StructType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// What a field holds; of a packed one, without a sign.
    ///
    /// # Errors
    ///
    /// If there is no field with that index, or as for [`Self::ty`].
    pub fn field(&self, store: impl AsContext, index: usize) -> Result<Val> {
        let store = store.as_context();
        let (field, slot) = self.place(store.core(), index)?;
        let fields = self.object(store.core())?.fields();
        let slots = [fields[slot], fields.get(slot + 1).copied().unwrap_or(0)];
        // SAFETY: R5: a structure's fields are of its type's types.
        Ok(unsafe { lift(store.core(), field, slots) })
    }

    /// What the fields hold.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn fields(&self, store: impl AsContext) -> Result<std::vec::IntoIter<Val>> {
        let count = self.ty(&store)?.plain().fields().len();
        let fields = (0..count).map(|index| self.field(&store, index));
        Ok(fields.collect::<Result<Vec<_>>>()?.into_iter())
    }

    /// Sets a field.
    ///
    /// # Errors
    ///
    /// If there is no field with that index, or it is not mutable; if the value is not of its type
    /// or belongs to another store; or as for [`Self::ty`].
    pub fn set_field(&self, mut store: impl AsContextMut, index: usize, value: Val) -> Result<()> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let (field, slot) = self.place(core, index)?;
        ensure!(field.mutable, "cannot set field {index}: field is not mutable");
        let value = lower(core, field, value).context("invalid value for a field")?;
        let count = Storage::of(field.storage).slots();
        let fields = core.heap.structure(self.0.to_slot(core)?)?.fields_mut();
        fields[slot..][..count].copy_from_slice(&value[..count]);
        Ok(())
    }

    /// A field's type and its first slot.
    fn place(&self, store: &StoreCore, index: usize) -> Result<(plain::FieldType, usize)> {
        let ty = &store.engine.types().def(self.object(store)?.ty).ty;
        let fields = ty.as_struct().map(plain::StructType::fields).unwrap_or_default();
        let field = fields.get(index).copied().ok_or_else(|| {
            anyhow!("a structure of {} fields has none with the index {index}", fields.len())
        })?;
        let before = fields[..index].iter();
        Ok((field, before.map(|field| Storage::of(field.storage).slots()).sum()))
    }

    fn object<'a>(&self, store: &'a StoreCore) -> Result<&'a Struct> {
        match self.0.object(store)? {
            Some(Object::Struct(object)) => Ok(object),
            _ => unreachable!("a structure's reference stands for a structure"),
        }
    }
}
