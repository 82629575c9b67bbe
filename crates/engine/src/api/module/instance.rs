//! [`Instance`]: the handle to an instantiated module.

use std::ptr::NonNull;

use anyhow::{Context as _, Result, bail};

use crate::api::func::Func;
use crate::api::func::typed::TypedFunc;
use crate::api::memory::Memory;
use crate::api::memory::shared::SharedMemory;
use crate::api::module::Module;
use crate::api::module::contents::ModuleExport;
use crate::api::module::externs::{Export, Extern};
use crate::api::refs::table::Table;
use crate::api::refs::tag::Tag;
#[cfg(feature = "async")]
use crate::api::store::asynchronous::with_answers;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::api::values::global::Global;
use crate::api::values::wasm_ty::{WasmParams, WasmResults};
use crate::runtime::instance::{self, Entity, InstanceData};
use crate::runtime::store::StoreCore;

/// An instance of a [`Module`] in a [`Store`](crate::Store).
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{Engine, Instance, Module, Store};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (func (export "double") (param i32) (result i32)
///         (i32.mul (local.get 0) (i32.const 2))))"#)?;
///
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let double = instance.get_typed_func::<i32, i32>(&mut store, "double")?;
/// assert_eq!(double.call(&mut store, 21)?, 42);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    handle: Handle<InstanceData>,
}

impl Instance {
    /// Instantiates a module with the given imports, in the order of [`Module::imports`], and
    /// runs its start function. [`Linker`](crate::Linker) finds imports by name.
    ///
    /// # Errors
    ///
    /// - If the number of imports is wrong, or the type of one (then the error is an
    ///   [`IncompatibleImport`](crate::IncompatibleImport));
    /// - if the host has no room for a memory, a table or anything else in the instance;
    /// - if an active segment does not fit, or the start function traps (then the error holds a
    ///   [`Trap`](crate::Trap)).
    ///
    /// What was done before the error remains: a function that was written to an imported table can
    /// be called.
    ///
    /// # Panics
    ///
    /// If an import belongs to another store.
    pub fn new(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        Instance::instantiate(&mut store.as_context_mut(), module, imports)
    }

    /// The same; if the start function waits, so does the future. See [`Func::call_async`].
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// If an import belongs to another store.
    #[cfg(feature = "async")]
    pub async fn new_async(
        mut store: impl AsContextMut<Data: Send>,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        Instance::instantiate_async(&mut store.as_context_mut(), module, imports).await
    }

    pub(crate) fn instantiate<T>(
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        let (instance, start) = Instance::create(store, module, imports)?;
        if let Some(start) = start {
            start.invoke(store, &[], &mut [])?;
        }
        Ok(instance)
    }

    #[cfg(feature = "async")]
    pub(crate) async fn instantiate_async<T: Send>(
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        let create = |store: &mut StoreContextMut<'_, T>| Instance::create(store, module, imports);
        let (instance, start) = with_answers(store, create).await?;
        if let Some(start) = start {
            start.call_slots_async(store, &[], 0).await?;
        }
        Ok(instance)
    }

    /// Everything but the start function, which takes and returns nothing.
    fn create<T>(
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
        imports: &[Extern],
    ) -> Result<(Instance, Option<Func>)> {
        let imports: Vec<Entity> =
            imports.iter().map(|import| import.entity(store.core_mut())).collect();
        // SAFETY: R2: the imports were checked to be the store's; R3: it is borrowed exclusively.
        let entity = unsafe { instance::instantiate(store.core_ptr(), module.code(), &imports)? };
        // SAFETY: R1: it was just made; its list of functions does not change any more.
        let start = unsafe { entity.as_ref() }.start();
        // SAFETY: the store owns the instance and its functions as of now.
        let handle = |start| Func::from_handle(unsafe { Handle::new(store.core(), start) });
        let start = start.map(handle);
        // SAFETY: as above.
        Ok((Instance { handle: unsafe { Handle::new(store.core(), entity) } }, start))
    }

    /// The instance at an address; `None` for null.
    ///
    /// # Safety
    ///
    /// The address must be null or that of an instance of the store.
    pub(crate) unsafe fn from_ptr(
        store: &StoreCore,
        instance: *const InstanceData,
    ) -> Option<Instance> {
        let entity = NonNull::new(instance.cast_mut())?;
        // SAFETY: the caller's promise.
        Some(Instance { handle: unsafe { Handle::new(store, entity) } })
    }

    /// The module.
    pub fn module<'a, T: 'a>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a Module {
        Module::of_code(&self.handle.get(store.into().core()).module)
    }

    /// The export with a name.
    pub fn get_export(&self, store: impl AsContext, name: &str) -> Option<Extern> {
        let store = store.as_context();
        let instance = self.handle.get(store.core());
        let index = instance.module.decoded.export(name)?;
        // SAFETY: an instance's entities are its store's.
        Some(unsafe { Extern::from_entity(store.core(), instance.entity(index)) })
    }

    /// What the instance exports, for an export that was found in its module before; `None` if it
    /// is one of another module. See [`Module::get_export_index`].
    pub fn get_module_export(
        &self,
        store: impl AsContext,
        export: &ModuleExport,
    ) -> Option<Extern> {
        let store = store.as_context();
        let instance = self.handle.get(store.core());
        let index = export.index_in(&instance.module)?;
        // SAFETY: an instance's entities are its store's.
        Some(unsafe { Extern::from_entity(store.core(), instance.entity(index)) })
    }

    /// The function exported under a name; `None` also if something else is.
    pub fn get_func(&self, store: impl AsContext, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The function exported under a name, if its type is `Params -> Results`.
    ///
    /// # Errors
    ///
    /// If no function is exported under that name, or if its type is another.
    pub fn get_typed_func<Params, Results>(
        &self,
        store: impl AsContext,
        name: &str,
    ) -> Result<TypedFunc<Params, Results>>
    where
        Params: WasmParams,
        Results: WasmResults,
    {
        let store = store.as_context();
        let Some(export) = self.get_export(&store, name) else {
            bail!("nothing is exported under the name `{name}`");
        };
        let Some(func) = export.into_func() else { bail!("the export `{name}` is not a function") };
        func.typed(&store).with_context(|| format!("the function `{name}` is of another type"))
    }

    /// The shared memory exported under a name; `None` also if something else is.
    pub fn get_shared_memory(&self, store: impl AsContext, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// The memory exported under a name; `None` also if something else is, or a shared memory.
    pub fn get_memory(&self, store: impl AsContext, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The global exported under a name; `None` also if something else is.
    pub fn get_global(&self, store: impl AsContext, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// The table exported under a name; `None` also if something else is.
    pub fn get_table(&self, store: impl AsContext, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// The tag exported under a name; `None` also if something else is.
    pub fn get_tag(&self, store: impl AsContext, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }

    /// The memory with an index in the module, exported or not; imported ones come first. For
    /// tools that look into a guest. `None` also if it is shared.
    pub fn debug_memory(&self, store: impl AsContext, memory_index: u32) -> Option<Memory> {
        self.debug_extern(store, memory_index)?.into_memory()
    }

    /// The same for shared memories.
    pub fn debug_shared_memory(
        &self,
        store: impl AsContext,
        memory_index: u32,
    ) -> Option<SharedMemory> {
        self.debug_extern(store, memory_index)?.into_shared_memory()
    }

    fn debug_extern(&self, store: impl AsContext, memory_index: u32) -> Option<Extern> {
        let store = store.as_context();
        let memories = &self.handle.get(store.core()).memories;
        let entity = *memories.get(memory_index as usize)?;
        // SAFETY: an instance's entities are its store's.
        Some(unsafe { Extern::from_entity(store.core(), Entity::Memory(entity)) })
    }

    /// All exports, in the order of [`Module::exports`].
    pub fn exports<'a, T: 'a>(
        &'a self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> impl ExactSizeIterator<Item = Export<'a>> {
        let core = store.into().core();
        let instance = self.handle.get(core);
        instance.module.decoded.exports.iter().map(move |export| {
            // SAFETY: an instance's entities are its store's.
            let definition = unsafe { Extern::from_entity(core, instance.entity(export.index)) };
            Export::new(&export.name, definition)
        })
    }
}
