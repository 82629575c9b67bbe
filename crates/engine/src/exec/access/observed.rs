//! Handlers of accesses that are observed. They are in code only if the engine's configuration
//! asks for it.
//!
//! Loads and stores of numbers in memory 0 keep their addresses where the fast families have them.
//! Their last granule is the site, with what a record says of the access above it; a [`Kind`] says
//! what is done beside the access. When something has to be reported, they jump to a cell outside
//! the function, which goes out of line and then on behind the access, so that they themselves
//! need no stack.
//!
//! All other accesses ([`Observed`], [`ObservedAtomic`], [`ObservedRange`]) make their reports out
//! of line. Before them is a cell [`Here`], which says where they are.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::atomic::perform;
#[cfg(feature = "observe")]
use super::kind::{AnyMemory, any_operands};
use super::range::{MemoryCopy, MemoryFill, MemoryGrow, MemoryInit};
use super::{Addr, check};
use crate::exec::call::StaticCell;
use crate::exec::slow::{Slots, SlowOp, Vm, address, memory_address_type, narrower};
use crate::exec::variable::global;
use crate::machine::operand::{AddrType, Dst, SlotValue, Src};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Fp, Ip, Machine, Op, handler};
use crate::op::access::atomic::{Atomic, Effect, Observable};
use crate::op::access::scalar::{MemoryLoad, MemoryStore, Raw};
use crate::runtime::context::Context;
use crate::runtime::entity::{MemoryEntity, with_memory};
use crate::runtime::observe::event::{AccessKind, AccessSource, GlobalSet, Info};
use crate::runtime::observe::state::Record;
use crate::runtime::observe::{self, Before, Made, SPLIT, Site, Split};

/// What is done beside an access to memory 0.
pub(crate) trait Kind {
    /// Takes note of a read of `raw` at `ea`, which was just made; whether something has to be
    /// reported now.
    ///
    /// # Safety
    ///
    /// E1 to E4 and O1 hold.
    unsafe fn read<R: Raw>(m: &Machine, ea: u64, raw: R, site: u64) -> bool;

    /// Writes `raw` to `target`, which is at `ea`, and takes note of it; whether something has to
    /// be reported now.
    ///
    /// # Safety
    ///
    /// As for `read`, and `target` may be written.
    unsafe fn write<R: Raw>(m: &Machine, target: *mut R, ea: u64, raw: R, site: u64) -> bool;
}

/// Reports what is of interest, and remembers who writes, as far as there are shadows for that.
pub(crate) struct Filter;
/// Leaves a record of every access.
pub(crate) struct Every;

/// Whether something that `R` at `ea` touches is of interest: neighbours may be taken for it.
#[inline(always)]
unsafe fn hits<R: Raw>(m: &Machine, ea: u64) -> bool {
    // SAFETY: O1: the shadow covers the memory, and a few granules more.
    unsafe {
        let at = (*m.cx).view.interest.wrapping_add((ea >> 3) as usize);
        match size_of::<R>() {
            1 => at.read() != 0,
            16 => at.cast::<u32>().read_unaligned() != 0,
            _ => at.cast::<u16>().read_unaligned() != 0,
        }
    }
}

/// Leaves a record; whether the batch is full.
#[inline(always)]
unsafe fn push<R: Raw>(m: &Machine, ea: u64, old: R, new: Option<R>, site: u64) -> bool {
    const { assert!(size_of::<R>() <= 8, "its values do not fit into a record") };
    // SAFETY: O1.
    unsafe {
        let view = &raw mut (*m.cx).view;
        let record = (*view).next;
        (*record).what = site;
        (*record).addr = ea;
        (*record).old = old.bits()[0];
        if let Some(new) = new {
            (*record).new = new.bits()[0];
        }
        (*view).next = record.wrapping_add(1);
        (*view).next >= (*view).end
    }
}

/// Writes the site beside what `R` at `ea` writes; `false` if that has to be done out of line.
#[inline(always)]
unsafe fn note<R: Raw>(m: &Machine, ea: u64, site: u64) -> bool {
    let site = site as u32;
    // SAFETY: O1: words lie at the addresses of what they are about.
    unsafe {
        let words = (*m.cx).view.writers.wrapping_add(ea as usize);
        if size_of::<R>() < 4 {
            let within = ea as usize & 3;
            if within + size_of::<R>() > 4 {
                return false;
            }
            let word = words.wrapping_sub(within).cast::<u32>().read();
            if word == site.to_le() {
                return true;
            }
            let word = u32::from_le(word);
            if word & SPLIT == 0 {
                return false;
            }
            let split: *mut Split = (*m.cx).view.split.wrapping_add((word & !SPLIT) as usize);
            let sites = split.cast::<u32>();
            for byte in 0..size_of::<R>() {
                sites.wrapping_add(within + byte).write(site);
            }
            // At its end, it may be one's alone, and then need not be split any more.
            return within + size_of::<R>() < 4 || split.read() != [site; 4];
        }
        if ea & 3 != 0 {
            return false;
        }
        let words = words.cast::<u32>();
        let mut any = 0;
        for word in 0..size_of::<R>() / 4 {
            any |= words.wrapping_add(word).read();
        }
        if any & SPLIT.to_le() != 0 {
            return false;
        }
        for word in 0..size_of::<R>() / 4 {
            words.wrapping_add(word).write(site.to_le());
        }
    }
    true
}

impl Kind for Filter {
    #[inline(always)]
    unsafe fn read<R: Raw>(m: &Machine, ea: u64, raw: R, site: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let hits = hits::<R>(m, ea);
            if hits {
                push(m, ea, raw, None, site);
            }
            hits
        }
    }

    #[inline(always)]
    unsafe fn write<R: Raw>(m: &Machine, target: *mut R, ea: u64, raw: R, site: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let view = &raw const (*m.cx).view;
            // One of the two is there.
            let slow = !(*view).interest.is_null() && hits::<R>(m, ea)
                || !(*view).writers.is_null() && !note::<R>(m, ea, site);
            if slow {
                push(m, ea, target.read_unaligned().little_endian(), Some(raw), site);
            }
            target.write_unaligned(raw.little_endian());
            slow
        }
    }
}

impl Kind for Every {
    #[inline(always)]
    unsafe fn read<R: Raw>(m: &Machine, ea: u64, raw: R, site: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe { push(m, ea, raw, None, site) }
    }

    #[inline(always)]
    unsafe fn write<R: Raw>(m: &Machine, target: *mut R, ea: u64, raw: R, site: u64) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let old = target.read_unaligned().little_endian();
            target.write_unaligned(raw.little_endian());
            push(m, ea, old, Some(raw), site)
        }
    }
}

/// `d ← memory[ea]`
pub(crate) struct ObservedLoad<K, O, A, D>(PhantomData<(K, O, A, D)>);

impl<K: Kind, O: MemoryLoad, A: Addr, D: Dst<O::Out>> Op for ObservedLoad<K, O, A, D> {
    const GRANULES: usize = 3 + A::EXTRA;
    const PLACES: &'static [Place] = &[A::PLACES[0], A::PLACES[1], D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let site_at = Self::GRANULES - 1;
        // SAFETY: E1 to E4, O1; `check` vouches for the address.
        unsafe {
            let ea = A::ea(m);
            let raw = check::<O::Raw>(m, ea)?.read_unaligned().little_endian();
            D::put(m, O::extend(raw));
            if K::read(m, ea, raw, m.ip.granule(site_at)) {
                return Err(leave_to_report(m, m.ip.offset(Self::GRANULES as isize)));
            }
        }
        Ok(())
    }
}

/// `memory[ea] ← d`, or the value of class `V`
pub(crate) struct ObservedStore<K, O, A, V>(PhantomData<(K, O, A, V)>);

impl<K: Kind, O: MemoryStore, A: Addr, V: Src<O::In>> Op for ObservedStore<K, O, A, V> {
    const GRANULES: usize = 3 + A::EXTRA + V::EXTRA;
    const PLACES: &'static [Place] = &[A::PLACES[0], A::PLACES[1], V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let site_at = Self::GRANULES - 1;
        // SAFETY: E1 to E4, O1; `check` vouches for the address.
        unsafe {
            let ea = A::ea(m);
            let target = check::<O::Raw>(m, ea)?;
            if K::write(m, target, ea, O::narrow(V::get(m)), m.ip.granule(site_at)) {
                return Err(leave_to_report(m, m.ip.offset(Self::GRANULES as isize)));
            }
        }
        Ok(())
    }
}

/// Leaves an access to the cell that reports it.
///
/// # Safety
///
/// E3 holds.
#[inline(always)]
unsafe fn leave_to_report(m: &mut Machine, after: Ip) -> Exit {
    // SAFETY: the caller's promise.
    unsafe {
        (*m.cx).view.cell = m.ip;
        (*m.cx).view.resume = after;
    }
    m.ip = REPORT.ip();
    Exit::BRANCH
}

static REPORT: StaticCell = StaticCell::new(handler::<Report>());

/// Reports what is in the batch, and goes on behind the access that left to here.
struct Report;

impl Op for Report {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E3.
        unsafe {
            let exit = report_now(m.cx, m.fp);
            if exit != Exit::DONE {
                m.ip = (*m.cx).view.cell;
                return Err(exit);
            }
            m.ip = (*m.cx).view.resume;
        }
        Err(Exit::BRANCH)
    }
}

/// # Safety
///
/// E3 holds.
#[inline(never)]
unsafe fn report_now(cx: *mut Context, fp: Fp) -> Exit {
    // SAFETY: the caller's promise; no reference into the store is kept (R3).
    unsafe {
        let observation = (*cx).observation.as_deref_mut();
        if observation.is_some_and(|observation| observation.drop_neighbour(&mut (*cx).view)) {
            return Exit::DONE;
        }
        (*cx).exit.ip = (*cx).view.cell;
        (*cx).exit.fp = fp;
        let Some(store) = NonNull::new((*cx).store) else { return Exit::DONE };
        match observe::flush(store) {
            Ok(()) => Exit::DONE,
            Err(failure) => observe::leave_with(&mut *cx, failure),
        }
    }
}

/// Says where the operation behind it is, which makes its reports itself: `b` is its site.
pub(crate) struct Here;

impl Op for Here {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E3.
        unsafe {
            (*m.cx).view.site = m.ip.b();
            (*m.cx).exit.ip = m.ip;
            (*m.cx).exit.fp = m.fp;
        }
        Ok(())
    }
}

/// A memory of kind `M` whose accesses are observed.
#[cfg(feature = "observe")]
pub(crate) struct Observed<M>(PhantomData<M>);

#[cfg(feature = "observe")]
impl<M: AnyMemory> AnyMemory for Observed<M> {
    type Addr = M::Addr;
    type Bytes<R: Raw> = M::Bytes<R>;

    #[inline(always)]
    unsafe fn find<R: Raw>(m: &Machine) -> Result<M::Bytes<R>, Exit> {
        // SAFETY: the caller's promise.
        unsafe { M::find::<R>(m) }
    }

    #[inline(always)]
    unsafe fn load<R: Raw>(m: &Machine) -> Result<R, Exit> {
        // SAFETY: the caller's promise.
        unsafe {
            let raw = M::load::<R>(m)?;
            note_any::<M::Addr, R>(m, AccessKind::Read, raw, raw)?;
            Ok(raw)
        }
    }

    #[inline(always)]
    unsafe fn store<R: Raw>(m: &Machine, raw: R) -> Result<(), Exit> {
        // SAFETY: the caller's promise.
        unsafe {
            let old = M::load::<R>(m)?;
            M::store(m, raw)?;
            note_any::<M::Addr, R>(m, AccessKind::Write, old, raw)
        }
    }
}

/// Takes note of an access to any memory that was just made.
///
/// # Safety
///
/// E1 to E3 hold.
#[cfg(feature = "observe")]
#[inline(always)]
unsafe fn note_any<I: AddrType, R: Raw>(
    m: &Machine,
    kind: AccessKind,
    old: R,
    new: R,
) -> Result<(), Exit> {
    // SAFETY: the caller's promise. The address was checked: it does not wrap around.
    let exit = unsafe {
        let (addr, entity) = any_operands::<I>(m);
        let entity = NonNull::new_unchecked(entity);
        let addr = addr.wrapping_add(m.ip.granule(2));
        let ([old, old_high], [new, new_high]) = (old.bits(), new.bits());
        let info = Info::new(kind, size_of::<R>());
        note_values(m.cx, entity, info, addr, old, old_high, new, new_high)
    };
    if exit == Exit::DONE { Ok(()) } else { Err(exit) }
}

/// [`note_made`] of its parts. A handler must not have anything in memory that others know the
/// address of: it could not jump to the next one.
///
/// # Safety
///
/// As for [`note_made`].
#[cfg(feature = "observe")]
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "they are in registers, not in memory")]
unsafe fn note_values(
    cx: *mut Context,
    entity: NonNull<MemoryEntity>,
    info: Info,
    addr: u64,
    old: u64,
    old_high: u64,
    new: u64,
    new_high: u64,
) -> Exit {
    let made = Made { entity, info, addr, old: [old, old_high], new: [new, new_high] };
    // SAFETY: the caller's promise.
    unsafe { note_made(cx, &made) }
}

/// # Safety
///
/// E3 holds, and the cell before was [`Here`].
#[inline(never)]
unsafe fn note_made(cx: *mut Context, made: &Made) -> Exit {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(store) = NonNull::new((*cx).store) else { return Exit::DONE };
        match made.note(store, (*cx).view.site) {
            Ok(()) => Exit::DONE,
            Err(failure) => observe::leave_with(&mut *cx, failure),
        }
    }
}

/// Runs an [`Atomic`] operation on a memory with addresses of type `I`, and reports it. Operands
/// are as for [`AtomicOp`](super::atomic::AtomicOp).
pub(crate) struct ObservedAtomic<O, I>(PhantomData<(O, I)>);

impl<O: Observable, I: AddrType> Op for ObservedAtomic<O, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[Place::Slots(Field::all(3), Count::Fixed(1 + O::OPERANDS))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        let exit = unsafe {
            let slots = m.fp.slot(m.ip.granule(3) as usize);
            atomic_out_of_line::<O, I>(m.cx, slots, m.ip.b(), m.ip.granule(2))
        };
        if exit != Exit::DONE {
            return Err(exit);
        }
        // SAFETY: E3. The host may have run while the guest waited.
        m.mem_ptr = unsafe { (*m.cx).mem_ptr };
        Ok(())
    }
}

/// # Safety
///
/// E3 holds, and the address and the operands are at `slots`.
#[inline(never)]
unsafe fn atomic_out_of_line<O: Observable, I: AddrType>(
    cx: *mut Context,
    slots: *mut u64,
    memory: u32,
    offset: u64,
) -> Exit {
    // SAFETY: the caller's promise; R1: the running instance is alive. No reference to the slots is
    // kept: the host may run while the guest waits.
    let (entity, [addr, operands @ ..]) = unsafe {
        let operand = |at| if at <= O::OPERANDS { *slots.add(at) } else { 0 };
        ((&*(*cx).instance).memories[memory as usize], [0, 1, 2].map(operand))
    };
    let addr: u64 = I::from_slot(addr).into();
    // In case that the access fails.
    // SAFETY: E3.
    unsafe { (*cx).fault.start = addr.wrapping_add(offset) };
    // SAFETY: R1, R3: the borrow ends with the operation.
    let before = |entity: NonNull<MemoryEntity>| unsafe { &mut *entity.as_ptr() };
    let note = |effect: Effect| {
        let (kind, old, new) = match effect {
            Effect::None => return Exit::DONE,
            Effect::Read(value) => (AccessKind::Read, value, value),
            Effect::Write { old, new } => (AccessKind::Write, old, new),
            Effect::Update { old, new } => (AccessKind::Update, old, new),
        };
        let info = Info::new(kind, O::WIDTH_BYTES).atomic();
        let made =
            Made { entity, info, addr: addr.wrapping_add(offset), old: [old, 0], new: [new, 0] };
        // SAFETY: the caller's promise.
        unsafe { note_made(cx, &made) }
    };
    // A wait reads before it waits.
    match O::look(before(entity), addr, offset) {
        Ok(None) => {}
        Ok(Some(effect)) => match note(effect) {
            Exit::DONE => {}
            exit => return exit,
        },
        Err(error) => return crate::runtime::trap::Trap::from(error).into(),
    }
    let done = if <O as Atomic>::WAIT.is_some() {
        // SAFETY: the caller's promise.
        let mut vm = unsafe { Vm::new(cx, slots.add(1 + O::OPERANDS)) };
        perform::<O>(&mut vm, memory, addr, offset, operands).map(|result| (result, Effect::None))
    } else {
        O::perform_observed(before(entity), addr, offset, operands)
            .map_err(|error| crate::runtime::trap::Trap::from(error).into())
    };
    match done {
        Ok((result, effect)) => {
            if <O as Atomic>::RESULT {
                // SAFETY: the caller's promise.
                unsafe { *slots = result };
            }
            note(effect)
        }
        Err(exit) => exit,
    }
}

/// An operation on ranges of memory whose accesses are reported.
pub(crate) struct ObservedRange<O>(PhantomData<O>);

/// A range of a memory of the running instance.
struct Range {
    memory: u32,
    addr: u64,
    len_bytes: u64,
}

/// The ranges that an operation reads and writes, by its operands.
trait Ranges: SlowOp {
    const SOURCE: AccessSource;
    /// What it reads, and what it writes.
    fn ranges(vm: &mut Vm<'_>, slots: &[u64], first: u32, second: u32) -> (Option<Range>, Range);
}

impl Ranges for MemoryFill {
    const SOURCE: AccessSource = AccessSource::Fill;

    fn ranges(vm: &mut Vm<'_>, slots: &[u64], first: u32, _: u32) -> (Option<Range>, Range) {
        let ty = memory_address_type(vm.memory(first));
        let (addr, len_bytes) = (address(ty, slots[0]), address(ty, slots[2]));
        (None, Range { memory: first, addr, len_bytes })
    }
}

impl Ranges for MemoryCopy {
    const SOURCE: AccessSource = AccessSource::Copy;

    fn ranges(vm: &mut Vm<'_>, slots: &[u64], first: u32, second: u32) -> (Option<Range>, Range) {
        let dst_ty = memory_address_type(vm.memory(first));
        let src_ty = memory_address_type(vm.memory(second));
        let len_bytes = address(narrower(dst_ty, src_ty), slots[2]);
        let (dst_addr, src_addr) = (address(dst_ty, slots[0]), address(src_ty, slots[1]));
        let src = Range { memory: second, addr: src_addr, len_bytes };
        (Some(src), Range { memory: first, addr: dst_addr, len_bytes })
    }
}

impl Ranges for MemoryInit {
    const SOURCE: AccessSource = AccessSource::Init;

    fn ranges(vm: &mut Vm<'_>, slots: &[u64], first: u32, _: u32) -> (Option<Range>, Range) {
        let addr = address(memory_address_type(vm.memory(first)), slots[0]);
        (None, Range { memory: first, addr, len_bytes: u64::from(slots[2] as u32) })
    }
}

impl<O: Ranges> SlowOp for ObservedRange<O> {
    const OPERANDS: usize = O::OPERANDS;

    fn call(mut vm: Vm<'_>, mut slots: Slots<'_>, first: u32, second: u32) -> Result<(), Exit> {
        let Some(store) = vm.store() else { return O::call(vm, slots, first, second) };
        let (read, written) = O::ranges(&mut vm, &slots, first, second);
        // SAFETY: E3; no entity is borrowed.
        let look = |vm: &Vm<'_>, range: Range| unsafe {
            let entity = vm.instance.memories[range.memory as usize];
            Before::look(store, entity, range.addr, range.len_bytes)
        };
        let read = read.map(|range| look(&vm, range));
        let written = look(&vm, written);
        O::call(vm.again(), slots.again(), first, second)?;
        // SAFETY: as above.
        let outcome = unsafe {
            let site = Site::from_bits((*store.as_ptr()).context.view.site);
            read.map_or(Ok(()), |read| read.was_read(store, O::SOURCE, site))
                .and_then(|()| written.was_written(store, O::SOURCE, site))
        };
        outcome.map_err(|failure| vm.leave_with(failure))
    }
}

/// `memory.grow`, which is reported.
pub(crate) struct ObservedGrow;

impl SlowOp for ObservedGrow {
    const OPERANDS: usize = MemoryGrow::OPERANDS;

    fn call(mut vm: Vm<'_>, mut slots: Slots<'_>, first: u32, second: u32) -> Result<(), Exit> {
        let entity = vm.instance.memories[first as usize];
        let old_bytes = with_memory!(vm.memory(first), memory => memory.byte_len());
        MemoryGrow::call(vm.again(), slots.again(), first, second)?;
        let new_bytes = with_memory!(vm.memory(first), memory => memory.byte_len());
        let Some(store) = vm.store().filter(|_| new_bytes != old_bytes) else { return Ok(()) };
        // SAFETY: E3; no entity is borrowed.
        let outcome = unsafe {
            let site = Site::from_bits((*store.as_ptr()).context.view.site);
            observe::grew(store, entity, old_bytes, site)
        };
        outcome.map_err(|failure| vm.leave_with(failure))
    }
}

/// Reports that a chosen function begins: its `b` arguments are in slots from 0 on. Granule 2 is
/// the function's site, granule 3 names the slots that pins are loaded from again.
pub(crate) struct Entered;

impl Op for Entered {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[
        Place::Slots(Field::NONE, Count::In(Field::B)),
        Place::Slot(Field::half(3, 0)),
        Place::Slot(Field::half(3, 1)),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let exit = call_reported(m.cx, m.ip, m.fp, true);
            if exit != Exit::DONE {
                return Err(exit);
            }
            m.load_pins(m.fp, m.ip.half(3, 0), m.ip.half(3, 1));
        }
        Ok(())
    }
}

/// Reports that a chosen function returns: its `b` results are in slots from `granule 3` on.
/// Granule 2 is the function's site, and the one at which it returns above it; `a` is 1 for a
/// tail call.
pub(crate) struct Returned;

impl Op for Returned {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[Place::Slots(Field::all(3), Count::In(Field::B))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let exit = call_reported(m.cx, m.ip, m.fp, false);
            if exit != Exit::DONE {
                return Err(exit);
            }
        }
        Ok(())
    }
}

/// # Safety
///
/// E1 to E3 hold for the cell at `ip`, which is [`Entered`] or [`Returned`].
#[inline(never)]
unsafe fn call_reported(cx: *mut Context, ip: Ip, fp: Fp, begins: bool) -> Exit {
    // SAFETY: the caller's promise; no reference into the store is kept (R3).
    unsafe {
        (*cx).exit.ip = ip;
        (*cx).exit.fp = fp;
        let Some(store) = NonNull::new((*cx).store) else { return Exit::DONE };
        let (what, count) = (ip.granule(2), ip.b() as usize);
        let function = Site::from_bits(what as u32);
        let outcome = if begins {
            let site = observe::caller_site(&mut *cx);
            let tell: observe::TellCall = |observer, moment, call| observer.entered(moment, call);
            observe::called(store, tell, [function, site], (fp.slot(0), count), fp, false)
        } else {
            let site = Site::from_bits((what >> 32) as u32);
            let first = fp.slot(ip.granule(3) as usize);
            let tell: observe::TellCall = |observer, moment, call| observer.returned(moment, call);
            observe::called(store, tell, [function, site], (first, count), fp, ip.a() != 0)
        };
        match outcome {
            Ok(()) => Exit::DONE,
            Err(failure) => observe::leave_with(&mut *cx, failure),
        }
    }
}

/// `global b ← a`, for a chosen global: reports it. The granule behind the operand is the site.
pub(crate) struct ObservedGlobalSet<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for ObservedGlobalSet<T, S> {
    const GRANULES: usize = 3 + S::EXTRA;
    const PLACES: &'static [Place] = &[S::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; a global's value comes first.
        unsafe {
            let global = global(m);
            let (old, new) = (global.read(), S::get(m).to_slot());
            global.write(new);
            if new < (*m.cx).view.global_below {
                let site = Site::from_bits(m.ip.granule(2 + S::EXTRA) as u32);
                let exit = global_reported(m.cx, m.ip, m.fp, m.ip.b(), site, old, new);
                if exit != Exit::DONE {
                    return Err(exit);
                }
            }
        }
        Ok(())
    }
}

/// # Safety
///
/// E3 holds, and the cell at `ip` is [`ObservedGlobalSet`] in the function whose frame is at `fp`.
#[inline(never)]
unsafe fn global_reported(
    cx: *mut Context,
    ip: Ip,
    fp: Fp,
    global: u32,
    site: Site,
    old: u64,
    new: u64,
) -> Exit {
    let set = GlobalSet { global, site, old, new };
    // SAFETY: the caller's promise; no reference into the store is kept (R3).
    unsafe {
        (*cx).exit.ip = ip;
        (*cx).exit.fp = fp;
        let Some(store) = NonNull::new((*cx).store) else { return Exit::DONE };
        match observe::global_set(store, set) {
            Ok(()) => Exit::DONE,
            Err(failure) => observe::leave_with(&mut *cx, failure),
        }
    }
}

/// A record is what handlers write, granule by granule.
const _: () = assert!(size_of::<Record>() == 32);
