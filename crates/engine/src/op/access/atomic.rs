//! Atomic operations: the threads proposal, section "Atomic Memory Instructions".
//!
//! An instruction of `i32` and one of `i64` that access the same width are one operation here:
//! they wrap their operands to that width and extend the result with zeros, as slots do.

use std::marker::PhantomData;
use std::time::Duration;

use lineal_memory::{AtomicError, AtomicInteger, RmwOp, SharedMemory, WaitResult};

use crate::runtime::entity::{MemoryEntity, with_memory};

/// An operation on the number at an address of a memory.
pub(crate) trait Atomic {
    /// How many operands it takes besides the address.
    const OPERANDS: usize;
    /// Whether it has a result.
    const RESULT: bool;
    /// How it waits on a shared memory, if it does.
    const WAIT: Option<Wait> = None;
    /// Executes it; unused operands are 0, as is the result of an operation without one.
    fn perform(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<u64, AtomicError>;
}

/// Waits at an address and an offset with two operands, until it is asked to end: with `None`.
pub(crate) type Wait = fn(
    &SharedMemory,
    u64,
    u64,
    [u64; 2],
    &mut dyn FnMut() -> bool,
) -> Result<Option<u64>, AtomicError>;

/// A width, as the number that memory holds.
pub(crate) trait Width: AtomicInteger + Into<u64> {
    /// Wraps an operand.
    fn wrap(operand: u64) -> Self;
}

macro_rules! widths {
    ($($ty:ty)*) => {$(
        impl Width for $ty {
            fn wrap(operand: u64) -> $ty {
                operand as $ty
            }
        }
    )*};
}

widths! { u8 u16 u32 u64 }

macro_rules! atomics {
    ($($(#[doc = $doc:literal])* $name:ident$(<$W:ident$(, $Op:ident)?>)?($operands:literal) -> $result:literal,
        |$memory:ident, $addr:ident, $offset:ident, $x:ident, $y:ident| $body:expr;)*
    ) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name$(<$W$(, $Op)?>(PhantomData<($W, $($Op)?)>))?;
        impl$(<$W: Width$(, $Op: Rmw)?>)? Atomic for $name$(<$W$(, $Op)?>)? {
            const OPERANDS: usize = $operands;
            const RESULT: bool = $result;
            fn perform(
                $memory: &mut MemoryEntity,
                $addr: u64,
                $offset: u64,
                [$x, $y]: [u64; 2],
            ) -> Result<u64, AtomicError> {
                with_memory!($memory, $memory => $body)
            }
        }
    )*};
}

atomics! {
    /// Loads.
    AtomicLoad<W>(0) -> true, |memory, addr, offset, _x, _y| {
        memory.atomic_load::<W>(addr, offset).map(W::into)
    };

    /// Stores the operand.
    AtomicStore<W>(1) -> false, |memory, addr, offset, value, _y| {
        memory.atomic_store(addr, offset, W::wrap(value)).map(|()| 0)
    };

    /// Reads, computes with the operand and writes back.
    ReadModifyWrite<W, O>(1) -> true, |memory, addr, offset, operand, _y| {
        memory.atomic_rmw(O::OP, addr, offset, W::wrap(operand)).map(W::into)
    };

    /// Replaces what equals the first operand by the second.
    CompareExchange<W>(2) -> true, |memory, addr, offset, expected, replacement| {
        memory.atomic_cmpxchg(addr, offset, W::wrap(expected), W::wrap(replacement)).map(W::into)
    };

    /// Wakes as many threads as the operand says; how many there were.
    Notify(1) -> true, |memory, addr, offset, count, _y| {
        memory.atomic_notify(addr, offset, count as u32).map(u64::from)
    };
}

/// Operations that wait.
macro_rules! waits {
    ($($name:ident: $width:ty, $wait:ident, $wait_until:ident;)*) => {$(
        /// Waits if the number is the first operand, no longer than the second says.
        pub(crate) struct $name;

        impl Atomic for $name {
            const OPERANDS: usize = 2;
            const RESULT: bool = true;
            const WAIT: Option<Wait> = Some(|memory, addr, offset, [expected, time], interrupt| {
                let (expected, time) = (<$width>::wrap(expected), nanoseconds(time));
                let result = memory.$wait_until(addr, offset, expected, time, interrupt)?;
                Ok(result.map(ending))
            });

            fn perform(
                memory: &mut MemoryEntity,
                addr: u64,
                offset: u64,
                [expected, time]: [u64; 2],
            ) -> Result<u64, AtomicError> {
                let (expected, time) = (<$width>::wrap(expected), nanoseconds(time));
                with_memory!(memory, memory => memory.$wait(addr, offset, expected, time))
                    .map(ending)
            }
        }
    )*};
}

waits! {
    Wait32: u32, atomic_wait32, atomic_wait32_until;
    Wait64: u64, atomic_wait64, atomic_wait64_until;
}

/// The time-out of a wait: negative ones are none.
fn nanoseconds(timeout: u64) -> Option<Duration> {
    u64::try_from(timeout as i64).ok().map(Duration::from_nanos)
}

fn ending(result: WaitResult) -> u64 {
    result as u64
}

/// What a [`ReadModifyWrite`] computes.
pub(crate) trait Rmw {
    const OP: RmwOp;
}

macro_rules! rmws {
    ($($name:ident)*) => {$(
        #[doc = concat!("[`RmwOp::", stringify!($name), "`]")]
        pub(crate) struct $name;
        impl Rmw for $name {
            const OP: RmwOp = RmwOp::$name;
        }
    )*};
}

rmws! { Add Sub And Or Xor Xchg }

/// What an operation did to the number at the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// It read this.
    Read(u64),
    /// It wrote.
    Write { old: u64, new: u64 },
    /// It read and wrote in one step.
    Update { old: u64, new: u64 },
}

/// An operation that can say what it did.
pub(crate) trait Observable: Atomic {
    /// How many bytes it accesses.
    const WIDTH_BYTES: usize;

    /// What it does before anything else, if it does something at all.
    fn look(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
    ) -> Result<Option<Effect>, AtomicError> {
        let _ = (memory, addr, offset);
        Ok(None)
    }

    /// Executes it, as [`Atomic::perform`].
    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError>;
}

impl<W: Width> Observable for AtomicLoad<W> {
    const WIDTH_BYTES: usize = size_of::<W>();

    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError> {
        let value = Self::perform(memory, addr, offset, operands)?;
        Ok((value, Effect::Read(value)))
    }
}

impl<W: Width> Observable for AtomicStore<W> {
    const WIDTH_BYTES: usize = size_of::<W>();

    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError> {
        // An exchange, so that what was there is known.
        let old = ReadModifyWrite::<W, Xchg>::perform(memory, addr, offset, operands)?;
        Ok((0, Effect::Write { old, new: W::wrap(operands[0]).into() }))
    }
}

impl<W: Width, O: Rmw> Observable for ReadModifyWrite<W, O> {
    const WIDTH_BYTES: usize = size_of::<W>();

    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError> {
        let old = Self::perform(memory, addr, offset, operands)?;
        let operand = operands[0];
        let new = match O::OP {
            RmwOp::Add => old.wrapping_add(operand),
            RmwOp::Sub => old.wrapping_sub(operand),
            RmwOp::And => old & operand,
            RmwOp::Or => old | operand,
            RmwOp::Xor => old ^ operand,
            RmwOp::Xchg => operand,
        };
        Ok((old, Effect::Update { old, new: W::wrap(new).into() }))
    }
}

impl<W: Width> Observable for CompareExchange<W> {
    const WIDTH_BYTES: usize = size_of::<W>();

    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError> {
        let old = Self::perform(memory, addr, offset, operands)?;
        let [expected, new] = operands.map(|operand| W::wrap(operand).into());
        let effect = if old == expected { Effect::Update { old, new } } else { Effect::Read(old) };
        Ok((old, effect))
    }
}

macro_rules! observable_waits {
    ($($name:ident: $width:ty;)*) => {$(
        impl Observable for $name {
            const WIDTH_BYTES: usize = size_of::<$width>();

            fn look(
                memory: &mut MemoryEntity,
                addr: u64,
                offset: u64,
            ) -> Result<Option<Effect>, AtomicError> {
                if !memory.is_shared() {
                    return Ok(None);
                }
                AtomicLoad::<$width>::perform(memory, addr, offset, [0; 2])
                    .map(|value| Some(Effect::Read(value)))
            }

            fn perform_observed(
                memory: &mut MemoryEntity,
                addr: u64,
                offset: u64,
                operands: [u64; 2],
            ) -> Result<(u64, Effect), AtomicError> {
                Ok((Self::perform(memory, addr, offset, operands)?, Effect::None))
            }
        }
    )*};
}

observable_waits! {
    Wait32: u32;
    Wait64: u64;
}

impl Observable for Notify {
    const WIDTH_BYTES: usize = size_of::<u32>();

    fn perform_observed(
        memory: &mut MemoryEntity,
        addr: u64,
        offset: u64,
        operands: [u64; 2],
    ) -> Result<(u64, Effect), AtomicError> {
        Ok((Self::perform(memory, addr, offset, operands)?, Effect::None))
    }
}
