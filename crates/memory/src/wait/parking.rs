//! The queues of `parking_lot_core`.
//!
//! They are the process's own, keyed by address; that of a byte of a shared memory is nobody
//! else's. Its threads sleep until they are taken from the queue or their time is up, without
//! spurious wake-ups.

use std::time::{Duration, Instant};

use parking_lot_core::{
    DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, FilterOp, ParkResult, park, unpark_filter,
};

use super::{Queues, WaitResult};

struct ParkingLot;

impl Queues for ParkingLot {
    fn park(
        &self,
        queue: usize,
        still_expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
    ) -> WaitResult {
        // An instant too far away to be told is never reached.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        // SAFETY: the queue is that of a byte which the caller keeps alive, and the closures
        // neither panic nor come back here.
        let result =
            unsafe { park(queue, still_expected, || {}, |_, _| {}, DEFAULT_PARK_TOKEN, deadline) };
        match result {
            ParkResult::Unparked(_) => WaitResult::Ok,
            ParkResult::Invalid => WaitResult::Mismatch,
            ParkResult::TimedOut => WaitResult::TimedOut,
        }
    }

    fn unpark(&self, queue: usize, count: u32) -> u32 {
        let mut woken = 0;
        let filter = |_| {
            if woken == count {
                return FilterOp::Stop;
            }
            woken += 1;
            FilterOp::Unpark
        };
        // SAFETY: as in `park`.
        unsafe { unpark_filter(queue, filter, |_| DEFAULT_UNPARK_TOKEN) };
        woken
    }
}

/// Waits in a queue, if `still_expected` says so.
pub(crate) fn wait(
    queue: usize,
    still_expected: impl FnOnce() -> bool,
    timeout: Option<Duration>,
) -> WaitResult {
    ParkingLot.park(queue, still_expected, timeout)
}

/// Wakes up to `count` threads of a queue; how many there were.
pub(crate) fn notify(queue: usize, count: u32) -> u32 {
    ParkingLot.unpark(queue, count)
}
