//! Translates accesses that are observed, if the configuration asks for it: picks the handlers
//! that report them, and adds the cells that say where they are.

use std::marker::PhantomData;

use super::scalar::StoredTable;
use super::{Addresses, addresses, e};
use crate::exec::access::Addr;
use crate::exec::access::observed::{
    Entered, Every, Filter, Here, Kind, ObservedGlobalSet, ObservedLoad, ObservedStore, Returned,
};
use crate::machine::operand::{Acc, Pin, SlotD, SlotValue, Wide, Wide3};
use crate::machine::{Bank, Handler, handler, operands};
use crate::op::access::scalar::{MemoryLoad, MemoryStore};
use crate::runtime::observe::Site;
use crate::runtime::observe::config::ObservedModule;
use crate::runtime::observe::event::{AccessKind, Info};
use crate::runtime::slots::slot_count;
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::tables::{BySource, Dests, by_source, dests};

/// Handlers of a load that is observed as `K` says.
struct ObservedLoadTable<K, O>(PhantomData<(K, O)>);

impl<K: Kind, O: MemoryLoad<Out: SlotValue>> ObservedLoadTable<K, O> {
    const fn by_addr<A: Addr>() -> Dests {
        dests!(ObservedLoad<K, O, A>)
    }

    const BY_ADDR: &'static Addresses<Dests> = &addresses!(by_addr);
}

/// Handlers of a store that is observed as `K` says.
struct ObservedStoreTable<K, O>(PhantomData<(K, O)>);

impl<K: Kind, O: MemoryStore<In: SlotValue>> ObservedStoreTable<K, O> {
    const fn by_addr<A: Addr>() -> StoredTable<Handler> {
        StoredTable {
            slot: handler::<ObservedStore<K, O, A, SlotD>>(),
            acc: handler::<ObservedStore<K, O, A, Acc>>(),
            pin: handler::<ObservedStore<K, O, A, Pin>>(),
            imm: handler::<ObservedStore<K, O, A, <O::In as SlotValue>::Imm16>>(),
            wide: match A::EXTRA {
                0 => handler::<ObservedStore<K, O, A, Wide>>(),
                _ => handler::<ObservedStore<K, O, A, Wide3>>(),
            },
        }
    }

    const BY_ADDR: &'static Addresses<StoredTable<Handler>> = &addresses!(by_addr);
}

impl Translator<'_> {
    /// The site of the operator that is being translated.
    fn here_site(&self) -> Site {
        self.module.site(Some(self.buffers.emit.wasm_offset))
    }

    /// Handlers of a load from memory 0, by the address, if loads are observed.
    pub(super) fn observed_load<O: MemoryLoad<Out: SlotValue>>(
        &self,
    ) -> Option<&'static Addresses<Dests>> {
        let watched = self.function.options.watched;
        match () {
            // Then the handlers are not compiled.
            () if cfg!(not(feature = "observe")) => None,
            () if watched.all => Some(ObservedLoadTable::<Every, O>::BY_ADDR),
            () if watched.filter => Some(ObservedLoadTable::<Filter, O>::BY_ADDR),
            () => None,
        }
    }

    /// Handlers of a store to memory 0, by the address and the value, if stores are observed.
    pub(super) fn observed_store<O: MemoryStore<In: SlotValue>>(
        &self,
    ) -> Option<&'static Addresses<StoredTable<Handler>>> {
        let watched = self.function.options.watched;
        match () {
            () if cfg!(not(feature = "observe")) => None,
            () if watched.all => Some(ObservedStoreTable::<Every, O>::BY_ADDR),
            () if watched.writes() => Some(ObservedStoreTable::<Filter, O>::BY_ADDR),
            () => None,
        }
    }

    /// The granule by which a record says what the operator does.
    pub(super) fn access_granule(&self, kind: AccessKind, width_bytes: usize) -> u64 {
        Info::new(kind, width_bytes).granule(self.here_site())
    }

    /// Whether an access to a memory makes its reports out of line; then says where it is.
    pub(in crate::translate) fn observe_here(&mut self, is_observed: bool) -> bool {
        if is_observed {
            let b = self.here_site().to_bits();
            self.buffers.emit.site();
            self.buffers.emit.cell(handler::<Here>(), Fields { b, ..Fields::default() });
        }
        is_observed
    }

    /// Reports the beginning of the function, if it is chosen.
    pub(in crate::translate) fn observe_entry(&mut self) {
        if !self.is_chosen(ObservedModule::has_entry) {
            return;
        }
        let (int_pin, float_pin) = self.pin_slots();
        let function = self.function_site().to_bits();
        let count = slot_count(self.parts.func_type(self.function.func).params());
        self.buffers.emit.site();
        let fields = Fields { b: count as u32, wide: Some(function.into()), ..Fields::default() };
        self.buffers.emit.cell(handler::<Entered>(), fields);
        self.buffers.emit.granule(operands(int_pin, float_pin, 0));
    }

    /// Whether returns of the function are reported.
    pub(in crate::translate) fn reports_returns(&self) -> bool {
        self.is_chosen(ObservedModule::has_function)
    }

    fn is_chosen(&self, has: fn(&ObservedModule, u32) -> bool) -> bool {
        self.function.options.watched.calls
            && self.module.observed.as_ref().is_some_and(|it| has(it, self.function.func))
    }

    fn function_site(&self) -> Site {
        let body = self.parts.body(self.function.func);
        self.module.site(body.map(|body| body.range.start as u32))
    }

    /// Reports that the function returns `count` slots from `first` on.
    pub(in crate::translate) fn observe_return(&mut self, first: u32, count: u32, tail: bool) {
        let function = u64::from(self.function_site().to_bits());
        let wide = Some(function | u64::from(self.here_site().to_bits()) << 32);
        self.buffers.emit.site();
        let fields = Fields { a: tail.into(), b: count, wide, d: 0 };
        self.buffers.emit.cell(handler::<Returned>(), fields);
        self.buffers.emit.granule(first.into());
    }

    /// Handlers of a `global.set` that is reported.
    pub(in crate::translate) fn observed_global_set(
        &self,
        global: u32,
        bank: Bank,
    ) -> Option<&'static BySource> {
        const INT: &BySource = &by_source!(ObservedGlobalSet [u64] []);
        const F64: &BySource = &by_source!(ObservedGlobalSet [f64] []);
        const F32: &BySource = &by_source!(ObservedGlobalSet [f32] []);
        let observed = self.module.observed.as_ref()?;
        observed.has_global(global).then_some(match bank {
            Bank::Int => INT,
            Bank::F64 => F64,
            Bank::F32 => F32,
        })
    }

    /// Appends the site of what was appended before.
    pub(in crate::translate) fn append_site(&mut self) {
        let site = self.here_site().to_bits();
        self.buffers.emit.granule(site.into());
    }

    /// Copies the results of the function to their slots and reports that it returns; where they
    /// are. What is known of the stack and the registers does not change.
    pub(in crate::translate) fn observed_results(&mut self, count: u32) -> u32 {
        let from = self.buffers.stack.height() - count;
        for index in from..from + count {
            self.copy_entry(index, index);
        }
        let first = self.temp_slot(from);
        self.observe_return(first, count, false);
        first
    }
}
