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

mod error;
mod host;
#[cfg(feature = "js")]
mod js;
#[cfg(not(feature = "js"))]
#[path = "js_disabled.rs"]
mod js;
mod language;
mod options;

pub use error::{Error, ScriptError};
pub use host::Host;
pub use language::{Language, UnknownLanguage};
pub use options::{Options, Output, Script};

/// Runs a script to its end.
///
/// # Errors
///
/// If the script cannot be compiled or fails ([`Error::Script`]), if it ends the program with a
/// status ([`Error::Exit`]), or if this build does not include the language
/// ([`Error::Unavailable`]).
pub fn run(script: &Script, options: Options, output: Output) -> Result<(), Error> {
    match script.language {
        Language::Lua => Err(Error::Unavailable(Language::Lua)),
        Language::Starlark => Err(Error::Unavailable(Language::Starlark)),
        Language::JavaScript => js::run(script, options, output),
    }
}
