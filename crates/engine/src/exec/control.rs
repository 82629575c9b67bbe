//! Handlers of control operations that stay in the function.

use std::marker::PhantomData;

use crate::machine::operand::Src;
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::runtime::trap::Trap;

/// Makes the next cell the head of a loop, to which branches go at no cost.
pub(crate) struct Head;

impl Op for Head {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        m.head = m.ip.offset(Self::GRANULES as isize);
        Ok(())
    }
}

/// Continues at the displacement in `b`.
pub(crate) struct Br;

impl Op for Br {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Target(Field::B)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1.
        m.branch(unsafe { m.ip.b() });
        Err(Exit::BRANCH)
    }
}

/// Continues at one of the displacements in the granules from 2 on, by the operand of class `S`;
/// `b` is the index of the last, which also serves everything beyond it.
pub(crate) struct BrTable<S>(PhantomData<S>);

impl<S: Src<u32>> Op for BrTable<S> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Table];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the index is at most that of the last displacement.
        let displacement = unsafe {
            let index = S::get(m).min(m.ip.b());
            m.ip.granule(2 + index as usize)
        };
        m.ip = m.ip.offset(displacement as isize);
        Err(Exit::BRANCH)
    }
}

/// Traps.
pub(crate) struct Unreachable;

impl Op for Unreachable {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(_: &mut Machine) -> Result<(), Exit> {
        Err(Trap::UnreachableCodeReached.into())
    }
}
