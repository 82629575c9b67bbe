//! [`Caller`]: what a host function sees of the guest that called it.

use std::fmt;

use crate::api::engine::Engine;
use crate::api::module::contents::ModuleExport;
use crate::api::module::externs::Extern;
use crate::api::module::instance::Instance;
use crate::api::store::sealed::OneStore;
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::runtime::instance::InstanceData;
use crate::runtime::store::StoreCore;

/// The store while a host function runs, and the instance that called it.
///
/// Host functions take it as their first parameter to use the host's value and the caller's memory. It
/// can be used wherever a store is expected.
///
/// ```
/// use lineal::{Caller, Engine, Linker, Module, Store};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (import "host" "log" (func $log (param i32 i32)))
///     (memory (export "memory") 1)
///     (data (i32.const 8) "hello")
///     (func (export "run") (call $log (i32.const 8) (i32.const 5))))"#)?;
///
/// let mut linker = Linker::new(&engine);
/// linker.func_wrap("host", "log", |mut caller: Caller<'_, String>, addr: u32, len: u32| {
///     let memory = caller.get_export("memory").and_then(|export| export.into_memory());
///     let memory = memory.ok_or_else(|| lineal::Error::msg("the caller exports no memory"))?;
///     let text = memory.read_string(&caller, addr.into(), len.into())?;
///     caller.data_mut().push_str(&text);
///     lineal::Result::Ok(())
/// })?;
///
/// let mut store = Store::new(&engine, String::new());
/// let instance = linker.instantiate(&mut store, &module)?;
/// instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
/// assert_eq!(store.data(), "hello");
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct Caller<'a, T> {
    store: StoreContextMut<'a, T>,
    instance: Option<Instance>,
}

impl<'a, T> Caller<'a, T> {
    /// # Safety
    ///
    /// The instance must be null or one of the store's.
    pub(crate) unsafe fn new(
        store: StoreContextMut<'a, T>,
        instance: *const InstanceData,
    ) -> Caller<'a, T> {
        // SAFETY: the caller's promise.
        let instance = unsafe { Instance::from_ptr(store.core(), instance) };
        Caller { store, instance }
    }

    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Caller<'_, T> {
        Caller { instance: self.instance, store: self.store.as_context_mut() }
    }

    pub(crate) fn core(&self) -> &StoreCore {
        self.store.core()
    }

    /// What the calling instance exports under a name. `None` also if no guest called: the
    /// host can call its own functions.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance?.get_export(&mut self.store, name)
    }

    /// What the calling instance has for an export that was looked up in its module; `None` if
    /// the instance is one of another module, or if no guest called.
    pub fn get_module_export(&mut self, export: &ModuleExport) -> Option<Extern> {
        self.instance?.get_module_export(&mut self.store, export)
    }

    /// The host's value in the store.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The host's value in the store, mutably.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The store's engine.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }
}

impl<T> OneStore for Caller<'_, T> {}

impl<T> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}

impl<'a, T> From<Caller<'a, T>> for StoreContextMut<'a, T> {
    fn from(caller: Caller<'a, T>) -> StoreContextMut<'a, T> {
        caller.store
    }
}

impl<T> fmt::Debug for Caller<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("instance", &self.instance).finish_non_exhaustive()
    }
}
