//! Backtraces of a store whose guest is running: what host functions ask for.

use crate::api::engine::config::Config;
use crate::api::store::AsContext;
use crate::runtime::backtrace::WasmBacktrace;

impl WasmBacktrace {
    /// Lists the functions that the guest is in: for host functions. There are none if no guest is
    /// running, in the callback of an epoch's deadline, or where [`Config::wasm_backtrace`] is off.
    ///
    /// ```
    /// use lineal::{Caller, Engine, Instance, Func, Module, Store, WasmBacktrace};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module
    ///     (import "host" "who" (func $who))
    ///     (func $caller (export "run") (call $who)))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// let who = Func::wrap(&mut store, |caller: Caller<'_, ()>| {
    ///     let backtrace = WasmBacktrace::capture(&caller);
    ///     assert_eq!(backtrace.frames()[0].func_name(), Some("caller"));
    /// });
    /// let instance = Instance::new(&mut store, &module, &[who.into()])?;
    /// instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        let context = &store.core().context;
        WasmBacktrace::of(context, context.backtrace_frames)
    }

    /// Does the same even where [`Config::wasm_backtrace`] is off.
    pub fn force_capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        let max_frames = store.engine().config().backtrace_frames;
        let max_frames = max_frames.unwrap_or(Config::BACKTRACE_FRAMES);
        WasmBacktrace::of(&store.core().context, max_frames.get())
    }
}
