//! Translates loads and stores: picks the family for the memory, and the handler for where
//! address and value are.
//!
//! Memory 0 with 32-bit addresses gets the fast family, [`crate::exec::memory::LoadOp`] and
//! [`crate::exec::memory::StoreOp`]; any other memory [`LoadAny`] and [`StoreAny`], for its kind.

use std::marker::PhantomData;

use lineal_memory::AddressType;
use wasmparser::{MemArg, MemArgTarget};

use super::Translator;
use super::emit::{Dests, Fields, dests};
use super::stack::Operand;
use crate::exec::abi::{Handler, handler};
use crate::exec::memory::{
    Addr, AnyMemory, Based, LoadAny, LoadOp, Own, Shared, Static, StoreAny, StoreOp, Sum,
};
use crate::exec::operand::{Acc, Bank, Pin, Scalar, SlotA, SlotD, Src, Wide, Wide3, WideSlot};
use crate::op::memory::{Load, Store};

/// Addresses of the fast family, as indices into the tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum AddrClass {
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
pub(super) struct FastAddr {
    pub(super) class: AddrClass,
    pub(super) a: u16,
    pub(super) b: u32,
    pub(super) wide: Option<u64>,
}

/// Handlers of a load.
struct LoadTable<O>(PhantomData<O>);

impl<O: Load<Out: Scalar>> LoadTable<O> {
    const fn dests<A: Addr>() -> Dests {
        dests!(LoadOp<O, A>)
    }

    /// By [`AddrClass`].
    const BY_ADDR: &'static [Dests; 11] = &[
        Self::dests::<Based<SlotA>>(),
        Self::dests::<Based<Acc>>(),
        Self::dests::<Based<Pin>>(),
        Self::dests::<Static>(),
        Self::dests::<Sum<SlotA, WideSlot>>(),
        Self::dests::<Sum<SlotA, Acc>>(),
        Self::dests::<Sum<SlotA, Pin>>(),
        Self::dests::<Sum<Acc, Pin>>(),
        Self::dests::<Sum<SlotA, Wide>>(),
        Self::dests::<Sum<Acc, Wide>>(),
        Self::dests::<Sum<Pin, Wide>>(),
    ];

    const fn any<M: AnyMemory>() -> Dests {
        dests!(LoadAny<O, M>)
    }

    /// For any memory, by [`Translator::any_family`].
    const ANY: &'static [Dests; 4] = &[
        Self::any::<Own<u32>>(),
        Self::any::<Own<u64>>(),
        Self::any::<Shared<u32>>(),
        Self::any::<Shared<u64>>(),
    ];
}

/// Handlers of a store.
struct StoreTable<O>(PhantomData<O>);

impl<O: Store<In: Scalar>> StoreTable<O> {
    /// By the value (slot, accumulator, pin, narrow constant, constant of class `K`).
    const fn by_value<A: Addr, K: Src<O::In>>() -> [Handler; 5] {
        [
            handler::<StoreOp<O, A, SlotD>>(),
            handler::<StoreOp<O, A, Acc>>(),
            handler::<StoreOp<O, A, Pin>>(),
            handler::<StoreOp<O, A, <O::In as Scalar>::Imm16>>(),
            handler::<StoreOp<O, A, K>>(),
        ]
    }

    /// By [`AddrClass`] and the value.
    const BY_ADDR: &'static [[Handler; 5]; 11] = &[
        Self::by_value::<Based<SlotA>, Wide>(),
        Self::by_value::<Based<Acc>, Wide>(),
        Self::by_value::<Based<Pin>, Wide>(),
        Self::by_value::<Static, Wide>(),
        Self::by_value::<Sum<SlotA, WideSlot>, Wide3>(),
        Self::by_value::<Sum<SlotA, Acc>, Wide>(),
        Self::by_value::<Sum<SlotA, Pin>, Wide>(),
        Self::by_value::<Sum<Acc, Pin>, Wide>(),
        Self::by_value::<Sum<SlotA, Wide>, Wide3>(),
        Self::by_value::<Sum<Acc, Wide>, Wide3>(),
        Self::by_value::<Sum<Pin, Wide>, Wide3>(),
    ];

    /// For any memory, by [`Translator::any_family`].
    const ANY: &'static [Handler; 4] = &[
        handler::<StoreAny<O, Own<u32>>>(),
        handler::<StoreAny<O, Own<u64>>>(),
        handler::<StoreAny<O, Shared<u32>>>(),
        handler::<StoreAny<O, Shared<u64>>>(),
    ];
}

/// The memory that an access names.
pub(super) fn memory_of(memarg: MemArg) -> u32 {
    match memarg.target {
        MemArgTarget::Memory(memory) => memory,
        other => panic!("validated access is not to a memory: {other:?}"),
    }
}

impl Translator<'_> {
    /// The address type of a memory.
    pub(super) fn memory_address_type(&self, memory: u32) -> AddressType {
        self.parts.memories[memory as usize].address_type()
    }

    /// Whether accesses to a memory get the fast family.
    pub(super) fn is_fast(&self, memory: u32) -> bool {
        memory == 0 && self.any_family(0) == 0
    }

    /// Which family of those for any memory a memory's type asks for, as an index into the tables:
    /// by the address type, the shared ones after the others.
    pub(super) fn any_family(&self, memory: u32) -> usize {
        let is_64 = self.memory_address_type(memory) == AddressType::I64;
        let is_shared = self.parts.memories[memory as usize].is_shared();
        usize::from(is_64) + 2 * usize::from(is_shared)
    }

    /// An address of the fast family from one operand; `own` is the slot of its stack entry.
    pub(super) fn fast_address(&mut self, addr: Operand, own: u32, memarg: MemArg) -> FastAddr {
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
    pub(super) fn pop_fast_address(&mut self, memarg: MemArg) -> FastAddr {
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

    pub(super) fn load<O: Load<Out: Scalar>>(&mut self, memarg: MemArg) {
        let bank = O::Out::BANK;
        if self.is_fast(memory_of(memarg)) {
            let addr = self.pop_fast_address(memarg);
            let dests = &LoadTable::<O>::BY_ADDR[addr.class as usize];
            let before = self.accumulator(bank);
            self.emit.site();
            let fields = Fields { a: addr.a, b: addr.b, d: 0, wide: addr.wide };
            let cell = self.define(dests, fields, bank);
            self.remember_load::<O>(cell, &addr, memarg, before);
        } else {
            let addr = self.pop_slot();
            let fields = Fields {
                a: self.reach(addr, 1),
                b: memory_of(memarg),
                wide: Some(memarg.offset),
                d: 0,
            };
            self.emit.site();
            let family = self.any_family(memory_of(memarg));
            self.define(&LoadTable::<O>::ANY[family], fields, bank);
        }
    }

    pub(super) fn store<O: Store<In: Scalar>>(&mut self, memarg: MemArg) {
        if self.is_fast(memory_of(memarg)) {
            self.fast_store::<O>(memarg);
            return;
        }
        let value = self.pop_slot();
        let addr = self.pop_slot();
        let fields = Fields {
            a: self.reach(addr, 1),
            d: self.reach(value, 2),
            b: memory_of(memarg),
            wide: Some(memarg.offset),
        };
        self.emit.site();
        self.emit.cell(StoreTable::<O>::ANY[self.any_family(memory_of(memarg))], fields);
    }

    fn fast_store<O: Store<In: Scalar>>(&mut self, memarg: MemArg) {
        // A value that is not a result yet has no code, so the address may still be an addition.
        let lazy_value = self.set_aside_lazy();
        let (addr, value) = match lazy_value {
            Some(value) => {
                let addr = self.pop_fast_address(memarg);
                (addr, self.operand_of(value))
            }
            None => {
                let value = self.pop();
                (self.pop_fast_address(memarg), value)
            }
        };
        let (value_class, d, constant) = match value {
            Operand::Slot(slot) => (0, self.reach(slot as u32, 2), None),
            Operand::Acc => (1, 0, None),
            Operand::Pin => (2, 0, None),
            Operand::Const(bits) => match O::In::imm16(bits) {
                Some(imm) => (3, imm, None),
                None => (4, 0, Some(bits)),
            },
        };
        let FastAddr { class, a, b, wide } = addr;
        let handler = StoreTable::<O>::BY_ADDR[class as usize][value_class];
        self.emit.site();
        self.emit.cell(handler, Fields { a, d, b, wide: wide.or(constant) });
        if let (Some(_), Some(constant)) = (wide, constant) {
            self.emit.granule(constant);
        }
    }
}
