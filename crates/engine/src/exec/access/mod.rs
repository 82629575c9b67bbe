//! Handlers of loads and stores.
//!
//! Memory 0 with 32-bit addresses has the fast families: one compare of the effective address with the
//! limit for the access's width ([`Context::limits`]), one branch. If it has 64-bit addresses or is
//! shared, it has the same check, but fewer forms of an address; so has memory 1 with 32-bit addresses,
//! if it is the store's own. Every other access goes through the memory crate's
//! [`effective_address`], to a shared memory through its own, which looks at the length again before it
//! fails.
//!
//! [`Context::limits`]: crate::runtime::context::Context
//! [`effective_address`]: lineal_memory::effective_address

pub(crate) mod atomic;
pub(crate) mod kind;
#[cfg(feature = "simd")]
pub(crate) mod lane;
pub(crate) mod observed;
pub(crate) mod range;
pub(crate) mod scalar;
#[cfg(feature = "threads")]
pub(crate) mod shared;

use std::marker::PhantomData;

use crate::machine::operand::Src;
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine};
use crate::op::access::scalar::Raw;
use crate::runtime::context::{Fault, WIDTHS};
use crate::runtime::trap::Trap;

/// How an access to memory 0 makes its effective address.
pub(crate) trait Addr {
    /// Where the cell names the operands that the address is made of.
    const PLACES: [Place; 2];
    /// How many granules after the second they take in the cell.
    const EXTRA: usize = Self::PLACES[0].extra() + Self::PLACES[1].extra();

    /// addr + offset, in 64 bits: it cannot wrap around.
    ///
    /// # Safety
    ///
    /// E1 and E2 hold.
    unsafe fn ea(m: &Machine) -> u64;
}

/// An operand of class `S` plus the offset in `b`.
pub(crate) struct Based<S>(PhantomData<S>);

impl<S: Src<u32>> Addr for Based<S> {
    const PLACES: [Place; 2] = [S::PLACE, Place::Number(Field::B)];
    #[inline(always)]
    unsafe fn ea(m: &Machine) -> u64 {
        // SAFETY: E1 and E2.
        unsafe { u64::from(S::get(m)) + u64::from(m.ip.b()) }
    }
}

/// The sum, in 32 bits, of operands of classes `L` and `R`, plus the offset in `b`: an `i32.add`
/// that only made this address.
pub(crate) struct Sum<L, R>(PhantomData<(L, R)>);

impl<L: Src<u32>, R: Src<u32>> Addr for Sum<L, R> {
    const PLACES: [Place; 2] = [L::PLACE, R::PLACE];
    #[inline(always)]
    unsafe fn ea(m: &Machine) -> u64 {
        // SAFETY: E1 and E2.
        unsafe { u64::from(L::get(m).wrapping_add(R::get(m))) + u64::from(m.ip.b()) }
    }
}

/// The address in `b`: a constant operand and the offset, added at translation.
pub(crate) struct Static;

impl Addr for Static {
    const PLACES: [Place; 2] = [Place::Register, Place::Number(Field::B)];
    #[inline(always)]
    unsafe fn ea(m: &Machine) -> u64 {
        // SAFETY: E1.
        unsafe { u64::from(m.ip.b()) }
    }
}

/// Which of [`Context::limits`](crate::runtime::context::Context::limits) is for accesses of type `R`.
const fn width_index<R>() -> usize {
    size_of::<R>().trailing_zeros() as usize
}

/// The bounds check of memory 0: the host address of `R` at `ea`, if all of it is in bounds.
#[inline(always)]
pub(super) unsafe fn check<R: Raw>(m: &Machine, ea: u64) -> Result<*mut R, Exit> {
    // SAFETY: E3.
    unsafe { check_in(m, &raw const (*m.cx).limits, m.mem_ptr, ea) }
}

/// The same for a memory with these limits and this first byte.
///
/// # Safety
///
/// E3 holds, and the limits can be read.
#[inline(always)]
unsafe fn check_in<R: Raw>(
    m: &Machine,
    limits: *const [u64; WIDTHS],
    first_byte: *mut u8,
    ea: u64,
) -> Result<*mut R, Exit> {
    // SAFETY: the caller's promise.
    let limit = unsafe { (&raw const (*limits)[width_index::<R>()]).read() };
    if ea < limit {
        // E4: `ea + size_of::<R>()` is at most the memory's length.
        Ok(first_byte.wrapping_add(ea as usize).cast())
    } else {
        // SAFETY: E3.
        Err(unsafe { outside(m, ea) })
    }
}

/// Leaves word of an effective address that is out of bounds.
///
/// # Safety
///
/// E3 holds.
#[inline(always)]
pub(super) unsafe fn outside(m: &Machine, ea: u64) -> Exit {
    // SAFETY: E3.
    unsafe { (*m.cx).fault.start = ea };
    Trap::MemoryOutOfBounds.into()
}

/// The same for a range, which is read if `IS_SOURCE`: the host address of its first byte.
#[inline(always)]
pub(super) unsafe fn check_range<const IS_SOURCE: bool>(
    m: &Machine,
    addr: u32,
    len_bytes: u32,
) -> Result<*mut u8, Exit> {
    // SAFETY: E3.
    let memory_bytes = unsafe { (&raw const (*m.cx).limits[0]).read() };
    if u64::from(addr) + u64::from(len_bytes) <= memory_bytes {
        Ok(m.mem_ptr.wrapping_add(addr as usize))
    } else {
        let (start, len) = (addr.into(), len_bytes.into());
        // SAFETY: E3.
        unsafe { (*m.cx).fault = Fault { start, len, is_source: IS_SOURCE } };
        Err(Trap::MemoryOutOfBounds.into())
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::atomic::AtomicU64;

    use lineal_memory::effective_address;

    use super::*;
    use crate::machine::{Fp, Ip};
    use crate::runtime::context::{Context, limits};

    /// What the check for accesses of type `R` says: the distance of the host address from the
    /// memory's first byte.
    fn checked<R: Raw>(context: &mut Context, ea: u64) -> Option<u64> {
        let machine = machine(context);
        // SAFETY: E3 holds; what is checked is not accessed.
        let address = unsafe { check::<R>(&machine, ea) }.ok()?;
        Some(address as u64 - machine.mem_ptr as u64)
    }

    fn machine(context: &mut Context) -> Machine {
        let mem_ptr = context.mem_ptr;
        Machine::at(context, mem_ptr, Fp::NULL)
    }

    /// The machine has a check of its own, for speed; the memory crate's is the definition.
    #[test]
    fn the_fast_checks_are_the_memory_crates() {
        let epoch = AtomicU64::new(0);
        let mut context = Context::new(&epoch, Ip::NULL);
        context.mem_ptr = ptr::without_provenance_mut(1 << 40);
        const LAST: u64 = 65_536 * 65_536;
        for byte_len in [0, 1, 2, 7, 8, 15, 16, 17, 65_535, 65_536, 65_537, LAST - 1, LAST] {
            context.limits = limits(byte_len);
            for near in [0, byte_len, u64::from(u32::MAX), 2 * u64::from(u32::MAX)] {
                for ea in near.saturating_sub(20)..near + 20 {
                    let defined = |len| effective_address(ea, 0, len, byte_len);
                    assert_eq!(checked::<u8>(&mut context, ea), defined(1), "{ea} of {byte_len}");
                    assert_eq!(checked::<u16>(&mut context, ea), defined(2), "{ea} of {byte_len}");
                    assert_eq!(checked::<u32>(&mut context, ea), defined(4), "{ea} of {byte_len}");
                    assert_eq!(checked::<u64>(&mut context, ea), defined(8), "{ea} of {byte_len}");
                    let vector = checked::<[u8; 16]>(&mut context, ea);
                    assert_eq!(vector, defined(16), "{ea} of {byte_len}");
                }
            }
            for addr in [0, 1, 65_535, 65_536, byte_len as u32, u32::MAX] {
                for len in [0, 1, 16, 65_536, (byte_len as u32).wrapping_sub(addr), u32::MAX] {
                    let machine = machine(&mut context);
                    // SAFETY: E3 holds; what is checked is not accessed.
                    let in_bounds = unsafe { check_range::<false>(&machine, addr, len) }.is_ok();
                    let defined = effective_address(addr.into(), 0, len.into(), byte_len);
                    assert_eq!(in_bounds, defined.is_some(), "{len} from {addr} of {byte_len}");
                }
            }
        }
    }
}
