//! Call stacks, each kept once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use lineal::{Call, Moment, Site};

use crate::alloc::StackId;

/// Hashes lists of sites: a multiplication for each.
#[derive(Default)]
struct SiteHasher(u64);

impl Hasher for SiteHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, site: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(site)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, len: usize) {
        self.write_u32(len as u32);
    }
}

/// The call stacks of allocations and findings.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    ids: HashMap<Box<[Site]>, StackId, BuildHasherDefault<SiteHasher>>,
    sites: Vec<Box<[Site]>>,
    buffer: Vec<Site>,
}

impl Stacks {
    /// The number of the stack as it is now: at most `limit` frames, innermost first.
    pub(crate) fn now(&mut self, moment: &mut Moment<'_>, limit: usize) -> StackId {
        self.buffer.clear();
        moment.stack(limit, &mut self.buffer);
        self.of_buffer()
    }

    /// The same after another site, such as that of a host function.
    pub(crate) fn below(&mut self, site: Site, moment: &mut Moment<'_>, limit: usize) -> StackId {
        self.buffer.clear();
        self.buffer.push(site);
        moment.stack(limit, &mut self.buffer);
        self.of_buffer()
    }

    /// The stack of a call that has just begun: the function itself is innermost.
    pub(crate) fn of_call(
        &mut self,
        call: &Call<'_>,
        moment: &mut Moment<'_>,
        limit: usize,
    ) -> StackId {
        self.buffer.clear();
        moment.stack(limit, &mut self.buffer);
        // The function is at no instruction yet.
        match self.buffer.first_mut() {
            Some(innermost) => *innermost = call.function,
            None => self.buffer.push(call.function),
        }
        self.of_buffer()
    }

    fn of_buffer(&mut self) -> StackId {
        if let Some(&id) = self.ids.get(self.buffer.as_slice()) {
            return id;
        }
        let sites: Box<[Site]> = self.buffer.as_slice().into();
        let id = self.sites.len() as StackId;
        self.sites.push(sites.clone());
        self.ids.insert(sites, id);
        id
    }

    /// The sites of a stack, innermost first.
    pub(crate) fn get(&self, id: StackId) -> &[Site] {
        self.sites.get(id as usize).map_or(&[], |sites| sites)
    }
}
