//! How one handler passes control to the next: by tail calls, or in a loop.

use super::place::Place;
use super::{Exit, ExitState, Machine};

/// An operation of the machine.
pub(crate) trait Op {
    /// How many granules its cell has: the next one begins after them. (A `br_table` has its
    /// targets after them. A sequence says it of its last cell.)
    const GRANULES: usize;
    /// The slots and the targets that its cell names.
    const PLACES: &'static [Place];
    /// Whether execution can continue after the cell.
    const GOES_ON: bool = true;

    /// Executes the cell at `ip`: `Ok` if execution continues after the cell, [`Exit::BRANCH`] if
    /// `ip` is now at the cell where it does. On an exit, `ip` stays at the cell, and whatever the
    /// operation must not change is unchanged.
    ///
    /// # Safety
    ///
    /// E1 to E4 hold.
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit>;
}

pub(super) use dispatch::Address;
use dispatch::address;
pub(crate) use dispatch::run;

/// The code that executes an operation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Handler {
    address: Address,
    /// The operation, for tests that print code and for the check of translated code.
    #[cfg(any(test, debug_assertions, lineal_verify))]
    pub(crate) shape: &'static Shape,
}

/// What an operation says of its cell.
#[cfg(any(test, debug_assertions, lineal_verify))]
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: fn() -> &'static str,
    pub(crate) granules: usize,
    pub(crate) places: &'static [Place],
    pub(crate) goes_on: bool,
}

#[cfg(any(test, debug_assertions, lineal_verify))]
impl Shape {
    const fn of<O: Op>() -> &'static Shape {
        &const {
            Shape {
                name: std::any::type_name::<O>,
                granules: O::GRANULES,
                places: O::PLACES,
                goes_on: O::GOES_ON,
            }
        }
    }
}

/// Whether what an operation says of its cell fits together.
const fn is_sound<O: Op>() -> bool {
    let mut at = 0;
    while at < O::PLACES.len() {
        if !O::PLACES[at].is_sound(O::GRANULES, O::GOES_ON) {
            return false;
        }
        at += 1;
    }
    true
}

/// The handler of an operation.
pub(crate) const fn handler<O: Op>() -> Handler {
    assert!(const { is_sound::<O>() }, "the cell has no room for an operand");
    Handler {
        address: address::<O>(),
        #[cfg(any(test, debug_assertions, lineal_verify))]
        shape: Shape::of::<O>(),
    }
}

impl Handler {
    /// The handler as a granule holds it.
    pub(crate) fn to_granule(self) -> u64 {
        self.address as usize as u64
    }
}

/// Executes the cell at `ip`, and moves `ip` to the next one unless the operation did.
///
/// # Safety
///
/// As for [`Op::exec`].
#[inline(always)]
pub(crate) unsafe fn step<O: Op>(m: &mut Machine) -> Result<(), Exit> {
    // SAFETY: the caller's promise.
    unsafe { O::exec(m)? };
    m.ip = m.ip.offset(O::GRANULES as isize);
    Ok(())
}

/// Dispatch by tail calls: each handler jumps to the next.
#[cfg(lineal_tail_calls)]
#[expect(improper_ctypes_definitions, reason = "handlers call each other, and nobody else")]
mod dispatch {
    use super::*;
    use crate::machine::registers::{VectorRegister, from_register, to_register};
    use crate::machine::{Fp, Ip};
    use crate::runtime::context::Context;

    #[cfg(target_arch = "x86_64")]
    macro_rules! in_registers {
        ($($item:tt)*) => { unsafe extern "sysv64" $($item)* };
    }
    #[cfg(not(target_arch = "x86_64"))]
    macro_rules! in_registers {
        ($($item:tt)*) => { unsafe extern "C" $($item)* };
    }

    /// A handler; the parameters are [`Machine`]'s fields.
    pub(crate) type Address = in_registers!(
        fn(Ip, Fp, *mut Context, *mut u8, u64, u64, f64, f32, f64, f32, f64, VectorRegister)
    );

    /// The handler of an operation.
    pub(super) const fn address<O: Op>() -> Address {
        threaded::<O>
    }

    /// Makes the function that it is in begin with a line of the cache, where each function is a
    /// section of its own: a section is aligned as the strictest directive in it asks for. Most
    /// handlers fit into a line, and take one fetch then.
    #[inline(always)]
    fn begin_line() {
        // SAFETY: it is no instruction: at most one byte is left out to align the place itself.
        #[cfg(not(miri))]
        unsafe {
            std::arch::asm!(".p2align 6, , 1", options(nomem, nostack, preserves_flags))
        };
    }

    in_registers! {
        fn threaded<O: Op>(
            ip: Ip,
            fp: Fp,
            cx: *mut Context,
            mem_ptr: *mut u8,
            acc: u64,
            pin: u64,
            acc64: f64,
            acc32: f32,
            pin64: f64,
            pin32: f32,
            head: f64,
            acc128: VectorRegister,
        ) {
            begin_line();
            let (head, acc128) = (Ip::from_number(head), from_register(acc128));
            let mut m =
                Machine { ip, fp, cx, mem_ptr, acc, pin, acc64, acc32, acc128, pin64, pin32, head };
            // SAFETY: whoever jumps here upholds E1 to E4 for the cell at `ip`.
            match unsafe { step::<O>(&mut m) } {
                // SAFETY: `exec` left the invariants in force for the cell now at `ip`.
                Ok(()) | Err(Exit::BRANCH) => unsafe {
                    m.ip.handler()(
                        m.ip, m.fp, m.cx, m.mem_ptr, m.acc, m.pin, m.acc64, m.acc32, m.pin64, m.pin32,
                        m.head.to_number(), to_register(m.acc128),
                    )
                },
                // SAFETY: E3 for `cx`; the rest is only recorded.
                Err(exit) => unsafe {
                    leave(
                        m.ip, m.fp, m.cx, m.mem_ptr, exit.to_bits(), m.pin, m.acc64, m.acc32, m.pin64,
                        m.pin32, m.head.to_number(), to_register(m.acc128),
                    )
                },
            }
        }
    }

    in_registers! {
        fn leave(
            ip: Ip,
            fp: Fp,
            cx: *mut Context,
            _mem_ptr: *mut u8,
            exit: u64,
            _pin: u64,
            _acc64: f64,
            _acc32: f32,
            _pin64: f64,
            _pin32: f32,
            _head: f64,
            _acc128: VectorRegister,
        ) {
            // SAFETY: E3.
            unsafe { (*cx).exit = ExitState { exit: Exit::from_bits(exit), ip, fp } };
        }
    }

    /// Runs from the machine's state until an operation exits; the context says where and why.
    ///
    /// # Safety
    ///
    /// E1 to E4 hold for the machine.
    pub(crate) unsafe fn run(m: Machine) {
        // SAFETY: the caller's promise.
        unsafe {
            m.ip.handler()(
                m.ip,
                m.fp,
                m.cx,
                m.mem_ptr,
                m.acc,
                m.pin,
                m.acc64,
                m.acc32,
                m.pin64,
                m.pin32,
                m.head.to_number(),
                to_register(m.acc128),
            );
        }
    }
}

/// Dispatch by a loop: for builds and targets whose tail calls cannot be relied on.
#[cfg(not(lineal_tail_calls))]
mod dispatch {
    use super::*;

    /// A handler.
    pub(crate) type Address = unsafe fn(&mut Machine) -> Result<(), Exit>;

    /// The handler of an operation.
    pub(super) const fn address<O: Op>() -> Address {
        looped::<O>
    }

    /// Never inlined, so that an operation has one address in the whole crate: cells are told
    /// apart by their handlers.
    ///
    /// # Safety
    ///
    /// As for [`Op::exec`].
    #[inline(never)]
    unsafe fn looped<O: Op>(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: the caller's promise.
        unsafe { step::<O>(m) }
    }

    /// Runs from the machine's state until an operation exits; the context says where and why.
    ///
    /// # Safety
    ///
    /// E1 to E4 hold for the machine.
    pub(crate) unsafe fn run(mut m: Machine) {
        loop {
            // SAFETY: the caller's promise, which every operation renews.
            match unsafe { m.ip.handler()(&mut m) } {
                Ok(()) | Err(Exit::BRANCH) => {}
                Err(exit) => {
                    // SAFETY: E3.
                    unsafe { (*m.cx).exit = ExitState { exit, ip: m.ip, fp: m.fp } };
                    return;
                }
            }
        }
    }
}
