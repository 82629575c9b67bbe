//! What `lineal check` can be told.

use super::leaks::LeakKind;
use super::suppress::Suppressions;
use crate::alloc::AllocOption;
use crate::event::CallEvent;

/// Whether undefined bytes are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undefined {
    /// They are not.
    #[default]
    No,
    /// Where they are handed to the host.
    Host,
}

/// How leaks are looked for at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeakCheck {
    /// Not at all.
    No,
    /// They are counted.
    Summary,
    /// They are counted, and each is shown with the stack of its allocation.
    #[default]
    Full,
}

/// The options of a [`Check`](super::Check). The default finds what can be found without changing
/// the program.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which functions allocate, besides those with known names.
    pub alloc: Vec<AllocOption>,
    /// How leaks are looked for.
    pub leak_check: LeakCheck,
    /// At which call leaks are looked for, instead of at the end.
    pub leak_check_at: Option<CallEvent>,
    /// Which kinds of leaks are findings.
    pub show_leak_kinds: Vec<LeakKind>,
    /// Whether the host goes on after a trap, as a script may: leaks are then looked for only when
    /// a report is made. Otherwise they are looked for where the guest was stopped.
    pub host_goes_on: bool,
    /// Stop the guest at the first finding.
    pub stop_on_error: bool,
    /// After how many distinct findings no more are recorded.
    pub error_limit: Option<usize>,
    /// An aligned load of a word or of a vector that has at least one valid byte is no finding. A
    /// word has the size of an address.
    pub partial_loads_ok: bool,
    /// Whether undefined bytes are looked for.
    pub undefined: Undefined,
    /// How many bytes are added to each block that C and C++ functions allocate, so that accesses
    /// further beyond its end are found. This changes the program.
    pub redzone_bytes: u64,
    /// How many bytes of freed blocks of C and C++ are kept from being used again, so that late
    /// uses are found. This changes the program.
    pub quarantine_bytes: u64,
    /// What is not to be reported.
    pub suppressions: Suppressions,
    /// How many frames of a call stack are kept.
    pub stack_depth: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            alloc: Vec::new(),
            leak_check: LeakCheck::Full,
            leak_check_at: None,
            show_leak_kinds: vec![LeakKind::Definite, LeakKind::Possible],
            host_goes_on: false,
            stop_on_error: false,
            error_limit: Some(1000),
            partial_loads_ok: true,
            undefined: Undefined::No,
            redzone_bytes: 0,
            quarantine_bytes: 0,
            suppressions: Suppressions::default(),
            stack_depth: 24,
        }
    }
}
