//! Translates loads and stores of vectors and of their lanes.

use std::marker::PhantomData;

use wasmparser::MemArg;

use super::{AddrClass, FastAddr, memory_of};
use crate::exec::access::kind::{AnyMemory, Own, Shared};
use crate::exec::access::lane::{LoadLane, LoadLaneAny, StoreLane, StoreLaneAny, lane_granule};
use crate::exec::access::observed::Observed;
use crate::exec::access::scalar::{LoadAny, LoadOp, StoreAny, StoreOp};
use crate::exec::access::{Addr, Based, Static, Sum};
use crate::machine::operand::{Acc, Pin, SlotA, SlotD, ToSlot, Wide, WideSlot};
use crate::machine::{Handler, handler};
use crate::op::access::lane::{MemoryLane, V128Store};
use crate::op::access::scalar::Load;
use crate::op::vector::Vector;
use crate::translate::Translator;
use crate::translate::emit::Fields;

/// Handlers of a load or store of a whole vector, by [`AddrClass`].
macro_rules! by_address {
    ($op:ident<$o:ty, $vector:ty>) => {
        &[
            handler::<$op<$o, Based<SlotA>, $vector>>(),
            handler::<$op<$o, Based<Acc>, $vector>>(),
            handler::<$op<$o, Based<Pin>, $vector>>(),
            handler::<$op<$o, Static, $vector>>(),
            handler::<$op<$o, Sum<SlotA, WideSlot>, $vector>>(),
            handler::<$op<$o, Sum<SlotA, Acc>, $vector>>(),
            handler::<$op<$o, Sum<SlotA, Pin>, $vector>>(),
            handler::<$op<$o, Sum<Acc, Pin>, $vector>>(),
            handler::<$op<$o, Sum<SlotA, Wide>, $vector>>(),
            handler::<$op<$o, Sum<Acc, Wide>, $vector>>(),
            handler::<$op<$o, Sum<Pin, Wide>, $vector>>(),
        ]
    };
}

/// Handlers of a load.
struct LoadTable<O>(PhantomData<O>);

impl<O: Load<Out = Vector>> LoadTable<O> {
    const BY_ADDR: &'static [Handler; 11] = by_address!(LoadOp<O, ToSlot>);

    /// For any memory, by [`Translator::any_family`].
    const ANY: [Handler; 8] = [
        handler::<LoadAny<O, Own<u32>, ToSlot>>(),
        handler::<LoadAny<O, Own<u64>, ToSlot>>(),
        handler::<LoadAny<O, Shared<u32>, ToSlot>>(),
        handler::<LoadAny<O, Shared<u64>, ToSlot>>(),
        handler::<LoadAny<O, Observed<Own<u32>>, ToSlot>>(),
        handler::<LoadAny<O, Observed<Own<u64>>, ToSlot>>(),
        handler::<LoadAny<O, Observed<Shared<u32>>, ToSlot>>(),
        handler::<LoadAny<O, Observed<Shared<u64>>, ToSlot>>(),
    ];
}

/// Handlers of `v128.store`, by [`AddrClass`].
const STORE: &[Handler; 11] = by_address!(StoreOp<V128Store, SlotD>);

/// Handlers of `v128.store` for any memory, by [`Translator::any_family`].
const STORE_ANY: [Handler; 8] = [
    handler::<StoreAny<V128Store, Own<u32>>>(),
    handler::<StoreAny<V128Store, Own<u64>>>(),
    handler::<StoreAny<V128Store, Shared<u32>>>(),
    handler::<StoreAny<V128Store, Shared<u64>>>(),
    handler::<StoreAny<V128Store, Observed<Own<u32>>>>(),
    handler::<StoreAny<V128Store, Observed<Own<u64>>>>(),
    handler::<StoreAny<V128Store, Observed<Shared<u32>>>>(),
    handler::<StoreAny<V128Store, Observed<Shared<u64>>>>(),
];

/// Handlers of a lane's load and store.
struct LaneTable<O>(PhantomData<O>);

impl<O: MemoryLane> LaneTable<O> {
    const fn load<A: Addr>() -> Handler {
        handler::<LoadLane<O, A>>()
    }

    const fn store<A: Addr>() -> Handler {
        handler::<StoreLane<O, A>>()
    }

    /// By the first classes of [`AddrClass`], those of a single operand.
    const LOAD: [Handler; 4] = [
        Self::load::<Based<SlotA>>(),
        Self::load::<Based<Acc>>(),
        Self::load::<Based<Pin>>(),
        Self::load::<Static>(),
    ];

    const STORE: [Handler; 4] = [
        Self::store::<Based<SlotA>>(),
        Self::store::<Based<Acc>>(),
        Self::store::<Based<Pin>>(),
        Self::store::<Static>(),
    ];

    const fn any<M: AnyMemory>() -> [Handler; 2] {
        [handler::<LoadLaneAny<O, M>>(), handler::<StoreLaneAny<O, M>>()]
    }

    /// For any memory, by [`Translator::any_family`]: load, store.
    const ANY: [[Handler; 2]; 8] = [
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

impl Translator<'_> {
    /// Pops the address of an access to any memory: the fields, and the index of its family.
    pub(in crate::translate) fn pop_any_address(
        &mut self,
        memarg: MemArg,
        is_observed: bool,
    ) -> (Fields, usize) {
        let addr = self.pop_slot();
        let (b, wide) = (memory_of(memarg), Some(memarg.offset));
        let fields = Fields { a: self.reach(addr, 1), b, wide, d: 0 };
        self.observe_here(is_observed);
        (fields, self.any_family(b, is_observed))
    }

    pub(in crate::translate) fn vector_load<O: Load<Out = Vector>>(&mut self, memarg: MemArg) {
        let (handler, fields) = if self.is_fast_to_read(memory_of(memarg)) {
            let FastAddr { class, a, b, wide } = self.pop_fast_address(memarg);
            (LoadTable::<O>::BY_ADDR[class as usize], Fields { a, b, wide, d: 0 })
        } else {
            let is_observed = self.options.watched.reads();
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            (LoadTable::<O>::ANY[family], fields)
        };
        self.emit.site();
        self.define_vector(handler, fields, &[]);
    }

    pub(in crate::translate) fn vector_store(&mut self, memarg: MemArg) {
        // A local that is still to be read has no code, so the address may still be an addition.
        let value = self.pop_vector();
        let (handler, fields) = if self.is_fast(memory_of(memarg)) {
            let FastAddr { class, a, b, wide } = self.pop_fast_address(memarg);
            (STORE[class as usize], Fields { a, b, wide, d: 0 })
        } else {
            let is_observed = self.options.watched.writes();
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            (STORE_ANY[family], fields)
        };
        let d = self.reach_vector(value, 1);
        self.emit.site();
        self.emit.cell(handler, Fields { d, ..fields });
    }

    /// Pops the address of a lane's access: the fields, and the handler to load and to store.
    pub(in crate::translate) fn pop_lane_address<O: MemoryLane>(
        &mut self,
        memarg: MemArg,
        is_observed: bool,
    ) -> (Fields, [Handler; 2]) {
        if is_observed || !self.has_fast_family(memory_of(memarg)) {
            let (fields, family) = self.pop_any_address(memarg, is_observed);
            return (fields, LaneTable::<O>::ANY[family]);
        }
        let addr = self.pop();
        let own = self.temp_slot(self.stack.height());
        let FastAddr { class, a, b, wide } = self.fast_address(addr, own, memarg);
        debug_assert!(matches!(
            class,
            AddrClass::Slot | AddrClass::Acc | AddrClass::Pin | AddrClass::Const
        ));
        let class = class as usize;
        let handlers = [LaneTable::<O>::LOAD[class], LaneTable::<O>::STORE[class]];
        (Fields { a, b, wide, d: 0 }, handlers)
    }

    pub(in crate::translate) fn load_lane<O: MemoryLane>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_vector();
        let is_observed = self.options.watched.reads();
        let (fields, [load, _]) = self.pop_lane_address::<O>(memarg, is_observed);
        let operands = lane_granule(lane, self.reach_vector(vector, 1));
        self.emit.site();
        self.define_vector(load, fields, &[operands]);
    }

    pub(in crate::translate) fn store_lane<O: MemoryLane>(&mut self, memarg: MemArg, lane: u8) {
        let vector = self.pop_vector();
        let is_observed = self.options.watched.writes();
        let (fields, [_, store]) = self.pop_lane_address::<O>(memarg, is_observed);
        let d = self.reach_vector(vector, 1);
        self.emit.site();
        self.emit.cell(store, Fields { d, ..fields });
        self.emit.granule(lane_granule(lane, 0));
    }
}
