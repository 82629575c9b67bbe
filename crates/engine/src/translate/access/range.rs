//! Translates operations on ranges of memory, and on whole memories. Those on ranges of memory 0
//! have handlers that find their operands wherever they are.

use lineal_memory::AddressType;

use crate::exec::access::observed::{ObservedGrow, ObservedRange};
use crate::exec::access::range::{
    self as r, CopyAny, CopyFast, FillAny, FillFast, InitAny, RangeKind,
};
use crate::exec::slow::SlowOp;
use crate::machine::operand::{ImmD, SlotB, SlotD, UImmB};
use crate::machine::{Bank, Handler, handler};
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::range::pair;
use crate::translate::stack::Value;
use crate::translate::tables::{Alternative, Alternatives};

/// The handler of `memory.fill` for a kind of memory.
const fn fill<K: RangeKind>(ty: AddressType) -> Handler {
    match ty {
        AddressType::I32 => handler::<FillAny<K, u32>>(),
        AddressType::I64 => handler::<FillAny<K, u64>>(),
    }
}

/// That of `memory.init`.
const fn init<K: RangeKind>(ty: AddressType) -> Handler {
    match ty {
        AddressType::I32 => handler::<InitAny<K, u32>>(),
        AddressType::I64 => handler::<InitAny<K, u64>>(),
    }
}

/// That of `memory.copy` between memories of these address types.
const fn copy<K: RangeKind>(types: (AddressType, AddressType)) -> Handler {
    match types {
        (AddressType::I32, AddressType::I32) => handler::<CopyAny<K, u32, u32>>(),
        (AddressType::I32, AddressType::I64) => handler::<CopyAny<K, u32, u64>>(),
        (AddressType::I64, AddressType::I32) => handler::<CopyAny<K, u64, u32>>(),
        (AddressType::I64, AddressType::I64) => handler::<CopyAny<K, u64, u64>>(),
    }
}

impl Translator<'_> {
    pub(in crate::translate) fn memory_size(&mut self, memory: u32) {
        self.slow_with_result::<r::MemorySize>(memory);
    }

    pub(in crate::translate) fn memory_grow(&mut self, memory: u32) {
        if self.module.observed.is_some() {
            return self.observed_slow::<ObservedGrow>(memory, 0, true);
        }
        self.slow_with_result::<r::MemoryGrow>(memory);
    }

    pub(in crate::translate) fn memory_fill(&mut self, memory: u32) {
        const FAST: Alternatives<Alternatives<Handler>> = Alternatives {
            slot: Alternatives {
                slot: handler::<FillFast<SlotD, SlotB>>(),
                constant: handler::<FillFast<SlotD, UImmB>>(),
            },
            constant: Alternatives {
                slot: handler::<FillFast<ImmD, SlotB>>(),
                constant: handler::<FillFast<ImmD, UImmB>>(),
            },
        };
        if self.function.options.watched.writes() {
            return self.observed_slow::<ObservedRange<r::MemoryFill>>(memory, 0, false);
        }
        if !self.has_ranges_in_line(memory) {
            return self.slow::<r::MemoryFill>(memory, 0);
        }
        if !self.is_fast_range(memory) {
            let ty = self.memory_address_type(memory);
            let handler = match self.is_shared(memory) {
                false => fill::<r::OwnRanges>(ty),
                true => fill::<r::SharedRanges>(ty),
            };
            return self.range_of_slots(handler, memory, 0);
        }
        let (len_class, b) = self.pop_slot_or_constant(1);
        let (value_class, value) = self.pop_slot_or_constant(2);
        // Of a constant, the low byte is all that counts.
        self.range_cell(*FAST.at(value_class).at(len_class), value as u16, b);
    }

    pub(in crate::translate) fn memory_copy(&mut self, dst: u32, src: u32) {
        const FAST: Alternatives<Handler> = Alternatives {
            slot: handler::<CopyFast<SlotB>>(),
            constant: handler::<CopyFast<UImmB>>(),
        };
        if self.function.options.watched.writes() {
            return self.observed_slow::<ObservedRange<r::MemoryCopy>>(dst, src, false);
        }
        let is_shared = self.is_shared(dst);
        let is_one_kind = self.is_shared(src) == is_shared;
        if !(is_one_kind && self.has_ranges_in_line(dst) && self.has_ranges_in_line(src)) {
            return self.slow::<r::MemoryCopy>(dst, src);
        }
        if !(self.is_fast_range(dst) && self.is_fast_range(src)) {
            let types = (self.memory_address_type(dst), self.memory_address_type(src));
            let handler = match is_shared {
                false => copy::<r::OwnRanges>(types),
                true => copy::<r::SharedRanges>(types),
            };
            return self.range_of_slots(handler, pair(dst, src), 0);
        }
        let (len_class, b) = self.pop_slot_or_constant(1);
        let src_addr = self.pop_slot();
        let d = self.reach(src_addr, 2);
        self.range_cell(*FAST.at(len_class), d, b);
    }

    /// Appends a slow operation that makes its reports itself.
    fn observed_slow<O: SlowOp>(&mut self, first: u32, second: u32, has_result: bool) {
        self.observe_here(true);
        self.slow::<O>(first, second);
        if has_result {
            self.buffers.stack.push(Value::Temp, Bank::Int);
        }
    }

    /// Whether handlers for ranges of memory 0 can be used: those that charge fuel for each byte
    /// and stop in the middle are out of line.
    fn is_fast_range(&self, memory: u32) -> bool {
        self.is_fast(memory) && !self.function.options.is_metered()
    }

    /// Pops an operand: a slot, or a constant.
    fn pop_slot_or_constant(&mut self, scratch: u32) -> (Alternative, u32) {
        if let Value::Const(bits) = self.buffers.stack.peek(0).value {
            self.pop();
            return (Alternative::Constant, bits as u32);
        }
        let slot = self.pop_slot();
        (Alternative::Slot, self.reach(slot, scratch).into())
    }

    /// Pops the address of an operation on a range of memory 0, and appends it.
    fn range_cell(&mut self, handler: Handler, d: u16, b: u32) {
        let addr = self.pop_slot();
        let a = self.reach(addr, 3);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b, wide: None });
    }

    pub(in crate::translate) fn memory_init(&mut self, memory: u32, segment: u32) {
        if self.function.options.watched.writes() {
            return self.observed_slow::<ObservedRange<r::MemoryInit>>(memory, segment, false);
        }
        if !self.has_ranges_in_line(memory) {
            return self.slow::<r::MemoryInit>(memory, segment);
        }
        let ty = self.memory_address_type(memory);
        let handler = match self.is_shared(memory) {
            false => init::<r::OwnRanges>(ty),
            true => init::<r::SharedRanges>(ty),
        };
        self.range_of_slots(handler, segment, memory);
    }

    pub(in crate::translate) fn data_drop(&mut self, segment: u32) {
        self.slow::<r::DataDrop>(segment, 0);
    }
}
