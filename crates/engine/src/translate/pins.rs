//! Chooses which locals are pinned to registers: one integer and one float, for each loop and
//! for the code outside of loops.
//!
//! The scan of the body before translation counts how often each local is used, where a use in a
//! loop counts as [`LOOP_WEIGHT`] uses outside of it. A pinned local is written through to its
//! slot, so pins are only ever loaded, and code may read either. Locals are counted by index: where
//! they are is not known yet.

use crate::machine::Bank;
use std::cmp::Reverse;
use std::ops::Range;

use super::steps;
use super::variable::{Local, Locals};

/// How many uses outside of a loop a use inside it is worth.
const LOOP_WEIGHT: u32 = 8;

/// How much more than the pin already there a local must be used in a loop to take its place:
/// loading the pins costs a cell at the loop's start and another at its end.
const SWITCH_MARGIN: u32 = 3;

/// How many locals of an inner loop an outer one considers; bounds the work on deep nests.
const CANDIDATES: usize = 16;

/// The slots of the pinned locals, by bank; of the float banks, only one has one.
pub(super) type Pins = [Option<u32>; 3];

/// Candidates for pins in a function, which counts as a loop around those in it.
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
    /// Open blocks: whether each is a loop.
    open: Vec<bool>,
    /// Open loops: the number of each, and where its uses start.
    open_loops: Vec<(usize, usize)>,
    /// By local, while uses are counted or added up.
    weights: Vec<u32>,
}

impl PinPlan {
    pub(super) fn clear(&mut self) {
        self.loops.clear();
        self.keeps_head.clear();
        self.choices.clear();
    }

    pub(super) fn begin_function(&mut self) {
        self.uses.clear();
        self.counted = 0;
        self.open.clear();
        self.open_loops.clear();
        self.begin_loop();
    }

    #[inline]
    pub(super) fn count_use(&mut self, local: u32) {
        match self.weights.get_mut(local as usize) {
            Some(weight) if *weight != 0 => *weight += 1,
            _ => self.count_first_use(local),
        }
    }

    #[cold]
    fn count_first_use(&mut self, local: u32) {
        *self.weight(local) = 1;
        self.uses.push((local, 0));
    }

    fn weight(&mut self, local: u32) -> &mut u32 {
        let local = local as usize;
        if self.weights.len() <= local {
            self.weights.resize(local + 1, 0);
        }
        &mut self.weights[local]
    }

    /// Takes the weights of what was counted: the next uses are counted from zero.
    fn take_weights(&mut self) {
        steps::count(self.uses.len() - self.counted);
        for (local, weight) in &mut self.uses[self.counted..] {
            *weight = std::mem::take(&mut self.weights[*local as usize]);
        }
        self.counted = self.uses.len();
    }

    pub(super) fn begin_block(&mut self) {
        self.open.push(false);
    }

    pub(super) fn begin_loop(&mut self) {
        self.take_weights();
        self.lose_head();
        self.keeps_head.push(true);
        self.open.push(true);
        self.open_loops.push((self.loops.len(), self.uses.len()));
        self.loops.push(0..0);
    }

    /// Comes to what may change the head: a loop, a call, an exception.
    pub(super) fn lose_head(&mut self) {
        steps::count(1);
        // Loops around the innermost one have it inside them.
        if let Some(&(number, _)) = self.open_loops.last() {
            self.keeps_head[number] = false;
        }
    }

    /// Whether the loop with a number keeps the head that it has when it begins.
    pub(super) fn keeps_head(&self, number: usize) -> bool {
        self.keeps_head.get(number).copied().unwrap_or(false)
    }

    pub(super) fn end_block(&mut self) {
        if self.open.pop() == Some(true)
            && let Some((number, start)) = self.open_loops.pop()
        {
            self.add_up(start);
            let begin = self.choices.len();
            self.choices.extend(&self.uses[start..]);
            self.loops[number] = begin..self.choices.len();
            for (_, weight) in &mut self.uses[start..] {
                *weight = weight.saturating_mul(LOOP_WEIGHT);
            }
        }
    }

    /// How many items of whatever there are most of there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.uses.capacity().max(self.choices.capacity()).max(self.weights.capacity())
    }

    /// Adds up the uses from `start` on, and keeps the most used locals.
    fn add_up(&mut self, start: usize) {
        // What is not counted yet is added up in `weights` already.
        let mut distinct = start;
        steps::count(self.uses.len() - start);
        for at in start..self.counted {
            let (local, weight) = self.uses[at];
            let sum = self.weight(local);
            let is_first = *sum == 0;
            *sum = sum.saturating_add(weight);
            if is_first {
                self.uses[distinct].0 = local;
                distinct += 1;
            }
        }
        self.uses.drain(distinct..self.counted);
        self.counted = start;
        self.take_weights();
        if self.uses.len() - start > CANDIDATES {
            self.uses[start..].sort_unstable_by_key(|&(local, weight)| (Reverse(weight), local));
            self.uses.truncate(start + CANDIDATES);
            self.counted = self.uses.len();
        }
    }

    /// The pins for the loop with a number, where `outer` are pinned around it.
    pub(super) fn of_loop(&self, number: usize, locals: &Locals, outer: Pins) -> Pins {
        let Some(range) = self.loops.get(number) else { return outer };
        choose(&self.choices[range.clone()], locals, outer)
    }
}

/// The most used of some locals, and how often the outer pin is.
#[derive(Default)]
struct Best {
    slot: u32,
    weight: u32,
    outer_weight: u32,
}

impl Best {
    fn consider(&mut self, slot: u32, weight: u32, outer: Option<u32>) {
        if outer == Some(slot) {
            self.outer_weight = weight;
        }
        if (weight, Reverse(slot)) > (self.weight, Reverse(self.slot)) {
            (self.slot, self.weight) = (slot, weight);
        }
    }

    /// The slot, if it is to take the outer pin's place.
    fn better(&self) -> Option<u32> {
        let needed = self.outer_weight.saturating_add(SWITCH_MARGIN);
        (self.weight >= needed).then_some(self.slot)
    }
}

/// The pins for a loop with these uses, where `outer` are pinned around it.
fn choose(uses: &[(u32, u32)], locals: &Locals, outer: Pins) -> Pins {
    let [outer_int, outer_f64, outer_f32] = outer;
    let (mut int, mut float) = (Best::default(), Best::default());
    steps::count(uses.len());
    for &(local, weight) in uses {
        let Local::Scalar(slot) = locals.local(local) else { continue };
        match locals.bank(slot) {
            Bank::Int => int.consider(slot, weight, outer_int),
            Bank::F64 | Bank::F32 => float.consider(slot, weight, outer_f64.or(outer_f32)),
        }
    }
    let mut pins = outer;
    if let Some(slot) = int.better() {
        pins[Bank::Int as usize] = Some(slot);
    }
    if let Some(slot) = float.better() {
        pins[Bank::F64 as usize] = None;
        pins[Bank::F32 as usize] = None;
        pins[locals.bank(slot) as usize] = Some(slot);
    }
    pins
}
