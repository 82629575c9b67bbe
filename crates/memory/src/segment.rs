//! [`DataSegment`]: bytes a module brings along.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::bounds;
use crate::error::SegmentOutOfBounds;

/// A data segment: bytes that [`LinearMemory::init`](crate::LinearMemory::init) copies from,
/// until they are dropped.
///
/// The bytes are shared, and may be a part of something larger such as the module they came
/// in: a clone copies no bytes. Each instance keeps a clone of its own, as `data.drop` in one
/// instance must not affect another.
///
/// ```
/// use lineal_memory::DataSegment;
///
/// let mut segment = DataSegment::from(&b"hello"[..]);
/// let other = segment.clone();
/// segment.drop_segment();
/// assert_eq!(segment.as_bytes(), b"");
/// assert_eq!(other.as_bytes(), b"hello");
/// ```
#[derive(Clone, Default)]
pub struct DataSegment {
    /// `None` once dropped. The range is inside the bytes.
    bytes: Option<(Arc<[u8]>, Range<usize>)>,
}

impl DataSegment {
    /// The part `range` (in bytes) of `bytes`, or `None` if `bytes` has no such part.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>, range: Range<usize>) -> Option<DataSegment> {
        bytes.get(range.clone())?;
        Some(DataSegment { bytes: Some((bytes, range)) })
    }

    /// The bytes; empty once dropped.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.bytes {
            Some((bytes, range)) => &bytes[range.clone()],
            None => &[],
        }
    }

    /// The length in bytes; 0 once dropped.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.as_bytes().len() as u64
    }

    /// Drops the segment, as `data.drop` does: from now on its length is 0. The bytes are
    /// freed with their last user.
    pub fn drop_segment(&mut self) {
        self.bytes = None;
    }

    /// The range of `len_bytes` bytes at `offset`.
    pub(crate) fn range(&self, offset: u64, len_bytes: u64) -> Result<&[u8], SegmentOutOfBounds> {
        let bytes = self.as_bytes();
        match bounds::check(offset, 0, len_bytes, bytes.len()) {
            Ok(start) => Ok(&bytes[start..][..len_bytes as usize]),
            Err(error) => {
                let segment_bytes = error.memory_bytes;
                Err(SegmentOutOfBounds { offset, len_bytes, segment_bytes })
            }
        }
    }
}

impl From<Arc<[u8]>> for DataSegment {
    fn from(bytes: Arc<[u8]>) -> DataSegment {
        let range = 0..bytes.len();
        DataSegment { bytes: Some((bytes, range)) }
    }
}

impl From<Vec<u8>> for DataSegment {
    fn from(bytes: Vec<u8>) -> DataSegment {
        DataSegment::from(Arc::<[u8]>::from(bytes))
    }
}

impl From<&[u8]> for DataSegment {
    fn from(bytes: &[u8]) -> DataSegment {
        DataSegment::from(Arc::<[u8]>::from(bytes))
    }
}

impl fmt::Debug for DataSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSegment").field("byte_len", &self.byte_len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_part_of_shared_bytes() {
        let module: Arc<[u8]> = Arc::from(&b"..data.."[..]);
        let segment = DataSegment::new(module.clone(), 2..6).unwrap();
        assert_eq!(segment.as_bytes(), b"data");
        assert_eq!(segment.byte_len(), 4);
        assert_eq!(Arc::strong_count(&module), 2);
        assert!(DataSegment::new(module.clone(), 2..9).is_none());
        let backwards = Range { start: 6, end: 2 };
        assert!(DataSegment::new(module, backwards).is_none());
    }

    #[test]
    fn dropping_frees_this_use_only() {
        let module: Arc<[u8]> = Arc::from(&b"data"[..]);
        let mut segment = DataSegment::from(module.clone());
        segment.drop_segment();
        segment.drop_segment();
        assert_eq!(segment.byte_len(), 0);
        assert_eq!(Arc::strong_count(&module), 1);
    }

    #[test]
    fn ranges_are_checked() {
        let mut segment = DataSegment::from(&b"data"[..]);
        assert_eq!(segment.range(1, 3), Ok(&b"ata"[..]));
        assert_eq!(segment.range(4, 0), Ok(&b""[..]));
        for (offset, len_bytes) in [(5, 0), (2, 3), (u64::MAX, 1), (1, u64::MAX)] {
            assert_eq!(
                segment.range(offset, len_bytes),
                Err(SegmentOutOfBounds { offset, len_bytes, segment_bytes: 4 })
            );
        }
        segment.drop_segment();
        assert_eq!(segment.range(0, 0), Ok(&b""[..]));
        assert!(segment.range(0, 1).is_err());
    }
}
