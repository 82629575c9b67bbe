//! Handlers of wide arithmetic. Results go to the slot that `d` names, and their high half to the
//! one after it.

use std::marker::PhantomData;

use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::wide;

/// Writes both halves of a result.
#[inline(always)]
unsafe fn put(m: &mut Machine, result: u128) {
    // SAFETY: E1 and E2.
    unsafe {
        let d = m.ip.d() as usize;
        m.fp.set(d, result as u64);
        m.fp.set(d + 1, (result >> 64) as u64);
    }
}

/// `d ← op` of two operands in two halves each: their slots are packed in granule 2, as those of
/// an operand granule.
pub(crate) struct Wide128<O>(PhantomData<O>);

impl<O: wide::Wide128> Op for Wide128<O> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[
        Place::Slot(Field::half(2, 0)),
        Place::Slot(Field::half(2, 1)),
        Place::Slot(Field::half(2, 2)),
        Place::Slot(Field::half(2, 3)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let half = |index| u128::from(m.fp.get(m.ip.half(2, index)));
            let (a, b) = (half(0) | half(1) << 64, half(2) | half(3) << 64);
            put(m, O::eval(a, b));
        }
        Ok(())
    }
}

/// `d ← a × b`
pub(crate) struct MulWide<O>(PhantomData<O>);

impl<O: wide::MulWide> Op for MulWide<O> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] =
        &[Place::Slot(Field::A), Place::Slot(Field::B), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (a, b) = (m.fp.get(m.ip.a()), m.fp.get(m.ip.b() as usize));
            put(m, O::eval(a, b));
        }
        Ok(())
    }
}
