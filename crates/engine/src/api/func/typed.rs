//! [`TypedFunc`]: a function whose type is known at compile time.

use std::fmt;
use std::marker::PhantomData;

use anyhow::Result;

use crate::api::func::Func;
use crate::api::func::resumable::TypedResumableCall;
use crate::api::store::AsContextMut;
use crate::api::store::sealed::Core;
use crate::api::values::wasm_ty::{WasmParams, WasmResults};

/// A [`Func`] whose type was checked, once, to be `Params -> Results`.
///
/// Calls need neither checks nor allocation. Made by [`Func::typed`] and
/// [`Instance::get_typed_func`](crate::Instance::get_typed_func).
pub struct TypedFunc<Params, Results> {
    func: Func,
    signature: PhantomData<fn(Params) -> Results>,
}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    /// # Safety
    ///
    /// The function's type must be `Params -> Results`.
    pub(crate) unsafe fn new_unchecked(func: Func) -> TypedFunc<Params, Results> {
        TypedFunc { func, signature: PhantomData }
    }

    /// The function without the type.
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls the function.
    ///
    /// # Errors
    ///
    /// If a parameter belongs to another store; if the guest traps (then the error holds a
    /// [`Trap`](crate::Trap)); or if a host function returns an error. What the guest did
    /// before remains done.
    ///
    /// # Panics
    ///
    /// If the function belongs to another store.
    #[inline]
    pub fn call(&self, mut store: impl AsContextMut, params: Params) -> Result<Results> {
        let mut store = store.as_context_mut();
        let params = params.lower(Core(store.core()))?;
        let mut results = Results::Slots::default();
        let (params, slots) = (&params.as_ref()[..Params::COUNT], results.as_mut());
        self.func.invoke(&mut store, params, &mut slots[..Results::COUNT])?;
        // SAFETY: the results are of the types that `new_unchecked` was promised, and the
        // store's (R4).
        Ok(unsafe { Results::lift(Core(store.core()), &results) })
    }

    /// Calls the function; the future waits when the guest does. See [`Func::call_async`].
    ///
    /// # Errors
    ///
    /// As for [`TypedFunc::call`].
    ///
    /// # Panics
    ///
    /// If the function belongs to another store.
    #[cfg(feature = "async")]
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        params: Params,
    ) -> Result<Results> {
        let mut store = store.as_context_mut();
        let params = params.lower(Core(store.core()))?.as_ref()[..Params::COUNT].to_vec();
        let slots = self.func.call_slots_async(&mut store, &params, Results::COUNT).await?;
        let mut results = Results::Slots::default();
        results.as_mut()[..Results::COUNT].copy_from_slice(&slots);
        // SAFETY: as in `call`.
        Ok(unsafe { Results::lift(Core(store.core()), &results) })
    }

    /// Calls the function so that it stops, and can be resumed, where a host function returns an
    /// error or there is not enough fuel; see [`Func::call_resumable`].
    ///
    /// # Errors
    ///
    /// As for [`Func::call_resumable`].
    ///
    /// # Panics
    ///
    /// If the function belongs to another store.
    pub fn call_resumable(
        &self,
        mut store: impl AsContextMut,
        params: Params,
    ) -> Result<TypedResumableCall<Results>> {
        let mut store = store.as_context_mut();
        let params = params.lower(Core(store.core()))?;
        // SAFETY: the types are those that `new_unchecked` was promised.
        unsafe { self.func.call_resumable_typed(&mut store, &params.as_ref()[..Params::COUNT]) }
    }
}

impl<Params, Results> Clone for TypedFunc<Params, Results> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Params, Results> Copy for TypedFunc<Params, Results> {}

impl<Params, Results> fmt::Debug for TypedFunc<Params, Results> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}
