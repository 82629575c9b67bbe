//! Translates loads and stores of numbers.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{
    Addresses, Families, FastAddr, KeptAddr, Kepts, addresses, e, families, kepts, memory_of,
};
use crate::exec::access::Addr;
use crate::exec::access::kind::AnyMemory;
use crate::exec::access::scalar::{LoadAny, LoadOp, StoreAny, StoreOp};
use crate::machine::operand::{Acc, Pin, SlotD, SlotValue, Wide, Wide3};
use crate::machine::{Handler, handler};
use crate::op::access::scalar::{MemoryLoad, MemoryStore};
use crate::runtime::observe::event::AccessKind;
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::stack::Operand;
use crate::translate::tables::{Dests, dests, table};

/// Handlers of a load.
struct LoadTable<O>(PhantomData<O>);

impl<O: MemoryLoad<Out: SlotValue>> LoadTable<O> {
    const fn by_addr<A: Addr>() -> Dests {
        dests!(LoadOp<O, A>)
    }

    const BY_ADDR: &'static Addresses<Dests> = &addresses!(by_addr);

    const fn any<M: AnyMemory>() -> Dests {
        dests!(LoadAny<O, M>)
    }

    const ANY: &'static Families<Dests> = &families!(any);

    const KEPT: &'static Kepts<Dests> = &kepts!(any);
}

table! {
    /// What a store writes: constants are narrow, or wide.
    Stored, StoredTable:
    Slot slot;
    Acc acc;
    Pin pin;
    Imm imm;
    Wide wide;
}

/// Handlers of a store.
struct StoreTable<O>(PhantomData<O>);

impl<O: MemoryStore<In: SlotValue>> StoreTable<O> {
    const fn by_addr<A: Addr>() -> StoredTable<Handler> {
        StoredTable {
            slot: handler::<StoreOp<O, A, SlotD>>(),
            acc: handler::<StoreOp<O, A, Acc>>(),
            pin: handler::<StoreOp<O, A, Pin>>(),
            imm: handler::<StoreOp<O, A, <O::In as SlotValue>::Imm16>>(),
            // A wide value comes after a wide address.
            wide: match A::EXTRA {
                0 => handler::<StoreOp<O, A, Wide>>(),
                _ => handler::<StoreOp<O, A, Wide3>>(),
            },
        }
    }

    const BY_ADDR: &'static Addresses<StoredTable<Handler>> = &addresses!(by_addr);

    const fn any<M: AnyMemory>() -> Handler {
        handler::<StoreAny<O, M, SlotD>>()
    }

    const ANY: &'static Families<Handler> = &families!(any);

    const fn kept<M: AnyMemory>() -> StoredTable<Handler> {
        StoredTable {
            slot: handler::<StoreAny<O, M, SlotD>>(),
            acc: handler::<StoreAny<O, M, Acc>>(),
            pin: handler::<StoreAny<O, M, Pin>>(),
            imm: handler::<StoreAny<O, M, <O::In as SlotValue>::Imm16>>(),
            wide: handler::<StoreAny<O, M, Wide>>(),
        }
    }

    const KEPT: &'static Kepts<StoredTable<Handler>> = &kepts!(kept);
}

impl Translator<'_> {
    pub(in crate::translate) fn scalar_load<O: MemoryLoad<Out: SlotValue>>(
        &mut self,
        memarg: MemArg,
    ) {
        let bank = O::Out::BANK;
        if self.has_fast_family(memory_of(memarg)) {
            let addr = self.pop_fast_address(memarg);
            let before = self.accumulator(bank);
            self.buffers.emit.site();
            let fields = Fields { a: addr.a, b: addr.b, d: 0, wide: addr.wide };
            if let Some(observed) = self.observed_load::<O>() {
                let site = self.access_granule(AccessKind::Read, size_of::<O::Raw>());
                self.define_longer(observed.at(addr.class), fields, site, bank);
                return;
            }
            let dests = LoadTable::<O>::BY_ADDR.at(addr.class);
            let cell = self.define(dests, fields, bank);
            self.remember_load::<O>(cell, &addr, memarg, before);
            return;
        }
        let is_observed = self.function.options.watched.reads();
        if !is_observed && self.has_kept_family(memarg) {
            let KeptAddr { class, a, b } = self.pop_kept_address(memarg);
            self.buffers.emit.site();
            let fields = Fields { a, b, ..Fields::default() };
            self.define(LoadTable::<O>::KEPT.at(class), fields, bank);
            return;
        }
        let (fields, family) = self.pop_any_address(memarg, is_observed);
        self.buffers.emit.site();
        self.define(LoadTable::<O>::ANY.at(family), fields, bank);
    }

    pub(in crate::translate) fn scalar_store<O: MemoryStore<In: SlotValue>>(
        &mut self,
        memarg: MemArg,
    ) {
        if self.has_fast_family(memory_of(memarg)) {
            self.fast_store::<O>(memarg);
            return;
        }
        let is_observed = self.function.options.watched.writes();
        if !is_observed && self.has_kept_family(memarg) {
            let value = self.pop();
            let addr = self.pop_kept_address(memarg);
            let (value_class, d, wide) = self.stored::<O>(value);
            let handler = *StoreTable::<O>::KEPT.at(addr.class).at(value_class);
            self.buffers.emit.site();
            self.buffers.emit.cell(handler, Fields { a: addr.a, d, b: addr.b, wide });
            return;
        }
        let value = self.pop_slot();
        let (fields, family) = self.pop_any_address(memarg, is_observed);
        let d = self.reach(value, 2);
        self.buffers.emit.site();
        self.buffers.emit.cell(*StoreTable::<O>::ANY.at(family), Fields { d, ..fields });
    }

    /// What a store writes: its class, `d`, and the wide operand.
    fn stored<O: MemoryStore<In: SlotValue>>(
        &mut self,
        value: Operand,
    ) -> (Stored, u16, Option<u64>) {
        match value {
            Operand::Slot(slot) => (Stored::Slot, self.reach(slot as u32, 2), None),
            Operand::Acc => (Stored::Acc, 0, None),
            Operand::Pin => (Stored::Pin, 0, None),
            Operand::Const(bits) => match O::In::imm16(bits) {
                Some(imm) => (Stored::Imm, imm, None),
                None => (Stored::Wide, 0, Some(bits)),
            },
        }
    }

    fn fast_store<O: MemoryStore<In: SlotValue>>(&mut self, memarg: MemArg) {
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
        let (value_class, d, constant) = self.stored::<O>(value);
        let FastAddr { class, a, b, wide } = addr;
        let observed = self.observed_store::<O>();
        let handlers = observed.unwrap_or(StoreTable::<O>::BY_ADDR);
        let handler = *handlers.at(class).at(value_class);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b, wide: wide.or(constant) });
        if let (Some(_), Some(constant)) = (wide, constant) {
            self.buffers.emit.granule(constant);
        }
        if observed.is_some() {
            let site = self.access_granule(AccessKind::Write, size_of::<O::Raw>());
            self.buffers.emit.granule(site);
        }
    }
}
