//! Handlers of loads and stores.
//!
//! Memory 0 with 32-bit addresses and 64 KiB pages has the fast families: one compare of the
//! effective address with the limit for the access's width ([`Context::limits`]), one branch.
//! Every other memory goes through the memory crate's [`effective_address`], a shared one through
//! its own, which looks at the length again before it fails.
//!
//! [`Context::limits`]: crate::runtime::context::Context
//! [`effective_address`]: lineal_memory::effective_address

pub(crate) mod atomic;
pub(crate) mod kind;
pub(crate) mod lane;
pub(crate) mod observed;
pub(crate) mod range;
pub(crate) mod scalar;

use std::marker::PhantomData;

use crate::machine::Machine;
use crate::machine::operand::Src;
use crate::op::access::scalar::Raw;
use crate::runtime::context::Fault;
use crate::runtime::trap::{Exit, Trap};

/// How an access to memory 0 makes its effective address.
pub(crate) trait Addr {
    /// How many granules beyond the second it takes in the cell.
    const EXTRA: usize;

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
    const EXTRA: usize = S::EXTRA;
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
    const EXTRA: usize = R::EXTRA;
    #[inline(always)]
    unsafe fn ea(m: &Machine) -> u64 {
        // SAFETY: E1 and E2.
        unsafe { u64::from(L::get(m).wrapping_add(R::get(m))) + u64::from(m.ip.b()) }
    }
}

/// The address in `b`: a constant operand and the offset, added at translation.
pub(crate) struct Static;

impl Addr for Static {
    const EXTRA: usize = 0;
    #[inline(always)]
    unsafe fn ea(m: &Machine) -> u64 {
        // SAFETY: E1.
        unsafe { u64::from(m.ip.b()) }
    }
}

/// The bounds check of memory 0: the host address of `R` at `ea`, if all of it is in bounds.
#[inline(always)]
pub(super) unsafe fn check<R: Raw>(m: &Machine, ea: u64) -> Result<*mut R, Exit> {
    // SAFETY: E3.
    let limit =
        unsafe { (&raw const (*m.cx).limits[size_of::<R>().trailing_zeros() as usize]).read() };
    if ea < limit {
        // E4: `ea + size_of::<R>()` is at most the memory's length.
        Ok(m.mem_ptr.wrapping_add(ea as usize).cast())
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
