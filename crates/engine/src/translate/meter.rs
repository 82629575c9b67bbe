//! Adds the cells that charge fuel and check the epoch, if the configuration asks for them.
//!
//! Fuel is charged for code that runs as often as what is before it all at once: the cell comes
//! before the first operator, and its operand grows with each that follows. What can be skipped,
//! or run again, is charged by a cell of its own; what comes behind it is charged with what was
//! before again, unless something inside can leave for farther away. So the sum is exact whenever
//! the function ends without a trap, and most blocks need no cell. Operations on ranges cost one
//! more for each byte or element, which they charge themselves after they have checked the range.
//!
//! The epoch is checked where functions and loops begin.

use wasmparser::Operator;

use super::Translator;
use super::effect::{Effect, farthest_label};
use super::emit::{Fields, Pos, Site};
use super::steps;
use crate::exec::meter::{Charge, CheckEpoch, EpochReached};
use crate::machine::{Op, handler};

/// What a function costs before its first operator, so that empty ones are not free.
const FUNCTION_COST: u32 = 1;

/// Where the cells are.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The cell that charges for what is translated, if there is one already.
    charge: Option<Pos>,
    /// The cells that look at the epoch, and where in the binary they belong.
    checks: Vec<(Pos, u32)>,
}

/// What is remembered with a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockMeter {
    /// The cell that charges for what is before the block.
    outer: Option<Pos>,
    /// The outermost block that something in this one can leave for farther away than its end, by
    /// its index among the open blocks; [`NONE`] if there is nothing like that. Whatever leaves a
    /// block leaves those inside it too, so only the innermost block has to know.
    left: usize,
}

/// More than any index of a block.
const NONE: usize = usize::MAX;

/// How many blocks an operator can leave, besides continuing after itself: 0 if none.
fn leaves(effect: Effect, operator: &Operator<'_>) -> u32 {
    match effect {
        Effect::Return | Effect::TailCall | Effect::Throw => u32::MAX,
        _ => farthest_label(operator).unwrap_or(0),
    }
}

impl Translator<'_> {
    /// Accounts for the start of the function.
    pub(super) fn meter_function(&mut self) {
        self.check_epoch();
        if self.function.options.fuel {
            self.charge(FUNCTION_COST);
        }
    }

    /// Accounts for an operator that is about to be translated.
    pub(super) fn meter(&mut self, operator: &Operator<'_>) {
        if self.function.dead.is_some() {
            return;
        }
        let effect = Effect::of(operator);
        let cost = effect.cost();
        // What is behind a block's end may be charged with what is before it.
        let opens = matches!(effect, Effect::Block | Effect::Loop | Effect::TryTable);
        if cost > 0 || opens {
            self.charge(cost);
        }
        let left = leaves(effect, operator);
        if left > 0 {
            let outermost = self.buffers.blocks.len().saturating_sub(left as usize);
            self.mark_left(outermost);
        }
    }

    /// Accounts for an operator that was just translated.
    pub(super) fn metered(&mut self, operator: &Operator<'_>) {
        let effect = Effect::of(operator);
        if matches!(effect, Effect::Loop | Effect::If | Effect::Else | Effect::BrIf) {
            self.function.meter.charge = None;
        }
    }

    /// What a block that begins here remembers.
    pub(super) fn block_meter(&self) -> BlockMeter {
        BlockMeter { outer: self.function.meter.charge, left: NONE }
    }

    /// Notes that something here can leave the blocks from an index on for farther away.
    fn mark_left(&mut self, outermost: usize) {
        steps::count(1);
        if let Some(block) = self.buffers.blocks.last_mut() {
            block.meter.left = block.meter.left.min(outermost);
        }
    }

    /// Goes back to what was before a block, at its end.
    pub(super) fn leave_block(&mut self, meter: BlockMeter, is_label: bool) {
        // What left the block may have left those around it.
        self.mark_left(meter.left);
        // The block was popped: it had the next index.
        if meter.left > self.buffers.blocks.len() {
            self.function.meter.charge = meter.outer;
        } else if is_label {
            self.function.meter.charge = None;
        }
    }

    fn charge(&mut self, cost: u32) {
        let cell = match self.function.meter.charge {
            Some(cell) => cell,
            None => {
                self.buffers.emit.site();
                *self
                    .function
                    .meter
                    .charge
                    .insert(self.buffers.emit.cell(handler::<Charge>(), Fields::default()))
            }
        };
        self.buffers.emit.add_to_b(cell, cost);
    }

    /// Looks at the epoch.
    pub(super) fn check_epoch(&mut self) {
        if self.function.options.epochs {
            let cell = self.buffers.emit.cell(handler::<CheckEpoch>(), Fields::default());
            self.function.meter.checks.push((cell, self.buffers.emit.wasm_offset));
        }
    }

    /// Writes what the checks of the epoch go to, after everything else.
    pub(super) fn finish_checks(&mut self) {
        let frame_slots = self.function.temp_base + self.buffers.stack.max_height();
        for (check, wasm_offset) in std::mem::take(&mut self.function.meter.checks) {
            self.buffers.emit.wasm_offset = wasm_offset;
            let here = self.buffers.emit.pos();
            self.buffers.emit.link(Site::Branch { cell: check }, here);
            self.buffers.emit.site();
            let wide = Some(u64::from(frame_slots));
            let cell = self
                .buffers
                .emit
                .cell(handler::<EpochReached>(), Fields { wide, ..Fields::default() });
            self.buffers.emit.link(Site::Branch { cell }, check + CheckEpoch::GRANULES as Pos);
        }
    }
}
