//! Programs in the manner of Wasmtime's examples and documentation: each needs only another `use` line
//! to be one for Wasmtime.

mod examples;
mod host;
mod objects;
mod reflection;
