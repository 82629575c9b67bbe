//! Scripts that drive linear memories and WebAssembly modules, in Lua, Starlark and JavaScript.
//!
//! [`run`] runs one script. Each language is a feature of this crate and has a module of its own;
//! the language engines are kept ones: [mlua](https://docs.rs/mlua) (Lua 5.4),
//! [starlark](https://docs.rs/starlark) and [rquickjs](https://docs.rs/rquickjs) (QuickJS-NG).
//!
//! ```
//! # #[cfg(feature = "lua")]
//! # fn main() -> Result<(), lineal_script::Error> {
//! use lineal::Engine;
//! use lineal_script::{Language, Options, Output, Script, run};
//!
//! let text = "local h = m.alloc(8) m.write_int32(h, 4, 42) assert(m.read_int32(h, 4) == 42)";
//! let script =
//!     Script { file: "example.lua".into(), text: text.into(), language: Language::Lua };
//! let mut options = Options::new(&Engine::default());
//! options.check = true;
//! let report = run(&script, options, Output::standard())?;
//! assert_eq!(report.findings, 1); // the block was never freed
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "lua"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! - `lua` (default): Lua. Needs a C compiler to build.
//! - `starlark` (default): Starlark.
//! - `js` (default): JavaScript. Needs a C compiler to build.

// The binding to JavaScript lends a linear memory to its engine; nothing else may be unsafe.
#![deny(unsafe_code)]

#[cfg(any(feature = "lua", feature = "starlark"))]
#[cfg_attr(not(feature = "lua"), allow(dead_code, reason = "blocks are Lua's"))]
mod bytes;
#[cfg(any(feature = "lua", feature = "starlark"))]
mod clock;
#[cfg(feature = "lua")]
mod dump;
#[cfg_attr(not(any(feature = "lua", feature = "starlark", feature = "js")), allow(dead_code))]
mod error;
#[cfg_attr(not(feature = "lua"), allow(dead_code, reason = "not all languages need all of it"))]
mod host;
#[cfg(any(feature = "lua", feature = "starlark"))]
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
#[cfg(any(feature = "lua", feature = "starlark"))]
mod modules;
mod options;
#[cfg(any(feature = "lua", feature = "starlark"))]
mod report;
#[cfg(feature = "starlark")]
#[expect(unsafe_code, reason = "starlark's macros implement its unsafe traits for our values")]
mod starlark;
#[cfg(not(feature = "starlark"))]
#[path = "starlark_disabled.rs"]
mod starlark;
#[cfg(any(feature = "lua", feature = "starlark"))]
mod store;

pub use error::{Error, ScriptError};
pub use host::Host;
pub use language::{Language, UnknownLanguage};
pub use options::{AtEnd, Options, Output, Report, Script};

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
