//! What the host does to memories: it is reported like what guests do, but there may be no guest
//! to stop.

use std::panic::resume_unwind;
use std::ptr::NonNull;

use lineal_decoder::ExternType;

use super::event::AccessSource;
use super::guest::{Before, TellCall, called, copy_of};
use super::site::Site;
use super::{flush, report, settle};
use crate::machine::Fp;
use crate::runtime::context::{Context, HostFailure};
use crate::runtime::entity::{FuncEntity, MemoryEntity};
use crate::runtime::frames::Walk;
use crate::runtime::instance::InstanceData;
use crate::runtime::slots::slot_count;
use crate::runtime::store::StoreCore;

/// A range that the host reads through a shared borrow of its store, to be reported later.
pub(super) struct HostRead {
    pub(super) entity: NonNull<MemoryEntity>,
    pub(super) addr: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) site: Site,
}

/// Keeps what an observer wants to stop the guest with; a panic goes on at once.
fn keep(store: NonNull<StoreCore>, outcome: Result<(), HostFailure>) {
    match outcome {
        Ok(()) => {}
        Err(HostFailure::Panic(payload)) => resume_unwind(payload),
        Err(failure) => {
            // SAFETY: the callers' promises; nothing else borrows the store.
            let observation = unsafe { (*store.as_ptr()).context.observation.as_deref_mut() };
            if let Some(observation) = observation {
                observation.failure.get_or_insert(failure);
            }
        }
    }
}

/// Tells the observer what the host has read and borrowed until now.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn settle_host(store: NonNull<StoreCore>) {
    // SAFETY: the caller's promise.
    keep(store, unsafe { settle(store) });
}

/// The site of the host function that is running.
fn site(store: NonNull<StoreCore>) -> Site {
    // SAFETY: the callers' promises.
    let observation = unsafe { (*store.as_ptr()).context.observation.as_deref() };
    observation.map_or(Site::HOST, |observation| observation.host)
}

/// Lets the host write a range of a memory, and reports it if it did.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn host_write<R, E>(
    store: NonNull<StoreCore>,
    entity: NonNull<MemoryEntity>,
    addr: u64,
    len_bytes: u64,
    write: impl FnOnce() -> Result<R, E>,
) -> Result<R, E> {
    // SAFETY: the caller's promise.
    unsafe {
        // What the host did to borrowed bytes came before.
        keep(store, settle(store));
        let before = Before::look(store, entity, addr, len_bytes);
        let written = write()?;
        keep(store, before.was_written(store, AccessSource::Host, site(store)));
        Ok(written)
    }
}

/// Takes note that the host reads a range of a memory.
pub(crate) fn host_read(
    core: &StoreCore,
    entity: NonNull<MemoryEntity>,
    addr: u64,
    len_bytes: u64,
) {
    let Some(observation) = core.context.observation.as_deref() else { return };
    let Some(id) = observation.known_id(entity) else { return };
    let end = addr.saturating_add(len_bytes);
    if observation.reports(id, addr, end)
        && let Some(bytes) = copy_of(entity, addr, len_bytes)
    {
        let read = HostRead { entity, addr, bytes, site: observation.host };
        observation.host_reads.lock().unwrap_or_else(|e| e.into_inner()).push(read);
    }
}

/// Takes note that the host gets a mutable borrow of a range of a memory; of all of it without a
/// range. What it does with that is reported before anything else is.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn lend(
    store: NonNull<StoreCore>,
    entity: NonNull<MemoryEntity>,
    range: Option<(u64, u64)>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        // An earlier borrow has ended: this one is the only one.
        keep(store, settle(store));
        let lent = match range {
            Some((addr, len_bytes)) => {
                let before = Before::look(store, entity, addr, len_bytes);
                Lent::Range(before, site(store))
            }
            None => Lent::All(entity),
        };
        if let Some(observation) = (*store.as_ptr()).context.observation.as_deref_mut() {
            observation.lent.push(lent);
        }
    }
}

/// What the host has borrowed mutably.
pub(super) enum Lent {
    All(NonNull<MemoryEntity>),
    Range(Before, Site),
}

impl Lent {
    pub(super) fn entity(&self) -> NonNull<MemoryEntity> {
        match self {
            Lent::All(entity) => *entity,
            Lent::Range(before, _) => before.entity,
        }
    }

    /// Reports what may have become of it.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(super) unsafe fn tell(self, store: NonNull<StoreCore>) -> Result<(), HostFailure> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Lent::Range(before, site) => before.was_written(store, AccessSource::Host, site),
                Lent::All(entity) => {
                    let observation = (*store.as_ptr()).context.observation.as_deref_mut();
                    let Some(observation) = observation else { return Ok(()) };
                    let memory = observation.id(entity);
                    report(store, |observer, moment| observer.lent(moment, memory))
                }
            }
        }
    }
}

impl HostRead {
    /// Reports it.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(super) unsafe fn tell(self, store: NonNull<StoreCore>) -> Result<(), HostFailure> {
        let HostRead { entity, addr, bytes, site } = self;
        // SAFETY: the caller's promise.
        unsafe { Before::with_bytes(entity, addr, bytes).was_read(store, AccessSource::Host, site) }
    }
}

/// A call of a host function by a guest.
pub(crate) struct HostCall {
    func: NonNull<FuncEntity>,
    fp: Fp,
    site: Site,
    caller: Site,
    /// The host function that was running before.
    outer: Site,
}

impl HostCall {
    /// Reports its beginning: its arguments are at `fp`.
    ///
    /// # Safety
    ///
    /// As for [`report`]; the context says where the guest is.
    pub(crate) unsafe fn begin(
        store: NonNull<StoreCore>,
        func: NonNull<FuncEntity>,
        fp: Fp,
    ) -> Result<HostCall, HostFailure> {
        // SAFETY: the caller's promise; the borrow ends before anything is reported.
        let (mut call, reports) = unsafe {
            let context = &mut (*store.as_ptr()).context;
            let instance = context.instance.as_ref();
            let mut call =
                HostCall { func, fp, site: Site::HOST, caller: Site::HOST, outer: Site::HOST };
            let Some(observation) = &mut context.observation else { return Ok(call) };
            call.site = observation.host_site(func, || import_names(instance?, func));
            call.outer = observation.host;
            (call, observation.watched.host_calls)
        };
        // SAFETY: the caller's promise.
        unsafe {
            flush(store)?;
            settle(store)?;
            if reports {
                call.caller = here(&(*store.as_ptr()).context);
                call.tell(
                    store,
                    |observer, moment, call| observer.host_called(moment, call),
                    true,
                )?;
            }
            if let Some(observation) = (*store.as_ptr()).context.observation.as_deref_mut() {
                observation.host = call.site;
            }
        }
        Ok(call)
    }

    /// Reports its end, and its return if it did.
    ///
    /// # Safety
    ///
    /// As for [`report`].
    pub(crate) unsafe fn end(
        self,
        store: NonNull<StoreCore>,
        returned: bool,
    ) -> Result<(), HostFailure> {
        // SAFETY: the caller's promise.
        unsafe {
            flush(store)?;
            let settled = settle(store);
            let observation = (*store.as_ptr()).context.observation.as_deref_mut();
            let Some(observation) = observation else { return Ok(()) };
            observation.host = self.outer;
            let failure = observation.failure.take();
            let reports = returned && observation.watched.host_calls;
            settled?;
            failure.map_or(Ok(()), Err)?;
            if reports {
                let tell: TellCall = |observer, moment, call| observer.host_returned(moment, call);
                self.tell(store, tell, false)?;
            }
            Ok(())
        }
    }

    /// # Safety
    ///
    /// As for [`report`].
    unsafe fn tell(
        &self,
        store: NonNull<StoreCore>,
        tell: TellCall,
        begins: bool,
    ) -> Result<(), HostFailure> {
        // SAFETY: R1; the caller's promise.
        unsafe {
            let ty = &self.func.as_ref().ty;
            let types = if begins { ty.params() } else { ty.results() };
            let values = (self.fp.slot(0), slot_count(types));
            called(store, tell, [self.site, self.caller], values, self.fp, false)
        }
    }
}

/// The names that an instance imports a function under.
fn import_names(instance: &InstanceData, func: NonNull<FuncEntity>) -> Option<(String, String)> {
    let decoded = &instance.module.decoded;
    let imported = &instance.funcs[..decoded.imported_funcs as usize];
    let index = imported.iter().position(|&other| other == func)?;
    let mut funcs =
        decoded.imports.iter().filter(|import| matches!(import.ty, ExternType::Func(_)));
    funcs.nth(index).map(|import| (import.module.to_string(), import.name.to_string()))
}

/// The site of the instruction that the guest is at.
fn here(context: &Context) -> Site {
    Walk::new(context).next().map_or(Site::HOST, |frame| {
        frame.instance.module.site(frame.code.wasm_offset(frame.granule))
    })
}

/// Reports that the host made a memory grow.
///
/// # Safety
///
/// As for [`report`].
pub(crate) unsafe fn host_grew(
    store: NonNull<StoreCore>,
    entity: NonNull<MemoryEntity>,
    old_bytes: u64,
) {
    // SAFETY: the caller's promise.
    unsafe { keep(store, super::guest::grew(store, entity, old_bytes, site(store))) };
}
