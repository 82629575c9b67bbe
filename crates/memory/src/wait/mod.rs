//! Waiting and waking: `memory.atomic.wait` and `memory.atomic.notify`.
//!
//! A thread that waits joins the queue of its address, in the same step in which it sees that
//! the number there is the expected one. A thread that changes the number and then notifies
//! either comes after that, and finds the waiter in the queue, or before it, and the waiter finds
//! the number changed. So no wake-up is lost. `model` checks that in every interleaving.

#[cfg(all(test, feature = "wait"))]
mod model;
#[cfg(feature = "wait")]
mod parking;
#[cfg(not(feature = "wait"))]
#[path = "parking_disabled.rs"]
mod parking;

pub(crate) use self::parking::notify;
#[cfg(feature = "wait")]
pub(crate) use self::parking::wait;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitResult {
    /// Another thread notified the address: 0 for the guest.
    Ok = 0,
    /// The number was not the expected one, so the thread did not wait: 1 for the guest.
    Mismatch = 1,
    /// The time was up: 2 for the guest.
    TimedOut = 2,
}

/// Queues of sleeping threads, one for each address of the host.
#[cfg(feature = "wait")]
trait Queues {
    /// Joins the queue and sleeps until taken from it, unless `still_expected` says no. No thread
    /// can join or leave the queue between that answer and the joining. `None` if `interrupt`,
    /// which is asked now and then while the thread is in the queue, says yes.
    fn park(
        &self,
        queue: usize,
        still_expected: impl FnOnce() -> bool,
        timeout: Option<core::time::Duration>,
        interrupt: Option<&mut dyn FnMut() -> bool>,
    ) -> Option<WaitResult>;

    /// Takes up to `count` threads from the queue, longest-waiting first, and wakes them; how many
    /// there were.
    fn unpark(&self, queue: usize, count: u32) -> u32;
}
