//! What a script is run with.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use lineal::{Engine, Linker, Moment, Observer, Store};

use crate::{Error, Host, Language};

/// A script to run.
#[derive(Clone, Debug)]
pub struct Script {
    /// Where the text comes from: the name in messages. What the script loads is looked for
    /// relative to this file's directory.
    pub file: PathBuf,
    /// The text, in UTF-8.
    pub text: String,
    /// What it is written in.
    pub language: Language,
}

/// What surrounds a script.
pub struct Options {
    /// The engine for all modules and memories. To stop scripts in time, it must have
    /// [epoch interruption](lineal::Config::epoch_interruption).
    pub engine: Engine,
    /// The script's arguments.
    pub args: Vec<String>,
    /// A module to instantiate before the script starts; the script finds its exports.
    pub module: Option<PathBuf>,
    /// Refuses what is accepted for convenience, but what browsers refuse.
    pub strict: bool,
    /// Reports what the script forgot: blocks of memory that were never freed.
    pub check: bool,
    /// How many bytes all memories and tables may have together, those of modules and those that
    /// the script allocates. The values of the script itself may take as much again, besides what
    /// its engine needs to start.
    pub max_memory_bytes: Option<u64>,
    /// When the script must have ended; it is stopped by an error at this time. Guests are
    /// stopped by the [engine's epoch](Engine::increment_epoch), which the caller increments.
    pub deadline: Option<Instant>,
    /// Defines what modules can import besides what the script gives them.
    pub linker: Option<Linker<Host>>,
    /// Is told what modules do to their memories, if the engine
    /// [observes](lineal::Config::observe) that. What scripts do to them by themselves is not told
    /// if it goes by way of JavaScript's buffers.
    pub observer: Option<Box<dyn Observer>>,
    /// Is called when the script has ended, as long as its store is there, if the engine
    /// [observes](lineal::Config::observe). It gets the error of the engine that the script failed
    /// with, if that is why.
    pub at_end: Option<AtEnd>,
    /// The [`Host::extension`] of the store, for the functions in the linker.
    pub extension: Option<Box<dyn std::any::Any>>,
}

/// What looks at the store of a script that has ended.
pub type AtEnd = Box<dyn FnOnce(&mut Moment<'_>, Option<&lineal::Error>)>;

/// Shows the store of a script that has ended to whoever wants to see it.
#[cfg_attr(not(any(feature = "lua", feature = "starlark", feature = "js")), allow(dead_code))]
pub(crate) fn show_end<T>(
    at_end: Option<AtEnd>,
    store: &mut Store<Host>,
    outcome: &Result<T, Error>,
) {
    let cause = match outcome {
        Err(Error::Script(error)) => error.cause(),
        _ => None,
    };
    if let (Some(at_end), Some(mut moment)) = (at_end, store.moment()) {
        at_end(&mut moment, cause);
    }
}

impl Options {
    /// No limits and no module.
    pub fn new(engine: &Engine) -> Options {
        Options {
            engine: engine.clone(),
            args: Vec::new(),
            module: None,
            strict: false,
            check: false,
            max_memory_bytes: None,
            deadline: None,
            linker: None,
            observer: None,
            at_end: None,
            extension: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("args", &self.args)
            .field("module", &self.module)
            .field("strict", &self.strict)
            .field("check", &self.check)
            .field("max_memory_bytes", &self.max_memory_bytes)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Where a script prints to.
pub struct Output {
    /// What the script prints.
    pub out: Box<dyn Write>,
    /// Warnings, and what the script prints as errors.
    pub err: Box<dyn Write>,
    /// Whether `out` is a terminal that shows colours.
    pub colours: bool,
}

impl Output {
    /// Standard output and standard error, without colours.
    pub fn standard() -> Output {
        Output { out: Box::new(io::stdout()), err: Box::new(io::stderr()), colours: false }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("colours", &self.colours).finish_non_exhaustive()
    }
}

/// What a script that ran to its end left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many blocks of memory were never freed, if that was to be [checked](Options::check).
    pub findings: u64,
}
