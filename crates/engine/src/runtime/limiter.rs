//! [`ResourceLimiter`]: the questions that a store asks before it allocates.

#[cfg(feature = "async")]
use std::pin::Pin;

use anyhow::{Error, Result};

/// Decides what a [`Store`](crate::Store) may allocate; see
/// [`Store::limiter`](crate::Store::limiter). [`StoreLimits`](crate::StoreLimits) is the usual one.
///
/// Sizes of memories are in bytes, those of tables in elements.
pub trait ResourceLimiter: Send {
    /// Whether a memory of `current` bytes may become one of `desired` bytes.
    ///
    /// This is called for new memories too: then `current` is 0, and `desired` is the minimum. `maximum` is
    /// the type's maximum, if it has one; `desired` can be larger. If the result is `false`, the guest's
    /// `memory.grow` returns −1.
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// Called when a memory could not grow although it was allowed to.
    ///
    /// # Errors
    ///
    /// An error stops the guest; otherwise its `memory.grow` returns −1.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        drop(error);
        Ok(())
    }

    /// Whether a table of `current` elements may become one of `desired` elements, as
    /// [`memory_growing`](Self::memory_growing).
    ///
    /// # Errors
    ///
    /// An error stops the guest.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// Called when a table could not grow although it was allowed to.
    ///
    /// # Errors
    ///
    /// An error stops the guest; otherwise its `table.grow` returns −1.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        drop(error);
        Ok(())
    }

    /// Whether the store's objects may take `desired` bytes instead of `current`, with the table that finds
    /// them. They grow by 64 KiB at least, and what they were allowed stays theirs. By default, this is
    /// asked as for a memory without a maximum.
    ///
    /// If the result is `false` and a collection does not make room, the allocation is the trap
    /// [`GcHeapOutOfMemory`](crate::Trap::GcHeapOutOfMemory).
    /// There is no collection for the constants of a module that is being instantiated.
    ///
    /// # Errors
    ///
    /// An error stops the guest, unless a collection makes room.
    fn gc_heap_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        self.memory_growing(current, desired, None)
    }

    /// Whether the store may hold one more instance, which takes about `bytes` with its module: the
    /// binary, functions, globals and segments, but not its memories, its tables, its objects and
    /// the translated code.
    ///
    /// # Errors
    ///
    /// An error, as `false`, is one of instantiation.
    fn instance_creating(&mut self, bytes: usize) -> Result<bool> {
        let _ = bytes;
        Ok(true)
    }

    /// How many instances the store may hold, 10,000 by default.
    fn instances(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }

    /// How many tables the store may hold, 10,000 by default.
    fn tables(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }

    /// How many memories the store may hold, 10,000 by default.
    fn memories(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }
}

/// A [`ResourceLimiter`] that may wait before it decides whether something may grow; see
/// [`Store::limiter_async`](crate::Store::limiter_async).
///
/// The trait can be implemented with `#[async_trait]`, and then looks as if its first and third
/// function were `async fn`s.
#[cfg(feature = "async")]
pub trait ResourceLimiterAsync: Send {
    /// Whether a memory may grow; see [`ResourceLimiter::memory_growing`].
    fn memory_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Answer<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait;

    /// Called when a memory could not grow; see [`ResourceLimiter::memory_grow_failed`].
    ///
    /// # Errors
    ///
    /// An error stops the guest; otherwise its `memory.grow` returns −1.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        drop(error);
        Ok(())
    }

    /// Whether a table may grow; see [`ResourceLimiter::table_growing`].
    fn table_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Answer<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait;

    /// Called when a table could not grow; see [`ResourceLimiter::table_grow_failed`].
    ///
    /// # Errors
    ///
    /// An error stops the guest; otherwise its `table.grow` returns −1.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        drop(error);
        Ok(())
    }

    /// Whether the store's objects may take more, which cannot wait: see
    /// [`ResourceLimiter::gc_heap_growing`]. By default they may.
    ///
    /// # Errors
    ///
    /// An error stops the guest, unless a collection makes room.
    fn gc_heap_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        let _ = (current, desired);
        Ok(true)
    }

    /// How many instances the store may hold, 10,000 by default.
    fn instances(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }

    /// How many tables the store may hold, 10,000 by default.
    fn tables(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }

    /// How many memories the store may hold, 10,000 by default.
    fn memories(&self) -> usize {
        DEFAULT_COUNT_LIMIT
    }
}

/// The answer of a [`ResourceLimiterAsync`], as `#[async_trait]` writes it.
#[cfg(feature = "async")]
type Answer<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

pub(crate) const DEFAULT_COUNT_LIMIT: usize = 10_000;
