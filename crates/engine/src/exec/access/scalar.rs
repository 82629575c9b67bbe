//! Handlers of loads and stores of numbers, and of whole vectors.

use std::marker::PhantomData;

use super::kind::AnyMemory;
use super::{Addr, check};
use crate::machine::operand::{Dst, Src};
use crate::machine::place::Place;
use crate::machine::{Exit, Machine, Op};
use crate::op::access::scalar::{MemoryLoad, MemoryStore, Raw};
use crate::op::scalar::Binary;

/// `d ← memory[ea]`
pub(crate) struct LoadOp<O, A, D>(PhantomData<(O, A, D)>);

impl<O: MemoryLoad, A: Addr, D: Dst<O::Out>> Op for LoadOp<O, A, D> {
    const GRANULES: usize = 2 + A::EXTRA;
    const PLACES: &'static [Place] = &[A::PLACES[0], A::PLACES[1], D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let raw = check::<O::Raw>(m, A::ea(m))?.read_unaligned();
            D::put(m, O::extend(raw.little_endian()));
        }
        Ok(())
    }
}

/// `d ← a op memory[ea]`: the load is `M`; the address is of class `A`, and the offset is the high
/// half of `b`.
pub(crate) struct BinLoad<O, M, L, A, D>(PhantomData<(O, M, L, A, D)>);

impl<O, M, L, A, D> Op for BinLoad<O, M, L, A, D>
where
    O: Binary,
    M: MemoryLoad<Out = O::Ty>,
    L: Src<O::Ty>,
    A: Src<u32>,
    D: Dst<O::Ty>,
{
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[L::PLACE, A::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let ea = u64::from(A::get(m)) + m.ip.b_halves().1 as u64;
            let raw = check::<M::Raw>(m, ea)?.read_unaligned();
            let result = O::eval(L::get(m), M::extend(raw.little_endian()))?;
            D::put(m, result);
        }
        Ok(())
    }
}

/// `memory[ea] ← d`, or the value of class `V`; a wide value comes after a wide address
pub(crate) struct StoreOp<O, A, V>(PhantomData<(O, A, V)>);

impl<O: MemoryStore, A: Addr, V: Src<O::In>> Op for StoreOp<O, A, V> {
    const GRANULES: usize = 2 + A::EXTRA + V::EXTRA;
    const PLACES: &'static [Place] = &[A::PLACES[0], A::PLACES[1], V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let target = check::<O::Raw>(m, A::ea(m))?;
            target.write_unaligned(O::narrow(V::get(m)).little_endian());
        }
        Ok(())
    }
}

/// `d ← memory b [a + offset]`, for a kind of memory
pub(crate) struct LoadAny<O, M, D>(PhantomData<(O, M, D)>);

impl<O: MemoryLoad, M: AnyMemory, D: Dst<O::Out>> Op for LoadAny<O, M, D> {
    const GRANULES: usize = 2 + M::EXTRA;
    const PLACES: &'static [Place] = &[M::PLACES[0], M::PLACES[1], D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let raw = M::load::<O::Raw>(m)?;
            D::put(m, O::extend(raw));
        }
        Ok(())
    }
}

/// `memory b [a + offset] ← d`, or the value of class `V`, for a kind of memory
pub(crate) struct StoreAny<O, M, V>(PhantomData<(O, M, V)>);

impl<O: MemoryStore, M: AnyMemory, V: Src<O::In>> Op for StoreAny<O, M, V> {
    const GRANULES: usize = 2 + M::EXTRA + V::EXTRA;
    const PLACES: &'static [Place] = &[M::PLACES[0], M::PLACES[1], V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe { M::store(m, O::narrow(V::get(m)))? };
        Ok(())
    }
}
