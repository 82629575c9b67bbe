//! Why execution stops: the trap codes with the specification's words for them.

use std::fmt;

use crate::machine::Exit;

/// One table of traps: name, the message, what it means.
macro_rules! traps {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $message:literal;)*) => {
        /// A trap: the reason why a guest program was stopped.
        ///
        /// Errors returned by calls into the guest hold one when the guest trapped:
        /// `error.downcast_ref::<Trap>()`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Trap {
            $($(#[doc = $doc])* $name = $code,)*
        }

        impl Trap {
            const ALL: &[Trap] = &[$(Trap::$name),*];

            /// The message, in the words of the specification's test suite where it has some.
            pub fn message(self) -> &'static str {
                match self {
                    $(Trap::$name => $message,)*
                }
            }
        }
    };
}

traps! {
    /// The guest's stack is exhausted: recursion too deep, or a frame too large.
    StackOverflow = 1, "call stack exhausted";
    /// An access outside a linear memory.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// An atomic access whose address is not a multiple of its width.
    HeapMisaligned = 40, "unaligned atomic";
    /// A wait on a memory that is not shared.
    AtomicWaitNonSharedMemory = 41, "expected shared memory";
    /// An access outside a table.
    TableOutOfBounds = 3, "undefined element: out of bounds table access";
    /// `call_indirect` through a null table element.
    IndirectCallToNull = 4, "uninitialized element";
    /// `call_indirect` to a function of another type.
    BadSignature = 5, "indirect call type mismatch";
    /// Integer division whose quotient cannot be represented, or a float too large for the integer.
    IntegerOverflow = 6, "integer overflow";
    /// Integer division by zero.
    IntegerDivisionByZero = 7, "integer divide by zero";
    /// Conversion of a NaN to an integer.
    BadConversionToInteger = 8, "invalid conversion to integer";
    /// An `unreachable` instruction was executed.
    UnreachableCodeReached = 9, "wasm `unreachable` instruction executed";
    /// A null reference where one to something is needed.
    NullReference = 20, "null reference";
    /// An access outside an array.
    ArrayOutOfBounds = 22, "out of bounds array access";
    /// A reference to something else than a cast asks for.
    CastFailure = 23, "cast failure";
    /// The objects of a store take more room than the host allows.
    GcHeapOutOfMemory = 21, "GC heap out of memory";
    /// All fuel is consumed; see [`Config::consume_fuel`](crate::Config::consume_fuel).
    OutOfFuel = 30, "all fuel consumed by WebAssembly";
    /// The epoch's deadline is reached; see
    /// [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    Interrupt = 31, "interrupt";
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm trap: {}", self.message())
    }
}

impl std::error::Error for Trap {}

impl Exit {
    /// The trap this stands for, if it stands for one.
    pub(crate) fn trap(self) -> Option<Trap> {
        Trap::ALL.iter().copied().find(|&trap| Exit::from(trap) == self)
    }
}

impl From<Trap> for Exit {
    #[inline(always)]
    fn from(trap: Trap) -> Exit {
        Exit::of_trap(trap as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trap_survives_the_exit_code() {
        for &trap in Trap::ALL {
            assert_eq!(Exit::from_bits(Exit::from(trap).to_bits()).trap(), Some(trap));
            assert!(!trap.message().is_empty());
        }
        assert_eq!(Exit::DONE.trap(), None);
        assert_eq!(Exit::BRANCH.trap(), None);
        assert_eq!(Exit::EXCEPTION.trap(), None);
        assert_eq!(Exit::HOST_ERROR.trap(), None);
    }
}
