//! What guests do out of line: accesses of any kind of memory, ranges, growth, calls.

use std::ptr::NonNull;

use super::event::{
    Access, AccessKind, AccessSource, Bytes, Call, Ending, GlobalSet, Growth, Info, Instantiated,
};
use super::site::Site;
use super::state::Record;
use super::{Observer, flush, height, report, settle};
use crate::machine::{Exit, Fp, Ip};
use crate::runtime::code::Module;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::entity::{MemoryEntity, with_memory};
use crate::runtime::instance::InstanceData;
use crate::runtime::store::StoreCore;

/// Leaves the guest with a failure.
pub(crate) fn leave_with(context: &mut Context, failure: HostFailure) -> Exit {
    context.host_error = Some(failure);
    Exit::HOST_ERROR
}

/// A failure where there is no guest to leave. A panic goes on.
pub(crate) fn into_error(failure: HostFailure) -> anyhow::Error {
    match failure {
        HostFailure::Error(error) => error,
        HostFailure::Panic(payload) => std::panic::resume_unwind(payload),
    }
}

/// A range of a memory that is about to be accessed, with its bytes if somebody wants them.
pub(crate) struct Before {
    pub(super) entity: NonNull<MemoryEntity>,
    addr: u64,
    len_bytes: u64,
    old: Option<Vec<u8>>,
}

/// Bytes of a memory, if it has them all.
pub(super) fn copy_of(entity: NonNull<MemoryEntity>, addr: u64, len_bytes: u64) -> Option<Vec<u8>> {
    // SAFETY: R1; R3: nothing borrows it mutably while something is reported.
    let entity = unsafe { entity.as_ref() };
    with_memory!(entity, memory => {
        if addr.checked_add(len_bytes)? > memory.byte_len() {
            return None;
        }
        let mut bytes = vec![0; len_bytes as usize];
        memory.read(addr, &mut bytes).ok()?;
        Some(bytes)
    })
}

impl Before {
    /// Looks at a range before it is accessed.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(crate) unsafe fn look(
        store: NonNull<StoreCore>,
        entity: NonNull<MemoryEntity>,
        addr: u64,
        len_bytes: u64,
    ) -> Before {
        // SAFETY: the caller's promise.
        let observation = unsafe { (*store.as_ptr()).context.observation.as_deref_mut() };
        let end = addr.saturating_add(len_bytes);
        let wanted = observation.is_some_and(|observation| {
            let id = observation.id(entity);
            observation.reports(id, addr, end)
        });
        let old = if wanted { copy_of(entity, addr, len_bytes) } else { None };
        Before { entity, addr, len_bytes, old }
    }

    /// A range with its bytes.
    pub(super) fn with_bytes(entity: NonNull<MemoryEntity>, addr: u64, bytes: Vec<u8>) -> Before {
        Before { entity, addr, len_bytes: bytes.len() as u64, old: Some(bytes) }
    }

    /// Reports that the range was read: its bytes are those from before.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(crate) unsafe fn was_read(
        self,
        store: NonNull<StoreCore>,
        source: AccessSource,
        site: Site,
    ) -> Result<(), HostFailure> {
        let Some(bytes) = &self.old else { return Ok(()) };
        let kind = AccessKind::Read;
        // SAFETY: the caller's promise.
        unsafe { self.tell(store, kind, source, site, bytes, bytes) }
    }

    /// Reports that the range was written.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(crate) unsafe fn was_written(
        self,
        store: NonNull<StoreCore>,
        source: AccessSource,
        site: Site,
    ) -> Result<(), HostFailure> {
        // SAFETY: the caller's promise.
        unsafe {
            // Those before it come first.
            flush(store)?;
            let context = &mut (*store.as_ptr()).context;
            let Some(observation) = &mut context.observation else { return Ok(()) };
            let id = observation.id(self.entity);
            let end = self.addr.saturating_add(self.len_bytes);
            observation.note_writer(&mut context.view, id, self.addr, end, site);
            let Some(old) = &self.old else { return Ok(()) };
            let Some(new) = copy_of(self.entity, self.addr, self.len_bytes) else { return Ok(()) };
            self.tell(store, AccessKind::Write, source, site, old, &new)
        }
    }

    /// # Safety
    ///
    /// As for [`report`].
    unsafe fn tell(
        &self,
        store: NonNull<StoreCore>,
        kind: AccessKind,
        source: AccessSource,
        site: Site,
        old: &[u8],
        new: &[u8],
    ) -> Result<(), HostFailure> {
        // SAFETY: the caller's promise.
        let observation = unsafe { (*store.as_ptr()).context.observation.as_deref_mut() };
        let Some(observation) = observation else { return Ok(()) };
        let memory = observation.id(self.entity);
        let (old, new) = (Bytes::Range(old), Bytes::Range(new));
        let access = Access { kind, source, memory, addr: self.addr, site, old, new };
        // SAFETY: the caller's promise.
        unsafe { report(store, |observer, moment| observer.access(moment, &access)) }
    }
}

/// An access of at most 16 bytes that was just made, and was not left as a record.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) entity: NonNull<MemoryEntity>,
    pub(crate) info: Info,
    pub(crate) addr: u64,
    pub(crate) old: [u64; 2],
    pub(crate) new: [u64; 2],
}

impl Made {
    /// Leaves it as a record after all, or reports it.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(crate) unsafe fn note(
        &self,
        store: NonNull<StoreCore>,
        site: u32,
    ) -> Result<(), HostFailure> {
        // SAFETY: the caller's promise; the borrow ends before the observer is told something.
        let context = unsafe { &mut (*store.as_ptr()).context };
        let Some(observation) = &mut context.observation else { return Ok(()) };
        let id = observation.id(self.entity);
        let watched = observation.watched;
        let width = self.info.width_bytes();
        let end = self.addr + width as u64;
        let noted = self.info.kind().writes() && watched.writers;
        if !noted && !observation.reports(id, self.addr, end) {
            return Ok(());
        }
        let Some(info) = self.info.of_memory(id) else {
            // More memories than a record can name.
            let mut old = [self.old[0].to_le_bytes(), self.old[1].to_le_bytes()].concat();
            old.truncate(width);
            let before = Before::with_bytes(self.entity, self.addr, old);
            let (source, site) = (self.info.source(), Site::from_bits(site));
            // SAFETY: the caller's promise.
            return unsafe {
                match self.info.kind().writes() {
                    true => before.was_written(store, source, site),
                    false => before.was_read(store, source, site),
                }
            };
        };
        let ([old, old_high], [new, new_high]) = (self.old, self.new);
        let what = info.granule(Site::from_bits(site));
        let record = Record { what, addr: self.addr, old, new };
        // SAFETY: O1.
        unsafe { observation.push(&mut context.view, record, [old_high, new_high]) };
        if watched.all && context.view.next < context.view.end {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        unsafe { flush(store) }
    }
}

/// Reports that a memory grew.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn grew(
    store: NonNull<StoreCore>,
    entity: NonNull<MemoryEntity>,
    old_bytes: u64,
    site: Site,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise; R1.
    let (observation, new_bytes) = unsafe {
        let new_bytes = with_memory!(entity.as_ref(), memory => memory.byte_len());
        ((*store.as_ptr()).context.observation.as_deref_mut(), new_bytes)
    };
    let Some(observation) = observation else { return Ok(()) };
    let memory = observation.id(entity);
    let growth = Growth { memory, old_bytes, new_bytes, site };
    // SAFETY: the caller's promise.
    unsafe { report(store, |observer, moment| observer.grew(moment, &growth)) }
}

/// Reports a new instance.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn instantiated(
    store: NonNull<StoreCore>,
    instance: &InstanceData,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    let observation = unsafe { (*store.as_ptr()).context.observation.as_deref_mut() };
    let Some(observation) = observation else { return Ok(()) };
    let memories: Vec<_> = instance.memories.iter().map(|&entity| observation.id(entity)).collect();
    let module = Module::from_code(instance.module.clone());
    let instance = Instantiated { module: &module, memories: &memories };
    // SAFETY: the caller's promise.
    unsafe { report(store, |observer, moment| observer.instantiated(moment, &instance)) }
}

/// Which of an observer's methods a call is told to.
pub(crate) type TellCall =
    fn(&mut dyn Observer, &mut super::Moment<'_>, &mut Call<'_>) -> anyhow::Result<()>;

/// Reports the beginning or the return of a call, whose frame is at `fp`.
///
/// # Safety
///
/// As for [`report`]; `count` slots from `values` on are the stack's.
pub(crate) unsafe fn called(
    store: NonNull<StoreCore>,
    tell: TellCall,
    [function, site]: [Site; 2],
    (values, count): (*mut u64, usize),
    fp: Fp,
    is_tail_call: bool,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise. The observer reaches the slots through `live_values` too, but
    // not while it holds the call's.
    let (values, height) = unsafe {
        let values =
            if count == 0 { &mut [] } else { std::slice::from_raw_parts_mut(values, count) };
        (values, height(&(*store.as_ptr()).context, fp))
    };
    let mut call = Call { function, site, values, height, is_tail_call };
    // SAFETY: the caller's promise.
    unsafe { report(store, |observer, moment| tell(observer, moment, &mut call)) }
}

/// Reports that a chosen global was set.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn global_set(
    store: NonNull<StoreCore>,
    set: GlobalSet,
) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    unsafe { report(store, |observer, moment| observer.global_set(moment, &set)) }
}

/// Reports that an exception was caught: the guest goes on at `ip`, in the frame at `fp`.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn unwound(store: NonNull<StoreCore>, ip: Ip, fp: Fp) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    unsafe {
        let context = &mut (*store.as_ptr()).context;
        (context.exit.ip, context.exit.fp) = (ip, fp);
        let height = height(context, fp);
        report(store, |observer, moment| observer.unwound(moment, height))
    }
}

/// What must be told before a guest runs, and the failure that stops it before it begins.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn begin(store: NonNull<StoreCore>) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    unsafe {
        settle(store)?;
        let observation = (*store.as_ptr()).context.observation.as_deref_mut();
        match observation.and_then(|observation| observation.failure.take()) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

/// Reports how a call into a guest ended.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn ended(store: NonNull<StoreCore>, exit: Exit) -> Result<(), HostFailure> {
    // SAFETY: the caller's promise.
    let panicked =
        unsafe { matches!((*store.as_ptr()).context.host_error, Some(HostFailure::Panic(_))) };
    let ending = match exit.trap() {
        Some(trap) => Ending::Trapped(trap),
        None if exit == Exit::EXCEPTION => Ending::Threw,
        None if exit == Exit::DONE => Ending::Returned,
        None if panicked => Ending::Panicked,
        None => Ending::Failed,
    };
    // SAFETY: the caller's promise.
    unsafe { report(store, |observer, moment| observer.ended(moment, ending)) }
}
