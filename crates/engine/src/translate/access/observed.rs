//! Translates accesses that are observed, if the configuration asks for it: picks the handlers
//! that report them, and adds the cells that say where they are.

use std::marker::PhantomData;

use super::scalar::FAST_ADDRESSES;
use crate::exec::access::observed::{
    Entered, Every, Filter, Here, Kind, ObservedGlobalSet, ObservedLoad, ObservedStore, Returned,
};
use crate::exec::access::{Addr, Based, Static, Sum};
use crate::machine::operand::{Acc, Pin, Scalar, SlotA, SlotD, Src, Wide, Wide3, WideSlot};
use crate::machine::{Bank, Handler, handler, operands};
use crate::op::access::scalar::{Load, Store};
use crate::runtime::observe::Site;
use crate::runtime::observe::event::{AccessKind, Info};
use crate::runtime::slots::slot_count;
use crate::translate::Translator;
use crate::translate::emit::{Dests, Fields, dests};

/// Handlers of a load that is observed as `K` says.
struct LoadTable<K, O>(PhantomData<(K, O)>);

impl<K: Kind, O: Load<Out: Scalar>> LoadTable<K, O> {
    const fn dests<A: Addr>() -> Dests {
        dests!(ObservedLoad<K, O, A>)
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
}

/// Handlers of a store that is observed as `K` says.
struct StoreTable<K, O>(PhantomData<(K, O)>);

impl<K: Kind, O: Store<In: Scalar>> StoreTable<K, O> {
    const fn by_value<A: Addr, C: Src<O::In>>() -> [Handler; 5] {
        [
            handler::<ObservedStore<K, O, A, SlotD>>(),
            handler::<ObservedStore<K, O, A, Acc>>(),
            handler::<ObservedStore<K, O, A, Pin>>(),
            handler::<ObservedStore<K, O, A, <O::In as Scalar>::Imm16>>(),
            handler::<ObservedStore<K, O, A, C>>(),
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
}

/// Handlers of `global.set` that are reported, by source: slot, accumulator, pin, constant.
macro_rules! global_sets {
    ($ty:ty) => {
        [
            handler::<ObservedGlobalSet<$ty, SlotA>>(),
            handler::<ObservedGlobalSet<$ty, Acc>>(),
            handler::<ObservedGlobalSet<$ty, Pin>>(),
            handler::<ObservedGlobalSet<$ty, Wide>>(),
        ]
    };
}

impl Translator<'_> {
    /// The site of the operator that is being translated.
    fn here_site(&self) -> Site {
        self.module.site(Some(self.emit.wasm_offset))
    }

    /// Handlers of a load from memory 0, by the address, if loads are observed.
    pub(super) fn observed_load<O: Load<Out: Scalar>>(
        &self,
    ) -> Option<&'static [Dests; FAST_ADDRESSES]> {
        let watched = self.options.watched;
        match () {
            () if watched.all => Some(LoadTable::<Every, O>::BY_ADDR),
            () if watched.filter => Some(LoadTable::<Filter, O>::BY_ADDR),
            () => None,
        }
    }

    /// Handlers of a store to memory 0, by the address and the value, if stores are observed.
    pub(super) fn observed_store<O: Store<In: Scalar>>(
        &self,
    ) -> Option<&'static [[Handler; 5]; FAST_ADDRESSES]> {
        let watched = self.options.watched;
        match () {
            () if watched.all => Some(StoreTable::<Every, O>::BY_ADDR),
            () if watched.writes() => Some(StoreTable::<Filter, O>::BY_ADDR),
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
            self.emit.site();
            self.emit.cell(handler::<Here>(), Fields { b, ..Fields::default() });
        }
        is_observed
    }

    /// Reports the beginning of the function, if it is chosen.
    pub(in crate::translate) fn observe_entry(&mut self) {
        if !self.is_chosen() {
            return;
        }
        let (int_pin, float_pin) = self.pin_slots();
        let function = self.function_site().to_bits();
        let count = slot_count(self.parts.func_type(self.func).params());
        self.emit.site();
        let fields = Fields { b: count as u32, wide: Some(function.into()), ..Fields::default() };
        self.emit.cell(handler::<Entered>(), fields);
        self.emit.granule(operands(int_pin, float_pin, 0));
    }

    /// Whether calls of the function are reported.
    pub(in crate::translate) fn is_chosen(&self) -> bool {
        self.options.watched.calls
            && self.module.observed.as_ref().is_some_and(|it| it.has_function(self.func))
    }

    fn function_site(&self) -> Site {
        let body = self.parts.body(self.func);
        self.module.site(body.map(|body| body.range.start as u32))
    }

    /// Reports that the function returns `count` slots from `first` on.
    pub(in crate::translate) fn observe_return(&mut self, first: u32, count: u32, tail: bool) {
        let function = u64::from(self.function_site().to_bits());
        let wide = Some(function | u64::from(self.here_site().to_bits()) << 32);
        self.emit.site();
        let fields = Fields { a: tail.into(), b: count, wide, d: 0 };
        self.emit.cell(handler::<Returned>(), fields);
        self.emit.granule(first.into());
    }

    /// Handlers of a `global.set` that is reported.
    pub(in crate::translate) fn observed_global_set(
        &self,
        global: u32,
        bank: Bank,
    ) -> Option<&'static [Handler; 4]> {
        const INT: &[Handler; 4] = &global_sets!(u64);
        const F64: &[Handler; 4] = &global_sets!(f64);
        const F32: &[Handler; 4] = &global_sets!(f32);
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
        self.emit.granule(site.into());
    }

    /// Copies the results of the function to their slots and reports that it returns; where they
    /// are. What is known of the stack and the registers does not change.
    pub(in crate::translate) fn observed_results(&mut self, count: u32) -> u32 {
        let from = self.stack.height() - count;
        for index in from..from + count {
            self.copy_entry(index, index);
        }
        let first = self.temp_slot(from);
        self.observe_return(first, count, false);
        first
    }
}
