//! What becomes of a directive.

use std::sync::Arc;

/// Why something that a script names does not exist: shared by all that depends on it.
pub(crate) type Reason = Arc<str>;

/// Why a directive did not pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It did something else than the script says.
    Fail {
        /// What the script says.
        expected: String,
        /// What happened.
        found: String,
    },
    /// It cannot be executed here.
    Skip(Reason),
}

impl Stop {
    pub(crate) fn fail(expected: impl Into<String>, found: impl Into<String>) -> Stop {
        Stop::Fail { expected: expected.into(), found: found.into() }
    }

    /// A directive that needs a proposal which this build does not implement.
    pub(crate) fn needs(proposal: &str) -> Stop {
        Stop::Skip(format!("needs {proposal}").into())
    }

    /// The reason that directives depending on this one are skipped for.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Stop::Fail { .. } => "the module it depends on failed".into(),
            Stop::Skip(reason) => reason.clone(),
        }
    }
}

/// The outcome of a directive: it passed, or why it did not.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;
