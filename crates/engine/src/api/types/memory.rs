//! The types of memories, by numbers of pages.

use std::fmt;

use anyhow::Result;
use lineal_memory::{AddressType, PageSize, Pages};

use crate::api::memory::Memory;
use crate::api::memory::shared::SharedMemory;
use crate::api::module::externs::Extern;
use crate::api::store::AsContextMut;

/// The type of a memory: limits in pages, the width of addresses, the size of a page, and whether
/// threads may share it.
///
/// It converts from and to [`lineal_memory::MemoryType`], in which units are types.
///
/// ```
/// use lineal::{MemoryType, MemoryTypeBuilder};
///
/// let ty = MemoryType::new(1, Some(16));
/// assert_eq!((ty.minimum(), ty.maximum(), ty.page_size()), (1, Some(16), 65_536));
///
/// let bytes = MemoryTypeBuilder::new().min(100).page_size_log2(0).build()?;
/// assert_eq!((bytes.minimum(), bytes.page_size()), (100, 1));
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType(lineal_memory::MemoryType);

/// Builds a [`MemoryType`] part by part. Without more said, it is that of a memory of 0 pages of
/// 64 KiB without a maximum, with 32-bit addresses and not shared.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryTypeBuilder {
    minimum: u64,
    maximum: Option<u64>,
    memory64: bool,
    shared: bool,
    page_size_log2: Option<u8>,
}

impl MemoryType {
    /// A memory with 32-bit addresses and 64 KiB pages that is not shared.
    ///
    /// # Panics
    ///
    /// If the minimum is over the maximum, or one of them over 65,536.
    #[track_caller]
    pub fn new(minimum: u32, maximum: Option<u32>) -> MemoryType {
        let mut builder = MemoryType::builder();
        built(builder.min(minimum.into()).max(maximum.map(u64::from)))
    }

    /// A memory with 64-bit addresses and 64 KiB pages that is not shared.
    ///
    /// # Panics
    ///
    /// If the minimum is over the maximum, or one of them over 2^48.
    #[track_caller]
    pub fn new64(minimum: u64, maximum: Option<u64>) -> MemoryType {
        built(MemoryType::builder().memory64(true).min(minimum).max(maximum))
    }

    /// A shared memory with 32-bit addresses and 64 KiB pages.
    ///
    /// # Panics
    ///
    /// If the minimum is over the maximum, or one of them over 65,536.
    #[track_caller]
    pub fn shared(minimum: u32, maximum: u32) -> MemoryType {
        built(MemoryType::builder().shared(true).min(minimum.into()).max(Some(maximum.into())))
    }

    /// Starts a type that is built part by part.
    pub fn builder() -> MemoryTypeBuilder {
        MemoryTypeBuilder::new()
    }

    /// Whether addresses have 64 bits.
    pub fn is_64(&self) -> bool {
        self.0.address_type() == AddressType::I64
    }

    /// Whether threads may share the memory.
    pub fn is_shared(&self) -> bool {
        self.0.is_shared()
    }

    /// The size that a new memory of this type has, in pages.
    pub fn minimum(&self) -> u64 {
        self.0.minimum().0
    }

    /// The declared size beyond which the memory never grows, in pages.
    pub fn maximum(&self) -> Option<u64> {
        self.0.maximum().map(|pages| pages.0)
    }

    /// The size of a page in bytes: 65,536, or 1 with the custom-page-sizes proposal.
    pub fn page_size(&self) -> u64 {
        self.0.page_size().bytes()
    }

    /// The size of a page in bytes, as a power of two: 16 or 0.
    pub fn page_size_log2(&self) -> u8 {
        self.0.page_size().log2() as u8
    }

    /// A memory of this type, as large as its minimum and full of zeros.
    ///
    /// # Errors
    ///
    /// As for [`Memory::new`] or [`SharedMemory::new`].
    pub fn default_value(&self, mut store: impl AsContextMut) -> Result<Extern> {
        if self.is_shared() {
            return Ok(SharedMemory::new(store.as_context_mut().engine(), *self)?.into());
        }
        Ok(Memory::new(store, *self)?.into())
    }
}

/// What a builder builds of limits that the caller chose.
#[track_caller]
fn built(builder: &MemoryTypeBuilder) -> MemoryType {
    builder.build().unwrap_or_else(|error| panic!("{error}"))
}

impl MemoryTypeBuilder {
    /// Starts a type of 0 pages.
    pub fn new() -> MemoryTypeBuilder {
        MemoryTypeBuilder::default()
    }

    /// Sets the minimum, in pages.
    pub fn min(&mut self, minimum: u64) -> &mut MemoryTypeBuilder {
        self.minimum = minimum;
        self
    }

    /// Sets the maximum, in pages; `None` declares none.
    pub fn max(&mut self, maximum: Option<u64>) -> &mut MemoryTypeBuilder {
        self.maximum = maximum;
        self
    }

    /// Sets whether addresses have 64 bits.
    pub fn memory64(&mut self, memory64: bool) -> &mut MemoryTypeBuilder {
        self.memory64 = memory64;
        self
    }

    /// Sets whether threads may share the memory.
    pub fn shared(&mut self, shared: bool) -> &mut MemoryTypeBuilder {
        self.shared = shared;
        self
    }

    /// Sets the size of a page, as a power of two: 16, or 0 for pages of one byte.
    pub fn page_size_log2(&mut self, page_size_log2: u8) -> &mut MemoryTypeBuilder {
        self.page_size_log2 = Some(page_size_log2);
        self
    }

    /// Checks the parts together.
    ///
    /// # Errors
    ///
    /// If a limit is over what the addresses allow, the minimum is over the maximum, a shared
    /// memory has no maximum, or there is no such size of a page.
    pub fn build(&self) -> Result<MemoryType> {
        let mut builder = lineal_memory::MemoryType::builder(Pages(self.minimum))
            .maximum(self.maximum.map(Pages))
            .shared(self.shared);
        if self.memory64 {
            builder = builder.address_type(AddressType::I64);
        }
        if let Some(log2) = self.page_size_log2 {
            builder = builder.page_size(PageSize::from_log2(log2.into())?);
        }
        Ok(MemoryType(builder.build()?))
    }
}

impl fmt::Display for MemoryType {
    /// Writes the type as the text format does: `(memory i64 1 16 shared)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<lineal_memory::MemoryType> for MemoryType {
    fn from(ty: lineal_memory::MemoryType) -> MemoryType {
        MemoryType(ty)
    }
}

impl From<MemoryType> for lineal_memory::MemoryType {
    fn from(ty: MemoryType) -> lineal_memory::MemoryType {
        ty.0
    }
}
