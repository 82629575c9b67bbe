//! Strings in a shared memory, for hosts. They are copied before they are looked at.

use alloc::string::String;
use alloc::vec::Vec;

use super::SharedMemory;
use crate::error::{OutOfBounds, StringError};
use crate::strings::{CSTRING_LIMIT_BYTES, decode_utf16, encode_utf16};

impl SharedMemory {
    /// Copies the UTF-8 string of `len_bytes` bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely, is not UTF-8, or is too long
    /// for the host to copy.
    pub fn read_string(&self, addr: u64, len_bytes: u64) -> Result<String, StringError> {
        utf8(addr, self.copy_out(addr, len_bytes, StringError::OutOfMemory { len_bytes })?)
    }

    /// Writes a string as UTF-8 at `addr`, without a NUL.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    pub fn write_string(&self, addr: u64, string: &str) -> Result<(), OutOfBounds> {
        self.write(addr, string.as_bytes())
    }

    /// Copies the UTF-8 string at `addr` that a NUL ends. The NUL, which is not part of the
    /// result, must come within [`CSTRING_LIMIT_BYTES`].
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
        // An empty string has to be inside the memory too.
        self.read(addr, &mut [])?;
        let mut bytes = Vec::new();
        for at in 0..limit_bytes {
            // In bounds up to here, so the error names the byte that is not.
            let byte = self.load::<u8>(addr, at).map_err(|error| OutOfBounds {
                addr,
                offset: 0,
                len_bytes: at + 1,
                ..error
            })?;
            if byte == 0 {
                return utf8(addr, bytes);
            }
            let out_of_memory = |_| StringError::OutOfMemory { len_bytes: at + 1 };
            bytes.try_reserve(1).map_err(out_of_memory)?;
            bytes.push(byte);
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
        // A length that does not fit saturates to one that no memory has.
        let len_bytes = len_units.saturating_mul(2);
        let bytes = self.copy_out(addr, len_bytes, StringError::OutOfMemory { len_bytes })?;
        let (units, _) = bytes.as_chunks();
        decode_utf16(addr, units.iter().map(|unit| u16::from_le_bytes(*unit)))
    }

    /// Writes a string as UTF-16 at `addr`, little-endian and without a NUL, and returns its
    /// length in 16-bit units.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    pub fn write_utf16(&self, addr: u64, string: &str) -> Result<u64, OutOfBounds> {
        let len_units = string.encode_utf16().count() as u64;
        self.range(addr, 0, 2 * len_units)?;
        encode_utf16(string)
            .zip(0..)
            .try_for_each(|(unit, at)| self.write(addr + 2 * at, &unit))?;
        Ok(len_units)
    }
}

fn utf8(addr: u64, bytes: Vec<u8>) -> Result<String, StringError> {
    String::from_utf8(bytes).map_err(|error| StringError::InvalidUtf8 {
        addr: addr + error.utf8_error().valid_up_to() as u64,
    })
}
