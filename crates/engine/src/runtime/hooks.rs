//! What a store calls of its host's when control passes between guest and host.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
#[cfg(feature = "async")]
use std::pin::Pin;
use std::ptr::NonNull;

use anyhow::Result;
#[cfg(feature = "async")]
use anyhow::ensure;

#[cfg(feature = "async")]
use super::context::Stops;
use super::store::StoreCore;
use super::trap::Trap;

/// Where control passes from the guest to the host or back; see
/// [`Store::call_hook`](crate::Store::call_hook).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallHook {
    /// The host calls a function of the store, or resumes it.
    CallingWasm,
    /// The function returns to the host, or stops where it can be resumed.
    ReturningFromWasm,
    /// The guest calls a function of the host's.
    CallingHost,
    /// The host's function returns to the guest.
    ReturningFromHost,
}

impl CallHook {
    /// Whether the host's code runs from here on.
    pub fn entering_host(&self) -> bool {
        matches!(self, CallHook::ReturningFromWasm | CallHook::CallingHost)
    }

    /// Whether the host's code ends here.
    pub fn exiting_host(&self) -> bool {
        !self.entering_host()
    }
}

/// What happens to a guest when its deadline is reached; see
/// [`Store::epoch_deadline_callback`](crate::Store::epoch_deadline_callback).
#[non_exhaustive]
pub enum UpdateDeadline {
    /// It continues, with a new deadline that many ticks after the current epoch.
    Continue(u64),
    /// It ends with the trap [`Interrupt`](crate::Trap::Interrupt).
    Interrupt,
    /// The same as [`Continue`](Self::Continue), but before that the future that runs the guest is
    /// pending once, so that others get their turn. If the guest was not called by a function such
    /// as [`Func::call_async`](crate::Func::call_async), it ends with an error.
    #[cfg(feature = "async")]
    Yield(u64),
    /// The same, but the guest waits until a future of the host's is ready. The new deadline is that
    /// many ticks after the epoch then.
    #[cfg(feature = "async")]
    YieldCustom(u64, Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// What a guest waits for before it continues, with a deadline of so many ticks after the epoch then.
#[cfg(feature = "async")]
pub(crate) type Pause = (u64, Pin<Box<dyn Future<Output = ()> + Send>>);

/// The host's callback for the epoch's deadline, without its store's type parameter.
pub(crate) type EpochCallback =
    Box<dyn FnMut(NonNull<StoreCore>) -> Result<UpdateDeadline> + Send + Sync>;

/// The host's hook for calls, without its store's type parameter.
pub(crate) type CallHookFn =
    Box<dyn FnMut(NonNull<StoreCore>, CallHook) -> Result<()> + Send + Sync>;

/// Why [`UpdateDeadline::Yield`] was not possible.
#[cfg(feature = "async")]
pub(crate) const YIELD_IN_SYNC: &str = "the epoch's callback asked for a yield, which a guest can do \
     only if it was called by an asynchronous function such as `call_async`";

/// Asks the host what to do if the epoch's deadline is reached, where the guest cannot stop; whether it
/// can be interrupted at all. If a guest that cannot yield is to yield, that is an error, unless no guest
/// runs yet.
///
/// # Errors
///
/// The trap [`Interrupt`](Trap::Interrupt), or the callback's error.
///
/// # Safety
///
/// As for [`call_hook`].
#[cfg_attr(not(feature = "async"), expect(unused_variables, reason = "guests yield with `async`"))]
pub(crate) unsafe fn check_epoch(store: NonNull<StoreCore>, in_guest: bool) -> Result<bool> {
    // SAFETY: the caller's promise; no borrow lasts beyond its statement, or into the callback.
    unsafe {
        let core = &mut *store.as_ptr();
        if !core.engine.config().translation().epochs {
            return Ok(false);
        }
        if !core.context.is_deadline_reached() {
            return Ok(true);
        }
        #[cfg(feature = "async")]
        if core.context.stops == Stops::Async && core.pause.is_some() {
            // The callback has answered already.
            return Ok(true);
        }
        let Some(mut callback) = Taken::new(store, |core| &mut core.epoch_callback) else {
            return Err(Trap::Interrupt.into());
        };
        let answer = callback(store)?;
        drop(callback);
        let core = &mut *store.as_ptr();
        let ticks = match answer {
            UpdateDeadline::Continue(ticks) => ticks,
            UpdateDeadline::Interrupt => return Err(Trap::Interrupt.into()),
            // Whoever asks cannot be left here. The guest yields at its own next check.
            #[cfg(feature = "async")]
            UpdateDeadline::Yield(ticks) => {
                ensure!(core.context.stops == Stops::Async || !in_guest, YIELD_IN_SYNC);
                ticks
            }
            #[cfg(feature = "async")]
            UpdateDeadline::YieldCustom(ticks, future) => {
                if core.context.stops == Stops::Async {
                    core.pause = Some((ticks, future));
                    return Ok(true);
                }
                ensure!(!in_guest, YIELD_IN_SYNC);
                ticks
            }
        };
        core.context.set_epoch_deadline(ticks);
        Ok(true)
    }
}

/// Calls a store's hook, if it has one. While it runs, nobody else calls it.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the pointer is good for what the hook makes of
/// it: the whole store, with the host's value. No entity is borrowed.
pub(crate) unsafe fn call_hook(store: NonNull<StoreCore>, at: CallHook) -> Result<()> {
    // SAFETY: the caller's promise, which lasts as long as the hook runs.
    match unsafe { Taken::new(store, |core| &mut core.call_hook) } {
        Some(mut hook) => hook(store, at),
        None => Ok(()),
    }
}

/// A callback of the host's, taken out of its store while it runs, so that nobody else calls it. It goes
/// back even if it panics, unless it has set another.
pub(crate) struct Taken<F> {
    store: NonNull<StoreCore>,
    place: fn(&mut StoreCore) -> &mut Option<F>,
    callback: ManuallyDrop<F>,
}

impl<F> Taken<F> {
    /// Takes the callback out of its place in the store, if there is one.
    ///
    /// # Safety
    ///
    /// The store must be exclusively the caller's (R3) now, and when what this returns is dropped.
    pub(crate) unsafe fn new(
        store: NonNull<StoreCore>,
        place: fn(&mut StoreCore) -> &mut Option<F>,
    ) -> Option<Taken<F>> {
        // SAFETY: the caller's promise; the borrow ends with the statement.
        let callback = unsafe { place(&mut *store.as_ptr()).take() }?;
        Some(Taken { store, place, callback: ManuallyDrop::new(callback) })
    }
}

impl<F> Deref for Taken<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.callback
    }
}

impl<F> DerefMut for Taken<F> {
    fn deref_mut(&mut self) -> &mut F {
        &mut self.callback
    }
}

impl<F> Drop for Taken<F> {
    fn drop(&mut self) {
        // SAFETY: it is not used again.
        let callback = unsafe { ManuallyDrop::take(&mut self.callback) };
        // SAFETY: `new`'s promise.
        let place = (self.place)(unsafe { &mut *self.store.as_ptr() });
        place.get_or_insert(callback);
    }
}
