//! Why and where the machine stops.

use super::{Fp, Ip};

/// Why the machine left its dispatch: one byte, so that it travels in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// The outermost function returned.
    pub(crate) const DONE: Exit = Exit(0);
    /// Not an exit: a branch was taken, and what comes after it in the same handler is skipped.
    pub(crate) const BRANCH: Exit = Exit(u8::MAX - 1);
    /// An exception was thrown; it waits in the context.
    pub(crate) const EXCEPTION: Exit = Exit(u8::MAX - 2);
    /// The guest calls an asynchronous host function, which waits in the context.
    #[cfg(feature = "async")]
    pub(crate) const HOST_CALL: Exit = Exit(u8::MAX - 3);
    /// The guest lets others run; the machine waits in the context.
    #[cfg(feature = "async")]
    pub(crate) const YIELD: Exit = Exit(u8::MAX - 4);
    /// The guest waits for an answer of the store's limiter.
    #[cfg(feature = "async")]
    pub(crate) const ASK: Exit = Exit(u8::MAX - 5);
    /// A host function failed; its error waits in the context.
    pub(crate) const HOST_ERROR: Exit = Exit(u8::MAX);

    /// A trap stopped it, which has that code.
    #[inline(always)]
    pub(crate) const fn of_trap(code: u8) -> Exit {
        Exit(code)
    }

    #[cfg(any(lineal_tail_calls, test))]
    pub(crate) fn from_bits(bits: u64) -> Exit {
        Exit(bits as u8)
    }

    #[cfg(any(lineal_tail_calls, test))]
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.0)
    }
}

/// Where the machine stopped, and why.
#[derive(Clone, Copy)]
pub(crate) struct ExitState {
    pub(crate) exit: Exit,
    pub(crate) ip: Ip,
    pub(crate) fp: Fp,
}
