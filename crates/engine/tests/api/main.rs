//! Tests of the embedding API, one module a part of it.

mod compilation;
mod epoch;
mod exception;
mod externref;
mod fuel;
mod func;
mod global;
mod host;
mod instance;
mod limits;
mod linker;
mod memory;
mod module;
mod nans;
mod reentry;
mod regions;
mod second_memory;
mod shared_memory;
mod store;
mod table;
mod traps;
mod typed;
mod types;

use lineal::{Engine, Instance, Module, Store, Trap};

/// Instantiates a module without imports in a store of its own.
fn instantiate(wat: &str) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

/// The trap that an error holds.
#[track_caller]
fn trap(error: &lineal::Error) -> Trap {
    *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))
}

/// Runs what must panic, and returns the message.
#[track_caller]
fn panic_message(run: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}
