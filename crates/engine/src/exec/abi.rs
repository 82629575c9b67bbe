//! The machine: its registers, its cells, and how one handler passes control to the next.
//!
//! A function's code is a row of 8-byte granules. A cell is one operation:
//!
//! ```text
//! granule 0   address of the handler
//! granule 1   a: u16 │ d: u16 │ b: u32      operands (slots, immediates, displacements)
//! granule 2…  wide operands, for the operations that have them
//! ```
//!
//! By convention `a` names a source slot, `d` the destination slot, and `b` a second source, an
//! immediate or a displacement; each operation's own documentation says when it differs.
//!
//! # Invariants
//!
//! `SAFETY:` comments in the executor cite these:
//!
//! * **E1** `ip` is at a cell that the translator made for the operation being executed, so its
//!   operands have the meaning that the operation gives them, and control never leaves the code.
//!   Where a cell branches to the head of a loop, `head` is the first cell of that loop: the
//!   translator lets only loops have one in which nothing sets another and no call is made.
//! * **E2** `fp` is at a frame inside the store's stack, and every slot that an operand of the
//!   current function names lies in that frame: [`Enter`](super::call::Enter) checked it against
//!   the stack's end.
//! * **E3** `cx` is the running store's context, exclusively borrowed by the invocation (R3);
//!   its cached pointers belong to the running instance (R1).
//! * **E4** `mem_ptr` and `Context::limits` describe memory 0 as it is now: whatever can change it
//!   refreshes both.

use crate::runtime::context::{Context, ExitState};
use crate::runtime::trap::Exit;

/// The instruction pointer: the cell being executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Ip(*const u64);

/// The frame pointer: slot 0 of the running function's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fp(*mut u64);

impl Ip {
    pub(crate) const NULL: Ip = Ip(std::ptr::null());

    pub(crate) const fn new(ptr: *const u64) -> Ip {
        Ip(ptr)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const u64 {
        self.0
    }

    /// The address that many granules further on (or back).
    #[inline(always)]
    pub(crate) fn offset(self, granules: isize) -> Ip {
        Ip(self.0.wrapping_offset(granules))
    }

    /// The address as the bits of a number, to travel in a register of those.
    #[cfg(lineal_tail_calls)]
    #[inline(always)]
    fn to_number(self) -> f64 {
        f64::from_bits(self.0.expose_provenance() as u64)
    }

    /// The address that a number has the bits of.
    #[cfg(lineal_tail_calls)]
    #[inline(always)]
    fn from_number(number: f64) -> Ip {
        Ip(std::ptr::with_exposed_provenance(number.to_bits() as usize))
    }

    /// The index of the granule that the address is in, if it lies in `cells`.
    pub(crate) fn granule_in(self, cells: &[u64]) -> Option<u32> {
        let range = cells.as_ptr_range();
        // SAFETY: both are in `cells`.
        range.contains(&self.0).then(|| unsafe { self.0.offset_from(range.start) } as u32)
    }

    /// Operand `a`.
    #[inline(always)]
    pub(crate) unsafe fn a(self) -> usize {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u16>().read() as usize }
    }

    /// Operand `d`.
    #[inline(always)]
    pub(crate) unsafe fn d(self) -> u16 {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u16>().add(1).read() }
    }

    /// Operand `b`.
    #[inline(always)]
    pub(crate) unsafe fn b(self) -> u32 {
        // SAFETY: E1: the cell has an operand granule.
        unsafe { self.0.add(1).cast::<u32>().add(1).read() }
    }

    /// Operand `b` as two halves, low then high.
    #[inline(always)]
    pub(crate) unsafe fn b_halves(self) -> (usize, usize) {
        let halves = self.0.wrapping_add(1).cast::<u16>();
        // SAFETY: E1: the cell has an operand granule.
        unsafe { (halves.add(2).read() as usize, halves.add(3).read() as usize) }
    }

    /// `a` (index 0), `d` (index 1) or half of `b` (2, 3) of the granule `n` granules from here,
    /// if it is packed as operands are.
    #[inline(always)]
    pub(crate) unsafe fn half(self, n: isize, index: usize) -> usize {
        let parts = self.offset(n).0.cast::<u16>();
        // SAFETY: E1: the granule is part of the code.
        unsafe { parts.add(index).read() as usize }
    }

    /// Granule `n` of the cell; the first wide operand is granule 2.
    #[inline(always)]
    pub(crate) unsafe fn granule(self, n: usize) -> u64 {
        // SAFETY: E1: the cell has that granule.
        unsafe { self.0.add(n).read() }
    }

    /// The handler of the cell.
    #[inline(always)]
    unsafe fn handler(self) -> Address {
        // SAFETY: E1: granule 0 of a cell is the address of a handler.
        unsafe { self.0.cast::<Address>().read() }
    }
}

/// Packs the operands of a cell into its granule.
pub(crate) fn operands(a: u16, d: u16, b: u32) -> u64 {
    let (a, d, b) = (a.to_ne_bytes(), d.to_ne_bytes(), b.to_ne_bytes());
    u64::from_ne_bytes([a[0], a[1], d[0], d[1], b[0], b[1], b[2], b[3]])
}

/// Operand `b` of a granule.
pub(crate) fn b_of(granule: u64) -> u32 {
    let [_, _, _, _, b @ ..] = granule.to_ne_bytes();
    u32::from_ne_bytes(b)
}

/// The operand granule with another `b`.
pub(crate) fn with_b(granule: u64, b: u32) -> u64 {
    let g = granule.to_ne_bytes();
    let b = b.to_ne_bytes();
    u64::from_ne_bytes([g[0], g[1], g[2], g[3], b[0], b[1], b[2], b[3]])
}

/// The operand granule with another `d`.
pub(crate) fn with_d(granule: u64, d: u16) -> u64 {
    let g = granule.to_ne_bytes();
    let d = d.to_ne_bytes();
    u64::from_ne_bytes([g[0], g[1], d[0], d[1], g[4], g[5], g[6], g[7]])
}

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

/// The machine's registers.
///
/// In a tail-calling build they travel in the processor's argument registers: a handler packs
/// them into this struct, which the optimiser takes apart again.
pub(crate) struct Machine {
    /// The cell being executed.
    pub(crate) ip: Ip,
    /// The running frame.
    pub(crate) fp: Fp,
    /// The context.
    pub(crate) cx: *mut Context,
    /// Memory 0's first byte.
    pub(crate) mem_ptr: *mut u8,
    /// The accumulator of integers and references.
    pub(crate) acc: u64,
    /// The pinned integer local.
    pub(crate) pin: u64,
    /// The accumulator of `f64`.
    pub(crate) acc64: f64,
    /// The accumulator of `f32`.
    pub(crate) acc32: f32,
    /// The pinned `f64` local.
    pub(crate) pin64: f64,
    /// The pinned `f32` local.
    pub(crate) pin32: f32,
    /// The first cell of the innermost loop, if it began with [`Head`](super::control::Head) and
    /// nothing since then can have changed it.
    pub(crate) head: Ip,
}

/// The displacement of a branch to [`Machine::head`]: no cell is one granule long.
pub(crate) const TO_HEAD: u32 = 1;

impl Machine {
    /// Continues at a displacement from the cell, or at the head.
    ///
    /// Where a branch goes is predicted, but what is computed from `ip` has to wait for the
    /// displacement to be loaded, and through it for the branch before. A branch to the head waits
    /// for nothing, which halves the time of the shortest loops.
    #[inline(always)]
    pub(crate) fn branch(&mut self, displacement: u32) {
        if displacement == TO_HEAD {
            debug_assert_ne!(self.head, Ip::NULL, "no loop began");
            // SAFETY: it is empty. A compiler that made a conditional move of this branch would
            // make `ip` wait for the displacement after all.
            unsafe { std::arch::asm!("", options(nomem, nostack, preserves_flags)) };
            self.ip = self.head;
        } else {
            self.ip = self.ip.offset(displacement as i32 as isize);
        }
    }
}

/// An operation of the machine.
pub(crate) trait Op {
    /// Executes the cell at `ip` and moves `ip` to the next cell to execute: `Ok` if that is the
    /// one behind it, [`Exit::BRANCH`] if it may be another. On an exit, `ip` stays at the cell,
    /// and whatever the operation must not change is unchanged.
    ///
    /// # Safety
    ///
    /// E1 to E4 hold.
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit>;
}

pub(crate) use dispatch::run;
use dispatch::{Address, address};

/// The code that executes an operation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Handler {
    address: Address,
    /// The operation's name; only tests read it, so that they can print code.
    #[cfg(test)]
    pub(crate) name: fn() -> &'static str,
}

/// The handler of an operation.
pub(crate) const fn handler<O: Op>() -> Handler {
    Handler {
        address: address::<O>(),
        #[cfg(test)]
        name: std::any::type_name::<O>,
    }
}

impl Handler {
    /// The handler as a granule holds it.
    pub(crate) fn to_granule(self) -> u64 {
        self.address as usize as u64
    }
}

/// Dispatch by tail calls: each handler jumps to the next.
#[cfg(lineal_tail_calls)]
mod dispatch {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    macro_rules! in_registers {
        ($($item:tt)*) => { unsafe extern "sysv64" $($item)* };
    }
    #[cfg(not(target_arch = "x86_64"))]
    macro_rules! in_registers {
        ($($item:tt)*) => { unsafe extern "C" $($item)* };
    }

    /// A handler; the parameters are [`Machine`]'s fields.
    pub(crate) type Address =
        in_registers!(fn(Ip, Fp, *mut Context, *mut u8, u64, u64, f64, f32, f64, f32, f64));

    /// The handler of an operation.
    pub(super) const fn address<O: Op>() -> Address {
        threaded::<O>
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
        ) {
            let head = Ip::from_number(head);
            let mut m =
                Machine { ip, fp, cx, mem_ptr, acc, pin, acc64, acc32, pin64, pin32, head };
            // SAFETY: whoever jumps here upholds E1 to E4 for the cell at `ip`.
            match unsafe { O::exec(&mut m) } {
                // SAFETY: `exec` left the invariants in force for the cell now at `ip`.
                Ok(()) | Err(Exit::BRANCH) => unsafe {
                    m.ip.handler()(
                        m.ip, m.fp, m.cx, m.mem_ptr, m.acc, m.pin, m.acc64, m.acc32, m.pin64, m.pin32,
                        m.head.to_number(),
                    )
                },
                // SAFETY: E3 for `cx`; the rest is only recorded.
                Err(exit) => unsafe {
                    leave(
                        m.ip, m.fp, m.cx, m.mem_ptr, exit.to_bits(), m.pin, m.acc64, m.acc32, m.pin64,
                        m.pin32, m.head.to_number(),
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
        unsafe { O::exec(m) }
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
