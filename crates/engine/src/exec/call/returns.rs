//! Returns to the caller, to another instance, and to the host.

use std::marker::PhantomData;

use super::{host_return_ip, return_to};
use crate::machine::operand::{SlotD, SlotValue, Src};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Ip, Machine, Op};
use crate::runtime::context::Context;

/// `slot 0, accumulator ← d`, then returns through link slot `a`.
pub(crate) struct Return1<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for Return1<T, S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), S::PLACE];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            let value = S::get(m);
            m.fp.set(0, value.to_slot());
            value.set_acc(m);
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Returns through link slot `a`, after copying the `b` slots from `d` on to slot 0 on.
pub(crate) struct ReturnMany;

impl Op for ReturnMany {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] =
        &[Place::Slot(Field::A), Place::Slots(Field::all(2), Count::In(Field::B))];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the results lie above slot 0, so copying upwards is safe.
        unsafe {
            let link = m.fp.get(m.ip.a());
            let (first, count) = (m.ip.granule(2) as usize, m.ip.b() as usize);
            std::ptr::copy(m.fp.slot(first), m.fp.slot(0), count);
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// `slots 0 and 1 ← vector d`, then returns through link slot `a`.
pub(crate) struct ReturnVector;

impl Op for ReturnVector {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), Place::Pair(Field::D)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            m.fp.set_vector(0, SlotD::get(m));
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Returns through link slot `a`, without results.
pub(crate) struct Return0;

impl Op for Return0 {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Leaves the machine: the outermost function returned.
pub(super) struct HostReturn;

impl Op for HostReturn {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(_: &mut Machine) -> Result<(), Exit> {
        Err(Exit::DONE)
    }
}

/// Goes back to the instance that made a call into this one.
pub(super) struct SwitchReturn;

impl Op for SwitchReturn {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E3; whoever returns here was called by way of a switch.
        unsafe {
            let ip = leave_instance(m.cx);
            m.mem_ptr = (*m.cx).mem_ptr;
            return_to(m, ip);
        }
        Err(Exit::BRANCH)
    }
}

/// Makes the instance before the last switch the running one; where its code continues.
///
/// # Safety
///
/// E3 holds, and there is a switch.
#[inline(never)]
unsafe fn leave_instance(cx: *mut Context) -> Ip {
    // SAFETY: the caller's promise.
    let cx = unsafe { &mut *cx };
    match cx.switches.pop() {
        Some(switch) => {
            cx.enter(switch.instance);
            switch.return_ip
        }
        None => host_return_ip(),
    }
}
