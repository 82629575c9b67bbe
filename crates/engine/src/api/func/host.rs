//! Host functions: the closures a guest can call, and what they get to see.
//!
//! ```text
//! closure ── IntoFunc ──► HostDef { type, HostFunc } ──► FuncEntity of a store
//! guest calls ──► HostFunc(core, caller's instance, slots) ──► call ──► closure(Caller, params)
//! ```
//!
//! A `HostFunc` does not know its store's type parameter. It is made for one `T`, put only into
//! stores of that `T` (which are invariant in it), and casts the pointer it is given back.

use std::ptr::NonNull;
use std::sync::Arc;

use anyhow::{Error, Result};
use lineal_decoder::FuncType;

use crate::api::func::caller::Caller;
use crate::api::store::sealed::Core;
use crate::api::store::{StoreContextMut, StoreInner};
use crate::api::values::val::Val;
use crate::api::values::wasm_ty::sealed::Values;
use crate::api::values::wasm_ty::{WasmParams, WasmResults, WasmTy, for_each_arity};
#[cfg(feature = "async")]
use crate::runtime::entity::AsyncHostFunc;
use crate::runtime::entity::{FuncKind, HostFunc};
use crate::runtime::instance::InstanceData;
use crate::runtime::room;
use crate::runtime::slots::slot_count;
use crate::runtime::store::StoreCore;

/// A closure that can become a host function of stores with the host value `T`.
///
/// Implemented for `Fn` closures that are `Send + Sync + 'static` and take up to 16 parameters
/// that are [`WasmTy`], before them a [`Caller`] if they like, and return
///
/// * nothing, a [`WasmTy`] or a tuple of up to 16 of them,
/// * or a [`Result`](crate::Result) of these, whose error stops the guest.
///
/// The trait is sealed: a function must be made for the `T` that it says it is for.
pub trait IntoFunc<T, Params, Results>: sealed::Closure<T, Params, Results> {}

/// What a host function can return; see [`IntoFunc`].
pub trait WasmRet: sealed::Returned {}

pub(crate) mod sealed {
    use anyhow::Result;

    use super::HostDef;
    use crate::api::values::wasm_ty::sealed::Values;

    pub trait Closure<T, Params, Results>: Send + Sync + 'static {
        /// The function without its store's type parameter.
        fn into_func(self) -> HostDef;
    }

    pub trait Returned: 'static {
        /// The results, if there was no error.
        type Results: Values;

        fn into_result(self) -> Result<Self::Results>;
    }
}

impl<R: WasmResults> sealed::Returned for R {
    type Results = R;

    fn into_result(self) -> Result<R> {
        Ok(self)
    }
}

impl<R: WasmResults> WasmRet for R {}

impl<R: WasmResults> sealed::Returned for Result<R, Error> {
    type Results = R;

    fn into_result(self) -> Result<R> {
        self
    }
}

impl<R: WasmResults> WasmRet for Result<R, Error> {}

/// A host function that is not in a store yet.
#[derive(Clone)]
pub struct HostDef {
    ty: FuncType,
    func: AnyHostFunc,
}

#[derive(Clone)]
enum AnyHostFunc {
    Sync(HostFunc),
    #[cfg(feature = "async")]
    Async(AsyncHostFunc),
}

impl HostDef {
    pub(crate) fn ty(&self) -> &FuncType {
        &self.ty
    }

    pub(crate) fn kind(&self) -> FuncKind {
        match &self.func {
            AnyHostFunc::Sync(func) => FuncKind::Host(func.clone()),
            #[cfg(feature = "async")]
            AnyHostFunc::Async(func) => FuncKind::Async(func.clone()),
        }
    }

    #[cfg(feature = "async")]
    pub(crate) fn asynchronous(ty: FuncType, func: AsyncHostFunc) -> HostDef {
        HostDef { ty, func: AnyHostFunc::Async(func) }
    }

    /// Creates a host function from a closure whose type is known at compile time.
    fn typed<T, P, R>(closure: impl Fn(Caller<'_, T>, P) -> R + Send + Sync + 'static) -> HostDef
    where
        P: WasmParams,
        R: WasmRet,
    {
        let ty = FuncType::new(P::TYPES.iter().copied(), R::Results::TYPES.iter().copied());
        let func = move |core, instance, slots| {
            // SAFETY: `HostDef`s go to stores of this `T` only, and the executor passes what
            // the function's type says.
            unsafe { call_typed(core, instance, slots, &closure) }
        };
        HostDef { ty, func: AnyHostFunc::Sync(Arc::new(func)) }
    }

    /// Creates a host function from a closure that takes its values as slices.
    pub(crate) fn untyped<T>(
        ty: FuncType,
        closure: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> HostDef {
        let signature = ty.clone();
        let func = move |core, instance, slots| {
            // SAFETY: as in `typed`.
            unsafe { call_untyped(core, instance, slots, &signature, &closure) }
        };
        HostDef { ty, func: AnyHostFunc::Sync(Arc::new(func)) }
    }
}

/// Calls a closure with the values in the slots, and leaves its results there.
///
/// # Safety
///
/// `core` must be in a `StoreInner<T>` that nothing else borrows. From `slots` on there must be
/// as many slots as parameters or results take, whichever is more, and in them parameters
/// of `P`'s types.
unsafe fn call_typed<T, P, R>(
    core: NonNull<StoreCore>,
    instance: *const InstanceData,
    slots: *mut u64,
    closure: impl Fn(Caller<'_, T>, P) -> R,
) -> Result<()>
where
    P: WasmParams,
    R: WasmRet,
{
    // SAFETY: the caller's promise; the pointer was one to the whole `StoreInner<T>` once.
    let store = StoreContextMut(unsafe { core.cast::<StoreInner<T>>().as_mut() });
    let mut params = P::Slots::default();
    // SAFETY: the caller's promise about `slots`.
    params.as_mut()[..P::COUNT]
        .copy_from_slice(unsafe { std::slice::from_raw_parts(slots, P::COUNT) });
    // SAFETY: the caller's promise about the values (R4).
    let params = unsafe { P::lift(Core(store.core()), &params) };
    // SAFETY: R1: the calling instance is one of this store.
    let mut caller = unsafe { Caller::new(store, instance) };
    let results = closure(caller.reborrow(), params).into_result()?;
    let results = results.lower(Core(caller.core()))?;
    // SAFETY: the caller's promise about `slots`.
    unsafe { slots.copy_from_nonoverlapping(results.as_ref().as_ptr(), R::Results::COUNT) };
    Ok(())
}

/// [`call_typed`] for closures that take slices.
///
/// # Safety
///
/// As for [`call_typed`], where `ty` says what the parameters and results are.
unsafe fn call_untyped<T>(
    core: NonNull<StoreCore>,
    instance: *const InstanceData,
    slots: *mut u64,
    ty: &FuncType,
    closure: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's promise; the pointer was one to the whole `StoreInner<T>` once.
    let store = StoreContextMut(unsafe { core.cast::<StoreInner<T>>().as_mut() });
    let (params, results) = (ty.params().len(), ty.results().len());
    with_buffer(params + results, Val::I32(0), |vals| {
        let (param_vals, result_vals) = vals.split_at_mut(params);
        // SAFETY: the caller's promise about `slots` and the values in them (R4).
        unsafe {
            let slots = std::slice::from_raw_parts(slots, slot_count(ty.params()));
            Val::lift(param_vals, store.core(), ty.params(), slots);
        }
        for (val, &ty) in result_vals.iter_mut().zip(ty.results()) {
            *val = Val::default_for_plain(ty).unwrap_or(Val::null_func_ref());
        }
        // SAFETY: R1: the calling instance is one of this store.
        let mut caller = unsafe { Caller::new(store, instance) };
        closure(caller.reborrow(), param_vals, result_vals)?;
        // SAFETY: the caller's promise about `slots`.
        let slots = unsafe { std::slice::from_raw_parts_mut(slots, slot_count(ty.results())) };
        Val::lower(result_vals, caller.core(), ty.results(), slots)
    })
}

/// Calls a closure with a buffer of some length, which costs an allocation only if it is long.
///
/// # Errors
///
/// The closure's, or that the host has no room for the buffer.
pub(crate) fn with_buffer<V: Copy, R>(
    len: usize,
    fill: V,
    use_buffer: impl FnOnce(&mut [V]) -> Result<R>,
) -> Result<R> {
    const INLINE: usize = 16;
    if len <= INLINE {
        use_buffer(&mut [fill; INLINE][..len])
    } else {
        use_buffer(&mut room::collect(std::iter::repeat_n(fill, len))?)
    }
}

macro_rules! into_func {
    ($count:literal $($name:ident)*) => {
        impl<T, F, $($name,)* R> IntoFunc<T, ($($name,)*), R> for F
        where
            F: Fn($($name),*) -> R + Send + Sync + 'static,
            $($name: WasmTy,)*
            R: WasmRet,
        {
        }

        impl<T, F, $($name,)* R> sealed::Closure<T, ($($name,)*), R> for F
        where
            F: Fn($($name),*) -> R + Send + Sync + 'static,
            $($name: WasmTy,)*
            R: WasmRet,
        {
            // Not `expect`: a function without parameters has none.
            #[allow(non_snake_case, reason = "types name the variables")]
            fn into_func(self) -> HostDef {
                HostDef::typed::<T, ($($name,)*), R>(move |_, ($($name,)*)| self($($name),*))
            }
        }

        impl<T, F, $($name,)* R> IntoFunc<T, (Caller<'_, T>, $($name,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
            $($name: WasmTy,)*
            R: WasmRet,
        {
        }

        impl<T, F, $($name,)* R> sealed::Closure<T, (Caller<'_, T>, $($name,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
            $($name: WasmTy,)*
            R: WasmRet,
        {
            // Not `expect`: a function without parameters has none.
            #[allow(non_snake_case, reason = "types name the variables")]
            fn into_func(self) -> HostDef {
                HostDef::typed::<T, ($($name,)*), R>(move |caller, ($($name,)*)| {
                    self(caller, $($name),*)
                })
            }
        }
    };
}

for_each_arity!(into_func);
