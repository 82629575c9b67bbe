//! Calls that stop in the middle, and how they are continued; see
//! [`runtime::activation`](crate::runtime::activation).
//!
//! ```text
//! begin ──► enter ──► advance ──► Progress::Ended
//!             ▲          │
//!             └─ leave ◄─┴──────► stopped: at a host function, without fuel, to yield
//! ```

use std::ptr::NonNull;

use super::{Outcome, begin_watched, call, end_watched, fail, finish, run};
use crate::machine::Exit;
use crate::runtime::activation::{Next, Ticket};
use crate::runtime::context::{Context, HostFailure, Stops};
use crate::runtime::entity::FuncEntity;
use crate::runtime::frames::Walk;
use crate::runtime::hooks::{self, CallHook};
use crate::runtime::observe;
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;

/// How far an activation got.
pub(crate) enum Progress {
    /// To its end. It is forgotten.
    Ended(anyhow::Result<()>),
    /// To a host function that failed: it continues with the results that this should have had.
    HostError(NonNull<FuncEntity>, anyhow::Error),
    /// To where the store has too little fuel: so much is needed to continue.
    OutOfFuel(u64),
    /// To where others should have their turn.
    #[cfg(feature = "async")]
    Yielded,
    /// To where the store's limiter is to be asked something.
    #[cfg(feature = "async")]
    Asks,
    /// To an asynchronous host function, which is to be called.
    #[cfg(feature = "async")]
    HostCall(NonNull<FuncEntity>),
}

/// Tells the hook that an activation begins or is resumed, and [enters](enter) it.
///
/// # Errors
///
/// As for [`enter`], and the hook's.
///
/// # Safety
///
/// As for [`enter`].
pub(crate) unsafe fn begin_call(core: NonNull<StoreCore>, ticket: &Ticket) -> anyhow::Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let watched = (*core.as_ptr()).context.watched;
        if watched && let Err(error) = hooks::call_hook(core, CallHook::CallingWasm) {
            (*core.as_ptr()).end_activation(ticket);
            return Err(error);
        }
        enter(core, ticket).map_err(|error| fail(core, watched, error))
    }
}

/// Makes what an activation has the store's, so that it can [`advance`].
///
/// # Errors
///
/// If the thread's stack has no room for one more call. The activation is forgotten then.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the activation is not running.
unsafe fn enter(core: NonNull<StoreCore>, ticket: &Ticket) -> anyhow::Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let store = &mut *core.as_ptr();
        store.context.store = core.as_ptr();
        let Some(native_stack) = store.context.native_stack.descend() else {
            store.end_activation(ticket);
            return Err(Trap::StackOverflow.into());
        };
        store.exchange(ticket);
        store.context.native_stack = native_stack;
    }
    Ok(())
}

/// Makes what the store had before the activation's the store's again.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the activation is the one that runs.
pub(crate) unsafe fn leave(core: NonNull<StoreCore>, ticket: &Ticket) {
    // SAFETY: the caller's promise.
    unsafe { (*core.as_ptr()).exchange(ticket) };
}

/// Runs an activation until it ends or stops. Only if it ends, it is left as well.
///
/// # Panics
///
/// Goes on with the panic of a host function, after the end of the activation.
///
/// # Safety
///
/// The store is exclusively the caller's (R3); the activation was entered; `results` has as many
/// slots as the results of its function take.
pub(crate) unsafe fn advance(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    results: &mut [u64],
) -> Progress {
    // SAFETY: the caller's promise; E3 holds as long as this runs.
    unsafe {
        let cx: *mut Context = &raw mut (*core.as_ptr()).context;
        let Some(next) = (*core.as_ptr()).activations.next(ticket) else {
            return Progress::Ended(Err(anyhow::Error::msg("the call has ended")));
        };
        let base = (*cx).stack_start;
        let watched = (*cx).watched;
        let mut exit = if watched { begin_watched(core, cx) } else { Exit::DONE };
        #[cfg(feature = "async")]
        if (*cx).stops == Stops::Async {
            // It may have been on another stack before.
            match (*cx).native_stack.waiting().descend() {
                Some(native_stack) => (*cx).native_stack = native_stack,
                None if exit == Exit::DONE => exit = Trap::StackOverflow.into(),
                None => {}
            }
        }
        if exit == Exit::DONE {
            exit = run(core, cx, next);
        }
        if let Some((next, end, progress)) = stop(cx, exit) {
            (*cx).stack_free = end;
            (*core.as_ptr()).activations.set_next(ticket, next);
            match if watched { observe::flush(core) } else { Ok(()) } {
                Ok(()) => return progress,
                Err(failure) => exit = observe::leave_with(&mut *cx, failure),
            }
        }
        let mut hook_is_due = false;
        if watched {
            (exit, hook_is_due) = end_watched(core, cx, exit, base.add(results.len()));
        }
        let outcome = finish(core, cx, exit);
        if let Outcome::Returned = outcome {
            base.copy_to_nonoverlapping(results.as_mut_ptr(), results.len());
        }
        leave(core, ticket);
        (*core.as_ptr()).end_activation(ticket);
        Progress::Ended(match outcome {
            Outcome::Returned => Ok(()),
            Outcome::Failed(error) => Err(fail(core, hook_is_due, error)),
            Outcome::Panicked(payload) => std::panic::resume_unwind(payload),
        })
    }
}

/// If the guest can be continued after an exit: how, where what it has in use of its stack ends,
/// and why it stopped.
///
/// # Safety
///
/// E3 holds, and the guest has just stopped with the exit.
unsafe fn stop(cx: *mut Context, exit: Exit) -> Option<(Next, *mut u64, Progress)> {
    // SAFETY: the caller's promise.
    let cx = unsafe { &mut *cx };
    #[cfg(feature = "async")]
    if exit == Exit::HOST_CALL {
        let func = cx.host_func.take()?;
        let (next, end) = at_host(cx, func);
        return Some((next, end, Progress::HostCall(func)));
    }
    #[cfg(feature = "async")]
    if exit == Exit::ASK {
        return Some((Next::Continue(cx.stopped.take()?), end(cx), Progress::Asks));
    }
    #[cfg(feature = "async")]
    if exit == Exit::YIELD {
        return Some((Next::Continue(cx.stopped.take()?), end(cx), Progress::Yielded));
    }
    if exit == Trap::OutOfFuel.into() {
        let progress = match cx.stops {
            Stops::Never => return None,
            Stops::AtErrors => Progress::OutOfFuel(cx.needed_fuel),
            #[cfg(feature = "async")]
            Stops::Async => match cx.refuel() {
                true => Progress::Yielded,
                false => return None,
            },
        };
        let next = match cx.stopped.take() {
            Some(machine) => Next::Continue(machine),
            None => Next::Exit(Exit::EXCEPTION),
        };
        return Some((next, end(cx), progress));
    }
    if exit == Exit::HOST_ERROR && cx.stops == Stops::AtErrors {
        let func = cx.host_func.take()?;
        return match cx.host_error.take() {
            Some(HostFailure::Error(error)) => {
                let (next, end) = at_host(cx, func);
                Some((next, end, Progress::HostError(func, error)))
            }
            failure => {
                cx.host_error = failure;
                None
            }
        };
    }
    None
}

/// Where the frames of a guest end that stopped in a function's code.
fn end(cx: &Context) -> *mut u64 {
    Walk::new(cx).next().map_or(cx.stack_free, |frame| frame.end())
}

/// How a guest that stopped at a call of a host function continues when this has results, and
/// where the function's slots end.
fn at_host(cx: &Context, func: NonNull<FuncEntity>) -> (Next, *mut u64) {
    // Calls of the host leave at the granule before the return address, and in the caller's frame.
    let return_ip = cx.exit.ip.offset(1);
    // SAFETY: the call has not returned; R1: the function is one of the store.
    let (fp, slots) = unsafe { (cx.exit.fp.of_callee(return_ip), call::host_slots(func.as_ref())) };
    (Next::Return { return_ip, fp }, fp.slot(slots))
}

/// Runs an activation from where it is to where it ends or stops next, and leaves it there. It
/// continues with the results of the host function that it stopped at, if that is where it is.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the activation is not running; `inputs` and
/// `results` have as many slots as the results of the host function and of the activation's
/// function take, and references among `inputs` are the store's.
pub(crate) unsafe fn resume(
    core: NonNull<StoreCore>,
    ticket: &Ticket,
    inputs: &[u64],
    results: &mut [u64],
) -> Progress {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(Next::Return { fp, .. }) = (*core.as_ptr()).activations.next(ticket) {
            fp.as_ptr().copy_from_nonoverlapping(inputs.as_ptr(), inputs.len());
        }
        if let Err(error) = begin_call(core, ticket) {
            return Progress::Ended(Err(error));
        }
        let progress = advance(core, ticket, results);
        if let Progress::Ended(_) = progress {
            return progress;
        }
        leave(core, ticket);
        let watched = (*core.as_ptr()).context.watched;
        if watched && let Err(error) = hooks::call_hook(core, CallHook::ReturningFromWasm) {
            (*core.as_ptr()).end_activation(ticket);
            return Progress::Ended(Err(error));
        }
        progress
    }
}
