//! Operations on ranges of bytes. Each checks every range before it writes a byte, so one that
//! fails has changed nothing.

use core::ops::Range;

use crate::bounds;
use crate::error::OutOfBounds;
use crate::linear::LinearMemory;

impl LinearMemory {
    /// The range of `len_bytes` bytes at `addr`, as indices.
    #[inline]
    pub(crate) fn range(&self, addr: u64, len_bytes: u64) -> Result<Range<usize>, OutOfBounds> {
        let start = bounds::check(addr, 0, len_bytes, self.as_slice().len())?;
        // In bounds, so a `usize` holds the length as well.
        Ok(start..start + len_bytes as usize)
    }

    /// The `len_bytes` bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely.
    #[inline]
    pub fn slice(&self, addr: u64, len_bytes: u64) -> Result<&[u8], OutOfBounds> {
        let range = self.range(addr, len_bytes)?;
        Ok(&self.as_slice()[range])
    }

    /// The `len_bytes` bytes at `addr`, mutably.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely.
    #[inline]
    pub fn slice_mut(&mut self, addr: u64, len_bytes: u64) -> Result<&mut [u8], OutOfBounds> {
        let range = self.range(addr, len_bytes)?;
        Ok(&mut self.as_mut_slice()[range])
    }

    /// Fills `buffer` with the bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; `buffer` is unchanged then.
    #[inline]
    pub fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        buffer.copy_from_slice(self.slice(addr, buffer.len() as u64)?);
        Ok(())
    }

    /// Writes `bytes` at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    #[inline]
    pub fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.slice_mut(addr, bytes.len() as u64)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Sets `len_bytes` bytes at `addr` to `value`: `memory.fill`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    #[inline]
    pub fn fill(&mut self, addr: u64, value: u8, len_bytes: u64) -> Result<(), OutOfBounds> {
        self.slice_mut(addr, len_bytes)?.fill(value);
        Ok(())
    }

    /// Copies `len_bytes` bytes from `src_addr` to `dst_addr`: `memory.copy` inside one
    /// memory. The ranges may overlap; the bytes arrive as they were before.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside the memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_within(
        &mut self,
        dst_addr: u64,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        let src = self.range(src_addr, len_bytes)?;
        let dst = self.range(dst_addr, len_bytes)?;
        self.as_mut_slice().copy_within(src, dst.start);
        Ok(())
    }

    /// Copies `len_bytes` bytes from `src_addr` in another memory to `dst_addr` in this one:
    /// `memory.copy` between two memories.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside its memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_from(
        &mut self,
        dst_addr: u64,
        src_memory: &LinearMemory,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        let src = src_memory.slice(src_addr, len_bytes)?;
        self.slice_mut(dst_addr, len_bytes)?.copy_from_slice(src);
        Ok(())
    }
}
