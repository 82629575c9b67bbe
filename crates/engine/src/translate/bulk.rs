//! Translates operations on ranges, tables and whole memories: their operands go to their own
//! slots, where the handler finds them.

use lineal_decoder::ModuleParts;

use super::Translator;
use super::emit::Fields;
use super::stack::Value;
use crate::exec::abi::handler;
use crate::exec::bulk::{self, Slow, SlowOp, operands_of, slots_of};
use crate::exec::operand::Bank;

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
        self.slow::<bulk::MemoryFill>(memory, 0);
    }

    pub(super) fn memory_copy(&mut self, dst: u32, src: u32) {
        self.slow::<bulk::MemoryCopy>(dst, src);
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
