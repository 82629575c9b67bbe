//! Handlers that move values: between slots, from constants, to and from globals and pins.

use std::marker::PhantomData;

use crate::machine::operand::{Dst, Scalar, SlotA, Src};
use crate::machine::{Machine, Op};
use crate::runtime::trap::Exit;

/// `slot d ← a`; no register changes.
pub(crate) struct Move<T, S>(PhantomData<(T, S)>);

impl<T: Scalar, S: Src<T>> Op for Move<T, S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = S::get(m);
            m.fp.set(m.ip.d() as usize, value.to_slot());
        }
        m.ip = m.ip.offset(2 + S::EXTRA as isize);
        Ok(())
    }
}

/// `pin, slot d ← a`
pub(crate) struct MovePin<T, S>(PhantomData<(T, S)>);

impl<T: Scalar, S: Src<T>> Op for MovePin<T, S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = S::get(m);
            m.fp.set(m.ip.d() as usize, value.to_slot());
            value.set_pin(m);
        }
        m.ip = m.ip.offset(2 + S::EXTRA as isize);
        Ok(())
    }
}

/// `slot d ← a + R`, in 32 bits; no register changes.
pub(crate) struct MoveSum<R>(PhantomData<R>);

impl<R: Src<u32>> Op for MoveSum<R> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let sum = <SlotA as Src<u32>>::get(m).wrapping_add(R::get(m));
            m.fp.set(m.ip.d() as usize, sum.to_slot());
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `slot b ← slot [granule 2]`, with 32-bit slot numbers: for frames that 16 bits cannot number.
pub(crate) struct MoveFar;

impl Op for MoveFar {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value = m.fp.get(m.ip.granule(2) as usize);
            m.fp.set(m.ip.b() as usize, value);
        }
        m.ip = m.ip.offset(3);
        Ok(())
    }
}

/// Loads the pins from the slots that `a` (integer) and `d` (float) name.
pub(crate) struct LoadPins;

impl Op for LoadPins {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { m.load_pins(m.fp, m.ip.a(), m.ip.d() as usize) };
        m.ip = m.ip.offset(2);
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

impl<T: Scalar, D: Dst<T>> Op for GlobalGet<T, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first.
        unsafe {
            let value = T::from_slot(global(m).read());
            D::put(m, value);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `global b ← a`
pub(crate) struct GlobalSet<T, S>(PhantomData<(T, S)>);

impl<T: Scalar, S: Src<T>> Op for GlobalSet<T, S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first.
        unsafe { global(m).write(S::get(m).to_slot()) };
        m.ip = m.ip.offset(2 + S::EXTRA as isize);
        Ok(())
    }
}
