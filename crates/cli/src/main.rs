//! `lineal`: runs, tests and inspects WebAssembly modules.
//!
//! Each command has a module: [`run`], [`wast`], [`inspect`], [`dump`], and those in [`observe`]. A command writes its
//! results to the output it is given and returns an error or a [`Status`]; what becomes of errors
//! is decided here and in [`failure`].

#![forbid(unsafe_code)]

mod args;
mod assemblyscript;
mod dump;
mod failure;
mod features;
mod hex;
mod host;
mod imports;
mod inspect;
mod layout;
mod observe;
mod program;
mod progress;
mod run;
mod script;
mod source;
mod wast;
mod watchdog;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use lineal_wasi::I32Exit;

/// Runs, tests and inspects WebAssembly modules.
///
/// `lineal FILE [ARGS]` is short for `lineal run FILE [ARGS]`.
#[derive(Debug, Parser)]
#[command(name = "lineal", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour messages
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: failure::Color,
    /// Print results and errors only: no hints, no progress, and no scripts that passed
    #[arg(short, long, global = true)]
    quiet: bool,
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
    failure::set_style(cli.color, cli.quiet);
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
            let status = failure::report(&error);
            cli.command.hint(&error);
            status
        }
    }
}

/// The command line. What is wrong with it ends the process.
fn parse() -> Cli {
    let args = with_command(std::env::args_os().collect());
    let matches = Cli::command().try_get_matches_from(args).unwrap_or_else(|error| misuse(error));
    if let Some(("dump", matches)) = matches.subcommand()
        && let Some(option) = host::Options::after_file(matches)
    {
        let message = format!("--{option} must come before the file");
        Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Ends the process for a command line that is wrong.
fn misuse(mut error: clap::Error) -> ! {
    // To pass a word as a value, after `--`, is no help: a program gets its options after the file.
    if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains("as a value"));
        if !tips.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    error.exit()
}

/// Names the command `run` if no command is named: before a file, and before an option that is not
/// one of this program's own.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    // The options that belong to no command come first.
    let mut at = 1;
    while let Some(arg) = args.get(at).and_then(|arg| arg.to_str()) {
        at += match arg {
            "-q" | "--quiet" => 1,
            "--color" => 2,
            arg if arg.starts_with("--color=") => 1,
            _ => break,
        };
    }
    let Some(first) = args.get(at).and_then(|arg| arg.to_str()) else {
        // Nothing; or a file, because all commands are UTF-8.
        if args.len() > at {
            args.insert(at, "run".into());
        }
        return args;
    };
    let is_option = first.starts_with('-') && first != "-";
    let is_own = matches!(first, "-h" | "--help" | "-V" | "--version");
    let is_command = || {
        let commands = Cli::command();
        first == "help" || commands.get_subcommands().any(|command| command.get_name() == first)
    };
    // A word that is no file is a command with a mistake in it.
    let is_file = || first.contains(['.', '/']) || first == "-" || Path::new(first).exists();
    if if is_option { !is_own } else { !is_command() && is_file() } {
        args.insert(at, "run".into());
    }
    args
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

impl Command {
    /// Says of a program that has failed what may have been meant otherwise. What it printed itself
    /// is not added to, unless a person reads it.
    fn hint(&self, error: &Error) {
        let Command::Run(options) = self else { return };
        if failure::is_quiet() {
            return;
        }
        if error.is::<I32Exit>() && !io::stderr().is_terminal() {
            return;
        }
        if let Some(option) = host::Options::misplaced(options.args()) {
            eprintln!(
                "hint: {option} comes after the file, so it is the program's own: \
                 options for lineal go before FILE"
            );
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
