//! [`Recent`]: what was read last.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use anyhow::Result;
use lineal::{
    Access, Accesses, Engine, FrameInfo, MemoryId, Module, Moment, Observe, Observer, Origin, Site,
};

use crate::memories::Memories;
use crate::range::AddressRange;

/// An observer that keeps the last reads of all memories.
#[derive(Debug)]
pub struct Recent {
    reads: VecDeque<Read>,
    limit: usize,
}

#[derive(Clone, Debug)]
struct Read {
    site: Site,
    memory: MemoryId,
    addresses: Range<u64>,
}

impl Recent {
    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().accesses(Accesses::All).batched(true)
    }

    /// Keeps as many reads as `limit` says.
    pub fn new(limit: usize) -> Recent {
        Recent { reads: VecDeque::new(), limit }
    }

    /// What the function of a frame read in some memories, the last first and no bytes twice: at
    /// most `count` ranges.
    pub fn reads_of(
        &self,
        engine: &Engine,
        memories: &Memories,
        frame: &FrameInfo,
        count: usize,
    ) -> Vec<AddressRange> {
        let mut is_in_it = HashMap::new();
        let mut found: Vec<AddressRange> = Vec::new();
        for read in self.reads.iter().rev() {
            let Some(memory) = memories.index(read.memory) else { continue };
            let is_in_it = is_in_it.entry(read.site).or_insert_with(|| {
                matches!(engine.origin(read.site), Origin::Instruction(origin)
                    if origin.func_index() == frame.func_index()
                        && Module::same(origin.module(), frame.module()))
            });
            let bytes = AddressRange { memory, addresses: read.addresses.clone() };
            if *is_in_it && !found.contains(&bytes) {
                found.push(bytes);
            }
            if found.len() >= count {
                break;
            }
        }
        found
    }
}

impl Observer for Recent {
    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if access.kind().reads() {
            if self.reads.len() >= self.limit {
                self.reads.pop_front();
            }
            let (site, memory) = (access.site(), access.memory());
            self.reads.push_back(Read { site, memory, addresses: access.range() });
        }
        Ok(())
    }
}
