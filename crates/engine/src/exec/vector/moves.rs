//! Handlers that move vectors: between slots, from constants, to and from globals.
//!
//! A vector lies in two slots, the one an operand names and the one after it. The accumulator has
//! a copy of the last result.

use std::marker::PhantomData;

use crate::exec::variable::global;
use crate::machine::operand::{Acc, Dst, SlotA, SlotB, SlotBHigh, SlotBLow, SlotD, Src, ToSlot};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Fp, Machine, Op, Vector};

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
    ($($class:ident: $place:ident, $m:ident => $slot:expr;)*) => {$(
        impl Src<Vector> for $class {
            const PLACE: Place = Place::Pair(Field::$place);
            #[inline(always)]
            unsafe fn get($m: &Machine) -> Vector {
                // SAFETY: E1 and E2.
                unsafe { $m.fp.vector($slot) }
            }
        }
    )*};
}

vector_source! {
    SlotA: A, m => m.ip.a();
    SlotB: B, m => m.ip.b() as usize;
    SlotBLow: B_LOW, m => m.ip.b_halves().0;
    SlotBHigh: B_HIGH, m => m.ip.b_halves().1;
    SlotD: D, m => m.ip.d() as usize;
}

impl Src<Vector> for Acc {
    const PLACE: Place = Place::Register;

    #[inline(always)]
    unsafe fn get(m: &Machine) -> Vector {
        m.acc128
    }
}

impl Dst<Vector> for ToSlot {
    const PLACE: Place = Place::Pair(Field::D);

    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: Vector) {
        // SAFETY: E1 and E2.
        unsafe { m.fp.set_vector(m.ip.d() as usize, value) };
        m.acc128 = value;
    }
}

/// The vector in a granule of the cell and the one after it.
///
/// # Safety
///
/// E1: the cell has both.
#[inline(always)]
pub(super) unsafe fn immediate(m: &Machine, granule: usize) -> Vector {
    // SAFETY: the caller's promise.
    unsafe { m.ip.as_ptr().add(granule).cast::<Vector>().read() }
}

/// `d ← a`
pub(crate) struct VectorMove<A>(PhantomData<A>);

impl<A: Src<Vector>> Op for VectorMove<A> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = A::get(m);
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
        unsafe { ToSlot::put(m, immediate(m, 2)) };
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
pub(crate) struct VectorGlobalSet<A>(PhantomData<A>);

impl<A: Src<Vector>> Op for VectorGlobalSet<A> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first, and is a vector by validation.
        unsafe { global(m).cast::<Vector>().write_unaligned(A::get(m)) };
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
