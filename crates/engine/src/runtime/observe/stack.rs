//! Call stacks as lists of sites: what profilers take at every allocation.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::site::Site;
use crate::machine::{Fp, Ip};
use crate::runtime::context::Context;
use crate::runtime::frames::{Frame, Walk};

/// What is known of return addresses: frames are found without looking for their functions again.
#[derive(Default)]
pub(crate) struct Stacks {
    known: HashMap<usize, Known, BuildHasherDefault<AddressHasher>>,
}

/// What a walk needs of an address in a function's code.
#[derive(Clone, Copy)]
struct Known {
    site: Site,
    link_slot: u32,
}

/// Addresses of granules are all different: their bits need to be mixed a little, and no more.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, address: usize) {
        let mixed = (address as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Stacks {
    /// Appends the sites at which the frames of a guest are, innermost first.
    pub(crate) fn walk(&mut self, context: &Context, limit: usize, sites: &mut Vec<Site>) {
        let (mut ip, mut fp) = (context.exit.ip, context.exit.fp);
        let mut switches = context.switches.as_slice();
        let mut instance = context.instance;
        let goes_to = |fp: Fp, return_ip: Ip| {
            // SAFETY: the call at this return address has not returned.
            (return_ip.offset(-1), unsafe { fp.of_caller(return_ip) })
        };
        let end = sites.len().saturating_add(limit);
        while sites.len() < end {
            while ip == context.switch_return.offset(-1) {
                let Some((switch, rest)) = switches.split_last() else { return };
                (switches, instance) = (rest, switch.instance);
                (ip, fp) = goes_to(fp, switch.return_ip);
            }
            let address = ip.as_ptr() as usize;
            let known = match self.known.get(&address) {
                Some(&known) => known,
                None => {
                    // SAFETY: R1: the instance is that of a function which has not returned.
                    let Some(running) = (unsafe { instance.as_ref() }) else { return };
                    let Some((_, granule, code)) = running.module.locate(ip) else { return };
                    let known = Known {
                        site: running.module.site(code.wasm_offset(granule)),
                        link_slot: code.link_slot,
                    };
                    self.known.insert(address, known);
                    known
                }
            };
            sites.push(known.site);
            // SAFETY: E2: the frame is still on the stack, and its link was saved when it began.
            let link = unsafe { fp.as_ptr().add(known.link_slot as usize).read() };
            let return_ip = Ip::new(std::ptr::with_exposed_provenance(link as usize));
            (ip, fp) = goes_to(fp, return_ip);
        }
    }
}

/// The values in the live frames of a guest that has just stopped, as slots hold them.
pub(super) fn live_slots(context: &Context) -> impl Iterator<Item = u64> {
    let top = Walk::new(context).next().map(|frame: Frame<'_>| {
        let enter = frame.code.cells.get(1).copied().unwrap_or(0);
        frame.fp.slot(crate::machine::b_of(enter) as usize)
    });
    let start = context.stack_start;
    let end = top.unwrap_or(start).min(context.stack_end).max(start);
    let count = (end as usize - start as usize) / size_of::<u64>();
    // SAFETY: E2: all of them are slots of the stack, which have values.
    (0..count).map(move |index| unsafe { start.add(index).read() })
}
