//! `lineal`: runs, tests and inspects WebAssembly modules.
//!
//! Each command has a module: [`run`], [`wast`], [`inspect`], [`dump`], and those in [`observe`]. A command writes its
//! results to the output it is given and returns an error or a [`Status`]; what becomes of errors
//! is decided here and in [`failure`].

#![forbid(unsafe_code)]

mod args;
mod dump;
mod failure;
mod hex;
mod host;
mod inspect;
mod layout;
mod observe;
mod program;
mod run;
mod script;
mod source;
mod wast;
mod watchdog;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

/// Runs, tests and inspects WebAssembly modules.
#[derive(Debug, Parser)]
#[command(name = "lineal", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a program, or call a function of a module and print its results
    Run(run::Options),
    /// Run a script in Lua, Starlark or JavaScript that drives memories and modules
    Script(script::Options),
    /// Run test scripts of the WebAssembly specification (.wast)
    Wast(wast::Options),
    /// Show a module's memories, data segments, imports and exports
    Inspect(inspect::Options),
    /// Run a module, then show a range of its memory
    Dump(dump::Options),
    /// Run a program, then show who wrote each byte of a range last
    Blame(observe::blame::Options),
    /// Run a program and find memory errors and leaks
    Check(observe::check::Options),
    /// Run a program and profile its heap
    Heap(observe::heap::Options),
    /// Run a program, then show which addresses it accessed how often
    Heat(observe::heat::Options),
    /// Run a program and write every access to memory to a file, or print such a file (.ltrace)
    Trace(observe::trace::Options),
    /// Run a program and write its memory at an event to a file
    Snapshot(observe::snapshot::Options),
    /// Show what differs between two snapshots
    Diff(observe::snapshot::DiffOptions),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell to print it for
        shell: Shell,
    },
}

/// How a command ended, if it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Nothing is wrong.
    Success,
    /// The command found something wrong, and has printed what.
    Failure,
    /// The process is to end with this status.
    Exit(u8),
}

fn main() -> ExitCode {
    let cli = parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let result = cli.command.execute(&mut out).and_then(|status| {
        out.flush()?;
        Ok(status)
    });
    match result {
        Ok(Status::Success) => ExitCode::SUCCESS,
        Ok(Status::Failure) => ExitCode::FAILURE,
        Ok(Status::Exit(status)) => status.into(),
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // What there is of results comes before the error. If it cannot be written, the
            // error is still the more important message.
            let _ = out.flush();
            failure::report(&error)
        }
    }
}

/// The command line. What is wrong with it ends the process.
fn parse() -> Cli {
    let matches = Cli::command().get_matches();
    if let Some(("dump", matches)) = matches.subcommand()
        && let Some(option) = host::Options::after_file(matches)
    {
        let message = format!("--{option} must come before the file: it is for the guest");
        Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

impl Command {
    fn execute(&self, out: &mut impl Write) -> Result<Status> {
        match self {
            Command::Run(options) => options.execute(out),
            Command::Script(options) => options.execute(),
            Command::Wast(options) => options.execute(out),
            Command::Inspect(options) => options.execute(out),
            Command::Dump(options) => options.execute(out),
            Command::Blame(options) => options.execute(out),
            Command::Check(options) => options.execute(out),
            Command::Heap(options) => options.execute(out),
            Command::Heat(options) => options.execute(out),
            Command::Trace(options) => options.execute(out),
            Command::Snapshot(options) => options.execute(out),
            Command::Diff(options) => options.execute(out),
            Command::Completions { shell } => completions(*shell, out),
        }
    }
}

fn completions(shell: Shell, out: &mut impl Write) -> Result<Status> {
    // The generator panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lineal", &mut script);
    out.write_all(&script)?;
    Ok(Status::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
