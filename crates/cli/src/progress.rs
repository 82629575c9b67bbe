//! What is shown of work that takes long: a line on the terminal that is gone when the work is done.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use lineal::Escaped;

use crate::failure;

/// How long work may take without a word.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the line is written again.
const INTERVAL: Duration = Duration::from_millis(200);

/// Work that is under way until this is dropped.
pub(crate) struct Progress {
    /// Dropped to say that the work is done.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows what is being done, once it has taken a while. Nothing is shown if standard error is no
    /// terminal, or if the user wants quiet.
    pub(crate) fn start(text: impl Fn() -> String + Send + 'static) -> Progress {
        if failure::is_quiet() || !io::stderr().is_terminal() {
            return Progress { running: None, thread: None };
        }
        let (running, done) = mpsc::channel::<()>();
        let show = move || {
            let is_done = |time| done.recv_timeout(time) != Err(RecvTimeoutError::Timeout);
            if is_done(PATIENCE) {
                return;
            }
            loop {
                let text = text();
                let text = Escaped(&text);
                // If it cannot be written, nobody misses it. The line is cut where the terminal ends.
                let _ = write!(io::stderr(), "\r\x1b[?7l{text}\x1b[?7h\x1b[K");
                if is_done(INTERVAL) {
                    let _ = write!(io::stderr(), "\r\x1b[K");
                    return;
                }
            }
        };
        // Without a thread, it is quiet.
        let thread = std::thread::Builder::new().spawn(show).ok();
        Progress { running: Some(running), thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // The line must be gone before anything else is written.
            let _ = thread.join();
        }
    }
}
