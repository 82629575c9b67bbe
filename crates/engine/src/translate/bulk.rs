//! Translates operations on ranges, tables and whole memories: their operands go to their own
//! slots, where the handler finds them. Ranges of memory 0 have handlers that find their operands
//! wherever they are.

use lineal_decoder::ModuleParts;

use super::Translator;
use super::emit::Fields;
use super::stack::Value;
use crate::exec::abi::{Handler, handler};
use crate::exec::bulk::{self, Slow, SlowOp, operands_of, slots_of};
use crate::exec::memory::{Copy, Fill};
use crate::exec::operand::{Bank, ImmD, SlotB, SlotD, UImmB};

impl Translator<'_> {
    /// Appends a slow operation and pops its operands.
    pub(super) fn slow<O: SlowOp>(&mut self, first: u32, second: u32) {
        let count = operands_of(O::OPERANDS, second) as u32;
        let slot = self.take_in_slots(count);
        self.emit.site();
        let wide = u64::from(second) | u64::from(slot) << 32;
        let fields = Fields { b: first, wide: Some(wide), ..Fields::default() };
        self.emit.cell(handler::<Slow<O>>(), fields);
    }

    /// Pops operands into consecutive slots, where a result may replace the first; that slot.
    pub(super) fn take_in_slots(&mut self, count: u32) -> u32 {
        self.materialise_top(count);
        let height = self.stack.height() - count;
        self.stack.truncate(height);
        // Results of an operation with fewer operands need slots too.
        self.stack.reserve(height + slots_of(count as usize, 0) as u32);
        // What an accumulator holds of the slots that the operation may write is void.
        let slot = self.temp_slot(height);
        self.forget_slot(slot);
        self.forget_slot(slot + 1);
        slot
    }

    /// The same for an operation with a result, which replaces the first operand.
    fn slow_with_result<O: SlowOp>(&mut self, first: u32) {
        self.slow::<O>(first, 0);
        self.stack.push(Value::Temp, Bank::Int);
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        self.slow_with_result::<bulk::MemorySize>(memory);
    }

    pub(super) fn memory_grow(&mut self, memory: u32) {
        self.slow_with_result::<bulk::MemoryGrow>(memory);
    }

    pub(super) fn memory_fill(&mut self, memory: u32) {
        const FAST: [[Handler; 2]; 2] = [
            [handler::<Fill<SlotD, SlotB>>(), handler::<Fill<SlotD, UImmB>>()],
            [handler::<Fill<ImmD, SlotB>>(), handler::<Fill<ImmD, UImmB>>()],
        ];
        if !self.is_fast(memory) {
            return self.slow::<bulk::MemoryFill>(memory, 0);
        }
        let (len_class, b) = self.pop_slot_or_constant(1);
        let (value_class, value) = self.pop_slot_or_constant(2);
        // Of a constant, the low byte is all that counts.
        self.range_cell(FAST[value_class][len_class], value as u16, b);
    }

    pub(super) fn memory_copy(&mut self, dst: u32, src: u32) {
        const FAST: [Handler; 2] = [handler::<Copy<SlotB>>(), handler::<Copy<UImmB>>()];
        if !(self.is_fast(dst) && self.is_fast(src)) {
            return self.slow::<bulk::MemoryCopy>(dst, src);
        }
        let (len_class, b) = self.pop_slot_or_constant(1);
        let src_addr = self.pop_slot();
        let d = self.reach(src_addr, 2);
        self.range_cell(FAST[len_class], d, b);
    }

    /// Pops an operand: a slot, of class 0, or a constant, of class 1.
    fn pop_slot_or_constant(&mut self, scratch: u32) -> (usize, u32) {
        if let Value::Const(bits) = self.stack.peek(0).value {
            self.pop();
            return (1, bits as u32);
        }
        let slot = self.pop_slot();
        (0, self.reach(slot, scratch).into())
    }

    /// Pops the address of an operation on a range of memory 0, and appends it.
    fn range_cell(&mut self, handler: Handler, d: u16, b: u32) {
        let addr = self.pop_slot();
        let a = self.reach(addr, 3);
        self.emit.site();
        self.emit.cell(handler, Fields { a, d, b, wide: None });
    }

    pub(super) fn memory_init(&mut self, memory: u32, segment: u32) {
        self.slow::<bulk::MemoryInit>(memory, segment);
    }

    pub(super) fn data_drop(&mut self, segment: u32) {
        self.slow::<bulk::DataDrop>(segment, 0);
    }

    pub(super) fn table_get(&mut self, table: u32) {
        self.slow_with_result::<bulk::TableGet>(table);
    }

    pub(super) fn table_set(&mut self, table: u32) {
        self.slow::<bulk::TableSet>(table, 0);
    }

    pub(super) fn table_size(&mut self, table: u32) {
        self.slow_with_result::<bulk::TableSize>(table);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        self.slow_with_result::<bulk::TableGrow>(table);
    }

    pub(super) fn table_fill(&mut self, table: u32) {
        self.slow::<bulk::TableFill>(table, 0);
    }

    pub(super) fn table_copy(&mut self, dst: u32, src: u32) {
        self.slow::<bulk::TableCopy>(dst, src);
    }

    pub(super) fn table_init(&mut self, table: u32, segment: u32) {
        self.slow::<bulk::TableInit>(table, segment);
    }

    pub(super) fn elem_drop(&mut self, segment: u32) {
        self.slow::<bulk::ElemDrop>(segment, 0);
    }

    pub(super) fn ref_func(&mut self, func: u32) {
        self.slow_with_result::<bulk::RefFunc>(func);
    }

    /// Whether a table is indexed by `i64`.
    pub(super) fn is_table64(&self, table: u32) -> bool {
        let parts: &ModuleParts = self.parts;
        parts.tables[table as usize].ty.table64
    }
}
