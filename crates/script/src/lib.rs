//! Scripts that drive linear memories and WebAssembly modules, in Lua, Starlark and JavaScript.
//!
//! [`run`] runs one script. Each language is a feature of this crate and has a module of its own;
//! the language engines are kept ones: [mlua](https://docs.rs/mlua) (Lua 5.4),
//! [starlark](https://docs.rs/starlark) and [rquickjs](https://docs.rs/rquickjs) (QuickJS-NG).
//!
//! # Features
//!
//! - `lua` (default): Lua. Needs a C compiler to build.
//! - `starlark` (default): Starlark.
//! - `js` (default): JavaScript. Needs a C compiler to build.

// The binding to JavaScript lends a linear memory to its engine; nothing else may be unsafe.
#![deny(unsafe_code)]

mod bytes;
mod clock;
#[cfg(feature = "lua")]
mod dump;
mod error;
mod host;
mod imports;
#[cfg(feature = "js")]
mod js;
#[cfg(not(feature = "js"))]
#[path = "js_disabled.rs"]
mod js;
mod language;
#[cfg(feature = "lua")]
mod lua;
#[cfg(not(feature = "lua"))]
#[path = "lua_disabled.rs"]
mod lua;
mod modules;
mod options;
mod report;
#[cfg(feature = "starlark")]
#[expect(unsafe_code, reason = "starlark's macros implement its unsafe traits for our values")]
mod starlark;
#[cfg(not(feature = "starlark"))]
#[path = "starlark_disabled.rs"]
mod starlark;
mod store;

pub use error::{Error, ScriptError};
pub use host::Host;
pub use language::{Language, UnknownLanguage};
pub use options::{Options, Output, Report, Script};

/// Runs a script to its end.
///
/// # Errors
///
/// If the script cannot be compiled or fails ([`Error::Script`]), if it ends the program with a
/// status ([`Error::Exit`]), or if this build does not include the language
/// ([`Error::Unavailable`]).
pub fn run(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    match script.language {
        Language::Lua => lua::run(script, options, output),
        Language::Starlark => starlark::run(script, options, output),
        Language::JavaScript => js::run(script, options, output),
    }
}

/// The README's example, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
