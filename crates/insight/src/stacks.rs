//! Call stacks, each kept once.

use std::hash::Hasher;
use std::ops::Range;

use lineal::{Call, Moment, Site};

use crate::alloc::StackId;
use crate::hash::{FastHasher, FastMap};

/// The call stacks of allocations and findings.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    /// The newest stack with each hash.
    newest: FastMap<u64, StackId>,
    stacks: Vec<Stack>,
    /// The sites of all stacks, one stack after the other.
    sites: Vec<Site>,
    buffer: Vec<Site>,
}

#[derive(Debug)]
struct Stack {
    /// Where its sites begin; they end where those of the next one begin.
    start: usize,
    /// The one before it with the same hash.
    older: Option<StackId>,
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
        let mut hasher = FastHasher::default();
        self.buffer.iter().for_each(|site| std::hash::Hash::hash(site, &mut hasher));
        let hash = hasher.finish();
        let newest = self.newest.get(&hash).copied();
        let mut same_hash = newest;
        while let Some(id) = same_hash {
            if self.get(id) == self.buffer {
                return id;
            }
            same_hash = self.stacks[id as usize].older;
        }
        let id = self.stacks.len() as StackId;
        self.newest.insert(hash, id);
        self.stacks.push(Stack { start: self.sites.len(), older: newest });
        self.sites.extend_from_slice(&self.buffer);
        id
    }

    fn range(&self, id: StackId) -> Range<usize> {
        let start = |id: usize| self.stacks.get(id).map_or(self.sites.len(), |it| it.start);
        start(id as usize)..start(id as usize + 1)
    }

    /// The sites of a stack, innermost first.
    pub(crate) fn get(&self, id: StackId) -> &[Site] {
        &self.sites[self.range(id)]
    }
}
