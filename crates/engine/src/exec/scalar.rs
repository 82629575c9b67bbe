//! Handlers of numeric operations, comparisons, and branches on them.

use std::marker::PhantomData;

use crate::machine::operand::{Dst, SlotValue, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::scalar::{Binary, Compare, Unary};

/// `d ← op a`
pub(crate) struct Unop<O, S, D>(PhantomData<(O, S, D)>);

impl<O: Unary, S: Src<O::In>, D: Dst<O::Out>> Op for Unop<O, S, D> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let result = O::eval(S::get(m))?;
            D::put(m, result);
        }
        Ok(())
    }
}

/// `d ← a op b`
pub(crate) struct Binop<O, L, R, D>(PhantomData<(O, L, R, D)>);

impl<O: Binary, L: Src<O::Ty>, R: Src<O::Ty>, D: Dst<O::Ty>> Op for Binop<O, L, R, D> {
    const GRANULES: usize = 2 + R::EXTRA;
    const PLACES: &'static [Place] = &[L::PLACE, R::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let result = O::eval(L::get(m), R::get(m))?;
            D::put(m, result);
        }
        Ok(())
    }
}

/// `d ← a cmp b`, as 0 or 1
pub(crate) struct Cmp<O, L, R, D>(PhantomData<(O, L, R, D)>);

impl<O: Compare, L: Src<O::Ty>, R: Src<O::Ty>, D: Dst<u32>> Op for Cmp<O, L, R, D> {
    const GRANULES: usize = 2 + R::EXTRA;
    const PLACES: &'static [Place] = &[L::PLACE, R::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let result = O::eval(L::get(m), R::get(m));
            D::put(m, u32::from(result));
        }
        Ok(())
    }
}

/// Continues at the displacement in `b` if `a cmp d`.
pub(crate) struct CmpBr<O, L, R>(PhantomData<(O, L, R)>);

impl<O: Compare, L: Src<O::Ty>, R: Src<O::Ty>> Op for CmpBr<O, L, R> {
    const GRANULES: usize = 2 + R::EXTRA;
    const PLACES: &'static [Place] = &[L::PLACE, R::PLACE, Place::Target(Field::B)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        let taken = unsafe { O::eval(L::get(m), R::get(m)) };
        if taken {
            // SAFETY: E1.
            m.branch(unsafe { m.ip.b() });
            Err(Exit::BRANCH)
        } else {
            Ok(())
        }
    }
}

/// `d ← if c ≠ 0 { a } else { b }`: `A` is in `a`, `B` in the low half of `b`, and `C` is the
/// high half's slot or in a register.
pub(crate) struct Select<T, C, A, B, D>(PhantomData<(T, C, A, B, D)>);

impl<T: SlotValue, C: Src<u32>, A: Src<T>, B: Src<T>, D: Dst<T>> Op for Select<T, C, A, B, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, B::PLACE, C::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (first, second) = (A::get(m), B::get(m));
            let chosen = if C::get(m) != 0 { first } else { second };
            D::put(m, chosen);
        }
        Ok(())
    }
}
