//! Operations on ranges of bytes. Each checks every range before it writes a byte, so one that
//! fails has changed nothing. Others may see them half done.

use super::SharedMemory;
use crate::error::OutOfBounds;
use crate::linear::LinearMemory;
use crate::relaxed;

impl SharedMemory {
    /// Fills `buffer` with the bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; `buffer` is unchanged then.
    #[inline]
    pub fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        relaxed::read(self.range(addr, buffer.len() as u64)?, buffer);
        Ok(())
    }

    /// Writes `bytes` at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    #[inline]
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        relaxed::write(self.range(addr, bytes.len() as u64)?, bytes);
        Ok(())
    }

    /// Sets `len_bytes` bytes at `addr` to `value`: `memory.fill`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    #[inline]
    pub fn fill(&self, addr: u64, value: u8, len_bytes: u64) -> Result<(), OutOfBounds> {
        relaxed::fill(self.range(addr, len_bytes)?, value);
        Ok(())
    }

    /// Copies `len_bytes` bytes from `src_addr` to `dst_addr`: `memory.copy` inside one
    /// memory. The ranges may overlap; unless other threads write meanwhile, the bytes arrive as
    /// they were before.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside the memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_within(
        &self,
        dst_addr: u64,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        self.copy_from(dst_addr, self, src_addr, len_bytes)
    }

    /// Copies `len_bytes` bytes from `src_addr` in a shared memory to `dst_addr` in this one:
    /// `memory.copy` between two shared memories, which may be the same.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside its memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_from(
        &self,
        dst_addr: u64,
        src_memory: &SharedMemory,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        let src = src_memory.range(src_addr, len_bytes)?;
        relaxed::copy(self.range(dst_addr, len_bytes)?, src);
        Ok(())
    }

    /// Copies `len_bytes` bytes from `src_addr` in a memory that is not shared to `dst_addr` in
    /// this one: `memory.copy` between the two.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside its memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_from_linear(
        &self,
        dst_addr: u64,
        src_memory: &LinearMemory,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        self.write(dst_addr, src_memory.slice(src_addr, len_bytes)?)
    }
}

impl LinearMemory {
    /// Copies `len_bytes` bytes from `src_addr` in a shared memory to `dst_addr` in this one:
    /// `memory.copy` between the two.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside its memory entirely; nothing is written
    /// then.
    #[inline]
    pub fn copy_from_shared(
        &mut self,
        dst_addr: u64,
        src_memory: &SharedMemory,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds> {
        let src = src_memory.range(src_addr, len_bytes)?;
        relaxed::read(src, self.slice_mut(dst_addr, len_bytes)?);
        Ok(())
    }
}
