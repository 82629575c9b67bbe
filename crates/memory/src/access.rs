//! [`MemoryAccess`]: what hosts do with the contents of a memory, whichever kind it is.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{InitError, OutOfBounds, StringError};
use crate::linear::LinearMemory;
use crate::record::Record;
use crate::scalar::{Integer, Scalar};
use crate::segment::DataSegment;
#[cfg(target_has_atomic = "64")]
use crate::shared::SharedMemory;
use crate::strings::{CSTRING_LIMIT_BYTES, decode_utf16, into_utf8};

/// The contents of a [`LinearMemory`] or a [`SharedMemory`]: numbers, ranges of bytes and strings.
///
/// Use it to write code for both kinds of memory. Each of them also has all of these methods
/// itself, so code for one kind needs no `use`. The trait is sealed.
///
/// A shared memory is changed through a shared reference, so the trait is implemented for
/// `&SharedMemory`, as [`Write`](https://doc.rust-lang.org/std/io/trait.Write.html) is for `&File`.
///
/// ```
/// use lineal_memory::{LinearMemory, MemoryAccess, MemoryType, OutOfBounds, Pages, SharedMemory};
///
/// fn greet(memory: &mut impl MemoryAccess) -> Result<(), OutOfBounds> {
///     memory.store(0, 0, 5_u32)?;
///     memory.write_string(4, "hello")
/// }
///
/// let mut owned = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
/// greet(&mut owned)?;
/// let shared = SharedMemory::new(MemoryType::shared(Pages(1), Pages(1))?)?;
/// greet(&mut &shared)?;
/// assert_eq!(owned.read_string(4, 5)?, shared.read_string(4, 5)?);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub trait MemoryAccess: sealed::Ranges {
    /// The current size in bytes.
    fn byte_len(&self) -> u64;

    /// Loads the number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// When the number does not lie inside the memory entirely.
    fn load<T: Scalar>(&self, addr: u64, offset: u64) -> Result<T, OutOfBounds>;

    /// Stores a number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// When the number does not fit inside the memory entirely; nothing is stored then.
    fn store<T: Scalar>(&mut self, addr: u64, offset: u64, value: T) -> Result<(), OutOfBounds>;

    /// Fills `buffer` with the bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; `buffer` is unchanged then.
    fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds>;

    /// Writes `bytes` at `addr`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), OutOfBounds>;

    /// Sets `len_bytes` bytes at `addr` to `value`: `memory.fill`.
    ///
    /// # Errors
    ///
    /// When the range does not lie inside the memory entirely; nothing is written then.
    fn fill(&mut self, addr: u64, value: u8, len_bytes: u64) -> Result<(), OutOfBounds>;

    /// Copies `len_bytes` bytes from `src_addr` to `dst_addr`, which may overlap: `memory.copy`
    /// inside one memory.
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside the memory entirely; nothing is written then.
    fn copy_within(
        &mut self,
        dst_addr: u64,
        src_addr: u64,
        len_bytes: u64,
    ) -> Result<(), OutOfBounds>;

    /// Loads the narrow integer at `addr + offset` and extends it to a wider one: with its
    /// sign if `N` is signed, with zeros if not.
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// memory.store(0, 0, 0xff_u8)?;
    /// assert_eq!(memory.load_extend::<i8, i32>(0, 0)?, -1); // i32.load8_s
    /// assert_eq!(memory.load_extend::<u8, i32>(0, 0)?, 255); // i32.load8_u
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the narrow integer does not lie inside the memory entirely.
    #[inline]
    fn load_extend<N: Integer, W: Integer + From<N>>(
        &self,
        addr: u64,
        offset: u64,
    ) -> Result<W, OutOfBounds> {
        self.load::<N>(addr, offset).map(W::from)
    }

    /// Copies `len_bytes` bytes from `segment_offset` in a data segment to `dst_addr`:
    /// `memory.init`. From a dropped segment, only 0 bytes at offset 0 can be copied.
    ///
    /// ```
    /// use lineal_memory::{DataSegment, LinearMemory, MemoryType, Pages};
    ///
    /// let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// let segment = DataSegment::from(&b"hello, world"[..]);
    /// memory.init(100, &segment, 7, 5)?;
    /// assert_eq!(memory.slice(100, 5)?, b"world");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When one of the ranges does not lie inside the segment or the memory entirely; nothing
    /// is written then.
    #[inline]
    fn init(
        &mut self,
        dst_addr: u64,
        segment: &DataSegment,
        segment_offset: u64,
        len_bytes: u64,
    ) -> Result<(), InitError> {
        let src = segment.range(segment_offset, len_bytes)?;
        Ok(self.write(dst_addr, src)?)
    }

    /// Copies the UTF-8 string of `len_bytes` bytes at `addr`.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely, is not UTF-8, or is too long
    /// for the host to copy.
    fn read_string(&self, addr: u64, len_bytes: u64) -> Result<String, StringError> {
        into_utf8(addr, copy_out(self, addr, len_bytes)?)
    }

    /// Writes a string as UTF-8 at `addr`, without a NUL.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    fn write_string(&mut self, addr: u64, string: &str) -> Result<(), OutOfBounds> {
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
    fn read_cstring(&self, addr: u64) -> Result<String, StringError> {
        self.read_cstring_with_limit(addr, CSTRING_LIMIT_BYTES)
    }

    /// Copies the UTF-8 string at `addr` that a NUL ends, searching `limit_bytes` bytes for
    /// the NUL.
    ///
    /// # Errors
    ///
    /// When no NUL is among the first `limit_bytes` bytes; when none comes before the end of
    /// the memory; when the string is not UTF-8; or when it is too long for the host to copy.
    fn read_cstring_with_limit(&self, addr: u64, limit_bytes: u64) -> Result<String, StringError> {
        // An empty string has to be inside the memory too.
        self.check_range(addr, 0)?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 64];
        let mut searched_bytes = 0;
        while searched_bytes < limit_bytes {
            let to_end_bytes = self.byte_len() - addr - searched_bytes;
            let chunk_bytes = to_end_bytes.min(limit_bytes - searched_bytes).min(64);
            if chunk_bytes == 0 {
                // The NUL would have to be the byte after the last one.
                self.check_range(addr, searched_bytes + 1)?;
                continue;
            }
            let chunk = &mut chunk[..chunk_bytes as usize];
            self.read(addr + searched_bytes, chunk)?;
            searched_bytes += chunk_bytes;
            let nul = chunk.iter().position(|byte| *byte == 0);
            let text = &chunk[..nul.unwrap_or(chunk.len())];
            let len_bytes = (bytes.len() + text.len()) as u64;
            bytes.try_reserve(text.len()).map_err(|_| StringError::OutOfMemory { len_bytes })?;
            bytes.extend_from_slice(text);
            if nul.is_some() {
                return into_utf8(addr, bytes);
            }
        }
        Err(StringError::Unterminated { addr, limit_bytes })
    }

    /// Writes a string as UTF-8 at `addr` and a NUL after it.
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// memory.write_cstring(16, "grüße")?;
    /// assert_eq!(memory.read_cstring(16)?, "grüße");
    /// assert!(memory.write_cstring(16, "a\0b").is_err());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the string contains a NUL, or does not fit inside the memory entirely with the one
    /// after it; nothing is written then.
    fn write_cstring(&mut self, addr: u64, string: &str) -> Result<(), StringError> {
        if let Some(index) = string.bytes().position(|byte| byte == 0) {
            return Err(StringError::InteriorNul { index });
        }
        let len_bytes = string.len() as u64;
        self.check_range(addr, len_bytes + 1)?;
        self.write(addr, string.as_bytes())?;
        Ok(self.store(addr, len_bytes, 0_u8)?)
    }

    /// Fills `buffer` with the numbers from `addr` on. They need no alignment.
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// memory.write_slice(5, &[1_u32, 2, 3])?;
    /// let mut numbers = [0; 2];
    /// memory.read_slice::<u32>(9, &mut numbers)?;
    /// assert_eq!(numbers, [2, 3]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When they do not lie inside the memory entirely; `buffer` is unchanged then.
    fn read_slice<T: Scalar>(&self, addr: u64, buffer: &mut [T]) -> Result<(), OutOfBounds> {
        self.check_range(addr, size_of_val(buffer) as u64)?;
        buffer.iter_mut().zip(0..).try_for_each(|(number, index): (_, u64)| {
            *number = self.load(addr, index * T::WIDTH_BYTES)?;
            Ok(())
        })
    }

    /// Writes numbers from `addr` on. They need no alignment.
    ///
    /// # Errors
    ///
    /// When they do not fit inside the memory entirely; nothing is written then.
    fn write_slice<T: Scalar>(&mut self, addr: u64, numbers: &[T]) -> Result<(), OutOfBounds> {
        self.check_range(addr, size_of_val(numbers) as u64)?;
        numbers.iter().zip(0..).try_for_each(|(&number, index): (_, u64)| {
            self.store(addr, index * T::WIDTH_BYTES, number)
        })
    }

    /// Reads the structure at `addr`.
    ///
    /// # Errors
    ///
    /// When it does not lie inside the memory entirely.
    fn read_record<R: Record>(&self, addr: u64) -> Result<R, OutOfBounds>
    where
        Self: Sized,
    {
        self.check_range(addr, R::LEN_BYTES)?;
        R::load(self, addr)
    }

    /// Writes a structure at `addr`.
    ///
    /// # Errors
    ///
    /// When it does not fit inside the memory entirely; nothing is written then.
    fn write_record<R: Record>(&mut self, addr: u64, record: &R) -> Result<(), OutOfBounds>
    where
        Self: Sized,
    {
        self.check_range(addr, R::LEN_BYTES)?;
        record.store(self, addr)
    }

    /// Copies the UTF-16 string of `len_units` little-endian 16-bit units at `addr`. It needs
    /// no alignment.
    ///
    /// # Errors
    ///
    /// When the string does not lie inside the memory entirely, is not UTF-16, or is too long
    /// for the host to copy.
    fn read_utf16(&self, addr: u64, len_units: u64) -> Result<String, StringError> {
        // A length that does not fit saturates to one that no memory has.
        let bytes = copy_out(self, addr, len_units.saturating_mul(2))?;
        let (units, _) = bytes.as_chunks();
        decode_utf16(addr, units.iter().map(|unit| u16::from_le_bytes(*unit)))
    }

    /// Writes a string as UTF-16 at `addr`, little-endian and without a NUL, and returns its
    /// length in 16-bit units.
    ///
    /// # Errors
    ///
    /// When the string does not fit inside the memory entirely; nothing is written then.
    fn write_utf16(&mut self, addr: u64, string: &str) -> Result<u64, OutOfBounds> {
        let len_units = string.encode_utf16().count() as u64;
        self.check_range(addr, 2 * len_units)?;
        string
            .encode_utf16()
            .zip(0..)
            .try_for_each(|(unit, at): (u16, u64)| self.store(addr, 2 * at, unit))?;
        Ok(len_units)
    }
}

pub(crate) mod sealed {
    use crate::error::OutOfBounds;

    pub trait Ranges {
        /// Whether the `len_bytes` bytes at `addr` are inside the memory.
        fn check_range(&self, addr: u64, len_bytes: u64) -> Result<(), OutOfBounds>;
    }
}

/// Copies the bytes of a string.
fn copy_out(
    memory: &(impl MemoryAccess + ?Sized),
    addr: u64,
    len_bytes: u64,
) -> Result<Vec<u8>, StringError> {
    memory.check_range(addr, len_bytes)?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len_bytes as usize)
        .map_err(|_| StringError::OutOfMemory { len_bytes })?;
    bytes.resize(len_bytes as usize, 0);
    memory.read(addr, &mut bytes)?;
    Ok(bytes)
}

/// Ties a kind of memory to [`MemoryAccess`]: what the trait requires are the memory's own methods,
/// and what it provides become methods that need no `use`. `$Receiver` is what implements the
/// trait; `$Self` is the receiver of a method that changes the memory, and `$write` makes a
/// `&mut $Receiver` of it.
macro_rules! memory_access {
    ($Memory:ident, $Receiver:ty, $self:ident: $Self:ty, $read:expr, $write:expr) => {
        impl MemoryAccess for $Receiver {
            #[inline]
            fn byte_len(&self) -> u64 {
                $Memory::byte_len(self)
            }

            #[inline]
            fn load<T: Scalar>(&self, addr: u64, offset: u64) -> Result<T, OutOfBounds> {
                $Memory::load(self, addr, offset)
            }

            #[inline]
            fn store<T: Scalar>(
                &mut self,
                addr: u64,
                offset: u64,
                value: T,
            ) -> Result<(), OutOfBounds> {
                $Memory::store(self, addr, offset, value)
            }

            #[inline]
            fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
                $Memory::read(self, addr, buffer)
            }

            #[inline]
            fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
                $Memory::write(self, addr, bytes)
            }

            #[inline]
            fn fill(&mut self, addr: u64, value: u8, len_bytes: u64) -> Result<(), OutOfBounds> {
                $Memory::fill(self, addr, value, len_bytes)
            }

            #[inline]
            fn copy_within(
                &mut self,
                dst_addr: u64,
                src_addr: u64,
                len_bytes: u64,
            ) -> Result<(), OutOfBounds> {
                $Memory::copy_within(self, dst_addr, src_addr, len_bytes)
            }
        }

        impl sealed::Ranges for $Receiver {
            fn check_range(&self, addr: u64, len_bytes: u64) -> Result<(), OutOfBounds> {
                self.range(addr, len_bytes).map(drop)
            }
        }

        /// The methods of [`MemoryAccess`], which says more of each.
        impl $Memory {
            /// Loads a narrow integer and extends it: with its sign if `N` is signed, with zeros
            /// if not. See [`MemoryAccess::load_extend`].
            ///
            /// # Errors
            ///
            /// When the narrow integer does not lie inside the memory entirely.
            #[inline]
            pub fn load_extend<N: Integer, W: Integer + From<N>>(
                &$self,
                addr: u64,
                offset: u64,
            ) -> Result<W, OutOfBounds> {
                MemoryAccess::load_extend::<N, W>($read, addr, offset)
            }

            /// Copies from a data segment: `memory.init`. See
            /// [`MemoryAccess::init`].
            ///
            /// # Errors
            ///
            /// When one of the ranges does not lie inside the segment or the memory entirely;
            /// nothing is written then.
            #[inline]
            pub fn init(
                $self: $Self,
                dst_addr: u64,
                segment: &DataSegment,
                segment_offset: u64,
                len_bytes: u64,
            ) -> Result<(), InitError> {
                MemoryAccess::init($write, dst_addr, segment, segment_offset, len_bytes)
            }

            /// Copies a UTF-8 string. See
            /// [`MemoryAccess::read_string`].
            ///
            /// # Errors
            ///
            /// When the string does not lie inside the memory entirely, is not UTF-8, or is too
            /// long for the host to copy.
            pub fn read_string(&$self, addr: u64, len_bytes: u64) -> Result<String, StringError> {
                MemoryAccess::read_string($read, addr, len_bytes)
            }

            /// Writes a string as UTF-8, without a NUL. See
            /// [`MemoryAccess::write_string`].
            ///
            /// # Errors
            ///
            /// When the string does not fit inside the memory entirely; nothing is written then.
            pub fn write_string($self: $Self, addr: u64, string: &str) -> Result<(), OutOfBounds> {
                MemoryAccess::write_string($write, addr, string)
            }

            /// Copies the UTF-8 string that a NUL within 4096 bytes ends. See
            /// [`MemoryAccess::read_cstring`].
            ///
            /// # Errors
            ///
            /// See [`read_cstring_with_limit`](Self::read_cstring_with_limit).
            pub fn read_cstring(&$self, addr: u64) -> Result<String, StringError> {
                MemoryAccess::read_cstring($read, addr)
            }

            /// Copies the UTF-8 string that a NUL within `limit_bytes` bytes ends. See
            /// [`MemoryAccess::read_cstring_with_limit`].
            ///
            /// # Errors
            ///
            /// When no NUL is among the first `limit_bytes` bytes; when none comes before the end
            /// of the memory; when the string is not UTF-8; or when it is too long for the host
            /// to copy.
            pub fn read_cstring_with_limit(
                &$self,
                addr: u64,
                limit_bytes: u64,
            ) -> Result<String, StringError> {
                MemoryAccess::read_cstring_with_limit($read, addr, limit_bytes)
            }

            /// Writes a string as UTF-8 and a NUL after it. See [`MemoryAccess::write_cstring`].
            ///
            /// # Errors
            ///
            /// When the string contains a NUL, or does not fit inside the memory entirely with
            /// the one after it; nothing is written then.
            pub fn write_cstring($self: $Self, addr: u64, string: &str) -> Result<(), StringError> {
                MemoryAccess::write_cstring($write, addr, string)
            }

            /// Fills `buffer` with numbers. See [`MemoryAccess::read_slice`].
            ///
            /// # Errors
            ///
            /// When they do not lie inside the memory entirely; `buffer` is unchanged then.
            pub fn read_slice<T: Scalar>(
                &$self,
                addr: u64,
                buffer: &mut [T],
            ) -> Result<(), OutOfBounds> {
                MemoryAccess::read_slice($read, addr, buffer)
            }

            /// Writes numbers. See [`MemoryAccess::write_slice`].
            ///
            /// # Errors
            ///
            /// When they do not fit inside the memory entirely; nothing is written then.
            pub fn write_slice<T: Scalar>(
                $self: $Self,
                addr: u64,
                numbers: &[T],
            ) -> Result<(), OutOfBounds> {
                MemoryAccess::write_slice($write, addr, numbers)
            }

            /// Reads a structure. See [`Record`].
            ///
            /// # Errors
            ///
            /// When it does not lie inside the memory entirely.
            pub fn read_record<R: Record>(&$self, addr: u64) -> Result<R, OutOfBounds> {
                MemoryAccess::read_record($read, addr)
            }

            /// Writes a structure. See [`Record`].
            ///
            /// # Errors
            ///
            /// When it does not fit inside the memory entirely; nothing is written then.
            pub fn write_record<R: Record>(
                $self: $Self,
                addr: u64,
                record: &R,
            ) -> Result<(), OutOfBounds> {
                MemoryAccess::write_record($write, addr, record)
            }

            /// Copies a UTF-16 string. See
            /// [`MemoryAccess::read_utf16`].
            ///
            /// # Errors
            ///
            /// When the string does not lie inside the memory entirely, is not UTF-16, or is too
            /// long for the host to copy.
            pub fn read_utf16(&$self, addr: u64, len_units: u64) -> Result<String, StringError> {
                MemoryAccess::read_utf16($read, addr, len_units)
            }

            /// Writes a string as UTF-16, without a NUL, and returns its length in 16-bit units.
            /// See [`MemoryAccess::write_utf16`].
            ///
            /// # Errors
            ///
            /// When the string does not fit inside the memory entirely; nothing is written then.
            pub fn write_utf16($self: $Self, addr: u64, string: &str) -> Result<u64, OutOfBounds> {
                MemoryAccess::write_utf16($write, addr, string)
            }
        }
    };
}

memory_access!(LinearMemory, LinearMemory, self: &mut Self, self, self);
#[cfg(target_has_atomic = "64")]
memory_access!(SharedMemory, &SharedMemory, self: &Self, &self, &mut &*self);
