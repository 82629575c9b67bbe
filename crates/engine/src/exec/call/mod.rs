//! Handlers of calls and returns.
//!
//! A callee's frame starts at the caller's argument slots, so nothing is copied:
//!
//! ```text
//! caller's frame  [ params │ locals │ link │ temporaries … args ]
//! callee's frame                                         [ params │ locals │ link │ … ]
//! ```
//!
//! A call jumps to the callee with the return address in `acc` and the callee's [`FuncEntry`]
//! in `pin`; [`Enter`] saves the former in the link slot. The granule before a return address is
//! the call's metadata ([`CallMeta`]). Results replace the arguments, from slot 0 on; the first
//! one is in the accumulator of its bank too.

mod direct;
mod enter;
mod indirect;
mod outside;
mod returns;
mod tail;

pub(crate) use direct::{Call, CallImport};
pub(crate) use enter::{Enter, MANY};
pub(crate) use indirect::{CallIndirect, CallRef};
#[cfg(feature = "async")]
pub(crate) use outside::HostCode;
pub(crate) use outside::{call_host, host_slots, returned, run_host};
pub(crate) use returns::{Return0, Return1, ReturnMany, ReturnVector};
pub(crate) use tail::{ReturnCall, ReturnCallImport, ReturnCallIndirect, ReturnCallRef, TailMeta};

use crate::machine::{Fp, Handler, Ip, Machine, handler, operands};
use crate::runtime::code::FuncEntry;
use enter::Translate;
use indirect::CallSubtype;
use outside::CallOutside;
use returns::{HostReturn, SwitchReturn};

/// What a return needs to know of the caller, in the granule before the return address.
#[derive(Clone, Copy)]
pub(crate) struct CallMeta {
    /// How many slots the callee's frame lies above the caller's.
    pub(crate) delta: u32,
    /// The slots that the caller's pins are loaded from again.
    pub(crate) int_pin: u16,
    /// The same for the float pins.
    pub(crate) float_pin: u16,
}

impl CallMeta {
    /// As [`operands`]: the pins are `a` and `d`, the distance is `b`.
    pub(crate) fn to_granule(self) -> u64 {
        operands(self.int_pin, self.float_pin, self.delta)
    }
}

/// The distance from caller's to callee's frame, in slots, by the metadata at `ip`.
#[inline(always)]
unsafe fn delta_at(ip: Ip) -> usize {
    // SAFETY: E1: metadata is packed as operands are.
    unsafe { ip.offset(-1).b() as usize }
}

/// Where the call that the cell at `ip` makes begins the callee's frame; its metadata is granule
/// `n`.
#[inline(always)]
unsafe fn callee_frame(m: &Machine, n: isize) -> Fp {
    // SAFETY: E1.
    Fp::new(m.fp.slot(unsafe { delta_at(m.ip.offset(n)) }))
}

/// Goes back to the caller whose code continues at `ip`, from a callee's frame.
///
/// # Safety
///
/// `ip` is a return address, and `m.fp` the frame of the call that it belongs to.
#[inline(always)]
unsafe fn return_to(m: &mut Machine, ip: Ip) {
    // SAFETY: E1: a return address comes after the call's metadata. E2: the caller's frame is
    // still there.
    unsafe {
        m.fp = m.fp.of_caller(ip);
        m.load_pins(m.fp, ip.half(-1, 0), ip.half(-1, 1));
    }
    m.ip = ip;
}

/// Makes an exit from a call whose frame is gone, or not there yet, one of the calling function:
/// `ip` inside its call cell, `fp` its frame.
#[inline(always)]
unsafe fn blame_caller(m: &mut Machine, return_ip: Ip) {
    m.ip = return_ip.offset(-1);
    // SAFETY: `m.fp` is where the call began the callee's frame.
    m.fp = unsafe { m.fp.of_caller(return_ip) };
}

/// A cell outside any function, with call metadata before it, so that it can be returned to.
#[repr(C)]
pub(super) struct StaticCell {
    meta: u64,
    handler: Handler,
}

impl StaticCell {
    pub(super) const fn new(handler: Handler) -> StaticCell {
        StaticCell { meta: 0, handler }
    }

    pub(super) fn ip(&'static self) -> Ip {
        Ip::new((&raw const self.handler).cast())
    }
}

static HOST_RETURN: StaticCell = StaticCell::new(handler::<HostReturn>());
static SWITCH_RETURN: StaticCell = StaticCell::new(handler::<SwitchReturn>());
static CALL_OUTSIDE: StaticCell = StaticCell::new(handler::<CallOutside>());
static CALL_SUBTYPE: StaticCell = StaticCell::new(handler::<CallSubtype>());
static TRANSLATE: StaticCell = StaticCell::new(handler::<Translate>());

/// Where the outermost function returns to.
pub(crate) fn host_return_ip() -> Ip {
    HOST_RETURN.ip()
}

/// Where a function called from another instance returns to.
pub(crate) fn switch_return_ip() -> Ip {
    SWITCH_RETURN.ip()
}

/// Where a function that is not translated yet starts.
pub(crate) fn translate_stub() -> Ip {
    TRANSLATE.ip()
}

/// Jumps to the entry of a function whose frame begins at `fp`.
#[inline(always)]
fn begin(m: &mut Machine, entry: *const FuncEntry, fp: Fp, return_ip: Ip) {
    m.acc = return_ip.as_ptr().expose_provenance() as u64;
    m.pin = entry.expose_provenance() as u64;
    m.fp = fp;
    // SAFETY: R1: an entry lives as long as its module.
    m.ip = unsafe { (*entry).ip() };
}
