//! The thread that ends a command when its time is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lineal::Engine;

use crate::failure;

/// How long a guest may take to end, and to report where it was interrupted: in time of the processor,
/// because a process that does not get it cannot do anything.
const GRACE: Duration = Duration::from_millis(30);

/// How long it may take by the clock if it does not get the processor for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it may wait for something. A guest that waits for another thread cannot be interrupted, and
/// a report may have nobody who reads it; the process ends instead.
const WAIT: Duration = Duration::from_millis(20);

/// How often that is looked at.
const STEP: Duration = Duration::from_millis(2);

/// What a command is doing, which decides how it can be stopped.
enum Stage {
    /// It works for itself: the process ends.
    Host(&'static str),
    /// The guests of an engine run: they are interrupted, so that a report can follow.
    Guest {
        engine: Engine,
        /// What is done before the process ends if they do not.
        aborting: Option<Box<dyn FnOnce() + Send>>,
    },
}

/// Ends a command after some time, unless the process has ended before.
pub(crate) struct Watchdog {
    stage: Arc<Mutex<Stage>>,
}

impl Watchdog {
    /// Begins with the time in which something is loaded: "while …".
    ///
    /// # Errors
    ///
    /// If the host has no room for a thread.
    pub(crate) fn start(timeout: Duration, loading: &'static str) -> Result<Watchdog> {
        let stage = Arc::new(Mutex::new(Stage::Host(loading)));
        let watched = Arc::clone(&stage);
        let watch = move || {
            thread::sleep(timeout);
            let now = locked(&watched);
            let Stage::Guest { engine, .. } = &*now else {
                // As the stage stays locked, no guest begins any more.
                abort(timeout, &now, "");
            };
            engine.increment_epoch();
            drop(now);
            let waits = wait_for_end();
            let mut now = locked(&watched);
            if let Stage::Guest { aborting, .. } = &mut *now
                && let Some(aborting) = aborting.take()
            {
                aborting();
            }
            abort(timeout, &now, if waits { failure::WAITS } else { failure::GOES_ON });
        };
        let thread = thread::Builder::new().spawn(watch);
        thread.context("cannot start the thread that watches the time")?;
        Ok(Watchdog { stage })
    }

    /// From now on the guests of an engine run. If they do not end by themselves when they are
    /// interrupted, the process does, after a last call.
    pub(crate) fn guest_runs(&self, engine: &Engine, aborting: impl FnOnce() + Send + 'static) {
        let (engine, aborting) = (engine.clone(), Some(Box::new(aborting) as Box<_>));
        *locked(&self.stage) = Stage::Guest { engine, aborting };
    }

    /// From now on results are printed.
    pub(crate) fn guest_ended(&self) {
        *locked(&self.stage) = Stage::Host("while its results were printed");
    }
}

fn locked(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

fn abort(timeout: Duration, stage: &Stage, why: &str) -> ! {
    failure::abort(&match stage {
        Stage::Host(doing) => format!("timed out after {timeout:?}, {doing}"),
        Stage::Guest { .. } => format!("the guest timed out after {timeout:?}{why}"),
    })
}

/// Gives the main thread time to end the process; whether it waits for something.
fn wait_for_end() -> bool {
    let (start, used) = (Instant::now(), processor_time());
    let mut computed = start;
    while start.elapsed() < PATIENCE {
        thread::sleep(STEP);
        match (used, processor_time()) {
            (Some(used), Some(now)) if now.saturating_sub(used) < GRACE => {}
            // Where the system does not say, the clock has to do.
            (None, _) if start.elapsed() < GRACE => {}
            _ => return false,
        }
        if computes() {
            computed = Instant::now();
        } else if computed.elapsed() >= WAIT {
            return true;
        }
    }
    false
}

/// How long this process had a processor, or several at once.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec as u32))
}

#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

/// Whether the main thread, which the guest runs on, has something to do or waits for a disk, as far as
/// the system says that: on Linux, in the first letter after the name in parentheses.
fn computes() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| state.starts_with(['R', 'D']))
}
