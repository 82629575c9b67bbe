//! Translates operations that are executed out of line: their operands go to their own slots,
//! where the handler finds them.

use super::Translator;
use super::emit::Fields;
use super::stack::Value;
use crate::exec::slow::{Slow, SlowOp, operands_of, slots_of};
use crate::machine::{Bank, handler};

impl Translator<'_> {
    /// Appends a slow operation and pops its operands.
    pub(super) fn slow<O: SlowOp>(&mut self, first: u32, second: u32) {
        let count = operands_of(O::OPERANDS, second) as u32;
        let slot = self.take_in_slots(count);
        self.buffers.emit.site();
        let wide = u64::from(second) | u64::from(slot) << 32;
        let fields = Fields { b: first, wide: Some(wide), ..Fields::default() };
        self.buffers.emit.cell(handler::<Slow<O>>(), fields);
    }

    /// Pops operands into consecutive slots, where a result may replace the first; that slot.
    pub(super) fn take_in_slots(&mut self, count: u32) -> u32 {
        if self.function.options.epochs {
            // The host may be asked meanwhile, and collect: what the guest has must be in slots.
            self.write_through_all();
        }
        self.materialise_top(count);
        let height = self.buffers.stack.height() - count;
        self.buffers.stack.truncate(height);
        // Results of an operation with fewer operands need slots too.
        self.buffers.stack.reserve(height + slots_of(count as usize, 0) as u32);
        // What an accumulator holds of the slots that the operation may write is void.
        let slot = self.temp_slot(height);
        self.forget_slot(slot);
        self.forget_slot(slot + 1);
        slot
    }

    /// The same for an operation with a result, which replaces the first operand.
    pub(super) fn slow_with_result<O: SlowOp>(&mut self, first: u32) {
        self.slow::<O>(first, 0);
        self.buffers.stack.push(Value::Temp, Bank::Int);
    }
}
