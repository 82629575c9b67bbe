//! Handlers that move bytes within vectors by `pshufb`, which not every x86-64 processor has
//! (SSSE3). Without it a byte is moved at a time.

use std::arch::asm;
use std::marker::PhantomData;

use super::immediate;
use crate::machine::operand::{Dst, Src, ToSlot};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op, Vector, from_register, to_register};

/// The bytes of `bytes` by indices: zero where an index has its highest bit set; otherwise, its lowest
/// four bits count.
///
/// # Safety
///
/// The processor has SSSE3.
#[inline(always)]
unsafe fn pshufb(bytes: Vector, indices: Vector) -> Vector {
    let [mut bytes, indices] = [bytes, indices].map(to_register);
    // SAFETY: the caller's promise; the instruction changes the register that it says.
    unsafe {
        asm!(
            "pshufb {}, {}", inout(xmm_reg) bytes, in(xmm_reg) indices,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    from_register(bytes)
}

/// An index that [`pshufb`] makes zero of.
const ZERO: u8 = 0x80;

/// The indices into the first and into the second operand of a shuffle.
pub(crate) fn indices(lanes: [u8; 16]) -> [Vector; 2] {
    let first = lanes.map(|lane| if lane < 16 { lane } else { ZERO });
    let second = lanes.map(|lane| if lane < 16 { ZERO } else { lane - 16 });
    [first, second]
}

/// `d ←` the bytes of `a` that granules 2 and 3 name, and those of `b` that 4 and 5 name
///
/// The processor has SSSE3.
pub(crate) struct FastShuffle<L, R>(PhantomData<(L, R)>);

impl<L: Src<Vector>, R: Src<Vector>> Op for FastShuffle<L, R> {
    const GRANULES: usize = 6;
    const PLACES: &'static [Place] = &[
        L::PLACE,
        R::PLACE,
        Place::Number(Field::all(2)),
        Place::Number(Field::all(3)),
        Place::Number(Field::all(4)),
        Place::Number(Field::all(5)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the translator looks what the processor has.
        unsafe {
            let first = pshufb(L::get(m), immediate(m, 2));
            let second = pshufb(R::get(m), immediate(m, 4));
            let both = u128::from_ne_bytes(first) | u128::from_ne_bytes(second);
            ToSlot::put(m, both.to_ne_bytes());
        }
        Ok(())
    }
}

/// `d ←` the bytes of `a` that granules 2 and 3 name
///
/// The processor has SSSE3.
pub(crate) struct ShuffleOne<A>(PhantomData<A>);

impl<A: Src<Vector>> Op for ShuffleOne<A> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[
        A::PLACE,
        Place::Number(Field::all(2)),
        Place::Number(Field::all(3)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the translator looks what the processor has.
        unsafe { ToSlot::put(m, pshufb(A::get(m), immediate(m, 2))) };
        Ok(())
    }
}

/// `d ←` the bytes of `a` by the indices in `b`: zero for an index beyond the last
///
/// The processor has SSSE3.
pub(crate) struct FastSwizzle<L, R>(PhantomData<(L, R)>);

impl<L: Src<Vector>, R: Src<Vector>> Op for FastSwizzle<L, R> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[L::PLACE, R::PLACE, Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the translator looks what the processor has.
        unsafe {
            // Indices from 16 on get their highest bit, the others keep their lowest four.
            let indices = R::get(m).map(|index| index.saturating_add(ZERO - 16));
            ToSlot::put(m, pshufb(L::get(m), indices));
        }
        Ok(())
    }
}
