//! Handlers of atomic operations: one call out of line each, as those in [`slow`](crate::exec::slow).
//!
//! Address and operands lie in consecutive slots, the first of which granule 3 names; the result
//! replaces the address. Memory `b` is accessed, at the offset in granule 2.

use std::marker::PhantomData;

use lineal_memory::{AtomicError, atomic_fence};

use super::kind::AddrType;
use crate::exec::slow::{Slots, SlowOp, Vm};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::access::atomic::Atomic;
use crate::runtime::context::Context;
use crate::runtime::trap::Trap;

/// Runs an [`Atomic`] operation on a memory with addresses of type `I`.
pub(crate) struct AtomicOp<O, I>(PhantomData<(O, I)>);

impl<O: Atomic, I: AddrType> Op for AtomicOp<O, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[Place::Slots(Field::all(3), Count::Fixed(1 + O::OPERANDS))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        let exit = unsafe {
            let slots = m.fp.slot(m.ip.granule(3) as usize);
            out_of_line::<O, I>(m.cx, slots, m.ip.b(), m.ip.granule(2))
        };
        if exit != Exit::DONE {
            return Err(exit);
        }
        Ok(())
    }
}

/// # Safety
///
/// E3 holds, and the address and the operands are at `slots`.
#[inline(never)]
unsafe fn out_of_line<O: Atomic, I: AddrType>(
    cx: *mut Context,
    slots: *mut u64,
    memory: u32,
    offset: u64,
) -> Exit {
    // SAFETY: the caller's promise; R1: the running instance is alive.
    let (mut vm, slots) = unsafe {
        let count = 1 + O::OPERANDS;
        (Vm::new(cx, slots.add(count)), std::slice::from_raw_parts_mut(slots, count))
    };
    let addr: u64 = I::from_slot(slots[0]).into();
    let operand = |at| slots.get(at).copied().unwrap_or(0);
    match O::perform(vm.memory(memory), addr, offset, [operand(1), operand(2)]) {
        Ok(result) => {
            if O::RESULT {
                slots[0] = result;
            }
            Exit::DONE
        }
        Err(error) => {
            // SAFETY: E3.
            unsafe { (*cx).fault.start = addr.wrapping_add(offset) };
            Trap::from(error).into()
        }
    }
}

impl From<AtomicError> for Trap {
    fn from(error: AtomicError) -> Trap {
        match error {
            AtomicError::Unaligned(_) => Trap::HeapMisaligned,
            AtomicError::NotShared => Trap::AtomicWaitNonSharedMemory,
            // The only other one there is.
            _ => Trap::MemoryOutOfBounds,
        }
    }
}

/// `atomic.fence`
pub(crate) struct AtomicFence;

impl SlowOp for AtomicFence {
    const OPERANDS: usize = 0;

    fn call(_: Vm<'_>, _: Slots<'_>, _: u32, _: u32) -> Result<(), Exit> {
        atomic_fence();
        Ok(())
    }
}
