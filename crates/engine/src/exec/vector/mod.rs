//! Handlers of vector operations.
//!
//! Vectors come from slots and go to slots; scalars come from and go to where those of other
//! operations do. Loads and stores are in [`access`](super::access).

pub(crate) mod lanes;
pub(crate) mod moves;

use std::marker::PhantomData;

use crate::machine::operand::{Dst, SlotA, SlotB, Src, ToSlot};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Fp, Machine, Op};
use crate::op::vector::{
    I8x16Shuffle, Vector, VectorBinary, VectorShift, VectorTernary, VectorTest, VectorUnary,
};

/// `d ← op a`
pub(crate) struct VectorUnop<O>(PhantomData<O>);

impl<O: VectorUnary> Op for VectorUnop<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::A), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m))) };
        Ok(())
    }
}

/// `d ← a op b`
pub(crate) struct VectorBinop<O>(PhantomData<O>);

impl<O: VectorBinary> Op for VectorBinop<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] =
        &[Place::Pair(Field::A), Place::Pair(Field::B), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m), SlotB::get(m))) };
        Ok(())
    }
}

/// `d ← op(a, b, c)`: the halves of `b` name the slots of `b` and `c`.
pub(crate) struct VectorTernop<O>(PhantomData<O>);

impl<O: VectorTernary> Op for VectorTernop<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[
        Place::Pair(Field::A),
        Place::Pair(Field::B_LOW),
        Place::Pair(Field::B_HIGH),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (b, c) = m.ip.b_halves();
            ToSlot::put(m, O::eval(SlotA::get(m), m.fp.vector(b), m.fp.vector(c)));
        }
        Ok(())
    }
}

/// [`VectorTernop`], out of line: for operations that call something.
pub(crate) struct SlowVectorTernop<O>(PhantomData<O>);

impl<O: VectorTernary> Op for SlowVectorTernop<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = VectorTernop::<O>::PLACES;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (b, c) = m.ip.b_halves();
            out_of_line::<O>(m.fp, m.ip.a(), b, c, m.ip.d() as usize);
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
pub(crate) struct Shuffle;

impl Op for Shuffle {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[
        Place::Pair(Field::A),
        Place::Pair(Field::B),
        Place::Number(Field::all(2)),
        Place::Number(Field::all(3)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let indices: Vector = m.ip.as_ptr().add(2).cast::<Vector>().read();
            ToSlot::put(m, I8x16Shuffle::eval(SlotA::get(m), SlotB::get(m), indices));
        }
        Ok(())
    }
}

/// `d ← a` shifted by the operand of class `C`
pub(crate) struct Shift<O, C>(PhantomData<(O, C)>);

impl<O: VectorShift, C: Src<u32>> Op for Shift<O, C> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::A), C::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m), C::get(m))) };
        Ok(())
    }
}

/// `d ← op a`, a number
pub(crate) struct Test<O, D>(PhantomData<(O, D)>);

impl<O: VectorTest, D: Dst<u32>> Op for Test<O, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Pair(Field::A), D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { D::put(m, O::eval(SlotA::get(m))) };
        Ok(())
    }
}
