//! Runs WebAssembly test scripts, the `.wast` files of the specification's test suite.
//!
//! ```text
//! script ─► directives ─► session: one store, the instances by name, ─► report
//! (wast)                  the host module `spectest`                    passed, failed, skipped
//! ```
//!
//! A directive that fails does not stop the script. It becomes a [`Failure`], which says where the directive
//! is, what the script expected and what was found. A directive that needs a proposal which this build
//! does not implement, or a module that needs one, is skipped, and [`Skip`] says why.
//!
//! ```
//! let report = lineal_wast::Runner::default().run(
//!     r#"(module (func (export "double") (param i32) (result i32)
//!          (i32.add (local.get 0) (local.get 0))))
//!        (assert_return (invoke "double" (i32.const 21)) (i32.const 42))
//!        (assert_return (invoke "double" (i32.const 2)) (i32.const 5))"#,
//! )?;
//! assert_eq!((report.passed(), report.failed(), report.skipped()), (2, 1, 0));
//! assert_eq!(
//!     report.failures()[0].to_string(),
//!     "4:8: expected (i32.const 5), found (i32.const 4)"
//! );
//! # Ok::<(), lineal_wast::Error>(())
//! ```

#![forbid(unsafe_code)]

mod literal;
mod location;
mod outcome;
mod report;
mod runner;
mod session;
mod spectest;
mod values;

pub use lineal::DecodeError as Error;
pub use literal::{LiteralError, parse_literal, parse_natural};
pub use location::Location;
pub use report::{Failure, Report, Skip};
pub use runner::Runner;

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
