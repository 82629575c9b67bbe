//! What observers are told.

use super::site::Site;
use super::state::{Record, WideValues};

/// A memory of a store, as observers name it: by the order in which the store first had to do with
/// it. The memories of an instance are numbered in the order of their indices when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(pub(crate) u32);

impl MemoryId {
    /// The number.
    pub fn as_u32(self) -> u32 {
        self.0
    }
}

/// Whether an access reads, writes, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It reads and writes in one atomic step.
    Update,
}

impl AccessKind {
    /// Whether it reads the bytes.
    pub fn reads(self) -> bool {
        self != AccessKind::Write
    }

    /// Whether it writes the bytes.
    pub fn writes(self) -> bool {
        self != AccessKind::Read
    }
}

/// What makes an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessSource {
    /// A load or store: of a number, a vector, or a lane of one.
    Plain,
    /// An atomic operation.
    Atomic,
    /// `memory.fill`.
    Fill,
    /// `memory.copy`: a read of the one range, then a write of the other.
    Copy,
    /// `memory.init`.
    Init,
    /// A data segment that is copied when its module is instantiated.
    Segment,
    /// The host, through a method of [`Memory`](crate::Memory).
    Host,
}

impl AccessKind {
    const fn to_bits(self) -> u32 {
        match self {
            AccessKind::Read => 0,
            AccessKind::Write => 1,
            AccessKind::Update => 2,
        }
    }

    const fn from_bits(bits: u32) -> AccessKind {
        match bits & 3 {
            0 => AccessKind::Read,
            1 => AccessKind::Write,
            _ => AccessKind::Update,
        }
    }
}

/// What a cell says of its access, in 32 bits: the width in bytes, the kind, whether it is atomic,
/// and the memory if it is not memory 0 of the running instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info(u32);

impl Info {
    pub(crate) const fn new(kind: AccessKind, width_bytes: usize) -> Info {
        Info(width_bytes as u32 | kind.to_bits() << 8)
    }

    pub(crate) const fn atomic(self) -> Info {
        Info(self.0 | 1 << 10)
    }

    /// The same of a memory, if its number is small enough.
    pub(crate) fn of_memory(self, memory: MemoryId) -> Option<Info> {
        let number = u16::try_from(memory.0).ok()?.checked_add(1)?;
        Some(Info(self.0 & 0xffff | u32::from(number) << 16))
    }

    /// The granule of a cell, and of a record: the site with this above it.
    pub(crate) fn granule(self, site: Site) -> u64 {
        u64::from(site.to_bits()) | u64::from(self.0) << 32
    }

    pub(crate) fn from_bits(bits: u32) -> Info {
        Info(bits)
    }

    pub(crate) fn width_bytes(self) -> usize {
        (self.0 & 0xff) as usize
    }

    pub(crate) fn kind(self) -> AccessKind {
        AccessKind::from_bits(self.0 >> 8)
    }

    pub(crate) fn source(self) -> AccessSource {
        if self.0 & 1 << 10 != 0 { AccessSource::Atomic } else { AccessSource::Plain }
    }

    /// The memory, if it is not memory 0.
    pub(crate) fn memory(self) -> Option<MemoryId> {
        (self.0 >> 16).checked_sub(1).map(MemoryId)
    }
}

/// Bytes of an access: those of a record, or a range.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bytes<'a> {
    Few([u8; 16], u8),
    Range(&'a [u8]),
}

impl Bytes<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Few(bytes, len) => &bytes[..usize::from(*len).min(16)],
            Bytes::Range(bytes) => bytes,
        }
    }
}

/// An access to a memory that has just been made: bounds were checked, and what it writes is
/// written.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    pub(crate) kind: AccessKind,
    pub(crate) source: AccessSource,
    pub(crate) memory: MemoryId,
    pub(crate) addr: u64,
    pub(crate) site: Site,
    pub(crate) old: Bytes<'a>,
    pub(crate) new: Bytes<'a>,
}

impl Access<'_> {
    /// Whether it reads, writes or both.
    pub fn kind(&self) -> AccessKind {
        self.kind
    }

    /// What makes it.
    pub fn source(&self) -> AccessSource {
        self.source
    }

    /// The memory.
    pub fn memory(&self) -> MemoryId {
        self.memory
    }

    /// The address of the first byte.
    pub fn addr(&self) -> u64 {
        self.addr
    }

    /// How many bytes are accessed. It can be 0, of operations on ranges.
    pub fn len_bytes(&self) -> u64 {
        self.old().len() as u64
    }

    /// The addresses, up to and without the last.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.addr..self.addr + self.len_bytes()
    }

    /// Who makes it: [`Engine::origin`](crate::Engine::origin) says more.
    pub fn site(&self) -> Site {
        self.site
    }

    /// The bytes before the access, in the order of their addresses. Where threads share the
    /// memory, another may have written them since.
    pub fn old(&self) -> &[u8] {
        self.old.as_slice()
    }

    /// The bytes after the access: what it wrote, or what it read.
    #[expect(clippy::new_ret_no_self, reason = "it is the counterpart of `old`")]
    pub fn new(&self) -> &[u8] {
        self.new.as_slice()
    }
}

/// Accesses that were made one after the other.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub(crate) records: &'a [Record],
    /// What memory 0 is from which record on.
    pub(crate) memories: &'a [(u32, MemoryId)],
    /// The values of accesses of 16 bytes.
    pub(crate) wide: &'a [WideValues],
}

impl<'a> Batch<'a> {
    /// The accesses, in their order.
    pub fn iter(&self) -> BatchIter<'a> {
        let none = self.records[..0].iter();
        BatchIter { part: none, memory: MemoryId(0), parts: self.memories, batch: *self }
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = Access<'a>;
    type IntoIter = BatchIter<'a>;

    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Batch<'a> {
    type Item = Access<'a>;
    type IntoIter = BatchIter<'a>;

    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The accesses of a [`Batch`].
#[derive(Clone, Debug)]
pub struct BatchIter<'a> {
    /// What is left of the part that is being looked at.
    part: std::slice::Iter<'a, Record>,
    /// What memory 0 is in this part.
    memory: MemoryId,
    /// Where the parts behind it begin, and what memory 0 is in them.
    parts: &'a [(u32, MemoryId)],
    batch: Batch<'a>,
}

impl<'a> BatchIter<'a> {
    /// Goes on to the next part that is not empty. (Inlined, so that an iterator can be in
    /// registers.)
    #[inline(always)]
    fn next_part(&mut self) -> Option<&'a Record> {
        while let Some((&(from, memory), parts)) = self.parts.split_first() {
            let end = parts.first().map_or(self.batch.records.len(), |&(from, _)| from as usize);
            let part = self.batch.records.get(from as usize..end).unwrap_or_default();
            (self.part, self.memory, self.parts) = (part.iter(), memory, parts);
            if let Some(record) = self.part.next() {
                return Some(record);
            }
        }
        None
    }
}

impl<'a> Iterator for BatchIter<'a> {
    type Item = Access<'a>;

    #[inline]
    fn next(&mut self) -> Option<Access<'a>> {
        let record = match self.part.next() {
            Some(record) => record,
            None => self.next_part()?,
        };
        let info = record.info();
        let width = info.width_bytes();
        let mut old = [0; 16];
        let mut new = [0; 16];
        if width <= 8 {
            old[..8].copy_from_slice(&record.old.to_le_bytes());
            new[..8].copy_from_slice(&record.new.to_le_bytes());
        } else if let Some(values) = self.batch.wide.get(record.old as usize) {
            old = values.old.to_le_bytes();
            new = values.new.to_le_bytes();
        }
        if info.kind() == AccessKind::Read {
            new = old;
        }
        Some(Access {
            kind: info.kind(),
            source: info.source(),
            memory: info.memory().unwrap_or(self.memory),
            addr: record.addr,
            site: record.site(),
            old: Bytes::Few(old, width as u8),
            new: Bytes::Few(new, width as u8),
        })
    }
}

/// A memory that has just grown.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Growth {
    /// The memory.
    pub memory: MemoryId,
    /// Its size before, in bytes.
    pub old_bytes: u64,
    /// Its size now, in bytes.
    pub new_bytes: u64,
    /// Who made it grow.
    pub site: Site,
}

/// An instance that has just been allocated: its memories are zero, and no segment was copied.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Instantiated<'a> {
    /// The module.
    pub module: &'a crate::runtime::code::Module,
    /// Its memories, by index.
    pub memories: &'a [MemoryId],
}

impl Instantiated<'_> {
    /// The module's binary.
    pub fn module_bytes(&self) -> &[u8] {
        &self.module.code().decoded.bytes
    }

    /// The site of the module's first byte, which no other module of the engine has, not even after
    /// this one is gone. `None` if the engine has run out of numbers for sites.
    pub fn module_site(&self) -> Option<Site> {
        self.module.code().observed.as_ref()?.module_site()
    }
}

/// A call of a chosen function that begins or returns, or of a host function.
#[derive(Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The function: the site of its body, or of the host function. The function that
    /// [`Observe::functions`](crate::Observe::functions) was asked about has the same
    /// [`site`](crate::FunctionInfo::site).
    pub function: Site,
    /// The instruction that called it; [`Site::HOST`] if the host did. For a return, the `return`
    /// or the end of the function.
    pub site: Site,
    /// The arguments at the beginning, the results at a return, as slots hold them: an `i32` with
    /// zeros above it, floats as their bits, a `v128` in two slots. They can be changed; the
    /// guest then goes on with what is here, so that it must be of the right type.
    pub values: &'a mut [u64],
    /// How many slots of the guest's stack lie below the call's frame: of two calls that have not
    /// returned, the inner one has more, or as many if it is a tail call.
    pub height: u64,
    /// The function does not return by itself but by a tail call, whose results are its own; the
    /// values are empty then.
    pub is_tail_call: bool,
}

/// A chosen global that was set.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GlobalSet {
    /// The global's index in the module of the instruction.
    pub global: u32,
    /// The instruction.
    pub site: Site,
    /// The value before, as a slot holds it.
    pub old: u64,
    /// The value now.
    pub new: u64,
}

/// How a call of the host into a guest ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// The guest returned.
    Returned,
    /// A trap stopped it.
    Trapped(crate::runtime::trap::Trap),
    /// An error of a host function, a callback or an observer stopped it. `proc_exit` is one too.
    Failed,
    /// It threw an exception that it did not catch.
    Threw,
    /// A panic of the host's passes through it.
    Panicked,
}
