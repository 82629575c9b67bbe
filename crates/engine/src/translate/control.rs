//! Translates blocks, branches and returns.
//!
//! A label's values live in the slots of the block's own height, so every branch can put them
//! there by itself, and paths agree where they meet.

use std::collections::BTreeMap;

use lineal_decoder::ValType;
use wasmparser::{BlockType, BrTable, Catch, TryTable};

use super::Translator;
use super::emit::{Fields, Pos, Site};
use super::meter::FrameMeter;
use super::pins::Pins;
use super::scalar::Jump;
use super::stack::{Operand, Value};
use super::variable::by_source;
use crate::exec::call::{Enter, MANY, Return0, Return1, ReturnMany, ReturnVector};
use crate::exec::control;
use crate::exec::variable::LoadPins;
use crate::machine::operand::{Acc, Pin, SlotA, SlotD, Wide};
use crate::machine::{Bank, Handler, handler, operands};
use crate::runtime::slots::{slot_count, slots};
use crate::runtime::unwind::{Clause, TryRange};

/// A block that is open.
#[derive(Debug)]
pub(super) struct Frame {
    kind: Kind,
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
    pub(super) meter: FrameMeter,
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
enum Kind {
    Function,
    Block,
    Loop { header: Pos, pins: Pins, has_head: bool },
    If { else_branch: Pos },
    Else,
    Try { range: usize },
}

/// Handlers of `return` with one result, by source: slot, accumulator, pin, constant.
macro_rules! return1 {
    ($ty:ty) => {
        [
            handler::<Return1<$ty, SlotD>>(),
            handler::<Return1<$ty, Acc>>(),
            handler::<Return1<$ty, Pin>>(),
            handler::<Return1<$ty, Wide>>(),
        ]
    };
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
            BlockType::Type(wasmparser::ValType::F32) => self.stack.push(Value::Temp, Bank::F32),
            BlockType::Type(wasmparser::ValType::F64) => self.stack.push(Value::Temp, Bank::F64),
            BlockType::Type(wasmparser::ValType::V128) => self.push_temp(ValType::V128),
            BlockType::Type(_) => self.stack.push(Value::Temp, Bank::Int),
            BlockType::FuncType(index) => {
                for &result in self.parts.type_as_func(index).results() {
                    self.push_temp(result);
                }
            }
        }
    }

    fn open(&mut self, kind: Kind, ty: BlockType) {
        let height = self.stack.height() - self.params_of(ty);
        self.push_frame(kind, ty, height, self.registers.pins);
    }

    fn push_frame(&mut self, kind: Kind, ty: BlockType, height: u32, outer_pins: Pins) {
        self.frames.push(Frame {
            kind,
            ty,
            height,
            branches: None,
            first_branch: None,
            outer_pins,
            mixed_pins: false,
            meter: self.frame_meter(),
        });
    }

    /// Opens the function's own block and leaves room for the cell that begins it.
    pub(super) fn begin_function(&mut self) {
        let ty = BlockType::FuncType(self.parts.funcs[self.func as usize]);
        self.push_frame(Kind::Function, ty, 0, self.registers.pins);
        let zeroed = self.locals.count() - self.locals.params();
        let enter = ENTER.get(zeroed as usize).copied().unwrap_or(handler::<Enter<MANY>>());
        self.emit.site();
        let (int, float) = self.pin_slots();
        let wide = Some(operands(int, float, 0));
        self.enter = self.emit.cell(enter, Fields { wide, ..Fields::default() });
        self.zero_far_locals();
        self.observe_entry();
    }

    /// Completes the function's first cell, now that the size of the frame is known.
    pub(super) fn finish_enter(&mut self) {
        let zeroed = self.locals.count() - self.locals.params();
        // Validation keeps locals below 65,536.
        let fields = Fields {
            a: self.link_slot as u16,
            d: zeroed as u16,
            b: self.temp_base + self.stack.max_height(),
            wide: None,
        };
        self.emit.set_operands(self.enter, fields);
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.materialise_locals();
        self.open(Kind::Block, ty);
    }

    /// Begins the body of a `try_table`. Its clauses need no code: what throws puts the values in
    /// the slots of the clause's label and the pins of that place in the registers.
    pub(super) fn try_table(&mut self, try_table: &TryTable) {
        self.materialise_locals();
        let range = self.emit.tries.len();
        self.emit.tries.push(TryRange { start: self.emit.pos(), ..TryRange::default() });
        for (index, &clause) in try_table.catches.iter().enumerate() {
            let (tag, with_reference, label) = match clause {
                Catch::One { tag, label } => (Some(tag), false, label),
                Catch::OneRef { tag, label } => (Some(tag), true, label),
                Catch::All { label } => (None, false, label),
                Catch::AllRef { label } => (None, true, label),
            };
            let target = self.target(label);
            let pins = match self.frames[target].kind {
                Kind::Loop { pins, .. } => pins,
                _ => self.frames[target].outer_pins,
            };
            let height = self.frames[target].height;
            let slot = self.temp_slot(height);
            self.stack.reserve(height + self.arity(target));
            let pins = pin_slots(pins);
            let clause = Clause { tag, with_reference, slot, target: 0, pins };
            self.emit.tries[range].clauses.push(clause);
            self.link_clause(target, Site::Clause { range, clause: index });
        }
        // What comes before the body must not become part of it.
        self.last_cell = None;
        self.open(Kind::Try { range }, try_table.ty);
    }

    /// Makes a clause go to a label.
    fn link_clause(&mut self, target: usize, site: Site) {
        let frame = &mut self.frames[target];
        match frame.kind {
            Kind::Loop { header, .. } => self.emit.link(site, header),
            _ => {
                // No accumulator holds anything there: not even what it held before the body.
                frame.first_branch = Some(0);
                self.branches.push(&mut frame.branches, site);
            }
        }
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        self.materialise_locals();
        self.materialise_top(self.params_of(ty));
        self.forget_accumulators();
        self.last_cell = None;
        let outer = self.registers.pins;
        let has_head = self.options.optimizations.fuse
            && !(self.options.fuel || self.options.epochs)
            && self.scan.pins.keeps_head(self.loops);
        let pins = self.next_loop_pins();
        self.set_pins(pins);
        let height = self.stack.height() - self.params_of(ty);
        if has_head {
            self.emit.cell(handler::<control::Head>(), Fields::default());
        }
        let has = |frame: &Frame| matches!(frame.kind, Kind::Loop { has_head: true, .. });
        debug_assert!(!self.frames.iter().any(has), "a loop around this one has a head");
        self.emit.loop_depth += 1;
        self.push_frame(Kind::Loop { header: self.emit.pos(), pins, has_head }, ty, height, outer);
        self.check_epoch();
    }

    /// The slots of the pinned locals: integer, float; 0 where none is pinned.
    pub(super) fn pin_slots(&self) -> (u16, u16) {
        pin_slots(self.registers.pins)
    }

    /// Loads other pins, if they are others.
    fn set_pins(&mut self, pins: Pins) {
        if self.registers.pins != pins {
            self.load_pins(pins);
        }
    }

    fn load_pins(&mut self, pins: Pins) {
        self.registers.pins = pins;
        let (a, d) = self.pin_slots();
        self.emit.cell(handler::<LoadPins>(), Fields { a, d, ..Fields::default() });
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let params = self.params_of(ty);
        let condition = self.pop_condition_above(params);
        self.materialise_locals();
        self.materialise_top(params);
        let else_branch = self.emit.cell(condition.if_false, condition.fields);
        self.open(Kind::If { else_branch }, ty);
    }

    /// Pops a condition before the `count` entries below it are materialised.
    fn pop_condition_above(&mut self, count: u32) -> Jump {
        if self.far_frame {
            // Materialising later would need the scratch slots that the condition is in.
            self.materialise_top(count + 1);
            self.materialise_locals();
        }
        self.pop_condition()
    }

    pub(super) fn else_(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        let Kind::If { else_branch } = frame.kind else { return };
        if self.dead.is_none() {
            self.materialise_top(self.results_of(frame.ty));
            let cell = self.emit.cell(handler::<control::Br>(), Fields::default());
            self.branches.push(&mut frame.branches, Site::Branch { cell });
            frame.first_branch.get_or_insert(cell);
        }
        self.dead = None;
        let mut branches = None;
        self.branches.push(&mut branches, Site::Branch { cell: else_branch });
        self.bind(branches, else_branch);
        self.stack.truncate(frame.height);
        self.push_params(frame.ty);
        self.frames.push(Frame { kind: Kind::Else, ..frame });
    }

    /// Makes branches arrive here.
    fn bind(&mut self, branches: Option<u32>, first: Pos) {
        self.forget_since(first);
        self.last_cell = None;
        let here = self.emit.pos();
        for site in self.branches.chain(branches) {
            self.emit.link(site, here);
        }
    }

    pub(super) fn end(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        if frame.kind == Kind::Function {
            if self.dead.is_none() {
                self.emit_return();
            }
            if let Some(first) = frame.first_branch {
                // Exceptions that the function's own label catches.
                self.bind(frame.branches, first);
                self.dead = None;
                self.stack.truncate(0);
                self.push_results(frame.ty);
                self.emit_return();
            }
            return;
        }
        if let Kind::Try { range } = frame.kind {
            self.emit.tries[range].end = self.emit.pos();
            // What comes behind the body must not take the place of cells in it.
            self.last_cell = None;
        }
        if let Kind::If { else_branch } = frame.kind {
            // Without an `else`, the parameters are the results, and they are in place.
            self.branches.push(&mut frame.branches, Site::Branch { cell: else_branch });
            frame.first_branch = Some(else_branch);
        }
        if self.dead.is_none() {
            self.set_pins(frame.outer_pins);
        }
        self.registers.pins = frame.outer_pins;
        self.emit.loop_depth -= u32::from(matches!(frame.kind, Kind::Loop { .. }));
        self.leave_block(frame.meter, frame.first_branch.is_some());
        let Some(first) = frame.first_branch else {
            // Nothing branches here: whatever was true still is.
            return;
        };
        if self.dead.is_none() {
            self.materialise_top(self.results_of(frame.ty));
        }
        self.bind(frame.branches, first);
        self.dead = None;
        if frame.mixed_pins {
            self.load_pins(frame.outer_pins);
        }
        self.stack.truncate(frame.height);
        for index in 0..self.results_of(frame.ty) {
            // A register may hold what one of the paths put there.
            self.forget_slot(self.temp_slot(frame.height + index));
        }
        self.push_results(frame.ty);
    }

    /// Skips the start of a block in code that cannot be reached.
    pub(super) fn skip_block(&mut self) {
        self.dead = self.dead.map(|nested| nested + 1);
    }

    pub(super) fn skip_loop(&mut self) {
        self.skip_block();
        self.loops += 1;
    }

    /// What is behind an `else` can be reached if the `if` could.
    pub(super) fn skip_else(&mut self) {
        if self.dead == Some(0) {
            self.else_();
        }
    }

    /// The same for an `end`, if anything branches to it.
    pub(super) fn skip_end(&mut self) {
        if self.dead != Some(0) {
            self.dead = self.dead.map(|nested| nested - 1);
            return;
        }
        let height = self.frames.last().map_or(0, |frame| frame.height);
        self.end();
        if self.dead.is_some() {
            self.stack.truncate(height);
        }
    }

    pub(super) fn set_dead(&mut self) {
        self.dead = Some(0);
        self.last_cell = None;
    }

    pub(super) fn unreachable(&mut self) {
        self.emit.site();
        self.emit.cell(handler::<control::Unreachable>(), Fields::default());
        self.set_dead();
    }

    /// The frame that a branch goes to, by its index.
    pub(super) fn target(&self, depth: u32) -> usize {
        self.frames.len() - 1 - depth as usize
    }

    /// How many values a branch carries.
    pub(super) fn arity(&self, target: usize) -> u32 {
        let frame = &self.frames[target];
        match frame.kind {
            Kind::Loop { .. } => self.params_of(frame.ty),
            _ => self.results_of(frame.ty),
        }
    }

    /// Whether a branch needs no code of its own: its values are in the label's slots once they
    /// are in their own, and a loop it goes back to finds its pins.
    fn is_direct(&self, target: usize) -> bool {
        let frame = &self.frames[target];
        let arity = self.arity(target);
        let in_place = arity == 0 || self.stack.height() == frame.height + arity;
        match frame.kind {
            Kind::Function => false,
            Kind::Loop { pins, .. } => in_place && pins == self.registers.pins,
            _ => in_place,
        }
    }

    /// Makes a site go to a label.
    fn link(&mut self, target: usize, cell: Pos, site: Site) {
        let frame = &mut self.frames[target];
        match frame.kind {
            Kind::Loop { header, has_head, .. } => match site {
                Site::Branch { cell } if has_head => self.emit.link_to_head(cell, header),
                _ => self.emit.link(site, header),
            },
            _ => {
                frame.first_branch.get_or_insert(cell);
                self.branches.push(&mut frame.branches, site);
                frame.mixed_pins |= self.registers.pins != frame.outer_pins;
            }
        }
    }

    /// Copies the top entries to a label's slots and goes there. What is known of the stack and
    /// the registers stays as it is: it holds on the paths that do not go there.
    fn emit_branch(&mut self, target: usize) {
        if self.frames[target].kind == Kind::Function {
            self.emit_return();
            return;
        }
        let arity = self.arity(target);
        let (to, from) = (self.frames[target].height, self.stack.height() - arity);
        if arity > 0 && to == from {
            // A result that is in place must stay written, even if the code behind the branch
            // takes back what made it so.
            self.write_through_all();
        }
        let registers = self.registers.clone();
        for index in 0..arity {
            self.copy_entry(from + index, to + index);
        }
        if let Kind::Loop { pins, .. } = self.frames[target].kind {
            self.set_pins(pins);
        }
        let cell = self.emit.cell(handler::<control::Br>(), Fields::default());
        self.link(target, cell, Site::Branch { cell });
        self.registers = registers;
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
        let returns = self.frames[target].kind == Kind::Function;
        if self.is_direct(target) {
            self.materialise_top(arity);
            let cell = self.emit.cell(condition.if_true, condition.fields);
            self.link(target, cell, Site::Branch { cell });
            return;
        }
        if returns && arity > 1 {
            // A return of several results needs them in their slots, on both paths.
            self.materialise_top(arity);
        }
        let skip = self.emit.cell(condition.if_false, condition.fields);
        self.emit_branch(target);
        let here = self.emit.pos();
        self.emit.link(Site::Branch { cell: skip }, here);
    }

    pub(super) fn br_table(&mut self, targets: &BrTable<'_>) {
        // Validation read the targets before.
        let depths: Vec<u32> = targets.targets().flatten().chain([targets.default()]).collect();
        let arity = self.arity(self.target(targets.default()));
        if self.far_frame {
            self.materialise_top(arity + 1);
        }
        let index = self.pop();
        let own = self.temp_slot(self.stack.height());
        self.materialise_top(arity);
        let index = match index {
            Operand::Acc | Operand::Pin => index,
            other => {
                let slot = self.slot_of(other, Bank::Int, own);
                Operand::Slot(u64::from(self.reach(slot, 1)))
            }
        };
        const BY_INDEX: [Handler; 4] = [
            handler::<control::BrTable<SlotA>>(),
            handler::<control::BrTable<Acc>>(),
            handler::<control::BrTable<Pin>>(),
            handler::<control::BrTable<SlotA>>(),
        ];
        let (handler, fields) = by_source(&BY_INDEX, index);
        let last = depths.len() as u32 - 1;
        let cell = self.emit.cell(handler, Fields { b: last, ..fields });
        // Targets whose values need copies get code of their own, once each.
        let mut detours: BTreeMap<u32, Vec<Site>> = BTreeMap::new();
        for depth in depths {
            let target = self.target(depth);
            let site = Site::Table { cell, granule: self.emit.granule(0) };
            if !self.is_direct(target) {
                detours.entry(depth).or_default().push(site);
            } else {
                self.link(target, cell, site);
            }
        }
        for (depth, sites) in detours {
            let here = self.emit.pos();
            for site in sites {
                self.emit.link(site, here);
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
        let results = self.results_of(self.frames.first().map_or_else(
            || BlockType::FuncType(self.parts.funcs[self.func as usize]),
            |frame| frame.ty,
        ));
        if self.is_chosen() {
            return self.emit_observed_return(results);
        }
        let link = Fields { a: self.link_slot as u16, ..Fields::default() };
        match results {
            0 => {
                self.emit.cell(handler::<Return0>(), link);
            }
            1 => {
                let (operand, bank) = self.peek_result();
                let table = match bank {
                    Bank::Int => return1!(u64),
                    Bank::F64 => return1!(f64),
                    Bank::F32 => return1!(f32),
                };
                let operand = self.move_source(operand);
                let (handler, fields) = by_source(&table, operand);
                // The result is in `d`: `a` is the link.
                self.emit.cell(handler, Fields { a: link.a, d: fields.a, ..fields });
            }
            2 if self.stack.is_vector(0) => {
                let slot = self.peek_vector();
                // The result is in `d`: `a` is the link.
                let fields = Fields { d: self.reach_vector(slot, 1), ..link };
                self.emit.cell(handler::<ReturnVector>(), fields);
            }
            count => {
                self.materialise_top(count);
                let first = self.temp_slot(self.stack.height() - count);
                let fields = Fields { b: count, wide: Some(u64::from(first)), ..link };
                self.emit.cell(handler::<ReturnMany>(), fields);
            }
        }
    }

    /// The same for a function whose returns are reported: results are in their slots then, and
    /// come from there.
    fn emit_observed_return(&mut self, results: u32) {
        // What is written for this return must stay written where the code goes on.
        self.write_through_all();
        let registers = self.registers.clone();
        let first = self.observed_results(results);
        let link = Fields { a: self.link_slot as u16, ..Fields::default() };
        match results {
            0 => {
                self.emit.cell(handler::<Return0>(), link);
            }
            1 => {
                let table = match self.stack.peek(0).bank {
                    Bank::Int => return1!(u64),
                    Bank::F64 => return1!(f64),
                    Bank::F32 => return1!(f32),
                };
                let d = self.reach(first, 1);
                self.emit.cell(table[0], Fields { d, ..link });
            }
            count => {
                let fields = Fields { b: count, wide: Some(u64::from(first)), ..link };
                self.emit.cell(handler::<ReturnMany>(), fields);
            }
        }
        self.registers = registers;
    }
}
