//! Translates blocks, branches and returns.
//!
//! A label's values live in the slots of the block's own height, so every branch can put them
//! there by itself, and paths agree where they meet.

use std::collections::BTreeMap;

use lineal_decoder::ValType;
use wasmparser::{BlockType, BrTable, Catch, TryTable};

use super::Translator;
use super::emit::{Fields, Pos, Site};
use super::meter::BlockMeter;
use super::pins::Pins;
use super::scalar::Jump;
use super::stack::{Operand, Value};
use super::tables::{BySource, by_source};
use super::variable::pick_by_source;
use crate::exec::call::{Enter, MANY, Return0, Return1, ReturnMany, ReturnVector};
use crate::exec::control::{self, BrTable as BrTableOp};
use crate::exec::variable::LoadPins;
use crate::machine::operand::{SlotA, SlotD, Wide};
use crate::machine::{Bank, Handler, handler, operands};
use crate::runtime::slots::{slot_count, slots};
use crate::runtime::unwind::{Clause, TryRange};

/// A block that is open.
#[derive(Debug)]
pub(super) struct Block {
    kind: BlockKind,
    ty: BlockType,
    /// Entries of the operand stack below the block's parameters.
    height: u32,
    /// The last of the [`Branches`] to the block's end.
    branches: Option<u32>,
    /// The first cell that branches to the block's end.
    first_branch: Option<Pos>,
    /// The pins around the block, which code after it relies on.
    outer_pins: Pins,
    /// Whether a branch to the block's end comes from code with other pins.
    mixed_pins: bool,
    /// What fuel is charged by around it.
    pub(super) meter: BlockMeter,
}

/// Branches whose targets are not known yet: each is chained to the one before that goes to the
/// end of the same block.
#[derive(Debug, Default)]
pub(super) struct Branches {
    chained: Vec<(Site, Option<u32>)>,
}

impl Branches {
    /// Forgets the function before.
    pub(super) fn clear(&mut self) {
        self.chained.clear();
    }

    fn push(&mut self, last: &mut Option<u32>, site: Site) {
        self.chained.push((site, *last));
        *last = Some(self.chained.len() as u32 - 1);
    }

    /// The branches from the last of a chain to its first.
    fn chain(&self, last: Option<u32>) -> impl Iterator<Item = Site> {
        let at = |index: u32| &self.chained[index as usize];
        std::iter::successors(last.map(at), move |(_, before)| before.map(at))
            .map(|&(site, _)| site)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Function,
    Block,
    Loop { header: Pos, pins: Pins, has_head: bool },
    If { else_branch: Pos },
    Else,
    Try { range: usize },
}

/// Handlers of [`Enter`] by the number of locals to zero.
const ENTER: [Handler; 9] = [
    handler::<Enter<0>>(),
    handler::<Enter<1>>(),
    handler::<Enter<2>>(),
    handler::<Enter<3>>(),
    handler::<Enter<4>>(),
    handler::<Enter<5>>(),
    handler::<Enter<6>>(),
    handler::<Enter<7>>(),
    handler::<Enter<8>>(),
];

/// The slots of pinned locals: integer, float; 0 where none is pinned.
fn pin_slots([int, f64, f32]: Pins) -> (u16, u16) {
    (int.unwrap_or(0) as u16, f64.or(f32).unwrap_or(0) as u16)
}

impl Translator<'_> {
    /// How many slots the parameters take.
    fn params_of(&self, ty: BlockType) -> u32 {
        match ty {
            BlockType::Empty | BlockType::Type(_) => 0,
            BlockType::FuncType(index) => {
                slot_count(self.parts.type_as_func(index).params()) as u32
            }
        }
    }

    /// How many slots the results take.
    fn results_of(&self, ty: BlockType) -> u32 {
        match ty {
            BlockType::Empty => 0,
            BlockType::Type(wasmparser::ValType::V128) => slots(ValType::V128) as u32,
            BlockType::Type(_) => 1,
            BlockType::FuncType(index) => {
                slot_count(self.parts.type_as_func(index).results()) as u32
            }
        }
    }

    fn push_params(&mut self, ty: BlockType) {
        if let BlockType::FuncType(index) = ty {
            for &param in self.parts.type_as_func(index).params() {
                self.push_temp(param);
            }
        }
    }

    fn push_results(&mut self, ty: BlockType) {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(wasmparser::ValType::F32) => {
                self.buffers.stack.push(Value::Temp, Bank::F32)
            }
            BlockType::Type(wasmparser::ValType::F64) => {
                self.buffers.stack.push(Value::Temp, Bank::F64)
            }
            BlockType::Type(wasmparser::ValType::V128) => self.push_temp(ValType::V128),
            BlockType::Type(_) => self.buffers.stack.push(Value::Temp, Bank::Int),
            BlockType::FuncType(index) => {
                for &result in self.parts.type_as_func(index).results() {
                    self.push_temp(result);
                }
            }
        }
    }

    fn open(&mut self, kind: BlockKind, ty: BlockType) {
        let height = self.buffers.stack.height() - self.params_of(ty);
        self.push_block(kind, ty, height, self.function.registers.pins);
    }

    fn push_block(&mut self, kind: BlockKind, ty: BlockType, height: u32, outer_pins: Pins) {
        self.buffers.blocks.push(Block {
            kind,
            ty,
            height,
            branches: None,
            first_branch: None,
            outer_pins,
            mixed_pins: false,
            meter: self.block_meter(),
        });
    }

    /// Opens the function's own block and leaves room for the cell that begins it.
    pub(super) fn begin_function(&mut self) {
        let ty = BlockType::FuncType(self.parts.funcs[self.function.func as usize]);
        self.push_block(BlockKind::Function, ty, 0, self.function.registers.pins);
        let zeroed = self.buffers.locals.count() - self.buffers.locals.params();
        let enter = ENTER.get(zeroed as usize).copied().unwrap_or(handler::<Enter<MANY>>());
        self.buffers.emit.site();
        let (int, float) = self.pin_slots();
        let wide = Some(operands(int, float, 0));
        self.function.enter = self.buffers.emit.cell(enter, Fields { wide, ..Fields::default() });
        self.zero_far_locals();
        self.observe_entry();
    }

    /// Completes the function's first cell, now that the size of the frame is known.
    pub(super) fn finish_enter(&mut self) {
        let zeroed = self.buffers.locals.count() - self.buffers.locals.params();
        // Validation keeps locals below 65,536.
        let fields = Fields {
            a: self.function.link_slot as u16,
            d: zeroed as u16,
            b: self.function.temp_base + self.buffers.stack.max_height(),
            wide: None,
        };
        self.buffers.emit.set_operands(self.function.enter, fields);
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.materialise_locals();
        self.open(BlockKind::Block, ty);
    }

    /// Begins the body of a `try_table`. Its clauses need no code: what throws puts the values in
    /// the slots of the clause's label and the pins of that place in the registers.
    pub(super) fn try_table(&mut self, try_table: &TryTable) {
        self.materialise_locals();
        let range = self.buffers.emit.tries.len();
        self.buffers
            .emit
            .tries
            .push(TryRange { start: self.buffers.emit.pos(), ..TryRange::default() });
        for (index, &clause) in try_table.catches.iter().enumerate() {
            let (tag, with_reference, label) = match clause {
                Catch::One { tag, label } => (Some(tag), false, label),
                Catch::OneRef { tag, label } => (Some(tag), true, label),
                Catch::All { label } => (None, false, label),
                Catch::AllRef { label } => (None, true, label),
            };
            let target = self.target(label);
            let pins = match self.buffers.blocks[target].kind {
                BlockKind::Loop { pins, .. } => pins,
                _ => self.buffers.blocks[target].outer_pins,
            };
            let height = self.buffers.blocks[target].height;
            let slot = self.temp_slot(height);
            self.buffers.stack.reserve(height + self.arity(target));
            let pins = pin_slots(pins);
            let clause = Clause { tag, with_reference, slot, target: 0, pins };
            self.buffers.emit.tries[range].clauses.push(clause);
            self.link_clause(target, Site::Clause { range, clause: index });
        }
        // What comes before the body must not become part of it.
        self.function.last = None;
        self.open(BlockKind::Try { range }, try_table.ty);
    }

    /// Makes a clause go to a label.
    fn link_clause(&mut self, target: usize, site: Site) {
        let block = &mut self.buffers.blocks[target];
        match block.kind {
            BlockKind::Loop { header, .. } => self.buffers.emit.link(site, header),
            _ => {
                // No accumulator holds anything there: not even what it held before the body.
                block.first_branch = Some(0);
                self.buffers.branches.push(&mut block.branches, site);
            }
        }
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        self.materialise_locals();
        self.materialise_top(self.params_of(ty));
        self.forget_accumulators();
        self.function.last = None;
        let outer = self.function.registers.pins;
        let has_head = self.function.options.optimizations.fuse
            && !self.function.options.is_metered()
            && self.buffers.scan.pins.keeps_head(self.function.loops);
        let pins = self.next_loop_pins();
        self.set_pins(pins);
        let height = self.buffers.stack.height() - self.params_of(ty);
        if has_head {
            self.buffers.emit.cell(handler::<control::Head>(), Fields::default());
        }
        self.buffers.emit.loop_depth += 1;
        self.push_block(
            BlockKind::Loop { header: self.buffers.emit.pos(), pins, has_head },
            ty,
            height,
            outer,
        );
        self.check_epoch();
    }

    /// The slots of the pinned locals: integer, float; 0 where none is pinned.
    pub(super) fn pin_slots(&self) -> (u16, u16) {
        pin_slots(self.function.registers.pins)
    }

    /// Loads other pins, if they are others.
    fn set_pins(&mut self, pins: Pins) {
        if self.function.registers.pins != pins {
            self.load_pins(pins);
        }
    }

    fn load_pins(&mut self, pins: Pins) {
        self.function.registers.pins = pins;
        let (a, d) = self.pin_slots();
        self.buffers.emit.cell(handler::<LoadPins>(), Fields { a, d, ..Fields::default() });
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let params = self.params_of(ty);
        let condition = self.pop_condition_above(params);
        self.materialise_locals();
        self.materialise_top(params);
        let else_branch = self.buffers.emit.cell(condition.if_false, condition.fields);
        self.open(BlockKind::If { else_branch }, ty);
    }

    /// Pops a condition before the `count` entries below it are materialised.
    fn pop_condition_above(&mut self, count: u32) -> Jump {
        if self.function.far_frame {
            // Materialising later would need the scratch slots that the condition is in.
            self.materialise_top(count + 1);
            self.materialise_locals();
        }
        self.pop_condition()
    }

    pub(super) fn else_(&mut self) {
        let Some(mut block) = self.buffers.blocks.pop() else { return };
        let BlockKind::If { else_branch } = block.kind else { return };
        if self.function.dead.is_none() {
            self.materialise_top(self.results_of(block.ty));
            let cell = self.buffers.emit.cell(handler::<control::Br>(), Fields::default());
            self.buffers.branches.push(&mut block.branches, Site::Branch { cell });
            block.first_branch.get_or_insert(cell);
        }
        self.function.dead = None;
        let mut branches = None;
        self.buffers.branches.push(&mut branches, Site::Branch { cell: else_branch });
        self.bind(branches, else_branch);
        self.buffers.stack.truncate(block.height);
        self.push_params(block.ty);
        self.buffers.blocks.push(Block { kind: BlockKind::Else, ..block });
    }

    /// Makes branches arrive here.
    fn bind(&mut self, branches: Option<u32>, first: Pos) {
        self.forget_since(first);
        self.function.last = None;
        let here = self.buffers.emit.pos();
        for site in self.buffers.branches.chain(branches) {
            self.buffers.emit.link(site, here);
        }
    }

    pub(super) fn end(&mut self) {
        let Some(mut block) = self.buffers.blocks.pop() else { return };
        if block.kind == BlockKind::Function {
            if self.function.dead.is_none() {
                self.emit_return();
            }
            if let Some(first) = block.first_branch {
                // Exceptions that the function's own label catches.
                self.bind(block.branches, first);
                self.function.dead = None;
                self.buffers.stack.truncate(0);
                self.push_results(block.ty);
                self.emit_return();
            }
            return;
        }
        if let BlockKind::Loop { header, has_head: true, .. } = block.kind {
            self.buffers.emit.end_loop_with_head(header);
        }
        if let BlockKind::Try { range } = block.kind {
            self.buffers.emit.tries[range].end = self.buffers.emit.pos();
            // What comes behind the body must not take the place of cells in it.
            self.function.last = None;
        }
        if let BlockKind::If { else_branch } = block.kind {
            // Without an `else`, the parameters are the results, and they are in place.
            self.buffers.branches.push(&mut block.branches, Site::Branch { cell: else_branch });
            block.first_branch = Some(else_branch);
        }
        if self.function.dead.is_none() {
            self.set_pins(block.outer_pins);
        }
        self.function.registers.pins = block.outer_pins;
        if let BlockKind::Loop { .. } = block.kind {
            self.buffers.emit.loop_depth -= 1;
        }
        self.leave_block(block.meter, block.first_branch.is_some());
        let Some(first) = block.first_branch else {
            // Nothing branches here: whatever was true still is.
            return;
        };
        if self.function.dead.is_none() {
            self.materialise_top(self.results_of(block.ty));
        }
        self.bind(block.branches, first);
        self.function.dead = None;
        if block.mixed_pins {
            self.load_pins(block.outer_pins);
        }
        self.buffers.stack.truncate(block.height);
        let results = self.results_of(block.ty);
        super::steps::count(results as usize);
        for index in 0..results {
            // A register may hold what one of the paths put there.
            self.forget_slot(self.temp_slot(block.height + index));
        }
        self.push_results(block.ty);
    }

    /// Skips the start of a block in code that cannot be reached.
    pub(super) fn skip_block(&mut self) {
        self.function.dead = self.function.dead.map(|nested| nested + 1);
    }

    pub(super) fn skip_loop(&mut self) {
        self.skip_block();
        self.function.loops += 1;
    }

    /// What is behind an `else` can be reached if the `if` could.
    pub(super) fn skip_else(&mut self) {
        if self.function.dead == Some(0) {
            self.else_();
        }
    }

    /// The same for an `end`, if anything branches to it.
    pub(super) fn skip_end(&mut self) {
        if self.function.dead != Some(0) {
            self.function.dead = self.function.dead.map(|nested| nested - 1);
            return;
        }
        let height = self.buffers.blocks.last().map_or(0, |block| block.height);
        self.end();
        if self.function.dead.is_some() {
            self.buffers.stack.truncate(height);
        }
    }

    pub(super) fn set_dead(&mut self) {
        self.function.dead = Some(0);
        self.function.last = None;
    }

    pub(super) fn unreachable(&mut self) {
        self.buffers.emit.site();
        self.buffers.emit.cell(handler::<control::Unreachable>(), Fields::default());
        self.set_dead();
    }

    /// The block that a branch goes to, by its index.
    pub(super) fn target(&self, depth: u32) -> usize {
        self.buffers.blocks.len() - 1 - depth as usize
    }

    /// How many values a branch carries.
    pub(super) fn arity(&self, target: usize) -> u32 {
        let block = &self.buffers.blocks[target];
        match block.kind {
            BlockKind::Loop { .. } => self.params_of(block.ty),
            _ => self.results_of(block.ty),
        }
    }

    /// Whether a branch needs no code of its own: its values are in the label's slots once they
    /// are in their own, and a loop it goes back to finds its pins.
    fn is_direct(&self, target: usize) -> bool {
        let block = &self.buffers.blocks[target];
        let arity = self.arity(target);
        let in_place = arity == 0 || self.buffers.stack.height() == block.height + arity;
        match block.kind {
            BlockKind::Function => false,
            BlockKind::Loop { pins, .. } => in_place && pins == self.function.registers.pins,
            _ => in_place,
        }
    }

    /// Makes a site go to a label.
    fn link(&mut self, target: usize, cell: Pos, site: Site) {
        let block = &mut self.buffers.blocks[target];
        match block.kind {
            BlockKind::Loop { header, has_head, .. } => match site {
                Site::Branch { cell } if has_head => self.buffers.emit.link_to_head(cell, header),
                _ => self.buffers.emit.link(site, header),
            },
            _ => {
                block.first_branch.get_or_insert(cell);
                self.buffers.branches.push(&mut block.branches, site);
                block.mixed_pins |= self.function.registers.pins != block.outer_pins;
            }
        }
    }

    /// Copies the top entries to a label's slots and goes there. What is known of the stack and
    /// the registers stays as it is: it holds on the paths that do not go there.
    fn emit_branch(&mut self, target: usize) {
        if self.buffers.blocks[target].kind == BlockKind::Function {
            self.emit_return();
            return;
        }
        let arity = self.arity(target);
        let (to, from) = (self.buffers.blocks[target].height, self.buffers.stack.height() - arity);
        if arity > 0 && to == from {
            // A result that is in place must stay written, even if the code behind the branch
            // takes back what made it so.
            self.write_through_all();
        }
        let registers = self.function.registers.clone();
        super::steps::count(arity as usize);
        for index in 0..arity {
            self.copy_entry(from + index, to + index);
        }
        if let BlockKind::Loop { pins, .. } = self.buffers.blocks[target].kind {
            self.set_pins(pins);
        }
        let cell = self.buffers.emit.cell(handler::<control::Br>(), Fields::default());
        self.link(target, cell, Site::Branch { cell });
        self.function.registers = registers;
    }

    pub(super) fn br(&mut self, depth: u32) {
        self.emit_branch(self.target(depth));
        self.set_dead();
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let target = self.target(depth);
        let arity = self.arity(target);
        let condition = self.pop_condition_above(arity);
        self.branch_if(target, condition);
    }

    /// Branches to a label on a condition.
    pub(super) fn branch_if(&mut self, target: usize, condition: Jump) {
        let arity = self.arity(target);
        let returns = self.buffers.blocks[target].kind == BlockKind::Function;
        if self.is_direct(target) {
            self.materialise_top(arity);
            let cell = self.buffers.emit.cell(condition.if_true, condition.fields);
            self.link(target, cell, Site::Branch { cell });
            return;
        }
        if returns && arity > 1 {
            // A return of several results needs them in their slots, on both paths.
            self.materialise_top(arity);
        }
        let skip = self.buffers.emit.cell(condition.if_false, condition.fields);
        self.emit_branch(target);
        let here = self.buffers.emit.pos();
        self.buffers.emit.link(Site::Branch { cell: skip }, here);
    }

    pub(super) fn br_table(&mut self, targets: &BrTable<'_>) {
        // Validation read the targets before.
        let depths: Vec<u32> = targets.targets().flatten().chain([targets.default()]).collect();
        let arity = self.arity(self.target(targets.default()));
        if self.function.far_frame {
            self.materialise_top(arity + 1);
        }
        let index = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        self.materialise_top(arity);
        let index = match index {
            Operand::Acc | Operand::Pin => index,
            other => {
                let slot = self.slot_of(other, Bank::Int, own);
                Operand::Slot(u64::from(self.reach(slot, 1)))
            }
        };
        // A constant index went to a slot.
        const BY_INDEX: BySource = by_source!(BrTableOp [] [] SlotA, SlotA);
        let (handler, fields) = pick_by_source(&BY_INDEX, index);
        let last = depths.len() as u32 - 1;
        let cell = self.buffers.emit.cell(handler, Fields { b: last, ..fields });
        // Targets whose values need copies get code of their own, once each.
        let mut detours: BTreeMap<u32, Vec<Site>> = BTreeMap::new();
        for depth in depths {
            let target = self.target(depth);
            let site = Site::Table { cell, granule: self.buffers.emit.granule(0) };
            if !self.is_direct(target) {
                detours.entry(depth).or_default().push(site);
            } else {
                self.link(target, cell, site);
            }
        }
        for (depth, sites) in detours {
            let here = self.buffers.emit.pos();
            for site in sites {
                self.buffers.emit.link(site, here);
            }
            self.emit_branch(self.target(depth));
        }
        self.set_dead();
    }

    pub(super) fn return_(&mut self) {
        self.emit_return();
        self.set_dead();
    }

    /// Returns the top entries; the stack stays as it is.
    fn emit_return(&mut self) {
        let results = self.results_of(self.buffers.blocks.first().map_or_else(
            || BlockType::FuncType(self.parts.funcs[self.function.func as usize]),
            |block| block.ty,
        ));
        if self.reports_returns() {
            return self.emit_observed_return(results);
        }
        let link = Fields { a: self.function.link_slot as u16, ..Fields::default() };
        match results {
            0 => {
                self.buffers.emit.cell(handler::<Return0>(), link);
            }
            1 => {
                let (operand, bank) = self.peek_result();
                let table = match bank {
                    Bank::Int => by_source!(Return1 [u64] [] SlotD, Wide),
                    Bank::F64 => by_source!(Return1 [f64] [] SlotD, Wide),
                    Bank::F32 => by_source!(Return1 [f32] [] SlotD, Wide),
                };
                let operand = self.move_source(operand);
                let (handler, fields) = pick_by_source(&table, operand);
                // The result is in `d`: `a` is the link.
                self.buffers.emit.cell(handler, Fields { a: link.a, d: fields.a, ..fields });
            }
            2 if self.buffers.stack.is_vector(0) => {
                let slot = self.peek_vector();
                // The result is in `d`: `a` is the link.
                let fields = Fields { d: self.reach_vector(slot, 1), ..link };
                self.buffers.emit.cell(handler::<ReturnVector>(), fields);
            }
            count => {
                self.materialise_top(count);
                let first = self.temp_slot(self.buffers.stack.height() - count);
                let fields = Fields { b: count, wide: Some(u64::from(first)), ..link };
                self.buffers.emit.cell(handler::<ReturnMany>(), fields);
            }
        }
    }

    /// The same for a function whose returns are reported: results are in their slots then, and
    /// come from there.
    fn emit_observed_return(&mut self, results: u32) {
        // What is written for this return must stay written where the code goes on.
        self.write_through_all();
        let registers = self.function.registers.clone();
        let first = self.observed_results(results);
        let link = Fields { a: self.function.link_slot as u16, ..Fields::default() };
        match results {
            0 => {
                self.buffers.emit.cell(handler::<Return0>(), link);
            }
            1 => {
                let handler = match self.buffers.stack.peek(0).bank {
                    Bank::Int => handler::<Return1<u64, SlotD>>(),
                    Bank::F64 => handler::<Return1<f64, SlotD>>(),
                    Bank::F32 => handler::<Return1<f32, SlotD>>(),
                };
                let d = self.reach(first, 1);
                self.buffers.emit.cell(handler, Fields { d, ..link });
            }
            count => {
                let fields = Fields { b: count, wide: Some(u64::from(first)), ..link };
                self.buffers.emit.cell(handler::<ReturnMany>(), fields);
            }
        }
        self.function.registers = registers;
    }
}
