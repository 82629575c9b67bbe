//! What can go wrong with a script.

use std::error::Error as StdError;
use std::{fmt, io};

use crate::Language;

/// Why a script did not run to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// This build does not include the language.
    Unavailable(Language),
    /// The script could not be compiled, or it failed.
    Script(ScriptError),
    /// The script ended the program with this status, which may be 0.
    Exit(i32),
    /// The script's [deadline](crate::Options::deadline) passed.
    TimedOut,
    /// What the script printed could not be written.
    Output(io::Error),
    /// A module named in the options could not be loaded, or the host has no room for the
    /// script's engine.
    Setup(lineal::Error),
}

/// The failure of a script: a message with the script's lines, and what caused it.
#[derive(Debug)]
pub struct ScriptError {
    message: String,
    cause: Option<lineal::Error>,
}

impl ScriptError {
    /// A failure that prints as `message`.
    pub(crate) fn new(message: impl Into<String>, cause: Option<lineal::Error>) -> ScriptError {
        ScriptError { message: message.into(), cause }
    }

    /// The engine's error that the script did not catch, if there was one. A
    /// [`Trap`](lineal::Trap) and a [`WasmBacktrace`](lineal::WasmBacktrace) are found by
    /// downcasting.
    pub fn cause(&self) -> Option<&lineal::Error> {
        self.cause.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(language) => write!(
                f,
                "this build does not include {language}; build with the feature `{}`, which \
                 needs a C compiler unless it is `starlark`",
                language.feature()
            ),
            Error::Script(error) => error.fmt(f),
            Error::Exit(status) => write!(f, "the script ended with status {status}"),
            Error::TimedOut => f.write_str("the script timed out"),
            Error::Output(error) => write!(f, "cannot print: {error}"),
            Error::Setup(error) => write!(f, "{error:#}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Output(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for ScriptError {}

impl From<ScriptError> for Error {
    fn from(error: ScriptError) -> Error {
        Error::Script(error)
    }
}
