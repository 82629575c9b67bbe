//! Handlers that move vectors: between slots, from constants, to and from globals.
//!
//! A vector lies in two slots, the one an operand names and the one after it. No register holds
//! one.

use std::marker::PhantomData;

use crate::exec::variable::global;
use crate::machine::operand::{Dst, SlotA, SlotB, SlotD, Src, ToSlot};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Fp, Machine, Op};
use crate::op::vector::Vector;

impl Fp {
    /// Reads the vector in a slot and the one after it.
    #[inline(always)]
    pub(crate) unsafe fn vector(self, index: usize) -> Vector {
        // SAFETY: E2; both slots are the vector's.
        unsafe { self.slot(index).cast::<Vector>().read_unaligned() }
    }

    /// Writes a vector to a slot and the one after it.
    #[inline(always)]
    pub(crate) unsafe fn set_vector(self, index: usize, value: Vector) {
        // SAFETY: E2; both slots are the vector's.
        unsafe { self.slot(index).cast::<Vector>().write_unaligned(value) }
    }
}

macro_rules! vector_source {
    ($($class:ident: $field:ident, $place:ident;)*) => {$(
        impl Src<Vector> for $class {
            const PLACE: Place = Place::Pair(Field::$place);
            #[inline(always)]
            unsafe fn get(m: &Machine) -> Vector {
                // SAFETY: E1 and E2.
                unsafe { m.fp.vector(m.ip.$field() as usize) }
            }
        }
    )*};
}

vector_source! {
    SlotA: a, A;
    SlotB: b, B;
    SlotD: d, D;
}

impl Dst<Vector> for ToSlot {
    const PLACE: Place = Place::Pair(Field::D);

    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: Vector) {
        // SAFETY: E1 and E2.
        unsafe { m.fp.set_vector(m.ip.d() as usize, value) };
    }
}

/// `d ← a`
pub(crate) struct VectorMove;

impl Op for VectorMove {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::A), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value: Vector = SlotA::get(m);
            ToSlot::put(m, value);
        }
        Ok(())
    }
}

/// `d ←` granules 2 and 3, low half first
pub(crate) struct VectorConstant;

impl Op for VectorConstant {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] =
        &[Place::Number(Field::all(2)), Place::Number(Field::all(3)), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (low, high) = (m.ip.granule(2), m.ip.granule(3));
            let d = m.ip.d() as usize;
            m.fp.set(d, low);
            m.fp.set(d + 1, high);
        }
        Ok(())
    }
}

/// `d ← global b`
pub(crate) struct VectorGlobalGet;

impl Op for VectorGlobalGet {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first, and is a vector by validation.
        unsafe {
            let value = global(m).cast::<Vector>().read_unaligned();
            ToSlot::put(m, value);
        }
        Ok(())
    }
}

/// `global b ← a`
pub(crate) struct VectorGlobalSet;

impl Op for VectorGlobalSet {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::A)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first, and is a vector by validation.
        unsafe { global(m).cast::<Vector>().write_unaligned(SlotA::get(m)) };
        Ok(())
    }
}

/// `d ← if c ≠ 0 { a } else { b }`: `b`'s low half names a slot, `c` is of class `C`.
pub(crate) struct VectorSelect<C>(PhantomData<C>);

impl<C: Src<u32>> Op for VectorSelect<C> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] =
        &[Place::Pair(Field::A), Place::Pair(Field::B_LOW), C::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (first, second) = (m.ip.a(), m.ip.b_halves().0);
            let chosen = if C::get(m) != 0 { first } else { second };
            ToSlot::put(m, m.fp.vector(chosen));
        }
        Ok(())
    }
}

/// Zeroes slots from `b` on; granule 2 says how many.
pub(crate) struct ZeroFar;

impl Op for ZeroFar {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Slots(Field::B, Count::In(Field::all(2)))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { m.fp.slot(m.ip.b() as usize).write_bytes(0, m.ip.granule(2) as usize) };
        Ok(())
    }
}
