//! [`InstancePre`]: a module whose imports were found before there was a store.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::api::engine::Engine;
use crate::api::module::Module;
use crate::api::module::definition::Definition;
use crate::api::module::externs::Extern;
use crate::api::module::instance::Instance;
use crate::api::store::{AsContextMut, StoreContextMut};

/// A module with definitions for all its imports, ready to be instantiated in any number of
/// stores: made by [`Linker::instantiate_pre`](crate::Linker::instantiate_pre).
///
/// ```
/// use lineal::{Engine, Linker, Module, Store};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (import "host" "next" (func $next (result i32)))
///     (func (export "run") (result i32) (call $next)))"#)?;
/// let mut linker = Linker::new(&engine);
/// linker.func_wrap("host", "next", |mut caller: lineal::Caller<'_, i32>| {
///     *caller.data_mut() += 1;
///     *caller.data()
/// })?;
/// let pre = linker.instantiate_pre(&module)?;
///
/// for start in [10, 20] {
///     let mut store = Store::new(&engine, start);
///     let instance = pre.instantiate(&mut store)?;
///     let run = instance.get_typed_func::<(), i32>(&store, "run")?;
///     assert_eq!(run.call(&mut store, ())?, start + 1);
/// }
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct InstancePre<T> {
    module: Module,
    imports: Arc<[Definition]>,
    /// Host functions were made for exactly this `T`.
    invariant: PhantomData<fn(T) -> T>,
}

impl<T> InstancePre<T> {
    pub(in crate::api) fn new(module: &Module, imports: Vec<Definition>) -> InstancePre<T> {
        InstancePre { module: module.clone(), imports: imports.into(), invariant: PhantomData }
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Instantiates the module in a store.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// If the definition for an import belongs to another store.
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = self.imports_in(&mut store)?;
        Instance::instantiate(&mut store, &self.module, &imports)
    }

    /// The same; if the start function waits, so does the future. See
    /// [`Func::call_async`](crate::Func::call_async).
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// If the definition for an import belongs to another store.
    #[cfg(feature = "async")]
    pub async fn instantiate_async(
        &self,
        mut store: impl AsContextMut<Data = T>,
    ) -> Result<Instance>
    where
        T: Send,
    {
        let mut store = store.as_context_mut();
        let imports = self.imports_in(&mut store)?;
        Instance::instantiate_async(&mut store, &self.module, &imports).await
    }

    fn imports_in(&self, store: &mut StoreContextMut<'_, T>) -> Result<Vec<Extern>> {
        ensure!(
            Engine::same(self.module.engine(), store.engine()),
            "the store was made with another engine than the module"
        );
        Ok(self.imports.iter().map(|definition| definition.to_extern(store)).collect())
    }
}

impl<T> Clone for InstancePre<T> {
    fn clone(&self) -> InstancePre<T> {
        InstancePre {
            module: self.module.clone(),
            imports: self.imports.clone(),
            invariant: PhantomData,
        }
    }
}

impl<T> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").field("module", &self.module).finish_non_exhaustive()
    }
}
