//! Handlers of calls and returns.
//!
//! A callee's frame starts at the caller's argument slots, so nothing is copied:
//!
//! ```text
//! caller's frame  [ params │ locals │ link │ temporaries … args ]
//! callee's frame                                         [ params │ locals │ link │ … ]
//! ```
//!
//! A call jumps to the callee with the return address in `acc` and the callee's [`FuncEntry`]
//! in `pin`; [`Enter`] saves the former in the link slot. The granule before a return address is
//! the call's metadata ([`CallMeta`]). Results replace the arguments, from slot 0 on; the first
//! one is in the accumulator of its bank too.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use lineal_decoder::TypeIndex;

use crate::machine::operand::{SlotA, SlotD, SlotValue, Src};
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Fp, Handler, Ip, Machine, Op, handler, operands};
use crate::runtime::code::FuncEntry;
use crate::runtime::context::{Context, HostFailure, Switch};
use crate::runtime::entity::{FuncEntity, FuncKind, TableEntity};
use crate::runtime::observe::{self, HostCall};
use crate::runtime::slots::slot_count;
use crate::runtime::trap::{Exit, Trap};
use crate::runtime::unwind::ThrownException;

/// What a return needs to know of the caller, in the granule before the return address.
#[derive(Clone, Copy)]
pub(crate) struct CallMeta {
    /// How many slots the callee's frame lies above the caller's.
    pub(crate) delta: u32,
    /// The slots that the caller's pins are loaded from again.
    pub(crate) int_pin: u16,
    /// The same for the float pins.
    pub(crate) float_pin: u16,
}

impl CallMeta {
    /// As [`operands`]: the pins are `a` and `d`, the distance is `b`.
    pub(crate) fn to_granule(self) -> u64 {
        operands(self.int_pin, self.float_pin, self.delta)
    }
}

/// The distance from caller's to callee's frame, in slots, by the metadata at `ip`.
#[inline(always)]
unsafe fn delta_at(ip: Ip) -> usize {
    // SAFETY: E1: metadata is packed as operands are.
    unsafe { ip.offset(-1).b() as usize }
}

/// Where the call that the cell at `ip` makes begins the callee's frame; its metadata is granule
/// `n`.
#[inline(always)]
unsafe fn callee_frame(m: &Machine, n: isize) -> Fp {
    // SAFETY: E1.
    Fp::new(m.fp.slot(unsafe { delta_at(m.ip.offset(n)) }))
}

/// Goes back to the caller whose code continues at `ip`, from a callee's frame.
///
/// # Safety
///
/// `ip` is a return address, and `m.fp` the frame of the call that it belongs to.
#[inline(always)]
unsafe fn return_to(m: &mut Machine, ip: Ip) {
    // SAFETY: E1: a return address comes after the call's metadata. E2: the caller's frame is
    // still there.
    unsafe {
        m.fp = m.fp.of_caller(ip);
        m.load_pins(m.fp, ip.half(-1, 0), ip.half(-1, 1));
    }
    m.ip = ip;
}

/// Makes an exit from a call whose frame is gone, or not there yet, one of the calling function:
/// `ip` inside its call cell, `fp` its frame.
#[inline(always)]
unsafe fn blame_caller(m: &mut Machine, return_ip: Ip) {
    m.ip = return_ip.offset(-1);
    // SAFETY: `m.fp` is where the call began the callee's frame.
    m.fp = unsafe { m.fp.of_caller(return_ip) };
}

/// Begins a function: checks that its frame of `b` slots fits, saves the return address in slot
/// `a`, zeroes the `d` slots before it, and loads the pins that granule 2 names.
///
/// `N` is how many slots are zeroed, or [`MANY`] to ask `d`.
pub(crate) struct Enter<const N: usize>;

/// Stands for more locals than there are handlers for.
pub(crate) const MANY: usize = usize::MAX;

impl<const N: usize> Op for Enter<N> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[
        Place::Slots(Field::NONE, Count::In(Field::B)),
        Place::Slot(Field::A),
        Place::Slot(Field::half(2, 0)),
        Place::Slot(Field::half(2, 1)),
    ];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        // SAFETY: E1 and E3.
        unsafe {
            let end = m.fp.as_ptr() as usize + m.ip.b() as usize * size_of::<u64>();
            if end > (*m.cx).stack_end as usize {
                // The frame is not there, so the trap belongs to the caller.
                blame_caller(m, return_ip);
                return Err(Trap::StackOverflow.into());
            }
        }
        // SAFETY: E1 and E2: the frame was just checked.
        unsafe {
            let link = m.ip.a();
            if N == MANY {
                let count = m.ip.d() as usize;
                m.fp.slot(link - count).write_bytes(0, count);
            } else {
                for index in 1..=N {
                    m.fp.slot(link).sub(index).write(0);
                }
            }
            m.fp.set(link, m.acc);
            m.load_pins(m.fp, m.ip.half(2, 0), m.ip.half(2, 1));
        }
        Ok(())
    }
}

/// `slot 0, accumulator ← d`, then returns through link slot `a`.
pub(crate) struct Return1<T, S>(PhantomData<(T, S)>);

impl<T: SlotValue, S: Src<T>> Op for Return1<T, S> {
    const GRANULES: usize = 2 + S::EXTRA;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), S::PLACE];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            let value = S::get(m);
            m.fp.set(0, value.to_slot());
            value.set_acc(m);
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Returns through link slot `a`, after copying the `b` slots from `d` on to slot 0 on.
pub(crate) struct ReturnMany;

impl Op for ReturnMany {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] =
        &[Place::Slot(Field::A), Place::Slots(Field::all(2), Count::In(Field::B))];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2; the results lie above slot 0, so copying upwards is safe.
        unsafe {
            let link = m.fp.get(m.ip.a());
            let (first, count) = (m.ip.granule(2) as usize, m.ip.b() as usize);
            std::ptr::copy(m.fp.slot(first), m.fp.slot(0), count);
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// `slots 0 and 1 ← vector d`, then returns through link slot `a`.
pub(crate) struct ReturnVector;

impl Op for ReturnVector {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), Place::Pair(Field::D)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            m.fp.set_vector(0, SlotD::get(m));
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Returns through link slot `a`, without results.
pub(crate) struct Return0;

impl Op for Return0 {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let link = m.fp.get(m.ip.a());
            return_to(m, Ip::new(std::ptr::with_exposed_provenance(link as usize)));
        }
        Err(Exit::BRANCH)
    }
}

/// Leaves the machine: the outermost function returned.
struct HostReturn;

impl Op for HostReturn {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(_: &mut Machine) -> Result<(), Exit> {
        Err(Exit::DONE)
    }
}

/// Goes back to the instance that made a call into this one.
struct SwitchReturn;

impl Op for SwitchReturn {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E3; whoever returns here was called by way of a switch.
        unsafe {
            let ip = leave_instance(m.cx);
            m.mem_ptr = (*m.cx).mem_ptr;
            return_to(m, ip);
        }
        Err(Exit::BRANCH)
    }
}

/// Makes the instance before the last switch the running one; where its code continues.
///
/// # Safety
///
/// E3 holds, and there is a switch.
#[inline(never)]
unsafe fn leave_instance(cx: *mut Context) -> Ip {
    // SAFETY: the caller's promise.
    let cx = unsafe { &mut *cx };
    match cx.switches.pop() {
        Some(switch) => {
            cx.enter(switch.instance);
            switch.return_ip
        }
        None => host_return_ip(),
    }
}

/// A cell outside any function, with call metadata before it, so that it can be returned to.
#[repr(C)]
pub(super) struct StaticCell {
    meta: u64,
    handler: Handler,
}

impl StaticCell {
    pub(super) const fn new(handler: Handler) -> StaticCell {
        StaticCell { meta: 0, handler }
    }

    pub(super) fn ip(&'static self) -> Ip {
        Ip::new((&raw const self.handler).cast())
    }
}

static HOST_RETURN: StaticCell = StaticCell::new(handler::<HostReturn>());
static SWITCH_RETURN: StaticCell = StaticCell::new(handler::<SwitchReturn>());
static CALL_OUTSIDE: StaticCell = StaticCell::new(handler::<CallOutside>());
static CALL_SUBTYPE: StaticCell = StaticCell::new(handler::<CallSubtype>());
static TRANSLATE: StaticCell = StaticCell::new(handler::<Translate>());

/// Where the outermost function returns to.
pub(crate) fn host_return_ip() -> Ip {
    HOST_RETURN.ip()
}

/// Where a function called from another instance returns to.
pub(crate) fn switch_return_ip() -> Ip {
    SWITCH_RETURN.ip()
}

/// Where a function that is not translated yet starts.
pub(crate) fn translate_stub() -> Ip {
    TRANSLATE.ip()
}

/// Translates the function whose entry is in `pin`, then begins it.
struct Translate;

impl Op for Translate {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let entry = std::ptr::with_exposed_provenance(m.pin as usize);
        // SAFETY: E3; every call passes the entry of a function of the running instance.
        m.ip = unsafe { translate_now(m.cx, entry) };
        Err(Exit::BRANCH)
    }
}

/// # Safety
///
/// E3 holds, and `entry` belongs to the running instance's module.
#[inline(never)]
unsafe fn translate_now(cx: *mut Context, entry: *const FuncEntry) -> Ip {
    // SAFETY: the caller's promise.
    unsafe {
        let module = &(*(*cx).instance).module;
        module.translated((*entry).index());
        (*entry).ip()
    }
}

/// Jumps to the entry of a function whose frame begins at `fp`.
#[inline(always)]
fn begin(m: &mut Machine, entry: *const FuncEntry, fp: Fp, return_ip: Ip) {
    m.acc = return_ip.as_ptr().expose_provenance() as u64;
    m.pin = entry.expose_provenance() as u64;
    m.fp = fp;
    // SAFETY: R1: an entry lives as long as its module.
    m.ip = unsafe { (*entry).ip() };
}

/// Calls a function of the same instance: granule 1 is its entry, granule 2 the metadata.
pub(crate) struct Call;

impl Op for Call {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1.
        unsafe {
            let entry = std::ptr::with_exposed_provenance(m.ip.granule(1) as usize);
            let fp = callee_frame(m, 2);
            begin(m, entry, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}

/// Calls any function, whose frame begins at `fp`. What is not a function of the running instance
/// is left to [`CallOutside`], so that this stays small.
///
/// # Safety
///
/// E2 and E3 hold, `func` is a function of the store, the arguments are at `fp`, and `return_ip`
/// comes after the call's metadata.
#[inline(always)]
unsafe fn call_any(m: &mut Machine, func: NonNull<FuncEntity>, fp: Fp, return_ip: Ip) {
    // SAFETY: R1 and E3.
    unsafe {
        if let FuncKind::Wasm { entry, instance } = &(*func.as_ptr()).kind
            && instance.as_ptr().cast_const() == (*m.cx).instance
        {
            begin(m, entry.as_ptr(), fp, return_ip);
        } else {
            leave_to(m, &CALL_OUTSIDE, func, fp, return_ip);
        }
    }
}

/// Leaves a call to a cell outside the function, with what it needs in registers.
#[inline(always)]
fn leave_to(
    m: &mut Machine,
    cell: &'static StaticCell,
    func: NonNull<FuncEntity>,
    fp: Fp,
    return_ip: Ip,
) {
    m.acc = return_ip.as_ptr().expose_provenance() as u64;
    m.pin = FuncEntity::to_ref(func);
    m.fp = fp;
    m.ip = cell.ip();
}

/// Calls the function whose reference is in `pin`, which is the host's or another instance's; the
/// return address is in `acc`.
struct CallOutside;

impl Op for CallOutside {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        let Some(func) = FuncEntity::from_ref(m.pin) else { return Err(Exit::DONE) };
        // SAFETY: `call_any` left the call's function, frame and return address.
        unsafe {
            match call_outside(m.cx, func, m.fp, return_ip) {
                Outside::Failed => {
                    blame_caller(m, return_ip);
                    Err((*m.cx).exit.exit)
                }
                Outside::Returned => {
                    m.mem_ptr = (*m.cx).mem_ptr;
                    m.acc = m.fp.get(0);
                    m.acc64 = f64::from_bits(m.acc);
                    m.acc32 = f32::from_bits(m.acc as u32);
                    return_to(m, return_ip);
                    Err(Exit::BRANCH)
                }
                Outside::Entered => {
                    m.mem_ptr = (*m.cx).mem_ptr;
                    if let FuncKind::Wasm { entry, .. } = &(*func.as_ptr()).kind {
                        begin(m, entry.as_ptr(), m.fp, switch_return_ip());
                    }
                    Err(Exit::BRANCH)
                }
            }
        }
    }
}

/// How a call to something outside the running instance went.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Outside {
    /// A host function returned; its results are in place.
    Returned,
    /// Another instance is the running one now; the callee is to begin.
    Entered,
    /// A host function failed, or there is no room for the call; the context's exit says how.
    Failed,
}

/// Calls a host function, or makes the callee's instance the running one.
///
/// # Safety
///
/// As for [`call_any`].
#[inline(never)]
unsafe fn call_outside(
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
    return_ip: Ip,
) -> Outside {
    // SAFETY: the caller's promise; R1.
    match unsafe { &(*func.as_ptr()).kind } {
        FuncKind::Wasm { instance, .. } => {
            // SAFETY: E3.
            let cx = unsafe { &mut *cx };
            // A tail call out of a function that was itself called by way of a switch returns
            // to that switch: chains of tail calls take no room.
            if return_ip != switch_return_ip() {
                if cx.switches.try_reserve(1).is_err() {
                    cx.exit.exit = Trap::StackOverflow.into();
                    return Outside::Failed;
                }
                cx.switches.push(Switch { return_ip, instance: cx.instance });
            }
            cx.enter(instance.as_ptr());
            Outside::Entered
        }
        FuncKind::Host(_) => {
            // SAFETY: the caller's promise.
            let called = unsafe {
                if (*cx).observation.is_some() {
                    // Observers may ask who calls.
                    (*cx).exit.ip = return_ip.offset(-1);
                    (*cx).exit.fp = fp.of_caller(return_ip);
                }
                call_host(cx, func, fp)
            };
            match called {
                Ok(()) => Outside::Returned,
                Err(exit) => {
                    // SAFETY: E3.
                    unsafe { (*cx).exit.exit = exit };
                    Outside::Failed
                }
            }
        }
    }
}

/// Slots of the guest's stack that a call of the host claims: they stand for what the call takes
/// of the host's own stack, and so bound how deep guest and host can call each other.
const REENTRY_SLOTS: usize = 512;

/// Calls a host function; a failure is left in the context.
///
/// # Safety
///
/// E3 holds, `func` is a host function of the store, and its arguments are at `fp`, where the
/// stack has room for its results too.
pub(crate) unsafe fn call_host(
    cx: *mut Context,
    func: NonNull<FuncEntity>,
    fp: Fp,
) -> Result<(), Exit> {
    // SAFETY: the caller's promise; R1: the function outlives the call.
    let (store, callee, instance) = unsafe { ((*cx).store, func.as_ref(), (*cx).instance) };
    let FuncKind::Host(call) = &callee.kind else { return Ok(()) };
    let Some(store) = NonNull::new(store) else { return Ok(()) };
    let slots = slot_count(callee.ty.params()).max(slot_count(callee.ty.results()));
    // SAFETY: the caller's promise.
    unsafe {
        let run = || run_host(cx, fp.slot(slots), || call(store, instance, fp.as_ptr()));
        if (*cx).observation.is_none() {
            return run();
        }
        let observed = HostCall::begin(store, func, fp)
            .map_err(|failure| observe::leave_with(&mut *cx, failure))?;
        let outcome = run();
        let ended = observed.end(store, outcome.is_ok());
        outcome?;
        ended.map_err(|failure| observe::leave_with(&mut *cx, failure))
    }
}

/// Runs code of the host's that may call the guest again; the guest's frames end at `end`. A
/// failure is left in the context.
///
/// # Safety
///
/// E3 holds, and `end` is in the store's stack or right after it.
pub(super) unsafe fn run_host(
    cx: *mut Context,
    end: *mut u64,
    run: impl FnOnce() -> anyhow::Result<()>,
) -> Result<(), Exit> {
    // SAFETY: E3; no reference into the context is kept across the call (R3).
    let (free, scope) = unsafe {
        let free = (*cx).stack_free;
        (*cx).stack_free = end.wrapping_add(REENTRY_SLOTS);
        (free, (*(*cx).store).heap.begin_scope())
    };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    // SAFETY: E3; R3: the heap is borrowed for this statement only.
    let cx = unsafe {
        (*(*cx).store).heap.end_scope(scope);
        &mut *cx
    };
    cx.stack_free = free;
    cx.refresh_memory();
    let failure = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => {
            // SAFETY: as above.
            let pending = unsafe { &mut (*cx.store).heap.pending_exception };
            if *pending != 0 && error.is::<ThrownException>() {
                cx.exception = std::mem::take(pending);
                return Err(Exit::EXCEPTION);
            }
            HostFailure::Error(error)
        }
        Err(payload) => HostFailure::Panic(payload),
    };
    cx.host_error = Some(failure);
    Err(Exit::HOST_ERROR)
}

/// Calls an imported function: `b` is its index, granule 2 the metadata.
pub(crate) struct CallImport;

impl Op for CallImport {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; validation bounds the index.
        unsafe {
            let func = imported(m);
            let fp = callee_frame(m, 2);
            call_any(m, func, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}

/// The running instance's function `b`.
#[inline(always)]
unsafe fn imported(m: &Machine) -> NonNull<FuncEntity> {
    // SAFETY: E1, E3, R1; validation bounds the index.
    unsafe {
        let instance = &*(*m.cx).instance;
        instance.funcs.as_ptr().add(m.ip.b() as usize).read()
    }
}

/// Calls through table `b`, at the index of class `S`; granule 2 is the expected type, granule 3
/// the metadata.
pub(crate) struct CallIndirect<S, I>(PhantomData<(S, I)>);

/// The type of a table index: `u32` or `u64`.
pub(crate) trait IndexType: SlotValue + Into<u64> {}
impl IndexType for u32 {}
impl IndexType for u64 {}

impl<S: Src<I>, I: IndexType> Op for CallIndirect<S, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2)), Place::Call(3)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = lookup::<S, I>(m)?;
            let fp = callee_frame(m, 3);
            let return_ip = m.ip.offset(Self::GRANULES as isize);
            if (*func.as_ptr()).type_index == expected_type(m.ip) {
                call_any(m, func, fp, return_ip);
            } else {
                leave_to(m, &CALL_SUBTYPE, func, fp, return_ip);
            }
        }
        Err(Exit::BRANCH)
    }
}

/// The type that the indirect call at `ip` expects: granule 2.
#[inline(always)]
unsafe fn expected_type(ip: Ip) -> TypeIndex {
    // SAFETY: E1.
    TypeIndex(unsafe { ip.granule(2) } as u32)
}

/// Goes on with an indirect call to a function that has not exactly the type that the call
/// expects, but perhaps a subtype; registers are as for [`CallOutside`].
struct CallSubtype;

impl Op for CallSubtype {
    const GRANULES: usize = 1;
    const PLACES: &'static [Place] = &[];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        let return_ip = Ip::new(std::ptr::with_exposed_provenance(m.acc as usize));
        let Some(func) = FuncEntity::from_ref(m.pin) else { return Err(Exit::DONE) };
        // SAFETY: `CallIndirect` left the call's function, frame and return address.
        unsafe {
            if !is_subtype(
                m.cx,
                func,
                expected_type(return_ip.offset(-(CallIndirect::<SlotA, u32>::GRANULES as isize))),
            ) {
                blame_caller(m, return_ip);
                return Err(Trap::BadSignature.into());
            }
            call_any(m, func, m.fp, return_ip);
        }
        Err(Exit::BRANCH)
    }
}

/// The function that an indirect call calls, whatever its type.
#[inline(always)]
unsafe fn lookup<S: Src<I>, I: IndexType>(m: &Machine) -> Result<NonNull<FuncEntity>, Exit> {
    // SAFETY: E1 to E3, R1; validation bounds the table's index.
    unsafe {
        let index: u64 = S::get(m).into();
        let instance = &*(*m.cx).instance;
        let table: *const TableEntity =
            instance.tables.as_ptr().add(m.ip.b() as usize).read().as_ptr();
        let elements = &(*table).elements;
        let Some(&element) = elements.get(index as usize) else {
            (*m.cx).fault.start = index;
            return Err(Trap::TableOutOfBounds.into());
        };
        let Some(func) = FuncEntity::from_ref(element) else {
            (*m.cx).fault.start = index;
            return Err(Trap::IndirectCallToNull.into());
        };
        // R4: a non-null reference is a function of the store.
        Ok(func)
    }
}

/// Whether a function has a type that is not exactly its own.
///
/// # Safety
///
/// E3 holds, and `func` is a function of the store.
#[cold]
#[inline(never)]
unsafe fn is_subtype(cx: *mut Context, func: NonNull<FuncEntity>, expected: TypeIndex) -> bool {
    // SAFETY: the caller's promise; R1.
    unsafe { (*(*cx).store).engine.types().is_sub_index(func.as_ref().type_index, expected) }
}

/// Calls the function that the reference of class `S` stands for; granule 2 is the metadata.
pub(crate) struct CallRef<S>(PhantomData<S>);

impl<S: Src<u64>> Op for CallRef<S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Call(2)];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; R4: a non-null reference is a function of the store.
        unsafe {
            let Some(func) = FuncEntity::from_ref(S::get(m)) else {
                return Err(Trap::NullReference.into());
            };
            let fp = callee_frame(m, 2);
            call_any(m, func, fp, m.ip.offset(Self::GRANULES as isize));
        }
        Err(Exit::BRANCH)
    }
}

/// Where a tail call's arguments are and where the frame's link is: packed in one granule.
#[derive(Clone, Copy)]
pub(crate) struct TailMeta {
    /// The first argument's slot.
    pub(crate) first: u32,
    /// How many slots the arguments take.
    pub(crate) count: u16,
    /// The slot of the return address.
    pub(crate) link: u16,
}

impl TailMeta {
    pub(crate) fn to_granule(self) -> u64 {
        u64::from(self.first) | u64::from(self.count) << 32 | u64::from(self.link) << 48
    }

    fn from_granule(bits: u64) -> TailMeta {
        TailMeta { first: bits as u32, count: (bits >> 32) as u16, link: (bits >> 48) as u16 }
    }

    /// Moves the arguments to the frame's start; the return address, for the callee.
    ///
    /// # Safety
    ///
    /// E2 holds, and the metadata is the running function's.
    #[inline(always)]
    unsafe fn replace_frame(self, m: &Machine) -> Ip {
        // SAFETY: the caller's promise.
        unsafe {
            let link = m.fp.get(self.link as usize);
            std::ptr::copy(m.fp.slot(self.first as usize), m.fp.slot(0), self.count as usize);
            Ip::new(std::ptr::with_exposed_provenance(link as usize))
        }
    }
}

/// Replaces the running function's frame with that of any other function.
///
/// # Safety
///
/// As for [`call_any`], and the metadata is the running function's.
#[inline(always)]
unsafe fn tail_call_any(m: &mut Machine, func: NonNull<FuncEntity>, tail: TailMeta) {
    // SAFETY: the caller's promise.
    unsafe {
        let return_ip = tail.replace_frame(m);
        call_any(m, func, m.fp, return_ip);
    }
}

/// Tail-calls a function of the same instance: granule 1 is its entry, granule 2 a [`TailMeta`].
pub(crate) struct ReturnCall;

impl Op for ReturnCall {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 and E2.
        unsafe {
            let entry = std::ptr::with_exposed_provenance(m.ip.granule(1) as usize);
            let return_ip = TailMeta::from_granule(m.ip.granule(2)).replace_frame(m);
            begin(m, entry, m.fp, return_ip);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls an imported function: `b` is its index, granule 2 a [`TailMeta`].
pub(crate) struct ReturnCallImport;

impl Op for ReturnCallImport {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = imported(m);
            let tail = TailMeta::from_granule(m.ip.granule(2));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls through table `b`: operands as [`CallIndirect`], granule 3 a [`TailMeta`].
pub(crate) struct ReturnCallIndirect<S, I>(PhantomData<(S, I)>);

impl<S: Src<I>, I: IndexType> Op for ReturnCallIndirect<S, I> {
    const GRANULES: usize = 4;
    const PLACES: &'static [Place] = &[S::PLACE, Place::Number(Field::all(2)), Place::TailCall(3)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        unsafe {
            let func = lookup::<S, I>(m)?;
            let expected = expected_type(m.ip);
            if (*func.as_ptr()).type_index != expected && !is_subtype(m.cx, func, expected) {
                return Err(Trap::BadSignature.into());
            }
            let tail = TailMeta::from_granule(m.ip.granule(3));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}

/// Tail-calls the function that the reference of class `S` stands for; granule 2 is a
/// [`TailMeta`].
pub(crate) struct ReturnCallRef<S>(PhantomData<S>);

impl<S: Src<u64>> Op for ReturnCallRef<S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[S::PLACE, Place::TailCall(2)];
    const GOES_ON: bool = false;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; R4: a non-null reference is a function of the store.
        unsafe {
            let Some(func) = FuncEntity::from_ref(S::get(m)) else {
                return Err(Trap::NullReference.into());
            };
            let tail = TailMeta::from_granule(m.ip.granule(2));
            tail_call_any(m, func, tail);
        }
        Err(Exit::BRANCH)
    }
}
