//! How far the engine is with compiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far an engine is with validating and translating functions: for a host that shows it while
/// large modules are loaded.
///
/// Clones count together. See [`Config::compilation_progress`](crate::Config::compilation_progress).
#[derive(Clone, Debug, Default)]
pub struct CompilationProgress {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    done_bytes: AtomicU64,
    all_bytes: AtomicU64,
}

impl CompilationProgress {
    /// Nothing was begun.
    pub fn new() -> CompilationProgress {
        CompilationProgress::default()
    }

    /// How many bytes of functions are done, of all modules.
    pub fn done_bytes(&self) -> u64 {
        self.counts.done_bytes.load(Ordering::Relaxed)
    }

    /// How many bytes of functions there are in the modules that were begun. The functions of a module
    /// come after all else that is read of it.
    pub fn all_bytes(&self) -> u64 {
        self.counts.all_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self, bytes: usize) {
        self.counts.all_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, bytes: usize) {
        self.counts.done_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
