//! Handlers that move vectors: between slots, from constants, to and from globals.
//!
//! A vector lies in two slots, the one an operand names and the one after it. No register holds
//! one.

use std::marker::PhantomData;

use crate::exec::variable::global;
use crate::machine::operand::{Dst, SlotA, SlotB, SlotD, Src, ToSlot};
use crate::machine::{Fp, Machine, Op};
use crate::op::vector::Vector;
use crate::runtime::trap::Exit;

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
    ($($class:ident: $field:ident;)*) => {$(
        impl Src<Vector> for $class {
            const EXTRA: usize = 0;
            #[inline(always)]
            unsafe fn get(m: &Machine) -> Vector {
                // SAFETY: E1 and E2.
                unsafe { m.fp.vector(m.ip.$field() as usize) }
            }
        }
    )*};
}

vector_source! {
    SlotA: a;
    SlotB: b;
    SlotD: d;
}

impl Dst<Vector> for ToSlot {
    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: Vector) {
        // SAFETY: E1 and E2.
        unsafe { m.fp.set_vector(m.ip.d() as usize, value) };
    }
}

/// `d ← a`
pub(crate) struct Move;

impl Op for Move {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let value: Vector = SlotA::get(m);
            ToSlot::put(m, value);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ←` granules 2 and 3, low half first
pub(crate) struct Constant;

impl Op for Constant {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (low, high) = (m.ip.granule(2), m.ip.granule(3));
            let d = m.ip.d() as usize;
            m.fp.set(d, low);
            m.fp.set(d + 1, high);
        }
        m.ip = m.ip.offset(4);
        Ok(())
    }
}

/// `d ← global b`
pub(crate) struct GlobalGet;

impl Op for GlobalGet {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first, and is a vector by validation.
        unsafe {
            let value = global(m).cast::<Vector>().read_unaligned();
            ToSlot::put(m, value);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `global b ← a`
pub(crate) struct GlobalSet;

impl Op for GlobalSet {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first, and is a vector by validation.
        unsafe { global(m).cast::<Vector>().write_unaligned(SlotA::get(m)) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ← if c ≠ 0 { a } else { b }`: `b`'s low half names a slot, `c` is of class `C`.
pub(crate) struct Select<C>(PhantomData<C>);

impl<C: Src<u32>> Op for Select<C> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (first, second) = (m.ip.a(), m.ip.b_halves().0);
            let chosen = if C::get(m) != 0 { first } else { second };
            ToSlot::put(m, m.fp.vector(chosen));
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// Zeroes slots from `b` on; granule 2 says how many.
pub(crate) struct ZeroFar;

impl Op for ZeroFar {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { m.fp.slot(m.ip.b() as usize).write_bytes(0, m.ip.granule(2) as usize) };
        m.ip = m.ip.offset(3);
        Ok(())
    }
}
