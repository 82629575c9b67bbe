//! [`MemoryType`]: what a module declares about a memory.

use core::fmt;

use crate::error::{ImportMismatch, MemoryTypeError};
use crate::types::{AddressType, PageSize, Pages};

/// The type of a memory: limits in pages, address type, page size and sharedness.
///
/// A value of this type satisfies the validity rule for memory types of WebAssembly 3.0
/// (with the threads and custom-page-sizes proposals): it is checked once, when it is built.
///
/// ```
/// use lineal_memory::{MemoryType, PageSize, Pages};
///
/// let ty = MemoryType::new(Pages(1), Some(Pages(16)))?;
/// assert_eq!(ty.maximum(), Some(Pages(16)));
///
/// let bytes = MemoryType::builder(Pages(100)).page_size(PageSize::ONE_BYTE).build()?;
/// assert_eq!(bytes.minimum().to_bytes(bytes.page_size()), Some(100));
/// # Ok::<(), lineal_memory::MemoryTypeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    minimum: Pages,
    maximum: Option<Pages>,
    address_type: AddressType,
    page_size: PageSize,
    shared: bool,
}

impl MemoryType {
    /// An unshared memory with 32-bit addresses and 64 KiB pages.
    ///
    /// # Errors
    ///
    /// See [`MemoryTypeBuilder::build`].
    pub const fn new(
        minimum: Pages,
        maximum: Option<Pages>,
    ) -> Result<MemoryType, MemoryTypeError> {
        let builder = MemoryType::builder(minimum);
        MemoryTypeBuilder { maximum, ..builder }.build()
    }

    /// An unshared memory with 64-bit addresses and 64 KiB pages.
    ///
    /// # Errors
    ///
    /// See [`MemoryTypeBuilder::build`].
    pub const fn memory64(
        minimum: Pages,
        maximum: Option<Pages>,
    ) -> Result<MemoryType, MemoryTypeError> {
        let builder = MemoryType::builder(minimum).address_type(AddressType::I64);
        MemoryTypeBuilder { maximum, ..builder }.build()
    }

    /// A shared memory with 32-bit addresses and 64 KiB pages.
    ///
    /// # Errors
    ///
    /// See [`MemoryTypeBuilder::build`].
    pub const fn shared(minimum: Pages, maximum: Pages) -> Result<MemoryType, MemoryTypeError> {
        let builder = MemoryType::builder(minimum).shared(true);
        MemoryTypeBuilder { maximum: Some(maximum), ..builder }.build()
    }

    /// Starts a type with every part open; the parts not set are those of [`MemoryType::new`].
    pub const fn builder(minimum: Pages) -> MemoryTypeBuilder {
        MemoryTypeBuilder {
            minimum,
            maximum: None,
            address_type: AddressType::I32,
            page_size: PageSize::DEFAULT,
            shared: false,
        }
    }

    /// The size a new memory of this type has.
    #[inline]
    #[must_use]
    pub const fn minimum(&self) -> Pages {
        self.minimum
    }

    /// The declared size beyond which the memory never grows, if there is one.
    #[inline]
    #[must_use]
    pub const fn maximum(&self) -> Option<Pages> {
        self.maximum
    }

    /// The size beyond which a memory of this type never grows: the declared maximum or,
    /// without one, that of the address type.
    #[must_use]
    pub const fn growth_limit(&self) -> Pages {
        match self.maximum {
            Some(maximum) => maximum,
            None => self.address_type.max_pages(self.page_size),
        }
    }

    /// The width of addresses.
    #[inline]
    #[must_use]
    pub const fn address_type(&self) -> AddressType {
        self.address_type
    }

    /// The size of a page.
    #[inline]
    #[must_use]
    pub const fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Whether threads may share the memory (the threads proposal).
    #[inline]
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Checks that a memory of this type, `current` pages large at the moment, may be
    /// imported where `required` is declared: the matching rule for memory types.
    ///
    /// A memory that has grown counts with its current size, not with its minimum.
    ///
    /// # Errors
    ///
    /// The first part found not to match. Address type, page size and sharedness must be
    /// equal; the current size must reach the required minimum; and if a maximum is
    /// required, this type must declare one that is no larger.
    pub const fn matches_import(
        &self,
        current: Pages,
        required: &MemoryType,
    ) -> Result<(), ImportMismatch> {
        if self.address_type as u8 != required.address_type as u8 {
            return Err(ImportMismatch::AddressType);
        }
        if self.page_size.log2() != required.page_size.log2() {
            return Err(ImportMismatch::PageSize);
        }
        if self.shared != required.shared {
            return Err(ImportMismatch::Shared);
        }
        if current.0 < required.minimum.0 {
            return Err(ImportMismatch::Minimum { current, required: required.minimum });
        }
        match (self.maximum, required.maximum) {
            (_, None) => Ok(()),
            (Some(actual), Some(required)) if actual.0 <= required.0 => Ok(()),
            (actual, Some(required)) => Err(ImportMismatch::Maximum { actual, required }),
        }
    }
}

impl fmt::Display for MemoryType {
    /// Writes the type as the text format does: `(memory i64 1 16 shared)`.
    ///
    /// ```
    /// use lineal_memory::{MemoryType, PageSize, Pages};
    ///
    /// assert_eq!(MemoryType::shared(Pages(1), Pages(16))?.to_string(), "(memory 1 16 shared)");
    /// let ty = MemoryType::builder(Pages(9)).page_size(PageSize::ONE_BYTE).build()?;
    /// assert_eq!(ty.to_string(), "(memory 9 (pagesize 1))");
    /// # Ok::<(), lineal_memory::MemoryTypeError>(())
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(memory ")?;
        if self.address_type == AddressType::I64 {
            f.write_str("i64 ")?;
        }
        write!(f, "{}", self.minimum.0)?;
        if let Some(maximum) = self.maximum {
            write!(f, " {}", maximum.0)?;
        }
        if self.shared {
            f.write_str(" shared")?;
        }
        if self.page_size != PageSize::DEFAULT {
            write!(f, " (pagesize {})", self.page_size.bytes())?;
        }
        f.write_str(")")
    }
}

/// Builds a [`MemoryType`] part by part; see [`MemoryType::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct MemoryTypeBuilder {
    minimum: Pages,
    maximum: Option<Pages>,
    address_type: AddressType,
    page_size: PageSize,
    shared: bool,
}

impl MemoryTypeBuilder {
    /// Sets the maximum; `None` (the default) declares none.
    pub fn maximum(self, maximum: impl Into<Option<Pages>>) -> MemoryTypeBuilder {
        MemoryTypeBuilder { maximum: maximum.into(), ..self }
    }

    /// Sets the width of addresses; 32 bits by default.
    pub const fn address_type(self, address_type: AddressType) -> MemoryTypeBuilder {
        MemoryTypeBuilder { address_type, ..self }
    }

    /// Sets the page size; 64 KiB by default.
    pub const fn page_size(self, page_size: PageSize) -> MemoryTypeBuilder {
        MemoryTypeBuilder { page_size, ..self }
    }

    /// Sets whether threads may share the memory; `false` by default.
    pub const fn shared(self, shared: bool) -> MemoryTypeBuilder {
        MemoryTypeBuilder { shared, ..self }
    }

    /// Checks the parts together.
    ///
    /// # Errors
    ///
    /// When a limit is over what the address type allows ([`AddressType::max_pages`]), when
    /// the minimum is over the maximum, or when a shared memory has no maximum.
    pub const fn build(self) -> Result<MemoryType, MemoryTypeError> {
        let MemoryTypeBuilder { minimum, maximum, address_type, page_size, shared } = self;
        let limit = address_type.max_pages(page_size);
        if minimum.0 > limit.0 {
            return Err(MemoryTypeError::MinimumTooLarge { minimum, limit });
        }
        match maximum {
            Some(maximum) if maximum.0 > limit.0 => {
                return Err(MemoryTypeError::MaximumTooLarge { maximum, limit });
            }
            Some(maximum) if minimum.0 > maximum.0 => {
                return Err(MemoryTypeError::MinimumOverMaximum { minimum, maximum });
            }
            None if shared => return Err(MemoryTypeError::SharedWithoutMaximum),
            _ => {}
        }
        Ok(MemoryType { minimum, maximum, address_type, page_size, shared })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_32_bit_memories() {
        assert!(MemoryType::new(Pages(65_535), Some(Pages(65_536))).is_ok());
        assert!(MemoryType::new(Pages(65_536), None).is_ok());
        assert_eq!(
            MemoryType::new(Pages(65_537), None),
            Err(MemoryTypeError::MinimumTooLarge { minimum: Pages(65_537), limit: Pages(65_536) })
        );
        assert_eq!(
            MemoryType::new(Pages(0), Some(Pages(65_537))),
            Err(MemoryTypeError::MaximumTooLarge { maximum: Pages(65_537), limit: Pages(65_536) })
        );
        assert_eq!(
            MemoryType::new(Pages(3), Some(Pages(2))),
            Err(MemoryTypeError::MinimumOverMaximum { minimum: Pages(3), maximum: Pages(2) })
        );
    }

    #[test]
    fn limits_of_64_bit_memories() {
        assert!(MemoryType::memory64(Pages(65_537), None).is_ok());
        assert!(MemoryType::memory64(Pages(1 << 48), Some(Pages(1 << 48))).is_ok());
        assert!(MemoryType::memory64(Pages((1 << 48) + 1), None).is_err());
        assert!(MemoryType::memory64(Pages(0), Some(Pages(u64::MAX))).is_err());
    }

    #[test]
    fn limits_of_one_byte_pages() {
        let build = |address_type, minimum| {
            MemoryType::builder(Pages(minimum))
                .address_type(address_type)
                .page_size(PageSize::ONE_BYTE)
                .build()
        };
        assert!(build(AddressType::I32, 0xffff_ffff).is_ok());
        assert!(build(AddressType::I32, 0x1_0000_0000).is_err());
        assert!(build(AddressType::I64, u64::MAX).is_ok());
    }

    #[test]
    fn shared_needs_a_maximum() {
        let builder = MemoryType::builder(Pages(1)).shared(true);
        assert_eq!(builder.build(), Err(MemoryTypeError::SharedWithoutMaximum));
        let ty = builder.maximum(Pages(1)).build().unwrap();
        assert!(ty.is_shared());
        assert_eq!(MemoryType::shared(Pages(1), Pages(1)), Ok(ty));
        assert!(MemoryType::shared(Pages(2), Pages(1)).is_err());
    }

    #[test]
    fn growth_limit_is_the_tighter_bound() {
        let declared = MemoryType::new(Pages(1), Some(Pages(7))).unwrap();
        assert_eq!(declared.growth_limit(), Pages(7));
        let open = MemoryType::new(Pages(1), None).unwrap();
        assert_eq!(open.growth_limit(), Pages(65_536));
    }

    #[test]
    fn imports_match_by_current_size_and_maximum() {
        let ty = |min, max: Option<u64>| MemoryType::new(Pages(min), max.map(Pages)).unwrap();
        let actual = ty(1, Some(5));
        assert_eq!(actual.matches_import(Pages(1), &ty(1, None)), Ok(()));
        assert_eq!(actual.matches_import(Pages(1), &ty(0, Some(5))), Ok(()));
        assert_eq!(actual.matches_import(Pages(3), &ty(3, Some(6))), Ok(()));
        assert_eq!(
            actual.matches_import(Pages(1), &ty(2, None)),
            Err(ImportMismatch::Minimum { current: Pages(1), required: Pages(2) })
        );
        assert_eq!(
            actual.matches_import(Pages(1), &ty(1, Some(4))),
            Err(ImportMismatch::Maximum { actual: Some(Pages(5)), required: Pages(4) })
        );
        assert_eq!(
            ty(1, None).matches_import(Pages(1), &ty(1, Some(65_536))),
            Err(ImportMismatch::Maximum { actual: None, required: Pages(65_536) })
        );
    }

    #[test]
    fn imports_match_by_kind() {
        let builder = MemoryType::builder(Pages(1)).maximum(Pages(1));
        let plain = builder.build().unwrap();
        let required = builder.address_type(AddressType::I64).build().unwrap();
        assert_eq!(plain.matches_import(Pages(1), &required), Err(ImportMismatch::AddressType));
        let required = builder.page_size(PageSize::ONE_BYTE).build().unwrap();
        assert_eq!(plain.matches_import(Pages(1), &required), Err(ImportMismatch::PageSize));
        let required = builder.shared(true).build().unwrap();
        assert_eq!(plain.matches_import(Pages(1), &required), Err(ImportMismatch::Shared));
    }
}
