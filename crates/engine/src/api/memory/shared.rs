//! [`SharedMemory`]: a linear memory that belongs to no store.

use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::NonNull;
use std::time::Duration;

use anyhow::{Result, ensure};
use lineal_memory::{Pages, WaitResult};

use super::MemoryAccessError;
use crate::api::engine::Engine;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::MemoryType;
use crate::runtime::entity::MemoryEntity;
use crate::runtime::limits::new_shared;
use crate::runtime::observe;
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;

/// A linear memory that any number of stores share, each on a thread of its own: the threads
/// proposal.
///
/// A clone is another handle to the same memory, and handles go to any thread. Guests import it,
/// or export one that they define; the memory itself is a [`lineal_memory::SharedMemory`], which
/// [`linear`](Self::linear) lends out with all its typed accesses, strings and atomics.
///
/// ```
/// use lineal::{Engine, Instance, MemoryType, Module, SharedMemory, Store};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (import "host" "memory" (memory 1 1 shared))
///     (func (export "count")
///         (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))))"#)?;
/// let memory = SharedMemory::new(&engine, MemoryType::shared(1, 1))?;
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| -> lineal::Result<()> {
///             let mut store = Store::new(&engine, ());
///             let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
///             instance.get_typed_func::<(), ()>(&mut store, "count")?.call(&mut store, ())
///         });
///     }
/// });
/// assert_eq!(memory.linear().atomic_load::<u32>(8, 0)?, 4);
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory {
    memory: lineal_memory::SharedMemory,
    engine: Engine,
}

impl SharedMemory {
    /// Creates a memory, filled with zeros and as large as the type's minimum. Address space is
    /// reserved for the maximum.
    ///
    /// # Errors
    ///
    /// If the type is not shared, if [shared memories](crate::Config::shared_memory) are switched
    /// off, if the minimum is over the limit in the engine's
    /// [`memory_options`](crate::Config::memory_options), or if the host has no room for it.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<SharedMemory> {
        ensure!(ty.is_shared(), "shared memory must have the `shared` flag enabled on its type");
        Ok(SharedMemory { memory: new_shared(engine, ty.into())?, engine: engine.clone() })
    }

    pub(crate) fn from_linear(memory: lineal_memory::SharedMemory, engine: Engine) -> SharedMemory {
        SharedMemory { memory, engine }
    }

    /// The engine that the memory was made with; only its stores can use it.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The memory itself, with everything it offers.
    pub fn linear(&self) -> &lineal_memory::SharedMemory {
        &self.memory
    }

    /// The memory's type.
    pub fn ty(&self) -> MemoryType {
        (*self.memory.ty()).into()
    }

    /// The size in pages. It may be more before this returns.
    pub fn size(&self) -> u64 {
        self.memory.size().0
    }

    /// The size of a page in bytes: 65,536, or 1 with the custom-page-sizes proposal.
    pub fn page_size(&self) -> u64 {
        self.ty().page_size()
    }

    /// The size in bytes. It may be more before this returns.
    pub fn data_size(&self) -> usize {
        self.memory.byte_len() as usize
    }

    /// All bytes that there are now. Other threads may be changing them, so they must be
    /// accessed atomically; [`linear`](Self::linear) does that safely.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        self.memory.as_cells()
    }

    /// Reads bytes from `addr` on, for code that runs in a store: its observer is told, which
    /// [`linear`](Self::linear)'s methods cannot do.
    ///
    /// # Errors
    ///
    /// If they are not all inside the memory; the buffer is as before then.
    pub fn read(
        &self,
        store: impl AsContext,
        addr: u64,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        self.memory.read(addr, buffer)?;
        let store = store.as_context();
        if let Some(entity) = self.observed_in(store.core()) {
            observe::host_read(store.core(), entity, addr, buffer.len() as u64);
        }
        Ok(())
    }

    /// Writes bytes from `addr` on, for code that runs in a store: its observer is told, which
    /// [`linear`](Self::linear)'s methods cannot do.
    ///
    /// # Errors
    ///
    /// If they do not all fit inside the memory; nothing is written then.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        bytes: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let write = || self.memory.write(addr, bytes);
        let Some(entity) = self.observed_in(store.core()) else { return Ok(write()?) };
        // SAFETY: the store is borrowed exclusively, and its entities are not.
        let written = unsafe {
            observe::host_write(store.core_ptr(), entity, addr, bytes.len() as u64, write)
        };
        Ok(written?)
    }

    /// The memory as an entity of a store, if the store has to do with it and is observed.
    fn observed_in(&self, core: &StoreCore) -> Option<NonNull<MemoryEntity>> {
        core.context.observation.as_ref()?;
        core.known_shared_memory(&self.memory)
    }

    /// Adds `delta` pages of zeros and returns the size before, in pages. Guests may be using
    /// the memory meanwhile.
    ///
    /// # Errors
    ///
    /// If the new size is over the type's maximum or the host's limit, or if the host has no
    /// room for it. The memory is as before then.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        Ok(self.memory.grow(Pages(delta))?.0)
    }

    /// Wakes up to `count` threads that wait on an address, guests or hosts, and returns how
    /// many: `memory.atomic.notify`.
    ///
    /// # Errors
    ///
    /// If `addr` is not a multiple of 4, or 4 bytes there are not inside the memory.
    pub fn atomic_notify(&self, addr: u64, count: u32) -> Result<u32, Trap> {
        Ok(self.memory.atomic_notify(addr, 0, count)?)
    }

    /// Waits until an address is notified, if the number there is the expected one:
    /// `memory.atomic.wait32`. Without a time-out, that may be forever.
    ///
    /// # Errors
    ///
    /// If `addr` is not a multiple of 4, or the number is not inside the memory.
    pub fn atomic_wait32(
        &self,
        addr: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        Ok(self.memory.atomic_wait32(addr, 0, expected, timeout)?)
    }

    /// The same for a number of 8 bytes: `memory.atomic.wait64`.
    ///
    /// # Errors
    ///
    /// If `addr` is not a multiple of 8, or the number is not inside the memory.
    pub fn atomic_wait64(
        &self,
        addr: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        Ok(self.memory.atomic_wait64(addr, 0, expected, timeout)?)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.memory.fmt(f)
    }
}
