//! Calls that may leave the running instance: to the host, and to functions of other instances.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::{CALL_OUTSIDE, StaticCell, begin, blame_caller, return_to, switch_return_ip};
use crate::machine::place::Place;
use crate::machine::{Exit, Fp, Ip, Machine, Op};
#[cfg(feature = "async")]
use crate::runtime::context::Stops;
use crate::runtime::context::{Context, HostFailure, Switch};
use crate::runtime::entity::{FuncEntity, FuncKind};
use crate::runtime::hooks::{self, CallHook};
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
                    return_from_host(m, return_ip);
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

/// Continues behind a call of a host function, whose results are in its frame's slots.
///
/// # Safety
///
/// E3 holds, and as for [`return_to`].
#[inline(always)]
unsafe fn return_from_host(m: &mut Machine, return_ip: Ip) {
    // SAFETY: the caller's promise.
    unsafe {
        m.mem_ptr = (*m.cx).mem_ptr;
        m.acc = m.fp.get(0);
        m.acc64 = f64::from_bits(m.acc);
        m.acc32 = f32::from_bits(m.acc as u32);
        return_to(m, return_ip);
    }
}

/// The machine as it continues behind a call of a host function, whose results are in the slots
/// from `fp` on.
///
/// # Safety
///
/// E3 holds, and as for [`return_to`].
pub(crate) unsafe fn returned(cx: *mut Context, return_ip: Ip, fp: Fp) -> Machine {
    // SAFETY: the caller's promise.
    unsafe {
        let mut machine = Machine::at(cx, (*cx).mem_ptr, fp);
        return_from_host(&mut machine, return_ip);
        machine
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
        _ => {
            // SAFETY: the caller's promise.
            let called = unsafe {
                // Host code may ask who calls.
                (*cx).exit.ip = return_ip.offset(-1);
                (*cx).exit.fp = fp.of_caller(return_ip);
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
    let Some(store) = NonNull::new(store) else { return Ok(()) };
    let call = match &callee.kind {
        FuncKind::Host(call) => call,
        #[cfg(feature = "async")]
        // SAFETY: the caller's promise.
        FuncKind::Async(_) => return Err(unsafe { call_async(cx, func) }),
        FuncKind::Wasm { .. } => return Ok(()),
    };
    let end = fp.slot(host_slots(callee));
    // SAFETY: the caller's promise.
    unsafe {
        if !(*cx).watched {
            let outcome = run_host(cx, end, || call(store, instance, fp.as_ptr()));
            return outcome.inspect_err(|&exit| note_failure(cx, func, exit));
        }
        let watched = HostCall::begin(store, func, fp)
            .map_err(|failure| observe::leave_with(&mut *cx, failure))?;
        let mut returned = false;
        let outcome = run_host(cx, end, || {
            hooks::call_hook(store, CallHook::CallingHost)?;
            let outcome = call(store, instance, fp.as_ptr());
            hooks::call_hook(store, CallHook::ReturningFromHost)?;
            returned = true;
            outcome
        });
        let ended = watched.end(store, outcome.is_ok());
        if let Err(exit) = outcome {
            // A call can be resumed after the function's own error, but not after a hook's.
            if returned {
                note_failure(cx, func, exit);
            }
            return Err(exit);
        }
        ended.map_err(|failure| observe::leave_with(&mut *cx, failure))
    }
}

/// Notes which host function stops the guest.
///
/// # Safety
///
/// E3 holds.
#[cold]
unsafe fn note_failure(cx: *mut Context, func: NonNull<FuncEntity>, exit: Exit) {
    if exit == Exit::HOST_ERROR {
        // SAFETY: the caller's promise.
        unsafe { (*cx).host_func = Some(func) };
    }
}

/// How many slots a host function has for its parameters and results.
pub(crate) fn host_slots(func: &FuncEntity) -> usize {
    slot_count(func.ty.params()).max(slot_count(func.ty.results()))
}

/// Leaves the guest where it calls an asynchronous host function, if it may.
///
/// # Safety
///
/// E3 holds.
#[cfg(feature = "async")]
unsafe fn call_async(cx: *mut Context, func: NonNull<FuncEntity>) -> Exit {
    // SAFETY: the caller's promise.
    let cx = unsafe { &mut *cx };
    cx.host_func = Some(func);
    if cx.stops != Stops::Async {
        let error = anyhow::Error::msg(
            "an asynchronous host function was called, but the guest was not called by an \
             asynchronous function such as `call_async`",
        );
        return observe::leave_with(cx, HostFailure::Error(error));
    }
    Exit::HOST_CALL
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
    // SAFETY: the caller's promise; no reference into the context is kept across the call (R3).
    let code = unsafe { HostCode::begin(cx, end) };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    // SAFETY: the caller's promise.
    unsafe { code.end(cx, outcome) }
}

/// Code of the host's that runs while the guest waits.
pub(crate) struct HostCode {
    /// The first slot that an invocation could use before.
    free: *mut u64,
    /// The scope of the references that the code gets.
    scope: usize,
    /// The activation that the guest is in.
    running: u64,
}

impl HostCode {
    /// Makes everything ready for it.
    ///
    /// # Safety
    ///
    /// As for [`run_host`].
    pub(crate) unsafe fn begin(cx: *mut Context, end: *mut u64) -> HostCode {
        // SAFETY: E3; R3: the heap is borrowed for this statement only.
        unsafe {
            let free = (*cx).stack_free;
            (*cx).stack_free = end.wrapping_add(REENTRY_SLOTS);
            let scope = (*(*cx).store).heap.begin_scope();
            HostCode { free, scope, running: (*cx).running }
        }
    }

    /// Makes everything ready for the guest again. A failure is left in the context.
    ///
    /// # Safety
    ///
    /// As for [`run_host`].
    pub(crate) unsafe fn end(
        self,
        cx: *mut Context,
        outcome: std::thread::Result<anyhow::Result<()>>,
    ) -> Result<(), Exit> {
        // SAFETY: E3; R3: the heap is borrowed for this statement only.
        let cx = unsafe {
            (*(*cx).store).heap.end_scope(self.scope);
            if (*cx).running != self.running {
                // The code leaked a call that it had begun.
                (*(*cx).store).leave_until(self.running);
            }
            &mut *cx
        };
        cx.stack_free = self.free;
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
}
