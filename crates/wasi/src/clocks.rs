//! The clocks that a guest reads and sleeps by, and what replaces them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that tells the time of day.
pub trait HostWallClock: Send + Sync {
    /// The smallest difference that the clock can tell.
    fn resolution(&self) -> Duration;

    /// The time since 1970-01-01 00:00:00 UTC.
    fn now(&self) -> Duration;

    /// Lets so much time pass without waiting, as a clock can that is not real, and returns
    /// `true`. `false`, the default, means that the guest has to wait.
    fn advance(&self, time: Duration) -> bool {
        let _ = time;
        false
    }
}

/// A clock that never goes back.
pub trait HostMonotonicClock: Send + Sync {
    /// The smallest difference that the clock can tell, in nanoseconds.
    fn resolution(&self) -> u64;

    /// The time since some moment, in nanoseconds.
    fn now(&self) -> u64;

    /// Lets so many nanoseconds pass without waiting; see [`HostWallClock::advance`].
    fn advance(&self, nanoseconds: u64) -> bool {
        let _ = nanoseconds;
        false
    }
}

/// The host's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> SystemClock {
        SystemClock { start: Instant::now() }
    }
}

impl HostWallClock for SystemClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl HostMonotonicClock for SystemClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that is the same in every run: it begins at a given time, moves on by one microsecond
/// each time that it is read, and by as much as a guest sleeps, which takes no time.
///
/// Its clones are the same clock, so that one can be the wall clock and the monotonic one.
///
/// ```
/// use std::time::Duration;
///
/// use lineal_wasi::{HostMonotonicClock, HostWallClock, SteadyClock};
///
/// let clock = SteadyClock::new(Duration::from_secs(1_000_000_000));
/// let wall: &dyn HostWallClock = &clock;
/// assert_eq!(wall.now(), Duration::new(1_000_000_000, 0));
/// assert_eq!(wall.now(), Duration::new(1_000_000_000, 1_000));
/// let monotonic: &dyn HostMonotonicClock = &clock;
/// assert!(monotonic.advance(5_000_000));
/// assert_eq!(monotonic.now(), 5_002_000);
/// ```
#[derive(Clone, Debug)]
pub struct SteadyClock {
    start: Duration,
    passed_nanos: Arc<AtomicU64>,
}

impl SteadyClock {
    /// How far the clock moves on when it is read, in nanoseconds.
    const STEP_NANOS: u64 = 1_000;

    /// A clock that begins at a time since 1970-01-01 00:00:00 UTC.
    pub fn new(start: Duration) -> SteadyClock {
        SteadyClock { start, passed_nanos: Arc::default() }
    }

    fn pass(&self, nanos: u64) -> u64 {
        let pass = |passed: u64| Some(passed.saturating_add(nanos));
        // It cannot fail: the closure always returns something.
        match self.passed_nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pass) {
            Ok(passed) | Err(passed) => passed,
        }
    }
}

impl HostWallClock for SteadyClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(SteadyClock::STEP_NANOS)
    }

    fn now(&self) -> Duration {
        self.start.saturating_add(Duration::from_nanos(self.pass(SteadyClock::STEP_NANOS)))
    }

    fn advance(&self, time: Duration) -> bool {
        self.pass(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        true
    }
}

impl HostMonotonicClock for SteadyClock {
    fn resolution(&self) -> u64 {
        SteadyClock::STEP_NANOS
    }

    fn now(&self) -> u64 {
        self.pass(SteadyClock::STEP_NANOS)
    }

    fn advance(&self, nanoseconds: u64) -> bool {
        self.pass(nanoseconds);
        true
    }
}
