//! Handlers that move values: between slots, from constants, to and from globals and pins.

use std::marker::PhantomData;

use crate::machine::operand::{Dst, SlotA, SlotValue, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};

/// `slot d ← a`; no register changes.
pub(crate) struct Move<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for Move<T, S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Slot(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = S::get(m);
            m.fp.set(m.ip.d() as usize, value.to_slot());
        }
        Ok(())
    }
}

/// `pin, slot d ← a`
pub(crate) struct MovePin<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for MovePin<T, S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Slot(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = S::get(m);
            m.fp.set(m.ip.d() as usize, value.to_slot());
            value.set_pin(m);
        }
        Ok(())
    }
}

/// `slot d ← a + R`, in 32 bits; no register changes.
pub(crate) struct MoveSum<R>(PhantomData<R>);

impl<R: Src<u32>> Op for MoveSum<R> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), R::PLACE, Place::Slot(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let sum = <SlotA as Src<u32>>::get(m).wrapping_add(R::get(m));
            m.fp.set(m.ip.d() as usize, sum.to_slot());
        }
        Ok(())
    }
}

/// `slot b ← slot [granule 2]`, with 32-bit slot numbers: for frames that 16 bits cannot number.
pub(crate) struct MoveFar;

impl Op for MoveFar {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Slot(Field::B), Place::Slot(Field::all(2))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = m.fp.get(m.ip.granule(2) as usize);
            m.fp.set(m.ip.b() as usize, value);
        }
        Ok(())
    }
}

/// Loads the pins from the slots that `a` (integer) and `d` (float) name.
pub(crate) struct LoadPins;

impl Op for LoadPins {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), Place::Slot(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { m.load_pins(m.fp, m.ip.a(), m.ip.d() as usize) };
        Ok(())
    }
}

/// The address of the running instance's global `b`.
#[inline(always)]
pub(super) unsafe fn global(m: &Machine) -> *mut u64 {
    // SAFETY: E1, E3, R1; validation bounds the index.
    unsafe { (*m.cx).globals.add(m.ip.b() as usize).read().as_ptr().cast() }
}

/// `d ← global b`
pub(crate) struct GlobalGet<T, D>(PhantomData<(T, D)>);

impl<T: SlotValue, D: Dst<T>> Op for GlobalGet<T, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first.
        unsafe {
            let value = T::from_slot(global(m).read());
            D::put(m, value);
        }
        Ok(())
    }
}

/// `global b ← a`
pub(crate) struct GlobalSet<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for GlobalSet<T, S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first.
        unsafe { global(m).write(S::get(m).to_slot()) };
        Ok(())
    }
}
