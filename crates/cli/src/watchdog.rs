//! The thread that ends a command when its time is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use lineal::Engine;

use crate::failure;

/// How long a guest that does not compute may take to end when its time is over. One that waits for
/// another thread cannot be interrupted; the process ends instead.
const GRACE: Duration = Duration::from_millis(20);

/// How many times as long it may take if it computes: it has not had the processor then.
const PATIENCE: u32 = 50;

/// How long it may take to report where a guest was interrupted.
const REPORT_TIME: Duration = Duration::from_secs(1);

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
                abort(timeout, &now);
            };
            engine.increment_epoch();
            drop(now);
            for _ in 0..PATIENCE {
                thread::sleep(GRACE);
                if matches!(&*locked(&watched), Stage::Host(_)) {
                    thread::sleep(REPORT_TIME);
                    break;
                }
                if !computes() {
                    break;
                }
            }
            let mut now = locked(&watched);
            if let Stage::Guest { aborting, .. } = &mut *now
                && let Some(aborting) = aborting.take()
            {
                aborting();
            }
            abort(timeout, &now);
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

fn abort(timeout: Duration, stage: &Stage) -> ! {
    failure::abort(&match stage {
        Stage::Host(doing) => format!("timed out after {timeout:?}, {doing}"),
        Stage::Guest { .. } => format!("the guest timed out after {timeout:?}{}", failure::WAITS),
    })
}

/// Whether the main thread, which the guest runs on, has something to do, as far as the system says
/// that: on Linux, in the first letter after the name in parentheses.
fn computes() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('R'))
}
