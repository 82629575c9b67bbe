//! How a host stays in control of the guest: fuel, epochs and limits of a [`Store`].

use std::ptr::NonNull;

use anyhow::{Result, ensure};

use crate::api::func::caller::Caller;
use crate::api::store::limits::ResourceLimiter;
use crate::api::store::{
    AsContext, AsContextMut, Store, StoreContext, StoreContextMut, StoreInner,
};
use crate::runtime::hooks::{self, CallHook, UpdateDeadline};
use crate::runtime::store::StoreCore;

impl<T> Store<T> {
    /// Sets how much fuel the guest has from now on. An instruction costs about one unit.
    ///
    /// Code is charged a basic block at a time, at its start. When there is not enough left for
    /// the next one, the guest is stopped by the trap [`OutOfFuel`](crate::Trap::OutOfFuel), and
    /// nothing is left. A new store has no fuel.
    ///
    /// ```
    /// use lineal::{Config, Engine, Instance, Module, Store, Trap};
    ///
    /// let engine = Engine::new(Config::new().consume_fuel(true))?;
    /// let module = Module::new(&engine, r#"(module (func (export "forever") (loop (br 0))))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// store.set_fuel(10_000)?;
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let forever = instance.get_typed_func::<(), ()>(&store, "forever")?;
    /// let error = forever.call(&mut store, ()).unwrap_err();
    /// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    /// assert_eq!(store.get_fuel()?, 0);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the engine's [`Config::consume_fuel`](crate::Config::consume_fuel) is off.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// How much fuel is left.
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Sets the deadline to that many ticks after the engine's current epoch. Without this call, a store's
    /// deadline is reached at once.
    ///
    /// It matters only with [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    pub fn set_epoch_deadline(&mut self, ticks_beyond_current: u64) {
        self.as_context_mut().set_epoch_deadline(ticks_beyond_current);
    }

    /// Stops the guest by the trap [`Interrupt`](crate::Trap::Interrupt) when the deadline is
    /// reached: the default.
    pub fn epoch_deadline_trap(&mut self) {
        self.as_context_mut().core_mut().epoch_callback = None;
    }

    /// Calls back when the deadline is reached. The callback decides what happens to the guest; if it
    /// returns an error, the guest ends with that error. While the callback runs, a guest that it calls
    /// is interrupted by a trap.
    ///
    /// ```
    /// use lineal::{Config, Engine, Instance, Module, Store, UpdateDeadline};
    ///
    /// let engine = Engine::new(Config::new().epoch_interruption(true))?;
    /// let module = Module::new(&engine, r#"(module (func (export "forever") (loop (br 0))))"#)?;
    /// let mut store = Store::new(&engine, 3);
    /// store.epoch_deadline_callback(|mut store| {
    ///     *store.data_mut() -= 1;
    ///     // Each time, the guest may go on until the engine's epoch changes.
    ///     if *store.data() > 0 {
    ///         store.engine().increment_epoch();
    ///         Ok(UpdateDeadline::Continue(0))
    ///     } else {
    ///         lineal::Result::Err(lineal::Error::msg("enough"))
    ///     }
    /// });
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let forever = instance.get_typed_func::<(), ()>(&store, "forever")?;
    /// let error = forever.call(&mut store, ()).unwrap_err();
    /// assert_eq!(error.root_cause().to_string(), "enough");
    /// assert_eq!(*store.data(), 0);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn epoch_deadline_callback(
        &mut self,
        mut callback: impl FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline>
        + Send
        + Sync
        + 'static,
    ) {
        let callback = move |core: NonNull<StoreCore>| {
            // SAFETY: the executor hands out the pointer it was given, which is one to the whole
            // store, and borrows nothing of it meanwhile (R3); the callback is in a store of `T`.
            let store = StoreContextMut(unsafe { core.cast::<StoreInner<T>>().as_mut() });
            callback(store)
        };
        self.as_context_mut().core_mut().epoch_callback = Some(Box::new(callback));
    }

    /// Sets what is called when control passes between guest and host: before and after each call of
    /// a function of the store by the host, and before and after each call of a host function by the
    /// guest. Calls that stop in the middle (see [`Func::call_resumable`](crate::Func::call_resumable))
    /// return to the host where they stop; asynchronous host functions return when their future is
    /// ready.
    ///
    /// If the hook returns an error before a call, there is no call, and the error is the call's. If
    /// it returns one after a call, that takes the place of whatever the call returned.
    ///
    /// While the hook runs, calls that it makes itself do not call it.
    ///
    /// ```
    /// use lineal::{CallHook, Engine, Linker, Module, Store};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module (import "" "f" (func $f))
    ///     (func (export "run") (call $f)))"#)?;
    /// let mut linker = Linker::<Vec<CallHook>>::new(&engine);
    /// linker.func_wrap("", "f", || {})?;
    /// let mut store = Store::new(&engine, Vec::new());
    /// let instance = linker.instantiate(&mut store, &module)?;
    /// store.call_hook(|mut store, hook| {
    ///     store.data_mut().push(hook);
    ///     lineal::Result::Ok(())
    /// });
    /// instance.get_typed_func::<(), ()>(&store, "run")?.call(&mut store, ())?;
    /// use CallHook::*;
    /// let expected = [CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm];
    /// assert_eq!(store.data()[..], expected);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn call_hook(
        &mut self,
        mut hook: impl FnMut(StoreContextMut<'_, T>, CallHook) -> Result<()> + Send + Sync + 'static,
    ) {
        let hook = move |core: NonNull<StoreCore>, at: CallHook| {
            // SAFETY: as for the epoch's callback.
            hook(StoreContextMut(unsafe { core.cast::<StoreInner<T>>().as_mut() }), at)
        };
        let mut store = self.as_context_mut();
        let core = store.core_mut();
        core.call_hook = Some(Box::new(hook));
        core.context.watched = true;
    }

    /// Sets the limiter, which decides what may be allocated in the store: memories, tables and instances,
    /// also those that the host creates. Without a limiter, only the types and the host's memory are
    /// limits. See [`StoreLimits`](crate::StoreLimits) for an example.
    pub fn limiter(
        &mut self,
        mut limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        let limiter = move |core: NonNull<StoreCore>,
                            ask: &mut dyn FnMut(&mut dyn ResourceLimiter)| {
            // SAFETY: the pointer is one to the whole store, of which only this borrows the
            // host's value; the limiter is in a store of `T`.
            let data = unsafe { &mut (*core.cast::<StoreInner<T>>().as_ptr()).data };
            ask(limiter(data));
        };
        let mut store = self.as_context_mut();
        let core = store.core_mut();
        #[cfg(feature = "async")]
        {
            core.async_limiter = None;
        }
        core.limiter = Some(Box::new(limiter));
    }
}

impl<T> StoreContext<'_, T> {
    /// How many times memories of the store have grown, also by no page. A host that remembers where
    /// the bytes of memories are looks whether this has changed since, after guests have run.
    pub fn memory_growths(&self) -> u64 {
        self.core().memory_growths
    }

    /// How much fuel is left; see [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn get_fuel(&self) -> Result<u64> {
        check_fuel(self.core())?;
        Ok(self.core().context.total_fuel())
    }
}

impl<T> StoreContextMut<'_, T> {
    /// Sets how much fuel the guest has from now on; see [`Store::set_fuel`].
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        check_fuel(self.core())?;
        self.core_mut().context.set_fuel(fuel);
        Ok(())
    }

    /// How much fuel is left; see [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Sets the deadline; see [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks_beyond_current: u64) {
        self.core_mut().context.set_epoch_deadline(ticks_beyond_current);
    }

    /// Does what the guest's own code does where a function or a loop begins: if the epoch's
    /// deadline is reached, calls the callback, or stops the guest. A host function that waits asks
    /// this every few milliseconds, and passes the error on.
    ///
    /// Returns whether the guest can be interrupted at all: `false` without
    /// [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    ///
    /// # Errors
    ///
    /// The trap [`Interrupt`](crate::Trap::Interrupt), or the callback's error.
    pub fn check_epoch(&mut self) -> Result<bool> {
        // SAFETY: the store is borrowed exclusively (R3, R7), and nothing of it.
        unsafe { hooks::check_epoch(self.core_ptr(), true) }
    }
}

impl<T> Caller<'_, T> {
    /// Sets how much fuel the guest has from now on; see [`Store::set_fuel`].
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// How much fuel is left; see [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As for [`Store::set_fuel`].
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Stops the guest if its epoch's deadline is reached; see [`StoreContextMut::check_epoch`].
    ///
    /// # Errors
    ///
    /// As for [`StoreContextMut::check_epoch`].
    pub fn check_epoch(&mut self) -> Result<bool> {
        self.as_context_mut().check_epoch()
    }
}

pub(super) fn check_fuel(core: &StoreCore) -> Result<()> {
    let on = core.engine.config().translation().fuel;
    ensure!(on, "fuel is not configured in this store: see `Config::consume_fuel`");
    Ok(())
}
