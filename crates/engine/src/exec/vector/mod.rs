//! Handlers of vector operations.
//!
//! A result goes to its slots and to the accumulator of vectors; most operands can come from either.
//! Scalars come from and go to where those of other operations do. Loads and stores are in
//! [`access`](super::access).

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) mod bytes;
pub(crate) mod lanes;
pub(crate) mod moves;

use std::marker::PhantomData;

use moves::immediate;

use crate::machine::operand::{Dst, SlotA, SlotBHigh, SlotBLow, SlotD, Src, ToSlot};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Fp, Machine, Op};
use crate::op::vector::{
    I8x16Shuffle, Vector, VectorBinary, VectorShift, VectorTernary, VectorTest, VectorUnary,
};

/// `d ← op a`
pub(crate) struct VectorUnop<O, A>(PhantomData<(O, A)>);

impl<O: VectorUnary, A: Src<Vector>> Op for VectorUnop<O, A> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(A::get(m))) };
        Ok(())
    }
}

/// `d ← a op b`
pub(crate) struct VectorBinop<O, L, R>(PhantomData<(O, L, R)>);

impl<O: VectorBinary, L: Src<Vector>, R: Src<Vector>> Op for VectorBinop<O, L, R> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[L::PLACE, R::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(L::get(m), R::get(m))) };
        Ok(())
    }
}

/// `d ← op(a, b, c)`: the halves of `b` name the slots of `b` and `c`.
pub(crate) struct VectorTernop<O, A, B, C>(PhantomData<(O, A, B, C)>);

impl<O, A, B, C> Op for VectorTernop<O, A, B, C>
where
    O: VectorTernary,
    A: Src<Vector>,
    B: Src<Vector>,
    C: Src<Vector>,
{
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, B::PLACE, C::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(A::get(m), B::get(m), C::get(m))) };
        Ok(())
    }
}

/// [`VectorTernop`], out of line: for operations that call something.
pub(crate) struct SlowVectorTernop<O>(PhantomData<O>);

impl<O: VectorTernary> Op for SlowVectorTernop<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = VectorTernop::<O, SlotA, SlotBLow, SlotBHigh>::PLACES;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (b, c) = m.ip.b_halves();
            out_of_line::<O>(m.fp, m.ip.a(), b, c, m.ip.d() as usize);
            m.acc128 = SlotD::get(m);
        }
        Ok(())
    }
}

/// # Safety
///
/// E2 holds, and the slots are vectors of the frame: three sources and the destination.
#[inline(never)]
unsafe fn out_of_line<O: VectorTernary>(fp: Fp, a: usize, b: usize, c: usize, d: usize) {
    // SAFETY: the caller's promise.
    unsafe { fp.set_vector(d, O::eval(fp.vector(a), fp.vector(b), fp.vector(c))) };
}

/// `d ←` the bytes of `a` and `b` that granules 2 and 3 name
pub(crate) struct Shuffle<L, R>(PhantomData<(L, R)>);

impl<L: Src<Vector>, R: Src<Vector>> Op for Shuffle<L, R> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[
        L::PLACE,
        R::PLACE,
        Place::Number(Field::all(2)),
        Place::Number(Field::all(3)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let indices = immediate(m, 2);
            ToSlot::put(m, I8x16Shuffle::eval(L::get(m), R::get(m), indices));
        }
        Ok(())
    }
}

/// `d ← a` shifted by the operand of class `C`
pub(crate) struct Shift<O, A, C>(PhantomData<(O, A, C)>);

impl<O: VectorShift, A: Src<Vector>, C: Src<u32>> Op for Shift<O, A, C> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, C::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(A::get(m), C::get(m))) };
        Ok(())
    }
}

/// `d ← op a`, a number
pub(crate) struct Test<O, A, D>(PhantomData<(O, A, D)>);

impl<O: VectorTest, A: Src<Vector>, D: Dst<u32>> Op for Test<O, A, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[A::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { D::put(m, O::eval(A::get(m))) };
        Ok(())
    }
}
