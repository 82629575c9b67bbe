//! Translates accesses to memory: picks the family for the memory, and the handler for where
//! address and value are.
//!
//! Memory 0 with 32-bit addresses gets the fast family, [`crate::exec::access::scalar::LoadOp`] and
//! [`crate::exec::access::scalar::StoreOp`]; any other memory [`LoadAny`](crate::exec::access::scalar::LoadAny) and
//! [`StoreAny`](crate::exec::access::scalar::StoreAny), for its kind. Of the latter, there are more forms
//! for the memories whose base and limits the context keeps ([`KeptClass`]).

mod atomic;
pub(super) mod fold;
#[cfg(feature = "simd")]
mod lane;
mod observed;
mod range;
mod scalar;

/// What the tables are made of, for their macros.
pub(in crate::translate) mod e {
    pub(in crate::translate) use crate::exec::access::kind::{First64, Own, Second};
    #[cfg(feature = "observe")]
    pub(in crate::translate) use crate::exec::access::observed::Observed;
    #[cfg(feature = "threads")]
    pub(in crate::translate) use crate::exec::access::shared::{FirstShared, Shared};

    // No module asks for the rows of what is left out.
    #[cfg(not(feature = "threads"))]
    pub(in crate::translate) use {First64 as FirstShared, Own as Shared};
    /// A memory that is not observed.
    #[cfg(not(feature = "observe"))]
    pub(in crate::translate) type Observed<M> = M;

    pub(in crate::translate) use crate::exec::access::{Based, Static, Sum};
    pub(in crate::translate) use crate::machine::operand::{Acc, Pin, SlotA, Wide, WideSlot};
}

use lineal_memory::AddressType;
use wasmparser::{MemArg, MemArgTarget};

use super::Translator;
use super::emit::Fields;
use super::stack::Operand;
use super::tables::{Source, table};
use crate::machine::Bank;

table! {
    /// Addresses of the fast family. Sums are of two operands, the first class before the second.
    AddrClass, Addresses, addresses:
    Slot slot: e::Based<e::SlotA>;
    Acc acc: e::Based<e::Acc>;
    Pin pin: e::Based<e::Pin>;
    Const constant: e::Static;
    SlotSlot slot_slot: e::Sum<e::SlotA, e::WideSlot>;
    SlotAcc slot_acc: e::Sum<e::SlotA, e::Acc>;
    SlotPin slot_pin: e::Sum<e::SlotA, e::Pin>;
    AccPin acc_pin: e::Sum<e::Acc, e::Pin>;
    SlotConst slot_constant: e::Sum<e::SlotA, e::Wide>;
    AccConst acc_constant: e::Sum<e::Acc, e::Wide>;
    PinConst pin_constant: e::Sum<e::Pin, e::Wide>;
}

table! {
    /// The families of handlers for any memory, by what the memory's type says, and by whether accesses
    /// to it are observed.
    Family, Families, families:
    Own32 own32: e::Own<u32>;
    Own64 own64: e::Own<u64>;
    Shared32 shared32: e::Shared<u32>;
    Shared64 shared64: e::Shared<u64>;
    ObservedOwn32 observed_own32: e::Observed<e::Own<u32>>;
    ObservedOwn64 observed_own64: e::Observed<e::Own<u64>>;
    ObservedShared32 observed_shared32: e::Observed<e::Shared<u32>>;
    ObservedShared64 observed_shared64: e::Observed<e::Shared<u64>>;
}

table! {
    /// Addresses in memories that are not observed, whose base and limits the context keeps, and which
    /// the fast family does not serve: memory 0 if it has 64-bit addresses or is shared, and memory 1
    /// if it has 32-bit addresses and is the store's own.
    KeptClass, Kepts, kepts:
    Slot64 slot64: e::First64<e::SlotA>;
    Acc64 acc64: e::First64<e::Acc>;
    Pin64 pin64: e::First64<e::Pin>;
    SlotShared slot_shared: e::FirstShared<e::SlotA>;
    AccShared acc_shared: e::FirstShared<e::Acc>;
    PinShared pin_shared: e::FirstShared<e::Pin>;
    SlotSecond slot_second: e::Second<e::SlotA>;
    AccSecond acc_second: e::Second<e::Acc>;
    PinSecond pin_second: e::Second<e::Pin>;
}

/// An address in such a memory: its class, `a` and `b`.
pub(in crate::translate) struct KeptAddr {
    class: KeptClass,
    a: u16,
    b: u32,
}

/// An address of the fast family: its class, `a`, `b`, and granule 2 if it has one.
pub(in crate::translate) struct FastAddr {
    pub(in crate::translate) class: AddrClass,
    pub(in crate::translate) a: u16,
    pub(in crate::translate) b: u32,
    pub(in crate::translate) wide: Option<u64>,
}

/// The memory that an access names.
pub(in crate::translate) fn memory_of(memarg: MemArg) -> u32 {
    match memarg.target {
        MemArgTarget::Memory(memory) => memory,
        other => panic!("validated access is not to a memory: {other:?}"),
    }
}

impl Translator<'_> {
    /// The address type of a memory.
    pub(in crate::translate) fn memory_address_type(&self, memory: u32) -> AddressType {
        self.parts.memories[memory as usize].address_type()
    }

    /// Whether accesses to a memory get the fast family.
    pub(in crate::translate) fn is_fast(&self, memory: u32) -> bool {
        self.has_fast_family(memory) && !self.function.options.watched.writes()
    }

    /// Whether a memory is one that has fast families, if it is not observed.
    fn has_fast_family(&self, memory: u32) -> bool {
        memory == 0 && self.family(0, false) == Family::Own32
    }

    /// Whether threads share a memory.
    fn is_shared(&self, memory: u32) -> bool {
        self.parts.memories[memory as usize].is_shared()
    }

    /// Which family of those for any memory a memory's type asks for.
    fn family(&self, memory: u32, is_observed: bool) -> Family {
        match (self.memory_address_type(memory), self.is_shared(memory), is_observed) {
            (AddressType::I32, false, false) => Family::Own32,
            (AddressType::I64, false, false) => Family::Own64,
            (AddressType::I32, true, false) => Family::Shared32,
            (AddressType::I64, true, false) => Family::Shared64,
            (AddressType::I32, false, true) => Family::ObservedOwn32,
            (AddressType::I64, false, true) => Family::ObservedOwn64,
            (AddressType::I32, true, true) => Family::ObservedShared32,
            (AddressType::I64, true, true) => Family::ObservedShared64,
        }
    }

    /// Whether an access that is not observed has handlers of its own, though not the fast family's,
    /// because the context keeps the memory's base and limits: see [`KeptClass`].
    fn has_kept_family(&self, memarg: MemArg) -> bool {
        let memory = memory_of(memarg);
        u32::try_from(memarg.offset).is_ok()
            && matches!(
                (memory, self.family(memory, false)),
                (0, Family::Own64 | Family::Shared32) | (1, Family::Own32)
            )
    }

    /// Pops the address of such an access.
    fn pop_kept_address(&mut self, memarg: MemArg) -> KeptAddr {
        let addr = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(addr, Bank::Int, own);
        let class = match (self.family(memory_of(memarg), false), Source::of(addr)) {
            (Family::Own64, Source::Slot) => KeptClass::Slot64,
            (Family::Own64, Source::Acc) => KeptClass::Acc64,
            (Family::Own64, Source::Pin) => KeptClass::Pin64,
            (Family::Own32, Source::Slot) => KeptClass::SlotSecond,
            (Family::Own32, Source::Acc) => KeptClass::AccSecond,
            (Family::Own32, Source::Pin) => KeptClass::PinSecond,
            (_, Source::Slot) => KeptClass::SlotShared,
            (_, Source::Acc) => KeptClass::AccShared,
            (_, Source::Pin) => KeptClass::PinShared,
        };
        KeptAddr { class, a, b: memarg.offset as u32 }
    }

    /// Pops the address of an access to any memory, which comes next: the fields, and its family.
    fn pop_any_address(&mut self, memarg: MemArg, is_observed: bool) -> (Fields, Family) {
        let addr = self.pop_slot();
        let (b, wide) = (memory_of(memarg), Some(memarg.offset));
        let fields = Fields { a: self.reach(addr, 1), b, wide, d: 0 };
        self.observe_here(is_observed);
        (fields, self.family(b, is_observed))
    }

    /// An address of the fast family from one operand; `own` is the slot of its stack entry.
    pub(in crate::translate) fn fast_address(
        &mut self,
        addr: Operand,
        own: u32,
        memarg: MemArg,
    ) -> FastAddr {
        // Validation keeps offsets of 32-bit memories in 32 bits.
        let b = memarg.offset as u32;
        let wide = None;
        match addr {
            Operand::Acc => FastAddr { class: AddrClass::Acc, a: 0, b, wide },
            Operand::Pin => FastAddr { class: AddrClass::Pin, a: 0, b, wide },
            Operand::Const(bits) if (bits as u32).checked_add(b).is_some() => {
                FastAddr { class: AddrClass::Const, a: 0, b: bits as u32 + b, wide }
            }
            other => {
                let slot = self.slot_of(other, Bank::Int, own);
                FastAddr { class: AddrClass::Slot, a: self.reach(slot, 1), b, wide }
            }
        }
    }

    /// An address of the fast family from an addition, which the access then makes itself.
    fn sum_address(sum: (Operand, Operand), memarg: MemArg) -> Option<FastAddr> {
        use Operand as O;
        let (class, a, wide) = match sum {
            (O::Slot(x), O::Slot(y)) => (AddrClass::SlotSlot, x, Some(y)),
            (O::Slot(x), O::Acc) | (O::Acc, O::Slot(x)) => (AddrClass::SlotAcc, x, None),
            (O::Slot(x), O::Pin) | (O::Pin, O::Slot(x)) => (AddrClass::SlotPin, x, None),
            (O::Acc, O::Pin) | (O::Pin, O::Acc) => (AddrClass::AccPin, 0, None),
            (O::Slot(x), O::Const(k)) => (AddrClass::SlotConst, x, Some(k)),
            (O::Acc, O::Const(k)) => (AddrClass::AccConst, 0, Some(k)),
            (O::Pin, O::Const(k)) => (AddrClass::PinConst, 0, Some(k)),
            _ => return None,
        };
        Some(FastAddr { class, a: u16::try_from(a).ok()?, b: memarg.offset as u32, wide })
    }

    /// Pops an address of the fast family.
    pub(in crate::translate) fn pop_fast_address(&mut self, memarg: MemArg) -> FastAddr {
        if let Some(sum) = self.peek_sum()
            && let Some(addr) = Self::sum_address(sum, memarg)
        {
            self.pop_sum();
            return addr;
        }
        if let Some(sum) = self.last_addition()
            && let Some(addr) = Self::sum_address(sum.operands, memarg)
        {
            self.take_back(sum.start, sum.before, Bank::Int);
            return addr;
        }
        let addr = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        self.fast_address(addr, own, memarg)
    }
}
