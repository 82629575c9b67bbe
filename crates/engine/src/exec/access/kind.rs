//! The kinds of memory that the fast family is not for: how an access to each finds its bytes.

use std::marker::PhantomData;

use lineal_memory::{SharedMemory, effective_address};

use super::{check, outside};
use crate::machine::operand::{SlotValue, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine};
use crate::op::access::scalar::Raw;
use crate::runtime::entity::MemoryEntity;

/// The type of an address operand: `u32` or `u64`.
pub(crate) trait AddrType: SlotValue + Into<u64> {}
impl AddrType for u32 {}
impl AddrType for u64 {}

/// A kind of memory, with addresses of some type: how an access to it finds its bytes. Unless a kind
/// says otherwise, the address is in `a`, the memory's index in `b`, the offset in granule 2.
pub(crate) trait AnyMemory {
    /// The type of its addresses.
    type Addr: AddrType;

    /// Where the cell names the address and the offset.
    const PLACES: [Place; 2] = [Place::Slot(Field::A), Place::Number(Field::all(2))];
    /// How many granules after the second they take in the cell.
    const EXTRA: usize = Self::PLACES[0].extra() + Self::PLACES[1].extra();

    /// Reads a number from `a + offset` in memory `b`, if all of it is in bounds.
    ///
    /// # Safety
    ///
    /// E1 to E3 hold, and the memory is of this kind (R6).
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit>;

    /// Writes a number to `a + offset` in memory `b`, if all of it is in bounds.
    ///
    /// # Safety
    ///
    /// As for `load`.
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit>;
}

/// A memory of the store's own, with addresses of type `I`.
pub(crate) struct Own<I>(PhantomData<I>);

/// A shared memory, with addresses of type `I`.
pub(crate) struct Shared<I>(PhantomData<I>);

/// Memory 0, the store's own, with 64-bit addresses: the address is of class `S`, the offset in `b`.
pub(crate) struct First64<S>(PhantomData<S>);

/// Memory 0, shared, with 32-bit addresses: the address is of class `S`, the offset in `b`.
pub(crate) struct FirstShared<S>(PhantomData<S>);

/// The operand in `a` and memory `b`.
#[inline(always)]
pub(super) unsafe fn any_operands<I: AddrType>(m: &Machine) -> (u64, *mut MemoryEntity) {
    // SAFETY: E1 to E3, R1; validation bounds the index.
    unsafe {
        let addr: u64 = I::from_slot(m.fp.get(m.ip.a())).into();
        let instance = &*(*m.cx).instance;
        let entity = instance.memories.as_ptr().add(m.ip.b() as usize).read();
        (addr, entity.as_ptr())
    }
}

impl<I: AddrType> Own<I> {
    /// The host address.
    #[inline(always)]
    unsafe fn check<R: Raw>(m: &Machine) -> Result<*mut R, Exit> {
        // SAFETY: E1 to E3, R6; no other reference to the memory is live (R3).
        unsafe {
            let (addr, entity) = any_operands::<I>(m);
            let memory = (*entity).linear_unchecked();
            let offset = m.ip.granule(2);
            match effective_address(addr, offset, size_of::<R>() as u64, memory.byte_len()) {
                Some(ea) => Ok(memory.as_mut_ptr().wrapping_add(ea as usize).cast()),
                None => Err(outside(m, addr.wrapping_add(offset))),
            }
        }
    }
}

impl<I: AddrType> AnyMemory for Own<I> {
    type Addr = I;

    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        Ok(unsafe { Self::check::<R>(m)?.read_unaligned() }.little_endian())
    }

    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe { Self::check::<R>(m)?.write_unaligned(raw.little_endian()) };
        Ok(())
    }
}

impl<I: AddrType> Shared<I> {
    /// The memory, and the effective address in it.
    #[inline(always)]
    unsafe fn check<R: Raw>(m: &Machine) -> Result<(&SharedMemory, u64), Exit> {
        // SAFETY: E1 to E3, R6; nothing changes the entity (R3).
        unsafe {
            let (addr, entity) = any_operands::<I>(m);
            let memory = (*entity).shared_unchecked();
            match memory.effective_address(addr, m.ip.granule(2), size_of::<R>() as u64) {
                Some(ea) => Ok((memory, ea)),
                None => Err(outside(m, addr.wrapping_add(m.ip.granule(2)))),
            }
        }
    }
}

impl<I: AddrType> AnyMemory for Shared<I> {
    type Addr = I;

    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe {
            let (memory, ea) = Self::check::<R>(m)?;
            Ok(memory.load_unchecked(ea))
        }
    }

    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe {
            let (memory, ea) = Self::check::<R>(m)?;
            memory.store_unchecked(ea, raw);
        }
        Ok(())
    }
}

impl<S: Src<u64>> First64<S> {
    /// The host address.
    #[inline(always)]
    unsafe fn check<R: Raw>(m: &Machine) -> Result<*mut R, Exit> {
        // SAFETY: E1 and E2.
        let (addr, offset) = unsafe { (S::get(m), u64::from(m.ip.b())) };
        let (ea, overflows) = addr.overflowing_add(offset);
        // SAFETY: E3.
        unsafe { if overflows { Err(outside(m, ea)) } else { check::<R>(m, ea) } }
    }
}

impl<S: Src<u64>> AnyMemory for First64<S> {
    type Addr = u64;
    const PLACES: [Place; 2] = [S::PLACE, Place::Number(Field::B)];

    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        Ok(unsafe { Self::check::<R>(m)?.read_unaligned() }.little_endian())
    }

    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe { Self::check::<R>(m)?.write_unaligned(raw.little_endian()) };
        Ok(())
    }
}

impl<S: Src<u32>> FirstShared<S> {
    /// The memory, and the effective address in it.
    #[inline(always)]
    unsafe fn check<R: Raw>(m: &Machine) -> Result<(&SharedMemory, u64), Exit> {
        // SAFETY: E1 to E4, R6; nothing changes the entity (R3).
        unsafe {
            let memory = &*(*m.cx).shared;
            let (addr, offset) = (u64::from(S::get(m)), u64::from(m.ip.b()));
            match memory.effective_address(addr, offset, size_of::<R>() as u64) {
                Some(ea) => Ok((memory, ea)),
                None => Err(outside(m, addr + offset)),
            }
        }
    }
}

impl<S: Src<u32>> AnyMemory for FirstShared<S> {
    type Addr = u32;
    const PLACES: [Place; 2] = [S::PLACE, Place::Number(Field::B)];

    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe {
            let (memory, ea) = Self::check::<R>(m)?;
            Ok(memory.load_unchecked(ea))
        }
    }

    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise; `check` vouches for the address.
        unsafe {
            let (memory, ea) = Self::check::<R>(m)?;
            memory.store_unchecked(ea, raw);
        }
        Ok(())
    }
}
