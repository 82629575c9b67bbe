//! Chooses which locals are pinned to registers: one integer and one float, for each loop and
//! for the code outside of loops.
//!
//! The scan of the body before translation counts how often each local is used, where a use in a
//! loop counts as [`LOOP_WEIGHT`] uses outside of it. A pinned local is written through to its
//! slot, so pins are only ever loaded, and code may read either.

use wasmparser::Operator;

use super::variable::{Local, Locals};
use crate::exec::operand::Bank;

/// How many uses outside of a loop a use inside it is worth.
const LOOP_WEIGHT: u32 = 8;

/// How much more than the pin already there a local must be used in a loop to take its place:
/// loading the pins costs a cell at the loop's start and another at its end.
const SWITCH_MARGIN: u32 = 3;

/// How many locals of an inner loop an outer one considers; bounds the work on deep nests.
const CANDIDATES: usize = 16;

/// The slots of the pinned locals, by bank; of the float banks, only one has one.
pub(super) type Pins = [Option<u32>; 3];

/// Pins chosen for a function.
#[derive(Debug, Default)]
pub(super) struct PinPlan {
    /// For the code outside of loops.
    pub(super) function: Pins,
    /// For each loop, in the order in which they begin.
    loops: Vec<Choice>,
}

/// The most used locals of a loop, with their weights.
#[derive(Clone, Debug, Default)]
struct Choice {
    uses: Vec<(u32, u32)>,
}

/// Counts the uses of locals, operator by operator.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Uses so far, in the function or the loop that starts there.
    uses: Vec<(u32, u32)>,
    /// Open blocks: for a loop, its number and where its uses start.
    open: Vec<Option<(usize, usize)>>,
    loops: Vec<Choice>,
}

impl Counter {
    pub(super) fn operator(&mut self, operator: &Operator<'_>, locals: &Locals) {
        match *operator {
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index } => {
                if let Local::Scalar(slot) = locals.local(local_index) {
                    self.uses.push((slot, 1));
                }
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                self.open.push(None);
            }
            Operator::Loop { .. } => {
                self.open.push(Some((self.loops.len(), self.uses.len())));
                self.loops.push(Choice::default());
            }
            Operator::End => {
                if let Some(Some((number, start))) = self.open.pop() {
                    let choice = Choice::of(self.uses.split_off(start));
                    let outer = choice.uses.iter();
                    self.uses.extend(outer.map(|&(l, w)| (l, w.saturating_mul(LOOP_WEIGHT))));
                    self.loops[number] = choice;
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(self, locals: &Locals) -> PinPlan {
        let function = Choice::of(self.uses).pins(locals, Pins::default());
        PinPlan { function, loops: self.loops }
    }
}

impl PinPlan {
    /// The pins for the loop with a number, where `outer` are pinned around it.
    pub(super) fn of_loop(&self, number: usize, locals: &Locals, outer: Pins) -> Pins {
        self.loops.get(number).map_or(outer, |choice| choice.pins(locals, outer))
    }
}

impl Choice {
    /// Adds up uses, and keeps the most used locals.
    fn of(mut uses: Vec<(u32, u32)>) -> Choice {
        uses.sort_unstable();
        uses.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 = first.1.saturating_add(next.1);
            }
            same
        });
        uses.sort_unstable_by_key(|&(local, weight)| (std::cmp::Reverse(weight), local));
        uses.truncate(CANDIDATES);
        Choice { uses }
    }

    fn weight(&self, local: Option<u32>) -> u32 {
        self.uses.iter().find(|&&(l, _)| Some(l) == local).map_or(0, |&(_, weight)| weight)
    }

    fn pins(&self, locals: &Locals, outer: Pins) -> Pins {
        let best = |wanted: &dyn Fn(Bank) -> bool| {
            self.uses.iter().copied().find(|&(local, _)| wanted(locals.bank(local)))
        };
        let mut pins = outer;
        if let Some((local, weight)) = best(&|bank| bank == Bank::Int)
            && weight >= self.weight(outer[Bank::Int as usize]).saturating_add(SWITCH_MARGIN)
        {
            pins[Bank::Int as usize] = Some(local);
        }
        let outer_float = outer[Bank::F64 as usize].or(outer[Bank::F32 as usize]);
        if let Some((local, weight)) = best(&|bank| bank != Bank::Int)
            && weight >= self.weight(outer_float).saturating_add(SWITCH_MARGIN)
        {
            pins[Bank::F64 as usize] = None;
            pins[Bank::F32 as usize] = None;
            pins[locals.bank(local) as usize] = Some(local);
        }
        pins
    }
}
