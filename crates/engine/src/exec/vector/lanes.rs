//! Handlers that make vectors of numbers, and take numbers out of them.

use std::marker::PhantomData;

use crate::machine::operand::{Dst, Src, ToSlot};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::vector::{ExtractLane, ReplaceLane, Splat, Vector};

/// `d ←` a vector of the number of class `S`
pub(crate) struct SplatOp<O, S>(PhantomData<(O, S)>);

impl<O: Splat, S: Src<O::In>> Op for SplatOp<O, S> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(S::get(m))) };
        Ok(())
    }
}

/// `d ←` lane `b` of `a`, a number
pub(crate) struct Extract<O, A, D>(PhantomData<(O, A, D)>);

impl<O: ExtractLane, A: Src<Vector>, D: Dst<O::Out>> Op for Extract<O, A, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { D::put(m, O::eval(A::get(m), m.ip.b() as usize)) };
        Ok(())
    }
}

/// `d ← a` with the number of class `S` in the lane that the low half of `b` names
pub(crate) struct Replace<O, A, S>(PhantomData<(O, A, S)>);

impl<O: ReplaceLane, A: Src<Vector>, S: Src<O::In>> Op for Replace<O, A, S> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, S::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let lane = m.ip.b_halves().0;
            ToSlot::put(m, O::eval(A::get(m), lane, S::get(m)));
        }
        Ok(())
    }
}
