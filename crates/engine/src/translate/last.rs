//! The translator's memory of its last cell: what the next operator may still change, take back, or
//! make a part of its own cell.

use super::Translator;
use super::access::fold::LastLoad;
use super::emit::Pos;
use super::scalar::{LastAdd, LastCompare};
use super::stack::{Accumulator, Value};
use crate::machine::Bank;

/// The last cell, if it has a result. Whatever must not be crossed by the next operator, such as a
/// label, clears all of it at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) cell: Pos,
    pub(super) made: Made,
}

/// What the last cell made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// A value in an accumulator, which nothing else is known of.
    Scalar,
    /// A vector in this slot; the code of it ends there.
    Vector { slot: u32, end: Pos },
    /// The result of a comparison, which a branch can make itself.
    Compare(LastCompare),
    /// The result of `i32.add`, which an access can make itself as its address.
    Add(LastAdd),
    /// A loaded value, which an operation can load itself.
    Load(LastLoad),
}

impl Translator<'_> {
    /// The last cell, if its result is the top entry, still only in the accumulator.
    pub(super) fn last_result(&self) -> Option<Last> {
        let last = self.function.last?;
        let acc = self.top_accumulator()?;
        let is_top = acc.pending_cell() == Some(last.cell);
        (is_top && acc.since() == self.buffers.emit.pos()).then_some(last)
    }

    /// The last result, if operations may be made one with others.
    pub(super) fn fusible_result(&self) -> Option<Last> {
        self.last_result().filter(|_| self.function.options.optimizations.fuse)
    }

    /// The slot of the last result, if it is the vector on top, and may go elsewhere instead.
    pub(super) fn last_vector(&self) -> Option<Pos> {
        let Some(Last { cell, made: Made::Vector { slot, end } }) = self.function.last else {
            return None;
        };
        // The last result may have been dropped: then another vector is on top.
        let own = self.temp_slot(self.buffers.stack.height() - 2);
        let is_top = self.buffers.stack.peek(0).value == Value::Temp
            && self.buffers.stack.peek(1).value == Value::Temp
            && (slot, end) == (own, self.buffers.emit.pos());
        (is_top && self.function.options.optimizations.fold).then_some(cell)
    }

    /// Takes back the last result with its cell and everything from `start` on; the accumulator
    /// is then as it was before.
    pub(super) fn take_back(&mut self, start: Pos, before: Accumulator, bank: Bank) {
        self.buffers.stack.pop();
        self.buffers.emit.truncate(start);
        if let Some((cell, dests)) = before.pending() {
            // It was written through for the cell that is gone.
            self.buffers.emit.redirect(cell, dests.acc, 0);
        }
        self.set_accumulator(bank, before);
        self.function.last = None;
    }
}
