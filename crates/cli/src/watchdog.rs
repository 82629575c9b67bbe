//! The thread that stops a guest when its time is over.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use lineal::Engine;

use crate::failure;

/// How long a guest that does not compute may take to end when its time is over. One that waits for
/// another thread cannot be interrupted; the process ends instead.
const GRACE: Duration = Duration::from_millis(20);

/// How many times as long it may take if it computes: it has not had the processor then.
const PATIENCE: u32 = 50;

/// Stops the guests of an engine after some time, unless it is dropped before.
pub(crate) struct Watchdog {
    /// Dropped to say that the guest has ended.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// If the guest does not end by itself then, the process does, after a last call.
    ///
    /// # Errors
    ///
    /// If the host has no room for a thread.
    pub(crate) fn start(
        engine: Engine,
        timeout: Duration,
        aborting: impl FnOnce() + Send + 'static,
    ) -> Result<Watchdog> {
        let (running, ended) = mpsc::channel::<()>();
        let watch = move || {
            let is_over = |time| ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            if is_over(timeout) {
                engine.increment_epoch();
                let mut turns = 0;
                while is_over(GRACE) {
                    turns += 1;
                    if turns < PATIENCE && computes() {
                        continue;
                    }
                    aborting();
                    failure::abort(&format!(
                        "the guest timed out after {timeout:?}{}",
                        failure::WAITS
                    ));
                }
            }
        };
        let thread = std::thread::Builder::new().spawn(watch);
        let thread = thread.context("cannot start the thread that stops the guest in time")?;
        Ok(Watchdog { running: Some(running), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did, the guest has ended all the same.
            let _ = thread.join();
        }
    }
}

/// Whether the main thread, which the guest runs on, has something to do, as far as the system says
/// that: on Linux, in the first letter after the name in parentheses.
fn computes() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('R'))
}
