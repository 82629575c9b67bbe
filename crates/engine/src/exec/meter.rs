//! Handlers that keep the host in control: fuel and epochs. Code has their cells only if the
//! engine's configuration asks for them.

#[cfg(feature = "async")]
use anyhow::ensure;

use super::call::run_host;
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::runtime::context::Context;
#[cfg(feature = "async")]
use crate::runtime::context::Stops;
#[cfg(feature = "async")]
use crate::runtime::hooks::YIELD_IN_SYNC;
use crate::runtime::hooks::{Taken, UpdateDeadline};
use crate::runtime::observe;
use crate::runtime::trap::Trap;

/// Takes `b` units of fuel, the cost of the basic block that begins here.
pub(crate) struct Charge;

impl Op for Charge {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E3.
        unsafe {
            let cost = u64::from(m.ip.b());
            let Some(rest) = (*m.cx).fuel.checked_sub(cost) else {
                (*m.cx).needed_fuel = cost;
                m.stop();
                return Err(Trap::OutOfFuel.into());
            };
            (*m.cx).fuel = rest;
        }
        Ok(())
    }
}

/// Continues at the displacement in `b`, where [`EpochReached`] is, if the epoch's deadline is
/// reached.
pub(crate) struct CheckEpoch;

impl Op for CheckEpoch {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Target(Field::B)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E3.
        unsafe {
            if is_epoch_reached(m.cx) {
                m.ip = m.ip.offset(m.ip.b() as i32 as isize);
                return Err(Exit::BRANCH);
            }
        }
        Ok(())
    }
}

/// Asks the host what to do now that the deadline is reached, and continues at the displacement in
/// `b`. Granule 2 is the size of the frame in slots.
pub(crate) struct EpochReached;

impl Op for EpochReached {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Target(Field::B), Place::Number(Field::all(2))];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let exit = epoch_reached(m.cx, m.fp.slot(m.ip.granule(2) as usize));
            let next = m.ip.offset(m.ip.b() as i32 as isize);
            if exit != Exit::DONE {
                #[cfg(feature = "async")]
                if exit == Exit::YIELD {
                    m.ip = next;
                    m.stop();
                }
                return Err(exit);
            }
            m.mem_ptr = (*m.cx).mem_ptr;
            m.ip = next;
        }
        Err(Exit::BRANCH)
    }
}

/// Whether the epoch's deadline is reached.
///
/// # Safety
///
/// E3 holds.
#[inline(always)]
pub(super) unsafe fn is_epoch_reached(cx: *const Context) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*cx).is_deadline_reached() }
}

/// [`epoch_reached`] where the guest cannot stop: if it is to yield, it does so at its next check.
///
/// # Safety
///
/// As for [`epoch_reached`].
pub(super) unsafe fn epoch_reached_between(cx: *mut Context, end: *mut u64) -> Exit {
    // SAFETY: the caller's promise.
    let exit = unsafe { epoch_reached(cx, end) };
    #[cfg(feature = "async")]
    if exit == Exit::YIELD {
        return Exit::DONE;
    }
    exit
}

/// Asks the host what to do now that the deadline is reached: [`Exit::DONE`] to go on,
/// [`Exit::YIELD`] to do so later.
///
/// # Safety
///
/// E3 holds, and what the guest has in use of its stack ends at `end`.
#[inline(never)]
pub(super) unsafe fn epoch_reached(cx: *mut Context, end: *mut u64) -> Exit {
    // SAFETY: the caller's promise; no reference into the store is kept across the callback (R3).
    unsafe {
        let Some(store) = std::ptr::NonNull::new((*cx).store) else { return Exit::DONE };
        #[cfg(feature = "async")]
        if (*cx).stops == Stops::Async && (*store.as_ptr()).pause.is_some() {
            // The host was asked already, where the guest could not stop.
            return Exit::YIELD;
        }
        if let Err(failure) = observe::flush(store) {
            return observe::leave_with(&mut *cx, failure);
        }
        let Some(mut callback) = Taken::new(store, |core| &mut core.epoch_callback) else {
            return Trap::Interrupt.into();
        };
        let mut exit = Exit::DONE;
        // Where the guest is was not written down, except for a throw on its way: the callback sees
        // no functions.
        let stopped_at = std::mem::replace(&mut (*cx).exit.ip, super::call::host_return_ip());
        let outcome = run_host(cx, end, || {
            match callback(store)? {
                UpdateDeadline::Continue(ticks) => (*cx).set_epoch_deadline(ticks),
                UpdateDeadline::Interrupt => exit = Trap::Interrupt.into(),
                #[cfg(feature = "async")]
                UpdateDeadline::Yield(ticks) => {
                    ensure!((*cx).stops == Stops::Async, YIELD_IN_SYNC);
                    (*cx).set_epoch_deadline(ticks);
                    exit = Exit::YIELD;
                }
                #[cfg(feature = "async")]
                UpdateDeadline::YieldCustom(ticks, future) => {
                    ensure!((*cx).stops == Stops::Async, YIELD_IN_SYNC);
                    (*store.as_ptr()).pause = Some((ticks, future));
                    exit = Exit::YIELD;
                }
            }
            Ok(())
        });
        (*cx).exit.ip = stopped_at;
        drop(callback);
        if let Err(failed) = outcome {
            return failed;
        }
        if exit.trap().is_none()
            && let Err(failure) = observe::begin(store)
        {
            return observe::leave_with(&mut *cx, failure);
        }
        exit
    }
}
