//! How strings are told from bytes: UTF-8 and UTF-16.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::Utf8Error;

use crate::error::StringError;
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
        str::from_utf8(self.slice(addr, len_bytes)?).map_err(|error| not_utf8(addr, error))
    }
}

/// The string that the bytes at `addr` are.
pub(crate) fn into_utf8(addr: u64, bytes: Vec<u8>) -> Result<String, StringError> {
    String::from_utf8(bytes).map_err(|error| not_utf8(addr, error.utf8_error()))
}

fn not_utf8(addr: u64, error: Utf8Error) -> StringError {
    StringError::InvalidUtf8 { addr: addr + error.valid_up_to() as u64 }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryType, OutOfBounds, Pages};

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
    fn cstrings_fit_with_their_nul() {
        let mut memory = memory();
        memory.fill(65_530, b'x', 6).unwrap();
        memory.write_cstring(65_533, "ab").unwrap();
        assert_eq!(memory.slice(65_532, 4).unwrap(), b"xab\0");
        assert_eq!(memory.write_cstring(65_534, "cd"), Err(out_of_bounds(65_534, 3).into()));
        assert_eq!(memory.write_cstring(0, "a\0"), Err(StringError::InteriorNul { index: 1 }));
        assert_eq!(memory.slice(65_532, 4).unwrap(), b"xab\0");
        memory.write_cstring(65_535, "").unwrap();
        assert!(memory.write_cstring(65_536, "").is_err());
        assert!(memory.write_cstring(u64::MAX, "a").is_err());
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
