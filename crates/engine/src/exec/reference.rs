//! Handlers of operations on references of any kind.

use std::marker::PhantomData;

use super::abi::{Machine, Op};
use super::operand::Src;
use crate::runtime::trap::{Exit, Trap};

/// Traps if the operand of class `S` is null.
pub(crate) struct CheckNonNull<S>(PhantomData<S>);

impl<S: Src<u64>> Op for CheckNonNull<S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        if unsafe { S::get(m) } == 0 {
            return Err(Trap::NullReference.into());
        }
        m.ip = m.ip.offset(2 + S::EXTRA as isize);
        Ok(())
    }
}
