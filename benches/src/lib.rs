//! What the benchmarks have in common: the engines behind one trait, the programs with their
//! expected results, and the reports.
//!
//! - [`Engine`], [`Module`] and [`Instance`] are how every benchmark talks to Lineal and to its
//!   peers; [`engines`] lists those that were built in.
//! - [`Program`] is a module from `benches/programs`, with a size and the checksum it must give.
//! - [`Kernel`] is a function from `benches/guest`; [`large_module`] makes up a module that takes a
//!   while to compile.
//! - [`Samples`] holds what was measured; [`Report`] writes it as Markdown and as a picture.

mod clock;
mod engine;
mod engines;
mod generate;
mod kernel;
mod machine;
mod program;
mod report;
mod samples;

pub use clock::{CpuTime, cpu_time};
pub use engine::{Engine, Instance, Module};
pub use engines::{eager_engines, engine, engines, instantiate_if_supported, runs};
pub use generate::large_module;
pub use kernel::{Kernel, Work};
pub use machine::Machine;
pub use program::{Program, Workload};
pub use report::Report;
pub use report::markdown::aligned;
pub use samples::{Samples, geometric_mean, median};
