//! Handlers of loads and stores.
//!
//! Memory 0 with 32-bit addresses and 64 KiB pages has the fast families: one compare of the
//! effective address with the limit for the access's width ([`Context::limits`]), one branch.
//! Every other memory goes through the memory crate's [`effective_address`].
//!
//! [`Context::limits`]: crate::runtime::context::Context

use std::marker::PhantomData;

use lineal_memory::effective_address;

use super::abi::{Machine, Op};
use super::operand::{Dst, Scalar, SlotD, Src};
use crate::op::memory::{Load, Raw, Store};
use crate::op::numeric::Binary;
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
        Err(Trap::MemoryOutOfBounds.into())
    }
}

/// `d ← memory[ea]`
pub(crate) struct LoadOp<O, A, D>(PhantomData<(O, A, D)>);

impl<O: Load, A: Addr, D: Dst<O::Out>> Op for LoadOp<O, A, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let raw = check::<O::Raw>(m, A::ea(m))?.read_unaligned();
            D::put(m, O::extend(raw.little_endian()));
        }
        m.ip = m.ip.offset(2 + A::EXTRA as isize);
        Ok(())
    }
}

/// `d ← a op memory[ea]`: the load is `M`; the address is of class `A`, and the offset is the high
/// half of `b`.
pub(crate) struct BinLoad<O, M, L, A, D>(PhantomData<(O, M, L, A, D)>);

impl<O, M, L, A, D> Op for BinLoad<O, M, L, A, D>
where
    O: Binary,
    M: Load<Out = O::Ty>,
    L: Src<O::Ty>,
    A: Src<u32>,
    D: Dst<O::Ty>,
{
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let ea = u64::from(A::get(m)) + m.ip.b_halves().1 as u64;
            let raw = check::<M::Raw>(m, ea)?.read_unaligned();
            let result = O::eval(L::get(m), M::extend(raw.little_endian()))?;
            D::put(m, result);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `memory[ea] ← d`, or the value of class `V`; a wide value comes after a wide address
pub(crate) struct StoreOp<O, A, V>(PhantomData<(O, A, V)>);

impl<O: Store, A: Addr, V: Src<O::In>> Op for StoreOp<O, A, V> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let target = check::<O::Raw>(m, A::ea(m))?;
            target.write_unaligned(O::narrow(V::get(m)).little_endian());
        }
        m.ip = m.ip.offset(2 + A::EXTRA as isize + V::EXTRA as isize);
        Ok(())
    }
}

/// The type of an address operand: `u32` or `u64`.
pub(crate) trait AddrType: Scalar + Into<u64> {}
impl AddrType for u32 {}
impl AddrType for u64 {}

/// The host address of `R` at `a + offset` in memory `b`, if all of it is in bounds; the offset
/// is in granule 2.
#[inline(always)]
pub(super) unsafe fn check_any<R: Raw, I: AddrType>(m: &Machine) -> Result<*mut R, Exit> {
    // SAFETY: E1 to E3, R1; validation bounds the index, and no other reference to the memory is
    // live (R3).
    unsafe {
        let addr: u64 = I::from_slot(m.fp.get(m.ip.a())).into();
        let instance = &*(*m.cx).instance;
        let entity = instance.memories.as_ptr().add(m.ip.b() as usize).read();
        let memory = &mut (*entity.as_ptr()).memory;
        let offset = m.ip.granule(2);
        match effective_address(addr, offset, size_of::<R>() as u64, memory.byte_len()) {
            Some(ea) => Ok(memory.as_mut_ptr().wrapping_add(ea as usize).cast()),
            None => Err(Trap::MemoryOutOfBounds.into()),
        }
    }
}

/// `d ← memory b [a + offset]`, for any memory
pub(crate) struct LoadAny<O, I, D>(PhantomData<(O, I, D)>);

impl<O: Load, I: AddrType, D: Dst<O::Out>> Op for LoadAny<O, I, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `check_any` vouches for the address.
        unsafe {
            let raw = check_any::<O::Raw, I>(m)?.read_unaligned();
            D::put(m, O::extend(raw.little_endian()));
        }
        m.ip = m.ip.offset(3);
        Ok(())
    }
}

/// `memory b [a + offset] ← d`, for any memory
pub(crate) struct StoreAny<O, I>(PhantomData<(O, I)>);

impl<O: Store, I: AddrType> Op for StoreAny<O, I>
where
    SlotD: Src<O::In>,
{
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `check_any` vouches for the address.
        unsafe {
            let target = check_any::<O::Raw, I>(m)?;
            target.write_unaligned(O::narrow(SlotD::get(m)).little_endian());
        }
        m.ip = m.ip.offset(3);
        Ok(())
    }
}
