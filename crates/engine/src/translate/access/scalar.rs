//! Translates loads and stores of numbers.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{FastAddr, memory_of};
use crate::exec::access::kind::{AnyMemory, Own, Shared};
use crate::exec::access::observed::Observed;
use crate::exec::access::scalar::{LoadAny, LoadOp, StoreAny, StoreOp};
use crate::exec::access::{Addr, Based, Static, Sum};
use crate::machine::operand::{Acc, Pin, Scalar, SlotA, SlotD, Src, Wide, Wide3, WideSlot};
use crate::machine::{Handler, handler};
use crate::op::access::scalar::{Load, Store};
use crate::runtime::observe::event::AccessKind;
use crate::translate::Translator;
use crate::translate::emit::{Dests, Fields, dests};
use crate::translate::stack::Operand;

/// How many classes of addresses the fast families have.
pub(super) const FAST_ADDRESSES: usize = 11;

/// Handlers of a load.
struct LoadTable<O>(PhantomData<O>);

impl<O: Load<Out: Scalar>> LoadTable<O> {
    const fn dests<A: Addr>() -> Dests {
        dests!(LoadOp<O, A>)
    }

    /// By [`AddrClass`](super::AddrClass).
    const BY_ADDR: &'static [Dests; FAST_ADDRESSES] = &[
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
    const ANY: &'static [Dests; 8] = &[
        Self::any::<Own<u32>>(),
        Self::any::<Own<u64>>(),
        Self::any::<Shared<u32>>(),
        Self::any::<Shared<u64>>(),
        Self::any::<Observed<Own<u32>>>(),
        Self::any::<Observed<Own<u64>>>(),
        Self::any::<Observed<Shared<u32>>>(),
        Self::any::<Observed<Shared<u64>>>(),
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

    /// By [`AddrClass`](super::AddrClass) and the value.
    const BY_ADDR: &'static [[Handler; 5]; FAST_ADDRESSES] = &[
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
    const ANY: &'static [Handler; 8] = &[
        handler::<StoreAny<O, Own<u32>>>(),
        handler::<StoreAny<O, Own<u64>>>(),
        handler::<StoreAny<O, Shared<u32>>>(),
        handler::<StoreAny<O, Shared<u64>>>(),
        handler::<StoreAny<O, Observed<Own<u32>>>>(),
        handler::<StoreAny<O, Observed<Own<u64>>>>(),
        handler::<StoreAny<O, Observed<Shared<u32>>>>(),
        handler::<StoreAny<O, Observed<Shared<u64>>>>(),
    ];
}

impl Translator<'_> {
    pub(in crate::translate) fn load<O: Load<Out: Scalar>>(&mut self, memarg: MemArg) {
        let bank = O::Out::BANK;
        if self.has_fast_family(memory_of(memarg)) {
            let addr = self.pop_fast_address(memarg);
            let before = self.accumulator(bank);
            self.emit.site();
            let fields = Fields { a: addr.a, b: addr.b, d: 0, wide: addr.wide };
            if let Some(observed) = self.observed_load::<O>() {
                let site = self.access_granule(AccessKind::Read, size_of::<O::Raw>());
                self.define_longer(&observed[addr.class as usize], fields, site, bank);
                return;
            }
            let dests = &LoadTable::<O>::BY_ADDR[addr.class as usize];
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
            let is_observed = self.observe_here(self.options.watched.reads());
            self.emit.site();
            let family = self.any_family(memory_of(memarg), is_observed);
            self.define(&LoadTable::<O>::ANY[family], fields, bank);
        }
    }

    pub(in crate::translate) fn store<O: Store<In: Scalar>>(&mut self, memarg: MemArg) {
        if self.has_fast_family(memory_of(memarg)) {
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
        let is_observed = self.observe_here(self.options.watched.writes());
        self.emit.site();
        let family = self.any_family(memory_of(memarg), is_observed);
        self.emit.cell(StoreTable::<O>::ANY[family], fields);
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
        let observed = self.observed_store::<O>();
        let handlers = observed.unwrap_or(StoreTable::<O>::BY_ADDR);
        self.emit.site();
        let handler = handlers[class as usize][value_class];
        self.emit.cell(handler, Fields { a, d, b, wide: wide.or(constant) });
        if let (Some(_), Some(constant)) = (wide, constant) {
            self.emit.granule(constant);
        }
        if observed.is_some() {
            let site = self.access_granule(AccessKind::Write, size_of::<O::Raw>());
            self.emit.granule(site);
        }
    }
}
