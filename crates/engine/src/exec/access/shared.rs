//! The kinds of memory that threads share: how an access to each finds its bytes.

use std::marker::PhantomData;

use lineal_memory::SharedMemory;

use super::kind::{AnyMemory, Bytes, any_operands};
use super::{Addr, Based, check, outside, width_index};
use crate::machine::operand::{AddrType, Src};
use crate::machine::place::Place;
use crate::machine::{Exit, Machine};
use crate::op::access::scalar::Raw;
use crate::runtime::context::limits;

/// Where bytes in a shared memory are.
pub(crate) struct SharedBytes(*mut u8);

impl<R: Raw> Bytes<R> for SharedBytes {
    #[inline(always)]
    unsafe fn load(self) -> R {
        // SAFETY: the caller's promise.
        unsafe { SharedMemory::load_at(self.0) }
    }

    #[inline(always)]
    unsafe fn store(self, raw: R) {
        // SAFETY: the caller's promise.
        unsafe { SharedMemory::store_at(self.0, raw) }
    }
}

/// A shared memory, with addresses of type `I`.
pub(crate) struct Shared<I>(PhantomData<I>);

/// Memory 0, shared, with 32-bit addresses: the address is of class `S`, the offset in `b`.
pub(crate) struct FirstShared<S>(PhantomData<S>);

impl<I: AddrType> AnyMemory for Shared<I> {
    type Addr = I;
    type Bytes<R: Raw> = SharedBytes;

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<SharedBytes, Exit> {
        // SAFETY: E1 to E3, R6; nothing changes the entity (R3).
        unsafe {
            let (addr, entity) = any_operands::<I>(m);
            let (memory, offset) = ((*entity).shared_unchecked(), m.ip.granule(2));
            match memory.effective_address(addr, offset, size_of::<R>() as u64) {
                Some(ea) => Ok(SharedBytes(memory.as_ptr().wrapping_add(ea as usize))),
                None => Err(outside(m, addr.wrapping_add(offset))),
            }
        }
    }
}

impl<S: Src<u32>> AnyMemory for FirstShared<S> {
    type Addr = u32;
    type Bytes<R: Raw> = SharedBytes;
    const PLACES: [Place; 2] = Based::<S>::PLACES;

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<SharedBytes, Exit> {
        // SAFETY: E1 to E4.
        unsafe {
            let ea = Based::<S>::ea(m);
            let checked = check::<R>(m, ea).or_else(|_| {
                // Another thread may have made the memory larger. Only this width's limit is made
                // anew: all of them would need more registers than a handler has to itself.
                let width = width_index::<R>();
                (*m.cx).limits[width] = limits((*(*m.cx).shared).byte_len())[width];
                check::<R>(m, ea)
            });
            Ok(SharedBytes(checked?.cast()))
        }
    }
}
