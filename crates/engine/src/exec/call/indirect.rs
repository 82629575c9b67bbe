//! Calls of functions by a table's element or a reference.

use std::marker::PhantomData;
use std::ptr::NonNull;

use lineal_decoder::TypeIndex;

use super::outside::{call_any, leave_to};
use super::{CALL_SUBTYPE, blame_caller, callee_frame};
use crate::exec::table::element;
use crate::machine::operand::{AddrType, SlotA, Src};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Ip, Machine, Op};
use crate::runtime::context::Context;
use crate::runtime::entity::FuncEntity;
use crate::runtime::trap::Trap;

/// Calls through table `b`, at the index of class `S`; granule 2 is the expected type, granule 3
/// the metadata.
pub(crate) struct CallIndirect<S, I>(PhantomData<(S, I)>);

impl<S: Src<I>, I: AddrType> Op for CallIndirect<S, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2)), Place::Call(3)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = lookup::<S, I>(m)?;
            let fp = callee_frame(m, 3);
            let return_ip = m.ip.offset(Self::GRANULES as isize);
            if (*func.as_ptr()).type_index == expected_type(m.ip) {
                call_any(m, func, fp, return_ip);
            } else {
                leave_to(m, &CALL_SUBTYPE, func, fp, return_ip);
            }
        }
        Err(Exit::BRANCH)
    }
}

/// The type that the indirect call at `ip` expects: granule 2.
#[inline(always)]
pub(super) unsafe fn expected_type(ip: Ip) -> TypeIndex {
    // SAFETY: E1.
    TypeIndex(unsafe { ip.granule(2) } as u32)
}

/// Goes on with an indirect call to a function that has not exactly the type that the call
/// expects, but perhaps a subtype; registers are as for [`CallOutside`].
pub(super) struct CallSubtype;

impl Op for CallSubtype {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        let Some(func) = FuncEntity::from_ref(m.pin) else { return Err(Exit::DONE) };
        // SAFETY: `CallIndirect` left the call's function, frame and return address.
        unsafe {
            if !is_subtype(
                m.cx,
                func,
                expected_type(return_ip.offset(-(CallIndirect::<SlotA, u32>::GRANULES as isize))),
            ) {
                blame_caller(m, return_ip);
                return Err(Trap::BadSignature.into());
            }
            call_any(m, func, m.fp, return_ip);
        }
        Err(Exit::BRANCH)
    }
}

/// The function that an indirect call calls, whatever its type.
#[inline(always)]
pub(super) unsafe fn lookup<S: Src<I>, I: AddrType>(
    m: &Machine,
) -> Result<NonNull<FuncEntity>, Exit> {
    // SAFETY: E1 to E3; no reference into the table stays (R3).
    unsafe {
        let index = S::get(m);
        let element = *element(m, index)?;
        let Some(func) = FuncEntity::from_ref(element) else {
            (*m.cx).fault.start = index.into();
            return Err(Trap::IndirectCallToNull.into());
        };
        // R4: a non-null reference is a function of the store.
        Ok(func)
    }
}

/// Whether a function has a type that is not exactly its own.
///
/// # Safety
///
/// E3 holds, and `func` is a function of the store.
#[cold]
#[inline(never)]
pub(super) unsafe fn is_subtype(
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    expected: TypeIndex,
) -> bool {
    // SAFETY: the caller's promise; R1.
    unsafe { (*(*cx).store).engine.types().is_sub_index(func.as_ref().type_index, expected) }
}

/// Calls the function that the reference of class `S` stands for; granule 2 is the metadata.
pub(crate) struct CallRef<S>(PhantomData<S>);

impl<S: Src<u64>> Op for CallRef<S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; R4: a non-null reference is a function of the store.
        unsafe {
            let Some(func) = FuncEntity::from_ref(S::get(m)) else {
                return Err(Trap::NullReference.into());
            };
            let fp = callee_frame(m, 2);
            call_any(m, func, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}
