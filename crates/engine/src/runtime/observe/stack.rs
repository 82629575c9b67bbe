//! Call stacks as lists of sites: what profilers take at every allocation.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::site::Site;
use crate::machine::{Fp, Ip};
use crate::runtime::context::{Context, Switch};
use crate::runtime::frames::{Frame, Walk};
use crate::runtime::instance::InstanceData;

/// What is known of frames, so that most of a walk is to see that they are as they were.
#[derive(Default)]
pub(crate) struct Stacks {
    /// What return addresses are; `None` for the host's.
    known: HashMap<usize, Option<Known>, BuildHasherDefault<AddressHasher>>,
    /// Frames of earlier walks, outermost first: those of what was the innermost instance then. Each is
    /// compared with the stack before it is used.
    walked: Vec<Walked>,
    /// New frames, innermost first; kept for its memory.
    found: Vec<Walked>,
}

/// What a walk needs of an address in a function's code.
#[derive(Clone, Copy)]
struct Known {
    site: Site,
    link_slot: u32,
}

/// A frame as it was found.
#[derive(Clone, Copy)]
struct Walked {
    fp: Fp,
    ip: Ip,
    known: Known,
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

/// Where a walk begins, and what else it needs of a context.
#[derive(Clone, Copy)]
struct Top<'a> {
    ip: Ip,
    fp: Fp,
    instance: *const InstanceData,
    switches: &'a [Switch],
    switch_return: Ip,
}

/// The frame that a walk looks at next.
#[derive(Clone, Copy)]
struct Next<'a> {
    top: Top<'a>,
    ip: Ip,
    fp: Fp,
    instance: *const InstanceData,
    /// The switches of instances not walked over yet.
    switches: &'a [Switch],
}

impl<'a> Next<'a> {
    fn innermost(top: Top<'a>) -> Next<'a> {
        let Top { ip, fp, instance, switches, .. } = top;
        Next { top, ip, fp, instance, switches }
    }

    /// Goes on from the frame of a function of which that is known.
    fn go_to_caller(&mut self, known: Known) {
        // SAFETY: E2: the frame is still on the stack, and its link was saved when it began.
        let link = unsafe { self.fp.as_ptr().add(known.link_slot as usize).read() };
        self.return_to(Ip::new(std::ptr::with_exposed_provenance(link as usize)));
    }

    fn return_to(&mut self, return_ip: Ip) {
        self.ip = return_ip.offset(-1);
        // SAFETY: the call at this return address has not returned.
        self.fp = unsafe { self.fp.of_caller(return_ip) };
    }

    /// Whether all frames so far are of the innermost instance, without others between them.
    fn is_innermost_instance(&self) -> bool {
        self.switches.len() == self.top.switches.len()
    }
}

impl Stacks {
    /// Appends the sites at which the frames of a guest are, innermost first.
    fn walk(&mut self, top: Top<'_>, limit: usize, sites: &mut Vec<Site>) {
        let mut next = Next::innermost(top);
        let end = sites.len().saturating_add(limit);
        self.found.clear();
        // What is new since the last walk.
        while sites.len() < end && !self.was_walked(&next) {
            let Some(site) = self.step(&mut next) else { break };
            sites.push(site);
        }
        let newer = self.found.len();
        // What is as it was.
        let mut older = self.walked.len();
        while sites.len() < end && older > 0 && self.was_walked_at(older, &next) {
            older -= 1;
            let known = self.walked[older].known;
            sites.push(known.site);
            next.go_to_caller(known);
        }
        if sites.len() < end {
            // What lies below it is new. Some more frames are found on the way, for the next walks.
            let more = end.saturating_add(limit) - sites.len();
            for _ in 0..more {
                let Some(site) = self.step(&mut next) else { break };
                if sites.len() < end {
                    sites.push(site);
                } else if !next.is_innermost_instance() {
                    break;
                }
            }
            self.walked.splice(..older, self.found.drain(newer..).rev());
        }
        self.walked.extend(self.found.drain(..).rev());
        if self.walked.len() > limit.saturating_mul(4) {
            self.walked.drain(..self.walked.len() - 2 * limit);
        }
    }

    /// Whether an earlier walk found that frame; then it is the last of those that are still kept.
    fn was_walked(&mut self, next: &Next<'_>) -> bool {
        if !next.is_innermost_instance() {
            return false;
        }
        while self.walked.last().is_some_and(|walked| walked.fp.as_ptr() > next.fp.as_ptr()) {
            self.walked.pop();
        }
        self.was_walked_at(self.walked.len(), next)
    }

    fn was_walked_at(&self, count: usize, next: &Next<'_>) -> bool {
        let walked = self.walked[..count].last();
        walked.is_some_and(|walked| walked.fp == next.fp && walked.ip == next.ip)
    }

    /// The site at which the caller of the innermost frame is.
    fn caller(&mut self, top: Top<'_>) -> Site {
        let mut next = Next::innermost(top);
        self.found.clear();
        self.step(&mut next);
        self.step(&mut next).unwrap_or(Site::HOST)
    }

    /// The site of a frame, which is kept among those found if it may be; goes on to the next one.
    #[inline]
    fn step(&mut self, next: &mut Next<'_>) -> Option<Site> {
        while next.ip == next.top.switch_return.offset(-1) {
            let (switch, rest) = next.switches.split_last()?;
            (next.switches, next.instance) = (rest, switch.instance);
            next.return_to(switch.return_ip);
        }
        let Next { ip, fp, .. } = *next;
        let known = match self.known.get(&(ip.as_ptr() as usize)) {
            Some(known) => *known,
            None => self.look(next),
        }?;
        if next.is_innermost_instance() {
            self.found.push(Walked { fp, ip, known });
        }
        next.go_to_caller(known);
        Some(known.site)
    }

    #[cold]
    fn look(&mut self, next: &Next<'_>) -> Option<Known> {
        // SAFETY: R1: the instance is that of a function which has not returned.
        let running = unsafe { next.instance.as_ref() }?;
        let known = running.module.locate(next.ip).map(|(_, granule, code)| Known {
            site: running.module.site(code.wasm_offset(granule)),
            link_slot: code.link_slot,
        });
        self.known.insert(next.ip.as_ptr() as usize, known);
        known
    }
}

/// What a context knows of stacks, if its store observes, and where a walk begins.
fn parts(context: &mut Context) -> Option<(&mut Stacks, Top<'_>)> {
    let stacks = &mut context.observation.as_deref_mut()?.stacks;
    let top = Top {
        ip: context.exit.ip,
        fp: context.exit.fp,
        instance: context.instance,
        switches: &context.switches,
        switch_return: context.switch_return,
    };
    Some((stacks, top))
}

/// Appends the sites at which the frames of a guest are, innermost first: no more than `limit`.
pub(super) fn walk(context: &mut Context, limit: usize, sites: &mut Vec<Site>) {
    if let Some((stacks, top)) = parts(context)
        && !top.instance.is_null()
    {
        stacks.walk(top, limit, sites);
    }
}

/// The site of the instruction that called the function whose frame the context says.
pub(crate) fn caller_site(context: &mut Context) -> Site {
    parts(context).map_or(Site::HOST, |(stacks, top)| stacks.caller(top))
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
