//! `lineal run`: calls a function and prints its results.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;

use crate::Status;
use crate::args;
use crate::program::Program;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The module, as .wat or .wasm; `-` for standard input
    file: PathBuf,
    /// The exported function to call [default: `_start`, `main` or `run`, or else the only one]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    /// The function's arguments; options must come before them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let program = Program::load(&self.file.clone().into())?;
        let call = program.call(self.invoke.as_deref(), &self.args)?;
        let mut store = program.store();
        let instance = program.instantiate(&mut store)?;
        for result in call.make(&mut store, instance)? {
            writeln!(out, "{}", args::display(&result))?;
        }
        Ok(Status::Success)
    }
}
