//! Backtraces: which functions a guest was in when it stopped, found by walking its frames.
//!
//! A frame keeps its return address in the link slot of its function's [`Code`]. The granule
//! before a return address is the metadata of the call, which says how far the caller's frame lies
//! below the callee's. Two return addresses are not a guest's: the one to the
//! host, where the walk ends, and the one to another instance, which stands for the newest
//! [`Switch`] not walked over yet.
//!
//! [`Code`]: super::code::Code

use std::fmt;
use std::sync::Arc;

use anyhow::Error;

use super::code::ModuleCode;
use super::context::{Context, Switch};
use super::instance::InstanceData;
use super::trap::Trap;
use crate::api::{Config, Module};
use crate::exec::{self, Fp, Ip};

/// The functions a guest was in when it trapped or when a host function failed, innermost
/// first.
///
/// Errors returned by calls into the guest hold one: `error.downcast_ref::<WasmBacktrace>()`. It
/// lists no more than the 20 innermost functions.
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
}

/// One function of a [`WasmBacktrace`].
#[derive(Debug)]
pub struct FrameInfo {
    module: Module,
    func_index: u32,
    module_offset: Option<u32>,
}

/// The error for a trap: a [`Trap`] with a [`WasmBacktrace`] around it.
pub(crate) fn trap_error(context: &Context, trap: Trap) -> Error {
    attach(Error::new(trap), WasmBacktrace::capture(context))
}

/// The error for a host function's error: the same with a [`WasmBacktrace`] around it. If the
/// host function passes on the error of a guest that it called, the backtrace goes on here.
pub(crate) fn host_error(context: &Context, mut error: Error) -> Error {
    let outer = WasmBacktrace::capture(context);
    match error.downcast_mut::<WasmBacktrace>() {
        Some(inner) => {
            let room = Config::BACKTRACE_MAX_FRAMES.saturating_sub(inner.frames.len());
            inner.frames.extend(outer.frames.into_iter().take(room));
            error
        }
        None => attach(error, outer),
    }
}

fn attach(error: Error, backtrace: WasmBacktrace) -> Error {
    if backtrace.frames.is_empty() { error } else { error.context(backtrace) }
}

impl WasmBacktrace {
    /// The functions, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }

    fn capture(context: &Context) -> WasmBacktrace {
        let walk = Walk {
            instance: context.instance,
            ip: context.exit.ip,
            fp: context.exit.fp,
            switches: context.switches.iter(),
        };
        WasmBacktrace { frames: walk.take(Config::BACKTRACE_MAX_FRAMES).collect() }
    }
}

/// A walk over the frames of an invocation that has just stopped, innermost first.
struct Walk<'a> {
    /// The instance the next frame belongs to.
    instance: *const InstanceData,
    /// Inside the cell that the next frame's function is at.
    ip: Ip,
    /// The next frame.
    fp: Fp,
    /// The switches not walked over yet.
    switches: std::slice::Iter<'a, Switch>,
}

impl Walk<'_> {
    /// Goes on to the caller that a return address belongs to.
    fn return_to(&mut self, return_ip: Ip) {
        self.ip = return_ip.offset(-1);
        // SAFETY: the call at this return address has not returned.
        self.fp = unsafe { exec::caller_frame(self.fp, return_ip) };
    }
}

impl Iterator for Walk<'_> {
    type Item = FrameInfo;

    fn next(&mut self) -> Option<FrameInfo> {
        while self.ip == exec::switch_return_ip().offset(-1) {
            let switch = self.switches.next_back()?;
            self.instance = switch.instance;
            self.return_to(switch.return_ip);
        }
        // SAFETY: R1: the instance is that of a function which has not returned.
        let instance = unsafe { self.instance.as_ref()? };
        // The host's return address is in no function, and so ends the walk.
        let (index, granule, code) = instance.module.locate(self.ip)?;
        let frame = FrameInfo::new(&instance.module, index, code.wasm_offset(granule));
        // SAFETY: E2: the frame is still on the stack, and its link was saved when it began.
        let link = unsafe { self.fp.as_ptr().add(code.link_slot as usize).read() };
        self.return_to(Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        Some(frame)
    }
}

impl FrameInfo {
    fn new(module: &Arc<ModuleCode>, own_index: u32, module_offset: Option<u32>) -> FrameInfo {
        let func_index = module.decoded.imported_funcs + own_index;
        FrameInfo { module: Module::from_code(module.clone()), func_index, module_offset }
    }

    /// The function's index in its module, where imported functions come first.
    pub fn func_index(&self) -> u32 {
        self.func_index
    }

    /// The function's name, if the module's name section has one.
    pub fn func_name(&self) -> Option<&str> {
        self.module.code().decoded.names.func(self.func_index)
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
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error while executing at wasm backtrace:")?;
        for (number, frame) in self.frames.iter().enumerate() {
            write!(f, "\n{number:>5}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FrameInfo {
    /// Writes the frame as `0x1a3 - module!function`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(offset) = self.module_offset {
            write!(f, "{offset:#8x} - ")?;
        }
        write!(f, "{}!", self.module.name().unwrap_or("<unknown>"))?;
        match self.func_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "<wasm function {}>", self.func_index),
        }
    }
}
