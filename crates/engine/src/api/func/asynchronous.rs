//! Calls that are futures, and host functions that return futures.
//!
//! ```text
//! call_async ──► AsyncCall ── polls ──► the guest (in here, without a thread of its own)
//!                    └─────── polls ──► the host function's future, while the guest waits for it
//! ```
//!
//! The guest's frames are in its store, so a call that waits is only a number of an activation, and
//! the future of the host function that it waits for.
//!
//! # Who has the store
//!
//! An [`AsyncCall`] borrows the store exclusively for as long as it lives. It reaches the store through
//! one pointer, made of that borrow. From the moment at which it calls a host function until it has
//! dropped that function's future, it does not use the pointer: the future's [`Caller`] was made of
//! it, and is the only path to the store (R7), also between two polls and on other threads. So the
//! future is dropped before anything else when the call is dropped.
//!
//! If the call is leaked instead, the future is leaked with it, and nothing in it runs any more. The
//! activation stays entered, below later calls, until the host code ends that leaked it: whoever runs
//! host code then leaves what that has entered
//! ([`leave_until`](crate::runtime::store::StoreCore::leave_until)).

use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use lineal_decoder as plain;

use crate::api::func::caller::Caller;
use crate::api::func::host::{HostDef, WasmRet};
use crate::api::func::{Func, check_count};
use crate::api::store::sealed::Core;
use crate::api::store::{AsContextMut, StoreContextMut, StoreInner};
use crate::api::types::FuncType;
use crate::api::values::val::Val;
use crate::api::values::wasm_ty::WasmParams;
use crate::api::values::wasm_ty::sealed::Values;
use crate::exec::activation::{self, Progress};
use crate::exec::asynchronous::{self, Waiting};
use crate::runtime::activation::Ticket;
use crate::runtime::answers::Question;
use crate::runtime::context::Stops;
use crate::runtime::entity::{FuncEntity, HostFuture};
use crate::runtime::hooks::Pause;
use crate::runtime::instance::InstanceData;
use crate::runtime::limits::Limits;
use crate::runtime::slots::slot_count;
use crate::runtime::store::StoreCore;

/// A call of a function that lets others run while it waits.
pub(crate) struct AsyncCall<'s> {
    core: NonNull<StoreCore>,
    /// `None` when the call has ended.
    ticket: Option<Ticket>,
    /// Whether it was polled.
    entered: bool,
    /// The host function that it waits for.
    host: Option<(Waiting, HostFuture)>,
    /// The answer of the store's limiter that it waits for. It has the store, as a host function's
    /// future has.
    answer: Option<(Question, AnswerFuture)>,
    /// What the epoch's callback lets it wait for.
    pause: Option<Pause>,
    results: Box<[u64]>,
    /// The borrow that the pointer was made of.
    store: PhantomData<&'s mut StoreCore>,
}

type AnswerFuture = Pin<Box<dyn Future<Output = Result<bool>> + Send>>;

// SAFETY: it is an exclusive borrow of a store whose data is `Send` (that is asked of it when it is
// made), and a future that is `Send`. The other fields are numbers and addresses in the store.
unsafe impl Send for AsyncCall<'_> {}

impl<'s> AsyncCall<'s> {
    /// A call that begins when it is polled first, with parameters and results as slots hold them.
    ///
    /// # Errors
    ///
    /// If there is no room for a stack.
    ///
    /// # Safety
    ///
    /// The function's parameters take as many slots as `params` has, and its results
    /// `result_slots`; references among `params` are the store's.
    pub(crate) unsafe fn new<T: Send>(
        store: &'s mut StoreContextMut<'_, T>,
        func: NonNull<FuncEntity>,
        params: &[u64],
        result_slots: usize,
    ) -> Result<AsyncCall<'s>> {
        let ticket = store.core_mut().new_activation(func, params, Stops::Async)?;
        Ok(AsyncCall {
            core: store.core_ptr(),
            ticket: Some(ticket),
            entered: false,
            host: None,
            answer: None,
            pause: None,
            results: vec![0; result_slots].into(),
            store: PhantomData,
        })
    }

    /// Polls the host function that the guest waits for; whether the guest can continue.
    fn poll_host(&mut self, ticket: &Ticket, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(ready) = poll_to_end(&mut self.host, cx) else { return false };
        if let Some((waiting, outcome)) = ready {
            // SAFETY: the future was made for `waiting`, and is gone.
            unsafe { asynchronous::end(self.core, ticket, waiting, outcome) };
        }
        true
    }

    /// Asks the store's limiter what the guest wants to know.
    fn ask(&mut self) {
        // SAFETY: the store is borrowed for as long as this lives, and no future has it. What is
        // made of it here is dropped before it is used otherwise.
        unsafe {
            let Some(question) = self.core.as_mut().answers.open.take() else { return };
            let Some(mut limiter) = Limits::new(self.core).async_limiter() else { return };
            self.answer = Some((question, Box::pin(question.ask(limiter.as_mut()))));
        }
    }

    /// Polls the limiter's answer that the guest waits for; whether the guest can continue.
    fn poll_answer(&mut self, ticket: &Ticket, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(ready) = poll_to_end(&mut self.answer, cx) else { return false };
        if let Some((question, outcome)) = ready {
            // SAFETY: the future is gone.
            unsafe { asynchronous::answered(self.core, ticket, question, outcome) };
        }
        true
    }

    /// Polls what the epoch's callback lets the guest wait for; whether the guest can continue.
    fn poll_pause(&mut self, ticket: &Ticket, cx: &mut Context<'_>) -> bool {
        let Poll::Ready(ready) = poll_to_end(&mut self.pause, cx) else { return false };
        if let Some((ticks, outcome)) = ready {
            // SAFETY: the store is borrowed for as long as this lives, and no future has it.
            unsafe { asynchronous::paused(self.core, ticket, ticks, outcome) };
        }
        true
    }

    fn run(&mut self, ticket: &Ticket, cx: &mut Context<'_>) -> Poll<Result<()>> {
        // SAFETY: the store is borrowed for as long as this lives. The pointer is used only when no
        // host function's future has it; the activation is entered once, and left when it ends.
        unsafe {
            if !self.entered {
                activation::begin_call(self.core, ticket)?;
                self.entered = true;
            }
            loop {
                let can_continue = self.poll_host(ticket, cx)
                    && self.poll_answer(ticket, cx)
                    && self.poll_pause(ticket, cx);
                if !can_continue {
                    return Poll::Pending;
                }
                match activation::advance(self.core, ticket, &mut self.results) {
                    Progress::Ended(outcome) => return Poll::Ready(outcome),
                    Progress::HostCall(func) => {
                        self.host = asynchronous::begin(self.core, ticket, func);
                    }
                    Progress::Asks => self.ask(),
                    Progress::Yielded => {
                        self.pause = self.core.as_mut().pause.take();
                        if self.pause.is_none() {
                            cx.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                    }
                    Progress::HostError(..) | Progress::OutOfFuel(_) => {
                        unreachable!("only resumable calls stop there")
                    }
                }
            }
        }
    }
}

/// Drops something of the host's, which may panic.
fn drop_caught<T>(dropped: T) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| drop(dropped)))
}

/// Polls what a guest waits for, if it waits. Once the future is ready, or has panicked, it is dropped.
fn poll_to_end<W, F: Future + Unpin>(
    waits: &mut Option<(W, F)>,
    cx: &mut Context<'_>,
) -> Poll<Option<(W, std::thread::Result<F::Output>)>> {
    let Some((_, future)) = waits else { return Poll::Ready(None) };
    let outcome = match catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(cx))) {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(outcome)) => Ok(outcome),
        Err(payload) => Err(payload),
    };
    let ready = waits.take().map(|(waiting, future)| {
        let dropped = drop_caught(future);
        (waiting, dropped.and(outcome))
    });
    Poll::Ready(ready)
}

impl Future for AsyncCall<'_> {
    /// The results as slots hold them.
    type Output = Result<Box<[u64]>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Box<[u64]>>> {
        // Taken out, so that a panic of the guest's leaves nothing to be given up: then the
        // activation has ended.
        let Some(ticket) = self.ticket.take() else { panic!("the call was polled after its end") };
        let progress = self.run(&ticket, cx);
        if progress.is_pending() {
            self.ticket = Some(ticket);
        }
        progress.map_ok(|()| std::mem::take(&mut self.results))
    }
}

impl Drop for AsyncCall<'_> {
    fn drop(&mut self) {
        // Whichever there is goes first: it has the store.
        let answer = drop_caught(self.answer.take());
        let (waiting, future) = self.host.take().unzip();
        let dropped = drop_caught(future);
        // Before it is entered, and after its end, the store has what its caller is to wait for.
        let is_under_way = self.entered && self.ticket.is_some();
        // SAFETY: the store is borrowed for as long as this lives, and no future has it.
        let next_pause = is_under_way.then(|| unsafe { self.core.as_mut().pause.take() });
        let paused = drop_caught((self.pause.take(), next_pause));
        if let Some(ticket) = &self.ticket {
            // SAFETY: the store is borrowed for as long as this lives, and no future has it.
            unsafe {
                if self.entered {
                    asynchronous::cancel(self.core, ticket, waiting);
                } else {
                    self.core.as_mut().end_activation(ticket);
                }
            }
        }
        if let Err(payload) = dropped.and(answer).and(paused)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(payload);
        }
    }
}

impl Func {
    /// Creates a host function that may wait, from a closure that takes its parameters, and returns
    /// its results, in slices of [`Val`], as for [`Func::new`].
    ///
    /// The guest waits until the future that the closure returns is ready. Such a function can be
    /// called only by guests that were called by [`Func::call_async`] or another function whose name
    /// ends in `async`.
    pub fn new_async<T, F>(mut store: impl AsContextMut<Data = T>, ty: FuncType, func: F) -> Func
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
        let mut store = store.as_context_mut();
        let ty = ty.lower(store.engine());
        Func::from_def(&mut store, &HostDef::untyped_async(ty, func))
    }

    /// Creates a host function that may wait, from a closure whose parameters (in a tuple) and
    /// results are Rust types, as for [`Func::wrap`]; see [`Func::new_async`].
    pub fn wrap_async<T, F, P, R>(mut store: impl AsContextMut<Data = T>, func: F) -> Func
    where
        F: for<'a> Fn(Caller<'a, T>, P) -> Box<dyn Future<Output = R> + Send + 'a>
            + Send
            + Sync
            + 'static,
        P: WasmParams,
        R: WasmRet,
        T: Send + 'static,
    {
        Func::from_def(&mut store.as_context_mut(), &HostDef::typed_async(func))
    }

    /// Calls the function; the future waits when the guest does. It does so where an asynchronous
    /// host function is called (see [`Func::wrap_async`]), and where the store says that others
    /// should have their turn: see
    /// [`Store::fuel_async_yield_interval`](crate::Store::fuel_async_yield_interval) and
    /// [`Store::epoch_deadline_async_yield_and_update`](crate::Store::epoch_deadline_async_yield_and_update).
    ///
    /// The guest runs while the future is polled, on that thread. The future is `Send` if the store's
    /// data is. When it is dropped before it is ready, the guest ends where it is, and the store can
    /// be used.
    ///
    /// Host functions, asynchronous or not, can call the guest again by this or by
    /// [`Func::call`]; inside the latter nothing can wait.
    ///
    /// ```
    /// use std::future::ready;
    /// use lineal::{Engine, Linker, Module, Store, Val};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module
    ///     (import "host" "fetch" (func $fetch (param i32) (result i32)))
    ///     (func (export "run") (result i32) (call $fetch (i32.const 21))))"#)?;
    /// let mut linker = Linker::<()>::new(&engine);
    /// linker.func_wrap_async("host", "fetch", |_, (number,): (i32,)| {
    ///     Box::new(async move { ready(number).await * 2 })
    /// })?;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let mut store = Store::new(&engine, ());
    /// let instance = linker.instantiate_async(&mut store, &module).await?;
    /// let run = instance.get_func(&store, "run").unwrap();
    /// let mut results = [Val::I32(0)];
    /// run.call_async(&mut store, &[], &mut results).await?;
    /// assert_eq!(results[0].unwrap_i32(), 42);
    /// # Ok::<(), lineal::Error>(())
    /// # })?;
    /// # Ok::<(), lineal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        let entity = self.handle();
        let ty = entity.get(store.core()).ty.clone();
        check_count("parameters", ty.params(), params.len())?;
        check_count("results", ty.results(), results.len())?;
        let mut slots = vec![0; slot_count(ty.params())];
        Val::lower(params, store.core(), ty.params(), &mut slots).context("invalid parameter")?;
        let slots = self.call_slots_async(&mut store, &slots, slot_count(ty.results())).await?;
        // SAFETY: the function's results are of its result types (R4).
        unsafe { Val::lift(results, store.core(), ty.results(), &slots) };
        Ok(())
    }

    /// Calls the function with slots, as many and of such types as the function's type says.
    pub(crate) async fn call_slots_async<T: Send>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        params: &[u64],
        result_slots: usize,
    ) -> Result<Box<[u64]>> {
        let call = {
            let entity = self.handle().entity(store.core());
            // SAFETY: R2: the function is the store's; the caller's promise.
            unsafe { AsyncCall::new(store, entity, params, result_slots)? }
        };
        call.await
    }
}

impl HostDef {
    /// [`HostDef::typed`] for a closure that returns a future.
    pub(crate) fn typed_async<T, F, P, R>(closure: F) -> HostDef
    where
        F: for<'a> Fn(Caller<'a, T>, P) -> Box<dyn Future<Output = R> + Send + 'a>
            + Send
            + Sync
            + 'static,
        P: WasmParams,
        R: WasmRet,
        T: Send + 'static,
    {
        let ty = plain::FuncType::new(P::TYPES.iter().copied(), R::Results::TYPES.iter().copied());
        let func = move |core: NonNull<StoreCore>, instance, slots: *mut u64| -> HostFuture {
            let mut params = P::Slots::default();
            // SAFETY: `HostDef`s go to stores of this `T` only, and the executor passes what the
            // function's type says: that many slots, with values of these types (R4).
            let (params, caller) = unsafe {
                params.as_mut()[..P::COUNT]
                    .copy_from_slice(std::slice::from_raw_parts(slots, P::COUNT));
                (P::lift(Core(core.as_ref()), &params), caller(core, instance))
            };
            let future = Box::into_pin(closure(caller, params));
            Box::pin(HostCall {
                future: Some(future),
                then: Some(move |results: R| {
                    let results = results.into_result()?;
                    // SAFETY: as above; the future, which had the store, is gone.
                    unsafe {
                        let results = results.lower(Core(core.as_ref()))?;
                        let count = R::Results::COUNT;
                        slots.copy_from_nonoverlapping(results.as_ref().as_ptr(), count);
                    }
                    Ok(())
                }),
            })
        };
        HostDef::asynchronous(ty, Arc::new(func))
    }

    /// [`HostDef::untyped`] for a closure that returns a future.
    pub(crate) fn untyped_async<T, F>(ty: plain::FuncType, closure: F) -> HostDef
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
        let signature = ty.clone();
        let func = move |core: NonNull<StoreCore>, instance, slots: *mut u64| -> HostFuture {
            let ty = signature.clone();
            let mut params = vec![Val::I32(0); ty.params().len()];
            let default = |&ty| Val::default_for_plain(ty).unwrap_or(Val::null_func_ref());
            let results = ty.results().iter().map(default).collect();
            // SAFETY: as in `typed_async`.
            let caller = unsafe {
                let slots = std::slice::from_raw_parts(slots, slot_count(ty.params()));
                Val::lift(&mut params, core.as_ref(), ty.params(), slots);
                caller(core, instance)
            };
            let (params, results) = (Lent::new(params), Lent::new(results));
            // SAFETY: the values live until `then` below is dropped, which comes after the future.
            let future = unsafe { closure(caller, params.get(), results.get_mut()) };
            Box::pin(HostCall {
                future: Some(Box::into_pin(future)),
                then: Some(move |outcome: Result<()>| {
                    let _params = params;
                    outcome?;
                    // SAFETY: as in `typed_async`.
                    unsafe {
                        let slots = std::slice::from_raw_parts_mut(slots, slot_count(ty.results()));
                        Val::lower(results.get(), core.as_ref(), ty.results(), slots)
                    }
                }),
            })
        };
        HostDef::asynchronous(ty, Arc::new(func))
    }
}

/// The [`Caller`] of a host function.
///
/// # Safety
///
/// `core` must be in a `StoreInner<T>` that nothing else uses as long as the caller lives, and the
/// instance must be null or one of the store's.
unsafe fn caller<T>(core: NonNull<StoreCore>, instance: *const InstanceData) -> Caller<'static, T>
where
    T: 'static,
{
    // SAFETY: the caller's promise; the pointer was one to the whole `StoreInner<T>` once.
    unsafe { Caller::new(StoreContextMut(core.cast::<StoreInner<T>>().as_mut()), instance) }
}

/// A host function's future, and what is done when it is ready. Dropped in this order.
struct HostCall<R, F> {
    future: Option<Pin<Box<dyn Future<Output = R> + Send>>>,
    then: Option<F>,
}

// SAFETY: the future is `Send`; `then` holds values of the store and addresses in it, which it uses
// only when it is called, by whoever has the store.
unsafe impl<R, F> Send for HostCall<R, F> {}

impl<R, F: FnOnce(R) -> Result<()> + Unpin> Future for HostCall<R, F> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(future) = &mut self.future else { return Poll::Ready(Ok(())) };
        let results = std::task::ready!(future.as_mut().poll(cx));
        self.future = None;
        match self.then.take() {
            Some(then) => Poll::Ready(then(results)),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Values that a future borrows, which lies beside them.
struct Lent(NonNull<[Val]>);

impl Lent {
    fn new(values: Vec<Val>) -> Lent {
        Lent(NonNull::from(Box::leak(values.into_boxed_slice())))
    }

    /// # Safety
    ///
    /// They must live long enough, and not be borrowed mutably.
    unsafe fn get<'a>(&self) -> &'a [Val] {
        // SAFETY: the caller's promise.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    ///
    /// They must live long enough, and not be borrowed.
    unsafe fn get_mut<'a>(&self) -> &'a mut [Val] {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.0.as_ptr() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: it came from a box in `new`, and is freed once, here.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
