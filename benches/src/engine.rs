//! The one interface to all engines.

use anyhow::Result;

/// A WebAssembly engine with fixed settings.
///
/// Each call of [`compile`](Engine::compile) starts afresh: no code is shared between modules.
pub trait Engine {
    /// The name in reports and on the command line.
    fn name(&self) -> &'static str;

    /// The crate whose version the report shows.
    fn package(&self) -> &'static str;

    /// Validates a module and translates it, as far as the engine does that before it is
    /// instantiated.
    ///
    /// # Errors
    ///
    /// If the engine does not accept the module.
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Module>>;
}

/// A module that can be instantiated many times.
pub trait Module {
    /// Makes an instance with a store of its own. Modules may import `host.nothing`, `host.add` and
    /// `host.blend` (see `guest/host_calls.wat`) from engines that define them, and nothing else.
    ///
    /// # Errors
    ///
    /// If the engine refuses or the start function traps.
    fn instantiate(&self) -> Result<Box<dyn Instance>>;
}

/// An instance and its store.
pub trait Instance {
    /// Calls an exported function of type `(i32) -> i64`.
    ///
    /// # Errors
    ///
    /// If there is no such function, or it traps.
    fn call(&mut self, export: &str, arg: i32) -> Result<i64>;
}
