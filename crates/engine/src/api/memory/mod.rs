//! [`Memory`]: the handle to a linear memory in a store.

mod access;
pub(crate) mod error;
pub(crate) mod shared;

use anyhow::{Result, ensure};
use lineal_memory::{LinearMemory, Pages};

use crate::api::memory::error::MemoryAccessError;
#[cfg(feature = "async")]
use crate::api::store::asynchronous::with_answers;
use crate::api::store::handle::Handle;
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::api::types::MemoryType;
use crate::runtime::entity::MemoryEntity;
use crate::runtime::observe;
use crate::runtime::store::StoreCore;

/// A linear memory in a [`Store`](crate::Store).
///
/// Numbers, arrays and strings are read and written in one call each. This is a handle; the memory
/// itself is a [`LinearMemory`], which [`linear`](Self::linear) and
/// [`linear_mut`](Self::linear_mut) lend out with its bulk operations too.
///
/// All methods panic if they are given another store.
///
/// ```
/// use lineal::{Memory, MemoryType, Store};
///
/// let mut store = Store::<()>::default();
/// let memory = Memory::new(&mut store, MemoryType::new(1, Some(2)))?;
///
/// memory.write(&mut store, 8, b"hello")?;
/// assert_eq!(memory.data(&store)[8..13], *b"hello");
/// assert_eq!(memory.read_str(&store, 8, 5)?, "hello");
///
/// assert_eq!(memory.grow(&mut store, 1)?, 1);
/// assert_eq!(memory.data_size(&store), 2 * 65_536);
/// assert!(memory.grow(&mut store, 1).is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    handle: Handle<MemoryEntity>,
}

impl Memory {
    /// Creates a memory, filled with zeros and as large as the type's minimum.
    ///
    /// # Errors
    ///
    /// If the type is that of a [`SharedMemory`](crate::SharedMemory), if the minimum is over the
    /// limit in the engine's [`memory_options`](crate::Config::memory_options), if the store's
    /// [`limiter`](crate::Store::limiter) refuses, or if the host has no room for it.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let mut store = store.as_context_mut();
        ensure!(!ty.is_shared(), "shared memories are made with `SharedMemory::new`");
        let mut limits = store.limits();
        limits.check_memories(1)?;
        let memory = limits.new_memory(ty.into())?;
        let core = store.core_mut();
        let entity = core.memories.push(memory);
        // SAFETY: the store owns the memory as of now.
        Ok(Memory { handle: unsafe { Handle::new(core, entity) } })
    }

    /// The entity must not be shared.
    pub(crate) fn from_handle(handle: Handle<MemoryEntity>) -> Memory {
        Memory { handle }
    }

    pub(crate) fn handle(self) -> Handle<MemoryEntity> {
        self.handle
    }

    /// A number that no other memory in the store has now, for hosts that keep something of their own for
    /// each memory.
    pub fn hash_key(&self, store: impl AsContext) -> usize {
        self.handle.entity(store.as_context().core()).addr().get()
    }

    /// The memory's type.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        (*self.linear(&store).ty()).into()
    }

    /// The size in pages.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.linear(&store).size().0
    }

    /// The size in bytes.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        self.linear(&store).byte_len() as usize
    }

    /// The size of a page in bytes: 65,536, or 1 with the custom-page-sizes proposal.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        self.ty(store).page_size()
    }

    /// The size of a page in bytes, as a power of two: 16, or 0 with the custom-page-sizes proposal.
    pub fn page_size_log2(&self, store: impl AsContext) -> u8 {
        self.ty(store).page_size_log2()
    }

    /// The address of the first byte in the host's own memory. It stays valid until the memory
    /// grows or the store is dropped.
    ///
    /// There are [`data_size`](Self::data_size) bytes from there on. Whoever writes to them must
    /// have the store to itself, as for [`data_mut`](Self::data_mut).
    pub fn data_ptr(&self, store: impl AsContext) -> *mut u8 {
        self.linear(&store).as_ptr().cast_mut()
    }

    /// All bytes.
    pub fn data<'a, T: 'a>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        self.linear(store).as_slice()
    }

    /// All bytes, mutably.
    pub fn data_mut<'a, T: 'a>(&self, store: impl Into<StoreContextMut<'a, T>>) -> &'a mut [u8] {
        self.linear_mut(store).as_mut_slice()
    }

    /// All bytes, mutably, and the host's value at the same time.
    pub fn data_and_store_mut<'a, T: 'a>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (&'a mut [u8], &'a mut T) {
        let mut store = store.into();
        self.lend(&mut store, None);
        let store = store.0;
        (self.handle.get_mut(&mut store.core).linear_mut().as_mut_slice(), &mut store.data)
    }

    /// The memory itself, with everything it offers for reading.
    pub fn linear<'a, T: 'a>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a LinearMemory {
        self.handle.get(store.into().core()).linear()
    }

    /// The memory itself, with everything it offers.
    ///
    /// It can even be replaced by another (with [`std::mem::swap`], say). That is safe, but the
    /// guest relies on its memory keeping its type and never shrinking.
    pub fn linear_mut<'a, T: 'a>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> &'a mut LinearMemory {
        let mut store = store.into();
        self.lend(&mut store, None);
        self.handle.get_mut(&mut store.0.core).linear_mut()
    }

    /// Fills a buffer with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// If they are not all inside the memory; the buffer is unchanged then.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        let store = store.as_context();
        self.linear(&store).read(offset as u64, buffer)?;
        self.note_read(store.core(), offset as u64, buffer.len() as u64);
        Ok(())
    }

    /// Writes bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// If they do not all fit inside the memory; nothing is written then.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let (addr, len_bytes) = (offset as u64, bytes.len() as u64);
        let mut store = store.as_context_mut();
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.write(addr, bytes))?)
    }

    /// [`new`](Self::new) for stores whose limiter may wait: see
    /// [`Store::limiter_async`](crate::Store::limiter_async).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    #[cfg(feature = "async")]
    pub async fn new_async(
        mut store: impl AsContextMut<Data: Send>,
        ty: MemoryType,
    ) -> Result<Memory> {
        let new = |store: &mut StoreContextMut<'_, _>| Memory::new(store, ty);
        with_answers(&mut store.as_context_mut(), new).await
    }

    /// [`grow`](Self::grow) for stores whose limiter may wait: see
    /// [`Store::limiter_async`](crate::Store::limiter_async).
    ///
    /// # Errors
    ///
    /// As for [`grow`](Self::grow).
    #[cfg(feature = "async")]
    pub async fn grow_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        delta: u64,
    ) -> Result<u64> {
        let grow = |store: &mut StoreContextMut<'_, _>| self.grow(store, delta);
        with_answers(&mut store.as_context_mut(), grow).await
    }

    /// Adds `delta` pages of zeros and returns the size before, in pages.
    ///
    /// # Errors
    ///
    /// If the new size is over the type's maximum or the host's limit, if the store's
    /// [`limiter`](crate::Store::limiter) refuses, or if the host has no room for it. The memory
    /// is as before then.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let mut store = store.as_context_mut();
        let entity = self.handle.entity(store.core());
        // SAFETY: R2 was just checked, so R1 applies; R3: the store is borrowed exclusively, and
        // its limiter reaches no entity.
        let memory = unsafe { &mut *entity.as_ptr() };
        let old_bytes = memory.linear().byte_len();
        let old = store.limits().grow_memory(memory, Pages(delta))?;
        if delta != 0 && store.core().context.observation.is_some() {
            // SAFETY: the store is borrowed exclusively, and its entities are not.
            unsafe { observe::host_grew(store.core_ptr(), entity, old_bytes) };
        }
        Ok(old.0)
    }

    /// Changes a range of the memory; an observer is told which.
    fn change<T, R, E>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        addr: u64,
        len_bytes: u64,
        change: impl FnOnce(&mut LinearMemory) -> Result<R, E>,
    ) -> Result<R, E> {
        let entity = self.handle.entity(store.core());
        // SAFETY: R1; the store is borrowed exclusively.
        let change = || change(unsafe { &mut *entity.as_ptr() }.linear_mut());
        if store.core().context.observation.is_none() {
            return change();
        }
        // SAFETY: the store is borrowed exclusively, and its entities are not.
        unsafe { observe::host_write(store.core_ptr(), entity, addr, len_bytes, change) }
    }

    /// Tells an observer that the host reads a range.
    fn note_read(&self, core: &StoreCore, addr: u64, len_bytes: u64) {
        if core.context.observation.is_some() {
            observe::host_read(core, self.handle.entity(core), addr, len_bytes);
        }
    }

    /// Tells an observer that the host gets a range to be changed, or all of the memory.
    fn lend<T>(&self, store: &mut StoreContextMut<'_, T>, range: Option<(u64, u64)>) {
        if store.core().context.observation.is_some() {
            let entity = self.handle.entity(store.core());
            // SAFETY: the store is borrowed exclusively, and its entities are not.
            unsafe { observe::lend(store.core_ptr(), entity, range) };
        }
    }
}
