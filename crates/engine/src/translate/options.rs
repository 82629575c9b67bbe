//! How the translator works: which optimisations it applies (all of them, except where a test
//! compares), and what it adds to the code because the configuration asks for it.

/// The translator's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Keep results in accumulators until something needs their slot.
    pub(crate) fold: bool,
    /// Fuse comparisons with the branches on them.
    pub(crate) fuse: bool,
    /// Pin locals to registers.
    pub(crate) pin: bool,
    /// Charge fuel.
    pub(crate) fuel: bool,
    /// Look at the epoch.
    pub(crate) epochs: bool,
    /// Make every NaN that arithmetic results in the canonical one.
    pub(crate) canonical_nans: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            fold: true,
            fuse: true,
            pin: true,
            fuel: false,
            epochs: false,
            canonical_nans: false,
        }
    }
}

impl Options {
    /// Whether operators become more than what they say.
    pub(super) fn adds_code(self) -> bool {
        self.fuel || self.canonical_nans
    }
}
