//! Memory errors and leaks, found while a guest runs as it was compiled.
//!
//! [`Check`] is an [`Observer`](lineal::Observer): it learns of the calls of allocator functions,
//! keeps the blocks, and has every access reported that touches a granule of the heap that is not
//! inside a block, the null page, constant data, or the stack beyond its end.

mod checker;
mod finding;
mod frames;
mod heap;
mod hull;
mod json;
mod leaks;
mod options;
mod regions;
mod report;
mod suppress;
mod undefined;

pub use checker::Check;
pub(crate) use checker::Layouts;
pub use finding::{BlockInfo, Finding, Frame, Kind};
pub(crate) use frames::frames;
pub use json::to_json;
pub(crate) use json::{finding as finding_json, frames as frames_json};
pub use leaks::{LeakKind, Roots, find as find_leaks};
pub use options::{LeakCheck, Options, Undefined};
pub(crate) use regions::regions_of;
pub use report::{HeapSummary, LeakSummary, Report};
pub use suppress::{SuppressionError, Suppressions, suppression_of};
