//! How the engine's errors are told to a script.

use std::fmt::Write as _;

use lineal::{ElementTrap, Error, MemoryTrap, Trap, WasmBacktrace};

/// An error with its causes on one line, and below it where the guest was.
pub(crate) fn describe(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let backtrace_text = backtrace.map(WasmBacktrace::to_string);
    // What is known of the access that was out of bounds says what the trap was, too.
    let memory = error.downcast_ref::<MemoryTrap>().map(ToString::to_string);
    let details = memory.or_else(|| error.downcast_ref::<ElementTrap>().map(ToString::to_string));
    let trap = error.downcast_ref::<Trap>().filter(|_| details.is_some()).map(Trap::to_string);
    let causes = error.chain().map(ToString::to_string);
    let causes = causes.filter(|cause| Some(cause) != backtrace_text.as_ref());
    let causes = causes.filter(|cause| Some(cause) != trap.as_ref()).map(|cause| {
        if Some(&cause) == details.as_ref() { format!("wasm trap: {cause}") } else { cause }
    });
    let mut text = causes.collect::<Vec<_>>().join(": ");
    if let Some(backtrace) = backtrace {
        text.push_str(&frames(backtrace));
    }
    text
}

/// How many of the guests that called each other are shown in a message: it would become long where
/// scripts and guests call each other deeply.
pub(crate) const SHOWN_BACKTRACES: usize = 4;

const BACKTRACE: &str = "wasm backtrace, innermost function first:";

/// How many guests are shown in a message.
pub(crate) fn count_backtraces(message: &[u8]) -> usize {
    message.windows(BACKTRACE.len()).filter(|window| *window == BACKTRACE.as_bytes()).count()
}

/// Where the guest was, a line a function; nothing if no function of a guest was running.
pub(crate) fn frames(backtrace: &WasmBacktrace) -> String {
    let mut text = String::new();
    if backtrace.frames().is_empty() {
        return text;
    }
    let _ = write!(text, "\n  {BACKTRACE}");
    for (number, frame) in backtrace.frames().iter().enumerate() {
        let _ = write!(text, "\n  {number:>4}: {frame}");
    }
    text
}
