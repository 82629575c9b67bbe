//! Handlers of tests, casts and branches on what a reference stands for.
//!
//! Granule 2 says what the type is, as far as the handler does not: its number in the low half, in the
//! high half how many supertypes it has.

use std::marker::PhantomData;

use lineal_decoder::TypeIndex;

use super::object::{heap, store};
use crate::machine::operand::{Dst, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::runtime::entity::FuncEntity;
use crate::runtime::heap::is_i31;
use crate::runtime::object::Object;
use crate::runtime::trap::Trap;
use crate::runtime::types::TypeRegistry;

/// What a cast or a test is to, without null.
pub(crate) trait Kind {
    /// Whether a reference that is not null belongs to it.
    ///
    /// # Safety
    ///
    /// E1 to E3 hold; the reference is the guest's, and of the same hierarchy.
    unsafe fn holds(m: &Machine, reference: u64) -> bool;
}

/// Which hierarchy a defined type is of, and what it defines.
pub(crate) trait Defined {
    /// The type of what a reference stands for, if that is of this sort.
    ///
    /// # Safety
    ///
    /// As for [`Kind::holds`].
    unsafe fn type_of(m: &Machine, reference: u64) -> Option<TypeIndex>;
}

/// The object that a reference stands for.
///
/// # Safety
///
/// As for [`Kind::holds`].
#[inline(always)]
unsafe fn object<'a>(m: &Machine, reference: u64) -> Option<&'a Object> {
    if is_i31(reference) {
        return None;
    }
    // SAFETY: the caller's promise, R5.
    unsafe { heap(m).object(reference)?.as_ref() }
}

/// A structure.
pub(crate) struct AnyStruct;

/// An array.
pub(crate) struct AnyArray;

/// A function.
pub(crate) struct AnyFunc;

/// An integer of 31 bits.
pub(crate) struct I31;

impl Defined for AnyStruct {
    #[inline(always)]
    unsafe fn type_of(m: &Machine, reference: u64) -> Option<TypeIndex> {
        // SAFETY: the caller's promise.
        match unsafe { object(m, reference)? } {
            Object::Struct(object) => Some(object.ty),
            _ => None,
        }
    }
}

impl Defined for AnyArray {
    #[inline(always)]
    unsafe fn type_of(m: &Machine, reference: u64) -> Option<TypeIndex> {
        // SAFETY: the caller's promise.
        match unsafe { object(m, reference)? } {
            Object::Array(array) => Some(array.ty),
            _ => None,
        }
    }
}

impl Defined for AnyFunc {
    #[inline(always)]
    unsafe fn type_of(_: &Machine, reference: u64) -> Option<TypeIndex> {
        // SAFETY: R4: a non-null reference of this hierarchy is a function of the store.
        Some(unsafe { FuncEntity::from_ref(reference)?.as_ref() }.type_index)
    }
}

impl Kind for AnyStruct {
    #[inline(always)]
    unsafe fn holds(m: &Machine, reference: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { AnyStruct::type_of(m, reference).is_some() }
    }
}

impl Kind for AnyArray {
    #[inline(always)]
    unsafe fn holds(m: &Machine, reference: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { AnyArray::type_of(m, reference).is_some() }
    }
}

impl Kind for I31 {
    #[inline(always)]
    unsafe fn holds(_: &Machine, reference: u64) -> bool {
        is_i31(reference)
    }
}

/// The type in granule 2, of that sort, which is final.
pub(crate) struct Exactly<S>(PhantomData<S>);

/// The type in granule 2, of that sort, and its subtypes.
pub(crate) struct AtMost<S>(PhantomData<S>);

impl<S: Defined> Kind for Exactly<S> {
    #[inline(always)]
    unsafe fn holds(m: &Machine, reference: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { S::type_of(m, reference) == Some(TypeIndex(m.ip.granule(2) as u32)) }
    }
}

impl<S: Defined> Kind for AtMost<S> {
    #[inline(always)]
    unsafe fn holds(m: &Machine, reference: u64) -> bool {
        // SAFETY: the caller's promise; E3: the store is alive, and so is its engine.
        unsafe {
            let Some(own) = S::type_of(m, reference) else { return false };
            let to = m.ip.granule(2);
            let types: *const TypeRegistry = (*store(m)).engine.types();
            (*types).is_at_most(own, TypeIndex(to as u32), (to >> 32) as usize)
        }
    }
}

/// Whether the operand of class `S` belongs to `K`, or is null if `NULL`.
#[inline(always)]
unsafe fn belongs<K: Kind, const NULL: bool>(m: &Machine, reference: u64) -> bool {
    // SAFETY: the caller's promise.
    if reference == 0 { NULL } else { unsafe { K::holds(m, reference) } }
}

/// `d ←` whether `S` belongs to `K`, as 0 or 1
pub(crate) struct RefTest<K, const NULL: bool, S, D>(PhantomData<(K, S, D)>);

impl<K: Kind, const NULL: bool, S: Src<u64>, D: Dst<u32>> Op for RefTest<K, NULL, S, D> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2)), D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let result = belongs::<K, NULL>(m, S::get(m));
            D::put(m, u32::from(result));
        }
        Ok(())
    }
}

/// Traps unless `S` belongs to `K`.
pub(crate) struct RefCast<K, const NULL: bool, S>(PhantomData<(K, S)>);

impl<K: Kind, const NULL: bool, S: Src<u64>> Op for RefCast<K, NULL, S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        if unsafe { belongs::<K, NULL>(m, S::get(m)) } {
            Ok(())
        } else {
            Err(Trap::CastFailure.into())
        }
    }
}

/// Continues at the displacement in `b` if whether `S` belongs to `K` is `IF`.
pub(crate) struct CastBr<K, const NULL: bool, const IF: bool, S>(PhantomData<(K, S)>);

impl<K: Kind, const NULL: bool, const IF: bool, S: Src<u64>> Op for CastBr<K, NULL, IF, S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] =
        &[S::PLACE, Place::Number(Field::all(2)), Place::Target(Field::B)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        if unsafe { belongs::<K, NULL>(m, S::get(m)) } == IF {
            // SAFETY: E1.
            m.branch(unsafe { m.ip.b() });
            Err(Exit::BRANCH)
        } else {
            Ok(())
        }
    }
}
