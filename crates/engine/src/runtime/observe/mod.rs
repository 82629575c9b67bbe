//! Observation: what is reported of guests to an observer, and how it gets there.
//!
//! ```text
//! Observe (Config) ── at translation ──► cells of exec::access::observed
//!                                             │ Record, View
//!                                             ▼
//!     Observer (Store) ◄── Moment ── report ◄─ Observation: shadows, batch, numbers of memories
//! ```
//!
//! Handlers see the [`View`](state::View) in the context. They leave accesses as records, and go
//! out of line when an observer has to be told. Everything else that is reported (operations on
//! ranges, growth, calls, the host's accesses) calls a function here, if the store has an
//! [`Observation`](state::Observation).

pub(crate) mod config;
pub(crate) mod event;
mod guest;
mod host;
mod moment;
mod observer;
mod shadow;
mod site;
mod stack;
pub(crate) mod state;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use anyhow::Result;

pub use config::{Accesses, FunctionInfo, GlobalInfo, Observe};
pub use event::{
    Access, AccessKind, AccessSource, Batch, BatchIter, Call, Ending, GlobalSet, Growth,
    Instantiated, MemoryId,
};
pub(crate) use guest::*;
pub(crate) use host::*;
pub use moment::Moment;
pub use observer::Observer;
pub(crate) use shadow::{SPLIT, SharedWriters, Split};
pub(crate) use site::Sites;
pub use site::{Origin, Site};
pub(crate) use stack::caller_site;

use crate::machine::Fp;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::store::StoreCore;

/// How many slots of the stack lie below a frame.
pub(crate) fn height(context: &Context, fp: Fp) -> u64 {
    let bytes = (fp.as_ptr() as usize).saturating_sub(context.stack_start as usize);
    (bytes / size_of::<u64>()) as u64
}

/// Tells a store's observer something, if it has one, after what it must know before.
///
/// # Safety
///
/// The store is exclusively the caller's (R3), and the pointer is good for what the observer makes
/// of it: the whole store, with the host's value. No entity is borrowed.
pub(crate) unsafe fn report(
    store: NonNull<StoreCore>,
    tell: impl FnOnce(&mut dyn Observer, &mut Moment<'_>) -> Result<()>,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    unsafe {
        flush(store)?;
        settle(store)?;
        tell_observer(store, tell)
    }
}

/// [`report`] without anything before it.
///
/// # Safety
///
/// As for [`report`].
unsafe fn tell_observer(
    store: NonNull<StoreCore>,
    tell: impl FnOnce(&mut dyn Observer, &mut Moment<'_>) -> Result<()>,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise; the borrow ends with the statement.
    let observer =
        unsafe { (*store.as_ptr()).context.observation.as_mut().and_then(|it| it.observer.take()) };
    // While it is told something, nothing else can be reported: it cannot reach the store.
    let Some(mut observer) = observer else { return Ok(()) };
    let (mut tell, mut outcome) = (Some(tell), Ok(()));
    let told = catch_unwind(AssertUnwindSafe(|| {
        observer(store, &mut |observer| {
            if let Some(tell) = tell.take() {
                // SAFETY: the caller's promise.
                outcome = tell(observer, &mut unsafe { Moment::new(store) });
            }
        });
    }));
    // SAFETY: as above.
    if let Some(observation) = unsafe { (*store.as_ptr()).context.observation.as_mut() } {
        observation.observer = Some(observer);
    }
    match (told, outcome) {
        (Ok(()), Ok(())) => Ok(()),
        (Ok(()), Err(error)) => Err(HostFailure::Error(error)),
        (Err(payload), _) => Err(HostFailure::Panic(payload)),
    }
}

/// Tells the observer about the accesses in the batch.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn flush(store: NonNull<StoreCore>) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise; the borrows end before the observer is told something.
    let (taken, watched) = unsafe {
        let context = &mut (*store.as_ptr()).context;
        let Some(observation) = &mut context.observation else { return Ok(()) };
        if !observation.has_records(&context.view) {
            return Ok(());
        }
        let taken = observation.take_records(&context.view);
        let watched = observation.watched;
        if watched.writers {
            for access in taken.batch().iter().filter(|access| access.kind.writes()) {
                let range = access.range();
                let view = &mut context.view;
                observation.note_writer(view, access.memory, range.start, range.end, access.site);
            }
        }
        (taken, watched)
    };
    let batch = taken.batch();
    let outcome = if watched.all {
        // SAFETY: the caller's promise.
        unsafe { tell_observer(store, |observer, moment| observer.accesses(moment, &batch)) }
    } else if watched.filter {
        batch.iter().try_for_each(|access| {
            let range = access.range();
            // SAFETY: the caller's promise.
            unsafe {
                let observation = (*store.as_ptr()).context.observation.as_deref();
                let reports =
                    observation.is_some_and(|it| it.reports(access.memory, range.start, range.end));
                if reports {
                    tell_observer(store, |observer, moment| observer.access(moment, &access))?;
                }
            }
            Ok(())
        })
    } else {
        Ok(())
    };
    // SAFETY: the caller's promise.
    let context = unsafe { &mut (*store.as_ptr()).context };
    if let Some(observation) = &mut context.observation {
        observation.put_back(&mut context.view, taken);
    }
    outcome
}

/// Tells the observer what the host read, and about what it had borrowed.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn settle(store: NonNull<StoreCore>) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise; the borrow ends with the statement.
    let host = unsafe {
        let observation = (*store.as_ptr()).context.observation.as_deref_mut();
        observation.and_then(|observation| observation.take_host())
    };
    let Some((reads, lent)) = host else { return Ok(()) };
    // SAFETY: the caller's promise. What they report does not come here again, for nothing is
    // left.
    unsafe {
        reads.into_iter().try_for_each(|read| read.tell(store))?;
        lent.into_iter().try_for_each(|lent| lent.tell(store))
    }
}
