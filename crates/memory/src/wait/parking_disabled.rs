//! Stands in for the queues where threads cannot wait.

/// Wakes nobody, as nobody waits.
pub(crate) fn notify(_: usize, _: u32) -> u32 {
    0
}
