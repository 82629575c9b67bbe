//! [`StoreLimits`]: fixed bounds of what a store takes.

use std::fmt;

use anyhow::{Error, Result, bail};

use crate::runtime::limiter::DEFAULT_COUNT_LIMIT;
pub use crate::runtime::limiter::ResourceLimiter;
#[cfg(feature = "async")]
pub use crate::runtime::limiter::ResourceLimiterAsync;

/// A [`ResourceLimiter`] with fixed limits, made by [`StoreLimitsBuilder`].
///
/// ```
/// use lineal::{Engine, Instance, Module, Store, StoreLimits, StoreLimitsBuilder};
///
/// struct Host {
///     limits: StoreLimits,
/// }
///
/// let engine = Engine::default();
/// let limits = StoreLimitsBuilder::new().memory_size(2 * 65_536).instances(1).build();
/// let mut store = Store::new(&engine, Host { limits });
/// store.limiter(|host| &mut host.limits);
///
/// let module = Module::new(&engine, r#"(module (memory (export "memory") 1))"#)?;
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let memory = instance.get_memory(&store, "memory").expect("exported");
/// assert_eq!(memory.grow(&mut store, 1)?, 1);
/// assert!(memory.grow(&mut store, 1).is_err());
/// assert!(Instance::new(&mut store, &module, &[]).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StoreLimits {
    memory_size: Option<usize>,
    table_elements: Option<usize>,
    instance_size: Option<usize>,
    instances: usize,
    tables: usize,
    memories: usize,
    trap_on_grow_failure: bool,
}

/// Builds [`StoreLimits`].
#[derive(Clone, Debug, Default)]
pub struct StoreLimitsBuilder(StoreLimits);

impl StoreLimitsBuilder {
    /// No limit but the default counts of instances, tables and memories.
    pub fn new() -> StoreLimitsBuilder {
        StoreLimitsBuilder::default()
    }

    /// How many bytes each memory may have, and all objects together with the table that finds them.
    pub fn memory_size(mut self, limit: usize) -> Self {
        self.0.memory_size = Some(limit);
        self
    }

    /// How many elements each table may have.
    pub fn table_elements(mut self, limit: usize) -> Self {
        self.0.table_elements = Some(limit);
        self
    }

    /// How many bytes each instance may take with its module, besides memories, tables, objects and
    /// translated code.
    pub fn instance_size(mut self, limit: usize) -> Self {
        self.0.instance_size = Some(limit);
        self
    }

    /// How many instances the store may hold.
    pub fn instances(mut self, limit: usize) -> Self {
        self.0.instances = limit;
        self
    }

    /// How many tables the store may hold.
    pub fn tables(mut self, limit: usize) -> Self {
        self.0.tables = limit;
        self
    }

    /// How many memories the store may hold.
    pub fn memories(mut self, limit: usize) -> Self {
        self.0.memories = limit;
        self
    }

    /// Whether a `memory.grow` or `table.grow` that fails stops the guest, instead of returning
    /// −1. An allocation of an object that fails always does.
    pub fn trap_on_grow_failure(mut self, trap: bool) -> Self {
        self.0.trap_on_grow_failure = trap;
        self
    }

    /// The limits.
    pub fn build(self) -> StoreLimits {
        self.0
    }
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits {
            memory_size: None,
            table_elements: None,
            instance_size: None,
            instances: DEFAULT_COUNT_LIMIT,
            tables: DEFAULT_COUNT_LIMIT,
            memories: DEFAULT_COUNT_LIMIT,
            trap_on_grow_failure: false,
        }
    }
}

impl StoreLimits {
    fn growing(
        &self,
        what: fmt::Arguments<'_>,
        desired: usize,
        limit: Option<usize>,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let allowed = [limit, maximum].into_iter().flatten().all(|most| desired <= most);
        if !allowed && self.trap_on_grow_failure {
            bail!("forcing trap when growing {what}");
        }
        Ok(allowed)
    }

    fn grow_failed(&self, what: &str, error: Error) -> Result<()> {
        if self.trap_on_grow_failure {
            return Err(error.context(format!("forcing a {what} growth failure to be a trap")));
        }
        Ok(())
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let what = format_args!("memory to {desired} bytes");
        self.growing(what, desired, self.memory_size, maximum)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.grow_failed("memory", error)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let what = format_args!("table to {desired} elements");
        self.growing(what, desired, self.table_elements, maximum)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.grow_failed("table", error)
    }

    fn gc_heap_growing(&mut self, _current: usize, desired: usize) -> Result<bool> {
        let what = format_args!("objects to {desired} bytes");
        self.growing(what, desired, self.memory_size, None)
    }

    fn instance_creating(&mut self, bytes: usize) -> Result<bool> {
        Ok(self.instance_size.is_none_or(|limit| bytes <= limit))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
