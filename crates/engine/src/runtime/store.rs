//! The part of a store that does not depend on the host's data: it owns every entity.

use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use lineal_memory::SharedMemory;

use super::activation::Activations;
#[cfg(feature = "async")]
use super::answers::{Answers, AsyncLimiter};
use super::context::Context;
use super::engine::Engine;
use super::entity::{FuncEntity, GlobalEntity, MemoryEntity, TableEntity, TagEntity};
use super::heap::Heap;
use super::hooks::{CallHookFn, EpochCallback};
use super::instance::InstanceData;
use super::limits::Limiter;
use super::observe::state::Observation;
use super::room::{self, OutOfMemory};
use super::stack::Stack;
use crate::machine::Ip;

/// Tells stores apart, so that a handle is used only with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StoreId(u64);

impl StoreId {
    fn next() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        StoreId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The number of a region of a store; see [`Region`](crate::Region).
pub(crate) type RegionId = u64;

/// Owns values at addresses that never change, until it is dropped or their region is freed
/// (**R1**).
pub(crate) struct Arena<T> {
    /// Each is a box that was leaked, and the region it was made in.
    chunks: Vec<(RegionId, NonNull<[T]>)>,
    /// The region of what is taken in from now on.
    region: RegionId,
}

impl<T> Arena<T> {
    fn new() -> Arena<T> {
        Arena { chunks: Vec::new(), region: 0 }
    }

    /// Takes a value in; its address is good for as long as the arena lives.
    pub(crate) fn push(&mut self, value: T) -> NonNull<T> {
        let chunk: Box<[T]> = Box::new([value]);
        self.push_chunk(chunk).cast()
    }

    /// Takes values in as one allocation; [`addresses`] has theirs.
    pub(crate) fn extend(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<NonNull<[T]>, OutOfMemory> {
        Ok(self.push_chunk(room::collect(values)?))
    }

    /// How often something was taken in.
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    fn push_chunk(&mut self, values: Box<[T]>) -> NonNull<[T]> {
        let chunk = NonNull::from(Box::leak(values));
        self.chunks.push((self.region, chunk));
        chunk
    }

    /// Frees the values of some regions.
    ///
    /// # Safety
    ///
    /// Nothing may use them any more.
    unsafe fn free(&mut self, is_dead: impl Fn(RegionId) -> bool) {
        let dead = self.chunks.extract_if(.., |&mut (region, _)| is_dead(region));
        // They are dropped after the list is whole again: a `Drop` may be the host's.
        let dead: Vec<_> = dead.collect();
        for (_, chunk) in dead {
            // SAFETY: it came from a box in `push_chunk`, and is in the list no more.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}

impl<T> Arena<T> {
    /// The addresses of all values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<T>> {
        self.chunks.iter().flat_map(|&(_, chunk)| addresses(chunk))
    }
}

/// The addresses of the values in an arena's chunk.
pub(crate) fn addresses<T>(chunk: NonNull<[T]>) -> impl ExactSizeIterator<Item = NonNull<T>> {
    let first: NonNull<T> = chunk.cast();
    // SAFETY: `index` is inside the chunk, which is one allocation.
    (0..chunk.len()).map(move |index| unsafe { first.add(index) })
}

impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        for (_, chunk) in self.chunks.drain(..) {
            // SAFETY: it came from a box in `push_chunk`, and is freed once, here.
            drop(unsafe { Box::from_raw(chunk.as_ptr()) });
        }
    }
}

/// A store without its host data.
pub(crate) struct StoreCore {
    pub(crate) id: StoreId,
    pub(crate) engine: Engine,
    pub(crate) context: Context,
    pub(crate) funcs: Arena<FuncEntity>,
    pub(crate) tables: Arena<TableEntity>,
    pub(crate) memories: Arena<MemoryEntity>,
    /// Those among the memories that are shared ones of the host's, each once.
    shared_memories: Vec<NonNull<MemoryEntity>>,
    /// How many times memories have grown.
    pub(crate) memory_growths: u64,
    pub(crate) globals: Arena<GlobalEntity>,
    pub(crate) tags: Arena<TagEntity>,
    pub(crate) instances: Arena<InstanceData>,
    pub(crate) heap: Heap,
    /// Decides what may be allocated; the host's.
    pub(crate) limiter: Option<Limiter>,
    /// The same, if it may wait; then there is no other.
    #[cfg(feature = "async")]
    pub(crate) async_limiter: Option<AsyncLimiter>,
    #[cfg(feature = "async")]
    pub(crate) answers: Answers,
    /// What to call when the epoch's deadline is reached; the host's.
    pub(crate) epoch_callback: Option<EpochCallback>,
    /// What the guest that runs is to wait for as soon as it can stop; the host's.
    #[cfg(feature = "async")]
    pub(crate) pause: Option<super::hooks::Pause>,
    /// What to call when control passes between guest and host; the host's.
    pub(crate) call_hook: Option<CallHookFn>,
    /// The calls that stopped in the middle.
    pub(crate) activations: Activations,
    pub(super) stack: Option<Stack>,
    /// The region of what is made from now on, and how many there are.
    region: RegionId,
    regions: RegionId,
}

// SAFETY: every pointer in a store is to something that the store owns or keeps alive (R1), which
// goes to the other thread with it; below is checked that all of that may.
unsafe impl Send for StoreCore {}
// SAFETY: nothing is written through a shared borrow of a store (R3), but for the roots of the
// host's scope, which have a lock. A panic's payload and what a guest waits for, which are not
// `Sync`, cannot be reached through one.
unsafe impl Sync for StoreCore {}

const _: () = {
    const fn may_be_sent_and_shared<T: Send + Sync>() {}
    may_be_sent_and_shared::<super::entity::HostFunc>();
    may_be_sent_and_shared::<lineal_memory::LinearMemory>();
    may_be_sent_and_shared::<SharedMemory>();
    may_be_sent_and_shared::<super::code::ModuleCode>();
    may_be_sent_and_shared::<Box<dyn std::any::Any + Send + Sync>>();
    may_be_sent_and_shared::<super::limits::Limiter>();
    #[cfg(feature = "async")]
    may_be_sent_and_shared::<AsyncLimiter>();
    may_be_sent_and_shared::<EpochCallback>();
    may_be_sent_and_shared::<CallHookFn>();
    may_be_sent_and_shared::<super::observe::state::ObserverAccess>();
    const fn may_be_sent<T: Send>() {}
    may_be_sent::<super::context::HostFailure>();
    #[cfg(feature = "async")]
    may_be_sent::<super::hooks::Pause>();
};

impl StoreCore {
    pub(crate) fn new(engine: &Engine, switch_return: Ip) -> StoreCore {
        let mut context = Context::new(engine.epoch(), switch_return);
        context.backtrace_frames = engine.config().backtrace_frames.map_or(0, NonZeroUsize::get);
        context.observation = Observation::new(engine);
        context.watched = context.observation.is_some();
        if let Some(observation) = &mut context.observation {
            observation.view_records(&mut context.view);
        }
        StoreCore {
            id: StoreId::next(),
            engine: engine.clone(),
            context,
            funcs: Arena::new(),
            tables: Arena::new(),
            memories: Arena::new(),
            shared_memories: Vec::new(),
            memory_growths: 0,
            globals: Arena::new(),
            tags: Arena::new(),
            instances: Arena::new(),
            heap: Heap::new(engine.config().gc_heap_limit_bytes()),
            limiter: None,
            #[cfg(feature = "async")]
            async_limiter: None,
            #[cfg(feature = "async")]
            answers: Answers::default(),
            epoch_callback: None,
            #[cfg(feature = "async")]
            pause: None,
            call_hook: None,
            activations: Activations::default(),
            stack: None,
            region: 0,
            regions: 1,
        }
    }

    /// The number of a region that nothing was made in yet.
    pub(crate) fn new_region(&mut self) -> RegionId {
        self.regions += 1;
        self.regions - 1
    }

    /// Makes all that is made from now on part of a region; returns the one before.
    pub(crate) fn set_region(&mut self, region: RegionId) -> RegionId {
        self.funcs.region = region;
        self.tables.region = region;
        self.memories.region = region;
        self.globals.region = region;
        self.tags.region = region;
        self.instances.region = region;
        std::mem::replace(&mut self.region, region)
    }

    /// Frees the entities of some regions; how many bytes their memories and tables had.
    ///
    /// # Safety
    ///
    /// Nothing may use them any more: no handle, no entity of another region, no object of the
    /// heap that can still be reached, and no call that has not returned.
    pub(crate) unsafe fn free_regions(&mut self, is_dead: impl Fn(RegionId) -> bool) -> u64 {
        // SAFETY: the caller's promise; the list forgets what the arena frees.
        unsafe {
            let memories = self.memories.chunks.iter().filter(|&&(region, _)| is_dead(region));
            let dead: Vec<_> = memories.flat_map(|&(_, chunk)| addresses(chunk)).collect();
            let memories = dead.iter().map(|memory| memory.as_ref().own_bytes());
            let tables = self.tables.chunks.iter().filter(|&&(region, _)| is_dead(region));
            let tables = tables.flat_map(|&(_, chunk)| addresses(chunk));
            let tables = tables.map(|table| size_of_val(&*table.as_ref().elements) as u64);
            let freed_bytes = memories.chain(tables).sum();
            self.shared_memories.retain(|memory| !dead.contains(memory));
            if let Some(observation) = &mut self.context.observation {
                observation.forget(&dead);
            }
            self.funcs.free(&is_dead);
            self.tables.free(&is_dead);
            self.memories.free(&is_dead);
            self.globals.free(&is_dead);
            self.tags.free(&is_dead);
            self.instances.free(&is_dead);
            freed_bytes
        }
    }

    /// The store's entity for a shared memory.
    pub(crate) fn shared_memory(&mut self, memory: &SharedMemory) -> NonNull<MemoryEntity> {
        if let Some(entity) = self.known_shared_memory(memory) {
            return entity;
        }
        let entity = self.memories.push(MemoryEntity::Shared(memory.clone()));
        self.shared_memories.push(entity);
        entity
    }

    /// The same, if it has one.
    pub(crate) fn known_shared_memory(
        &self,
        memory: &SharedMemory,
    ) -> Option<NonNull<MemoryEntity>> {
        // SAFETY: R1, R6: it is one of this store, and shared.
        let is_it = |entity: &&NonNull<_>| unsafe {
            let entity: &MemoryEntity = entity.as_ref();
            entity.shared_unchecked().same(memory)
        };
        self.shared_memories.iter().find(is_it).copied()
    }

    /// Allocates the stack if nothing ran in this store yet.
    ///
    /// # Errors
    ///
    /// If the host has no room for it.
    pub(crate) fn prepare_stack(&mut self) -> Result<(), OutOfMemory> {
        if self.stack.is_none() {
            self.put_stack(Stack::new(self.engine.config().max_wasm_stack_bytes())?);
        }
        Ok(())
    }

    /// Makes a stack the store's, on which nothing is.
    pub(super) fn put_stack(&mut self, stack: Stack) {
        let range = stack.range();
        self.context.stack_start = range.start;
        self.context.stack_free = range.start;
        self.context.stack_end = range.end;
        self.stack = Some(stack);
    }
}
