//! The frame pointer: the slots of the running function.

use super::Ip;

/// The frame pointer: slot 0 of the running function's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fp(*mut u64);

impl Fp {
    pub(crate) const NULL: Fp = Fp(std::ptr::null_mut());

    pub(crate) fn new(ptr: *mut u64) -> Fp {
        Fp(ptr)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut u64 {
        self.0
    }

    /// The address of a slot.
    #[inline(always)]
    pub(crate) fn slot(self, index: usize) -> *mut u64 {
        self.0.wrapping_add(index)
    }

    /// The frame of the caller, if this is the callee's: the granule before a return address says
    /// how many slots lie between them.
    ///
    /// # Safety
    ///
    /// The frame and the return address belong to one call that has not returned.
    #[inline(always)]
    pub(crate) unsafe fn of_caller(self, return_ip: Ip) -> Fp {
        // SAFETY: E1: a call's metadata comes before its return address, and is packed as operands
        // are.
        let delta = unsafe { return_ip.offset(-2).b() } as usize;
        Fp(self.0.wrapping_sub(delta))
    }

    /// The frame of the callee, if this is the caller's: the other way round.
    ///
    /// # Safety
    ///
    /// As for [`of_caller`](Self::of_caller).
    pub(crate) unsafe fn of_callee(self, return_ip: Ip) -> Fp {
        // SAFETY: the caller's promise.
        let delta = unsafe { return_ip.offset(-2).b() } as usize;
        Fp(self.0.wrapping_add(delta))
    }

    /// Reads a slot.
    #[inline(always)]
    pub(crate) unsafe fn get(self, index: usize) -> u64 {
        // SAFETY: E2.
        unsafe { self.0.add(index).read() }
    }

    /// Writes a slot.
    #[inline(always)]
    pub(crate) unsafe fn set(self, index: usize, bits: u64) {
        // SAFETY: E2.
        unsafe { self.0.add(index).write(bits) }
    }
}
