//! Translates loads and stores of vectors and of their lanes.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{
    Addresses, Families, FastAddr, KeptAddr, Kepts, addresses, e, families, kepts, memory_of,
};
use crate::exec::access::Addr;
use crate::exec::access::kind::AnyMemory;
use crate::exec::access::lane::{LoadLane, LoadLaneAny, StoreLane, StoreLaneAny, lane_granule};
use crate::exec::access::scalar::{LoadAny, LoadOp, StoreAny, StoreOp};
use crate::machine::operand::{Acc, SlotD, ToSlot};
use crate::machine::{Handler, handler};
use crate::op::access::lane::MemoryLane;
use crate::op::access::scalar::MemoryLoad;
use crate::op::access::scalar::V128Store;
use crate::op::vector::Vector;
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::vector::moves::VectorSources;

/// Handlers of a load of a whole vector.
struct VectorLoadTable<O>(PhantomData<O>);

impl<O: MemoryLoad<Out = Vector>> VectorLoadTable<O> {
    const fn by_addr<A: Addr>() -> Handler {
        handler::<LoadOp<O, A, ToSlot>>()
    }

    const BY_ADDR: &'static Addresses<Handler> = &addresses!(by_addr);

    const fn any<M: AnyMemory>() -> Handler {
        handler::<LoadAny<O, M, ToSlot>>()
    }

    const ANY: &'static Families<Handler> = &families!(any);

    const KEPT: &'static Kepts<Handler> = &kepts!(any);
}

/// Handlers of `v128.store`.
struct VectorStoreTable;

impl VectorStoreTable {
    const fn by_addr<A: Addr>() -> VectorSources<Handler> {
        VectorSources {
            slot: handler::<StoreOp<V128Store, A, SlotD>>(),
            acc: handler::<StoreOp<V128Store, A, Acc>>(),
        }
    }

    const BY_ADDR: &'static Addresses<VectorSources<Handler>> = &addresses!(by_addr);

    const fn any<M: AnyMemory>() -> Handler {
        handler::<StoreAny<V128Store, M, SlotD>>()
    }

    const ANY: &'static Families<Handler> = &families!(any);

    const fn kept<M: AnyMemory>() -> VectorSources<Handler> {
        VectorSources {
            slot: handler::<StoreAny<V128Store, M, SlotD>>(),
            acc: handler::<StoreAny<V128Store, M, Acc>>(),
        }
    }

    const KEPT: &'static Kepts<VectorSources<Handler>> = &kepts!(kept);
}

/// The handlers of a lane's load and store.
#[derive(Clone, Copy, Debug)]
struct LoadAndStore {
    load: Handler,
    store: Handler,
}

/// Handlers of a lane's load and store.
struct LaneTable<O>(PhantomData<O>);

impl<O: MemoryLane> LaneTable<O> {
    const fn by_addr<A: Addr>() -> LoadAndStore {
        LoadAndStore { load: handler::<LoadLane<O, A>>(), store: handler::<StoreLane<O, A>>() }
    }

    const BY_ADDR: &'static Addresses<LoadAndStore> = &addresses!(by_addr);

    const fn any<M: AnyMemory>() -> LoadAndStore {
        LoadAndStore {
            load: handler::<LoadLaneAny<O, M>>(),
            store: handler::<StoreLaneAny<O, M>>(),
        }
    }

    const ANY: &'static Families<LoadAndStore> = &families!(any);
}

impl Translator<'_> {
    pub(in crate::translate) fn vector_load<O: MemoryLoad<Out = Vector>>(
        &mut self,
        memarg: MemArg,
    ) {
        let is_observed = self.function.options.watched.reads();
        let (handler, fields) = if !is_observed && self.has_fast_family(memory_of(memarg)) {
            let FastAddr { class, a, b, wide } = self.pop_fast_address(memarg);
            (*VectorLoadTable::<O>::BY_ADDR.at(class), Fields { a, b, wide, d: 0 })
        } else if !is_observed && self.has_kept_family(memarg) {
            let KeptAddr { class, a, b } = self.pop_kept_address(memarg);
            (*VectorLoadTable::<O>::KEPT.at(class), Fields { a, b, ..Fields::default() })
        } else {
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            (*VectorLoadTable::<O>::ANY.at(family), fields)
        };
        self.buffers.emit.site();
        self.define_vector(handler, fields, &[]);
    }

    pub(in crate::translate) fn vector_store(&mut self, memarg: MemArg) {
        // A local that is still to be read has no code, so the address may still be an addition.
        let value = self.pop_vector();
        let is_observed = self.function.options.watched.writes();
        let (handlers, fields) = if !is_observed && self.has_fast_family(memory_of(memarg)) {
            let FastAddr { class, a, b, wide } = self.pop_fast_address(memarg);
            (VectorStoreTable::BY_ADDR.at(class), Fields { a, b, wide, d: 0 })
        } else if !is_observed && self.has_kept_family(memarg) {
            let KeptAddr { class, a, b } = self.pop_kept_address(memarg);
            (VectorStoreTable::KEPT.at(class), Fields { a, b, ..Fields::default() })
        } else {
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            let d = self.reach_vector(value, 2);
            self.buffers.emit.site();
            self.buffers.emit.cell(*VectorStoreTable::ANY.at(family), Fields { d, ..fields });
            return;
        };
        let (source, d) = self.vector_source(value, 2);
        self.buffers.emit.site();
        self.buffers.emit.cell(*handlers.at(source), Fields { d, ..fields });
    }

    /// Pops the address of a lane's access: the fields, and the handler to load and to store.
    fn pop_lane_address<O: MemoryLane>(
        &mut self,
        memarg: MemArg,
        is_observed: bool,
    ) -> (Fields, &'static LoadAndStore) {
        if is_observed || !self.has_fast_family(memory_of(memarg)) {
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            return (fields, LaneTable::<O>::ANY.at(family));
        }
        let addr = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let FastAddr { class, a, b, wide } = self.fast_address(addr, own, memarg);
        (Fields { a, b, wide, d: 0 }, LaneTable::<O>::BY_ADDR.at(class))
    }

    pub(in crate::translate) fn load_lane<O: MemoryLane>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_vector();
        let is_observed = self.function.options.watched.reads();
        let (fields, handlers) = self.pop_lane_address::<O>(memarg, is_observed);
        let operands = lane_granule(lane, self.reach_vector(vector, 1));
        self.buffers.emit.site();
        self.define_vector(handlers.load, fields, &[operands]);
    }

    pub(in crate::translate) fn store_lane<O: MemoryLane>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_vector();
        let is_observed = self.function.options.watched.writes();
        let (fields, handlers) = self.pop_lane_address::<O>(memarg, is_observed);
        let d = self.reach_vector(vector, 1);
        self.buffers.emit.site();
        self.buffers.emit.cell(handlers.store, Fields { d, ..fields });
        self.buffers.emit.granule(lane_granule(lane, 0));
    }
}
