//! Strings in a memory, for hosts: UTF-8 by length or ended by NUL, and UTF-16.

use alloc::string::String;

use crate::error::{OutOfBounds, StringError};
use crate::linear::LinearMemory;

/// How many bytes [`LinearMemory::read_cstring`] searches for the NUL: 4096.
pub const CSTRING_LIMIT_BYTES: u64 = 4096;

impl LinearMemory {
    /// Borrows the UTF-8 string of `len_bytes` bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely or is not UTF-8.
    pub fn read_str(&self, addr: u64, len_bytes: u64) -> Result<&str, StringError> {
        utf8(addr, self.slice(addr, len_bytes)?)
    }

    /// Copies the UTF-8 string of `len_bytes` bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely, is not UTF-8, or is too long
    /// for the host to copy.
    pub fn read_string(&self, addr: u64, len_bytes: u64) -> Result<String, StringError> {
        to_owned(self.read_str(addr, len_bytes)?)
    }

    /// Writes a string as UTF-8 at `addr`, without a NUL.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    pub fn write_string(&mut self, addr: u64, string: &str) -> Result<(), OutOfBounds> {
        self.write(addr, string.as_bytes())
    }

    /// Copies the UTF-8 string at `addr` that a NUL ends. The NUL, which is not part of the
    /// result, must come within [`CSTRING_LIMIT_BYTES`].
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// memory.write(16, b"hello\0world")?;
    /// assert_eq!(memory.read_cstring(16)?, "hello");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`read_cstring_with_limit`](Self::read_cstring_with_limit).
    pub fn read_cstring(&self, addr: u64) -> Result<String, StringError> {
        self.read_cstring_with_limit(addr, CSTRING_LIMIT_BYTES)
    }

    /// Copies the UTF-8 string at `addr` that a NUL ends, searching `limit_bytes` bytes for
    /// the NUL.
    ///
    /// # Errors
    ///
    /// When no NUL is among the first `limit_bytes` bytes; when none comes before the end of
    /// the memory; when the string is not UTF-8; or when it is too long for the host to copy.
    pub fn read_cstring_with_limit(
        &self,
        addr: u64,
        limit_bytes: u64,
    ) -> Result<String, StringError> {
        let to_end_bytes = self.byte_len().saturating_sub(addr);
        let searched = self.slice(addr, limit_bytes.min(to_end_bytes))?;
        if let Some(len) = searched.iter().position(|byte| *byte == 0) {
            return to_owned(utf8(addr, &searched[..len])?);
        }
        if to_end_bytes < limit_bytes {
            // The NUL would have to be the byte after the last one.
            self.slice(addr, to_end_bytes + 1)?;
        }
        Err(StringError::Unterminated { addr, limit_bytes })
    }

    /// Copies the UTF-16 string of `len_units` little-endian 16-bit units at `addr`. It needs
    /// no alignment.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely, is not UTF-16, or is too long
    /// for the host to copy.
    pub fn read_utf16(&self, addr: u64, len_units: u64) -> Result<String, StringError> {
        let units = self.view::<u16>(addr, len_units)?;
        decode_utf16(addr, units.into_iter())
    }

    /// Writes a string as UTF-16 at `addr`, little-endian and without a NUL, and returns its
    /// length in 16-bit units.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    pub fn write_utf16(&mut self, addr: u64, string: &str) -> Result<u64, OutOfBounds> {
        let len_units = string.encode_utf16().count() as u64;
        let bytes = self.slice_mut(addr, 2 * len_units)?;
        for (chunk, unit) in bytes.chunks_exact_mut(2).zip(encode_utf16(string)) {
            chunk.copy_from_slice(&unit);
        }
        Ok(len_units)
    }
}

fn utf8(addr: u64, bytes: &[u8]) -> Result<&str, StringError> {
    str::from_utf8(bytes)
        .map_err(|error| StringError::InvalidUtf8 { addr: addr + error.valid_up_to() as u64 })
}

/// The string of the UTF-16 units that are at `addr`.
pub(crate) fn decode_utf16(
    addr: u64,
    units: impl ExactSizeIterator<Item = u16>,
) -> Result<String, StringError> {
    let len_bytes = 2 * units.len() as u64;
    let out_of_memory = |_| StringError::OutOfMemory { len_bytes };
    let mut string = String::new();
    string.try_reserve(units.len()).map_err(out_of_memory)?;
    let mut end = addr;
    for decoded in char::decode_utf16(units) {
        let character = decoded.map_err(|error| StringError::InvalidUtf16 {
            addr: end,
            unit: error.unpaired_surrogate(),
        })?;
        string.try_reserve(character.len_utf8()).map_err(out_of_memory)?;
        string.push(character);
        end += 2 * character.len_utf16() as u64;
    }
    Ok(string)
}

/// The UTF-16 units of a string as memory holds them.
pub(crate) fn encode_utf16(string: &str) -> impl Iterator<Item = [u8; 2]> {
    string.encode_utf16().map(u16::to_le_bytes)
}

/// Copies a string, with an error instead of an abort when there is no room.
fn to_owned(string: &str) -> Result<String, StringError> {
    let mut owned = String::new();
    owned
        .try_reserve_exact(string.len())
        .map_err(|_| StringError::OutOfMemory { len_bytes: string.len() as u64 })?;
    owned.push_str(string);
    Ok(owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryType, Pages};

    const TEXT: &str = "aé€𝄞";

    fn memory() -> LinearMemory {
        LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap()
    }

    fn out_of_bounds(addr: u64, len_bytes: u64) -> OutOfBounds {
        OutOfBounds { addr, offset: 0, len_bytes, memory_bytes: 65_536 }
    }

    #[test]
    fn utf8_round_trip() {
        let mut memory = memory();
        memory.write_string(1, TEXT).unwrap();
        assert_eq!(memory.read_str(1, 10).unwrap(), TEXT);
        assert_eq!(memory.read_string(1, 10).unwrap(), TEXT);
        assert_eq!(memory.read_string(65_536, 0).unwrap(), "");
        // The clef is cut short.
        let error = StringError::InvalidUtf8 { addr: 7 };
        assert_eq!(memory.read_str(1, 9), Err(error));
        assert_eq!(memory.read_string(1, 9), Err(error));
    }

    #[test]
    fn utf8_bounds() {
        let mut memory = memory();
        memory.write_string(65_526, TEXT).unwrap();
        assert_eq!(memory.read_string(65_526, 10).unwrap(), TEXT);
        assert_eq!(memory.write_string(65_527, TEXT), Err(out_of_bounds(65_527, 10)));
        assert_eq!(memory.read_string(65_526, 10).unwrap(), TEXT);
        assert_eq!(memory.read_str(65_527, 10), Err(out_of_bounds(65_527, 10).into()));
        assert!(memory.read_string(1, u64::MAX).is_err());
    }

    #[test]
    fn cstrings_end_within_the_limit() {
        let mut memory = memory();
        memory.fill(0, b'x', 4096).unwrap();
        assert_eq!(memory.read_cstring(1).unwrap().len(), 4095);
        let error = StringError::Unterminated { addr: 0, limit_bytes: 4096 };
        assert_eq!(memory.read_cstring(0), Err(error));
        assert_eq!(memory.read_cstring_with_limit(0, 4097).unwrap().len(), 4096);
        assert_eq!(memory.read_cstring_with_limit(0, u64::MAX).unwrap().len(), 4096);
        let error = StringError::Unterminated { addr: 9, limit_bytes: 0 };
        assert_eq!(memory.read_cstring_with_limit(9, 0), Err(error));
    }

    #[test]
    fn cstrings_end_within_the_memory() {
        let mut memory = memory();
        assert_eq!(memory.read_cstring(65_535).unwrap(), "");
        memory.write(65_534, b"xy").unwrap();
        assert_eq!(memory.read_cstring(65_534), Err(out_of_bounds(65_534, 3).into()));
        // Inside the limit, the end of the memory does not matter.
        let error = StringError::Unterminated { addr: 65_534, limit_bytes: 2 };
        assert_eq!(memory.read_cstring_with_limit(65_534, 2), Err(error));
        assert_eq!(memory.read_cstring(65_536), Err(out_of_bounds(65_536, 1).into()));
        assert!(memory.read_cstring(u64::MAX).is_err());
        assert!(memory.read_cstring_with_limit(65_537, 0).is_err());
    }

    #[test]
    fn cstrings_are_utf8() {
        let mut memory = memory();
        memory.write(2, b"ok\xff\0").unwrap();
        assert_eq!(memory.read_cstring(2), Err(StringError::InvalidUtf8 { addr: 4 }));
    }

    #[test]
    fn utf16_round_trip() {
        let mut memory = memory();
        assert_eq!(memory.write_utf16(3, TEXT), Ok(5));
        let bytes = [0x61, 0, 0xe9, 0, 0xac, 0x20, 0x34, 0xd8, 0x1e, 0xdd];
        assert_eq!(memory.slice(3, 10).unwrap(), bytes);
        assert_eq!(memory.read_utf16(3, 5).unwrap(), TEXT);
        // The clef is cut short.
        let error = StringError::InvalidUtf16 { addr: 9, unit: 0xd834 };
        assert_eq!(memory.read_utf16(3, 4), Err(error));
    }

    #[test]
    fn utf16_bounds() {
        let mut memory = memory();
        assert_eq!(memory.write_utf16(65_526, TEXT), Ok(5));
        assert_eq!(memory.write_utf16(65_527, TEXT), Err(out_of_bounds(65_527, 10)));
        assert_eq!(memory.read_utf16(65_526, 5).unwrap(), TEXT);
        assert_eq!(memory.read_utf16(65_527, 5), Err(out_of_bounds(65_527, 10).into()));
        assert!(memory.read_utf16(0, 1 << 63).is_err());
    }
}
