//! Calls that stop where a host function fails, or where there is no fuel left, and go on later.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use anyhow::{Context as _, Error, Result};

use crate::api::func::host::with_buffer;
use crate::api::func::{Func, check_count};
use crate::api::store::handle::Handle;
use crate::api::store::sealed::Core;
use crate::api::store::{AsContextMut, StoreContextMut};
use crate::api::values::val::Val;
use crate::api::values::wasm_ty::WasmResults;
use crate::exec::activation::{self, Progress};
use crate::runtime::activation::Ticket;
use crate::runtime::context::Stops;
use crate::runtime::slots::slot_count;

/// How far a call got; see [`Func::call_resumable`].
#[derive(Debug)]
pub enum ResumableCall {
    /// It returned; the results are in the slice that it was given.
    Finished,
    /// A host function returned an error.
    HostTrap(ResumableCallHostTrap),
    /// There is not enough fuel to continue.
    OutOfFuel(ResumableCallOutOfFuel),
}

/// How far a call got, with results of Rust types; see
/// [`TypedFunc::call_resumable`](crate::TypedFunc::call_resumable).
#[derive(Debug)]
pub enum TypedResumableCall<Results> {
    /// It returned.
    Finished(Results),
    /// A host function returned an error.
    HostTrap(TypedResumableCallHostTrap<Results>),
    /// There is not enough fuel to continue.
    OutOfFuel(TypedResumableCallOutOfFuel<Results>),
}

/// A call that has not ended. Its frames wait in its store, until it is resumed or dropped.
#[derive(Debug)]
struct Stopped {
    func: Func,
    ticket: Ticket,
}

/// A call that stopped where a host function returned an error.
///
/// It belongs to its store, but not to a thread: it can be sent to another together with the store.
/// When it is dropped, its frames are gone, and the store can be used as before.
#[derive(Debug)]
pub struct ResumableCallHostTrap {
    call: Stopped,
    host_func: Func,
    host_error: Error,
}

/// A call that stopped because there was not enough fuel.
#[derive(Debug)]
pub struct ResumableCallOutOfFuel {
    call: Stopped,
    required_fuel: u64,
}

/// A [`ResumableCallHostTrap`] with results of Rust types.
pub struct TypedResumableCallHostTrap<Results> {
    call: ResumableCallHostTrap,
    results: PhantomData<fn() -> Results>,
}

/// A [`ResumableCallOutOfFuel`] with results of Rust types.
pub struct TypedResumableCallOutOfFuel<Results> {
    call: ResumableCallOutOfFuel,
    results: PhantomData<fn() -> Results>,
}

impl Stopped {
    /// A call of a function with parameters as slots hold them, which begins when it is resumed.
    fn new<T>(store: &mut StoreContextMut<'_, T>, func: Func, params: &[u64]) -> Result<Stopped> {
        let core = store.core_mut();
        let entity = func.handle().entity(core);
        let ticket = core.new_activation(entity, params, Stops::AtErrors)?;
        Ok(Stopped { func, ticket })
    }

    /// Continues it. There are as many `inputs` as results of the host function at which it stopped.
    fn resume<T>(
        self,
        store: &mut StoreContextMut<'_, T>,
        inputs: &[u64],
        results: &mut [u64],
    ) -> Result<ResumableCall> {
        // SAFETY: R2: the callers compared the stores; R3: this one is borrowed exclusively. They
        // checked the numbers of slots too.
        let progress =
            unsafe { activation::resume(store.core_ptr(), &self.ticket, inputs, results) };
        Ok(match progress {
            Progress::Ended(outcome) => {
                outcome?;
                ResumableCall::Finished
            }
            Progress::HostError(host_func, host_error) => {
                // SAFETY: the function is the store's.
                let handle = unsafe { Handle::new(store.core(), host_func) };
                let host_func = Func::from_handle(handle);
                ResumableCall::HostTrap(ResumableCallHostTrap { call: self, host_func, host_error })
            }
            Progress::OutOfFuel(required_fuel) => {
                ResumableCall::OutOfFuel(ResumableCallOutOfFuel { call: self, required_fuel })
            }
            #[cfg(feature = "async")]
            Progress::Yielded | Progress::Asks | Progress::HostCall(_) => {
                unreachable!("only asynchronous calls stop there")
            }
        })
    }

    /// [`resume`](Self::resume) with values.
    fn resume_with_vals<T>(
        self,
        store: &mut StoreContextMut<'_, T>,
        inputs: &[u64],
        results: &mut [Val],
    ) -> Result<ResumableCall> {
        let ty = self.func.handle().get(store.core()).ty.clone();
        check_count("results", ty.results(), results.len())?;
        with_buffer(slot_count(ty.results()), 0, |slots| {
            let call = self.resume(store, inputs, slots)?;
            if let ResumableCall::Finished = call {
                // SAFETY: the function's results are of its result types (R4).
                unsafe { Val::lift(results, store.core(), ty.results(), slots) };
            }
            Ok(call)
        })
    }

    /// [`resume`](Self::resume) with results of Rust types.
    ///
    /// # Safety
    ///
    /// The function's results must be `Results`.
    unsafe fn resume_typed<T, Results: WasmResults>(
        self,
        store: &mut StoreContextMut<'_, T>,
        inputs: &[u64],
    ) -> Result<TypedResumableCall<Results>> {
        let mut slots = Results::Slots::default();
        let call = self.resume(store, inputs, &mut slots.as_mut()[..Results::COUNT])?;
        Ok(match call {
            ResumableCall::Finished => {
                // SAFETY: the caller's promise; the values are the store's (R4).
                TypedResumableCall::Finished(unsafe { Results::lift(Core(store.core()), &slots) })
            }
            ResumableCall::HostTrap(call) => {
                TypedResumableCall::HostTrap(TypedResumableCallHostTrap {
                    call,
                    results: PhantomData,
                })
            }
            ResumableCall::OutOfFuel(call) => {
                TypedResumableCall::OutOfFuel(TypedResumableCallOutOfFuel {
                    call,
                    results: PhantomData,
                })
            }
        })
    }
}

impl Func {
    /// Calls the function. If a host function returns an error, or there is not enough fuel, the
    /// call stops there, and can be resumed: as if the host function had returned what the host gives
    /// then, or with more fuel.
    ///
    /// A stopped call keeps its frames in its store. In the meantime the store can be used for
    /// everything, also for other calls that stop; they can be resumed in any order, and from other
    /// threads. (All of a guest's state is in its store, so that nothing has to be put aside.)
    ///
    /// Traps, panics, exceptions and what a hook, an observer or a limiter returns end the call, as
    /// they end any other. So does an error of a host function that the host calls without a guest
    /// in between.
    ///
    /// ```
    /// use lineal::{Engine, Linker, Module, ResumableCall, Store, Val};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module
    ///     (import "host" "ask" (func $ask (param i32) (result i32)))
    ///     (func (export "run") (result i32)
    ///         (i32.add (call $ask (i32.const 1)) (call $ask (i32.const 2)))))"#)?;
    /// let mut linker = Linker::<()>::new(&engine);
    /// linker.func_wrap("host", "ask", |question: i32| -> lineal::Result<i32> {
    ///     lineal::bail!("nobody knows {question} yet")
    /// })?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = linker.instantiate(&mut store, &module)?;
    /// let run = instance.get_func(&store, "run").unwrap();
    ///
    /// let mut results = [Val::I32(0)];
    /// let mut call = run.call_resumable(&mut store, &[], &mut results)?;
    /// let mut questions = Vec::new();
    /// while let ResumableCall::HostTrap(stopped) = call {
    ///     questions.push(stopped.host_error().to_string());
    ///     call = stopped.resume(&mut store, &[Val::I32(21)], &mut results)?;
    /// }
    /// assert_eq!(questions, ["nobody knows 1 yet", "nobody knows 2 yet"]);
    /// assert_eq!(results[0].unwrap_i32(), 42);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Func::call`], but for the errors of host functions and a lack of fuel.
    pub fn call_resumable(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<ResumableCall> {
        let mut store = store.as_context_mut();
        let ty = self.handle().get(store.core()).ty.clone();
        check_count("parameters", ty.params(), params.len())?;
        check_count("results", ty.results(), results.len())?;
        let call = with_buffer(slot_count(ty.params()), 0, |slots| {
            Val::lower(params, store.core(), ty.params(), slots).context("invalid parameter")?;
            Stopped::new(&mut store, *self, slots)
        })?;
        call.resume_with_vals(&mut store, &[], results)
    }

    /// [`call_resumable`](Self::call_resumable) for a function of a known type.
    ///
    /// # Safety
    ///
    /// The function's results must be `Results`, and the parameters of its parameter types.
    pub(crate) unsafe fn call_resumable_typed<T, Results: WasmResults>(
        self,
        store: &mut StoreContextMut<'_, T>,
        params: &[u64],
    ) -> Result<TypedResumableCall<Results>> {
        let call = Stopped::new(store, self, params)?;
        // SAFETY: the caller's promise.
        unsafe { call.resume_typed(store, &[]) }
    }
}

impl ResumableCallHostTrap {
    /// The host function that returned the error.
    pub fn host_func(&self) -> Func {
        self.host_func
    }

    /// The error.
    pub fn host_error(&self) -> &Error {
        &self.host_error
    }

    /// The error; the call is given up.
    pub fn into_host_error(self) -> Error {
        self.host_error
    }

    /// Continues the call as if the host function had returned `inputs`.
    ///
    /// # Errors
    ///
    /// As for [`Func::call_resumable`], or if `inputs` do not match the results of
    /// [`host_func`](Self::host_func). The call is given up then.
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn resume(
        self,
        mut store: impl AsContextMut,
        inputs: &[Val],
        outputs: &mut [Val],
    ) -> Result<ResumableCall> {
        let mut store = store.as_context_mut();
        self.with_inputs(&mut store, inputs, |store, call, slots| {
            call.resume_with_vals(store, slots, outputs)
        })
    }

    /// Passes on the call with values for the results of its host function, as slots hold them.
    fn with_inputs<T, R>(
        self,
        store: &mut StoreContextMut<'_, T>,
        inputs: &[Val],
        resume: impl FnOnce(&mut StoreContextMut<'_, T>, Stopped, &[u64]) -> Result<R>,
    ) -> Result<R> {
        let ty = self.host_func.handle().get(store.core()).ty.clone();
        check_count("results of the host function", ty.results(), inputs.len())?;
        with_buffer(slot_count(ty.results()), 0, |slots| {
            Val::lower(inputs, store.core(), ty.results(), slots)
                .context("invalid result of the host function")?;
            resume(store, self.call, slots)
        })
    }
}

impl ResumableCallOutOfFuel {
    /// How much fuel the store must have at least before the call can continue.
    pub fn required_fuel(&self) -> u64 {
        self.required_fuel
    }

    /// Continues the call.
    ///
    /// ```
    /// use lineal::{Config, Engine, Instance, Module, Store, TypedResumableCall};
    ///
    /// let engine = Engine::new(Config::new().consume_fuel(true))?;
    /// let module = Module::new(&engine, r#"(module
    ///     (func (export "count") (param i32) (result i32) (local i32)
    ///         (loop $next
    ///             (local.set 1 (i32.add (local.get 1) (i32.const 1)))
    ///             (br_if $next (i32.lt_u (local.get 1) (local.get 0))))
    ///         (local.get 1)))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let count = instance.get_typed_func::<i32, i32>(&store, "count")?;
    ///
    /// store.set_fuel(100)?;
    /// let (mut call, mut stops) = (count.call_resumable(&mut store, 1000)?, 0);
    /// let result = loop {
    ///     call = match call {
    ///         TypedResumableCall::Finished(result) => break result,
    ///         TypedResumableCall::OutOfFuel(stopped) => {
    ///             stops += 1;
    ///             store.set_fuel(stopped.required_fuel().max(100))?;
    ///             stopped.resume(&mut store)?
    ///         }
    ///         TypedResumableCall::HostTrap(stopped) => return Err(stopped.into_host_error()),
    ///     }
    /// };
    /// assert_eq!(result, 1000);
    /// assert!(stops > 10);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Func::call_resumable`].
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn resume(
        self,
        mut store: impl AsContextMut,
        outputs: &mut [Val],
    ) -> Result<ResumableCall> {
        self.call.resume_with_vals(&mut store.as_context_mut(), &[], outputs)
    }
}

impl<Results: WasmResults> TypedResumableCallHostTrap<Results> {
    /// Continues the call as if the host function had returned `inputs`.
    ///
    /// # Errors
    ///
    /// As for [`ResumableCallHostTrap::resume`].
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn resume(
        self,
        mut store: impl AsContextMut,
        inputs: &[Val],
    ) -> Result<TypedResumableCall<Results>> {
        let mut store = store.as_context_mut();
        self.call.with_inputs(&mut store, inputs, |store, call, slots| {
            // SAFETY: the call is of a `TypedFunc` with these results.
            unsafe { call.resume_typed(store, slots) }
        })
    }

    /// The error; the call is given up.
    pub fn into_host_error(self) -> Error {
        self.call.into_host_error()
    }
}

impl<Results: WasmResults> TypedResumableCallOutOfFuel<Results> {
    /// Continues the call.
    ///
    /// # Errors
    ///
    /// As for [`ResumableCallOutOfFuel::resume`].
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn resume(self, mut store: impl AsContextMut) -> Result<TypedResumableCall<Results>> {
        let mut store = store.as_context_mut();
        // This panics if it is another store.
        self.call.call.func.handle().entity(store.core());
        // SAFETY: the call is of a `TypedFunc` with these results.
        unsafe { self.call.call.resume_typed(&mut store, &[]) }
    }
}

impl<Results> Deref for TypedResumableCallHostTrap<Results> {
    type Target = ResumableCallHostTrap;

    fn deref(&self) -> &ResumableCallHostTrap {
        &self.call
    }
}

impl<Results> Deref for TypedResumableCallOutOfFuel<Results> {
    type Target = ResumableCallOutOfFuel;

    fn deref(&self) -> &ResumableCallOutOfFuel {
        &self.call
    }
}

impl<Results> fmt::Debug for TypedResumableCallHostTrap<Results> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl<Results> fmt::Debug for TypedResumableCallOutOfFuel<Results> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}
