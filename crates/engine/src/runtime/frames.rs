//! The frames of a guest that has just stopped, innermost first.
//!
//! A frame keeps its return address in the link slot of its function's [`Code`]. The granule
//! before a return address is the metadata of the call, which says how far the caller's frame lies
//! below the callee's. Two return addresses are not a guest's: the one to the
//! host, where the walk ends, and the one to another instance, which stands for the newest
//! [`Switch`] not walked over yet.

use super::code::Code;
use super::context::{Context, Switch};
use super::instance::InstanceData;
use crate::machine::{Fp, Ip};

/// A walk over the frames of an invocation that has just stopped.
pub(crate) struct Walk<'a> {
    /// The instance the next frame belongs to.
    instance: *const InstanceData,
    /// Inside the cell that the next frame's function is at.
    ip: Ip,
    /// The next frame.
    fp: Fp,
    /// The switches not walked over yet.
    switches: &'a [Switch],
    /// The return address that stands for the newest of them.
    switch_return: Ip,
}

/// A frame of a guest's function.
pub(crate) struct Frame<'a> {
    pub(crate) instance: &'a InstanceData,
    /// The function, among its module's own.
    pub(crate) func: u32,
    pub(crate) code: &'a Code,
    /// The granule that the function is at.
    pub(crate) granule: u32,
    pub(crate) fp: Fp,
    /// How many switches lie below the frame.
    pub(crate) switches: usize,
}

impl Frame<'_> {
    /// Where the frame ends.
    pub(crate) fn end(&self) -> *mut u64 {
        let enter = Ip::new(self.code.cells.as_ptr());
        // SAFETY: E1: a function's first cell begins it, and has the frame's size in `b`.
        self.fp.slot(unsafe { enter.b() } as usize)
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(context: &'a Context) -> Walk<'a> {
        Walk {
            instance: context.instance,
            ip: context.exit.ip,
            fp: context.exit.fp,
            switches: &context.switches,
            switch_return: context.switch_return,
        }
    }

    /// Goes on to the caller that a return address belongs to.
    fn return_to(&mut self, return_ip: Ip) {
        self.ip = return_ip.offset(-1);
        // SAFETY: the call at this return address has not returned.
        self.fp = unsafe { self.fp.of_caller(return_ip) };
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while self.ip == self.switch_return.offset(-1) {
            let (switch, rest) = self.switches.split_last()?;
            self.switches = rest;
            self.instance = switch.instance;
            self.return_to(switch.return_ip);
        }
        // SAFETY: R1: the instance is that of a function which has not returned.
        let instance = unsafe { self.instance.as_ref()? };
        // The host's return address is in no function, and so ends the walk.
        let (func, granule, code) = instance.module.locate(self.ip)?;
        let (fp, switches) = (self.fp, self.switches.len());
        // SAFETY: E2: the frame is still on the stack, and its link was saved when it began.
        let link = unsafe { self.fp.as_ptr().add(code.link_slot as usize).read() };
        self.return_to(Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        Some(Frame { instance, func, code, granule, fp, switches })
    }
}
