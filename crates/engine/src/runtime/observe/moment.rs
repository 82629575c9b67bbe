//! [`Moment`]: what can be asked of a store while it reports something.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;

use lineal_memory::{LinearMemory, OutOfBounds};

use super::event::MemoryId;
use super::site::{Origin, Site};
use super::stack::{live_slots, walk};
use super::state::{Observation, View};
use crate::runtime::backtrace::WasmBacktrace;
use crate::runtime::config::Config;
use crate::runtime::context::Context;
use crate::runtime::engine::Engine;
use crate::runtime::entity::{MemoryEntity, with_memory};
use crate::runtime::frames::Walk;
use crate::runtime::store::StoreCore;

/// A store at the moment of a report, or when its host asks
/// ([`Store::moment`](crate::Store::moment)).
pub struct Moment<'a> {
    store: NonNull<StoreCore>,
    lifetime: PhantomData<&'a mut StoreCore>,
}

impl Moment<'_> {
    /// # Safety
    ///
    /// The store is exclusively the caller's while this lives, but for the host's value and the
    /// observer (R3), and observes.
    pub(crate) unsafe fn new<'a>(store: NonNull<StoreCore>) -> Moment<'a> {
        Moment { store, lifetime: PhantomData }
    }

    fn context(&self) -> &Context {
        // SAFETY: `new`'s promise.
        unsafe { &(*self.store.as_ptr()).context }
    }

    fn observation(&self) -> Option<&Observation> {
        self.context().observation.as_deref()
    }

    /// The observation, and what handlers see of it.
    fn observation_mut(&mut self) -> Option<(&mut Observation, &mut View)> {
        // SAFETY: `new`'s promise.
        let context = unsafe { &mut (*self.store.as_ptr()).context };
        Some((context.observation.as_deref_mut()?, &mut context.view))
    }

    /// The engine of the store.
    pub fn engine(&self) -> &Engine {
        // SAFETY: `new`'s promise.
        unsafe { &(*self.store.as_ptr()).engine }
    }

    /// The functions that the guest is in, innermost first; none if no guest is running. It lists
    /// no more than the 20 innermost ones.
    pub fn backtrace(&self) -> WasmBacktrace {
        WasmBacktrace::innermost(self.context(), Config::BACKTRACE_FRAMES.get())
    }

    /// The sites at which the functions are that the guest is in, innermost first, appended to a
    /// list: no more than `limit`. This is much faster than a [`backtrace`](Self::backtrace).
    pub fn stack(&mut self, limit: usize, sites: &mut Vec<Site>) {
        // SAFETY: `new`'s promise.
        let context = unsafe { &mut (*self.store.as_ptr()).context };
        walk(context, limit, sites);
    }

    /// The memory with an index in the module of the innermost function that the guest is in. `None`
    /// if no guest is running, or if the module has none with that index.
    ///
    /// Of several instances of a module, this tells which one is running.
    pub fn running_memory(&mut self, index: u32) -> Option<MemoryId> {
        let context = self.context();
        if context.instance.is_null() {
            return None;
        }
        let frame = Walk::new(context).next()?;
        let entity = *frame.instance.memories.get(index as usize)?;
        self.observation_mut().map(|(observation, _)| observation.id(entity))
    }

    /// How many slots of the guest's stack are in use below the innermost frame; see
    /// [`Call::height`](crate::Call::height).
    pub fn height(&self) -> u64 {
        let context = self.context();
        super::height(context, context.exit.fp)
    }

    /// The values in the frames of the guest's functions, as slots hold them, and then those of
    /// all globals of the store: what a guest can reach without reading memory. A slot may also
    /// hold what is not in use any more.
    pub fn live_values(&self) -> impl Iterator<Item = u64> + '_ {
        // SAFETY: `new`'s promise; R1.
        let globals = unsafe { (*self.store.as_ptr()).globals.iter() };
        // SAFETY: R1; nobody writes to it.
        let globals = globals.map(|global| unsafe { global.as_ref().value[0] });
        live_slots(self.context()).chain(globals)
    }

    /// The value of a global, as a slot holds it: that with an index in the module whose function
    /// is running. `None` if no guest is running, or it has none with that index.
    pub fn global(&self, index: u32) -> Option<u64> {
        // SAFETY: R1: the instance is that of a function which has not returned; `new`'s promise:
        // nobody writes to the global.
        unsafe {
            let instance = self.context().instance.as_ref()?;
            let global = instance.globals.get(index as usize)?;
            Some(global.as_ref().value[0])
        }
    }

    /// The fuel that is left, if the engine's configuration has guests
    /// [consume fuel](crate::Config::consume_fuel).
    pub fn fuel(&self) -> Option<u64> {
        self.engine().config().translation().fuel.then(|| self.context().fuel)
    }

    /// What a site stands for.
    pub fn origin(&self, site: Site) -> Origin {
        self.engine().origin(site)
    }

    /// The memories that observers have been told about, and those of running instances.
    pub fn memories(&self) -> impl Iterator<Item = MemoryId> + use<> {
        let count = self.observation().map_or(0, |observation| observation.memories.len());
        (0..count as u32).map(MemoryId)
    }

    fn entity(&self, memory: MemoryId) -> Option<&MemoryEntity> {
        let observed = self.observation()?.memories.get(memory.0 as usize)?;
        // SAFETY: R1; `new`'s promise: nobody else uses it.
        observed.entity.map(|entity| unsafe { &*entity.as_ptr() })
    }

    /// The size of a memory in bytes; 0 if the store has no memory with that number.
    pub fn memory_bytes(&self, memory: MemoryId) -> u64 {
        self.entity(memory).map_or(0, |entity| with_memory!(entity, memory => memory.byte_len()))
    }

    /// A memory itself, unless threads share it or the store has none with that number.
    pub fn linear(&self, memory: MemoryId) -> Option<&LinearMemory> {
        match self.entity(memory)? {
            MemoryEntity::Linear(memory) => Some(memory),
            MemoryEntity::Shared(_) => None,
        }
    }

    /// Fills a buffer with the bytes of a memory from an address on. It is not reported.
    ///
    /// # Errors
    ///
    /// If they are not all inside the memory; the buffer is unchanged then.
    pub fn read(&self, memory: MemoryId, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        match self.entity(memory) {
            Some(entity) => with_memory!(entity, memory => memory.read(addr, buffer)),
            None => Err(OutOfBounds {
                addr,
                offset: 0,
                len_bytes: buffer.len() as u64,
                memory_bytes: 0,
            }),
        }
    }

    /// Sets whether accesses to a range of a memory are reported from now on, with
    /// [`Accesses::OfInterest`](crate::Accesses::OfInterest). The memory need not be so large yet.
    ///
    /// Interest is kept for granules of 8 bytes, as how many of the last ones count. So if a range is
    /// of interest, the bytes after its end in the last granule are too. If it is not, those before its
    /// start in the first granule are not either.
    pub fn set_interest(&mut self, memory: MemoryId, range: Range<u64>, interest: bool) {
        let Some((observation, view)) = self.observation_mut() else { return };
        if memory.0 as usize >= observation.memories.len() {
            return;
        }
        observation.cover(memory);
        if let Some(shadow) = &mut observation.memories[memory.0 as usize].interest {
            shadow.set(range.start, range.end, interest);
        }
        observation.view_again(view);
    }

    /// Who wrote a byte last, with [`Observe::writers`](crate::Observe::writers);
    /// [`Site::NOBODY`] for a byte that was never written.
    pub fn writer(&self, memory: MemoryId, addr: u64) -> Site {
        self.observation().map_or(Site::NOBODY, |observation| observation.writer(memory, addr))
    }

    /// Reports a [chosen global](crate::Observe::globals) only when it is set to less than that,
    /// as an unsigned number: for a stack pointer, which is of interest when it becomes too small.
    pub fn report_globals_below(&mut self, limit: u64) {
        if let Some((_, view)) = self.observation_mut() {
            view.global_below = limit;
        }
    }
}

impl std::fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moment").finish_non_exhaustive()
    }
}
