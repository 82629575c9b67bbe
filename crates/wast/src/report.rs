//! The result of a script.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::location::Location;
use crate::outcome::{Outcome, Stop};

/// What became of the directives of a script, or of several scripts.
#[derive(Clone, Debug, Default)]
pub struct Report {
    passed: usize,
    failures: Vec<Failure>,
    skips: Vec<Skip>,
}

/// A directive that did not do what the script expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where the directive starts.
    pub location: Location,
    /// What the script expects.
    pub expected: String,
    /// What was found instead.
    pub found: String,
}

/// A directive that was not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Where the directive starts.
    pub location: Location,
    /// Why, as "needs" and the name of a proposal.
    pub reason: Arc<str>,
}

impl Report {
    /// How many directives did what the script expects.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.failures.len()
    }

    /// How many were not executed.
    pub fn skipped(&self) -> usize {
        self.skips.len()
    }

    /// Whether nothing failed; some directives may have been skipped.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }

    /// The directives that failed, in the order of the script.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The directives that were not executed, in the order of the script.
    pub fn skips(&self) -> &[Skip] {
        &self.skips
    }

    /// The reasons for which directives were not executed, each with how many.
    pub fn skip_reasons(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for skip in &self.skips {
            *reasons.entry(&*skip.reason).or_insert(0) += 1;
        }
        reasons
    }

    /// Adds what became of the directives of a thread.
    pub(crate) fn append(&mut self, mut other: Report) {
        self.passed += other.passed;
        self.failures.append(&mut other.failures);
        self.skips.append(&mut other.skips);
    }

    pub(crate) fn add(&mut self, location: Location, outcome: Outcome) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(Stop::Fail { expected, found }) => {
                self.failures.push(Failure { location, expected, found });
            }
            Err(Stop::Skip(reason)) => self.skips.push(Skip { location, reason }),
        }
    }
}

impl fmt::Display for Report {
    /// Writes the counts and the reasons for skipping, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed())?;
        if !self.skips.is_empty() {
            write!(f, ", {} skipped (", self.skipped())?;
            for (index, (reason, count)) in self.skip_reasons().into_iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{reason}: {count}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    /// Writes `line:column: expected …, found …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.location, self.expected, self.found)
    }
}
