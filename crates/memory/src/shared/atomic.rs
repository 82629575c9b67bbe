//! Atomic accesses to a shared memory, and waiting on one.

use core::sync::atomic::AtomicU8;
#[cfg(feature = "wait")]
use core::time::Duration;

use super::SharedMemory;
use crate::atomic::{AtomicInteger, RmwOp, check};
use crate::error::AtomicError;
use crate::wait;
#[cfg(feature = "wait")]
use crate::wait::WaitResult;

/// Atomic accesses, all sequentially consistent.
impl SharedMemory {
    /// The number at `addr + offset`.
    #[inline(always)]
    fn cell<T: AtomicInteger>(&self, addr: u64, offset: u64) -> Result<&T::Cell, AtomicError> {
        let ea = self.check(|memory_bytes| check(addr, offset, T::WIDTH_BYTES, memory_bytes))?;
        // SAFETY: C2: it is in bounds.
        let bytes: &[AtomicU8] = unsafe { self.bytes(ea, T::WIDTH_BYTES as usize) };
        // SAFETY: the cell has that width, and by C1 the alignment of `ea`.
        Ok(unsafe { &*bytes.as_ptr().cast() })
    }

    /// Loads the number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// When the effective address is not a multiple of the width, or the number does not lie
    /// inside the memory entirely.
    #[inline]
    pub fn atomic_load<T: AtomicInteger>(&self, addr: u64, offset: u64) -> Result<T, AtomicError> {
        Ok(T::load(self.cell::<T>(addr, offset)?))
    }

    /// Stores a number at `addr + offset`.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_store<T: AtomicInteger>(
        &self,
        addr: u64,
        offset: u64,
        value: T,
    ) -> Result<(), AtomicError> {
        T::store(self.cell::<T>(addr, offset)?, value);
        Ok(())
    }

    /// Replaces the number at `addr + offset` by what `op` makes of it and `operand`, and
    /// returns what was there before, in one step.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_rmw<T: AtomicInteger>(
        &self,
        op: RmwOp,
        addr: u64,
        offset: u64,
        operand: T,
    ) -> Result<T, AtomicError> {
        Ok(T::rmw(self.cell::<T>(addr, offset)?, op, operand))
    }

    /// Replaces the number at `addr + offset` if it is `expected`, and returns what was there
    /// before, in one step.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load); nothing is stored then.
    #[inline]
    pub fn atomic_cmpxchg<T: AtomicInteger>(
        &self,
        addr: u64,
        offset: u64,
        expected: T,
        replacement: T,
    ) -> Result<T, AtomicError> {
        Ok(T::compare_exchange(self.cell::<T>(addr, offset)?, expected, replacement))
    }

    /// Wakes up to `count` of the threads that wait on the effective address, those first that
    /// have waited longest, and returns how many: `memory.atomic.notify`. Without the feature
    /// `wait` nobody waits.
    ///
    /// # Errors
    ///
    /// When the effective address is not a multiple of 4, or 4 bytes there do not lie inside the
    /// memory entirely.
    pub fn atomic_notify(&self, addr: u64, offset: u64, count: u32) -> Result<u32, AtomicError> {
        let cell = self.cell::<u32>(addr, offset)?;
        Ok(wait::notify(core::ptr::from_ref(cell).addr(), count))
    }

    /// Waits until another thread notifies the effective address, if the number there is
    /// `expected`: `memory.atomic.wait32`. Without a time-out, that may be forever.
    ///
    /// Nothing else than [`atomic_notify`](Self::atomic_notify) ends the wait early. A thread
    /// that changes the number and then notifies wakes all who saw the number as it was before.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lineal_memory::{MemoryType, Pages, SharedMemory, WaitResult};
    ///
    /// let memory = SharedMemory::new(MemoryType::shared(Pages(1), Pages(1))?)?;
    /// assert_eq!(memory.atomic_wait32(0, 0, 7, None)?, WaitResult::Mismatch);
    /// std::thread::scope(|scope| {
    ///     let waiter = scope.spawn(|| memory.atomic_wait32(0, 0, 0, None));
    ///     while memory.atomic_notify(0, 0, 1) == Ok(0) {}
    ///     assert_eq!(waiter.join().unwrap(), Ok(WaitResult::Ok));
    /// });
    /// let timeout = Some(Duration::from_millis(1));
    /// assert_eq!(memory.atomic_wait32(0, 0, 0, timeout)?, WaitResult::TimedOut);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load).
    #[cfg(feature = "wait")]
    pub fn atomic_wait32(
        &self,
        addr: u64,
        offset: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, AtomicError> {
        let result = self.atomic_wait(addr, offset, expected, timeout, None)?;
        // Nobody interrupts it.
        Ok(result.unwrap_or(WaitResult::TimedOut))
    }

    /// As [`atomic_wait32`](Self::atomic_wait32), for a number of 8 bytes:
    /// `memory.atomic.wait64`.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load).
    #[cfg(feature = "wait")]
    pub fn atomic_wait64(
        &self,
        addr: u64,
        offset: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, AtomicError> {
        let result = self.atomic_wait(addr, offset, expected, timeout, None)?;
        Ok(result.unwrap_or(WaitResult::TimedOut))
    }

    /// As [`atomic_wait32`](Self::atomic_wait32), but `interrupt` is asked about every ten
    /// milliseconds whether the wait is to end: with `None`, if it says yes before the thread is
    /// notified. No notification is lost while it is asked.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load).
    #[cfg(feature = "wait")]
    pub fn atomic_wait32_until(
        &self,
        addr: u64,
        offset: u64,
        expected: u32,
        timeout: Option<Duration>,
        interrupt: &mut dyn FnMut() -> bool,
    ) -> Result<Option<WaitResult>, AtomicError> {
        self.atomic_wait(addr, offset, expected, timeout, Some(interrupt))
    }

    /// As [`atomic_wait32_until`](Self::atomic_wait32_until), for a number of 8 bytes.
    ///
    /// # Errors
    ///
    /// As for [`atomic_load`](Self::atomic_load).
    #[cfg(feature = "wait")]
    pub fn atomic_wait64_until(
        &self,
        addr: u64,
        offset: u64,
        expected: u64,
        timeout: Option<Duration>,
        interrupt: &mut dyn FnMut() -> bool,
    ) -> Result<Option<WaitResult>, AtomicError> {
        self.atomic_wait(addr, offset, expected, timeout, Some(interrupt))
    }

    #[cfg(feature = "wait")]
    fn atomic_wait<T: AtomicInteger + PartialEq>(
        &self,
        addr: u64,
        offset: u64,
        expected: T,
        timeout: Option<Duration>,
        interrupt: Option<&mut dyn FnMut() -> bool>,
    ) -> Result<Option<WaitResult>, AtomicError> {
        let cell = self.cell::<T>(addr, offset)?;
        let queue = core::ptr::from_ref(cell).addr();
        Ok(wait::wait(queue, || T::load(cell) == expected, timeout, interrupt))
    }
}
