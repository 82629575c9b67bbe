//! Atomic accesses, which the threads proposal allows on any memory: loads, stores,
//! read-modify-writes and compare-exchanges, all sequentially consistent.
//!
//! They need an aligned effective address. What waits and wakes is in [`wait`](crate::wait).

use core::sync::atomic::Ordering::SeqCst;
use core::time::Duration;

use crate::bounds;
use crate::error::{AtomicError, Unaligned};
use crate::linear::LinearMemory;
use crate::scalar::Integer;
use crate::wait::WaitResult;

/// An [`Integer`] that can be accessed atomically: `u8`, `u16`, `u32` or `u64`.
///
/// Atomic instructions extend with zeros only, so there are no signed ones.
pub trait AtomicInteger: Integer + sealed::AtomicInteger {}

/// What a read-modify-write does to the number in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RmwOp {
    /// Adds the operand, wrapping around.
    Add,
    /// Subtracts the operand, wrapping around.
    Sub,
    /// The bits set in both.
    And,
    /// The bits set in one or both.
    Or,
    /// The bits set in exactly one.
    Xor,
    /// The operand itself: an exchange.
    Xchg,
}

pub(crate) mod sealed {
    use super::RmwOp;

    /// # Safety
    ///
    /// `Cell` must be the atomic type of the same width.
    pub unsafe trait AtomicInteger: Copy {
        /// Holds the number in little-endian form.
        type Cell;

        fn cell(value: Self) -> Self::Cell;
        fn load(cell: &Self::Cell) -> Self;
        fn store(cell: &Self::Cell, value: Self);
        /// Returns what was there before.
        fn rmw(cell: &Self::Cell, op: RmwOp, operand: Self) -> Self;
        /// Returns what was there before; that is `expected` if the number was replaced.
        fn compare_exchange(cell: &Self::Cell, expected: Self, replacement: Self) -> Self;
    }
}

macro_rules! atomic_integers {
    ($($ty:ty: $atomic:ident;)*) => {$(
        // SAFETY: the widths agree.
        unsafe impl sealed::AtomicInteger for $ty {
            type Cell = core::sync::atomic::$atomic;

            #[inline(always)]
            fn cell(value: $ty) -> Self::Cell {
                Self::Cell::new(value.to_le())
            }

            #[inline(always)]
            fn load(cell: &Self::Cell) -> $ty {
                <$ty>::from_le(cell.load(SeqCst))
            }

            #[inline(always)]
            fn store(cell: &Self::Cell, value: $ty) {
                cell.store(value.to_le(), SeqCst);
            }

            #[inline(always)]
            fn rmw(cell: &Self::Cell, op: RmwOp, operand: $ty) -> $ty {
                // Carries go the other way round where the host is big-endian.
                let update = |compute: fn($ty, $ty) -> $ty| {
                    let compute_le = |old| Some(compute(<$ty>::from_le(old), operand).to_le());
                    match cell.fetch_update(SeqCst, SeqCst, compute_le) {
                        Ok(old) | Err(old) => old,
                    }
                };
                let operand_le = operand.to_le();
                <$ty>::from_le(match op {
                    RmwOp::And => cell.fetch_and(operand_le, SeqCst),
                    RmwOp::Or => cell.fetch_or(operand_le, SeqCst),
                    RmwOp::Xor => cell.fetch_xor(operand_le, SeqCst),
                    RmwOp::Xchg => cell.swap(operand_le, SeqCst),
                    RmwOp::Add if cfg!(target_endian = "little") => {
                        cell.fetch_add(operand_le, SeqCst)
                    }
                    RmwOp::Sub if cfg!(target_endian = "little") => {
                        cell.fetch_sub(operand_le, SeqCst)
                    }
                    RmwOp::Add => update(<$ty>::wrapping_add),
                    RmwOp::Sub => update(<$ty>::wrapping_sub),
                })
            }

            #[inline(always)]
            fn compare_exchange(cell: &Self::Cell, expected: $ty, replacement: $ty) -> $ty {
                match cell.compare_exchange(expected.to_le(), replacement.to_le(), SeqCst, SeqCst) {
                    Ok(old) | Err(old) => <$ty>::from_le(old),
                }
            }
        }

        impl AtomicInteger for $ty {}
    )*};
}

atomic_integers! {
    u8: AtomicU8;
    u16: AtomicU16;
    u32: AtomicU32;
    u64: AtomicU64;
}

/// The bounds check of an access that needs alignment.
#[inline(always)]
pub(crate) fn check(
    addr: u64,
    offset: u64,
    width_bytes: u64,
    memory_bytes: usize,
) -> Result<usize, AtomicError> {
    // Where the sum wraps around, its low bits are still right.
    if !addr.wrapping_add(offset).is_multiple_of(width_bytes) {
        return Err(Unaligned { addr, offset, align_bytes: width_bytes }.into());
    }
    Ok(bounds::check(addr, offset, width_bytes, memory_bytes)?)
}

/// Orders all atomic accesses before it, in any memory, before all those after it:
/// `atomic.fence`.
#[inline]
pub fn atomic_fence() {
    core::sync::atomic::fence(SeqCst);
}

/// Atomic accesses. Only the owner has access to a `LinearMemory`, so they differ from others
/// just in what they compute and in that they need alignment.
impl LinearMemory {
    /// Loads the number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// When the effective address is not a multiple of the width, or the number does not lie
    /// inside the memory entirely.
    #[inline]
    pub fn atomic_load<T: AtomicInteger>(&self, addr: u64, offset: u64) -> Result<T, AtomicError> {
        check(addr, offset, T::WIDTH_BYTES, self.as_slice().len())?;
        Ok(self.load(addr, offset)?)
    }

    /// Stores a number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_store<T: AtomicInteger>(
        &mut self,
        addr: u64,
        offset: u64,
        value: T,
    ) -> Result<(), AtomicError> {
        check(addr, offset, T::WIDTH_BYTES, self.as_slice().len())?;
        Ok(self.store(addr, offset, value)?)
    }

    /// Replaces the number at `addr + offset` by what `op` makes of it and `operand`, and
    /// returns what was there before.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_rmw<T: AtomicInteger>(
        &mut self,
        op: RmwOp,
        addr: u64,
        offset: u64,
        operand: T,
    ) -> Result<T, AtomicError> {
        let cell = T::cell(self.atomic_load(addr, offset)?);
        let old = T::rmw(&cell, op, operand);
        self.store(addr, offset, T::load(&cell))?;
        Ok(old)
    }

    /// Replaces the number at `addr + offset` if it is `expected`, and returns what was there
    /// before.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_cmpxchg<T: AtomicInteger>(
        &mut self,
        addr: u64,
        offset: u64,
        expected: T,
        replacement: T,
    ) -> Result<T, AtomicError> {
        let cell = T::cell(self.atomic_load(addr, offset)?);
        let old = T::compare_exchange(&cell, expected, replacement);
        self.store(addr, offset, T::load(&cell))?;
        Ok(old)
    }

    /// Wakes nobody and returns 0, as no thread can wait on a memory that is not shared:
    /// `memory.atomic.notify`.
    ///
    /// # Errors
    ///
    /// When the effective address is not a multiple of 4, or 4 bytes there do not lie inside the
    /// memory entirely.
    pub fn atomic_notify(&self, addr: u64, offset: u64, _count: u32) -> Result<u32, AtomicError> {
        self.atomic_load::<u32>(addr, offset).map(|_| 0)
    }

    /// Always fails: `memory.atomic.wait32` on a memory that is not shared.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load), and otherwise that the memory is not shared.
    pub fn atomic_wait32(
        &self,
        addr: u64,
        offset: u64,
        _expected: u32,
        _timeout: Option<Duration>,
    ) -> Result<WaitResult, AtomicError> {
        self.atomic_load::<u32>(addr, offset).and(Err(AtomicError::NotShared))
    }

    /// Always fails: `memory.atomic.wait64` on a memory that is not shared.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load), and otherwise that the memory is not shared.
    pub fn atomic_wait64(
        &self,
        addr: u64,
        offset: u64,
        _expected: u64,
        _timeout: Option<Duration>,
    ) -> Result<WaitResult, AtomicError> {
        self.atomic_load::<u64>(addr, offset).and(Err(AtomicError::NotShared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryType, OutOfBounds, Pages};

    fn memory() -> LinearMemory {
        LinearMemory::new(MemoryType::new(Pages(1), Some(Pages(1))).unwrap()).unwrap()
    }

    #[test]
    fn operations_wrap_at_their_width() {
        let mut memory = memory();
        let mut rmw = |op, operand| {
            let old = memory.atomic_rmw::<u8>(op, 1, 0, operand).unwrap();
            (old, memory.load::<u32>(0, 0).unwrap())
        };
        assert_eq!(rmw(RmwOp::Sub, 1), (0, 0xff00));
        assert_eq!(rmw(RmwOp::Add, 0x10), (0xff, 0x0f00));
        assert_eq!(rmw(RmwOp::And, 0x3c), (0x0f, 0x0c00));
        assert_eq!(rmw(RmwOp::Or, 0x30), (0x0c, 0x3c00));
        assert_eq!(rmw(RmwOp::Xor, 0xff), (0x3c, 0xc300));
        assert_eq!(rmw(RmwOp::Xchg, 7), (0xc3, 0x0700));
        assert_eq!(memory.atomic_cmpxchg::<u16>(0, 0, 0x0700, 0x1234), Ok(0x0700));
        assert_eq!(memory.atomic_cmpxchg::<u16>(0, 0, 0x0700, 0x4321), Ok(0x1234));
        assert_eq!(memory.load(0, 0), Ok(0x1234_u32));
    }

    #[test]
    fn alignment_is_checked_before_bounds() {
        let mut memory = memory();
        let unaligned = |addr, offset, align_bytes| {
            Err(AtomicError::Unaligned(Unaligned { addr, offset, align_bytes }))
        };
        assert_eq!(memory.atomic_load::<u16>(0, 1), unaligned(0, 1, 2).map(|()| 0));
        assert_eq!(memory.atomic_store::<u64>(65_532, 0, 0), unaligned(65_532, 0, 8));
        // The sum, not its parts, has to be aligned.
        assert_eq!(memory.atomic_store::<u64>(5, 3, u64::MAX), Ok(()));
        assert_eq!(memory.atomic_load::<u64>(u64::MAX, 2), unaligned(u64::MAX, 2, 8).map(|()| 0));
        let out = OutOfBounds { addr: 65_536, offset: 0, len_bytes: 4, memory_bytes: 65_536 };
        assert_eq!(memory.atomic_load::<u32>(65_536, 0), Err(AtomicError::OutOfBounds(out)));
        assert!(matches!(memory.atomic_load::<u8>(u64::MAX, 1), Err(AtomicError::OutOfBounds(_))));
    }

    #[test]
    fn nobody_waits_on_what_is_not_shared() {
        let memory = memory();
        assert_eq!(memory.atomic_notify(65_532, 0, 1), Ok(0));
        assert!(matches!(memory.atomic_notify(65_536, 0, 1), Err(AtomicError::OutOfBounds(_))));
        assert!(matches!(memory.atomic_notify(2, 0, 1), Err(AtomicError::Unaligned(_))));
        assert_eq!(memory.atomic_wait32(4, 0, 1, None), Err(AtomicError::NotShared));
        assert_eq!(memory.atomic_wait64(8, 0, 0, None), Err(AtomicError::NotShared));
        assert!(matches!(memory.atomic_wait64(4, 0, 0, None), Err(AtomicError::Unaligned(_))));
    }
}
