//! [`Recent`]: what was read last.

use std::collections::{HashMap, VecDeque};

use anyhow::Result;
use lineal::{
    Access, Accesses, Engine, FrameInfo, Instantiated, Module, Moment, Observe, Observer, Origin,
    Site,
};

use crate::memories::Memories;
use crate::range::AddressRange;

/// An observer that keeps the last reads of the first instance's memories.
#[derive(Debug)]
pub struct Recent {
    memories: Memories,
    reads: VecDeque<Read>,
    limit: usize,
}

#[derive(Clone, Debug)]
struct Read {
    site: Site,
    bytes: AddressRange,
}

impl Recent {
    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().accesses(Accesses::All).batched(true)
    }

    /// Keeps as many reads as `limit` says.
    pub fn new(limit: usize) -> Recent {
        Recent { memories: Memories::default(), reads: VecDeque::new(), limit }
    }

    /// What the function of a frame read, the last first and no bytes twice: at most `count`
    /// ranges.
    pub fn reads_of(&self, engine: &Engine, frame: &FrameInfo, count: usize) -> Vec<AddressRange> {
        let mut is_in_it = HashMap::new();
        let mut found: Vec<AddressRange> = Vec::new();
        for read in self.reads.iter().rev() {
            let is_in_it = is_in_it.entry(read.site).or_insert_with(|| {
                matches!(engine.origin(read.site), Origin::Instruction(origin)
                    if origin.func_index() == frame.func_index()
                        && Module::same(origin.module(), frame.module()))
            });
            if *is_in_it && !found.contains(&read.bytes) {
                found.push(read.bytes.clone());
            }
            if found.len() >= count {
                break;
            }
        }
        found
    }
}

impl Observer for Recent {
    fn instantiated(&mut self, _: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        self.memories.instantiated(instance);
        Ok(())
    }

    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        if access.kind().reads()
            && let Some(memory) = self.memories.index(access.memory())
        {
            if self.reads.len() >= self.limit {
                self.reads.pop_front();
            }
            let bytes = AddressRange { memory, addresses: access.range() };
            self.reads.push_back(Read { site: access.site(), bytes });
        }
        Ok(())
    }
}
