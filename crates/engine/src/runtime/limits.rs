//! Asks the store's limiter before anything is allocated or grows.

use std::marker::PhantomData;
use std::ptr::NonNull;

use anyhow::{Error, Result, anyhow, ensure};
use lineal_decoder::TableType;
use lineal_memory::{LinearMemory, MemoryType, Pages};

use super::engine::Engine;
use super::entity::{MemoryEntity, TableEntity, with_memory};
use super::limiter::ResourceLimiter;
use super::store::StoreCore;
use super::trap::Trap;
#[cfg(feature = "async")]
use super::{answers::Answered, limiter::ResourceLimiterAsync};

/// The host's limiter without its store's type parameter: shows itself to a question.
pub(crate) type Limiter =
    Box<dyn FnMut(NonNull<StoreCore>, &mut dyn FnMut(&mut dyn ResourceLimiter)) + Send + Sync>;

/// Why something did not grow. It is as it was.
pub(crate) enum Refusal {
    /// It must not, or cannot: the guest is told so.
    Denied(Error),
    /// The limiter stops the guest.
    Fatal(Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Denied(error) | Refusal::Fatal(error) => error,
        }
    }
}

/// An exclusive borrow of a store through which its limiter can be asked (**R7**).
///
/// A limiter reaches the host's value and nothing else of the store. Entities lie outside the
/// store's own allocation, so they can be borrowed while the limiter is asked.
pub(crate) struct Limits<'s> {
    store: NonNull<StoreCore>,
    borrow: PhantomData<&'s mut StoreCore>,
}

impl<'s> Limits<'s> {
    /// # Safety
    ///
    /// For `'s` the store is exclusively the caller's (R3) and is reached through this only (R7).
    /// The pointer is valid for what the limiter makes of it: the whole store, with the host's
    /// value.
    pub(crate) unsafe fn new(store: NonNull<StoreCore>) -> Limits<'s> {
        Limits { store, borrow: PhantomData }
    }

    /// The store's address, which is good for its limiter.
    pub(crate) fn store(&self) -> NonNull<StoreCore> {
        self.store
    }

    /// The store.
    pub(crate) fn core(&mut self) -> &mut StoreCore {
        // SAFETY: `new`'s promise; the borrow of `self` keeps the limiter from being asked.
        unsafe { self.store.as_mut() }
    }

    /// The same, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Limits<'_> {
        Limits { store: self.store, borrow: PhantomData }
    }

    /// The limiter's answer to a question; `None` if there is no limiter.
    fn ask<R>(&mut self, question: impl FnOnce(&mut dyn ResourceLimiter) -> R) -> Option<R> {
        #[cfg(feature = "async")]
        if let Some(limiter) = self.async_limiter() {
            // SAFETY: `new`'s promise: this borrows one field, and the limiter is in another: the
            // host's value. It lives as long as nothing else uses that.
            let (limiter, answers) =
                unsafe { (&mut *limiter.as_ptr(), &mut (*self.store.as_ptr()).answers) };
            return Some(question(&mut Answered { limiter, answers }));
        }
        // SAFETY: `new`'s promise; this borrows one field, and the limiter another: the host's
        // value.
        let limiter = unsafe { &mut (*self.store.as_ptr()).limiter };
        let limiter = limiter.as_mut()?;
        let (mut question, mut answer) = (Some(question), None);
        limiter(self.store, &mut |limiter| {
            answer = question.take().map(|question| question(limiter));
        });
        answer
    }

    /// The limiter that may wait, if there is one.
    #[cfg(feature = "async")]
    pub(crate) fn async_limiter(&mut self) -> Option<NonNull<dyn ResourceLimiterAsync>> {
        // SAFETY: as in `ask`.
        let limiter = unsafe { &mut (*self.store.as_ptr()).async_limiter };
        limiter.as_mut().map(|limiter| limiter(self.store))
    }

    /// Refuses to hold more of something than the limiter allows.
    fn check_count(
        &mut self,
        what: &str,
        present: usize,
        more: usize,
        limit: impl FnOnce(&mut dyn ResourceLimiter) -> usize,
    ) -> Result<()> {
        let wanted = present.saturating_add(more);
        if let Some(limit) = self.ask(limit) {
            ensure!(wanted <= limit, "resource limit exceeded: {what} count too high at {wanted}");
        }
        Ok(())
    }

    /// Checks that the store may hold one more instance, which takes so many bytes with its module.
    pub(crate) fn check_instances(&mut self, more_bytes: u64) -> Result<()> {
        let present = self.core().instances.chunk_count();
        self.check_count("instance", present, 1, |limiter| limiter.instances())?;
        let more_bytes = saturated(Some(more_bytes));
        let answer = self.ask(|limiter| limiter.instance_creating(more_bytes));
        let denied = || anyhow!("a module of {more_bytes} bytes exceeds the store's limit");
        Ok(allowed(answer, denied)?)
    }

    /// Checks that the store may hold so many more memories.
    pub(crate) fn check_memories(&mut self, more: usize) -> Result<()> {
        let present = self.core().memories.chunk_count();
        self.check_count("memory", present, more, |limiter| limiter.memories())
    }

    /// Checks that the store may hold so many more tables.
    pub(crate) fn check_tables(&mut self, more: usize) -> Result<()> {
        let present = self.core().tables.chunk_count();
        self.check_count("table", present, more, |limiter| limiter.tables())
    }

    /// Creates a memory.
    pub(crate) fn new_memory(&mut self, ty: MemoryType) -> Result<MemoryEntity> {
        self.allow_memory(&ty, Pages(0), ty.minimum())?;
        let engine = &self.core().engine;
        let memory = if ty.is_shared() {
            new_shared(engine, ty).map(MemoryEntity::Shared)
        } else {
            LinearMemory::with_options(ty, engine.config().linear_memory_options())
                .map(MemoryEntity::Linear)
                .map_err(Error::from)
        };
        memory.map_err(|error| self.memory_failed(error).into())
    }

    /// Creates a table full of `init`.
    pub(crate) fn new_table(&mut self, ty: TableType, init: u64) -> Result<TableEntity> {
        self.allow_table(&ty, 0, ty.minimum)?;
        TableEntity::new(ty, init).ok_or_else(|| {
            let minimum = ty.minimum;
            self.table_failed(anyhow!("the host has no room for a table of {minimum} elements"))
                .into()
        })
    }

    /// Grows a memory and returns the old size.
    pub(crate) fn grow_memory(
        &mut self,
        memory: &mut MemoryEntity,
        delta: Pages,
    ) -> Result<Pages, Refusal> {
        let current = memory.size();
        if delta.0 != 0 {
            self.allow_memory(memory.ty(), current, Pages(current.0.saturating_add(delta.0)))?;
        }
        let old = with_memory!(memory, memory => memory.grow(delta))
            .map_err(|error| self.memory_failed(error.into()))?;
        self.core().memory_growths += 1;
        Ok(old)
    }

    /// Grows a table and returns the old size.
    pub(crate) fn grow_table(
        &mut self,
        table: &mut TableEntity,
        delta: u64,
        init: u64,
    ) -> Result<u64, Refusal> {
        self.check_table_growth(table, delta)?;
        self.grow_checked_table(table, delta, init)
    }

    /// Checks that a table may grow.
    pub(crate) fn check_table_growth(
        &mut self,
        table: &TableEntity,
        delta: u64,
    ) -> Result<(), Refusal> {
        let current = table.elements.len() as u64;
        if delta != 0 {
            self.allow_table(&table.ty, current, current.saturating_add(delta))?;
        }
        if table.may_grow(delta) { Ok(()) } else { Err(self.table_stays(current, delta)) }
    }

    /// Grows a table that may grow, and returns the old size.
    pub(crate) fn grow_checked_table(
        &mut self,
        table: &mut TableEntity,
        delta: u64,
        init: u64,
    ) -> Result<u64, Refusal> {
        let current = table.elements.len() as u64;
        table.grow(delta, init).ok_or_else(|| self.table_stays(current, delta))
    }

    fn table_stays(&mut self, current: u64, delta: u64) -> Refusal {
        self.table_failed(anyhow!("a table of {current} elements cannot grow by {delta}"))
    }

    /// Leaves if the epoch's deadline is reached and no callback has to be asked, which could not run
    /// while an instance is made.
    pub(crate) fn check_interrupt(&mut self) -> Result<(), Trap> {
        let core = self.core();
        let asks = core.engine.config().translation().epochs && core.epoch_callback.is_none();
        if asks && core.context.is_deadline_reached() { Err(Trap::Interrupt) } else { Ok(()) }
    }

    /// Allows the heap to take what one more object needs, whose parts are so many bytes.
    #[inline]
    pub(crate) fn allow_object(&mut self, payload_bytes: usize) -> Result<(), Refusal> {
        if self.core().heap.has_room(payload_bytes) {
            return Ok(());
        }
        self.allow_heap(payload_bytes)
    }

    #[cold]
    fn allow_heap(&mut self, payload_bytes: usize) -> Result<(), Refusal> {
        let denied = |bytes: usize| {
            let message = format!("objects of {bytes} bytes exceed the store's limit");
            Error::new(Trap::GcHeapOutOfMemory).context(message)
        };
        let wanted = self.core().heap.wanted(payload_bytes);
        if let Some((from, to)) = wanted.map_err(|bytes| Refusal::Denied(denied(bytes)))? {
            let answer = self.ask(|limiter| limiter.gc_heap_growing(from, to));
            allowed(answer, || denied(to))?;
            self.core().heap.grant(to);
        }
        Ok(())
    }

    fn allow_memory(&mut self, ty: &MemoryType, from: Pages, to: Pages) -> Result<(), Refusal> {
        let bytes = |pages: Pages| saturated(pages.to_bytes(ty.page_size()));
        let (from, to, maximum) = (bytes(from), bytes(to), ty.maximum().map(bytes));
        let answer = self.ask(|limiter| limiter.memory_growing(from, to, maximum));
        allowed(answer, || anyhow!("a memory of {to} bytes exceeds the store's limit"))
    }

    fn allow_table(&mut self, ty: &TableType, from: u64, to: u64) -> Result<(), Refusal> {
        let count = |elements: u64| saturated(Some(elements));
        let (from, to, maximum) = (count(from), count(to), ty.maximum.map(count));
        let answer = self.ask(|limiter| limiter.table_growing(from, to, maximum));
        allowed(answer, || anyhow!("a table of {to} elements exceeds the store's limit"))
    }

    fn memory_failed(&mut self, error: Error) -> Refusal {
        failed(error, |error| self.ask(|limiter| limiter.memory_grow_failed(error)))
    }

    fn table_failed(&mut self, error: Error) -> Refusal {
        failed(error, |error| self.ask(|limiter| limiter.table_grow_failed(error)))
    }
}

fn saturated(size: Option<u64>) -> usize {
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX)
}

fn allowed(answer: Option<Result<bool>>, denied: impl FnOnce() -> Error) -> Result<(), Refusal> {
    match answer {
        None | Some(Ok(true)) => Ok(()),
        Some(Ok(false)) => Err(Refusal::Denied(denied())),
        Some(Err(error)) => Err(Refusal::Fatal(error)),
    }
}

/// The refusal for an error that the limiter is told about.
fn failed(error: Error, tell: impl FnOnce(Error) -> Option<Result<()>>) -> Refusal {
    // The limiter takes the error, and our caller wants to know it as well.
    let copy = anyhow!("{error:#}");
    match tell(error) {
        Some(Err(error)) => Refusal::Fatal(error),
        None | Some(Ok(())) => Refusal::Denied(copy),
    }
}

/// Creates a shared memory as an engine's configuration wants it.
pub(crate) fn new_shared(engine: &Engine, ty: MemoryType) -> Result<lineal_memory::SharedMemory> {
    let config = engine.config();
    ensure!(config.shared_memory_enabled(), "shared memories are switched off in the `Config`");
    Ok(lineal_memory::SharedMemory::with_options(ty, config.linear_memory_options())?)
}
