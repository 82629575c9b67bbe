//! What hosts do with the contents of a [`Memory`]: numbers, arrays and strings, each in one call.

use lineal_memory::{Record, Scalar, View, ViewMut};

use crate::api::memory::Memory;
use crate::api::memory::error::MemoryAccessError;
use crate::api::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};

/// Contents. Numbers are little-endian and need no alignment.
///
/// ```
/// use lineal::{Memory, MemoryType, Store};
///
/// let mut store = Store::<()>::default();
/// let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
///
/// memory.store(&mut store, 16, 0.5_f64)?;
/// assert_eq!(memory.load::<f64>(&store, 16)?, 0.5);
///
/// memory.write_cstring(&mut store, 32, "grüße")?;
/// assert_eq!(memory.read_cstring(&store, 32)?, "grüße");
///
/// memory.write_slice(&mut store, 48, &[1_u32, 2])?;
/// let mut numbers = [0_u32; 2];
/// memory.read_slice(&store, 48, &mut numbers)?;
/// assert_eq!(numbers, [1, 2]);
///
/// memory.view_mut::<u16, _>(&mut store, 64, 3)?.set(1, 7)?;
/// assert_eq!(memory.view::<u16, _>(&store, 64, 3)?.iter().collect::<Vec<_>>(), [0, 7, 0]);
///
/// let error = memory.load::<u32>(&store, 65_534).unwrap_err();
/// assert_eq!(error.out_of_bounds().map(|error| error.memory_bytes), Some(65_536));
/// # Ok::<(), lineal::Error>(())
/// ```
impl Memory {
    /// The number at an address.
    ///
    /// # Errors
    ///
    /// If it is not inside the memory entirely.
    pub fn load<N: Scalar>(
        &self,
        store: impl AsContext,
        addr: u64,
    ) -> Result<N, MemoryAccessError> {
        let store = store.as_context();
        let number = self.linear(&store).load(addr, 0)?;
        self.note_read(store.core(), addr, size_of::<N>() as u64);
        Ok(number)
    }

    /// Writes a number to an address.
    ///
    /// # Errors
    ///
    /// If it does not fit inside the memory entirely; nothing is written then.
    pub fn store<N: Scalar>(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        value: N,
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let len_bytes = size_of::<N>() as u64;
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.store(addr, 0, value))?)
    }

    /// The `count` numbers from an address on, as an array.
    ///
    /// # Errors
    ///
    /// If they are not inside the memory entirely.
    pub fn view<'a, N: Scalar, T: 'a>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
        addr: u64,
        count: u64,
    ) -> Result<View<'a, N>, MemoryAccessError> {
        let store = store.into();
        self.note_read(store.core(), addr, count.saturating_mul(size_of::<N>() as u64));
        Ok(self.linear(store).view(addr, count)?)
    }

    /// The `count` numbers from an address on, as an array that can be changed.
    ///
    /// # Errors
    ///
    /// If they are not inside the memory entirely.
    pub fn view_mut<'a, N: Scalar, T: 'a>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
        addr: u64,
        count: u64,
    ) -> Result<ViewMut<'a, N>, MemoryAccessError> {
        let mut store = store.into();
        let len_bytes = count.saturating_mul(size_of::<N>() as u64);
        self.lend(&mut store, Some((addr, len_bytes)));
        Ok(self.handle().get_mut(&mut store.0.core).linear_mut().view_mut(addr, count)?)
    }

    /// The `len_bytes` bytes from an address on.
    ///
    /// # Errors
    ///
    /// If they are not all inside the memory.
    pub fn slice<'a, T: 'a>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
        addr: u64,
        len_bytes: u64,
    ) -> Result<&'a [u8], MemoryAccessError> {
        let store = store.into();
        self.note_read(store.core(), addr, len_bytes);
        Ok(self.linear(store).slice(addr, len_bytes)?)
    }

    /// The `len_bytes` bytes from an address on, to be changed.
    ///
    /// # Errors
    ///
    /// If they are not all inside the memory.
    pub fn slice_mut<'a, T: 'a>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
        addr: u64,
        len_bytes: u64,
    ) -> Result<&'a mut [u8], MemoryAccessError> {
        let mut store = store.into();
        self.lend(&mut store, Some((addr, len_bytes)));
        let entity = self.handle().get_mut(&mut store.0.core);
        Ok(entity.linear_mut().slice_mut(addr, len_bytes)?)
    }

    /// The UTF-8 string of `len_bytes` bytes at an address.
    ///
    /// # Errors
    ///
    /// If it is not inside the memory entirely, or not UTF-8.
    pub fn read_str<'a, T: 'a>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
        addr: u64,
        len_bytes: u64,
    ) -> Result<&'a str, MemoryAccessError> {
        let store = store.into();
        self.note_read(store.core(), addr, len_bytes);
        Ok(self.linear(store).read_str(addr, len_bytes)?)
    }

    /// A copy of the UTF-8 string of `len_bytes` bytes at an address.
    ///
    /// # Errors
    ///
    /// If it is not inside the memory entirely, or not UTF-8, or too long for the host to copy.
    pub fn read_string(
        &self,
        store: impl AsContext,
        addr: u64,
        len_bytes: u64,
    ) -> Result<String, MemoryAccessError> {
        let store = store.as_context();
        self.note_read(store.core(), addr, len_bytes);
        Ok(self.linear(store).read_string(addr, len_bytes)?)
    }

    /// Writes a string as UTF-8, without a NUL.
    ///
    /// # Errors
    ///
    /// If it does not fit inside the memory entirely; nothing is written then.
    pub fn write_string(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        string: &str,
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let len_bytes = string.len() as u64;
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.write_string(addr, string))?)
    }

    /// A copy of the UTF-8 string at an address that a NUL ends, within 4,096 bytes.
    ///
    /// # Errors
    ///
    /// If no NUL comes within that or before the end of the memory, or if it is not UTF-8.
    pub fn read_cstring(
        &self,
        store: impl AsContext,
        addr: u64,
    ) -> Result<String, MemoryAccessError> {
        let store = store.as_context();
        let string = self.linear(&store).read_cstring(addr)?;
        self.note_read(store.core(), addr, string.len() as u64 + 1);
        Ok(string)
    }

    /// Writes a string as UTF-8 and a NUL after it.
    ///
    /// # Errors
    ///
    /// If the string contains a NUL, or does not fit inside the memory entirely with the one after
    /// it; nothing is written then.
    pub fn write_cstring(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        string: &str,
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let len_bytes = string.len() as u64 + 1;
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.write_cstring(addr, string))?)
    }

    /// Fills a buffer with the numbers from an address on.
    ///
    /// # Errors
    ///
    /// If they are not inside the memory entirely; the buffer is unchanged then.
    pub fn read_slice<N: Scalar>(
        &self,
        store: impl AsContext,
        addr: u64,
        buffer: &mut [N],
    ) -> Result<(), MemoryAccessError> {
        let store = store.as_context();
        self.note_read(store.core(), addr, size_of_val(buffer) as u64);
        Ok(self.linear(&store).read_slice(addr, buffer)?)
    }

    /// Writes numbers from an address on.
    ///
    /// # Errors
    ///
    /// If they do not fit inside the memory entirely; nothing is written then.
    pub fn write_slice<N: Scalar>(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        numbers: &[N],
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let len_bytes = size_of_val(numbers) as u64;
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.write_slice(addr, numbers))?)
    }

    /// Reads a structure; see [`lineal_memory::Record`].
    ///
    /// # Errors
    ///
    /// If it is not inside the memory entirely.
    pub fn read_record<R: Record>(
        &self,
        store: impl AsContext,
        addr: u64,
    ) -> Result<R, MemoryAccessError> {
        let store = store.as_context();
        self.note_read(store.core(), addr, R::LEN_BYTES);
        Ok(self.linear(&store).read_record(addr)?)
    }

    /// Writes a structure; see [`lineal_memory::Record`].
    ///
    /// # Errors
    ///
    /// If it does not fit inside the memory entirely; nothing is written then.
    pub fn write_record<R: Record>(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        record: &R,
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        Ok(self
            .change(&mut store, addr, R::LEN_BYTES, |memory| memory.write_record(addr, record))?)
    }

    /// A copy of the UTF-16 string of `len_units` 16-bit units at an address.
    ///
    /// # Errors
    ///
    /// If it is not inside the memory entirely, or not UTF-16, or too long for the host to copy.
    pub fn read_utf16(
        &self,
        store: impl AsContext,
        addr: u64,
        len_units: u64,
    ) -> Result<String, MemoryAccessError> {
        let store = store.as_context();
        self.note_read(store.core(), addr, len_units.saturating_mul(2));
        Ok(self.linear(store).read_utf16(addr, len_units)?)
    }

    /// Writes a string as UTF-16, without a NUL, and returns its length in 16-bit units.
    ///
    /// # Errors
    ///
    /// If it does not fit inside the memory entirely; nothing is written then.
    pub fn write_utf16(
        &self,
        mut store: impl AsContextMut,
        addr: u64,
        string: &str,
    ) -> Result<u64, MemoryAccessError> {
        let mut store = store.as_context_mut();
        let len_bytes = string.encode_utf16().count() as u64 * 2;
        Ok(self.change(&mut store, addr, len_bytes, |memory| memory.write_utf16(addr, string))?)
    }
}
