//! References to the guest's own values: [`AnyRef`] and what it can be narrowed to.

use std::fmt;

use anyhow::{Context as _, Result, anyhow, ensure};
use lineal_decoder::{ArrayType, FieldType, HeapType, StructType, TypeIndex, ValType};

use crate::api::refs::externref::ExternRef;
use crate::api::refs::rooting::{HeapRef, gc_ref};
use crate::api::store::{AsContext, AsContextMut};
use crate::api::values::val::Val;
use crate::runtime::heap;
use crate::runtime::object::{Array, Object, Storage, Struct};
use crate::runtime::slots::MAX_SLOTS;
use crate::runtime::store::StoreCore;

/// A reference to a value of the guest's: an `anyref` that is not null.
///
/// ```
/// use lineal::{AnyRef, I31, Store};
///
/// let mut store = Store::<()>::default();
/// let number = AnyRef::from_i31(&mut store, I31::wrapping_i32(-5));
/// assert!(number.is_i31(&store)?);
/// assert_eq!(number.as_i31(&store)?.unwrap().get_i32(), -5);
/// assert!(number.as_struct(&store)?.is_none());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnyRef(pub(in crate::api) HeapRef);

/// A reference to a value that `ref.eq` compares: an `eqref` that is not null.
#[derive(Clone, Copy, Debug)]
pub struct EqRef(pub(in crate::api) HeapRef);

/// A reference to a structure: a `structref` that is not null.
///
/// ```
/// use lineal::{Engine, FieldType, Store, StorageType, StructRef, StructType, Val, ValType};
///
/// let engine = Engine::default();
/// let byte = FieldType { storage: StorageType::I8, mutable: true };
/// let number = FieldType { storage: StorageType::ValType(ValType::F64), mutable: false };
/// let ty = engine.register_type(&StructType::new([byte, number]).into());
///
/// let mut store = Store::new(&engine, ());
/// let value = StructRef::new(&mut store, ty, &[Val::I32(0x107), Val::from(2.5)])?;
/// assert_eq!(value.field(&store, 0)?.unwrap_i32(), 7);
/// value.set_field(&mut store, 0, Val::I32(9))?;
/// assert_eq!(value.field(&store, 0)?.unwrap_i32(), 9);
/// assert!(value.set_field(&mut store, 1, Val::from(1.0)).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StructRef(pub(in crate::api) HeapRef);

/// A reference to an array: an `arrayref` that is not null.
///
/// ```
/// use lineal::{ArrayRef, ArrayType, Engine, FieldType, Store, StorageType, Val};
///
/// let engine = Engine::default();
/// let element = FieldType { storage: StorageType::I16, mutable: true };
/// let ty = engine.register_type(&ArrayType::new(element).into());
///
/// let mut store = Store::new(&engine, ());
/// let array = ArrayRef::new(&mut store, ty, &Val::I32(-1), 3)?;
/// assert_eq!((array.len(&store)?, array.get(&store, 2)?.unwrap_i32()), (3, 0xffff));
/// array.set(&mut store, 2, Val::I32(5))?;
/// assert!(array.get(&store, 3).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ArrayRef(pub(in crate::api) HeapRef);

gc_ref! { AnyRef EqRef StructRef ArrayRef }

/// An integer of 31 bits, as `i31ref`s hold it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct I31(u32);

impl I31 {
    /// The integer, if it fits without a sign.
    pub const fn new_u32(value: u32) -> Option<I31> {
        if value >> 31 == 0 { Some(I31(value)) } else { None }
    }

    /// The integer, if it fits with a sign.
    pub const fn new_i32(value: i32) -> Option<I31> {
        if value << 1 >> 1 == value { Some(I31::wrapping_i32(value)) } else { None }
    }

    /// The lower 31 bits of an integer.
    pub const fn wrapping_u32(value: u32) -> I31 {
        I31(value & 0x7fff_ffff)
    }

    /// The lower 31 bits of an integer.
    pub const fn wrapping_i32(value: i32) -> I31 {
        I31::wrapping_u32(value as u32)
    }

    /// The integer without a sign.
    pub const fn get_u32(&self) -> u32 {
        self.0
    }

    /// The integer with a sign.
    pub const fn get_i32(&self) -> i32 {
        (self.0 << 1) as i32 >> 1
    }

    pub(crate) const fn to_slot(self) -> u64 {
        heap::from_i31(self.0)
    }

    pub(crate) const fn from_slot(bits: u64) -> I31 {
        I31(heap::i31_unsigned(bits))
    }
}

impl fmt::Debug for I31 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("I31").field(&self.get_i32()).finish()
    }
}

impl AnyRef {
    /// The reference that an integer is.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> AnyRef {
        AnyRef(HeapRef::i31(store.as_context_mut().core(), value.to_slot()))
    }

    /// A host's reference as one of the guest's: `any.convert_extern`.
    pub fn convert_extern(_store: impl AsContextMut, value: ExternRef) -> AnyRef {
        value.to_anyref()
    }

    /// The reference as one of the host's: `extern.convert_any`.
    pub fn to_externref(self) -> ExternRef {
        ExternRef(self.0)
    }

    /// The narrowest type of what is referred to.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        self.type_in(store.as_context().core())
    }

    pub(crate) fn type_in(&self, store: &StoreCore) -> Result<HeapType> {
        Ok(store.heap.type_of(self.0.to_slot(store)?, HeapType::Any))
    }

    fn narrowed(&self, store: impl AsContext, to: HeapType) -> Result<Option<HeapRef>> {
        let store = store.as_context();
        let own = self.type_in(store.core())?;
        Ok(store.core().engine.types().is_sub_heap(own, to).then_some(self.0))
    }

    /// The integer, if it is one.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
        let store = store.as_context();
        let bits = self.0.to_slot(store.core())?;
        Ok(heap::is_i31(bits).then(|| I31::from_slot(bits)))
    }

    /// Whether it is an integer.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn is_i31(&self, store: impl AsContext) -> Result<bool> {
        Ok(self.as_i31(store)?.is_some())
    }

    /// The reference as an `eqref`, if it is not to a host value.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn as_eqref(&self, store: impl AsContext) -> Result<Option<EqRef>> {
        Ok(self.narrowed(store, HeapType::Eq)?.map(EqRef))
    }

    /// The structure, if it is one.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn as_struct(&self, store: impl AsContext) -> Result<Option<StructRef>> {
        Ok(self.narrowed(store, HeapType::Struct)?.map(StructRef))
    }

    /// The array, if it is one.
    ///
    /// # Errors
    ///
    /// As for [`Self::ty`].
    pub fn as_array(&self, store: impl AsContext) -> Result<Option<ArrayRef>> {
        Ok(self.narrowed(store, HeapType::Array)?.map(ArrayRef))
    }

    /// The `anyref` that slots hold.
    pub(crate) fn option_to_slot(value: Option<AnyRef>, store: &StoreCore) -> Result<u64> {
        value.map_or(Ok(0), |value| value.0.to_slot(store))
    }

    /// The reference for an `anyref` that a slot holds.
    pub(crate) fn option_from_slot(store: &StoreCore, bits: u64) -> Option<AnyRef> {
        HeapRef::from_slot(store, bits).map(AnyRef)
    }
}

macro_rules! widen {
    ($($ty:ident)*) => {$(
        impl $ty {
            /// The reference as an `anyref`.
            pub fn to_anyref(self) -> AnyRef {
                AnyRef(self.0)
            }
        }

        impl From<$ty> for AnyRef {
            fn from(value: $ty) -> AnyRef {
                value.to_anyref()
            }
        }
    )*};
}

widen! { EqRef StructRef ArrayRef }

impl ExternRef {
    /// A guest's reference as one of the host's: `extern.convert_any`.
    pub fn convert_any(_store: impl AsContextMut, value: AnyRef) -> ExternRef {
        value.to_externref()
    }

    /// The reference as one of the guest's: `any.convert_extern`.
    pub fn to_anyref(self) -> AnyRef {
        AnyRef(self.0)
    }
}

/// A value for a field or an element, as slots hold it.
fn lower(store: &StoreCore, field: FieldType, value: Val) -> Result<[u64; MAX_SLOTS]> {
    value.to_slots_of(store, field.storage.unpack())
}

/// What a field or an element holds.
///
/// # Safety
///
/// The slots' value must be of the field's type and belong to the store.
unsafe fn lift(store: &StoreCore, field: FieldType, slots: [u64; MAX_SLOTS]) -> Val {
    let low = Storage::of(field.storage).extend(slots[0], false);
    // SAFETY: the caller's promise.
    unsafe { Val::from_slots(store, field.storage.unpack(), [low, slots[1]]) }
}

impl StructRef {
    /// Creates a structure of the type with a number; see
    /// [`Engine::register_type`](crate::Engine::register_type).
    ///
    /// # Errors
    ///
    /// If the number is not that of a structure type; if the number or the types of the values are not
    /// those of its fields; if one belongs to another store; or if the store's objects would take more
    /// than [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    pub fn new(mut store: impl AsContextMut, ty: TypeIndex, fields: &[Val]) -> Result<StructRef> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let types = struct_type(core, ty)?;
        let (expected, found) = (types.fields().len(), fields.len());
        ensure!(expected == found, "expected {expected} values for a structure, found {found}");
        let mut slots = Vec::with_capacity(found);
        for (&field, &value) in types.fields().iter().zip(fields) {
            let value = lower(core, field, value).context("invalid value for a field")?;
            slots.extend_from_slice(&value[..Storage::of(field.storage).slots()]);
        }
        let bytes = size_of_val(&*slots);
        Ok(StructRef(HeapRef::allocate(core, bytes, &slots, || Object::structure(ty, &slots))?))
    }

    /// The number of the structure's type.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the structure is gone.
    pub fn type_index(&self, store: impl AsContext) -> Result<TypeIndex> {
        Ok(self.object(store.as_context().core())?.ty)
    }

    /// The structure's type.
    ///
    /// # Errors
    ///
    /// As for [`Self::type_index`].
    pub fn ty(&self, store: impl AsContext) -> Result<StructType> {
        let store = store.as_context();
        struct_type(store.core(), self.object(store.core())?.ty)
    }

    /// What a field holds; of a packed one, without a sign.
    ///
    /// # Errors
    ///
    /// If there is no field with that index, or as for [`Self::type_index`].
    pub fn field(&self, store: impl AsContext, index: usize) -> Result<Val> {
        let store = store.as_context();
        let (field, slot) = self.place(store.core(), index)?;
        let fields = &self.object(store.core())?.fields;
        let slots = [fields[slot], fields.get(slot + 1).copied().unwrap_or(0)];
        // SAFETY: R5: a structure's fields are of its type's types.
        Ok(unsafe { lift(store.core(), field, slots) })
    }

    /// What all fields hold.
    ///
    /// # Errors
    ///
    /// As for [`Self::type_index`].
    pub fn fields(&self, store: impl AsContext) -> Result<Vec<Val>> {
        let store = store.as_context();
        let count = self.ty(&store)?.fields().len();
        (0..count).map(|index| self.field(&store, index)).collect()
    }

    /// Sets a field.
    ///
    /// # Errors
    ///
    /// If there is no field with that index, or it is not mutable; if the value is not of its type
    /// or belongs to another store; or as for [`Self::type_index`].
    pub fn set_field(&self, mut store: impl AsContextMut, index: usize, value: Val) -> Result<()> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let (field, slot) = self.place(core, index)?;
        ensure!(field.mutable, "the field {index} is immutable");
        let value = lower(core, field, value).context("invalid value for a field")?;
        let count = Storage::of(field.storage).slots();
        let fields = &mut core.heap.structure(self.0.to_slot(core)?)?.fields;
        fields[slot..][..count].copy_from_slice(&value[..count]);
        Ok(())
    }

    /// A field's type and its first slot.
    fn place(&self, store: &StoreCore, index: usize) -> Result<(FieldType, usize)> {
        let ty = struct_type(store, self.object(store)?.ty)?;
        let field = ty.fields().get(index).copied().ok_or_else(|| {
            anyhow!("a structure of {} fields has none with the index {index}", ty.fields().len())
        })?;
        let before = ty.fields()[..index].iter();
        Ok((field, before.map(|field| Storage::of(field.storage).slots()).sum()))
    }

    fn object<'a>(&self, store: &'a StoreCore) -> Result<&'a Struct> {
        match self.0.object(store)? {
            Some(Object::Struct(object)) => Ok(object),
            _ => unreachable!("a structure's reference stands for a structure"),
        }
    }
}

fn struct_type(store: &StoreCore, index: TypeIndex) -> Result<StructType> {
    let ty = store.engine.type_at(index).and_then(|ty| ty.as_struct());
    ty.cloned().ok_or_else(|| anyhow!("type {index} is not a structure type of the engine"))
}

fn array_type(store: &StoreCore, index: TypeIndex) -> Result<ArrayType> {
    let ty = store.engine.type_at(index).and_then(|ty| ty.as_array());
    ty.copied().ok_or_else(|| anyhow!("type {index} is not an array type of the engine"))
}

impl ArrayRef {
    /// Creates an array of the type with a number, full of one value; see
    /// [`Engine::register_type`](crate::Engine::register_type).
    ///
    /// # Errors
    ///
    /// If the number is not that of an array type; if the value is not of its elements' type or
    /// belongs to another store; or if the store's objects would take more than
    /// [`Config::gc_heap_limit`](crate::Config::gc_heap_limit).
    pub fn new(
        mut store: impl AsContextMut,
        ty: TypeIndex,
        element: &Val,
        len: u32,
    ) -> Result<ArrayRef> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = array_type(core, ty)?.field();
        let value = lower(core, field, *element).context("invalid value for an array")?;
        ArrayRef::allocate(core, ty, len, &value, |array| array.fill(0, &value, len))
    }

    /// Creates an array of the type with a number from its elements.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    pub fn new_fixed(
        mut store: impl AsContextMut,
        ty: TypeIndex,
        elements: &[Val],
    ) -> Result<ArrayRef> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = array_type(core, ty)?.field();
        let values = elements.iter().map(|&value| lower(core, field, value));
        let values: Vec<_> = values.collect::<Result<_>>().context("invalid value for an array")?;
        let (len, held) = (u32::try_from(values.len())?, values.as_flattened());
        ArrayRef::allocate(core, ty, len, held, |array| {
            (0..).zip(&values).try_for_each(|(index, value)| array.set(index, value))
        })
    }

    fn allocate(
        core: &mut StoreCore,
        ty: TypeIndex,
        len: u32,
        held: &[u64],
        init: impl Fn(&mut Array) -> Result<(), crate::Trap>,
    ) -> Result<ArrayRef> {
        let storage = core.engine.types().array_storage(ty);
        let bytes = (len as usize).saturating_mul(storage.bytes());
        let make = || {
            let mut array = Array::zeroed(ty, storage, len)?;
            init(&mut array).ok()?;
            Some(Object::Array(array))
        };
        Ok(ArrayRef(HeapRef::allocate(core, bytes, held, make)?))
    }

    /// The number of the array's type.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or the array is gone.
    pub fn type_index(&self, store: impl AsContext) -> Result<TypeIndex> {
        Ok(self.object(store.as_context().core())?.ty)
    }

    /// The array's type.
    ///
    /// # Errors
    ///
    /// As for [`Self::type_index`].
    pub fn ty(&self, store: impl AsContext) -> Result<ArrayType> {
        let store = store.as_context();
        array_type(store.core(), self.object(store.core())?.ty)
    }

    /// How many elements there are.
    ///
    /// # Errors
    ///
    /// As for [`Self::type_index`].
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        Ok(self.object(store.as_context().core())?.len())
    }

    /// An element; of a packed one, without a sign.
    ///
    /// # Errors
    ///
    /// If there is no element with that index, or as for [`Self::type_index`].
    pub fn get(&self, store: impl AsContext, index: u32) -> Result<Val> {
        let store = store.as_context();
        let array = self.object(store.core())?;
        let field = array_type(store.core(), array.ty)?.field();
        // SAFETY: R5: an array's elements are of its type's type.
        Ok(unsafe { lift(store.core(), field, array.get(index)?) })
    }

    /// Sets an element.
    ///
    /// # Errors
    ///
    /// If there is no element with that index, or elements are not mutable; if the value is not of
    /// their type or belongs to another store; or as for [`Self::type_index`].
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store.as_context_mut();
        let core = store.core_mut();
        let field = array_type(core, self.object(core)?.ty)?.field();
        ensure!(field.mutable, "the elements of the array are immutable");
        let value = lower(core, field, value).context("invalid value for an array")?;
        Ok(core.heap.array(self.0.to_slot(core)?)?.set(index, &value)?)
    }

    fn object<'a>(&self, store: &'a StoreCore) -> Result<&'a Array> {
        match self.0.object(store)? {
            Some(Object::Array(array)) => Ok(array),
            _ => unreachable!("an array's reference stands for an array"),
        }
    }
}

/// The type that typed functions have for a Rust type.
pub(crate) const fn reference(heap: HeapType, nullable: bool) -> ValType {
    ValType::Ref(lineal_decoder::RefType { nullable, heap })
}
