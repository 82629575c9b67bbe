//! When guests of a [`Store`] that were called asynchronously let others run.

use std::num::NonZeroU64;

use anyhow::{Result, ensure};

use crate::api::func::caller::Caller;
use crate::api::store::control::check_fuel;
use crate::api::store::{AsContextMut, Store, StoreContextMut};
use crate::runtime::hooks::UpdateDeadline;

impl<T> Store<T> {
    /// Lets others run each time a guest that was called asynchronously has consumed about so much
    /// fuel: the future is pending once, and is woken at once. `None`, the default, stops that.
    ///
    /// Other guests consume their fuel as before.
    ///
    /// # Errors
    ///
    /// If the engine's [`Config::consume_fuel`](crate::Config::consume_fuel) is off, or the interval
    /// is 0.
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        self.as_context_mut().fuel_async_yield_interval(interval)
    }

    /// When the epoch's deadline is reached, lets others run, and sets a deadline of so many ticks
    /// after the epoch then: the future is pending once, and is woken at once.
    ///
    /// Operations on whole ranges of a memory or a table are not interrupted by that. If the guest was
    /// not called asynchronously, it ends with an error.
    ///
    /// It matters only with [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    pub fn epoch_deadline_async_yield_and_update(&mut self, delta: u64) {
        self.as_context_mut().epoch_deadline_async_yield_and_update(delta);
    }
}

impl<T> StoreContextMut<'_, T> {
    /// Lets others run at intervals; see [`Store::fuel_async_yield_interval`].
    ///
    /// # Errors
    ///
    /// As for [`Store::fuel_async_yield_interval`].
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        check_fuel(self.core())?;
        ensure!(interval != Some(0), "the interval at which guests yield must not be 0");
        let context = &mut self.core_mut().context;
        context.fuel_interval = interval.and_then(NonZeroU64::new);
        context.set_fuel(context.total_fuel());
        Ok(())
    }

    /// Lets others run at the deadline; see [`Store::epoch_deadline_async_yield_and_update`].
    pub fn epoch_deadline_async_yield_and_update(&mut self, delta: u64) {
        let callback = move |_| Ok(UpdateDeadline::Yield(delta));
        self.core_mut().epoch_callback = Some(Box::new(callback));
    }
}

impl<T> Caller<'_, T> {
    /// Lets others run at intervals; see [`Store::fuel_async_yield_interval`].
    ///
    /// # Errors
    ///
    /// As for [`Store::fuel_async_yield_interval`].
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        self.as_context_mut().fuel_async_yield_interval(interval)
    }
}
