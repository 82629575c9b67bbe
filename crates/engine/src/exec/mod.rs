//! The executor: handlers for every operation, and how the host gets in and out.
//!
//! [`machine`] defines registers and cells, and the invariants E1 to E4. Operations are defined in
//! [`crate::op`]; the modules here wrap them in handlers, and carry the names of their
//! counterparts in [`crate::translate`].

pub(crate) mod access;
pub(crate) mod activation;
#[cfg(feature = "async")]
pub(crate) mod asynchronous;
pub(crate) mod call;
pub(crate) mod control;
mod fault;
pub(crate) mod gc;
pub(crate) mod meter;
pub(crate) mod reference;
pub(crate) mod scalar;
pub(crate) mod sequences;
#[cfg(all(test, lineal_tail_calls, target_arch = "x86_64"))]
mod shape;
pub(crate) mod slow;
pub(crate) mod table;
pub(crate) mod variable;
#[cfg(feature = "simd")]
pub(crate) mod vector;
#[cfg(not(feature = "simd"))]
#[path = "vector/disabled.rs"]
pub(crate) mod vector;
pub(crate) mod wide;

use std::ptr::NonNull;

pub(crate) use call::{host_return_ip, switch_return_ip, translate_stub};

use crate::machine::{self, Exit, ExitState, Fp, Machine};
use crate::runtime::activation::Next;
use crate::runtime::backtrace;
use crate::runtime::context::{Context, HostFailure, Stops};
use crate::runtime::entity::{FuncEntity, FuncKind};
use crate::runtime::hooks::{self, CallHook};
use crate::runtime::native_stack::NativeStack;
use crate::runtime::observe;
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;
use crate::runtime::unwind::{self, Unwound};

/// Calls a function of the guest or the host, from the host.
///
/// Arguments and results are as slots hold them, two slots for a vector. Results are written only on success.
///
/// # Errors
///
/// The trap that stopped the guest with its backtrace, the error of a host function, or that there
/// is no room for a stack.
///
/// # Panics
///
/// Goes on with the panic of a host function, after leaving the guest's frames.
///
/// # Safety
///
/// The store is exclusively the caller's (R3); `func` is one of its functions, whose parameters
/// and results take as many slots as `args` and `results` have, and references among `args` are the store's.
pub(crate) unsafe fn invoke(
    core: NonNull<StoreCore>,
    func: NonNull<FuncEntity>,
    args: &[u64],
    results: &mut [u64],
) -> anyhow::Result<()> {
    // SAFETY: the caller's promise; raw from here on, because what runs may reach the store too.
    // The pointer stays the caller's, which is good for more than the `StoreCore`.
    let cx: *mut Context = unsafe {
        (*core.as_ptr()).context.store = core.as_ptr();
        &raw mut (*core.as_ptr()).context
    };
    // SAFETY: `cx` is the store's context. E3 holds from where there is room on.
    unsafe {
        let watched = (*cx).watched;
        if watched {
            hooks::call_hook(core, CallHook::CallingWasm)?;
        }
        let (base, native_stack) = match make_room(core, args.len().max(results.len())) {
            Ok(room) => room,
            Err(error) => return Err(fail(core, watched, error)),
        };
        base.copy_from_nonoverlapping(args.as_ptr(), args.len());
        let outer = Outer::save(cx);
        (*cx).native_stack = native_stack;
        (*cx).stops = Stops::Never;
        let mut exit = if watched { begin_watched(core, cx) } else { Exit::DONE };
        let mut hook_is_due = watched;
        if exit == Exit::DONE {
            exit = start(core, cx, func, Fp::new(base));
            if watched {
                (exit, hook_is_due) = end_watched(core, cx, exit, base.add(results.len()));
            }
        }
        let outcome = finish(core, cx, exit);
        outer.restore(cx);
        match outcome {
            Outcome::Returned => {
                base.copy_to_nonoverlapping(results.as_mut_ptr(), results.len());
                Ok(())
            }
            Outcome::Failed(error) => Err(fail(core, hook_is_due, error)),
            Outcome::Panicked(payload) => std::panic::resume_unwind(payload),
        }
    }
}

/// Makes sure that an invocation has room for so many slots, and for itself on the thread's stack;
/// where the slots are, and what is left of the thread's stack.
///
/// # Errors
///
/// That there is no room.
///
/// # Safety
///
/// The store is exclusively the caller's (R3).
#[inline(always)]
unsafe fn make_room(
    core: NonNull<StoreCore>,
    slots: usize,
) -> anyhow::Result<(*mut u64, NativeStack)> {
    // SAFETY: the caller's promise; the borrow ends with the function.
    let core = unsafe { &mut *core.as_ptr() };
    // Not before the hook ran: a call made there that stopped may have taken the stack with it.
    core.prepare_stack()?;
    let context = &core.context;
    // After many re-entries this is past the end: that is too deep whatever is needed.
    let base = context.stack_free;
    if base as usize + slots * size_of::<u64>() > context.stack_end as usize {
        return Err(Trap::StackOverflow.into());
    }
    let native_stack = context.native_stack.descend().ok_or(Trap::StackOverflow)?;
    Ok((base, native_stack))
}

/// Calls a function whose arguments are at `fp`; how that ended.
///
/// # Safety
///
/// E3 holds; the function is the store's, and there is room for its arguments and results.
unsafe fn start(
    core: NonNull<StoreCore>,
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
) -> Exit {
    // SAFETY: the caller's promise; R1.
    unsafe {
        match &(*func.as_ptr()).kind {
            FuncKind::Wasm { entry, instance } => {
                (*cx).enter(instance.as_ptr());
                let machine = Machine {
                    ip: entry.as_ref().ip(),
                    acc: host_return_ip().as_ptr().expose_provenance() as u64,
                    pin: entry.as_ptr().expose_provenance() as u64,
                    ..Machine::at(cx, (*cx).mem_ptr, fp)
                };
                run(core, cx, Next::Continue(machine))
            }
            _ => {
                // No guest is calling.
                (*cx).enter(std::ptr::null());
                (*cx).exit.ip = host_return_ip().offset(-1);
                (*cx).exit.fp = fp;
                let exit = call::call_host(cx, func, fp).err().unwrap_or(Exit::DONE);
                if exit == Exit::HOST_ERROR {
                    // There is no guest that could be resumed.
                    (*cx).host_func = None;
                }
                exit
            }
        }
    }
}

/// Runs a guest until it ends, or stops where this can not handle.
///
/// # Safety
///
/// E3 holds, and `next` is how the guest continues.
#[inline]
unsafe fn run(core: NonNull<StoreCore>, cx: *mut Context, mut next: Next) -> Exit {
    // SAFETY: the caller's promise.
    unsafe {
        loop {
            let exit = match next {
                Next::Continue(machine) => {
                    // The host may have moved memory 0 since the machine stopped.
                    machine::run(Machine { cx, mem_ptr: (*cx).mem_ptr, ..machine });
                    (*cx).exit.exit
                }
                Next::Return { return_ip, fp } => {
                    machine::run(call::returned(cx, return_ip, fp));
                    (*cx).exit.exit
                }
                Next::Call(func) => return start(core, cx, func, Fp::new((*cx).stack_start)),
                Next::Exit(exit) => exit,
            };
            if exit == Exit::DONE {
                return exit;
            }
            match after(core, cx, exit) {
                Ok(machine) => next = Next::Continue(machine),
                Err(exit) => return exit,
            }
        }
    }
}

/// The machine as it continues after an exit, or the exit with which the guest really stopped.
///
/// # Safety
///
/// E3 holds, and the guest has just stopped with the exit.
#[inline(never)]
unsafe fn after(
    core: NonNull<StoreCore>,
    cx: *mut Context,
    mut exit: Exit,
) -> Result<Machine, Exit> {
    // SAFETY: the caller's promise.
    unsafe {
        loop {
            if exit == Exit::EXCEPTION {
                let machine = catch(core, cx)?;
                if (*cx).observation.is_some() {
                    observe::unwound(core, machine.ip, machine.fp)
                        .map_err(|failure| observe::leave_with(&mut *cx, failure))?;
                }
                return Ok(machine);
            }
            let refuels = exit == Trap::OutOfFuel.into() && (*cx).stops.refuels_at_once();
            if !refuels || !(*cx).refuel() {
                return Err(exit);
            }
            match (*cx).stopped {
                Some(machine) => return Ok(machine),
                None => exit = Exit::EXCEPTION,
            }
        }
    }
}

/// What comes before a guest that is watched runs; [`Exit::DONE`] if it may.
///
/// # Safety
///
/// E3 holds.
unsafe fn begin_watched(core: NonNull<StoreCore>, cx: *mut Context) -> Exit {
    // SAFETY: the caller's promise.
    match unsafe { observe::begin(core) } {
        Ok(()) => Exit::DONE,
        // SAFETY: the caller's promise.
        Err(failure) => unsafe { observe::leave_with(&mut *cx, failure) },
    }
}

/// Reports the end of an invocation whose results end at `end`; how it ends, which may be by the
/// observer or the hook, and whether the hook is still to be called.
///
/// # Safety
///
/// E3 holds for the store's context, and the invocation has just stopped.
unsafe fn end_watched(
    core: NonNull<StoreCore>,
    cx: *mut Context,
    exit: Exit,
    end: *mut u64,
) -> (Exit, bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let exit = match observe::ended(core, exit) {
            // What the guest ended by comes first.
            Err(HostFailure::Error(_)) if exit != Exit::DONE => exit,
            Err(failure) => observe::leave_with(&mut *cx, failure),
            Ok(()) => exit,
        };
        if exit != Exit::DONE {
            // It is called when the error is made: see `fail`.
            return (exit, true);
        }
        let hook = || hooks::call_hook(core, CallHook::ReturningFromWasm);
        (call::run_host(cx, end, hook).err().unwrap_or(Exit::DONE), false)
    }
}

/// The error of an invocation that failed; the hook may have another.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the invocation has ended.
unsafe fn fail(core: NonNull<StoreCore>, hook_is_due: bool, error: anyhow::Error) -> anyhow::Error {
    if !hook_is_due {
        return error;
    }
    // SAFETY: the caller's promise.
    match unsafe { hooks::call_hook(core, CallHook::ReturningFromWasm) } {
        Ok(()) => error,
        Err(error) => error,
    }
}

/// The machine as it goes on where the context's exception is caught. If it is not, or the
/// guest is stopped meanwhile, the exit.
///
/// # Safety
///
/// As for [`unwind::catch`]; E3 holds.
unsafe fn catch(core: NonNull<StoreCore>, cx: *mut Context) -> Result<Machine, Exit> {
    let mut checked = 0;
    loop {
        // SAFETY: the caller's promise.
        let exit = match unsafe { unwind::catch(core, checked) } {
            Unwound::Caught(machine) => return Ok(machine),
            Unwound::Uncaught => return Err(Exit::EXCEPTION),
            Unwound::OutOfFuel { needed } => {
                // The exception stays: with more fuel, it is looked for again.
                // SAFETY: E3.
                unsafe {
                    (*cx).needed_fuel = needed;
                    (*cx).stopped = None;
                }
                return Err(Trap::OutOfFuel.into());
            }
            Unwound::EpochReached { end, frames } => {
                checked = frames;
                // SAFETY: the caller's promise; the guest's frames end at `end`.
                unsafe { meter::epoch_reached_between(cx, end) }
            }
        };
        if exit != Exit::DONE {
            // SAFETY: E3.
            unsafe { (*cx).exception = 0 };
            return Err(exit);
        }
    }
}

/// How an invocation ended.
enum Outcome {
    Returned,
    Failed(anyhow::Error),
    Panicked(Box<dyn std::any::Any + Send>),
}

/// What the host gets of an invocation that has ended.
///
/// # Safety
///
/// E3 holds, and the invocation has just stopped with the exit.
#[inline]
unsafe fn finish(core: NonNull<StoreCore>, cx: *mut Context, exit: Exit) -> Outcome {
    if exit == Exit::DONE {
        return Outcome::Returned;
    }
    // SAFETY: the caller's promise.
    unsafe { finish_early(core, cx, exit) }
}

/// [`finish`] for one that did not return.
///
/// # Safety
///
/// As for [`finish`].
#[inline(never)]
unsafe fn finish_early(core: NonNull<StoreCore>, cx: *mut Context, exit: Exit) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        let cx = &mut *cx;
        cx.stopped = None;
        cx.host_func = None;
        let exception = std::mem::take(&mut cx.exception);
        if exit == Exit::EXCEPTION {
            (*core.as_ptr()).heap.pending_exception = exception;
            return Outcome::Failed(backtrace::exception_error(cx));
        }
        if let Some(trap) = exit.trap() {
            if trap == Trap::OutOfFuel {
                cx.set_fuel(0);
            }
            let error = backtrace::trap_error(cx, trap, fault::details(cx, trap));
            return Outcome::Failed(match (*core.as_ptr()).engine.config().on_trap {
                Some(on_trap) => on_trap(&*core.as_ptr(), error),
                None => error,
            });
        }
        match cx.host_error.take() {
            None => Outcome::Returned,
            Some(HostFailure::Error(error)) => Outcome::Failed(backtrace::host_error(cx, error)),
            Some(HostFailure::Panic(payload)) => Outcome::Panicked(payload),
        }
    }
}

/// What an invocation changes in the context, and puts back.
struct Outer {
    instance: *const crate::runtime::instance::InstanceData,
    stack_free: *mut u64,
    switches: usize,
    exit: ExitState,
    native_stack: NativeStack,
    stops: Stops,
}

impl Outer {
    /// Saves it, and claims the slots for re-entry.
    ///
    /// # Safety
    ///
    /// E3 holds.
    unsafe fn save(cx: *mut Context) -> Outer {
        // SAFETY: the caller's promise.
        let cx = unsafe { &*cx };
        Outer {
            instance: cx.instance,
            stack_free: cx.stack_free,
            switches: cx.switches.len(),
            exit: cx.exit,
            native_stack: cx.native_stack,
            stops: cx.stops,
        }
    }

    /// # Safety
    ///
    /// E3 holds.
    unsafe fn restore(self, cx: *mut Context) {
        // SAFETY: the caller's promise.
        let cx = unsafe { &mut *cx };
        cx.stack_free = self.stack_free;
        cx.switches.truncate(self.switches);
        // Where the guest is that called the host function which made this invocation.
        cx.exit = self.exit;
        cx.native_stack = self.native_stack;
        cx.stops = self.stops;
        cx.enter(self.instance);
    }
}
