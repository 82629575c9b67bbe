//! The things a store holds: functions, tables, memories, globals.

#[cfg(feature = "async")]
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;

use lineal_decoder::{FuncType, GlobalType, TableType, TypeIndex};
use lineal_memory::{LinearMemory, MemoryType, OutOfBounds, Pages, SharedMemory};

use super::code::FuncEntry;
use super::instance::InstanceData;
use super::room;
use super::slots::MAX_SLOTS;
use super::store::StoreCore;

/// A function, of the guest or of the host. Its address is its `funcref` (**R4**).
pub(crate) struct FuncEntity {
    /// The engine-wide number of its type.
    pub(crate) type_index: TypeIndex,
    pub(crate) ty: FuncType,
    pub(crate) kind: FuncKind,
}

/// What runs when a function is called.
pub(crate) enum FuncKind {
    /// Translated code, run in the instance it belongs to.
    Wasm {
        /// Where its code starts.
        entry: NonNull<FuncEntry>,
        /// The instance whose memories, tables and globals it sees.
        instance: NonNull<InstanceData>,
    },
    /// A host function.
    Host(HostFunc),
    /// A host function that may wait.
    #[cfg(feature = "async")]
    Async(AsyncHostFunc),
}

/// A host function, without its store's type parameter.
///
/// It finds its arguments in the slots from the given one on, one after the other, and leaves its
/// results there. The instance is the calling one; null when the host calls it itself.
pub(crate) type HostFunc = Arc<
    dyn Fn(NonNull<StoreCore>, *const InstanceData, *mut u64) -> anyhow::Result<()> + Send + Sync,
>;

/// An asynchronous host function, without its store's type parameter: the same, but the results are
/// there when the future is ready. As long as the future lives, it has the store.
#[cfg(feature = "async")]
pub(crate) type AsyncHostFunc =
    Arc<dyn Fn(NonNull<StoreCore>, *const InstanceData, *mut u64) -> HostFuture + Send + Sync>;

/// What an asynchronous host function does.
#[cfg(feature = "async")]
pub(crate) type HostFuture = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// A table. References are held as slots hold them; null is 0.
pub(crate) struct TableEntity {
    pub(crate) ty: TableType,
    pub(crate) elements: Vec<u64>,
}

/// A tag of exceptions.
pub(crate) struct TagEntity {
    /// The engine-wide number of its type.
    pub(crate) type_index: TypeIndex,
    /// Its parameters are what exceptions of the tag carry.
    pub(crate) ty: FuncType,
}

/// A linear memory.
pub(crate) enum MemoryEntity {
    /// One that is the store's own.
    Linear(LinearMemory),
    /// One that it shares with others: a handle to it.
    Shared(SharedMemory),
}

/// Runs `$body` with the memory of an entity as `$inner`: both kinds have the same methods.
macro_rules! with_memory {
    ($entity:expr, $inner:ident => $body:expr) => {
        match $entity {
            $crate::runtime::entity::MemoryEntity::Linear($inner) => $body,
            $crate::runtime::entity::MemoryEntity::Shared($inner) => $body,
        }
    };
}
pub(crate) use with_memory;

/// A global variable. The value comes first, so that the address is the value's too; it is in
/// both words if it is a vector, and in the first if not.
#[repr(C)]
pub(crate) struct GlobalEntity {
    pub(crate) value: [u64; MAX_SLOTS],
    pub(crate) ty: GlobalType,
}

impl FuncEntity {
    /// The `funcref` that slots, tables and globals hold for this function.
    pub(crate) fn to_ref(func: NonNull<FuncEntity>) -> u64 {
        func.as_ptr().expose_provenance() as u64
    }

    /// The function a `funcref` stands for; `None` for null.
    #[inline(always)]
    pub(crate) fn from_ref(bits: u64) -> Option<NonNull<FuncEntity>> {
        NonNull::new(std::ptr::with_exposed_provenance_mut(bits as usize))
    }
}

impl MemoryEntity {
    /// The type. A memory of the store's own is not shared, whatever the type says that it was
    /// made with.
    pub(crate) fn ty(&self) -> &MemoryType {
        with_memory!(self, memory => memory.ty())
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, MemoryEntity::Shared(_))
    }

    /// The current size.
    pub(crate) fn size(&self) -> Pages {
        with_memory!(self, memory => memory.size())
    }

    /// The size in bytes of a memory of the store's own; 0 if it is shared.
    pub(crate) fn own_bytes(&self) -> u64 {
        match self {
            MemoryEntity::Linear(memory) => memory.byte_len(),
            MemoryEntity::Shared(_) => 0,
        }
    }

    /// The memory of a [`Memory`](crate::Memory), which is never a shared one.
    pub(crate) fn linear(&self) -> &LinearMemory {
        match self {
            MemoryEntity::Linear(memory) => memory,
            MemoryEntity::Shared(_) => unreachable!("shared memories have handles of their own"),
        }
    }

    /// The same, mutably.
    pub(crate) fn linear_mut(&mut self) -> &mut LinearMemory {
        match self {
            MemoryEntity::Linear(memory) => memory,
            MemoryEntity::Shared(_) => unreachable!("shared memories have handles of their own"),
        }
    }

    /// The memory, of which the caller knows that it is not shared.
    ///
    /// # Safety
    ///
    /// It must not be.
    #[inline(always)]
    pub(crate) unsafe fn linear_unchecked(&mut self) -> &mut LinearMemory {
        debug_assert!(!self.is_shared());
        match self {
            MemoryEntity::Linear(memory) => memory,
            // SAFETY: the caller's promise.
            MemoryEntity::Shared(_) => unsafe { std::hint::unreachable_unchecked() },
        }
    }

    /// The memory, of which the caller knows that it is shared.
    ///
    /// # Safety
    ///
    /// It must be.
    #[inline(always)]
    pub(crate) unsafe fn shared_unchecked(&self) -> &SharedMemory {
        debug_assert!(self.is_shared());
        match self {
            MemoryEntity::Shared(memory) => memory,
            // SAFETY: the caller's promise.
            MemoryEntity::Linear(_) => unsafe { std::hint::unreachable_unchecked() },
        }
    }

    /// Copies from another memory.
    pub(crate) fn copy_from(
        &mut self,
        dst_addr: u64,
        src: &MemoryEntity,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        use MemoryEntity::{Linear, Shared};
        match (self, src) {
            (Linear(dst), Linear(src)) => dst.copy_from(dst_addr, src, src_addr, len_bytes),
            (Linear(dst), Shared(src)) => dst.copy_from_shared(dst_addr, src, src_addr, len_bytes),
            (Shared(dst), Linear(src)) => dst.copy_from_linear(dst_addr, src, src_addr, len_bytes),
            (Shared(dst), Shared(src)) => dst.copy_from(dst_addr, src, src_addr, len_bytes),
        }
    }
}

impl TableEntity {
    /// The most elements a table may hold, whatever its type says.
    const HOST_LIMIT: u64 = 10_000_000;

    /// How many null elements are worth memory that the host maps when it is touched.
    const LAZY_ELEMENTS: usize = 4096;

    /// A table at its minimum size, filled with `init`; `None` when the host has no room.
    pub(crate) fn new(ty: TableType, init: u64) -> Option<TableEntity> {
        let mut table = TableEntity { ty, elements: Vec::new() };
        table.grow(ty.minimum, init)?;
        Some(table)
    }

    /// Whether the limits of the type and of the host allow `delta` more elements.
    pub(crate) fn may_grow(&self, delta: u64) -> bool {
        let limit = self.ty.maximum.unwrap_or(u64::MAX).min(Self::HOST_LIMIT);
        (self.elements.len() as u64).checked_add(delta).is_some_and(|new| new <= limit)
    }

    /// Adds `delta` elements; the old size, or `None` when that exceeds a limit.
    ///
    /// Many null elements take no memory of the host's before they are touched.
    pub(crate) fn grow(&mut self, delta: u64, init: u64) -> Option<u64> {
        if !self.may_grow(delta) {
            return None;
        }
        let (old, delta) = (self.elements.len(), delta as usize);
        if init == 0 && delta >= Self::LAZY_ELEMENTS.max(old) {
            let mut elements: Vec<u64> = room::zeros(old + delta).ok()?.into();
            elements[..old].copy_from_slice(&self.elements);
            self.elements = elements;
        } else {
            self.elements.try_reserve_exact(delta).ok()?;
            self.elements.resize(old + delta, init);
        }
        Some(old as u64)
    }
}
