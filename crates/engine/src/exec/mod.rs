//! The executor: handlers for every operation, and how the host gets in and out.
//!
//! [`machine`] defines registers and cells, and the invariants E1 to E4. Operations are defined in
//! [`crate::op`]; the modules here wrap them in handlers, and carry the names of their
//! counterparts in [`crate::translate`].

pub(crate) mod access;
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
pub(crate) mod vector;
pub(crate) mod wide;

use std::ptr::NonNull;

pub(crate) use call::{host_return_ip, switch_return_ip, translate_stub};

use crate::machine::{self, Exit, ExitState, Fp, Ip, Machine};
use crate::runtime::backtrace;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::entity::{FuncEntity, FuncKind};
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
    mut core: NonNull<StoreCore>,
    func: NonNull<FuncEntity>,
    args: &[u64],
    results: &mut [u64],
) -> anyhow::Result<()> {
    // SAFETY: the caller's promise; raw from here on, because what runs may reach the store too.
    // The pointer stays the caller's, which is good for more than the `StoreCore`.
    let cx: *mut Context = unsafe {
        core.as_mut().prepare_stack()?;
        (*core.as_ptr()).context.store = core.as_ptr();
        &raw mut (*core.as_ptr()).context
    };
    // SAFETY: `cx` is the store's context; the stack was prepared. E3 holds from here on.
    unsafe {
        let base = (*cx).stack_free;
        // After many re-entries `base` is past the end: that is too deep whatever is needed.
        let needed_bytes = args.len().max(results.len()) * size_of::<u64>();
        if base as usize + needed_bytes > (*cx).stack_end as usize {
            return Err(Trap::StackOverflow.into());
        }
        let Some(native_stack) = (*cx).native_stack.descend() else {
            return Err(Trap::StackOverflow.into());
        };
        base.copy_from_nonoverlapping(args.as_ptr(), args.len());
        let outer = Outer::save(cx);
        (*cx).native_stack = native_stack;
        let observed = (*cx).observation.is_some();
        if observed {
            observe::begin(core).map_err(observe::into_error)?;
        }
        let fp = Fp::new(base);
        let exit = match &(*func.as_ptr()).kind {
            FuncKind::Wasm { entry, instance } => {
                (*cx).enter(instance.as_ptr());
                let mut state = Some(Machine {
                    ip: entry.as_ref().ip(),
                    fp,
                    cx,
                    mem_ptr: (*cx).mem_ptr,
                    acc: host_return_ip().as_ptr().expose_provenance() as u64,
                    pin: entry.as_ptr().expose_provenance() as u64,
                    acc64: 0.0,
                    acc32: 0.0,
                    pin64: 0.0,
                    pin32: 0.0,
                    head: Ip::NULL,
                });
                while let Some(m) = state {
                    machine::run(m);
                    let thrown = (*cx).exit.exit == Exit::EXCEPTION;
                    state = if thrown { catch(core, cx) } else { None };
                    if observed
                        && let Some(m) = &state
                        && let Err(failure) = observe::unwound(core, m.ip, m.fp)
                    {
                        (*cx).exit.exit = observe::leave_with(&mut *cx, failure);
                        state = None;
                    }
                }
                (*cx).exit.exit
            }
            FuncKind::Host(_) => {
                // No guest is calling.
                (*cx).enter(std::ptr::null());
                (*cx).exit.ip = host_return_ip();
                (*cx).exit.fp = fp;
                call::call_host(cx, func, fp).err().unwrap_or(Exit::DONE)
            }
        };
        let exit = if observed { end_observed(core, exit) } else { exit };
        if exit == Exit::EXCEPTION {
            (*core.as_ptr()).heap.pending_exception = std::mem::take(&mut (*cx).exception);
        }
        let mut outcome = conclude(&mut *cx, exit);
        if let (Outcome::Failed(_), Some(_), Some(on_trap)) =
            (&outcome, exit.trap(), (*core.as_ptr()).engine.config().on_trap)
            && let Outcome::Failed(error) = outcome
        {
            outcome = Outcome::Failed(on_trap(&*core.as_ptr(), error));
        }
        outer.restore(cx);
        match outcome {
            Outcome::Returned => {
                base.copy_to_nonoverlapping(results.as_mut_ptr(), results.len());
                Ok(())
            }
            Outcome::Failed(error) => Err(error),
            Outcome::Panicked(payload) => std::panic::resume_unwind(payload),
        }
    }
}

/// Reports the end of an invocation; how it ends, which may be by the observer.
///
/// # Safety
///
/// E3 holds for the store's context, and the invocation has just stopped.
unsafe fn end_observed(core: NonNull<StoreCore>, exit: Exit) -> Exit {
    // SAFETY: the caller's promise.
    match unsafe { observe::ended(core, exit) } {
        // What the guest ended by comes first.
        Err(HostFailure::Error(_)) if exit != Exit::DONE => exit,
        // SAFETY: the caller's promise.
        Err(failure) => unsafe { observe::leave_with(&mut (*core.as_ptr()).context, failure) },
        Ok(()) => exit,
    }
}

/// The machine as it goes on where the context's exception is caught; `None` if it is not, or the
/// guest is stopped meanwhile.
///
/// # Safety
///
/// As for [`unwind::catch`]; E3 holds.
unsafe fn catch(core: NonNull<StoreCore>, cx: *mut Context) -> Option<Machine> {
    let mut checked = 0;
    loop {
        // SAFETY: the caller's promise.
        let exit = match unsafe { unwind::catch(core, checked) } {
            Unwound::Caught(machine) => return Some(machine),
            Unwound::Uncaught => return None,
            Unwound::OutOfFuel => Trap::OutOfFuel.into(),
            Unwound::EpochReached { end, frames } => {
                checked = frames;
                // SAFETY: the caller's promise; the guest's frames end at `end`.
                unsafe { meter::epoch_reached(cx, end) }
            }
        };
        if exit != Exit::DONE {
            // SAFETY: E3.
            unsafe {
                (*cx).exception = 0;
                (*cx).exit.exit = exit;
            }
            return None;
        }
    }
}

/// How an invocation ended.
enum Outcome {
    Returned,
    Failed(anyhow::Error),
    Panicked(Box<dyn std::any::Any + Send>),
}

fn conclude(cx: &mut Context, exit: Exit) -> Outcome {
    if let Some(trap) = exit.trap() {
        if trap == Trap::OutOfFuel {
            cx.fuel = 0;
        }
        return Outcome::Failed(backtrace::trap_error(cx, trap, fault::details(cx, trap)));
    }
    if exit == Exit::EXCEPTION {
        return Outcome::Failed(backtrace::exception_error(cx));
    }
    match cx.host_error.take() {
        None => Outcome::Returned,
        Some(HostFailure::Error(error)) => Outcome::Failed(backtrace::host_error(cx, error)),
        Some(HostFailure::Panic(payload)) => Outcome::Panicked(payload),
    }
}

/// What an invocation changes in the context, and puts back.
struct Outer {
    instance: *const crate::runtime::instance::InstanceData,
    stack_free: *mut u64,
    switches: usize,
    exit: ExitState,
    native_stack: NativeStack,
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
        cx.enter(self.instance);
    }
}
