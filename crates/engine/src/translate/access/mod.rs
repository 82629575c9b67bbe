//! Translates accesses to memory: picks the family for the memory, and the handler for where
//! address and value are.
//!
//! Memory 0 with 32-bit addresses gets the fast family, [`crate::exec::access::scalar::LoadOp`] and
//! [`crate::exec::access::scalar::StoreOp`]; any other memory [`LoadAny`](crate::exec::access::scalar::LoadAny) and
//! [`StoreAny`](crate::exec::access::scalar::StoreAny), for its kind.

mod atomic;
pub(super) mod fold;
mod lane;
mod observed;
mod range;
mod scalar;

use lineal_memory::AddressType;
use wasmparser::{MemArg, MemArgTarget};

use super::Translator;
use super::stack::Operand;
use crate::machine::Bank;

/// Addresses of the fast family, as indices into the tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::translate) enum AddrClass {
    Slot,
    Acc,
    Pin,
    Const,
    /// Sums of two operands, the first class before the second.
    SlotSlot,
    SlotAcc,
    SlotPin,
    AccPin,
    SlotConst,
    AccConst,
    PinConst,
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
        self.has_fast_family(memory) && !self.options.watched.writes()
    }

    /// The same for what only reads.
    fn is_fast_to_read(&self, memory: u32) -> bool {
        self.has_fast_family(memory) && !self.options.watched.reads()
    }

    /// Whether a memory is one that has fast families, if it is not observed.
    fn has_fast_family(&self, memory: u32) -> bool {
        memory == 0 && self.is_64_or_shared(0) == 0
    }

    /// Which family of those for any memory a memory's type asks for, as an index into the tables:
    /// by the address type, the shared ones after the others, and those that are observed after
    /// all of them.
    fn any_family(&self, memory: u32, is_observed: bool) -> usize {
        self.is_64_or_shared(memory) + 4 * usize::from(is_observed)
    }

    fn is_64_or_shared(&self, memory: u32) -> usize {
        let is_64 = self.memory_address_type(memory) == AddressType::I64;
        let is_shared = self.parts.memories[memory as usize].is_shared();
        usize::from(is_64) + 2 * usize::from(is_shared)
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
        let own = self.temp_slot(self.stack.height());
        self.fast_address(addr, own, memarg)
    }
}
