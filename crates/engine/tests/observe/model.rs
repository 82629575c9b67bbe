//! A naive observer: it keeps the bytes of all memories, and their writers, by what it is told.

use std::collections::BTreeMap;

use lineal::{Access, AccessKind, Growth, Instantiated, MemoryId, Moment, Observer, Result, Site};

/// What reports say that memories hold.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) memories: BTreeMap<MemoryId, Contents>,
    /// How many accesses were reported.
    pub(crate) accesses: u64,
    pub(crate) grown: u64,
    pub(crate) lent: u64,
    /// Whether everything is marked as of interest when an instance is made.
    pub(crate) mark_all: bool,
    /// Whether only some of the accesses are reported, so that reads cannot be checked.
    pub(crate) is_partial: bool,
}

/// One memory.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) bytes: Vec<u8>,
    pub(crate) writers: Vec<Site>,
}

impl Contents {
    fn grow(&mut self, len_bytes: u64) {
        self.bytes.resize(len_bytes as usize, 0);
        self.writers.resize(len_bytes as usize, Site::NOBODY);
    }
}

impl Observer for Model {
    fn instantiated(&mut self, moment: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        for &memory in instance.memories {
            let len = moment.memory_bytes(memory);
            self.memories.entry(memory).or_default().grow(len);
            if self.mark_all {
                moment.set_interest(memory, 0..u64::MAX, true);
            }
        }
        Ok(())
    }

    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        self.accesses += 1;
        let memory = self.memories.get_mut(&access.memory()).expect("a known memory");
        let range = access.addr() as usize..(access.addr() + access.len_bytes()) as usize;
        let bytes = &mut memory.bytes[range.clone()];
        assert_eq!(access.old().len(), access.new().len(), "{access:?}");
        if !self.is_partial {
            assert_eq!(bytes, access.old(), "{access:x?}");
        }
        match access.kind() {
            AccessKind::Read => assert_eq!(access.old(), access.new(), "{access:x?}"),
            AccessKind::Write | AccessKind::Update => {
                bytes.copy_from_slice(access.new());
                memory.writers[range].fill(access.site());
            }
        }
        Ok(())
    }

    fn grew(&mut self, _: &mut Moment<'_>, growth: &Growth) -> Result<()> {
        self.grown += 1;
        let memory = self.memories.get_mut(&growth.memory).expect("a known memory");
        assert_eq!(memory.bytes.len() as u64, growth.old_bytes);
        memory.grow(growth.new_bytes);
        Ok(())
    }

    fn lent(&mut self, moment: &mut Moment<'_>, id: MemoryId) -> Result<()> {
        self.lent += 1;
        let memory = self.memories.get_mut(&id).expect("a known memory");
        moment.read(id, 0, &mut memory.bytes)?;
        Ok(())
    }
}

impl Model {
    /// Compares with what the memories really hold.
    pub(crate) fn check(&self, moment: &Moment<'_>) {
        for (&id, memory) in &self.memories {
            assert_eq!(moment.memory_bytes(id), memory.bytes.len() as u64, "{id:?}");
            let mut bytes = vec![0; memory.bytes.len()];
            moment.read(id, 0, &mut bytes).unwrap();
            let differs = bytes.iter().zip(&memory.bytes).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{id:?}: first byte that differs");
        }
    }

    /// Compares the writers too.
    pub(crate) fn check_writers(&self, moment: &Moment<'_>) {
        for (&id, memory) in &self.memories {
            for (addr, &site) in (0..).zip(&memory.writers) {
                assert_eq!(moment.writer(id, addr), site, "{id:?} at {addr:#x}");
            }
        }
    }
}
