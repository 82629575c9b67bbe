//! What goes wrong is told, stays where it is, and does not spoil what comes after.
//!
//! [`room`]: the host has no memory left. [`panics`]: host code panics. [`traps`]: the guest is
//! stopped in the middle of something.

#[path = "../../../memory/tests/common/refusing.rs"]
mod allocator;
mod panics;
mod room;
mod traps;

use lineal::{Engine, Instance, Linker, Module, Store, Trap, WasmParams, WasmResults};

/// Instantiates a module without imports in a store of its own.
fn instantiate(engine: &Engine, wat: &str) -> (Store<()>, Instance) {
    let module = Module::new(engine, wat).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Linker::new(engine).instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// Calls an export.
fn call<T, P: WasmParams, R: WasmResults>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: P,
) -> lineal::Result<R> {
    instance.get_typed_func::<P, R>(&*store, name)?.call(store, params)
}

#[track_caller]
fn trap<R>(result: lineal::Result<R>) -> Trap {
    match result {
        Ok(_) => panic!("it ended well"),
        Err(error) => *error.downcast_ref().unwrap_or_else(|| panic!("no trap: {error:?}")),
    }
}
