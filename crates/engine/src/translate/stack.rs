//! The symbolic operand stack: what each operand is before any code has to move it.
//!
//! An entry is a constant, a local not yet read, a sum not yet made, or a temporary. Every entry has a slot of its
//! own, by its height, and a temporary is there or in the accumulator of its bank. A result goes
//! to the accumulator first, with its cell remembered as *pending*: when the accumulator is about
//! to be overwritten, the cell's handler is exchanged for the one that writes the slot too.
//!
//! Two facts make that sound:
//!
//! * The pending cell comes before everything that could read the slot, on every path.
//! * Registers are forgotten wherever paths with different contents meet.

use super::emit::{Fields, Pos};
use super::last::{Last, Made};
use super::pins::Pins;
use super::tables::Dests;
use super::{Translator, move_pin_handler, move_slot_handler, steps};
use crate::exec::variable::{MoveFar, MoveSum};
use crate::machine::operand::{ImmB, SlotB};
use crate::machine::{Bank, handler, with_d};

/// What an entry of the operand stack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// In its own slot, or in the accumulator that says so.
    Temp,
    /// A local, by its slot, still to be read.
    Local(u32),
    /// A constant, as a slot holds it.
    Const(u64),
    /// The sum, in 32 bits, of a local and something else, still to be made: most often an
    /// address, which a store can make itself even when its value is computed in between.
    Sum(u32, Addend),
}

/// What is added to a local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addend {
    Local(u32),
    Const(u32),
}

impl Value {
    /// Whether the entry is a local still to be read, or has one in it.
    fn reads_locals(self) -> bool {
        matches!(self, Value::Local(_) | Value::Sum(..))
    }

    /// Whether the entry is still to be made from that local.
    fn reads(self, local: u32) -> bool {
        match self {
            Value::Local(read) | Value::Sum(read, Addend::Const(_)) => read == local,
            Value::Sum(left, Addend::Local(right)) => left == local || right == local,
            Value::Temp | Value::Const(_) => false,
        }
    }
}

/// An entry of the operand stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) bank: Bank,
    /// Whether it is the high half of a vector, whose low half is the entry below.
    pub(super) is_high: bool,
}

/// Where an operand is read from. A slot is as wide as a constant, so that an operand is two
/// registers of the host, and not written to memory and read from there at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Acc,
    Pin,
    Slot(u64),
    Const(u64),
}

/// A cell that wrote only the accumulator.
#[derive(Clone, Copy, Debug)]
struct Pending {
    cell: Pos,
    dests: &'static Dests,
    /// What the accumulator held before, and since when: if the cell comes to write the pin
    /// instead, it still does.
    before: (Option<u32>, Pos),
}

/// What is known of an accumulator.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accumulator {
    /// The slot whose value it holds.
    holds: Option<u32>,
    /// The cell that made the value, if it has not been written to the slot.
    pending: Option<Pending>,
    /// Where in the code this became so.
    since: Pos,
}

impl Accumulator {
    pub(super) fn pending_cell(&self) -> Option<Pos> {
        Some(self.pending?.cell)
    }

    /// The pending cell and its handlers.
    pub(super) fn pending(&self) -> Option<(Pos, &'static Dests)> {
        self.pending.map(|pending| (pending.cell, pending.dests))
    }

    pub(super) fn since(&self) -> Pos {
        self.since
    }
}

/// The registers as the translator knows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    accs: [Accumulator; 3],
    /// The accumulator of vectors: it has a copy of what the slot and the one after it hold, which
    /// are always written.
    vector: Accumulator,
    /// The local that each bank's pin holds. The float banks share one load of pins, so at most
    /// one of them has a local.
    pub(super) pins: Pins,
}

/// How many entries may be locals still to be read; more are materialised.
const MAX_LAZY_LOCALS: usize = 32;

/// The operand stack.
#[derive(Debug, Default)]
pub(super) struct Stack {
    entries: Vec<Entry>,
    /// Indices of the entries that have yet to read locals, ascending.
    lazy_locals: Vec<u32>,
    /// The most entries there ever were.
    max_height: u32,
}

impl Stack {
    /// Forgets the function before.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.lazy_locals.clear();
        self.max_height = 0;
    }

    pub(super) fn height(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(super) fn max_height(&self) -> u32 {
        self.max_height
    }

    /// Makes sure that the frame has room for that many entries.
    pub(super) fn reserve(&mut self, height: u32) {
        self.max_height = self.max_height.max(height);
    }

    pub(super) fn push(&mut self, value: Value, bank: Bank) {
        self.entries.push(Entry { value, bank, is_high: false });
        self.reserve(self.height());
    }

    /// Makes the top two entries a vector.
    pub(super) fn join(&mut self) {
        if let Some(top) = self.entries.last_mut() {
            top.is_high = true;
        }
    }

    /// Whether the value that many entries below the top is a vector.
    pub(super) fn is_vector(&self, depth: u32) -> bool {
        self.peek(depth).is_high
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop()?;
        if entry.value.reads_locals() {
            self.lazy_locals.pop();
        }
        Some(entry)
    }

    /// Forgets the entries above a height.
    pub(super) fn truncate(&mut self, height: u32) {
        steps::count(self.entries.len() - height as usize);
        self.entries.truncate(height as usize);
        while self.lazy_locals.last().is_some_and(|&index| index >= height) {
            self.lazy_locals.pop();
        }
    }

    /// The entry that many places below the top.
    pub(super) fn peek(&self, depth: u32) -> Entry {
        self.entries[self.entries.len() - 1 - depth as usize]
    }
}

impl Translator<'_> {
    /// The slot of the stack entry with an index.
    pub(super) fn temp_slot(&self, index: u32) -> u32 {
        self.function.temp_base + index
    }

    /// Pushes a local, to be read when needed.
    pub(super) fn push_local(&mut self, local: u32) {
        self.push_slot(local, self.local_bank(local));
    }

    /// Pushes the slot of a local, or of half of one, to be read when needed.
    pub(super) fn push_slot(&mut self, slot: u32, bank: Bank) {
        self.push_lazy(Value::Local(slot), bank);
    }

    /// Pushes an entry that reads locals when it is needed.
    fn push_lazy(&mut self, value: Value, bank: Bank) {
        if self.buffers.stack.lazy_locals.len() >= MAX_LAZY_LOCALS {
            self.materialise_oldest_local();
        }
        let index = self.buffers.stack.height();
        self.buffers.stack.push(value, bank);
        self.buffers.stack.lazy_locals.push(index);
    }

    #[cold]
    fn materialise_oldest_local(&mut self) {
        let oldest = self.buffers.stack.lazy_locals.remove(0);
        self.materialise_entry(oldest);
    }

    /// Replaces the two entries on top by their sum, still to be made, if they allow it.
    pub(super) fn push_sum(&mut self) -> bool {
        if !(self.function.options.optimizations.fuse && self.function.options.optimizations.fold) {
            return false;
        }
        let (local, addend) =
            match (self.buffers.stack.peek(1).value, self.buffers.stack.peek(0).value) {
                (Value::Local(local), Value::Const(bits))
                | (Value::Const(bits), Value::Local(local)) => (local, Addend::Const(bits as u32)),
                (Value::Local(left), Value::Local(right)) => (left, Addend::Local(right)),
                _ => return false,
            };
        self.buffers.stack.pop();
        self.buffers.stack.pop();
        self.push_lazy(Value::Sum(local, addend), Bank::Int);
        true
    }

    /// The operands of the entry on top, a constant second, if it is a sum still to be made.
    pub(super) fn peek_sum(&self) -> Option<(Operand, Operand)> {
        let entry = self.buffers.stack.entries.last()?;
        let Value::Sum(local, addend) = entry.value else { return None };
        let right = match addend {
            Addend::Local(local) => self.local_operand(local, Bank::Int),
            Addend::Const(bits) => Operand::Const(u64::from(bits)),
        };
        Some((self.local_operand(local, Bank::Int), right))
    }

    /// Takes the entry on top if it is a sum still to be made, with its operands.
    pub(super) fn pop_sum(&mut self) -> Option<(Operand, Operand)> {
        let operands = self.peek_sum()?;
        self.buffers.stack.pop();
        Some(operands)
    }

    /// Writes a sum to a slot, without changing a register.
    fn move_sum(&mut self, slot: u32, local: u32, addend: Addend) {
        self.forget_slot(slot);
        let a = self.reach(local, 1);
        let d = self.reach(slot, 0);
        let (handler, b) = match addend {
            Addend::Const(bits) => (handler::<MoveSum<ImmB>>(), bits),
            Addend::Local(right) => (handler::<MoveSum<SlotB>>(), u32::from(self.reach(right, 2))),
        };
        self.buffers.emit.cell(handler, Fields { a, d, b, wide: None });
    }

    /// Pops two operands, the left one first.
    pub(super) fn pop_two(&mut self) -> (Operand, Operand) {
        let right = self.pop();
        (self.pop(), right)
    }

    /// Pops an operand; where it is stays true until the next cell that writes a register, and
    /// popping another operand makes none.
    pub(super) fn pop(&mut self) -> Operand {
        if matches!(self.buffers.stack.peek(0).value, Value::Sum(..)) {
            self.materialise_top(1);
        }
        let entry = self.buffers.stack.peek(0);
        self.buffers.stack.pop();
        let operand = self.operand_at(entry, self.buffers.stack.height());
        if operand == Operand::Acc && entry.value == Value::Temp {
            self.function.registers.accs[entry.bank as usize].pending = None;
        }
        operand
    }

    /// Pops an operand with the bank it belongs to.
    pub(super) fn pop_entry(&mut self) -> (Operand, Bank) {
        let bank = self.buffers.stack.peek(0).bank;
        (self.pop(), bank)
    }

    /// Pops an operand into a slot.
    pub(super) fn pop_slot(&mut self) -> u32 {
        let index = self.buffers.stack.height() - 1;
        if let Value::Local(local) = self.buffers.stack.peek(0).value {
            self.buffers.stack.pop();
            return local;
        }
        self.materialise_top(1);
        self.buffers.stack.pop();
        self.temp_slot(index)
    }

    /// Puts an operand that was just popped, and is not in a register, in a slot.
    pub(super) fn slot_of(&mut self, operand: Operand, bank: Bank, own: u32) -> u32 {
        match operand {
            Operand::Slot(slot) => slot as u32,
            other => {
                self.move_to(own, other, bank);
                own
            }
        }
    }

    /// Writes the entry with an index to its own slot, unless it is there.
    pub(super) fn materialise_entry(&mut self, index: u32) {
        let entry = self.buffers.stack.entries[index as usize];
        let own = self.temp_slot(index);
        match entry.value {
            Value::Temp => {
                if self.function.registers.accs[entry.bank as usize].holds == Some(own) {
                    self.write_through(entry.bank);
                }
            }
            Value::Const(bits) => self.move_to(own, Operand::Const(bits), entry.bank),
            Value::Local(local) => {
                let operand = self.local_operand(local, entry.bank);
                self.move_to(own, operand, entry.bank);
            }
            Value::Sum(local, addend) => self.move_sum(own, local, addend),
        }
        self.buffers.stack.entries[index as usize].value = Value::Temp;
    }

    /// Copies the entry with an index to the slot of another, or its own; the entry stays what
    /// it is.
    pub(super) fn copy_entry(&mut self, index: u32, to: u32) {
        if let Value::Sum(local, addend) = self.buffers.stack.entries[index as usize].value {
            self.move_sum(self.temp_slot(to), local, addend);
            return;
        }
        let (operand, bank) = self.peek_operand(index);
        let is_temp = self.buffers.stack.entries[index as usize].value == Value::Temp;
        if index != to || !is_temp {
            self.move_to(self.temp_slot(to), operand, bank);
        } else if operand == Operand::Acc {
            self.write_through(bank);
        }
    }

    /// Writes the top `count` entries to their own slots.
    pub(super) fn materialise_top(&mut self, count: u32) {
        let height = self.buffers.stack.height();
        steps::count(count as usize + self.buffers.stack.lazy_locals.len());
        for index in height - count..height {
            self.materialise_entry(index);
        }
        self.buffers.stack.lazy_locals.retain(|&index| index < height - count);
    }

    /// Writes every local still to be read to its own slot.
    pub(super) fn materialise_locals(&mut self) {
        steps::count(self.buffers.stack.lazy_locals.len());
        for at in 0..self.buffers.stack.lazy_locals.len() {
            self.materialise_entry(self.buffers.stack.lazy_locals[at]);
        }
        self.buffers.stack.lazy_locals.clear();
    }

    /// Writes every entry that is `local`, still to be read, to its own slot.
    pub(super) fn materialise_reads_of(&mut self, local: u32) {
        let mut at = 0;
        steps::count(self.buffers.stack.lazy_locals.len());
        while let Some(&index) = self.buffers.stack.lazy_locals.get(at) {
            if self.buffers.stack.entries[index as usize].value.reads(local) {
                self.materialise_entry(index);
                self.buffers.stack.lazy_locals.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Takes the top entry away if it is a constant or a local still to be read.
    pub(super) fn set_aside_lazy(&mut self) -> Option<Entry> {
        match self.buffers.stack.entries.last()?.value {
            Value::Temp | Value::Sum(..) => None,
            Value::Local(_) | Value::Const(_) => self.buffers.stack.pop(),
        }
    }

    /// Puts back an entry that was set aside.
    pub(super) fn put_back(&mut self, entry: Entry) {
        match entry.value {
            Value::Local(_) => self.push_lazy(entry.value, entry.bank),
            _ => self.buffers.stack.push(entry.value, entry.bank),
        }
    }

    /// Where an entry that was set aside is read from.
    pub(super) fn operand_of(&self, entry: Entry) -> Operand {
        match entry.value {
            Value::Const(bits) => Operand::Const(bits),
            Value::Local(local) => self.local_operand(local, entry.bank),
            Value::Temp | Value::Sum(..) => unreachable!("only what needs no code is set aside"),
        }
    }

    /// Where the entry with an index is read from; it stays on the stack.
    pub(super) fn peek_operand(&self, index: u32) -> (Operand, Bank) {
        let entry = self.buffers.stack.entries[index as usize];
        (self.operand_at(entry, index), entry.bank)
    }

    /// Where an entry is read from that is or was at an index.
    #[inline]
    fn operand_at(&self, entry: Entry, index: u32) -> Operand {
        let own = self.temp_slot(index);
        match entry.value {
            Value::Const(bits) => Operand::Const(bits),
            Value::Local(local) => self.local_operand(local, entry.bank),
            Value::Temp if self.function.registers.accs[entry.bank as usize].holds == Some(own) => {
                Operand::Acc
            }
            Value::Temp => Operand::Slot(u64::from(own)),
            Value::Sum(..) => unreachable!("sums are made before they are operands"),
        }
    }

    /// Where the entry on top is read from, to be returned; it stays on the stack.
    pub(super) fn peek_result(&mut self) -> (Operand, Bank) {
        let index = self.buffers.stack.height() - 1;
        if let Value::Sum(local, addend) = self.buffers.stack.peek(0).value {
            self.move_sum(self.temp_slot(index), local, addend);
            return (Operand::Slot(u64::from(self.temp_slot(index))), Bank::Int);
        }
        self.peek_operand(index)
    }

    fn local_operand(&self, local: u32, bank: Bank) -> Operand {
        if self.function.registers.pins[bank as usize] == Some(local) {
            Operand::Pin
        } else if self.function.registers.accs[bank as usize].holds == Some(local) {
            Operand::Acc
        } else {
            Operand::Slot(u64::from(local))
        }
    }

    /// Writes an operand to a slot, without changing a register.
    pub(super) fn move_to(&mut self, slot: u32, operand: Operand, bank: Bank) {
        self.forget_slot(slot);
        if let Some(near) = self.near(slot) {
            self.emit_move(near, operand, bank);
        } else {
            let near = self.far_scratch(0);
            self.emit_move(near, operand, bank);
            self.emit_far_move(slot, u32::from(near));
        }
    }

    fn emit_move(&mut self, d: u16, operand: Operand, bank: Bank) {
        let (handler, fields) = move_slot_handler(bank, self.move_source(operand));
        self.buffers.emit.cell(handler, Fields { d, ..fields });
    }

    /// An operand with its slot, if it is in one, in reach.
    pub(super) fn move_source(&mut self, operand: Operand) -> Operand {
        match operand {
            Operand::Slot(slot) => Operand::Slot(u64::from(self.reach(slot as u32, 1))),
            other => other,
        }
    }

    /// The slot number as a 16-bit operand, if it fits.
    pub(super) fn near(&mut self, slot: u32) -> Option<u16> {
        match u16::try_from(slot) {
            Ok(near) => Some(near),
            Err(_) if self.function.far_frame => None,
            Err(_) => {
                self.function.needs_far_frame = true;
                Some(0)
            }
        }
    }

    /// A slot that 16 bits can name, with the value of `slot`: the slot itself, or the scratch
    /// slot `scratch` after a move.
    pub(super) fn reach(&mut self, slot: u32, scratch: u32) -> u16 {
        if let Some(near) = self.near(slot) {
            return near;
        }
        let near = self.far_scratch(scratch);
        self.emit_far_move(u32::from(near), slot);
        near
    }

    pub(super) fn far_scratch(&self, scratch: u32) -> u16 {
        (self.function.link_slot + 1 + scratch) as u16
    }

    pub(super) fn emit_far_move(&mut self, to: u32, from: u32) {
        let fields = Fields { b: to, wide: Some(u64::from(from)), ..Fields::default() };
        self.buffers.emit.cell(handler::<MoveFar>(), fields);
    }

    /// Exchanges the pending cell's handler for the one that writes the slot too.
    fn write_through(&mut self, bank: Bank) {
        let acc = &mut self.function.registers.accs[bank as usize];
        if let (Some(pending), Some(slot)) = (acc.pending, acc.holds) {
            // A pending slot is near: `define` writes far ones at once.
            self.buffers.emit.redirect(pending.cell, pending.dests.slot, slot as u16);
            acc.pending = None;
        }
    }

    /// Writes through all pending results.
    pub(super) fn write_through_all(&mut self) {
        for bank in [Bank::Int, Bank::F64, Bank::F32] {
            self.write_through(bank);
        }
    }

    /// Writes through all pending results and forgets what the accumulators hold.
    pub(super) fn forget_accumulators(&mut self) {
        self.write_through_all();
        let since = self.buffers.emit.pos();
        self.function.registers.accs = [Accumulator { since, ..Accumulator::default() }; 3];
        self.function.registers.vector = Accumulator { since, ..Accumulator::default() };
    }

    /// Forgets what the accumulators came to hold after `pos`, because a path from there joins.
    pub(super) fn forget_since(&mut self, pos: Pos) {
        self.write_through_all();
        let Registers { accs, vector, .. } = &mut self.function.registers;
        for acc in accs.iter_mut().chain([vector]) {
            if acc.since > pos {
                acc.holds = None;
            }
        }
    }

    /// Forgets that any accumulator holds the value of a slot that is about to change.
    pub(super) fn forget_slot(&mut self, slot: u32) {
        let since = self.buffers.emit.pos();
        for acc in &mut self.function.registers.accs {
            if acc.holds == Some(slot) {
                *acc = Accumulator { since, ..Accumulator::default() };
            }
        }
        let vector = &mut self.function.registers.vector;
        if vector.holds.is_some_and(|low| low == slot || low + 1 == slot) {
            *vector = Accumulator { since, ..Accumulator::default() };
        }
    }

    /// Says that the accumulator of vectors holds what a slot and the one after it hold, or something
    /// else.
    pub(super) fn set_vector(&mut self, slot: Option<u32>) {
        let since = self.buffers.emit.pos();
        self.function.registers.vector = Accumulator { holds: slot, pending: None, since };
    }

    /// Whether the accumulator of vectors holds what a slot and the one after it hold.
    pub(super) fn holds_vector(&self, slot: u32) -> bool {
        self.function.registers.vector.holds == Some(slot)
    }

    /// Says that an accumulator holds what a slot holds: nothing is pending.
    pub(super) fn set_holds(&mut self, bank: Bank, slot: u32) {
        let since = self.buffers.emit.pos();
        self.function.registers.accs[bank as usize] =
            Accumulator { holds: Some(slot), pending: None, since };
    }

    /// Appends a cell with a result, and pushes the result.
    #[inline]
    pub(super) fn define(&mut self, dests: &'static Dests, fields: Fields, bank: Bank) -> Pos {
        self.define_packed(dests, fields.operands(), fields.wide, None, bank)
    }

    /// The same with one more granule behind the others.
    pub(super) fn define_longer(
        &mut self,
        dests: &'static Dests,
        fields: Fields,
        last: u64,
        bank: Bank,
    ) -> Pos {
        self.define_packed(dests, fields.operands(), fields.wide, Some(last), bank)
    }

    fn define_packed(
        &mut self,
        dests: &'static Dests,
        operands: u64,
        wide: Option<u64>,
        last: Option<u64>,
        bank: Bank,
    ) -> Pos {
        let own = self.temp_slot(self.buffers.stack.height());
        self.write_through(bank);
        self.forget_slot(own);
        let before = &self.function.registers.accs[bank as usize];
        let before = (before.holds, before.since);
        let (cell, pending) =
            if self.function.options.optimizations.fold && self.near(own).is_some() {
                let cell = self.buffers.emit.packed_cell(dests.acc, operands, wide);
                self.buffers.emit.granules(last);
                (cell, Some(Pending { cell, dests, before }))
            } else {
                let near = self.near(own);
                let d = near.unwrap_or_else(|| self.far_scratch(0));
                let cell = self.buffers.emit.packed_cell(dests.slot, with_d(operands, d), wide);
                self.buffers.emit.granules(last);
                if near.is_none() {
                    self.emit_far_move(own, u32::from(d));
                }
                (cell, None)
            };
        let since = self.buffers.emit.pos();
        self.function.registers.accs[bank as usize] =
            Accumulator { holds: Some(own), pending, since };
        self.buffers.stack.push(Value::Temp, bank);
        self.function.last = Some(Last { cell, made: Made::Scalar });
        cell
    }

    /// The accumulator that holds the top entry, if one does.
    pub(super) fn top_accumulator(&self) -> Option<&Accumulator> {
        let entry = self.buffers.stack.entries.last()?;
        let own = self.temp_slot(self.buffers.stack.height() - 1);
        let acc = &self.function.registers.accs[entry.bank as usize];
        (entry.value == Value::Temp && acc.holds == Some(own)).then_some(acc)
    }

    /// Says again what is known of the accumulator of a bank.
    pub(super) fn set_accumulator(&mut self, bank: Bank, accumulator: Accumulator) {
        self.function.registers.accs[bank as usize] = accumulator;
    }

    /// What is known of the accumulator of a bank.
    pub(super) fn accumulator(&self, bank: Bank) -> Accumulator {
        self.function.registers.accs[bank as usize]
    }

    /// Drops the entry on top.
    pub(super) fn drop_top(&mut self) {
        if self.pop_sum().is_none() {
            self.pop();
        }
    }

    /// Pops a value into a local.
    pub(super) fn pop_to_local(&mut self, local: u32) {
        let bank = self.buffers.stack.peek(0).bank;
        let pinned = self.function.registers.pins[bank as usize] == Some(local);
        // Saving what still reads the local comes first; it must not come between the result's
        // cell and the local, so then the result is moved.
        let pending = self.last_result().and(self.function.registers.accs[bank as usize].pending);
        let before = self.buffers.emit.pos();
        let (operand, _) = self.pop_entry();
        self.materialise_reads_of(local);
        if let Some(pending) = pending
            && self.buffers.emit.pos() == before
        {
            self.redirect(pending, bank, local, pinned);
            return;
        }
        self.forget_slot(local);
        let operand = self.move_source(operand);
        if operand == Operand::Pin && pinned || operand == Operand::Slot(u64::from(local)) {
            return;
        }
        let (handler, fields) =
            if pinned { move_pin_handler(bank, operand) } else { move_slot_handler(bank, operand) };
        self.buffers.emit.cell(handler, Fields { d: local as u16, ..fields });
        if operand == Operand::Acc && !pinned {
            self.set_holds(bank, local);
        }
    }

    /// Makes a pending cell write a local instead of its slot.
    fn redirect(&mut self, pending: Pending, bank: Bank, local: u32, pinned: bool) {
        self.forget_slot(local);
        if pinned {
            self.buffers.emit.redirect(pending.cell, pending.dests.pin, local as u16);
            let (holds, since) = pending.before;
            let holds = holds.filter(|&slot| slot != local);
            self.function.registers.accs[bank as usize] =
                Accumulator { holds, pending: None, since };
        } else {
            self.buffers.emit.redirect(pending.cell, pending.dests.slot, local as u16);
            self.set_holds(bank, local);
        }
        self.function.last = None;
    }
}
