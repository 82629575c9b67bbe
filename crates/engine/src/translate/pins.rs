//! Chooses which locals are pinned to registers: one integer and one float, for each loop and
//! for the code outside of loops.
//!
//! The scan of the body before translation counts how often each local is used, where a use in a
//! loop counts as [`LOOP_WEIGHT`] uses outside of it. A pinned local is written through to its
//! slot, so pins are only ever loaded, and code may read either.

use std::cmp::Reverse;
use std::ops::Range;

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

/// Pins chosen for functions, one after the other.
#[derive(Debug, Default)]
pub(super) struct PinPlan {
    /// For each loop, in the order in which they begin, its part of `choices`.
    loops: Vec<Range<usize>>,
    /// For each loop, whether it has nothing in it that could change the head.
    keeps_head: Vec<bool>,
    /// The most used locals of the loops, with their weights.
    choices: Vec<(u32, u32)>,
    /// Uses so far, in the function or the loop that starts there.
    uses: Vec<(u32, u32)>,
    /// Where in `uses` those begin whose weights are still in `weights`.
    counted: usize,
    /// Open blocks: for a loop, its number and where its uses start.
    open: Vec<Option<(usize, usize)>>,
    /// By slot, while uses are counted or added up.
    weights: Vec<u32>,
}

/// The most used locals of a loop, with their weights.
#[derive(Clone, Copy, Debug)]
struct Choice<'a> {
    uses: &'a [(u32, u32)],
}

impl PinPlan {
    pub(super) fn clear(&mut self) {
        self.loops.clear();
        self.keeps_head.clear();
        self.choices.clear();
        self.uses.clear();
        self.counted = 0;
        self.open.clear();
    }

    pub(super) fn count_use(&mut self, local: u32, locals: &Locals) {
        if let Local::Scalar(slot) = locals.local(local) {
            let weight = self.weight(slot);
            let is_first = *weight == 0;
            *weight = weight.saturating_add(1);
            if is_first {
                self.uses.push((slot, 0));
            }
        }
    }

    fn weight(&mut self, slot: u32) -> &mut u32 {
        let slot = slot as usize;
        if self.weights.len() <= slot {
            self.weights.resize(slot + 1, 0);
        }
        &mut self.weights[slot]
    }

    /// Takes the weights of what was counted: the next uses are counted from zero.
    fn take_weights(&mut self) {
        for (local, weight) in &mut self.uses[self.counted..] {
            *weight = std::mem::take(&mut self.weights[*local as usize]);
        }
        self.counted = self.uses.len();
    }

    pub(super) fn begin_block(&mut self) {
        self.open.push(None);
    }

    pub(super) fn begin_loop(&mut self) {
        self.take_weights();
        self.lose_head();
        self.keeps_head.push(true);
        self.open.push(Some((self.loops.len(), self.uses.len())));
        self.loops.push(0..0);
    }

    /// Comes to what may change the head: a loop, a call, an exception.
    pub(super) fn lose_head(&mut self) {
        // Loops around the innermost one have it inside them.
        if let Some(&(number, _)) = self.open.iter().rev().flatten().next() {
            self.keeps_head[number] = false;
        }
    }

    /// Whether the loop with a number keeps the head that it has when it begins.
    pub(super) fn keeps_head(&self, number: usize) -> bool {
        self.keeps_head.get(number).copied().unwrap_or(false)
    }

    pub(super) fn end_block(&mut self) {
        if let Some(Some((number, start))) = self.open.pop() {
            self.add_up(start);
            let begin = self.choices.len();
            self.choices.extend(&self.uses[start..]);
            self.loops[number] = begin..self.choices.len();
            for (_, weight) in &mut self.uses[start..] {
                *weight = weight.saturating_mul(LOOP_WEIGHT);
            }
        }
    }

    /// The pins for the code outside of loops.
    pub(super) fn end_function(&mut self, locals: &Locals) -> Pins {
        self.add_up(0);
        let pins = Choice { uses: &self.uses }.pins(locals, Pins::default());
        self.uses.clear();
        self.counted = 0;
        self.open.clear();
        pins
    }

    /// How many items of whatever there are most of there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.uses.capacity().max(self.choices.capacity()).max(self.weights.capacity())
    }

    /// How many loops began so far.
    pub(super) fn loops(&self) -> usize {
        self.loops.len()
    }

    /// Adds up the uses from `start` on, and keeps the most used locals.
    fn add_up(&mut self, start: usize) {
        self.take_weights();
        let mut distinct = start;
        for at in start..self.uses.len() {
            let (local, weight) = self.uses[at];
            let sum = self.weight(local);
            let is_first = *sum == 0;
            *sum = sum.saturating_add(weight);
            if is_first {
                self.uses[distinct].0 = local;
                distinct += 1;
            }
        }
        self.uses.truncate(distinct);
        self.counted = start;
        self.take_weights();
        self.uses[start..].sort_unstable_by_key(|&(local, weight)| (Reverse(weight), local));
        self.uses.truncate(start + CANDIDATES);
        self.counted = self.uses.len();
    }

    /// The pins for the loop with a number, where `outer` are pinned around it.
    pub(super) fn of_loop(&self, number: usize, locals: &Locals, outer: Pins) -> Pins {
        let Some(range) = self.loops.get(number) else { return outer };
        Choice { uses: &self.choices[range.clone()] }.pins(locals, outer)
    }
}

impl Choice<'_> {
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
