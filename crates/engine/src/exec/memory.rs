//! Handlers of loads and stores.
//!
//! Memory 0 with 32-bit addresses and 64 KiB pages has the fast families: one compare of the
//! effective address with the limit for the access's width ([`Context::limits`]), one branch.
//! Every other memory goes through the memory crate's [`effective_address`], a shared one through
//! its own, which looks at the length again before it fails.
//!
//! [`Context::limits`]: crate::runtime::context::Context

use std::marker::PhantomData;

use lineal_memory::{SharedMemory, effective_address};

use super::abi::{Machine, Op};
use super::operand::{Dst, Scalar, SlotA, SlotD, Src};
use crate::op::memory::{Load, Raw, Store};
use crate::op::numeric::Binary;
use crate::runtime::entity::MemoryEntity;
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

/// The same for a range: the host address of its first byte.
#[inline(always)]
unsafe fn check_range(m: &Machine, addr: u32, len_bytes: u32) -> Result<*mut u8, Exit> {
    // SAFETY: E3.
    let memory_bytes = unsafe { (&raw const (*m.cx).limits[0]).read() };
    if u64::from(addr) + u64::from(len_bytes) <= memory_bytes {
        Ok(m.mem_ptr.wrapping_add(addr as usize))
    } else {
        Err(Trap::MemoryOutOfBounds.into())
    }
}

/// `memory.fill` of memory 0: the address is in the slot `a`, value and length are of classes `V`
/// and `N`.
pub(crate) struct Fill<V, N>(PhantomData<(V, N)>);

impl<V: Src<u32>, N: Src<u32>> Op for Fill<V, N> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check_range` vouches for the bytes.
        unsafe {
            let len_bytes = N::get(m);
            let dst = check_range(m, SlotA::get(m), len_bytes)?;
            dst.write_bytes(V::get(m) as u8, len_bytes as usize);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `memory.copy` inside memory 0: to the address in the slot `a` from that in the slot `d`, a
/// length of class `N`.
pub(crate) struct Copy<N>(PhantomData<N>);

impl<N: Src<u32>> Op for Copy<N> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check_range` vouches for the bytes.
        unsafe {
            let len_bytes = N::get(m);
            let dst = check_range(m, SlotA::get(m), len_bytes)?;
            let src = check_range(m, SlotD::get(m), len_bytes)?;
            dst.copy_from(src, len_bytes as usize);
        }
        m.ip = m.ip.offset(2);
        Ok(())
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

/// A kind of memory that has no family of its own, with addresses of some type: how an access to
/// it finds its bytes. The address is in `a`, the memory's index in `b`, the offset in granule 2.
pub(crate) trait AnyMemory {
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

/// The operand in `a` and memory `b`.
#[inline(always)]
unsafe fn any_operands<I: AddrType>(m: &Machine) -> (u64, *mut MemoryEntity) {
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
                None => Err(Trap::MemoryOutOfBounds.into()),
            }
        }
    }
}

impl<I: AddrType> AnyMemory for Own<I> {
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
                None => Err(Trap::MemoryOutOfBounds.into()),
            }
        }
    }
}

impl<I: AddrType> AnyMemory for Shared<I> {
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

/// `d ← memory b [a + offset]`, for any memory
pub(crate) struct LoadAny<O, M, D>(PhantomData<(O, M, D)>);

impl<O: Load, M: AnyMemory, D: Dst<O::Out>> Op for LoadAny<O, M, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let raw = M::load::<O::Raw>(m)?;
            D::put(m, O::extend(raw));
        }
        m.ip = m.ip.offset(3);
        Ok(())
    }
}

/// `memory b [a + offset] ← d`, for any memory
pub(crate) struct StoreAny<O, M>(PhantomData<(O, M)>);

impl<O: Store, M: AnyMemory> Op for StoreAny<O, M>
where
    SlotD: Src<O::In>,
{
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe { M::store(m, O::narrow(SlotD::get(m)))? };
        m.ip = m.ip.offset(3);
        Ok(())
    }
}
