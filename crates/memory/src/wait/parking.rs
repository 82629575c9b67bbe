//! The queues of the threads that wait.
//!
//! They are the process's own, keyed by address; that of a byte of a shared memory is nobody
//! else's. Those of addresses with the same hash share a lock. A thread stays in its queue while it
//! looks whether it is to be interrupted, so it misses no wake-up then.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Queues, WaitResult};

/// How long a thread sleeps before it looks again whether it is to be interrupted.
const SLICE: Duration = Duration::from_millis(10);

const SHELVES: usize = 64;

/// Queues that share a lock: threads in the order in which they came, each with its queue.
type Shelf = VecDeque<(usize, Arc<Sleeper>)>;

/// All queues, some on each shelf.
struct Hall([Mutex<Shelf>; SHELVES]);

static HALL: Hall = Hall([const { Mutex::new(VecDeque::new()) }; SHELVES]);

/// A thread in a queue.
#[derive(Default)]
struct Sleeper {
    woken: Mutex<bool>,
    changed: Condvar,
}

/// Nothing that panics runs while a lock is held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sleeper {
    /// Sleeps until it is woken or some time has passed; whether it is woken.
    fn sleep(&self, time: Option<Duration>) -> bool {
        let woken = locked(&self.woken);
        match time {
            None => {
                let woken = self.changed.wait_while(woken, |woken| !*woken);
                *woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(time) => {
                let woken = self.changed.wait_timeout_while(woken, time, |woken| !*woken);
                *woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn wake(&self) {
        *locked(&self.woken) = true;
        self.changed.notify_one();
    }
}

impl Hall {
    fn shelf(&self, queue: usize) -> MutexGuard<'_, Shelf> {
        // Addresses are multiples of 4, and neighbours are on different shelves.
        locked(&self.0[(queue >> 2 ^ queue >> 12) % SHELVES])
    }

    /// Takes a thread from its queue; whether it was still there. Nobody wakes it from then on.
    fn leave(&self, queue: usize, sleeper: &Arc<Sleeper>) -> bool {
        let mut shelf = self.shelf(queue);
        let place = shelf.iter().position(|(_, other)| Arc::ptr_eq(other, sleeper));
        place.is_some_and(|place| shelf.remove(place).is_some())
    }
}

/// The place of a thread in a queue. The thread leaves it even if the host's code panics that is
/// asked whether to interrupt it.
struct Place<'a> {
    hall: &'a Hall,
    queue: usize,
    sleeper: &'a Arc<Sleeper>,
}

impl Place<'_> {
    /// Leaves the queue; whether the thread was still there.
    fn leave(self) -> bool {
        let was_there = self.hall.leave(self.queue, self.sleeper);
        self.forget();
        was_there
    }

    /// Leaves the queue as it is: somebody took the thread from it.
    fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.hall.leave(self.queue, self.sleeper);
    }
}

impl Queues for Hall {
    fn park(
        &self,
        queue: usize,
        still_expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
        mut interrupt: Option<&mut dyn FnMut() -> bool>,
    ) -> Option<WaitResult> {
        // An instant too far away to be told is never reached.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let sleeper = Arc::new(Sleeper::default());
        {
            let mut shelf = self.shelf(queue);
            if !still_expected() {
                return Some(WaitResult::Mismatch);
            }
            shelf.push_back((queue, sleeper.clone()));
        }
        let place = Place { hall: self, queue, sleeper: &sleeper };
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = interrupt.as_ref().map(|_| SLICE);
            if sleeper.sleep([left, slice].into_iter().flatten().min()) {
                place.forget();
                return Some(WaitResult::Ok);
            }
            let end = if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                Some(WaitResult::TimedOut)
            } else if interrupt.as_mut().is_some_and(|interrupt| interrupt()) {
                None
            } else {
                continue;
            };
            // Whoever was taken from the queue meanwhile is counted as woken.
            return if place.leave() { end } else { Some(WaitResult::Ok) };
        }
    }

    fn unpark(&self, queue: usize, count: u32) -> u32 {
        let mut woken = Vec::new();
        self.shelf(queue).retain(|(other, sleeper)| {
            let stays = *other != queue || woken.len() as u64 == u64::from(count);
            if !stays {
                woken.push(sleeper.clone());
            }
            stays
        });
        woken.iter().for_each(|sleeper| sleeper.wake());
        // At most `count`.
        woken.len() as u32
    }
}

/// Waits in a queue, if `still_expected` says so; `None` if `interrupt` said yes meanwhile.
pub(crate) fn wait(
    queue: usize,
    still_expected: impl FnOnce() -> bool,
    timeout: Option<Duration>,
    interrupt: Option<&mut dyn FnMut() -> bool>,
) -> Option<WaitResult> {
    HALL.park(queue, still_expected, timeout, interrupt)
}

/// Wakes up to `count` threads of a queue; how many there were.
pub(crate) fn notify(queue: usize, count: u32) -> u32 {
    HALL.unpark(queue, count)
}
