//! Operations that work on whole ranges, tables or memories, or are rare: one call out of line
//! each.
//!
//! Their operands lie in consecutive slots, the first of which the high half of granule 2 names;
//! the result replaces the first.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use lineal_memory::AddressType;

use super::meter;
use crate::machine::place::{Count, Field, Place};
use crate::machine::{Exit, Machine, Op};
#[cfg(feature = "async")]
use crate::runtime::answers::NotAnswered;
use crate::runtime::collect;
#[cfg(feature = "async")]
use crate::runtime::context::Stops;
use crate::runtime::context::{Context, Fault, HostFailure};
use crate::runtime::entity::{MemoryEntity, TableEntity};
use crate::runtime::heap::Heap;
use crate::runtime::instance::InstanceData;
use crate::runtime::limits::{Limits, Refusal};
use crate::runtime::object::Object;
use crate::runtime::options::{Options, PIECE_BYTES};
use crate::runtime::pool::Pool;
use crate::runtime::store::StoreCore;
use crate::runtime::trap::Trap;
use crate::runtime::types::TypeRegistry;

/// An operation on operands in consecutive slots.
pub(crate) trait SlowOp {
    /// How many slots its operands take, or [`IN_SECOND`].
    const OPERANDS: usize;
    /// How many slots there are at the first operand's, in all.
    const SLOTS: Count = match Self::OPERANDS {
        IN_SECOND => Count::AtLeast(2, Field::low(2)),
        0..2 => Count::Fixed(2),
        count => Count::Fixed(count),
    };
    /// Whether it can return.
    const RETURNS: bool = true;
    /// Executes it. `first` and `second` are the immediates in `b` and the low half of granule 2.
    fn call(vm: Vm<'_>, slots: Slots<'_>, first: u32, second: u32) -> Result<(), Exit>;
}

/// The slots of a [`SlowOp`]. They are borrowed only while they are used: the collector may look
/// at them in between.
pub(crate) struct Slots<'a> {
    first: *mut u64,
    count: usize,
    stack: PhantomData<&'a mut [u64]>,
}

impl std::ops::Deref for Slots<'_> {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        // SAFETY: E2: the translator made room for them in the frame.
        unsafe { std::slice::from_raw_parts(self.first, self.count) }
    }
}

impl std::ops::DerefMut for Slots<'_> {
    fn deref_mut(&mut self) -> &mut [u64] {
        // SAFETY: E2, as above.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.count) }
    }
}

impl Slots<'_> {
    /// The same slots.
    pub(super) fn again(&mut self) -> Slots<'_> {
        Slots { first: self.first, count: self.count, stack: PhantomData }
    }
}

/// Stands for the number of slots that the low half of `second` says.
pub(crate) const IN_SECOND: usize = usize::MAX;

/// How many slots the operands take.
pub(crate) const fn operands_of(operands: usize, second: u32) -> usize {
    if operands == IN_SECOND { second as u16 as usize } else { operands }
}

/// How many slots the operation has: results need no more than two.
pub(crate) const fn slots_of(operands: usize, second: u32) -> usize {
    let count = operands_of(operands, second);
    if count < 2 { 2 } else { count }
}

/// Runs a [`SlowOp`].
pub(crate) struct Slow<O>(PhantomData<O>);

impl<O: SlowOp> Op for Slow<O> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = &[Place::Slots(Field::high(2), O::SLOTS)];
    const GOES_ON: bool = O::RETURNS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3.
        let exit = unsafe {
            let wide = m.ip.granule(2);
            let slots = m.fp.slot((wide >> 32) as usize);
            let exit = out_of_line::<O>(m.cx, slots, m.ip.b(), wide as u32);
            m.mem_ptr = (*m.cx).mem_ptr;
            exit
        };
        if exit != Exit::DONE {
            #[cfg(feature = "async")]
            let asks = exit == Exit::ASK;
            #[cfg(not(feature = "async"))]
            let asks = false;
            if asks || exit == Trap::OutOfFuel.into() {
                // SAFETY: E3. An operation asks, and takes its fuel, before it changes anything.
                unsafe { m.stop() };
            }
            return Err(exit);
        }
        Ok(())
    }
}

/// # Safety
///
/// E3 holds, and the operands are at `slots`; the result has room there too.
#[inline(never)]
unsafe fn out_of_line<O: SlowOp>(
    cx: *mut Context,
    slots: *mut u64,
    first: u32,
    second: u32,
) -> Exit {
    // SAFETY: the caller's promise; R1: the running instance is alive.
    let (vm, slots) = unsafe {
        let operands = operands_of(O::OPERANDS, second);
        let count = slots_of(O::OPERANDS, second);
        (Vm::new(cx, slots.add(operands)), Slots { first: slots, count, stack: PhantomData })
    };
    O::call(vm, slots, first, second).err().unwrap_or(Exit::DONE)
}

/// What a [`SlowOp`] works on.
pub(crate) struct Vm<'a> {
    /// The context (E3).
    pub(super) cx: *mut Context,
    pub(super) instance: &'a InstanceData,
    /// Where what the guest uses of its stack ends: behind the operands.
    stack_top: *const u64,
}

impl Vm<'_> {
    /// What an operation whose operands end at `stack_top` works on.
    ///
    /// # Safety
    ///
    /// E3 holds, and goes on to as long as this lives.
    pub(super) unsafe fn new<'a>(cx: *mut Context, stack_top: *const u64) -> Vm<'a> {
        // SAFETY: R1: the running instance is alive.
        let instance = unsafe { &*(*cx).instance };
        Vm { cx, instance, stack_top }
    }

    /// The same.
    pub(super) fn again(&mut self) -> Vm<'_> {
        Vm { cx: self.cx, instance: self.instance, stack_top: self.stack_top }
    }

    /// The store.
    pub(super) fn store(&self) -> Option<NonNull<StoreCore>> {
        // SAFETY: E3.
        NonNull::new(unsafe { (*self.cx).store })
    }

    /// Leaves with a failure of an observer.
    pub(super) fn leave_with(&mut self, failure: HostFailure) -> Exit {
        self.fail(failure)
    }

    /// Puts an object with a payload of so many bytes into the heap; the reference to it.
    pub(super) fn allocate(
        &mut self,
        payload_bytes: usize,
        make: impl FnMut(&mut Pool) -> Option<Object>,
    ) -> Result<u64, Exit> {
        // SAFETY: E3; no entity is borrowed. The translator wrote everything that is on the stack
        // to its slot.
        let allocate = || unsafe {
            let store = NonNull::new_unchecked((*self.cx).store);
            collect::allocate(store, self.stack_top, payload_bytes, &[], make)
        };
        // What is collected may be the host's, and the limiter is.
        match catch_unwind(AssertUnwindSafe(allocate)) {
            Ok(Ok(handle)) => Ok(handle),
            Ok(Err(Refusal::Denied(_))) => Err(Trap::GcHeapOutOfMemory.into()),
            Ok(Err(Refusal::Fatal(error))) => Err(self.fail(HostFailure::Error(error))),
            Err(payload) => Err(self.fail(HostFailure::Panic(payload))),
        }
    }

    /// Leaves with a failure of the host's.
    fn fail(&mut self, failure: HostFailure) -> Exit {
        // SAFETY: E3.
        unsafe { (*self.cx).host_error = Some(failure) };
        Exit::HOST_ERROR
    }

    /// The heap.
    pub(super) fn heap(&mut self) -> &mut Heap {
        // SAFETY: E3; R3: the exclusive borrow of `self` keeps other references away.
        unsafe { &mut (*(*self.cx).store).heap }
    }

    /// The engine's types.
    pub(super) fn types(&self) -> &TypeRegistry {
        self.instance.module.engine.types()
    }

    /// Leaves word of a range of memory that is out of bounds.
    pub(super) fn outside(&mut self, start: u64, len: u64, is_source: bool) -> Exit {
        // SAFETY: E3.
        unsafe { (*self.cx).fault = Fault { start, len, is_source } };
        Trap::MemoryOutOfBounds.into()
    }

    /// Throws an exception.
    pub(super) fn throw(&mut self, exception: u64) -> Exit {
        // SAFETY: E3.
        unsafe { (*self.cx).exception = exception };
        Exit::EXCEPTION
    }

    pub(super) fn memory(&mut self, index: u32) -> &mut MemoryEntity {
        // SAFETY: R1; R3: the exclusive borrow of `self` keeps other references away.
        unsafe { &mut *self.instance.memories[index as usize].as_ptr() }
    }

    pub(super) fn table(&mut self, index: u32) -> &mut TableEntity {
        // SAFETY: as for `memory`.
        unsafe { &mut *self.instance.tables[index as usize].as_ptr() }
    }

    /// Takes `count` units of fuel for the bytes or elements that an operation works on, if the
    /// configuration asks for fuel. Comes after all checks: what traps or changes nothing is free.
    pub(super) fn charge(&mut self, count: u64) -> Result<(), Exit> {
        // SAFETY: E3.
        Ok(unsafe { charge(self.cx, self.options(), count) }?)
    }

    pub(super) fn options(&self) -> Options {
        self.instance.module.engine.config().translation()
    }

    /// Works on `count` units of `unit_bytes` in pieces, the last one first if `backwards`, and
    /// looks at the epoch between them if the configuration asks for it. The host may run there.
    pub(super) fn in_pieces(
        &mut self,
        count: u64,
        unit_bytes: u64,
        backwards: bool,
        mut work: impl FnMut(&mut Self, u64, u64) -> Result<(), Trap>,
    ) -> Result<(), Exit> {
        let piece = PIECE_BYTES / unit_bytes;
        if count <= piece || !self.options().epochs {
            return Ok(work(self, 0, count)?);
        }
        let mut done = 0;
        while done < count {
            let len = piece.min(count - done);
            let start = if backwards { count - done - len } else { done };
            work(self, start, len)?;
            done += len;
            self.check_epoch()?;
        }
        Ok(())
    }

    /// Leaves if the epoch's deadline is reached and the host does not say to go on. The host may
    /// run.
    pub(super) fn check_epoch(&mut self) -> Result<(), Exit> {
        // SAFETY: E3; what is in use of the stack ends at `stack_top`, and nothing of the store is
        // borrowed.
        let exit = unsafe {
            if !meter::is_epoch_reached(self.cx) {
                return Ok(());
            }
            meter::epoch_reached_between(self.cx, self.stack_top.cast_mut())
        };
        if exit == Exit::DONE { Ok(()) } else { Err(exit) }
    }

    /// Grows something as far as the host lets it: the old size, or `None` if it stays as it is.
    pub(super) fn grow<S>(
        &mut self,
        grow: impl FnOnce(&mut Self, &mut Limits<'_>) -> Result<S, Refusal>,
    ) -> Result<Option<S>, Exit> {
        // SAFETY: E3.
        let Some(store) = NonNull::new(unsafe { (*self.cx).store }) else { return Ok(None) };
        // SAFETY: E3; the store's pointer is the one that the host's functions get too (R7).
        let mut limits = unsafe { Limits::new(store) };
        let failure = match catch_unwind(AssertUnwindSafe(|| grow(self, &mut limits))) {
            Ok(Ok(old)) => return Ok(Some(old)),
            Ok(Err(Refusal::Denied(_))) => return Ok(None),
            #[cfg(feature = "async")]
            Ok(Err(Refusal::Fatal(error)))
                // SAFETY: E3.
                if error.is::<NotAnswered>() && unsafe { (*self.cx).stops } == Stops::Async =>
            {
                return Err(Exit::ASK);
            }
            Ok(Err(Refusal::Fatal(error))) => HostFailure::Error(error),
            Err(payload) => HostFailure::Panic(payload),
        };
        Err(self.fail(failure))
    }

    /// Two memories, if they are not the same one.
    pub(super) fn two_memories(
        &mut self,
        dst: u32,
        src: u32,
    ) -> Option<(&mut MemoryEntity, &MemoryEntity)> {
        let (dst, src) = two(&self.instance.memories, dst, src)?;
        // SAFETY: as for `memory`; they are different ones.
        unsafe { Some((&mut *dst.as_ptr(), &*src.as_ptr())) }
    }

    /// Two tables, if they are not the same one.
    pub(super) fn two_tables(
        &mut self,
        dst: u32,
        src: u32,
    ) -> Option<(&mut TableEntity, &TableEntity)> {
        let (dst, src) = two(&self.instance.tables, dst, src)?;
        // SAFETY: as for `memory`; they are different ones.
        unsafe { Some((&mut *dst.as_ptr(), &*src.as_ptr())) }
    }
}

/// Takes `count` units of fuel, if the options ask for that.
///
/// # Safety
///
/// E3 holds.
pub(super) unsafe fn charge(cx: *mut Context, options: Options, count: u64) -> Result<(), Trap> {
    if options.fuel {
        // SAFETY: the caller's promise.
        let cx = unsafe { &mut *cx };
        match cx.fuel.checked_sub(count) {
            Some(rest) => cx.fuel = rest,
            None => {
                cx.needed_fuel = count;
                return Err(Trap::OutOfFuel);
            }
        }
    }
    Ok(())
}

fn two<T>(entities: &[NonNull<T>], dst: u32, src: u32) -> Option<(NonNull<T>, NonNull<T>)> {
    let (dst, src) = (entities[dst as usize], entities[src as usize]);
    (dst != src).then_some((dst, src))
}

/// An operand that is an address, a size or an index of that address type.
pub(super) fn address(ty: AddressType, slot: u64) -> u64 {
    match ty {
        AddressType::I32 => u64::from(slot as u32),
        AddressType::I64 => slot,
    }
}

/// An operand that is a length in two address types: it has the narrower one.
pub(super) fn narrower(a: AddressType, b: AddressType) -> AddressType {
    if a == AddressType::I64 && b == AddressType::I64 { AddressType::I64 } else { AddressType::I32 }
}

pub(super) fn memory_address_type(memory: &MemoryEntity) -> AddressType {
    memory.ty().address_type()
}

pub(super) fn table_address_type(table: &TableEntity) -> AddressType {
    if table.ty.table64 { AddressType::I64 } else { AddressType::I32 }
}

/// The result of a `grow`: the old size, or −1 of the address type.
pub(super) fn grown(ty: AddressType, old: Option<u64>) -> u64 {
    address(ty, old.unwrap_or(u64::MAX))
}

/// What [`slow_ops`] takes for an operation that never returns.
pub(super) const NEVER: bool = false;

/// Defines [`SlowOp`]s.
macro_rules! slow_ops {
    ($($(#[doc = $doc:literal])* $name:ident($operands:expr) $(-> $never:ident)?, |$vm:ident, $slots:ident, $first:ident, $second:ident| $body:block)*) => {$(
        $(#[doc = $doc])*
        pub(crate) struct $name;
        impl $crate::exec::slow::SlowOp for $name {
            const OPERANDS: usize = $operands;
            $(const RETURNS: bool = $crate::exec::slow::$never;)?
            fn call(
                mut $vm: Vm<'_>,
                mut $slots: $crate::exec::slow::Slots<'_>,
                $first: u32,
                $second: u32,
            ) -> Result<(), Exit> {
                let _ = (&mut $vm, &mut $slots, $first, $second);
                $body
                Ok(())
            }
        }
    )*};
}
pub(super) use slow_ops;
