//! The kinds of memory that the fast family is not for: how an access to each finds its bytes.

use std::marker::PhantomData;

use lineal_memory::effective_address;

use super::{Addr, Based, check, check_in, outside};
use crate::machine::operand::{AddrType, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine};
use crate::op::access::scalar::Raw;
use crate::runtime::entity::MemoryEntity;

/// A kind of memory, with addresses of some type: how an access to it finds its bytes. Unless a kind
/// says otherwise, the address is in `a`, the memory's index in `b`, the offset in granule 2.
pub(crate) trait AnyMemory {
    /// The type of its addresses.
    type Addr: AddrType;

    /// Where the cell names the address and the offset.
    const PLACES: [Place; 2] = [Place::Slot(Field::A), Place::Number(Field::all(2))];
    /// How many granules after the second they take in the cell.
    const EXTRA: usize = Self::PLACES[0].extra() + Self::PLACES[1].extra();

    /// What stands for the bytes of an `R` that were found.
    type Bytes<R: Raw>: Bytes<R>;

    /// Finds the bytes of a number at `a + offset` in memory `b`, if all of it is in bounds.
    ///
    /// # Safety
    ///
    /// E1 to E4 hold, and the memory is of this kind (R6).
    unsafe fn find<R: Raw>(m: &Machine) -> Result<Self::Bytes<R>, Exit>;

    /// Reads a number.
    ///
    /// # Safety
    ///
    /// As for `find`.
    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise; `find` vouches for the bytes.
        Ok(unsafe { Self::find::<R>(m)?.load() })
    }

    /// Writes a number.
    ///
    /// # Safety
    ///
    /// As for `find`.
    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise; `find` vouches for the bytes.
        unsafe { Self::find::<R>(m)?.store(raw) };
        Ok(())
    }
}

/// The bytes of an `R` in a memory.
pub(crate) trait Bytes<R> {
    /// # Safety
    ///
    /// They are in bounds, and nothing has changed the memory since they were found.
    unsafe fn load(self) -> R;

    /// # Safety
    ///
    /// As for `load`.
    unsafe fn store(self, raw: R);
}

impl<R: Raw> Bytes<R> for *mut R {
    #[inline(always)]
    unsafe fn load(self) -> R {
        // SAFETY: the caller's promise.
        unsafe { self.read_unaligned() }.little_endian()
    }

    #[inline(always)]
    unsafe fn store(self, raw: R) {
        // SAFETY: the caller's promise.
        unsafe { self.write_unaligned(raw.little_endian()) }
    }
}

/// A memory of the store's own, with addresses of type `I`.
pub(crate) struct Own<I>(PhantomData<I>);

/// Memory 0, the store's own, with 64-bit addresses: the address is of class `S`, the offset in `b`.
pub(crate) struct First64<S>(PhantomData<S>);

/// Memory 1, the store's own, with 32-bit addresses: the address is of class `S`, the offset in `b`.
pub(crate) struct Second<S>(PhantomData<S>);

/// Memory `index`.
///
/// # Safety
///
/// E3 holds, and the instance has so many memories.
#[inline(always)]
pub(super) unsafe fn entity(m: &Machine, index: usize) -> *mut MemoryEntity {
    // SAFETY: E3, R1; the caller's promise.
    unsafe { (*(*m.cx).instance).memories.as_ptr().add(index).read().as_ptr() }
}

/// The operand in `a` and memory `b`.
#[inline(always)]
pub(super) unsafe fn any_operands<I: AddrType>(m: &Machine) -> (u64, *mut MemoryEntity) {
    // SAFETY: E1 to E3; validation bounds the index.
    unsafe {
        let addr: u64 = I::from_slot(m.fp.get(m.ip.a())).into();
        (addr, entity(m, m.ip.b() as usize))
    }
}

impl<I: AddrType> AnyMemory for Own<I> {
    type Addr = I;
    type Bytes<R: Raw> = *mut R;

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<*mut R, Exit> {
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

impl<S: Src<u64>> AnyMemory for First64<S> {
    type Addr = u64;
    type Bytes<R: Raw> = *mut R;
    const PLACES: [Place; 2] = [S::PLACE, Place::Number(Field::B)];

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<*mut R, Exit> {
        // SAFETY: E1 and E2.
        let (addr, offset) = unsafe { (S::get(m), u64::from(m.ip.b())) };
        let (ea, overflows) = addr.overflowing_add(offset);
        // SAFETY: E3.
        unsafe { if overflows { Err(outside(m, ea)) } else { check::<R>(m, ea) } }
    }
}

impl<S: Src<u32>> AnyMemory for Second<S> {
    type Addr = u32;
    type Bytes<R: Raw> = *mut R;
    const PLACES: [Place; 2] = Based::<S>::PLACES;

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<*mut R, Exit> {
        // SAFETY: E1 to E4, R6.
        unsafe {
            let second = &raw const (*m.cx).second;
            let first_byte = (&raw const (*second).first_byte).read();
            check_in(m, &raw const (*second).limits, first_byte, Based::<S>::ea(m))
        }
    }
}
