//! Observation: what a store's host can ask, and who is told what its guests do.

use std::ptr::NonNull;

use super::{AsContext, AsContextMut, Store, StoreContextMut, StoreInner};
use crate::api::{Caller, Memory, SharedMemory};
use crate::runtime::observe::{MemoryId, Moment, Observer, settle_host};
use crate::runtime::store::StoreCore;

impl<T> Store<T> {
    /// Sets who is told what guests do, if the engine's configuration says that something is
    /// reported: see [`Observer`] for an example.
    ///
    /// The observer is part of the host's value: it is given like a
    /// [`limiter`](Store::limiter). If the engine [observes](crate::Config::observe) nothing, it
    /// is never told anything.
    pub fn observer(
        &mut self,
        mut observer: impl (FnMut(&mut T) -> &mut dyn Observer) + Send + Sync + 'static,
    ) {
        let observer = move |core: NonNull<StoreCore>, tell: &mut dyn FnMut(&mut dyn Observer)| {
            // SAFETY: the pointer is one to the whole store, of which only this borrows the
            // host's value; the observer is in a store of `T`.
            let data = unsafe { &mut (*core.cast::<StoreInner<T>>().as_ptr()).data };
            tell(observer(data));
        };
        let core = self.as_context_mut().0;
        if let Some(observation) = &mut core.core.context.observation {
            observation.observer = Some(Box::new(observer));
        }
    }

    /// What an observer can ask, for the host: who wrote what, which memories there are. `None` if
    /// the engine observes nothing.
    pub fn moment(&mut self) -> Option<Moment<'_>> {
        moment(self.as_context_mut())
    }

    /// The same, together with the host's value: for an observer in it that wants to look at the
    /// store when its guest has ended.
    pub fn moment_and_data(&mut self) -> Option<(Moment<'_>, &mut T)> {
        let mut store = self.as_context_mut();
        store.core().context.observation.as_ref()?;
        let core = store.core_ptr();
        // SAFETY: the store is borrowed exclusively for as long as the two live. A moment does not
        // touch the host's value.
        unsafe {
            settle_host(core);
            let data = &mut (*core.cast::<StoreInner<T>>().as_ptr()).data;
            Some((Moment::new(core), data))
        }
    }

    /// The number by which observers know a memory; `None` if they have not been told about it.
    ///
    /// # Panics
    ///
    /// If the memory is another store's.
    pub fn memory_id(&self, memory: &Memory) -> Option<MemoryId> {
        let context = self.as_context();
        let core = context.core();
        core.context.observation.as_ref()?.known_id(memory.handle().entity(core))
    }

    /// The same for a shared memory.
    pub fn shared_memory_id(&self, memory: &SharedMemory) -> Option<MemoryId> {
        let context = self.as_context();
        let core = context.core();
        let entity = core.known_shared_memory(memory.linear())?;
        core.context.observation.as_ref()?.known_id(entity)
    }
}

impl<T> Caller<'_, T> {
    /// What an observer can ask; see [`Store::moment`].
    pub fn moment(&mut self) -> Option<Moment<'_>> {
        moment(self.as_context_mut())
    }
}

fn moment<T>(mut store: StoreContextMut<'_, T>) -> Option<Moment<'_>> {
    store.core().context.observation.as_ref()?;
    let core = store.core_ptr();
    // SAFETY: the store is borrowed exclusively for as long as the moment lives.
    unsafe {
        settle_host(core);
        Some(Moment::new(core))
    }
}
