//! Translates loads and stores of numbers.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{Addresses, Families, FastAddr, addresses, e, families, memory_of};
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
        handler::<StoreAny<O, M>>()
    }

    const ANY: &'static Families<Handler> = &families!(any);
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
        } else {
            let addr = self.pop_slot();
            let fields = Fields {
                a: self.reach(addr, 1),
                b: memory_of(memarg),
                wide: Some(memarg.offset),
                d: 0,
            };
            let is_observed = self.observe_here(self.function.options.watched.reads());
            self.buffers.emit.site();
            let family = self.family(memory_of(memarg), is_observed);
            self.define(LoadTable::<O>::ANY.at(family), fields, bank);
        }
    }

    pub(in crate::translate) fn scalar_store<O: MemoryStore<In: SlotValue>>(
        &mut self,
        memarg: MemArg,
    ) {
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
        let is_observed = self.observe_here(self.function.options.watched.writes());
        self.buffers.emit.site();
        let family = self.family(memory_of(memarg), is_observed);
        self.buffers.emit.cell(*StoreTable::<O>::ANY.at(family), fields);
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
        let (value_class, d, constant) = match value {
            Operand::Slot(slot) => (Stored::Slot, self.reach(slot as u32, 2), None),
            Operand::Acc => (Stored::Acc, 0, None),
            Operand::Pin => (Stored::Pin, 0, None),
            Operand::Const(bits) => match O::In::imm16(bits) {
                Some(imm) => (Stored::Imm, imm, None),
                None => (Stored::Wide, 0, Some(bits)),
            },
        };
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
