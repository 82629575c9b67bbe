//! How errors are reported to the user, and the exit status of the process.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Error;
use lineal::{ElementTrap, Escaped, MemoryTrap, Trap, WasmBacktrace, WasmCoreDump};
use lineal_wasi::I32Exit;

use crate::host::Refused;

/// The status after a trap: that of a process that aborts, as Wasmtime has it.
const TRAP_STATUS: u8 = 134;

/// The status if a check has found something, unless the program's own says more.
pub(crate) const FINDINGS_STATUS: u8 = 99;

/// What is said of a guest that did not compute when it was stopped.
pub(crate) const WAITS: &str = ", and is still waiting for something";

/// What is said of one that could not be interrupted, or not in time.
pub(crate) const GOES_ON: &str = ", in an operation that cannot be interrupted";

/// Whether the reader of our output is gone. That is not worth a message.
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes an error to standard error, and returns the status for it.
pub(crate) fn report(error: &Error) -> ExitCode {
    status(error).into()
}

/// Ends the process with an error, written to standard error.
pub(crate) fn exit(error: &Error) -> ! {
    std::process::exit(status(error).into())
}

/// Writes an error to standard error, and returns the status for it.
fn status(error: &Error) -> u8 {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        // The guest has said itself what was wrong, but for what it cannot know.
        if let Some(refused) = error.downcast_ref::<Refused>() {
            tell(&format!("{refused}\n"));
        }
        // As an exit code of any process: of its lowest 8 bits.
        return exit.process_exit_code() as u8;
    }
    tell(&message(error));
    if error.downcast_ref::<Trap>().is_some() { TRAP_STATUS } else { 1 }
}

/// How long the reader of standard error may take to read why the process ends.
const TELL_TIME: Duration = Duration::from_millis(25);

/// Ends the process with an error, as after a trap, even if nobody reads the error.
pub(crate) fn abort(message: &str) -> ! {
    let (told, is_told) = mpsc::channel();
    let message = format!("{message}\n");
    let tell = move || {
        tell(&message);
        let _ = told.send(());
    };
    // Without a thread the process ends without a word.
    if thread::Builder::new().spawn(tell).is_ok() {
        let _ = is_told.recv_timeout(TELL_TIME);
    }
    std::process::exit(TRAP_STATUS.into())
}

fn tell(message: &str) {
    let stderr = io::stderr();
    let (red, plain) = if colours(&stderr) { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let message = printable(message);
    // In one piece, because another thread may end the process. If this fails, there is nobody to
    // report it to.
    let text = format!("{red}error:{plain} {message}");
    let _ = stderr.lock().write_all(text.as_bytes());
}

/// Writes something that is no error to standard error: a first line, which is highlighted on a
/// terminal, and more.
pub(crate) fn note(text: &str) {
    let stderr = io::stderr();
    let (bold, plain) = if colours(&stderr) { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let text = printable(text);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let newline = if rest.is_empty() { "" } else { "\n" };
    // If this fails, there is nobody to tell.
    let _ = writeln!(stderr.lock(), "{bold}{first}{plain}{newline}{rest}");
}

/// A text without what controls a terminal: names are the module's own.
pub(crate) fn printable(text: &str) -> String {
    text.replace(|c: char| Escaped::is_needed_for(c) && c != '\n' && c != '\t', "\u{fffd}")
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also when it goes to a file or a pipe
    Always,
    /// Not at all
    Never,
}

/// How the user wants messages to be: set once, before anything else happens.
static STYLE: OnceLock<(Color, bool)> = OnceLock::new();

/// Says when messages are coloured, and whether only errors and results are wanted.
pub(crate) fn set_style(color: Color, quiet: bool) {
    // Nobody else sets it.
    let _ = STYLE.set((color, quiet));
}

fn color() -> Color {
    STYLE.get().map_or(Color::Auto, |style| style.0)
}

/// Whether only errors and results are wanted.
pub(crate) fn is_quiet() -> bool {
    STYLE.get().is_some_and(|style| style.1)
}

/// Whether what is written to a stream is coloured.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    match color() {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stream.is_terminal() && colours_wanted(),
    }
}

/// Whether the user has not asked for plain text.
fn colours_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// An error with its causes, and where the guest was.
fn message(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let backtrace_text = backtrace.map(WasmBacktrace::to_string);
    // What is known of the access that was out of bounds says what the trap was, too.
    let memory = error.downcast_ref::<MemoryTrap>().map(ToString::to_string);
    let details = memory.or_else(|| error.downcast_ref::<ElementTrap>().map(ToString::to_string));
    let trap = error.downcast_ref::<Trap>().filter(|_| details.is_some()).map(Trap::to_string);
    let mut message = String::new();
    let causes = error.chain().map(ToString::to_string);
    let causes = causes.filter(|cause| Some(cause) != backtrace_text.as_ref());
    let dump = error.downcast_ref::<WasmCoreDump>().map(ToString::to_string);
    let causes = causes.filter(|cause| Some(cause) != dump.as_ref());
    let causes = causes.filter(|cause| Some(cause) != trap.as_ref()).map(|cause| {
        if Some(&cause) == details.as_ref() { format!("wasm trap: {cause}") } else { cause }
    });
    for (index, cause) in causes.enumerate() {
        let label = if index == 0 { "" } else { "  caused by: " };
        message.push_str(label);
        message.push_str(&cause);
        message.push('\n');
    }
    if let Some(backtrace) = backtrace {
        message.push_str("  wasm backtrace, innermost function first:\n");
        for (number, frame) in backtrace.frames().iter().enumerate() {
            let _ = writeln!(message, "  {number:>4}: {frame}");
        }
        match backtrace.frames_left_out() {
            0 => {}
            1 => message.push_str("        and 1 more function\n"),
            more => {
                let _ = writeln!(message, "        and {more} more functions");
            }
        }
    }
    message
}
