//! [`Clock`]: when a script must have ended.

use std::time::Instant;

/// When a script must have ended, if ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Option<Instant>);

impl Clock {
    pub(crate) fn new(deadline: Option<Instant>) -> Clock {
        Clock(deadline)
    }

    /// Whether the time is limited at all.
    #[cfg(feature = "lua")]
    pub(crate) fn is_limited(self) -> bool {
        self.0.is_some()
    }

    /// Whether the time is over.
    pub(crate) fn is_over(self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
