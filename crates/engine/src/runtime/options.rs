//! How the translator works: which optimisations it applies, and what it adds to the code because
//! the configuration asks for it.

use crate::runtime::observe::config::Watched;

/// The optimisations of the translator, all of them on by default.
///
/// They change how fast a program runs, never what it does: switching them off is for finding out
/// whether a wrong result is the translator's fault. See
/// [`Config::optimizations`](crate::Config::optimizations).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Optimizations {
    /// Keep results in registers until something needs them in memory.
    pub fold: bool,
    /// Make one operation of several: of a comparison and the branch on it, for instance.
    pub fuse: bool,
    /// Keep the most used locals of a loop in registers.
    pub pin: bool,
}

impl Optimizations {
    /// All of them.
    pub const ALL: Optimizations = Optimizations { fold: true, fuse: true, pin: true };
    /// None of them.
    pub const NONE: Optimizations = Optimizations { fold: false, fuse: false, pin: false };
}

impl Default for Optimizations {
    fn default() -> Optimizations {
        Optimizations::ALL
    }
}

/// The translator's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) optimizations: Optimizations,
    /// Charge fuel.
    pub(crate) fuel: bool,
    /// Look at the epoch.
    pub(crate) epochs: bool,
    /// Make every NaN that arithmetic results in the canonical one.
    pub(crate) canonical_nans: bool,
    /// Report what is done to memories.
    pub(crate) watched: Watched,
}

impl Options {
    /// Whether guests can be stopped by what they use: then operations charge fuel for each part of
    /// their work, or look at the epoch in between.
    pub(crate) fn is_metered(self) -> bool {
        self.fuel || self.epochs
    }
}

/// How many bytes an operation works on before it looks at the epoch again: less than a millisecond, and
/// some of them where the system has yet to find the pages.
pub(crate) const PIECE_BYTES: u64 = 2 << 20;
