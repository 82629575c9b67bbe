//! [`Record`]: structures of the guest's as values of the host's.

use crate::access::MemoryAccess;
use crate::error::OutOfBounds;

/// A structure that guest and host both know: which number is at which offset.
///
/// Implement it with [`MemoryAccess::load`] and [`MemoryAccess::store`], a line for each field. Nothing
/// depends on how Rust lays out the type, and nothing is unsafe.
///
/// ```
/// use lineal_memory::{LinearMemory, MemoryAccess, MemoryType, OutOfBounds, Pages, Record};
///
/// // struct point { uint8_t kind; double x, y; };
/// #[derive(Debug, PartialEq)]
/// struct Point { kind: u8, x: f64, y: f64 }
///
/// impl Record for Point {
///     const LEN_BYTES: u64 = 24;
///
///     fn load(memory: &impl MemoryAccess, addr: u64) -> Result<Point, OutOfBounds> {
///         Ok(Point { kind: memory.load(addr, 0)?, x: memory.load(addr, 8)?, y: memory.load(addr, 16)? })
///     }
///
///     fn store(&self, memory: &mut impl MemoryAccess, addr: u64) -> Result<(), OutOfBounds> {
///         memory.store(addr, 0, self.kind)?;
///         memory.store(addr, 8, self.x)?;
///         memory.store(addr, 16, self.y)
///     }
/// }
///
/// let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None)?)?;
/// memory.write_record(64, &Point { kind: 7, x: 0.5, y: -1.0 })?;
/// assert_eq!(memory.load::<f64>(64, 16)?, -1.0);
/// assert_eq!(memory.read_record::<Point>(64)?.x, 0.5);
/// assert!(memory.read_record::<Point>(65_536 - 23).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub trait Record: Sized {
    /// The number of bytes in memory, with all padding.
    const LEN_BYTES: u64;

    /// Reads the fields of the structure at `addr`.
    ///
    /// # Errors
    ///
    /// When one of them does not lie inside the memory.
    fn load(memory: &impl MemoryAccess, addr: u64) -> Result<Self, OutOfBounds>;

    /// Writes the fields of the structure at `addr`.
    ///
    /// # Errors
    ///
    /// When one of them does not lie inside the memory.
    fn store(&self, memory: &mut impl MemoryAccess, addr: u64) -> Result<(), OutOfBounds>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinearMemory, MemoryType, Pages};

    #[derive(Debug, PartialEq)]
    struct Pair(u16, u64);

    impl Record for Pair {
        const LEN_BYTES: u64 = 16;

        fn load(memory: &impl MemoryAccess, addr: u64) -> Result<Pair, OutOfBounds> {
            Ok(Pair(memory.load(addr, 0)?, memory.load(addr, 8)?))
        }

        fn store(&self, memory: &mut impl MemoryAccess, addr: u64) -> Result<(), OutOfBounds> {
            memory.store(addr, 0, self.0)?;
            memory.store(addr, 8, self.1)
        }
    }

    fn check(memory: &mut impl MemoryAccess) {
        let len_bytes = memory.byte_len();
        memory.write_record(len_bytes - 16, &Pair(1, 2)).unwrap();
        assert_eq!(memory.read_record(len_bytes - 16), Ok(Pair(1, 2)));
        // The first field would fit.
        let error = memory.write_record(len_bytes - 15, &Pair(0xffff, 3)).unwrap_err();
        assert_eq!((error.addr, error.len_bytes), (len_bytes - 15, 16));
        assert_eq!(memory.read_record(len_bytes - 16), Ok(Pair(1, 2)));
        assert!(memory.read_record::<Pair>(u64::MAX).is_err());

        memory.write_slice(len_bytes - 12, &[1_u32, 2, 3]).unwrap();
        let mut numbers = [7_u32; 3];
        memory.read_slice(len_bytes - 12, &mut numbers).unwrap();
        assert_eq!(numbers, [1, 2, 3]);
        let error = memory.write_slice(len_bytes - 11, &[9_u32; 3]).unwrap_err();
        assert_eq!((error.addr, error.len_bytes), (len_bytes - 11, 12));
        assert!(memory.read_slice(len_bytes - 7, &mut numbers[..2]).is_err());
        assert_eq!(numbers, [1, 2, 3]);
        memory.read_slice(len_bytes - 12, &mut numbers).unwrap();
        assert_eq!(numbers, [1, 2, 3]);
        memory.write_slice::<u64>(len_bytes, &[]).unwrap();
        assert!(memory.write_slice::<u64>(len_bytes + 1, &[]).is_err());
    }

    #[test]
    fn records_and_slices_are_inside_entirely() {
        check(&mut LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap());
        #[cfg(target_has_atomic = "64")]
        check(
            &mut &crate::SharedMemory::new(MemoryType::shared(Pages(1), Pages(1)).unwrap())
                .unwrap(),
        );
    }
}
