//! [`Memories`]: which of a store's memories are which of the module's.

use lineal::{Instantiated, MemoryId};

/// The memories of the first instance, by their indices in its module: what a user means by
/// `memory1`.
#[derive(Clone, Debug, Default)]
pub struct Memories {
    ids: Option<Vec<MemoryId>>,
}

impl Memories {
    /// Takes note of an instance; whether it is the first, or the first of another store for the
    /// same guest: one that runs a thread of it.
    pub fn instantiated(&mut self, instance: &Instantiated<'_>) -> bool {
        match &self.ids {
            Some(ids) => ids[..] == *instance.memories,
            None => {
                self.ids = Some(instance.memories.to_vec());
                true
            }
        }
    }

    /// The memory with an index.
    pub fn id(&self, index: u32) -> Option<MemoryId> {
        self.ids.as_ref()?.get(index as usize).copied()
    }

    /// The index of a memory.
    pub fn index(&self, id: MemoryId) -> Option<u32> {
        let at = self.ids.as_ref()?.iter().position(|&other| other == id)?;
        Some(at as u32)
    }
}
