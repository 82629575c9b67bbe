//! Typed views: a range of a memory as an array of numbers.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::slice::ChunksExact;

use crate::error::{IndexOutOfRange, OutOfBounds};
use crate::linear::LinearMemory;
use crate::scalar::Scalar;

impl LinearMemory {
    /// The `count` numbers from `addr` on, as an array. They need no alignment.
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// memory.write(1, &[1, 0, 2, 0, 3, 0])?;
    /// let view = memory.view::<u16>(1, 3)?;
    /// assert_eq!(view.get(2)?, 3);
    /// assert_eq!(view.iter().sum::<u16>(), 6);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the array does not lie inside the memory entirely.
    pub fn view<T: Scalar>(&self, addr: u64, count: u64) -> Result<View<'_, T>, OutOfBounds> {
        // A length that does not fit saturates to one that no memory has.
        let bytes = self.slice(addr, count.saturating_mul(T::WIDTH_BYTES))?;
        Ok(View { bytes, numbers: PhantomData })
    }

    /// The `count` numbers from `addr` on, as an array that can be changed.
    ///
    /// ```
    /// # use lineal_memory::{LinearMemory, MemoryType, Pages};
    /// # let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
    /// let mut view = memory.view_mut::<f32>(4, 10)?;
    /// view.set(9, 0.5)?;
    /// assert!(view.set(10, 0.5).is_err());
    /// assert_eq!(memory.load::<f32>(40, 0)?, 0.5);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the array does not lie inside the memory entirely.
    pub fn view_mut<T: Scalar>(
        &mut self,
        addr: u64,
        count: u64,
    ) -> Result<ViewMut<'_, T>, OutOfBounds> {
        let bytes = self.slice_mut(addr, count.saturating_mul(T::WIDTH_BYTES))?;
        Ok(ViewMut { bytes, numbers: PhantomData })
    }
}

/// An array of numbers in a memory; see [`LinearMemory::view`].
pub struct View<'m, T> {
    /// A whole number of elements.
    bytes: &'m [u8],
    numbers: PhantomData<T>,
}

impl<'m, T: Scalar> View<'m, T> {
    /// The number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / width::<T>()
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The element at `index`.
    ///
    /// # Errors
    ///
    /// When there are not that many elements.
    #[inline]
    pub fn get(&self, index: usize) -> Result<T, IndexOutOfRange> {
        self.iter().nth(index).ok_or(IndexOutOfRange { index, len: self.len() })
    }

    /// The elements in order.
    #[inline]
    pub fn iter(&self) -> ViewIter<'m, T> {
        ViewIter { chunks: self.bytes.chunks_exact(width::<T>()), numbers: PhantomData }
    }
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

impl<T: Scalar + fmt::Debug> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'m, T: Scalar> IntoIterator for View<'m, T> {
    type Item = T;
    type IntoIter = ViewIter<'m, T>;

    fn into_iter(self) -> ViewIter<'m, T> {
        self.iter()
    }
}

impl<'m, T: Scalar> IntoIterator for &View<'m, T> {
    type Item = T;
    type IntoIter = ViewIter<'m, T>;

    fn into_iter(self) -> ViewIter<'m, T> {
        self.iter()
    }
}

/// An array of numbers in a memory that can be changed; see [`LinearMemory::view_mut`].
pub struct ViewMut<'m, T> {
    /// A whole number of elements.
    bytes: &'m mut [u8],
    numbers: PhantomData<T>,
}

impl<T: Scalar> ViewMut<'_, T> {
    /// The same array, to be read; for iteration too.
    #[inline]
    #[must_use]
    pub fn as_view(&self) -> View<'_, T> {
        View { bytes: self.bytes, numbers: PhantomData }
    }

    /// The number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_view().len()
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The element at `index`.
    ///
    /// # Errors
    ///
    /// When there are not that many elements.
    #[inline]
    pub fn get(&self, index: usize) -> Result<T, IndexOutOfRange> {
        self.as_view().get(index)
    }

    /// Sets the element at `index`.
    ///
    /// # Errors
    ///
    /// When there are not that many elements.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) -> Result<(), IndexOutOfRange> {
        let len = self.len();
        let chunk = self.bytes.chunks_exact_mut(width::<T>()).nth(index);
        let chunk = chunk.ok_or(IndexOutOfRange { index, len })?;
        chunk.copy_from_slice(value.into_bytes().as_ref());
        Ok(())
    }

    /// The elements in order.
    #[inline]
    pub fn iter(&self) -> ViewIter<'_, T> {
        self.as_view().iter()
    }
}

impl<T: Scalar + fmt::Debug> fmt::Debug for ViewMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_view().fmt(f)
    }
}

impl<'v, T: Scalar> IntoIterator for &'v ViewMut<'_, T> {
    type Item = T;
    type IntoIter = ViewIter<'v, T>;

    fn into_iter(self) -> ViewIter<'v, T> {
        self.iter()
    }
}

/// The elements of a [`View`], from both ends.
#[derive(Clone)]
pub struct ViewIter<'m, T> {
    chunks: ChunksExact<'m, u8>,
    numbers: PhantomData<T>,
}

impl<T: Scalar> Iterator for ViewIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.chunks.next().map(number)
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<T> {
        self.chunks.nth(n).map(number)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.chunks.size_hint()
    }
}

impl<T: Scalar> DoubleEndedIterator for ViewIter<'_, T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.chunks.next_back().map(number)
    }

    #[inline]
    fn nth_back(&mut self, n: usize) -> Option<T> {
        self.chunks.nth_back(n).map(number)
    }
}

impl<T: Scalar> ExactSizeIterator for ViewIter<'_, T> {}

impl<T: Scalar> FusedIterator for ViewIter<'_, T> {}

impl<T> fmt::Debug for ViewIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewIter").finish_non_exhaustive()
    }
}

const fn width<T: Scalar>() -> usize {
    T::WIDTH_BYTES as usize
}

/// The number that a chunk of its width holds.
#[inline]
fn number<T: Scalar>(chunk: &[u8]) -> T {
    let mut bytes = T::Bytes::default();
    bytes.as_mut().copy_from_slice(chunk);
    T::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryType, Pages};
    use alloc::format;
    use alloc::vec::Vec;

    fn memory() -> LinearMemory {
        LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap()
    }

    #[test]
    fn reads_little_endian_at_any_address() {
        let mut memory = memory();
        memory.write(3, &[1, 2, 3, 4, 5, 6]).unwrap();
        let view = memory.view::<u16>(3, 3).unwrap();
        assert_eq!(view.iter().collect::<Vec<_>>(), [0x0201, 0x0403, 0x0605]);
        assert_eq!(view.iter().rev().collect::<Vec<_>>(), [0x0605, 0x0403, 0x0201]);
        assert_eq!(view.into_iter().nth_back(1), Some(0x0403));
        assert_eq!((&view).into_iter().len(), 3);
        assert_eq!(format!("{view:?}"), "[513, 1027, 1541]");
    }

    #[test]
    fn indices_are_checked() {
        let mut memory = memory();
        let mut view = memory.view_mut::<u128>(65_536 - 32, 2).unwrap();
        assert_eq!((view.len(), view.is_empty()), (2, false));
        assert_eq!(view.set(1, u128::MAX), Ok(()));
        assert_eq!(view.get(1), Ok(u128::MAX));
        for index in [2, usize::MAX] {
            assert_eq!(view.set(index, 0), Err(IndexOutOfRange { index, len: 2 }));
            assert_eq!(view.get(index), Err(IndexOutOfRange { index, len: 2 }));
        }
        assert_eq!((&view).into_iter().collect::<Vec<_>>(), [0, u128::MAX]);
    }

    #[test]
    fn ranges_are_checked() {
        let memory = memory();
        assert!(memory.view::<u16>(65_536, 0).unwrap().is_empty());
        assert!(memory.view::<u16>(65_535, 1).is_err());
        assert!(memory.view::<u64>(0, 8_192).is_ok());
        assert!(memory.view::<u64>(0, 8_193).is_err());
        // 2^61 elements of 8 bytes are 2^64 bytes, which must not wrap to none.
        assert!(memory.view::<u64>(0, 1 << 61).is_err());
        assert!(memory.view::<u8>(0, u64::MAX).is_err());
    }
}
