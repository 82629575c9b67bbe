//! `poll_oneoff` as a future, which needs no runtime: a thread of its own wakes what waits for a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lineal::{Caller, Linker, Result};

use crate::file::SLICE;
use crate::functions::poll::{self, Layout, Look};
use crate::functions::process::finish;
use crate::guest::{Call, Guest};
use crate::p1::WasiP1Ctx;
use crate::pipe::lock;

/// The longest time that is waited at once: when a call is dropped, its waker stays this long.
const LONGEST: Duration = Duration::from_secs(1);

/// Defines `poll_oneoff`, of the version whose subscriptions have this layout.
pub(crate) fn add_poll<T: Send + 'static>(
    linker: &mut Linker<T>,
    module: &str,
    layout: &'static Layout,
    get_cx: impl Fn(&mut T) -> &mut WasiP1Ctx + Send + Sync + Copy + 'static,
) -> Result<()> {
    linker.func_wrap_async(
        module,
        "poll_oneoff",
        move |mut caller: Caller<'_, T>, (subs, events, count, result): (u32, u32, u32, u32)| {
            Box::new(async move {
                let cx = get_cx(caller.data_mut()).context();
                let wanted = {
                    let mut call = Call::new(&mut caller)?;
                    let guest = Guest::new(&mut call);
                    poll::Poll::new(&cx, &guest, layout, subs, events, count, result)
                };
                let wanted = match wanted {
                    Ok(wanted) => wanted,
                    Err(fault) => return finish(Err(fault)),
                };
                loop {
                    let look = {
                        let mut call = Call::new(&mut caller)?;
                        let mut guest = Guest::new(&mut call);
                        wanted.look(&cx, &mut guest, Some(Duration::ZERO))
                    };
                    let time = match look {
                        Ok(Look::Done) => return finish(Ok(())),
                        Ok(Look::Again(time)) => time.unwrap_or(LONGEST),
                        Err(fault) => return finish(Err(fault)),
                    };
                    let longest = if wanted.has_descriptors() { SLICE } else { LONGEST };
                    Pause::new(time.min(longest)).await;
                }
            })
        },
    )?;
    Ok(())
}

/// Waits for some time.
struct Pause {
    end: Instant,
    /// Whom the thread wakes at the end.
    waker: Option<Waker>,
}

impl Pause {
    fn new(time: Duration) -> Pause {
        Pause { end: Instant::now() + time, waker: None }
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        if self.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            let Some(timer) = Timer::get() else {
                // Without another thread, this one has to wait.
                std::thread::sleep(left);
                return Poll::Ready(());
            };
            timer.add(self.end, cx.waker().clone());
            self.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Who is to be woken when. The first to come is on top.
struct Timer {
    wakers: Mutex<BinaryHeap<Reverse<Due>>>,
    added: Condvar,
}

impl Timer {
    /// The process's timer, or `None` if the host has no thread for it.
    fn get() -> Option<&'static Timer> {
        static TIMER: Timer =
            Timer { wakers: Mutex::new(BinaryHeap::new()), added: Condvar::new() };
        static RUNS: Mutex<bool> = Mutex::new(false);
        let mut runs = lock(&RUNS);
        if !*runs {
            let thread = std::thread::Builder::new().name("lineal-wasi-timer".into());
            *runs = thread.spawn(|| TIMER.run()).is_ok();
        }
        runs.then_some(&TIMER)
    }

    fn add(&self, end: Instant, waker: Waker) {
        lock(&self.wakers).push(Reverse(Due { end, waker }));
        self.added.notify_one();
    }

    fn run(&self) {
        let mut wakers = lock(&self.wakers);
        loop {
            let now = Instant::now();
            wakers = match wakers.peek() {
                None => self.added.wait(wakers).unwrap_or_else(|error| error.into_inner()),
                Some(Reverse(first)) if first.end > now => {
                    let time = first.end - now;
                    let waited = self.added.wait_timeout(wakers, time);
                    waited.unwrap_or_else(|error| error.into_inner()).0
                }
                Some(_) => {
                    let due = wakers.pop();
                    // The waker is code of the embedder's, which may come back here.
                    drop(wakers);
                    if let Some(Reverse(due)) = due {
                        // If it panics, that has been told, and others are to be woken still.
                        let wake = AssertUnwindSafe(|| due.waker.wake());
                        let _ = std::panic::catch_unwind(wake);
                    }
                    lock(&self.wakers)
                }
            };
        }
    }
}

/// When a waker is to be called.
struct Due {
    end: Instant,
    waker: Waker,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.end == other.end
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.end.cmp(&other.end)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;

    struct Panics(AtomicBool);

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
            panic!("a waker that panics");
        }
    }

    struct Unparks(std::thread::Thread);

    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_else_asleep() {
        let panics = Arc::new(Panics(AtomicBool::new(false)));
        let waker = Waker::from(panics.clone());
        let mut first = Pause::new(Duration::from_millis(200));
        assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&waker)).is_pending());

        let waker = Waker::from(Arc::new(Unparks(std::thread::current())));
        let mut second = Pause::new(Duration::from_millis(400));
        let begin = Instant::now();
        while Pin::new(&mut second).poll(&mut Context::from_waker(&waker)).is_pending() {
            std::thread::park_timeout(Duration::from_secs(20));
        }
        assert!(panics.0.load(Ordering::Relaxed));
        assert!(begin.elapsed() < Duration::from_secs(10), "nobody woke it");
    }
}
