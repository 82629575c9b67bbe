//! Asynchronous host functions: the guest waits until their futures are ready.
//!
//! From [`begin`] to [`end`] the store is the future's: it was made of the store's pointer, and nothing
//! else uses that, so that what the future borrows of the store is its own (R7). The activation stays
//! entered meanwhile, and the context is as it is while any host function runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::activation::leave;
use super::call::{HostCode, host_slots, run_host};
use crate::machine::{Exit, Fp};
use crate::runtime::activation::{Next, Ticket};
use crate::runtime::answers::Question;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::entity::{FuncEntity, FuncKind, HostFuture};
use crate::runtime::hooks::{self, CallHook};
use crate::runtime::observe::{self, HostCall};
use crate::runtime::store::StoreCore;

/// A call of an asynchronous host function that has not ended.
pub(crate) struct Waiting {
    code: HostCode,
    /// What an observer, or a hook, is to be told.
    watched: Option<HostCall>,
}

/// Calls the asynchronous host function at which an activation stopped; `None` if that failed, and
/// the activation continues with the failure.
///
/// # Safety
///
/// The store is exclusively the caller's (R3); the activation was entered, and has just stopped at a
/// call of the function. From here on the store is the future's, until that is dropped.
pub(crate) unsafe fn begin(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    func: NonNull<FuncEntity>,
) -> Option<(Waiting, HostFuture)> {
    // SAFETY: the caller's promise; E3 holds until the future is made. R1: the function is alive.
    unsafe {
        let Some(Next::Return { fp, .. }) = (*core.as_ptr()).activations.next(ticket) else {
            return None;
        };
        let FuncKind::Async(call) = &func.as_ref().kind else { return None };
        let cx: *mut Context = &raw mut (*core.as_ptr()).context;
        let end = fp.slot(host_slots(func.as_ref()));
        let watched = match watch(core, cx, func, fp, end) {
            Ok(watched) => watched,
            Err(exit) => {
                (*core.as_ptr()).activations.set_next(ticket, Next::Exit(exit));
                return None;
            }
        };
        (*cx).native_stack = (*cx).native_stack.waiting();
        let instance = (*cx).instance;
        let waiting = Waiting { code: HostCode::begin(cx, end), watched };
        match catch_unwind(AssertUnwindSafe(|| call(core, instance, fp.as_ptr()))) {
            Ok(future) => Some((waiting, future)),
            Err(payload) => {
                self::end(core, ticket, waiting, Err(payload));
                None
            }
        }
    }
}

/// Tells an observer and the hook that a host function is called.
///
/// # Safety
///
/// As for [`begin`]; the guest's frames and the function's slots end at `end`.
unsafe fn watch(
    core: NonNull<StoreCore>,
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
    end: *mut u64,
) -> Result<Option<HostCall>, Exit> {
    // SAFETY: the caller's promise.
    unsafe {
        if !(*cx).watched {
            return Ok(None);
        }
        let call = HostCall::begin(core, func, fp)
            .map_err(|failure| observe::leave_with(&mut *cx, failure))?;
        match run_host(cx, end, || hooks::call_hook(core, CallHook::CallingHost)) {
            Ok(()) => Ok(Some(call)),
            Err(exit) => {
                // The hook's error comes first.
                drop(call.end(core, false));
                Err(exit)
            }
        }
    }
}

/// Ends the call of an asynchronous host function: the activation can [advance](super::activation::advance).
///
/// # Safety
///
/// The future that came with `waiting` was ready with the outcome, or panicked, and was dropped.
pub(crate) unsafe fn end(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    waiting: Waiting,
    outcome: std::thread::Result<anyhow::Result<()>>,
) {
    // SAFETY: the caller's promise: the store is the activation's again, and E3 holds.
    unsafe {
        let cx: *mut Context = &raw mut (*core.as_ptr()).context;
        let Waiting { code, watched } = waiting;
        let outcome = match outcome {
            // As for any other host function, also if it failed, but not if it panicked.
            Ok(returned) if watched.is_some() => {
                let hook = || hooks::call_hook(core, CallHook::ReturningFromHost);
                catch_unwind(AssertUnwindSafe(hook)).map(|hooked| hooked.and(returned))
            }
            outcome => outcome,
        };
        let mut outcome = code.end(cx, outcome);
        if let Some(call) = watched {
            let ended = call.end(core, outcome.is_ok());
            if outcome.is_ok() {
                outcome = ended.map_err(|failure| observe::leave_with(&mut *cx, failure));
            }
        }
        if let Err(exit) = outcome {
            (*core.as_ptr()).activations.set_next(ticket, Next::Exit(exit));
        }
    }
}

/// Continues an activation that stopped to ask the store's limiter something.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), the activation was entered, and whatever asked the
/// limiter is gone.
pub(crate) unsafe fn answered(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    question: Question,
    outcome: std::thread::Result<anyhow::Result<bool>>,
) {
    // SAFETY: the caller's promise.
    let store = unsafe { &mut *core.as_ptr() };
    let failure = match outcome {
        Ok(Ok(answer)) => {
            store.answers.clear();
            return store.answers.give(question, answer);
        }
        Ok(Err(error)) => HostFailure::Error(error),
        Err(payload) => HostFailure::Panic(payload),
    };
    let exit = observe::leave_with(&mut store.context, failure);
    store.activations.set_next(ticket, Next::Exit(exit));
}

/// Continues an activation that waited for the host, with a deadline of so many ticks after the epoch
/// now.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the activation was entered.
pub(crate) unsafe fn paused(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    ticks: u64,
    outcome: std::thread::Result<()>,
) {
    // SAFETY: the caller's promise.
    let store = unsafe { &mut *core.as_ptr() };
    match outcome {
        Ok(()) => store.context.set_epoch_deadline(ticks),
        Err(payload) => {
            let exit = observe::leave_with(&mut store.context, HostFailure::Panic(payload));
            store.activations.set_next(ticket, Next::Exit(exit));
        }
    }
}

/// Gives up an activation that was entered, and has stopped. Its frames are gone.
///
/// # Safety
///
/// The store is exclusively the caller's (R3). If the activation waits for a host function, its
/// future was dropped.
pub(crate) unsafe fn cancel(core: NonNull<StoreCore>, ticket: &Ticket, waiting: Option<Waiting>) {
    // SAFETY: the caller's promise; E3 holds until the activation is left.
    unsafe {
        let cx: *mut Context = &raw mut (*core.as_ptr()).context;
        if let Some(waiting) = waiting {
            // As if it had returned: nobody looks at the results.
            let _ = waiting.code.end(cx, Ok(Ok(())));
            if let Some(call) = waiting.watched {
                // There is nobody left whom an observer could stop.
                drop(call.end(core, false));
            }
        }
        if (*cx).watched {
            drop(observe::ended(core, Exit::HOST_ERROR));
        }
        leave(core, ticket);
        (*core.as_ptr()).end_activation(ticket);
    }
}
