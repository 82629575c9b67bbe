//! Backtraces: which functions a guest was in when it stopped.

use std::fmt;
use std::sync::OnceLock;

use anyhow::Error;
use lineal_decoder::Escaped;
use lineal_symbols::{FrameSymbol, demangle};

use super::code::Module;
use super::context::Context;
use super::details::Details;
use super::frames::{Frame, Walk};
use super::trap::Trap;
use super::unwind::ThrownException;

/// The functions a guest was in when it trapped or when a host function failed, innermost
/// first.
///
/// Errors returned by calls into the guest hold one: `error.downcast_ref::<WasmBacktrace>()`. It
/// lists no more than the 20 innermost functions (or as many as
/// [`Config::wasm_backtrace_max_frames`](crate::Config::wasm_backtrace_max_frames) says), and says [how many more](Self::frames_left_out) there
/// were.
///
/// ```
/// use lineal::{Engine, Instance, Module, Store, Trap, WasmBacktrace};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module $demo
///     (func $inner unreachable)
///     (func (export "outer") call $inner))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let outer = instance.get_typed_func::<(), ()>(&mut store, "outer")?;
///
/// let error = outer.call(&mut store, ()).unwrap_err();
/// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
/// let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
/// assert_eq!(backtrace.frames()[0].func_name(), Some("inner"));
/// assert_eq!(backtrace.frames()[1].func_index(), 1);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
    left_out: usize,
}

/// One function of a [`WasmBacktrace`].
#[derive(Clone, Debug)]
pub struct FrameInfo {
    module: Module,
    func_index: u32,
    module_offset: Option<u32>,
    symbols: OnceLock<Vec<FrameSymbol>>,
}

/// The error for a trap: a [`Trap`] with what is known of the access and a [`WasmBacktrace`] around
/// it.
pub(crate) fn trap_error(context: &Context, trap: Trap, details: Option<Details>) -> Error {
    let error = match details {
        Some(Details::Memory(details)) => Error::new(trap).context(details),
        Some(Details::Element(details)) => Error::new(trap).context(details),
        None => Error::new(trap),
    };
    attach(error, WasmBacktrace::of(context, context.backtrace_frames))
}

/// The error for a host function's error: the same with a [`WasmBacktrace`] around it. If the
/// host function passes on the error of a guest that it called, the backtrace continues here.
pub(crate) fn host_error(context: &Context, mut error: Error) -> Error {
    let outer = WasmBacktrace::of(context, context.backtrace_frames);
    match error.downcast_mut::<WasmBacktrace>() {
        Some(inner) => {
            let room = context.backtrace_frames.saturating_sub(inner.frames.len());
            let rest = outer.frames.len().saturating_sub(room);
            inner.frames.extend(outer.frames.into_iter().take(room));
            inner.left_out += outer.left_out + rest;
            error
        }
        None => attach(error, outer),
    }
}

/// The error for an exception that nothing caught, with a [`WasmBacktrace`] around it.
pub(crate) fn exception_error(context: &Context) -> Error {
    attach(Error::new(ThrownException), WasmBacktrace::of(context, context.backtrace_frames))
}

fn attach(error: Error, backtrace: WasmBacktrace) -> Error {
    if backtrace.frames.is_empty() { error } else { error.context(backtrace) }
}

impl WasmBacktrace {
    /// The functions, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }

    /// How many functions there were outside those that [`frames`](Self::frames) has. Not counted, and
    /// 0, where an observer asks for the functions.
    pub fn frames_left_out(&self) -> usize {
        self.left_out
    }

    /// Lists no more than so many of the functions that the guest is in.
    pub(crate) fn of(context: &Context, max_frames: usize) -> WasmBacktrace {
        if max_frames == 0 {
            return WasmBacktrace { frames: Vec::new(), left_out: 0 };
        }
        let left_out = Walk::new(context).skip(max_frames).count();
        WasmBacktrace { left_out, ..WasmBacktrace::innermost(context, max_frames) }
    }

    /// The same without counting the others, of which there can be many.
    pub(crate) fn innermost(context: &Context, max_frames: usize) -> WasmBacktrace {
        let frames = Walk::new(context).take(max_frames);
        let frames = frames.map(|frame| FrameInfo::new(&frame)).collect();
        WasmBacktrace { frames, left_out: 0 }
    }
}

impl FrameInfo {
    pub(crate) fn new(frame: &Frame<'_>) -> FrameInfo {
        let module = &frame.instance.module;
        FrameInfo::at(
            Module::from_code(module.clone()),
            module.decoded.imported_funcs + frame.func,
            frame.code.wasm_offset(frame.granule),
        )
    }

    /// A function of a module, at an offset in its binary.
    pub(crate) fn at(module: Module, func_index: u32, module_offset: Option<u32>) -> FrameInfo {
        FrameInfo { module, func_index, module_offset, symbols: OnceLock::new() }
    }

    /// The function's index in its module, where imported functions come first.
    pub fn func_index(&self) -> u32 {
        self.func_index
    }

    /// The function's name as the module's name section has it, if it does.
    pub fn func_name(&self) -> Option<&str> {
        self.module.code().decoded.names().func(self.func_index)
    }

    /// The module the function belongs to.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Where in the module's binary the function was, in bytes: the offset of the instruction
    /// that trapped, or of the call that had not returned.
    pub fn module_offset(&self) -> Option<usize> {
        self.module_offset.map(|offset| offset as usize)
    }

    /// The same, counted from the start of the function's body.
    pub fn func_offset(&self) -> Option<usize> {
        let body = self.module.code().decoded.body(self.func_index)?;
        self.module_offset()?.checked_sub(body.range.start)
    }

    /// Where the function was in the source: the innermost of the functions that were inlined
    /// there first, the function itself last. Empty if the module has no debug information, or
    /// [`Config::wasm_backtrace_details`](crate::Config::wasm_backtrace_details) is off.
    ///
    /// The debug information is read when this is first called.
    pub fn symbols(&self) -> &[FrameSymbol] {
        self.symbols.get_or_init(|| match self.module_offset() {
            Some(offset) if self.module.engine().config().has_backtrace_details() => {
                self.module.symbolize(offset)
            }
            _ => Vec::new(),
        })
    }
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error while executing at wasm backtrace:")?;
        for (number, frame) in self.frames.iter().enumerate() {
            write!(f, "\n{number:>5}: {frame}")?;
        }
        if self.left_out > 0 {
            write!(f, "\n       and {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl fmt::Display for FrameInfo {
    /// Writes the frame as `0x1a3 - module!function`, and below it where that is in the source, if
    /// that is known. Inlined functions have lines of their own, the innermost one first. Names are
    /// [escaped](Escaped).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(offset) = self.module_offset {
            write!(f, "{offset:#8x} - ")?;
        }
        write!(f, "{}!", Escaped(self.module.name().unwrap_or("<unknown>")))?;
        let symbols = self.symbols();
        if symbols.is_empty() {
            return self.write_name(f);
        }
        for (index, symbol) in symbols.iter().enumerate() {
            let is_function = index + 1 == symbols.len();
            if index > 0 {
                f.write_str("\n                 - ")?;
            }
            match symbol.name() {
                Some(name) => write!(f, "{}", Escaped(name))?,
                None if is_function => self.write_name(f)?,
                None => f.write_str("<inlined function>")?,
            }
            let Some(file) = symbol.file() else { continue };
            write!(f, "\n                    at {}", Escaped(file))?;
            let Some(line) = symbol.line() else { continue };
            write!(f, ":{line}")?;
            if let Some(column) = symbol.column() {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

impl FrameInfo {
    /// Writes the name that the module gives the function, or its index.
    fn write_name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.func_name() {
            Some(name) => write!(f, "{}", Escaped(&demangle(name))),
            None => write!(f, "<wasm function {}>", self.func_index),
        }
    }
}
