//! When guests of a [`Store`] that were called asynchronously let others run.

use std::num::NonZeroU64;
use std::ptr::NonNull;

use anyhow::{Result, ensure};

use crate::api::func::caller::Caller;
use crate::api::store::control::check_fuel;
use crate::api::store::{AsContextMut, Store, StoreContextMut, StoreInner};
use crate::runtime::hooks::UpdateDeadline;
use crate::runtime::limiter::ResourceLimiterAsync;
use crate::runtime::store::StoreCore;

/// Runs what may ask the store's limiter, as often as it has to wait for an answer. It changes nothing
/// before it has them all.
pub(crate) async fn with_answers<T: Send, R>(
    store: &mut StoreContextMut<'_, T>,
    mut work: impl FnMut(&mut StoreContextMut<'_, T>) -> Result<R>,
) -> Result<R> {
    store.core_mut().answers.clear();
    loop {
        let outcome = work(store);
        let Some(question) = store.core_mut().answers.open.take() else {
            store.core_mut().answers.clear();
            return outcome;
        };
        if outcome.is_ok() {
            // Somebody else asked, who went on without an answer.
            store.core_mut().answers.clear();
            return outcome;
        }
        let answer = match limiter_of(store) {
            Some(limiter) => question.ask(limiter).await?,
            None => return outcome,
        };
        store.core_mut().answers.give(question, answer);
    }
}

fn limiter_of<'a, T>(
    store: &'a mut StoreContextMut<'_, T>,
) -> Option<&'a mut dyn ResourceLimiterAsync> {
    let limiter = store.limits().async_limiter()?;
    // SAFETY: it is in the host's value, and the store is borrowed for as long.
    Some(unsafe { &mut *limiter.as_ptr() })
}

impl<T> Store<T> {
    /// Sets a limiter that may wait, in place of [`Store::limiter`]. A guest that was called
    /// asynchronously waits for its answers; the host asks it by
    /// [`Memory::grow_async`](crate::Memory::grow_async), [`Memory::new_async`](crate::Memory::new_async),
    /// [`Table::grow_async`](crate::Table::grow_async), [`Table::new_async`](crate::Table::new_async) and
    /// functions such as [`Linker::instantiate_async`](crate::Linker::instantiate_async). Other
    /// functions, and guests that were called by others, fail where they would have to ask.
    pub fn limiter_async(
        &mut self,
        mut limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiterAsync) + Send + Sync + 'static,
    ) {
        let limiter = move |core: NonNull<StoreCore>| {
            // SAFETY: the pointer is one to the whole store, of which only this borrows the
            // host's value; the limiter is in a store of `T`.
            let data = unsafe { &mut (*core.cast::<StoreInner<T>>().as_ptr()).data };
            let limiter = NonNull::from(limiter(data));
            // SAFETY: an address, whatever the lifetime that it says. Whoever uses it borrows the
            // store, and so the host's value.
            unsafe {
                std::mem::transmute::<
                    NonNull<dyn ResourceLimiterAsync + '_>,
                    NonNull<dyn ResourceLimiterAsync + 'static>,
                >(limiter)
            }
        };
        let mut store = self.as_context_mut();
        let core = store.core_mut();
        core.limiter = None;
        core.async_limiter = Some(Box::new(limiter));
    }

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
