//! [`Func`]: a function, of the guest or of the host.

#[cfg(feature = "async")]
pub(crate) mod asynchronous;
pub(crate) mod caller;
pub(crate) mod host;
pub(crate) mod resumable;
pub(crate) mod typed;

use anyhow::{Context, Result, bail, ensure};
use lineal_decoder::{TypeIndex, ValType};

use crate::api::func::caller::Caller;
use crate::api::func::host::{HostDef, IntoFunc, with_buffer};
use crate::api::func::typed::TypedFunc;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut, StoreContextMut};
use crate::api::types::FuncType;
use crate::api::values::val::Val;
use crate::api::values::wasm_ty::{WasmParams, WasmResults};
use crate::exec;
use crate::runtime::entity::{FuncEntity, FuncKind};
use crate::runtime::slots::slot_count;
use crate::runtime::store::StoreCore;

/// A function in a [`Store`](crate::Store), of the guest or of the host.
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{Func, Store, Val};
///
/// let mut store = Store::<()>::default();
/// let add = Func::wrap(&mut store, |a: i32, b: i32| a + b);
///
/// let mut results = [Val::I32(0)];
/// add.call(&mut store, &[Val::I32(40), Val::I32(2)], &mut results)?;
/// assert_eq!(results[0].unwrap_i32(), 42);
///
/// let add = add.typed::<(i32, i32), i32>(&store)?;
/// assert_eq!(add.call(&mut store, (40, 2))?, 42);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Func {
    handle: Handle<FuncEntity>,
}

impl Func {
    /// Creates a host function from a closure that takes its parameters, and returns its results, in slices
    /// of [`Val`]. The results are zero or null at first.
    ///
    /// If the closure returns an error, the guest ends and the call into the guest returns that error. A
    /// result of the wrong type is an error too.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn new<T>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        let mut store = store.as_context_mut();
        let ty = ty.lower(store.engine());
        Func::from_def(&mut store, &HostDef::untyped(ty, func))
    }

    /// Does the same as [`Func::new`].
    ///
    /// # Errors
    ///
    /// None at present: running out of memory aborts the program.
    ///
    /// # Panics
    ///
    /// As [`Func::new`].
    pub fn try_new<T>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Func> {
        Ok(Func::new(store, ty, func))
    }

    /// Does the same as [`Func::wrap`].
    ///
    /// # Errors
    ///
    /// None at present: running out of memory aborts the program.
    pub fn try_wrap<T, Params, Results>(
        store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Result<Func> {
        Ok(Func::wrap(store, func))
    }

    /// Creates a host function from a closure whose parameters and results are Rust types; see
    /// [`IntoFunc`] for which.
    pub fn wrap<T, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        Func::from_def(&mut store.as_context_mut(), &func.into_func())
    }

    /// Puts a host function into a store. Only functions made for the same `T` may be put into
    /// a store of `T`.
    pub(crate) fn from_def<T>(store: &mut StoreContextMut<'_, T>, def: &HostDef) -> Func {
        let core = store.core_mut();
        let entity = core.funcs.push(FuncEntity {
            type_index: core.engine.register_func_type(def.ty()),
            ty: def.ty().clone(),
            kind: def.kind(),
        });
        // SAFETY: the store owns the function as of now.
        Func { handle: unsafe { Handle::new(core, entity) } }
    }

    pub(crate) fn from_handle(handle: Handle<FuncEntity>) -> Func {
        Func { handle }
    }

    pub(crate) fn handle(self) -> Handle<FuncEntity> {
        self.handle
    }

    /// The index of a guest's function in the module that defines it, where imported functions
    /// come first; `None` for a function of the host's.
    pub fn index(&self, store: impl AsContext) -> Option<u32> {
        let store = store.as_context();
        let FuncKind::Wasm { instance, .. } = &self.handle.get(store.core()).kind else {
            return None;
        };
        let entity = self.handle.entity(store.core());
        // SAFETY: R1: the instance of a function of the store is the store's.
        let instance = unsafe { instance.as_ref() };
        let imported = instance.module.decoded.imported_funcs;
        // An instance's own functions are one allocation.
        let first = instance.funcs.get(imported as usize)?.addr().get();
        let own = (entity.addr().get() - first) / size_of::<FuncEntity>();
        Some(imported + own as u32)
    }

    /// A number that no other function in the store has now, for hosts that keep something of their own for
    /// each function.
    pub fn hash_key(&self, store: impl AsContext) -> usize {
        self.handle.entity(store.as_context().core()).addr().get()
    }

    /// The function's type.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context();
        FuncType::at(store.engine(), self.handle.get(store.core()).type_index)
    }

    /// Whether the function's type is a type, or a subtype of it.
    ///
    /// # Panics
    ///
    /// If the function belongs to another store, or the type to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> bool {
        let store = store.as_context();
        let own = self.handle.get(store.core()).type_index;
        let engine = store.engine();
        engine.types().is_sub_index(own, ty.index_in(engine))
    }

    /// Calls the function.
    ///
    /// # Errors
    ///
    /// If the parameters or the number of results do not match the function's type; if a parameter belongs to another store; if the guest traps (then the error
    /// holds a [`Trap`](crate::Trap)); if a host function returns an error; or if the host has no
    /// room for the guest's stack ([`OutOfMemory`](crate::OutOfMemory)). What the guest did before
    /// remains done; see [`Store`](crate::Store#after-a-failure), for panics too.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let ty = self.handle.get(store.core()).ty.clone();
        check_count("parameters", ty.params(), params.len())?;
        check_count("results", ty.results(), results.len())?;
        let counts = [slot_count(ty.params()), slot_count(ty.results())];
        with_buffer(counts[0] + counts[1], 0, |slots| {
            let (param_slots, result_slots) = slots.split_at_mut(counts[0]);
            Val::lower(params, store.core(), ty.params(), param_slots)
                .context("invalid parameter")?;
            self.invoke(&mut store, param_slots, result_slots)?;
            // SAFETY: the function's results are of its result types (R4).
            unsafe { Val::lift(results, store.core(), ty.results(), result_slots) };
            Ok(())
        })
    }

    /// Calls the function with slots, as many and of such types as the function's type says.
    #[inline]
    pub(crate) fn invoke<T>(
        self,
        store: &mut StoreContextMut<'_, T>,
        params: &[u64],
        results: &mut [u64],
    ) -> Result<()> {
        let entity = self.handle.entity(store.core());
        // SAFETY: R2: the function is the store's, and the store is borrowed exclusively (R3).
        unsafe { exec::invoke(store.core_ptr(), entity, params, results) }
    }

    /// Fixes the function's type at compile time, which makes calls faster and simpler.
    ///
    /// # Errors
    ///
    /// If `Params` and `Results` are not the function's type; see
    /// [`WasmTy`](crate::WasmTy) for which type stands for which.
    pub fn typed<Params, Results>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<Params, Results>>
    where
        Params: WasmParams,
        Results: WasmResults,
    {
        let store = store.as_context();
        let ty = &self.handle.get(store.core()).ty;
        let types = store.core().engine.types();
        let (params, results) = (Params::TYPES, Results::TYPES);
        check_types("parameters", params, ty.params(), |asked, own| types.is_subtype(asked, own))?;
        check_types("results", results, ty.results(), |asked, own| types.is_subtype(own, asked))?;
        // SAFETY: the types were just checked.
        Ok(unsafe { TypedFunc::new_unchecked(*self) })
    }

    /// The engine-wide number of the function's type.
    pub(crate) fn type_index(self, store: &StoreCore) -> TypeIndex {
        self.handle.get(store).type_index
    }

    /// The `funcref` that slots hold.
    pub(crate) fn option_to_slot(func: Option<Func>, store: &StoreCore) -> Result<u64> {
        let Some(func) = func else { return Ok(0) };
        ensure!(func.handle.belongs_to(store), "reference to a function of another store");
        Ok(FuncEntity::to_ref(func.handle.entity(store)))
    }

    /// The function for a `funcref` that a slot holds.
    ///
    /// # Safety
    ///
    /// The slot must hold a `funcref` of the store.
    pub(crate) unsafe fn option_from_slot(store: &StoreCore, bits: u64) -> Option<Func> {
        let entity = FuncEntity::from_ref(bits)?;
        // SAFETY: R4: a `funcref` is the address of a function of the same store.
        Some(Func { handle: unsafe { Handle::new(store, entity) } })
    }
}

fn check_count(what: &str, types: &[ValType], actual: usize) -> Result<()> {
    let expected = types.len();
    ensure!(actual == expected, "expected {expected} {what}, got {actual}");
    Ok(())
}

fn check_types(
    what: &str,
    asked: &[ValType],
    actual: &[ValType],
    fits: impl Fn(ValType, ValType) -> bool,
) -> Result<()> {
    let all_fit = asked.iter().zip(actual).all(|(&asked, &own)| fits(asked, own));
    if asked.len() != actual.len() || !all_fit {
        bail!(
            "type mismatch with {what}: the function has ({}), but ({}) was asked for",
            list(actual),
            list(asked)
        );
    }
    Ok(())
}

fn list(types: &[ValType]) -> String {
    types.iter().map(ValType::to_string).collect::<Vec<_>>().join(", ")
}
