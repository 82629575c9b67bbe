//! The machine's registers.

use super::{Fp, Ip};
use crate::runtime::context::Context;

/// A vector's bytes: those of lane 0 first, each lane's lowest first, as memory holds them.
pub(crate) type Vector = [u8; 16];

/// A vector as a register of the processor holds it.
#[cfg(all(target_arch = "x86_64", any(lineal_tail_calls, all(feature = "simd", not(miri)))))]
pub(crate) type VectorRegister = std::arch::x86_64::__m128i;
#[cfg(all(target_arch = "aarch64", lineal_tail_calls))]
pub(crate) type VectorRegister = std::arch::aarch64::uint8x16_t;

#[cfg(any(lineal_tail_calls, all(feature = "simd", target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(crate) fn to_register(vector: Vector) -> VectorRegister {
    // SAFETY: both are 16 bytes, and any bytes are a value of either.
    unsafe { std::mem::transmute(vector) }
}

#[cfg(any(lineal_tail_calls, all(feature = "simd", target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(crate) fn from_register(register: VectorRegister) -> Vector {
    // SAFETY: both are 16 bytes, and any bytes are a value of either.
    unsafe { std::mem::transmute(register) }
}

/// A bank of registers: an accumulator and a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    /// Integers and references.
    Int,
    /// `f64`.
    F64,
    /// `f32`.
    F32,
}

/// The machine's registers.
///
/// In a tail-calling build they travel in the processor's argument registers: a handler packs
/// them into this struct, which the optimiser takes apart again.
#[derive(Clone, Copy)]
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
    /// The accumulator of vectors: always a copy of what two slots hold.
    pub(crate) acc128: Vector,
    /// The pinned `f64` local.
    pub(crate) pin64: f64,
    /// The pinned `f32` local.
    pub(crate) pin32: f32,
    /// The first cell of the innermost loop, if it began with
    /// [`Head`](crate::exec::control::Head) and nothing since then can have changed it.
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
            #[cfg(not(miri))]
            unsafe {
                std::arch::asm!("", options(nomem, nostack, preserves_flags))
            };
            self.ip = self.head;
        } else {
            self.ip = self.ip.offset(displacement as i32 as isize);
        }
    }
}

impl Machine {
    /// A machine with a frame and without values, which is at no cell yet.
    pub(crate) fn at(cx: *mut Context, mem_ptr: *mut u8, fp: Fp) -> Machine {
        Machine {
            ip: Ip::NULL,
            fp,
            cx,
            mem_ptr,
            acc: 0,
            pin: 0,
            acc64: 0.0,
            acc32: 0.0,
            acc128: Vector::default(),
            pin64: 0.0,
            pin32: 0.0,
            head: Ip::NULL,
        }
    }

    /// Leaves all registers in the context: execution can continue at the cell at `ip`.
    ///
    /// # Safety
    ///
    /// E3 holds.
    #[inline(always)]
    pub(crate) unsafe fn stop(&self) {
        // SAFETY: the caller's promise.
        unsafe { (*self.cx).stopped = Some(*self) };
    }

    /// Loads the pins from the slots that a pair of slot numbers names.
    #[inline(always)]
    pub(crate) unsafe fn load_pins(&mut self, fp: Fp, int_slot: usize, float_slot: usize) {
        // SAFETY: E2: they are slots of the frame at `fp`.
        let (int, float) = unsafe { (fp.get(int_slot), fp.get(float_slot)) };
        self.pin = int;
        self.pin64 = f64::from_bits(float);
        self.pin32 = f32::from_bits(float as u32);
    }
}
