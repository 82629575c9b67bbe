//! The state of an observed store, and the part of it that handlers look at.

use std::collections::HashMap;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use super::config::Watched;
use super::event::{Batch, Info, MemoryId};
use super::host::{HostRead, Lent};
use super::observer::Observer;
use super::shadow::{Interest, SharedWriters, Split, Writers};
use super::site::Site;
use super::stack::Stacks;
use crate::machine::Ip;
use crate::runtime::context::HostFailure;
use crate::runtime::engine::Engine;
use crate::runtime::entity::{FuncEntity, MemoryEntity, with_memory};
use crate::runtime::store::StoreCore;

/// An access as handlers leave it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Record {
    /// A [`Site`], and an [`Info`] above it: what [`Info::granule`] packs.
    pub(crate) what: u64,
    pub(crate) addr: u64,
    /// The bytes before. Of an access of 16 bytes, which of the [`WideValues`] are its.
    pub(crate) old: u64,
    /// The bytes after; nothing of use if it only reads.
    pub(crate) new: u64,
}

/// The bytes before and after an access of 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideValues {
    pub(crate) old: u128,
    pub(crate) new: u128,
}

impl Record {
    pub(super) fn site(&self) -> Site {
        Site::from_bits(self.what as u32)
    }

    pub(super) fn info(&self) -> Info {
        Info::from_bits((self.what >> 32) as u32)
    }
}

/// What handlers of observed code look at. Only they do, and none has a cell unless the engine
/// observes, so it is otherwise empty.
///
/// **O1** While code of an instance runs in an observing engine: `interest` and `writers` are null
/// if the configuration does not ask for them, or belong to memory 0 and cover it, with room to
/// read a few bytes more; `split` are the split words of `writers`; a record may be written at
/// `next`.
#[repr(C)]
pub(crate) struct View {
    /// Of memory 0: a byte for each granule.
    pub(crate) interest: *const u8,
    /// Of memory 0: the writer of each word, at the word's own address.
    pub(crate) writers: *mut u8,
    pub(crate) split: *mut Split,
    /// Where the next record goes.
    pub(crate) next: *mut Record,
    /// Records from here on make the batch full.
    pub(crate) end: *mut Record,
    /// A chosen global is reported when it is set to less than this.
    pub(crate) global_below: u64,
    /// The cell that has to report something, and where it goes on.
    pub(crate) cell: Ip,
    pub(crate) resume: Ip,
    /// The site of the operation that is being executed, if it is one that makes its reports
    /// itself.
    pub(crate) site: u32,
}

impl View {
    pub(crate) const EMPTY: View = View {
        interest: ptr::null(),
        writers: ptr::null_mut(),
        split: ptr::null_mut(),
        next: ptr::null_mut(),
        end: ptr::null_mut(),
        global_below: u64::MAX,
        cell: Ip::NULL,
        resume: Ip::NULL,
        site: 0,
    };
}

/// The host's observer without its store's type parameter: shows itself to a report.
pub(crate) type ObserverAccess =
    Box<dyn FnMut(NonNull<StoreCore>, &mut dyn FnMut(&mut dyn Observer)) + Send + Sync>;

/// Accesses of a batch.
const BATCH: usize = 512;

/// A store that is observed.
pub(crate) struct Observation {
    pub(crate) watched: Watched,
    pub(super) engine: Engine,
    pub(crate) observer: Option<ObserverAccess>,
    pub(super) memories: Vec<Observed>,
    records: Box<[Record]>,
    wide: Vec<WideValues>,
    /// What memory 0 is from which record on; the first entry is for all before the second.
    zeros: Vec<(u32, MemoryId)>,
    /// What memory 0 of the running instance is.
    zero: Option<MemoryId>,
    /// The host function that is running, and the names it was called by.
    pub(super) host: Site,
    host_sites: HashMap<NonNull<FuncEntity>, Site>,
    /// What the host borrowed mutably, to be reported.
    pub(super) lent: Vec<Lent>,
    /// What the host read through shared borrows of the store, to be reported.
    pub(super) host_reads: Mutex<Vec<HostRead>>,
    /// What an observer wants to stop the guest with, once there is one.
    pub(crate) failure: Option<HostFailure>,
    pub(super) stacks: Stacks,
}

/// A memory with its shadows.
pub(super) struct Observed {
    /// `None` once it is freed.
    pub(super) entity: Option<NonNull<MemoryEntity>>,
    pub(super) interest: Option<Interest>,
    pub(super) writers: Option<Writers>,
    pub(super) shared_writers: Option<SharedWriters>,
}

// SAFETY: the pointers are to entities of the store that this is part of, which go to the other
// thread with it (R1); nothing is done with them through a shared borrow.
unsafe impl Send for Observation {}
// SAFETY: as above. A panic's payload, which is not `Sync`, cannot be reached through one.
unsafe impl Sync for Observation {}

impl Observation {
    pub(crate) fn new(engine: &Engine) -> Option<Box<Observation>> {
        let observe = engine.config().observed()?;
        let watched = observe.watched();
        let batch = if observe.is_batched() { BATCH } else { 1 };
        Some(Box::new(Observation {
            watched,
            engine: engine.clone(),
            observer: None,
            memories: Vec::new(),
            records: vec![Record::default(); batch].into(),
            wide: Vec::new(),
            zeros: Vec::new(),
            zero: None,
            host: Site::HOST,
            host_sites: HashMap::new(),
            lent: Vec::new(),
            host_reads: Mutex::default(),
            failure: None,
            stacks: Stacks::default(),
        }))
    }

    /// Points the view to the batch.
    pub(crate) fn view_records(&mut self, view: &mut View) {
        let range = self.records.as_mut_ptr_range();
        view.next = range.start;
        view.end = range.end;
    }

    /// Points the view to the shadows of a memory, which is memory 0 from now on.
    pub(crate) fn view_memory(&mut self, view: &mut View, entity: NonNull<MemoryEntity>) {
        let id = self.id(entity);
        self.cover(id);
        self.zero = Some(id);
        self.view_again(view);
        let count = self.count(view) as u32;
        match self.zeros.last_mut() {
            Some((_, last)) if *last == id => {}
            Some((from, last)) if *from == count => *last = id,
            _ => self.zeros.push((count, id)),
        }
    }

    /// Points the view to what may have moved since.
    fn view_writers(&mut self, view: &mut View, id: MemoryId) {
        if let Some(writers) = &mut self.memories[id.0 as usize].writers {
            view.writers = writers.as_ptr();
            view.split = writers.split_ptr();
        }
    }

    /// Leaves a record of an access of any width.
    ///
    /// # Safety
    ///
    /// O1 holds.
    pub(super) unsafe fn push(&mut self, view: &mut View, mut record: Record, high: [u64; 2]) {
        if record.info().width_bytes() > 8 {
            let both = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
            self.wide.push(WideValues {
                old: both(record.old, high[0]),
                new: both(record.new, high[1]),
            });
            record.old = self.wide.len() as u64 - 1;
        }
        // SAFETY: the caller's promise.
        unsafe { view.next.write(record) };
        view.next = view.next.wrapping_add(1);
    }

    /// How many records there are.
    fn count(&self, view: &View) -> usize {
        if view.next.is_null() {
            return 0;
        }
        (view.next as usize - self.records.as_ptr() as usize) / size_of::<Record>()
    }

    /// Whether there is something in the batch.
    pub(crate) fn has_records(&self, view: &View) -> bool {
        self.count(view) > 0
    }

    /// Drops the record of the access to memory 0 that was just left, if all of it is beside what is of
    /// interest: handlers look only at the granules that it may touch.
    pub(crate) fn drop_neighbour(&mut self, view: &mut View) -> bool {
        let ([record], Some(zero)) = (&*self.records, self.zero) else { return false };
        if self.watched.all || self.watched.writers {
            return false;
        }
        let (addr, width) = (record.addr, record.info().width_bytes() as u64);
        if self.reports(zero, addr, addr + width) {
            return false;
        }
        view.next = self.records.as_mut_ptr();
        true
    }

    /// Takes the records away until [`put_back`](Self::put_back), so that they can be shown.
    pub(super) fn take_records(&mut self, view: &View) -> Taken {
        let count = self.count(view);
        Taken {
            records: std::mem::take(&mut self.records),
            count,
            zeros: std::mem::take(&mut self.zeros),
            wide: std::mem::take(&mut self.wide),
        }
    }

    /// Begins another batch.
    pub(super) fn put_back(&mut self, view: &mut View, taken: Taken) {
        self.records = taken.records;
        self.zeros = taken.zeros;
        self.wide = taken.wide;
        self.wide.clear();
        self.zeros.clear();
        self.zeros.extend(self.zero.map(|id| (0, id)));
        self.view_records(view);
    }

    /// The number of a memory.
    pub(crate) fn id(&mut self, entity: NonNull<MemoryEntity>) -> MemoryId {
        // The last ones are looked at first: programs have few, and test suites the newest.
        if let Some(at) = self.memories.iter().rposition(|observed| observed.entity == Some(entity))
        {
            return MemoryId(at as u32);
        }
        self.memories.push(Observed {
            entity: Some(entity),
            interest: None,
            writers: None,
            shared_writers: None,
        });
        MemoryId(self.memories.len() as u32 - 1)
    }

    /// The number of a memory, if it has one.
    pub(crate) fn known_id(&self, entity: NonNull<MemoryEntity>) -> Option<MemoryId> {
        let at = self.memories.iter().rposition(|observed| observed.entity == Some(entity))?;
        Some(MemoryId(at as u32))
    }

    /// Makes a memory's shadows, or makes them as large as the memory has become.
    pub(super) fn cover(&mut self, id: MemoryId) {
        let watched = self.watched;
        let observed = &mut self.memories[id.0 as usize];
        // SAFETY: R1; R3: what is read of it does not change while it is borrowed.
        let Some(entity) = observed.entity.map(|entity| unsafe { &*entity.as_ptr() }) else {
            return;
        };
        let (bytes, max_bytes) = with_memory!(entity, memory => {
            let ty = memory.ty();
            let max = ty.growth_limit().to_bytes(ty.page_size()).unwrap_or(u64::MAX);
            (memory.byte_len(), max)
        });
        if watched.filter {
            let new = || Interest::new(bytes, max_bytes);
            observed.interest.get_or_insert_with(new).cover(bytes);
        }
        if !watched.writers {
            return;
        }
        match entity {
            MemoryEntity::Linear(_) => {
                let new = || Writers::new(bytes, max_bytes);
                observed.writers.get_or_insert_with(new).cover(bytes);
            }
            MemoryEntity::Shared(memory) => {
                if observed.shared_writers.is_none() {
                    observed.shared_writers = self.engine.shared_writers(memory, max_bytes);
                }
            }
        }
    }

    /// Whether an access to a range is reported.
    pub(crate) fn reports(&self, id: MemoryId, start: u64, end: u64) -> bool {
        if self.watched.all {
            return true;
        }
        let interest = self.memories.get(id.0 as usize).and_then(|it| it.interest.as_ref());
        self.watched.filter && interest.is_some_and(|interest| interest.any(start, end))
    }

    /// Takes note of who wrote a range.
    pub(crate) fn note_writer(
        &mut self,
        view: &mut View,
        id: MemoryId,
        start: u64,
        end: u64,
        site: Site,
    ) {
        if !self.watched.writers || start >= end {
            return;
        }
        self.cover(id);
        let observed = &mut self.memories[id.0 as usize];
        if let Some(writers) = &mut observed.writers {
            writers.note(start, end, site.to_bits());
        }
        if let Some(writers) = &observed.shared_writers {
            writers.note(start, end, site.to_bits());
        }
        if self.zero == Some(id) {
            self.view_writers(view, id);
        }
    }

    /// Who wrote a byte last.
    pub(super) fn writer(&self, id: MemoryId, addr: u64) -> Site {
        let Some(observed) = self.memories.get(id.0 as usize) else { return Site::NOBODY };
        let own = observed.writers.as_ref().map(|writers| writers.writer(addr));
        let shared = || observed.shared_writers.as_ref().map(|writers| writers.writer(addr));
        Site::from_bits(own.or_else(shared).unwrap_or(0))
    }

    /// The site of a host function that a guest calls.
    pub(crate) fn host_site(
        &mut self,
        func: NonNull<FuncEntity>,
        names: impl FnOnce() -> Option<(String, String)>,
    ) -> Site {
        let sites = self.engine.sites();
        *self.host_sites.entry(func).or_insert_with(|| match names() {
            Some((module, name)) => sites.host(&module, &name),
            None => Site::HOST,
        })
    }

    /// Points the view to the shadows of memory 0 again.
    pub(super) fn view_again(&mut self, view: &mut View) {
        let Some(id) = self.zero else { return };
        if let Some(interest) = &mut self.memories[id.0 as usize].interest {
            view.interest = interest.as_ptr();
        }
        self.view_writers(view, id);
    }

    /// Forgets memories that are freed, and with them what may lie at addresses of freed entities.
    pub(crate) fn forget(&mut self, dead: &[NonNull<MemoryEntity>]) {
        for (number, observed) in (0..).zip(&mut self.memories) {
            if observed.entity.is_some_and(|entity| dead.contains(&entity)) {
                let nothing =
                    Observed { entity: None, interest: None, writers: None, shared_writers: None };
                *observed = nothing;
                // No code of an instance with it is running.
                self.zero = self.zero.filter(|&zero| zero != MemoryId(number));
            }
        }
        self.lent.retain(|lent| !dead.contains(&lent.entity()));
        let reads = self.host_reads.get_mut().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|read| !dead.contains(&read.entity));
        self.host_sites.clear();
        self.stacks = Stacks::default();
    }

    /// Takes what the host did and was not reported yet, if there is anything.
    pub(super) fn take_host(&mut self) -> Option<(Vec<HostRead>, Vec<Lent>)> {
        let reads = self.host_reads.get_mut().unwrap_or_else(PoisonError::into_inner);
        let is_any = !reads.is_empty() || !self.lent.is_empty();
        is_any.then(|| (std::mem::take(reads), std::mem::take(&mut self.lent)))
    }
}

/// Records that were taken away.
pub(super) struct Taken {
    records: Box<[Record]>,
    count: usize,
    zeros: Vec<(u32, MemoryId)>,
    wide: Vec<WideValues>,
}

impl Taken {
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { records: &self.records[..self.count], memories: &self.zeros, wide: &self.wide }
    }
}
