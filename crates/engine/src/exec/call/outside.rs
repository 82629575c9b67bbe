//! Calls that may leave the running instance: to the host, and to functions of other instances.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::{CALL_OUTSIDE, StaticCell, begin, blame_caller, return_to, switch_return_ip};
use crate::machine::place::Place;
use crate::machine::{Exit, Fp, Ip, Machine, Op};
use crate::runtime::context::{Context, HostFailure, Switch};
use crate::runtime::entity::{FuncEntity, FuncKind};
use crate::runtime::observe::{self, HostCall};
use crate::runtime::slots::slot_count;
use crate::runtime::trap::Trap;
use crate::runtime::unwind::ThrownException;

/// Calls any function, whose frame begins at `fp`. What is not a function of the running instance
/// is left to [`CallOutside`], so that this stays small.
///
/// # Safety
///
/// E2 and E3 hold, `func` is a function of the store, the arguments are at `fp`, and `return_ip`
/// comes after the call's metadata.
#[inline(always)]
pub(super) unsafe fn call_any(m: &mut Machine, func: NonNull<FuncEntity>, fp: Fp, return_ip: Ip) {
    // SAFETY: R1 and E3.
    unsafe {
        if let FuncKind::Wasm { entry, instance } = &(*func.as_ptr()).kind
            && instance.as_ptr().cast_const() == (*m.cx).instance
        {
            begin(m, entry.as_ptr(), fp, return_ip);
        } else {
            leave_to(m, &CALL_OUTSIDE, func, fp, return_ip);
        }
    }
}

/// Leaves a call to a cell outside the function, with what it needs in registers.
#[inline(always)]
pub(super) fn leave_to(
    m: &mut Machine,
    cell: &'static StaticCell,
    func: NonNull<FuncEntity>,
    fp: Fp,
    return_ip: Ip,
) {
    m.acc = return_ip.as_ptr().expose_provenance() as u64;
    m.pin = FuncEntity::to_ref(func);
    m.fp = fp;
    m.ip = cell.ip();
}

/// Calls the function whose reference is in `pin`, which is the host's or another instance's; the
/// return address is in `acc`.
pub(super) struct CallOutside;

impl Op for CallOutside {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        let Some(func) = FuncEntity::from_ref(m.pin) else { return Err(Exit::DONE) };
        // SAFETY: `call_any` left the call's function, frame and return address.
        unsafe {
            match call_outside(m.cx, func, m.fp, return_ip) {
                Outside::Failed => {
                    blame_caller(m, return_ip);
                    Err((*m.cx).exit.exit)
                }
                Outside::Returned => {
                    m.mem_ptr = (*m.cx).mem_ptr;
                    m.acc = m.fp.get(0);
                    m.acc64 = f64::from_bits(m.acc);
                    m.acc32 = f32::from_bits(m.acc as u32);
                    return_to(m, return_ip);
                    Err(Exit::BRANCH)
                }
                Outside::Entered => {
                    m.mem_ptr = (*m.cx).mem_ptr;
                    if let FuncKind::Wasm { entry, .. } = &(*func.as_ptr()).kind {
                        begin(m, entry.as_ptr(), m.fp, switch_return_ip());
                    }
                    Err(Exit::BRANCH)
                }
            }
        }
    }
}

/// How a call to something outside the running instance went.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Outside {
    /// A host function returned; its results are in place.
    Returned,
    /// Another instance is the running one now; the callee is to begin.
    Entered,
    /// A host function failed, or there is no room for the call; the context's exit says how.
    Failed,
}

/// Calls a host function, or makes the callee's instance the running one.
///
/// # Safety
///
/// As for [`call_any`].
#[inline(never)]
unsafe fn call_outside(
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
    return_ip: Ip,
) -> Outside {
    // SAFETY: the caller's promise; R1.
    match unsafe { &(*func.as_ptr()).kind } {
        FuncKind::Wasm { instance, .. } => {
            // SAFETY: E3.
            let cx = unsafe { &mut *cx };
            // A tail call out of a function that was itself called by way of a switch returns
            // to that switch: chains of tail calls take no room.
            if return_ip != switch_return_ip() {
                if cx.switches.try_reserve(1).is_err() {
                    cx.exit.exit = Trap::StackOverflow.into();
                    return Outside::Failed;
                }
                cx.switches.push(Switch { return_ip, instance: cx.instance });
            }
            cx.enter(instance.as_ptr());
            Outside::Entered
        }
        FuncKind::Host(_) => {
            // SAFETY: the caller's promise.
            let called = unsafe {
                if (*cx).observation.is_some() {
                    // Observers may ask who calls.
                    (*cx).exit.ip = return_ip.offset(-1);
                    (*cx).exit.fp = fp.of_caller(return_ip);
                }
                call_host(cx, func, fp)
            };
            match called {
                Ok(()) => Outside::Returned,
                Err(exit) => {
                    // SAFETY: E3.
                    unsafe { (*cx).exit.exit = exit };
                    Outside::Failed
                }
            }
        }
    }
}

/// Slots of the guest's stack that a call of the host claims: they stand for what the call takes
/// of the host's own stack, and so bound how deep guest and host can call each other.
const REENTRY_SLOTS: usize = 512;

/// Calls a host function; a failure is left in the context.
///
/// # Safety
///
/// E3 holds, `func` is a host function of the store, and its arguments are at `fp`, where the
/// stack has room for its results too.
pub(crate) unsafe fn call_host(
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
) -> Result<(), Exit> {
    // SAFETY: the caller's promise; R1: the function outlives the call.
    let (store, callee, instance) = unsafe { ((*cx).store, func.as_ref(), (*cx).instance) };
    let FuncKind::Host(call) = &callee.kind else { return Ok(()) };
    let Some(store) = NonNull::new(store) else { return Ok(()) };
    let slots = slot_count(callee.ty.params()).max(slot_count(callee.ty.results()));
    // SAFETY: the caller's promise.
    unsafe {
        let run = || run_host(cx, fp.slot(slots), || call(store, instance, fp.as_ptr()));
        if (*cx).observation.is_none() {
            return run();
        }
        let observed = HostCall::begin(store, func, fp)
            .map_err(|failure| observe::leave_with(&mut *cx, failure))?;
        let outcome = run();
        let ended = observed.end(store, outcome.is_ok());
        outcome?;
        ended.map_err(|failure| observe::leave_with(&mut *cx, failure))
    }
}

/// Runs code of the host's that may call the guest again; the guest's frames end at `end`. A
/// failure is left in the context.
///
/// # Safety
///
/// E3 holds, and `end` is in the store's stack or right after it.
pub(crate) unsafe fn run_host(
    cx: *mut Context,
    end: *mut u64,
    run: impl FnOnce() -> anyhow::Result<()>,
) -> Result<(), Exit> {
    // SAFETY: E3; no reference into the context is kept across the call (R3).
    let (free, scope) = unsafe {
        let free = (*cx).stack_free;
        (*cx).stack_free = end.wrapping_add(REENTRY_SLOTS);
        (free, (*(*cx).store).heap.begin_scope())
    };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    // SAFETY: E3; R3: the heap is borrowed for this statement only.
    let cx = unsafe {
        (*(*cx).store).heap.end_scope(scope);
        &mut *cx
    };
    cx.stack_free = free;
    cx.refresh_memory();
    let failure = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => {
            // SAFETY: as above.
            let pending = unsafe { &mut (*cx.store).heap.pending_exception };
            if *pending != 0 && error.is::<ThrownException>() {
                cx.exception = std::mem::take(pending);
                return Err(Exit::EXCEPTION);
            }
            HostFailure::Error(error)
        }
        Err(payload) => HostFailure::Panic(payload),
    };
    cx.host_error = Some(failure);
    Err(Exit::HOST_ERROR)
}
