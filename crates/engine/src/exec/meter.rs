//! Handlers that keep the host in control: fuel and epochs. Code has their cells only if the
//! engine's configuration asks for them.

use std::sync::atomic::Ordering;

use super::call::run_host;
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::runtime::context::Context;
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
            let Some(rest) = (*m.cx).fuel.checked_sub(u64::from(m.ip.b())) else {
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
            if exit != Exit::DONE {
                return Err(exit);
            }
            m.mem_ptr = (*m.cx).mem_ptr;
            m.ip = m.ip.offset(m.ip.b() as i32 as isize);
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
    // SAFETY: the caller's promise; the engine, which the store keeps alive, owns the epoch.
    unsafe { (*(*cx).epoch).load(Ordering::Relaxed) >= (*cx).epoch_deadline }
}

/// Asks the host what to do now that the deadline is reached: [`Exit::DONE`] to go on.
///
/// # Safety
///
/// E3 holds, and what the guest has in use of its stack ends at `end`.
#[inline(never)]
pub(super) unsafe fn epoch_reached(cx: *mut Context, end: *mut u64) -> Exit {
    // SAFETY: the caller's promise; no reference into the store is kept across the callback (R3).
    unsafe {
        let Some(store) = std::ptr::NonNull::new((*cx).store) else { return Exit::DONE };
        if let Err(failure) = observe::flush(store) {
            return observe::leave_with(&mut *cx, failure);
        }
        // While it runs, nobody else may call it.
        let Some(mut callback) = (*store.as_ptr()).epoch_callback.take() else {
            return Trap::Interrupt.into();
        };
        let mut stop = false;
        let outcome = run_host(cx, end, || {
            match callback(store)? {
                Some(ticks) => (*cx).set_epoch_deadline(ticks),
                None => stop = true,
            }
            Ok(())
        });
        (*store.as_ptr()).epoch_callback = Some(callback);
        match outcome {
            Ok(()) if stop => Trap::Interrupt.into(),
            Ok(()) => match observe::begin(store) {
                Ok(()) => Exit::DONE,
                Err(failure) => observe::leave_with(&mut *cx, failure),
            },
            Err(exit) => exit,
        }
    }
}
