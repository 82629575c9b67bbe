//! Which optimisations the translator applies; all of them, except where a test compares.

/// The translator's optimisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Keep results in accumulators until something needs their slot.
    pub(crate) fold: bool,
    /// Fuse comparisons with the branches on them.
    pub(crate) fuse: bool,
    /// Pin locals to registers.
    pub(crate) pin: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { fold: true, fuse: true, pin: true }
    }
}
