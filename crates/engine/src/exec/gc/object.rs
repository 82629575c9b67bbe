//! Handlers of fields of structures and elements of arrays.
//!
//! What a reference stands for is found by its entry in the heap's table. By R5 and validation it is
//! of the right kind. The check for null also finds a reference that the collector freed by mistake.

use std::marker::PhantomData;
use std::mem::offset_of;

use lineal_decoder::TypeIndex;

use crate::machine::operand::{Dst, SlotValue, Src};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Machine, Op, Vector};
use crate::op::access::scalar::{MemoryLoad, MemoryStore, Raw};
use crate::runtime::context::Fault;
use crate::runtime::heap::Heap;
use crate::runtime::object::{Array, Struct};
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;

/// How a field is read from the slot, or the two slots, that it takes.
pub(crate) trait ReadField {
    /// What is read.
    type Out;

    /// # Safety
    ///
    /// The slots are the field's.
    unsafe fn read(slot: *const u64) -> Self::Out;
}

/// A field that takes one slot, as it is.
pub(crate) struct Whole<T>(PhantomData<T>);

/// A packed field: it is extended as its type says.
pub(crate) struct Packed<R>(PhantomData<R>);

/// A vector, in two slots.
pub(crate) struct WholeVector;

impl<T: SlotValue> ReadField for Whole<T> {
    type Out = T;

    #[inline(always)]
    unsafe fn read(slot: *const u64) -> T {
        // SAFETY: the caller's promise.
        T::from_slot(unsafe { slot.read() })
    }
}

macro_rules! packed {
    ($($raw:ty),*) => {$(
        impl ReadField for Packed<$raw> {
            type Out = u32;

            #[inline(always)]
            unsafe fn read(slot: *const u64) -> u32 {
                // SAFETY: the caller's promise.
                unsafe { slot.read() as $raw as u32 }
            }
        }
    )*};
}

packed!(i8, u8, i16, u16);

impl ReadField for WholeVector {
    type Out = Vector;

    #[inline(always)]
    unsafe fn read(slot: *const u64) -> Vector {
        // SAFETY: the caller's promise.
        unsafe { slot.cast::<Vector>().read_unaligned() }
    }
}

/// A value as a field holds it.
pub(crate) trait WriteField {
    /// # Safety
    ///
    /// The slots are the field's, and nobody else refers to them.
    unsafe fn write(self, slot: *mut u64);
}

impl<T: SlotValue> WriteField for T {
    #[inline(always)]
    unsafe fn write(self, slot: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { slot.write(self.to_slot()) };
    }
}

impl WriteField for Vector {
    #[inline(always)]
    unsafe fn write(self, slot: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { slot.cast::<Vector>().write_unaligned(self) };
    }
}

/// The store. Its context is a part of it, so this takes no load.
///
/// # Safety
///
/// E3 holds.
#[inline(always)]
pub(super) unsafe fn store(m: &Machine) -> *mut StoreCore {
    // SAFETY: E3: the pointer to the context comes from that to the store (R7).
    unsafe { m.cx.byte_sub(offset_of!(StoreCore, context)).cast() }
}

/// The store's heap.
///
/// # Safety
///
/// E3 holds, and the heap does not change while the result lives.
#[inline(always)]
pub(super) unsafe fn heap<'a>(m: &Machine) -> &'a Heap {
    // SAFETY: the caller's promise.
    unsafe { &(*store(m)).heap }
}

/// The structure that a reference stands for.
///
/// # Safety
///
/// E3 holds; the reference is the guest's, to a structure or null; and the heap does not change while
/// the result lives.
#[inline(always)]
unsafe fn structure<'a>(m: &Machine, reference: u64) -> Result<&'a Struct, Exit> {
    // SAFETY: the caller's promise, R5.
    unsafe { heap(m).structure_unchecked(reference) }.ok_or(Trap::NullReference.into())
}

/// The same of an array.
///
/// # Safety
///
/// As for [`structure`].
#[inline(always)]
unsafe fn array<'a>(m: &Machine, reference: u64) -> Result<&'a Array, Exit> {
    // SAFETY: the caller's promise, R5.
    unsafe { heap(m).array_unchecked(reference) }.ok_or(Trap::NullReference.into())
}

/// Where the element of an array at an index is.
///
/// # Safety
///
/// As for [`structure`]; `R` is as wide as the array's elements.
#[inline(always)]
unsafe fn element<R: Raw>(m: &Machine, reference: u64, index: u32) -> Result<*mut R, Exit> {
    // SAFETY: the caller's promise.
    let array = unsafe { array(m, reference)? };
    let len = array.len();
    if index < len {
        Ok(array.first_byte().cast::<R>().wrapping_add(index as usize))
    } else {
        let fault = Fault { start: index.into(), len: len.into(), is_source: false };
        // SAFETY: E3.
        unsafe { (*m.cx).fault = fault };
        Err(Trap::ArrayOutOfBounds.into())
    }
}

/// `d ←` the field in slot `b` of structure `S`
pub(crate) struct StructGet<F, S, D>(PhantomData<(F, S, D)>);

impl<F: ReadField, S: Src<u64>, D: Dst<F::Out>> Op for StructGet<F, S, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::B), D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; validation vouches for the field.
        unsafe {
            let fields = structure(m, S::get(m))?.first_field();
            let value = F::read(fields.add(m.ip.b() as usize));
            D::put(m, value);
        }
        Ok(())
    }
}

/// The field in slot `b` of structure `S` `← V`
pub(crate) struct StructSet<T, S, V>(PhantomData<(T, S, V)>);

impl<T: WriteField, S: Src<u64>, V: Src<T>> Op for StructSet<T, S, V> {
    const GRANULES: usize = 2 + V::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::B), V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; validation vouches for the field; the store is borrowed exclusively (R3).
        unsafe {
            let fields = structure(m, S::get(m))?.first_field();
            V::get(m).write(fields.add(m.ip.b() as usize));
        }
        Ok(())
    }
}

/// `d ←` the element of array `A` at index `I`
pub(crate) struct ArrayGet<O, A, I, D>(PhantomData<(O, A, I, D)>);

impl<O: MemoryLoad, A: Src<u64>, I: Src<u32>, D: Dst<O::Out>> Op for ArrayGet<O, A, I, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, I::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `element` vouches for the address.
        unsafe {
            let raw = element::<O::Raw>(m, A::get(m), I::get(m))?.read_unaligned();
            D::put(m, O::extend(raw.little_endian()));
        }
        Ok(())
    }
}

/// The element of array `A` at index `I` `← V`
pub(crate) struct ArraySet<O, A, I, V>(PhantomData<(O, A, I, V)>);

impl<O: MemoryStore, A: Src<u64>, I: Src<u32>, V: Src<O::In>> Op for ArraySet<O, A, I, V> {
    const GRANULES: usize = 2 + V::EXTRA;
    const PLACES: &'static [Place] = &[A::PLACE, I::PLACE, V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `element` vouches for the address; the store is borrowed exclusively (R3).
        unsafe {
            let target = element::<O::Raw>(m, A::get(m), I::get(m))?;
            target.write_unaligned(O::narrow(V::get(m)).little_endian());
        }
        Ok(())
    }
}

/// `d ←` the length of array `S`
pub(crate) struct ArrayLen<S, D>(PhantomData<(S, D)>);

impl<S: Src<u64>, D: Dst<u32>> Op for ArrayLen<S, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let len = array(m, S::get(m))?.len();
            D::put(m, len);
        }
        Ok(())
    }
}

/// Makes a structure of `N` slots at once, if there is room: then execution continues at the
/// displacement in `b`, behind the cell that makes it out of line. The operands are in the slots from
/// `a` on, the first of which becomes the reference. Without `FIELDS` all slots are zero, and there
/// are no operands. Granule 2 is the number of the type.
pub(crate) struct StructNewAtOnce<const N: usize, const FIELDS: bool>;

impl<const N: usize, const FIELDS: bool> Op for StructNewAtOnce<N, FIELDS> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[
        Place::Slots(Field::A, Count::Fixed(if FIELDS { N } else { 1 })),
        Place::Number(Field::all(2)),
        Place::Target(Field::B),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; the store is borrowed exclusively (R3).
        unsafe {
            let slots = m.fp.slot(m.ip.a());
            let fields = if FIELDS { slots.cast::<[u64; N]>().read() } else { [0; N] };
            let heap = &mut (*store(m)).heap;
            let Some(reference) = heap.insert_at_once(TypeIndex(m.ip.granule(2) as u32), fields)
            else {
                return Ok(());
            };
            slots.write(reference);
            m.branch(m.ip.b());
        }
        Err(Exit::BRANCH)
    }
}
