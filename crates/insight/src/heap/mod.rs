//! A heap profile: who allocates, how much, and what becomes of it.
//!
//! [`Profiler`] is an [`Observer`](lineal::Observer) of the calls of allocator functions;
//! [`Profile`] is its result, which [`dhat`], [`folded`] and [`pprof`] write in the formats of
//! other tools.

mod export;
mod profile;
mod profiler;
mod text;

pub use export::{dhat, folded, pprof, to_json};
pub use profile::{Growth, Point, Profile, SiteProfile, StackMark, Totals};
pub use profiler::{Options, Profiler};
