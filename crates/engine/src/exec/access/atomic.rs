//! Handlers of atomic operations: one call out of line each, as those in [`slow`](crate::exec::slow).
//!
//! Address and operands lie in consecutive slots, the first of which granule 3 names; the result
//! replaces the address. Memory `b` is accessed, at the offset in granule 2.

use std::marker::PhantomData;

use lineal_memory::{AtomicError, atomic_fence};

use crate::exec::slow::{Slots, SlowOp, Vm};
use crate::machine::operand::AddrType;
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::access::atomic::Atomic;
use crate::runtime::context::Context;
use crate::runtime::entity::MemoryEntity;
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
        // SAFETY: E3. The host may have run while the guest waited.
        m.mem_ptr = unsafe { (*m.cx).mem_ptr };
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
    // SAFETY: the caller's promise; R1: the running instance is alive. No reference to the slots is
    // kept: the host may run while the guest waits.
    let (mut vm, operands) = unsafe {
        let operand = |at| if at <= O::OPERANDS { *slots.add(at) } else { 0 };
        (Vm::new(cx, slots.add(1 + O::OPERANDS)), [0, 1, 2].map(operand))
    };
    let [addr, operands @ ..] = operands;
    match perform::<O>(&mut vm, memory, I::from_slot(addr).into(), offset, operands) {
        Ok(result) => {
            if O::RESULT {
                // SAFETY: the caller's promise.
                unsafe { *slots = result };
            }
            Exit::DONE
        }
        Err(exit) => exit,
    }
}

/// Performs an operation on memory `memory`. One that waits ends when the epoch's deadline is
/// reached, if the configuration asks for that, and the host says so.
pub(super) fn perform<O: Atomic>(
    vm: &mut Vm<'_>,
    memory: u32,
    addr: u64,
    offset: u64,
    operands: [u64; 2],
) -> Result<u64, Exit> {
    let shared = match (O::WAIT, vm.memory(memory)) {
        // A handle of its own: the host may do anything meanwhile.
        (Some(wait), MemoryEntity::Shared(shared)) => Some((wait, shared.clone())),
        _ => None,
    };
    let result = match shared.filter(|_| vm.options().epochs) {
        None => O::perform(vm.memory(memory), addr, offset, operands),
        Some((wait, shared)) => {
            let mut exit = Exit::DONE;
            let mut interrupt = || {
                exit = vm.check_epoch().err().unwrap_or(Exit::DONE);
                exit != Exit::DONE
            };
            match wait(&shared, addr, offset, operands, &mut interrupt) {
                Ok(Some(result)) => Ok(result),
                Ok(None) => return Err(exit),
                Err(error) => Err(error),
            }
        }
    };
    result.map_err(|error| {
        // SAFETY: E3.
        unsafe { (*vm.cx).fault.start = addr.wrapping_add(offset) };
        Trap::from(error).into()
    })
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
