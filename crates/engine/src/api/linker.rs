//! [`Linker`]: finds a module's imports by name.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use lineal_decoder::{self as plain, Escaped};

use crate::api::engine::Engine;
use crate::api::func::Func;
use crate::api::func::caller::Caller;
#[cfg(feature = "async")]
use crate::api::func::host::WasmRet;
use crate::api::func::host::{HostDef, IntoFunc};
use crate::api::module::Module;
use crate::api::module::definition::Definition;
use crate::api::module::externs::{Extern, ImportType};
use crate::api::module::instance::Instance;
use crate::api::module::instance_pre::InstancePre;
use crate::api::store::{AsContext, AsContextMut, StoreContextMut};
use crate::api::types::{ExternType, FuncType};
use crate::api::values::val::Val;
#[cfg(feature = "async")]
use crate::api::values::wasm_ty::WasmParams;

/// Finds the imports of modules by name: a list of definitions, each with a module name and a name.
///
/// Host functions defined here belong to no store, so that one linker serves any number of
/// stores; other items can be used with their own store only.
///
/// ```
/// use lineal::{Engine, Linker, Module, Store};
///
/// let engine = Engine::default();
/// let mut linker = Linker::<()>::new(&engine);
/// linker.func_wrap("host", "double", |x: i32| x * 2)?;
///
/// let module = Module::new(&engine, r#"(module
///     (import "host" "double" (func $double (param i32) (result i32)))
///     (func (export "run") (result i32) (call $double (i32.const 21))))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = linker.instantiate(&mut store, &module)?;
/// let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
/// assert_eq!(run.call(&mut store, ())?, 42);
/// # Ok::<(), lineal::Error>(())
/// ```
pub struct Linker<T> {
    engine: Engine,
    /// By module name, then by item name.
    definitions: HashMap<Box<str>, HashMap<Box<str>, Definition>>,
    allow_shadowing: bool,
    /// Host functions were made for exactly this `T`.
    invariant: PhantomData<fn(T) -> T>,
}

/// An import that a [`Linker`] has no definition for.
#[derive(Clone, Debug)]
pub struct UnknownImportError {
    module: Box<str>,
    name: Box<str>,
    ty: ExternType,
}

impl<T> Linker<T> {
    /// Creates a linker without definitions.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            definitions: HashMap::new(),
            allow_shadowing: false,
            invariant: PhantomData,
        }
    }

    /// The engine the linker was made with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sets whether a definition may replace an earlier one with the same names. Without that, it is an
    /// error.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    /// Does nothing: modules may export what a linker does not know.
    pub fn allow_unknown_exports(&mut self, _allow: bool) -> &mut Self {
        self
    }

    /// Defines an item of a store, or a shared memory.
    ///
    /// # Errors
    ///
    /// If the names are defined already and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If the item belongs to another store.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        let item = item.into();
        item.check_store(store.as_context().core());
        self.insert(module, name, Definition::Extern(item))
    }

    /// Defines a host function from a closure whose parameters and results are Rust types; see
    /// [`Func::wrap`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        self.insert(module, name, Definition::HostFunc(func.into_func()))
    }

    /// Defines a host function from a closure that takes its values as slices; see [`Func::new`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the linker.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        let ty = ty.lower(&self.engine);
        self.insert(module, name, Definition::HostFunc(HostDef::untyped(ty, func)))
    }

    /// Defines a host function that may wait, from a closure whose parameters (in a tuple) and
    /// results are Rust types; see [`Func::wrap_async`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    #[cfg(feature = "async")]
    pub fn func_wrap_async<F, Params: WasmParams, Results: WasmRet>(
        &mut self,
        module: &str,
        name: &str,
        func: F,
    ) -> Result<&mut Self>
    where
        F: for<'a> Fn(Caller<'a, T>, Params) -> Box<dyn Future<Output = Results> + Send + 'a>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        self.insert(module, name, Definition::HostFunc(HostDef::typed_async(func)))
    }

    /// Defines a host function that may wait, from a closure that takes its values as slices; see
    /// [`Func::new_async`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    #[cfg(feature = "async")]
    pub fn func_new_async<F>(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: F,
    ) -> Result<&mut Self>
    where
        F: for<'a> Fn(
                Caller<'a, T>,
                &'a [Val],
                &'a mut [Val],
            ) -> Box<dyn Future<Output = Result<()>> + Send + 'a>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let ty = ty.lower(&self.engine);
        self.insert(module, name, Definition::HostFunc(HostDef::untyped_async(ty, func)))
    }

    /// Defines all exports of an instance, under a module name.
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    ///
    /// # Panics
    ///
    /// If the instance belongs to another store.
    pub fn instance(
        &mut self,
        store: impl AsContext<Data = T>,
        module_name: &str,
        instance: Instance,
    ) -> Result<&mut Self> {
        let store = store.as_context();
        for export in instance.exports(&store) {
            let name = export.name();
            self.insert(module_name, name, Definition::Extern(export.into_extern()))?;
        }
        Ok(self)
    }

    /// Instantiates a module and defines its exports, under a module name.
    ///
    /// A module that exports `_initialize` (a *reactor*) is initialised by calling that. Of a
    /// module that exports `_start` (a *command*), the functions are defined only; each call of
    /// one of them makes an instance for this call.
    ///
    /// # Errors
    ///
    /// As for [`Linker::instantiate`] and [`Linker::define`]; or if `_initialize` fails, or a
    /// command exports other things than functions and a memory.
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: 'static,
    {
        if is_command(module) {
            return self.command(module_name, module);
        }
        let instance = self.instantiate(&mut store, module)?;
        if let Some(initialize) = instance.get_func(&store, "_initialize") {
            initialize.typed::<(), ()>(&store)?.call(&mut store, ())?;
        }
        self.instance(&store, module_name, instance)
    }

    /// The same as [`Linker::module`], where the guest may wait: in its start function, in
    /// `_initialize`, and in each call of a command's functions. See [`Func::call_async`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::module`].
    #[cfg(feature = "async")]
    pub async fn module_async(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: Send + 'static,
    {
        if is_command(module) {
            return self.command_async(module_name, module);
        }
        let mut store = store.as_context_mut();
        let instance = self.instantiate_async(&mut store, module).await?;
        if let Some(initialize) = instance.get_func(&store, "_initialize") {
            initialize.typed::<(), ()>(&store)?.call_async(&mut store, ()).await?;
        }
        self.instance(&store, module_name, instance)
    }

    #[cfg(feature = "async")]
    fn command_async(&mut self, module_name: &str, module: &Module) -> Result<&mut Self>
    where
        T: Send + 'static,
    {
        let linker = Arc::new(self.clone());
        for (name, ty) in command_functions(module)? {
            let (linker, module, export) = (linker.clone(), module.clone(), name.clone());
            self.func_new_async(module_name, &name, ty, move |mut caller, params, results| {
                let (linker, module, export) = (linker.clone(), module.clone(), export.clone());
                Box::new(async move {
                    let instance = linker.instantiate_async(&mut caller, &module).await?;
                    match instance.get_func(&caller, &export) {
                        Some(func) => func.call_async(&mut caller, params, results).await,
                        None => bail!("the command does not export `{export}`"),
                    }
                })
            })?;
        }
        Ok(self)
    }

    fn command(&mut self, module_name: &str, module: &Module) -> Result<&mut Self>
    where
        T: 'static,
    {
        let linker = Arc::new(self.clone());
        for (name, ty) in command_functions(module)? {
            let (linker, module, export) = (linker.clone(), module.clone(), name.clone());
            self.func_new(module_name, &name, ty, move |mut caller, params, results| {
                let instance = linker.instantiate(&mut caller, &module)?;
                match instance.get_func(&caller, &export) {
                    Some(func) => func.call(&mut caller, params, results),
                    None => bail!("the command does not export `{export}`"),
                }
            })?;
        }
        Ok(self)
    }

    /// Gives a definition a second pair of names.
    ///
    /// # Errors
    ///
    /// If there is no such definition, or as for [`Linker::define`].
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self> {
        let Some(definition) = self.find(module, name).cloned() else {
            bail!("cannot alias `{module}::{name}`, which is not defined");
        };
        self.insert(as_module, as_name, definition)
    }

    /// Gives all definitions of one module name a second module name.
    ///
    /// # Errors
    ///
    /// As for [`Linker::define`].
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<()> {
        for (name, definition) in self.definitions.get(module).cloned().unwrap_or_default() {
            self.insert(as_module, &name, definition)?;
        }
        Ok(())
    }

    /// Defines a function for each function that a module imports and that is not defined. It
    /// fails with an [`UnknownImportError`] when it is called.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<()> {
        for import in module.imports() {
            if self.find(import.module(), import.name()).is_none()
                && let ExternType::Func(ty) = import.ty()
            {
                let error = UnknownImportError::new(&import);
                let fail =
                    move |_: Caller<'_, T>, _: &[Val], _: &mut [Val]| Err(error.clone().into());
                self.func_new(import.module(), import.name(), ty, fail)?;
            }
        }
        Ok(())
    }

    /// Defines everything that a module imports and that is not defined: functions that return zeros
    /// and nulls, memories and tables of their minimum size, and globals that are zero or null.
    ///
    /// # Errors
    ///
    /// If an import has no default, such as a reference that must not be null, or if the store has
    /// no room for a memory or table.
    pub fn define_unknown_imports_as_default_values(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<()> {
        for import in module.imports() {
            let (module, name) = (import.module(), import.name());
            if self.find(module, name).is_some() {
                continue;
            }
            let item = default_item(&mut store.as_context_mut(), &import.ty())
                .with_context(|| format!("`{module}::{name}` has no default"))?;
            self.insert(module, name, item)?;
        }
        Ok(())
    }

    /// All definitions with their two names, in no particular order. Host functions are added to the
    /// store.
    pub fn iter<'a>(
        &'a self,
        mut store: impl AsContextMut<Data = T> + 'a,
    ) -> impl Iterator<Item = (&'a str, &'a str, Extern)> + 'a {
        let all = self.definitions.iter().flat_map(|(module, items)| {
            items.iter().map(move |(name, definition)| (&**module, &**name, definition))
        });
        all.map(move |(module, name, definition)| {
            (module, name, definition.to_extern(&mut store.as_context_mut()))
        })
    }

    /// The definition with two names. For a host function, each call adds a new function to the store.
    ///
    /// # Errors
    ///
    /// If nothing is.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Result<Extern> {
        let definition = self.find(module, name);
        let definition =
            definition.with_context(|| format!("`{module}::{name}` is not defined"))?;
        Ok(definition.to_extern(&mut store.as_context_mut()))
    }

    /// The function that a module runs with: what is defined under its name and the empty name,
    /// or else its `_start`; a function that does nothing if it has neither.
    ///
    /// ```
    /// use lineal::{Engine, Linker, Module, Store};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module (func (export "_start") unreachable))"#)?;
    /// let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    /// linker.module(&mut store, "main", &module)?;
    ///
    /// let run = linker.get_default(&mut store, "main")?.typed::<(), ()>(&store)?;
    /// assert!(run.call(&mut store, ()).is_err());
    /// let nothing = linker.get_default(&mut store, "other")?.typed::<(), ()>(&store)?;
    /// assert!(nothing.call(&mut store, ()).is_ok());
    /// # Ok::<(), lineal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If something else than a function is defined under the empty name, or as `_start`.
    pub fn get_default(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
    ) -> Result<Func> {
        for name in ["", "_start"] {
            if let Some(definition) = self.find(module, name) {
                let item = definition.to_extern(&mut store.as_context_mut());
                return item
                    .into_func()
                    .with_context(|| format!("`{module}::{name}` is not a function"));
            }
        }
        Ok(Func::wrap(store, || {}))
    }

    /// What is defined for an import; `None` if nothing is.
    pub fn get_by_import(
        &self,
        mut store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        let definition = self.find(import.module(), import.name())?;
        Some(definition.to_extern(&mut store.as_context_mut()))
    }

    /// Does the same as [`Linker::get_by_import`].
    ///
    /// # Errors
    ///
    /// None at present: running out of memory aborts the program.
    pub fn try_get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Result<Option<Extern>> {
        Ok(self.get_by_import(store, import))
    }

    /// Instantiates a module with what is defined under the names of its imports.
    ///
    /// # Errors
    ///
    /// An [`UnknownImportError`] if an import is not defined, or as for [`Instance::new`].
    ///
    /// # Panics
    ///
    /// If the definition for an import belongs to another store.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = self.imports_of(&mut store, module)?;
        Instance::instantiate(&mut store, module, &imports)
    }

    /// The same; if the start function waits, so does the future. See [`Func::call_async`].
    ///
    /// # Errors
    ///
    /// As for [`Linker::instantiate`].
    ///
    /// # Panics
    ///
    /// If the definition for an import belongs to another store.
    #[cfg(feature = "async")]
    pub async fn instantiate_async(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance>
    where
        T: Send,
    {
        let mut store = store.as_context_mut();
        let imports = self.imports_of(&mut store, module)?;
        Instance::instantiate_async(&mut store, module, &imports).await
    }

    fn imports_of(
        &self,
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
    ) -> Result<Vec<Extern>> {
        ensure!(
            Engine::same(&self.engine, store.engine()),
            "the store was made with another engine than the linker"
        );
        let find = |import: ImportType<'_>| {
            let item = self.get_by_import(store.as_context_mut(), &import);
            item.ok_or_else(|| UnknownImportError::new(&import))
        };
        Ok(module.imports().map(find).collect::<Result<Vec<_>, _>>()?)
    }

    /// Finds the imports of a module, so that it can be instantiated in any number of stores.
    ///
    /// # Errors
    ///
    /// An [`UnknownImportError`] if an import is not defined.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        ensure!(
            Engine::same(&self.engine, module.engine()),
            "the module was made with another engine than the linker"
        );
        let find = |import: ImportType<'_>| {
            let definition = self.find(import.module(), import.name()).cloned();
            definition.ok_or_else(|| UnknownImportError::new(&import))
        };
        let imports = module.imports().map(find).collect::<Result<Vec<_>, _>>()?;
        Ok(InstancePre::new(module, imports))
    }

    fn find(&self, module: &str, name: &str) -> Option<&Definition> {
        self.definitions.get(module)?.get(name)
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<&mut Self> {
        if !self.allow_shadowing && self.find(module, name).is_some() {
            bail!("`{}::{}` is defined already", Escaped(module), Escaped(name));
        }
        let items = self.definitions.entry(module.into()).or_default();
        items.insert(name.into(), definition);
        Ok(self)
    }
}

/// Whether a module exports a `_start` without parameters and results.
fn is_command(module: &Module) -> bool {
    let start = module.get_export("_start");
    let ty = start.as_ref().and_then(ExternType::func);
    ty.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0)
}

/// The functions that a command exports.
fn command_functions(module: &Module) -> Result<Vec<(String, FuncType)>> {
    let mut functions = Vec::new();
    for export in module.exports() {
        match export.ty() {
            ExternType::Func(ty) => functions.push((export.name().to_owned(), ty)),
            ExternType::Memory(_) => {}
            _ => bail!("the export `{}` of a command is not a function", Escaped(export.name())),
        }
    }
    Ok(functions)
}

/// The smallest item of a type, with zeros and nulls in it.
fn default_item<T>(store: &mut StoreContextMut<'_, T>, ty: &ExternType) -> Result<Definition> {
    Ok(match ty {
        ExternType::Func(ty) => {
            Definition::HostFunc(default_func(store, ty.lower(store.engine()))?)
        }
        ty => Definition::Extern(ty.default_value(store)?),
    })
}

/// A function for a store that returns zeros and nulls.
pub(crate) fn default_func<T>(
    _store: &StoreContextMut<'_, T>,
    ty: plain::FuncType,
) -> Result<HostDef> {
    let default = |&ty: &plain::ValType| {
        Val::default_for_plain(ty).with_context(|| format!("a result of type {ty} has no default"))
    };
    let values = ty.results().iter().map(default).collect::<Result<Vec<_>>>()?;
    Ok(HostDef::untyped(ty, move |_: Caller<'_, T>, _: &[Val], results: &mut [Val]| {
        results.copy_from_slice(&values);
        Ok(())
    }))
}

impl UnknownImportError {
    fn new(import: &ImportType<'_>) -> UnknownImportError {
        UnknownImportError {
            module: import.module().into(),
            name: import.name().into(),
            ty: import.ty(),
        }
    }

    /// The first name of the import, of the module imported from.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The second name of the import, of the item.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type the item must have.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

impl fmt::Display for UnknownImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = (Escaped(&self.module), Escaped(&self.name));
        write!(f, "unknown import: `{module}::{name}` has not been defined")
    }
}

impl std::error::Error for UnknownImportError {}

impl<T> Default for Linker<T> {
    /// A linker with a default engine of its own.
    fn default() -> Linker<T> {
        Linker::new(&Engine::default())
    }
}

impl<T> Clone for Linker<T> {
    fn clone(&self) -> Linker<T> {
        Linker {
            engine: self.engine.clone(),
            definitions: self.definitions.clone(),
            allow_shadowing: self.allow_shadowing,
            invariant: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .definitions
            .iter()
            .flat_map(|(module, items)| items.keys().map(move |name| format!("{module}::{name}")));
        f.debug_set().entries(names).finish()
    }
}
