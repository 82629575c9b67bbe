//! The context: what the executor needs at hand, cached for the instance that is running.

use std::num::NonZeroU64;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use lineal_memory::SharedMemory;

use super::entity::{FuncEntity, GlobalEntity, MemoryEntity};
use super::instance::InstanceData;
use super::native_stack::NativeStack;
use super::observe::state::{Observation, View};
use super::store::StoreCore;
use crate::machine::{Exit, ExitState, Fp, Ip, Machine};

/// How wide an access is, as an index into [`Context::limits`].
pub(crate) const WIDTHS: usize = 5;

/// The executor's view of the running instance, and where it leaves word when it stops.
///
/// Everything that can change the view refreshes it: growing a memory, entering another
/// instance, and calling the host.
#[repr(C)]
pub(crate) struct Context {
    /// For memory 0 and accesses of 1, 2, 4, 8 and 16 bytes: one more than the highest effective
    /// address in bounds, 0 if there is none. All zero when there is no memory 0. A shared memory may
    /// have become larger since.
    pub(crate) limits: [u64; WIDTHS],
    /// Memory 0's first byte; dangling when there is no memory 0.
    pub(crate) mem_ptr: *mut u8,
    /// Memory 0 if it is shared; null otherwise.
    pub(crate) shared: *const SharedMemory,
    /// The running instance's globals.
    pub(crate) globals: *const NonNull<GlobalEntity>,
    /// The running instance; null before the first call.
    pub(crate) instance: *const InstanceData,
    /// One past the last slot of the stack.
    pub(crate) stack_end: *mut u64,
    /// The fuel that is left.
    pub(crate) fuel: u64,
    /// The engine's epoch.
    pub(crate) epoch: *const AtomicU64,
    /// The epoch at which the guest is interrupted.
    pub(crate) epoch_deadline: u64,
    /// Where the last access was that failed.
    pub(crate) fault: Fault,
    /// Memory 1, if it is the store's own. If not, what an earlier instance left here: no code uses
    /// it then (R6).
    pub(crate) second: SecondMemory,
    /// The first slot of the stack.
    pub(crate) stack_start: *mut u64,
    /// The store this context is part of.
    pub(crate) store: *mut StoreCore,
    /// Calls that crossed from one instance to another and have not returned.
    pub(crate) switches: Vec<Switch>,
    /// The first slot that an invocation by the host may use.
    pub(crate) stack_free: *mut u64,
    /// Where the executor stopped.
    pub(crate) exit: ExitState,
    /// The exception that made the executor stop, as a slot holds it.
    pub(crate) exception: u64,
    /// The error of the host function that made the executor stop.
    pub(crate) host_error: Option<HostFailure>,
    /// What handlers of observed code look at.
    pub(crate) view: View,
    /// What is kept of a store that is observed.
    pub(crate) observation: Option<Box<Observation>>,
    /// Where a function that was called from another instance returns to.
    pub(crate) switch_return: Ip,
    /// The thread's stack as the running invocation found it.
    pub(crate) native_stack: NativeStack,
    /// Whether there is an observer, or a hook for calls.
    pub(crate) watched: bool,
    /// How many frames backtraces list.
    pub(crate) backtrace_frames: usize,
    /// The number of the activation that runs; 0 if none does.
    pub(crate) running: u64,
    /// How the running invocation may stop in the middle.
    pub(crate) stops: Stops,
    /// The host function that made the executor stop: one that failed, or an asynchronous one that
    /// is to be called.
    pub(crate) host_func: Option<NonNull<FuncEntity>>,
    /// The machine, as it can continue, after an exit for want of fuel or for a yield; `None` if
    /// the exit came while an exception was on its way.
    pub(crate) stopped: Option<Machine>,
    /// After an exit for want of fuel: how much there must be to continue.
    pub(crate) needed_fuel: u64,
    /// Fuel that the guest gets when its other fuel is consumed.
    pub(crate) fuel_reserve: u64,
    /// How much of the reserve it gets at a time.
    pub(crate) fuel_interval: Option<NonZeroU64>,
}

/// The base and limits of memory 1, as the context has them for memory 0.
pub(crate) struct SecondMemory {
    pub(crate) limits: [u64; WIDTHS],
    pub(crate) first_byte: *mut u8,
}

/// How an invocation may stop in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stops {
    /// It may not: whoever called waits for its end.
    Never,
    /// Where a host function fails, and where there is no fuel left.
    AtErrors,
    /// Where an asynchronous host function is called, and where it yields.
    #[cfg(feature = "async")]
    Async,
}

/// What a host function left behind instead of results.
pub(crate) enum HostFailure {
    /// It returned an error.
    Error(anyhow::Error),
    /// It panicked; the payload continues to unwind once the guest's frames are left.
    Panic(Box<dyn std::any::Any + Send>),
}

/// A call from one instance to another: where it returns to.
#[derive(Clone, Copy)]
pub(crate) struct Switch {
    pub(crate) return_ip: Ip,
    pub(crate) instance: *const InstanceData,
}

/// Where an access was that failed. Which of the fields mean something depends on the instruction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fault {
    /// The effective address, which may have wrapped around, or the index.
    pub(crate) start: u64,
    /// How many bytes a range has, or how many elements an array.
    pub(crate) len: u64,
    /// Whether the range is the one that was to be read.
    pub(crate) is_source: bool,
}

impl Stops {
    /// Whether a guest that has consumed its fuel gets more of the reserve without a stop.
    pub(crate) fn refuels_at_once(self) -> bool {
        #[cfg(feature = "async")]
        if self == Stops::Async {
            return false;
        }
        true
    }
}

impl Context {
    pub(crate) fn new(epoch: &AtomicU64, switch_return: Ip) -> Context {
        Context {
            limits: [0; WIDTHS],
            mem_ptr: ptr::dangling_mut(),
            shared: ptr::null(),
            globals: ptr::null(),
            instance: ptr::null(),
            stack_end: ptr::null_mut(),
            fuel: 0,
            epoch,
            epoch_deadline: 0,
            fault: Fault::default(),
            second: SecondMemory { limits: [0; WIDTHS], first_byte: ptr::dangling_mut() },
            stack_start: ptr::null_mut(),
            store: ptr::null_mut(),
            switches: Vec::new(),
            stack_free: ptr::null_mut(),
            exit: ExitState { exit: Exit::DONE, ip: Ip::NULL, fp: Fp::NULL },
            exception: 0,
            host_error: None,
            view: View::EMPTY,
            observation: None,
            switch_return,
            native_stack: NativeStack::default(),
            backtrace_frames: 0,
            watched: false,
            running: 0,
            stops: Stops::Never,
            host_func: None,
            stopped: None,
            needed_fuel: 0,
            fuel_reserve: 0,
            fuel_interval: None,
        }
    }

    /// All fuel that is left.
    pub(crate) fn total_fuel(&self) -> u64 {
        self.fuel.saturating_add(self.fuel_reserve)
    }

    /// Divides fuel into what the guest gets now and the reserve.
    pub(crate) fn set_fuel(&mut self, total: u64) {
        self.fuel = total.min(self.fuel_interval.map_or(u64::MAX, NonZeroU64::get));
        self.fuel_reserve = total - self.fuel;
    }

    /// Takes from the reserve what the guest gets at a time, and at least what it needs to
    /// continue; `false` if there is not enough.
    pub(crate) fn refuel(&mut self) -> bool {
        let total = self.total_fuel();
        let suffices = self.fuel_reserve > 0 && self.needed_fuel <= total;
        if suffices {
            let interval = self.fuel_interval.map_or(u64::MAX, NonZeroU64::get);
            self.fuel = self.fuel.saturating_add(interval).max(self.needed_fuel).min(total);
            self.fuel_reserve = total - self.fuel;
        }
        suffices
    }

    /// Sets the deadline to so many ticks after the present epoch.
    pub(crate) fn set_epoch_deadline(&mut self, ticks: u64) {
        // SAFETY: the store keeps its engine alive, and the engine owns the epoch.
        let now = unsafe { (*self.epoch).load(Ordering::Relaxed) };
        self.epoch_deadline = now.saturating_add(ticks);
    }

    /// Whether the epoch at which the guest is interrupted has come.
    #[inline(always)]
    pub(crate) fn is_deadline_reached(&self) -> bool {
        // SAFETY: as in `set_epoch_deadline`.
        unsafe { (*self.epoch).load(Ordering::Relaxed) >= self.epoch_deadline }
    }

    /// Makes `instance` the running one (null: none).
    pub(crate) fn enter(&mut self, instance: *const InstanceData) {
        self.instance = instance;
        // SAFETY: R1: an instance that is running, or about to, is alive.
        let entered = unsafe { instance.as_ref() };
        self.globals = entered.map_or(ptr::null(), |instance| instance.globals.as_ptr());
        self.refresh_memory();
    }

    /// Reads the bases and lengths of memories 0 and 1 again.
    pub(crate) fn refresh_memory(&mut self) {
        // SAFETY: R1: the running instance is alive.
        let instance = unsafe { self.instance.as_ref() };
        let memories = instance.map_or(&[][..], |instance| &instance.memories);
        match memories.first() {
            Some(&memory) => self.view_memory(memory),
            None => self.view_nothing(),
        }
        if let Some(second) = memories.get(1)
            // SAFETY: as in `view_memory`; memory 0 is not borrowed any more, and may be the same.
            && let MemoryEntity::Linear(memory) = unsafe { &mut *second.as_ptr() }
        {
            self.second.first_byte = memory.as_mut_ptr();
            self.second.limits = limits(memory.byte_len());
        }
    }

    fn view_nothing(&mut self) {
        self.mem_ptr = ptr::dangling_mut();
        self.shared = ptr::null();
        self.limits = [0; WIDTHS];
    }

    fn view_memory(&mut self, memory: NonNull<MemoryEntity>) {
        if let Some(observation) = &mut self.observation {
            observation.view_memory(&mut self.view, memory);
        }
        // SAFETY: R1 keeps the memory alive; R3: no other reference to it is live.
        let entity = unsafe { &mut *memory.as_ptr() };
        match entity {
            MemoryEntity::Linear(memory) => {
                self.mem_ptr = memory.as_mut_ptr();
                self.shared = ptr::null();
                self.limits = limits(memory.byte_len());
            }
            MemoryEntity::Shared(memory) => {
                // By R6 only code that accesses bytes atomically runs with a shared memory.
                self.mem_ptr = memory.as_ptr();
                self.shared = memory;
                self.limits = limits(memory.byte_len());
            }
        }
    }
}

/// What [`Context::limits`] are for a memory of that length.
pub(crate) fn limits(length_bytes: u64) -> [u64; WIDTHS] {
    std::array::from_fn(|log2| (length_bytes + 1).saturating_sub(1 << log2))
}
