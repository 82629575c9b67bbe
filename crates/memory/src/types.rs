//! The units a memory is measured in.
//!
//! [`Pages`] counts pages, [`PageSize`] says how many bytes one page has, and
//! multiplying them is the only way from one to the other. [`AddressType`] bounds both.
//! [`MemoryType`](crate::MemoryType) puts the three together.

use core::fmt;

use crate::error::InvalidPageSize;

/// A number of pages: a size, a limit or the amount to grow by. Never a number of bytes.
///
/// ```
/// use lineal_memory::{PageSize, Pages};
///
/// assert_eq!(Pages(2).to_bytes(PageSize::DEFAULT), Some(131_072));
/// assert_eq!(Pages(2).to_bytes(PageSize::ONE_BYTE), Some(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pages(pub u64);

impl Pages {
    /// No pages.
    pub const ZERO: Pages = Pages(0);

    /// The number of bytes in this many pages, or `None` when a `u64` cannot hold it (only
    /// the full 64-bit address space, 2^64 bytes, is that large).
    #[inline]
    #[must_use]
    pub const fn to_bytes(self, page_size: PageSize) -> Option<u64> {
        self.0.checked_mul(page_size.bytes())
    }

    /// The sum, or `None` when it overflows.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, other: Pages) -> Option<Pages> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Pages(sum)),
            None => None,
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.0 == 1 { "page" } else { "pages" };
        write!(f, "{} {unit}", self.0)
    }
}

/// The size of one page: 64 KiB, or the single byte of the custom-page-sizes proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize {
    log2: u8,
}

impl PageSize {
    /// 65,536 bytes, the page size of a memory that does not say otherwise.
    pub const DEFAULT: PageSize = PageSize { log2: 16 };

    /// One byte, from the custom-page-sizes proposal.
    pub const ONE_BYTE: PageSize = PageSize { log2: 0 };

    /// The page size of `2^log2` bytes, as the binary format encodes it.
    ///
    /// # Errors
    ///
    /// The custom-page-sizes proposal allows 0 (one byte) and 16 (64 KiB) only.
    pub const fn from_log2(log2: u32) -> Result<PageSize, InvalidPageSize> {
        match log2 {
            0 => Ok(PageSize::ONE_BYTE),
            16 => Ok(PageSize::DEFAULT),
            _ => Err(InvalidPageSize { log2 }),
        }
    }

    /// The binary logarithm of the page size: 0 or 16.
    #[inline]
    #[must_use]
    pub const fn log2(self) -> u32 {
        self.log2 as u32
    }

    /// Bytes per page.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> u64 {
        1 << self.log2
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.log2 {
            0 => f.write_str("1 byte"),
            _ => write!(f, "{} KiB", self.bytes() >> 10),
        }
    }
}

impl Default for PageSize {
    fn default() -> PageSize {
        PageSize::DEFAULT
    }
}

/// The width of a memory's addresses: `addrtype` in WebAssembly 3.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressType {
    /// 32-bit addresses.
    #[default]
    I32,
    /// 64-bit addresses, once the memory64 proposal.
    I64,
}

impl AddressType {
    /// The most pages a memory of this address type may declare.
    ///
    /// That is the address space divided by the page size: 2^16 or 2^48 pages of 64 KiB.
    /// With 1-byte pages the count must itself be a number of the address type, which
    /// makes it `u32::MAX` or `u64::MAX`.
    #[must_use]
    pub const fn max_pages(self, page_size: PageSize) -> Pages {
        let address_bits = match self {
            AddressType::I32 => 32,
            AddressType::I64 => 64,
        };
        match (address_bits, page_size.log2()) {
            (32, 0) => Pages(u32::MAX as u64),
            (64, 0) => Pages(u64::MAX),
            (bits, log2) => Pages(1 << (bits - log2)),
        }
    }
}

impl fmt::Display for AddressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressType::I32 => "i32",
            AddressType::I64 => "i64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn pages_convert_by_page_size_only() {
        assert_eq!(Pages(65_535).to_bytes(PageSize::DEFAULT), Some(4_294_901_760));
        assert_eq!(Pages(65_536).to_bytes(PageSize::DEFAULT), Some(4_294_967_296));
        assert_eq!(Pages(65_537).to_bytes(PageSize::DEFAULT), Some(4_295_032_832));
        assert_eq!(Pages(u64::MAX).to_bytes(PageSize::ONE_BYTE), Some(u64::MAX));
        assert_eq!(Pages(1 << 48).to_bytes(PageSize::DEFAULT), None);
    }

    #[test]
    fn pages_add_without_wrapping() {
        assert_eq!(Pages(1).checked_add(Pages(2)), Some(Pages(3)));
        assert_eq!(Pages(1).checked_add(Pages(u64::MAX)), None);
    }

    #[test]
    fn pages_display_their_unit() {
        assert_eq!(Pages(1).to_string(), "1 page");
        assert_eq!(Pages(65_536).to_string(), "65536 pages");
    }

    #[test]
    fn page_sizes_and_addresses_display_as_they_are_called() {
        assert_eq!(PageSize::DEFAULT.to_string(), "64 KiB");
        assert_eq!(PageSize::ONE_BYTE.to_string(), "1 byte");
        assert_eq!([AddressType::I32, AddressType::I64].map(|ty| ty.to_string()), ["i32", "i64"]);
    }

    #[test]
    fn only_two_page_sizes_exist() {
        for log2 in 0..=64 {
            let expected = matches!(log2, 0 | 16).then_some(log2);
            assert_eq!(PageSize::from_log2(log2).ok().map(PageSize::log2), expected);
        }
        assert_eq!(PageSize::ONE_BYTE.bytes(), 1);
        assert_eq!(PageSize::DEFAULT.bytes(), 65_536);
    }

    #[test]
    fn address_space_in_pages() {
        use AddressType::{I32, I64};
        assert_eq!(I32.max_pages(PageSize::DEFAULT), Pages(65_536));
        assert_eq!(I32.max_pages(PageSize::ONE_BYTE), Pages(0xffff_ffff));
        assert_eq!(I64.max_pages(PageSize::DEFAULT), Pages(1 << 48));
        assert_eq!(I64.max_pages(PageSize::ONE_BYTE), Pages(u64::MAX));
    }
}
