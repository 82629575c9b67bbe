//! The official WebAssembly test suite, run on Lineal.
//!
//! The scripts are those of the editions 1.0, 2.0 and 3.0 and of the proposals, each with the
//! features its edition has ([`scripts`]). What cannot pass yet is written down in `known.txt`
//! ([`Known`]): a file that is not listed must pass as a whole, and a file that is listed must
//! do no better than the list says. [`run`] compares the two.
//!
//! ```text
//! cargo test -p spec-tests                    # everything
//! cargo test -p spec-tests -- memory64 br_if  # the files whose names contain one of these
//! ```

#![forbid(unsafe_code)]

mod known;
mod run;
mod scripts;

pub use known::{Known, Limit};
pub use run::{Mode, Outcome, Verdict, run};
pub use scripts::{Script, scripts};

/// The examples of the project's README, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
