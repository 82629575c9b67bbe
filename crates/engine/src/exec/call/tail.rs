//! Tail calls: the callee's frame takes the place of the running function's.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::begin;
use super::direct::imported;
use super::indirect::{expected_type, is_subtype, lookup};
use super::outside::call_any;
use crate::machine::operand::{AddrType, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Ip, Machine, Op};
use crate::runtime::entity::FuncEntity;
use crate::runtime::trap::Trap;

/// Where a tail call's arguments are and where the frame's link is: packed in one granule.
#[derive(Clone, Copy)]
pub(crate) struct TailMeta {
    /// The first argument's slot.
    pub(crate) first: u32,
    /// How many slots the arguments take.
    pub(crate) count: u16,
    /// The slot of the return address.
    pub(crate) link: u16,
}

impl TailMeta {
    pub(crate) fn to_granule(self) -> u64 {
        u64::from(self.first) | u64::from(self.count) << 32 | u64::from(self.link) << 48
    }

    fn from_granule(bits: u64) -> TailMeta {
        TailMeta { first: bits as u32, count: (bits >> 32) as u16, link: (bits >> 48) as u16 }
    }

    /// Moves the arguments to the frame's start; the return address, for the callee.
    ///
    /// # Safety
    ///
    /// E2 holds, and the metadata is the running function's.
    #[inline(always)]
    unsafe fn replace_frame(self, m: &Machine) -> Ip {
        // SAFETY: the caller's promise.
        unsafe {
            let link = m.fp.get(self.link as usize);
            std::ptr::copy(m.fp.slot(self.first as usize), m.fp.slot(0), self.count as usize);
            Ip::new(std::ptr::with_exposed_provenance(link as usize))
        }
    }
}

/// Replaces the running function's frame with that of any other function.
///
/// # Safety
///
/// As for [`call_any`], and the metadata is the running function's.
#[inline(always)]
unsafe fn tail_call_any(m: &mut Machine, func: NonNull<FuncEntity>, tail: TailMeta) {
    // SAFETY: the caller's promise.
    unsafe {
        let return_ip = tail.replace_frame(m);
        call_any(m, func, m.fp, return_ip);
    }
}

/// Tail-calls a function of the same instance: granule 1 is its entry, granule 2 a [`TailMeta`].
pub(crate) struct ReturnCall;

impl Op for ReturnCall {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let entry = std::ptr::with_exposed_provenance(m.ip.granule(1) as usize);
            let return_ip = TailMeta::from_granule(m.ip.granule(2)).replace_frame(m);
            begin(m, entry, m.fp, return_ip);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls an imported function: `b` is its index, granule 2 a [`TailMeta`].
pub(crate) struct ReturnCallImport;

impl Op for ReturnCallImport {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = imported(m);
            let tail = TailMeta::from_granule(m.ip.granule(2));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls through table `b`: operands as [`CallIndirect`], granule 3 a [`TailMeta`].
pub(crate) struct ReturnCallIndirect<S, I>(PhantomData<(S, I)>);

impl<S: Src<I>, I: AddrType> Op for ReturnCallIndirect<S, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2)), Place::TailCall(3)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = lookup::<S, I>(m)?;
            let expected = expected_type(m.ip);
            if (*func.as_ptr()).type_index != expected && !is_subtype(m.cx, func, expected) {
                return Err(Trap::BadSignature.into());
            }
            let tail = TailMeta::from_granule(m.ip.granule(3));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls the function that the reference of class `S` stands for; granule 2 is a
/// [`TailMeta`].
pub(crate) struct ReturnCallRef<S>(PhantomData<S>);

impl<S: Src<u64>> Op for ReturnCallRef<S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; R4: a non-null reference is a function of the store.
        unsafe {
            let Some(func) = FuncEntity::from_ref(S::get(m)) else {
                return Err(Trap::NullReference.into());
            };
            let tail = TailMeta::from_granule(m.ip.granule(2));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}
