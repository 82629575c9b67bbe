//! Handlers of operations on references of any kind.

use std::marker::PhantomData;

use super::slow::{IN_SECOND, Vm, slow_ops};
use crate::machine::operand::Src;
use crate::machine::place::Place;
use crate::machine::{Exit, Machine, Op};
use crate::runtime::object::Object;
use crate::runtime::trap::Trap;

/// Traps if the operand of class `S` is null.
pub(crate) struct CheckNonNull<S>(PhantomData<S>);

impl<S: Src<u64>> Op for CheckNonNull<S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        if unsafe { S::get(m) } == 0 {
            return Err(Trap::NullReference.into());
        }
        Ok(())
    }
}

slow_ops! {
    /// `throw` of tag `first`, whose values take `second` slots
    Throw(IN_SECOND) -> NEVER, |vm, slots, first, second| {
        let tag = vm.instance.tags[first as usize];
        let args = &slots[..second as usize];
        let exception = vm.allocate(size_of_val(args), |pool| Object::exception(pool, tag, args))?;
        Err(vm.throw(exception))?;
    }

    /// `throw_ref`
    ThrowRef(1) -> NEVER, |vm, slots, _first, _second| {
        match slots[0] {
            0 => Err(Trap::NullReference)?,
            exception => Err(vm.throw(exception))?,
        }
    }
}
