//! Handlers of loads and stores of single lanes.

use std::marker::PhantomData;

use super::kind::AnyMemory;
use super::{Addr, check};
use crate::machine::operand::{Dst, SlotD, Src, ToSlot};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::op::access::lane::MemoryLane;
use crate::op::access::scalar::Raw;

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
    const GRANULES: usize = 3 + A::EXTRA;
    const PLACES: &'static [Place] =
        &[A::PLACES[0], A::PLACES[1], Place::Pair(Field::low(2 + A::EXTRA)), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let raw = check::<O::Raw>(m, A::ea(m))?.read_unaligned().little_endian();
            let (lane, slot) = lane_operands(m, 2 + A::EXTRA);
            ToSlot::put(m, O::replace(m.fp.vector(slot), lane, raw));
        }
        Ok(())
    }
}

/// `memory[ea] ←` a lane of `d`
pub(crate) struct StoreLane<O, A>(PhantomData<(O, A)>);

impl<O: MemoryLane, A: Addr> Op for StoreLane<O, A> {
    const GRANULES: usize = 3 + A::EXTRA;
    const PLACES: &'static [Place] = &[
        A::PLACES[0],
        A::PLACES[1],
        Place::Number(Field::all(2 + A::EXTRA)),
        Place::Pair(Field::D),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check` vouches for the address.
        unsafe {
            let target = check::<O::Raw>(m, A::ea(m))?;
            let (lane, _) = lane_operands(m, 2 + A::EXTRA);
            target.write_unaligned(O::extract(SlotD::get(m), lane).little_endian());
        }
        Ok(())
    }
}

/// `d ←` a vector with a lane from `memory b [a + offset]`, for any memory
pub(crate) struct LoadLaneAny<O, M>(PhantomData<(O, M)>);

impl<O: MemoryLane, M: AnyMemory> Op for LoadLaneAny<O, M> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] =
        &[M::PLACES[0], M::PLACES[1], Place::Pair(Field::low(3)), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let raw = M::load::<O::Raw>(m)?;
            let (lane, slot) = lane_operands(m, 3);
            ToSlot::put(m, O::replace(m.fp.vector(slot), lane, raw));
        }
        Ok(())
    }
}

/// `memory b [a + offset] ←` a lane of `d`, for any memory
pub(crate) struct StoreLaneAny<O, M>(PhantomData<(O, M)>);

impl<O: MemoryLane, M: AnyMemory> Op for StoreLaneAny<O, M> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] =
        &[M::PLACES[0], M::PLACES[1], Place::Number(Field::all(3)), Place::Pair(Field::D)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let (lane, _) = lane_operands(m, 3);
            M::store(m, O::extract(SlotD::get(m), lane))?;
        }
        Ok(())
    }
}
