//! The kinds of memory that threads share: how an access to each finds its bytes.

use std::marker::PhantomData;

use lineal_memory::SharedMemory;

use super::kind::{AnyMemory, Bytes, any_operands};
use super::outside;
use crate::machine::operand::{AddrType, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine};
use crate::op::access::scalar::Raw;

/// The effective address of bytes in a shared memory.
pub(crate) struct SharedBytes {
    memory: *const SharedMemory,
    ea: u64,
}

impl SharedBytes {
    /// The bytes of an `R` at an address and an offset.
    ///
    /// # Safety
    ///
    /// E3 holds, and the memory is alive.
    #[inline(always)]
    unsafe fn find<R: Raw>(
        m: &Machine,
        memory: *const SharedMemory,
        addr: u64,
        offset: u64,
    ) -> Result<SharedBytes, Exit> {
        // SAFETY: the caller's promise.
        unsafe {
            match (*memory).effective_address(addr, offset, size_of::<R>() as u64) {
                Some(ea) => Ok(SharedBytes { memory, ea }),
                None => Err(outside(m, addr.wrapping_add(offset))),
            }
        }
    }
}

impl<R: Raw> Bytes<R> for SharedBytes {
    #[inline(always)]
    unsafe fn load(self) -> R {
        // SAFETY: the caller's promise.
        unsafe { (*self.memory).load_unchecked(self.ea) }
    }

    #[inline(always)]
    unsafe fn store(self, raw: R) {
        // SAFETY: the caller's promise.
        unsafe { (*self.memory).store_unchecked(self.ea, raw) }
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
            SharedBytes::find::<R>(m, (*entity).shared_unchecked(), addr, m.ip.granule(2))
        }
    }
}

impl<S: Src<u32>> AnyMemory for FirstShared<S> {
    type Addr = u32;
    type Bytes<R: Raw> = SharedBytes;
    const PLACES: [Place; 2] = [S::PLACE, Place::Number(Field::B)];

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<SharedBytes, Exit> {
        // SAFETY: E1 to E4, R6; nothing changes the entity (R3).
        unsafe { SharedBytes::find::<R>(m, (*m.cx).shared, S::get(m).into(), m.ip.b().into()) }
    }
}
