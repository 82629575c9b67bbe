//! Handlers of vector operations, loads and stores.
//!
//! Vectors come from slots and go to slots; scalars come from and go to where those of other
//! operations do. Whole loads and stores are [`LoadOp`](super::memory::LoadOp),
//! [`StoreOp`](super::memory::StoreOp) and their families for any memory.

use std::marker::PhantomData;

use super::abi::{Fp, Machine, Op};
use super::memory::{Addr, AnyMemory, check};
use super::operand::{Dst, SlotA, SlotB, SlotD, Src, ToSlot};
use crate::op::memory::Raw;
use crate::op::vector::{
    ExtractLane, I8x16Shuffle, MemoryLane, ReplaceLane, Splat, Vector, VectorBinary, VectorShift,
    VectorTernary, VectorTest, VectorUnary,
};
use crate::runtime::trap::Exit;

/// `d ← op a`
pub(crate) struct Unop<O>(PhantomData<O>);

impl<O: VectorUnary> Op for Unop<O> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m))) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ← a op b`
pub(crate) struct Binop<O>(PhantomData<O>);

impl<O: VectorBinary> Op for Binop<O> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m), SlotB::get(m))) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ← op(a, b, c)`: the halves of `b` name the slots of `b` and `c`.
pub(crate) struct Ternop<O>(PhantomData<O>);

impl<O: VectorTernary> Op for Ternop<O> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (b, c) = m.ip.b_halves();
            ToSlot::put(m, O::eval(SlotA::get(m), m.fp.vector(b), m.fp.vector(c)));
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// [`Ternop`], out of line: for operations that call something.
pub(crate) struct SlowTernop<O>(PhantomData<O>);

impl<O: VectorTernary> Op for SlowTernop<O> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let (b, c) = m.ip.b_halves();
            out_of_line::<O>(m.fp, m.ip.a(), b, c, m.ip.d() as usize);
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// # Safety
///
/// E2 holds, and the slots are vectors of the frame: three sources and the destination.
#[inline(never)]
unsafe fn out_of_line<O: VectorTernary>(fp: Fp, a: usize, b: usize, c: usize, d: usize) {
    // SAFETY: the caller's promise.
    unsafe { fp.set_vector(d, O::eval(fp.vector(a), fp.vector(b), fp.vector(c))) };
}

/// `d ←` the bytes of `a` and `b` that granules 2 and 3 name
pub(crate) struct Shuffle;

impl Op for Shuffle {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let indices: Vector = m.ip.as_ptr().add(2).cast::<Vector>().read();
            ToSlot::put(m, I8x16Shuffle::eval(SlotA::get(m), SlotB::get(m), indices));
        }
        m.ip = m.ip.offset(4);
        Ok(())
    }
}

/// `d ← a` shifted by the operand of class `C`
pub(crate) struct Shift<O, C>(PhantomData<(O, C)>);

impl<O: VectorShift, C: Src<u32>> Op for Shift<O, C> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(SlotA::get(m), C::get(m))) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ← op a`, a number
pub(crate) struct Test<O, D>(PhantomData<(O, D)>);

impl<O: VectorTest, D: Dst<u32>> Op for Test<O, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { D::put(m, O::eval(SlotA::get(m))) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ←` a vector of the number of class `S`
pub(crate) struct SplatOp<O, S>(PhantomData<(O, S)>);

impl<O: Splat, S: Src<O::In>> Op for SplatOp<O, S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { ToSlot::put(m, O::eval(S::get(m))) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ←` lane `b` of `a`, a number
pub(crate) struct Extract<O, D>(PhantomData<(O, D)>);

impl<O: ExtractLane, D: Dst<O::Out>> Op for Extract<O, D> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe { D::put(m, O::eval(SlotA::get(m), m.ip.b() as usize)) };
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// `d ← a` with the number of class `S` in the lane that the low half of `b` names
pub(crate) struct Replace<O, S>(PhantomData<(O, S)>);

impl<O: ReplaceLane, S: Src<O::In>> Op for Replace<O, S> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let lane = m.ip.b_halves().0;
            ToSlot::put(m, O::eval(SlotA::get(m), lane, S::get(m)));
        }
        m.ip = m.ip.offset(2);
        Ok(())
    }
}

/// Where the immediates of a lane's load or store are: the first granule that the address leaves
/// free has the lane's number in its upper half, and the slot of a load's vector in its lower.
#[inline(always)]
unsafe fn lane_operands(m: &Machine, granule: usize) -> (usize, usize) {
    // SAFETY: E1.
    let bits = unsafe { m.ip.granule(granule) };
    ((bits >> 32) as usize, bits as u32 as usize)
}

/// Packs what [`lane_operands`] takes apart.
pub(crate) fn lane_granule(lane: u8, slot: u16) -> u64 {
    u64::from(lane) << 32 | u64::from(slot)
}

/// `d ←` a vector with a lane from `memory[ea]`
pub(crate) struct LoadLane<O, A>(PhantomData<(O, A)>);

impl<O: MemoryLane, A: Addr> Op for LoadLane<O, A> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let raw = check::<O::Raw>(m, A::ea(m))?.read_unaligned().little_endian();
            let (lane, slot) = lane_operands(m, 2 + A::EXTRA);
            ToSlot::put(m, O::replace(m.fp.vector(slot), lane, raw));
        }
        m.ip = m.ip.offset(3 + A::EXTRA as isize);
        Ok(())
    }
}

/// `memory[ea] ←` a lane of `d`
pub(crate) struct StoreLane<O, A>(PhantomData<(O, A)>);

impl<O: MemoryLane, A: Addr> Op for StoreLane<O, A> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let target = check::<O::Raw>(m, A::ea(m))?;
            let (lane, _) = lane_operands(m, 2 + A::EXTRA);
            target.write_unaligned(O::extract(SlotD::get(m), lane).little_endian());
        }
        m.ip = m.ip.offset(3 + A::EXTRA as isize);
        Ok(())
    }
}

/// `d ←` a vector with a lane from `memory b [a + offset]`, for any memory
pub(crate) struct LoadLaneAny<O, M>(PhantomData<(O, M)>);

impl<O: MemoryLane, M: AnyMemory> Op for LoadLaneAny<O, M> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let raw = M::load::<O::Raw>(m)?;
            let (lane, slot) = lane_operands(m, 3);
            ToSlot::put(m, O::replace(m.fp.vector(slot), lane, raw));
        }
        m.ip = m.ip.offset(4);
        Ok(())
    }
}

/// `memory b [a + offset] ←` a lane of `d`, for any memory
pub(crate) struct StoreLaneAny<O, M>(PhantomData<(O, M)>);

impl<O: MemoryLane, M: AnyMemory> Op for StoreLaneAny<O, M> {
    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let (lane, _) = lane_operands(m, 3);
            M::store(m, O::extract(SlotD::get(m), lane))?;
        }
        m.ip = m.ip.offset(4);
        Ok(())
    }
}
