//! Translates vectors as values: constants, locals, globals and `select`.
//!
//! A vector is two entries of the operand stack, and two slots, its low half first. Each half is
//! moved like an integer of its own by whatever only moves values: branches, calls, blocks.
//! Operations on vectors find both halves one after the other. Their result goes straight to its
//! slots, or to those of a local, and to the accumulator of vectors, where the next operation may
//! find it.

use lineal_decoder::ValType;

use crate::exec::vector::moves as vector;
use crate::machine::operand::{Acc, Pin, SlotA, SlotBHigh, Src};
use crate::machine::{Bank, Handler, Vector, handler};
use crate::runtime::slots::vector_slots;
use crate::translate::emit::{Fields, Pos};
use crate::translate::last::{Last, Made};
use crate::translate::scalar::halves;
use crate::translate::stack::{Operand, Value};
use crate::translate::tables::table;
use crate::translate::{Translator, bank_of};

/// A vector that was popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VectorOperand {
    /// In a slot and the one after it.
    Slot(u32),
    /// A constant: low half, high half.
    Const(u64, u64),
}

table! {
    /// Where a vector is.
    VectorSource, VectorSources, vector_sources:
    Slot slot: SlotA;
    Acc acc: Acc;
}

/// Handlers of moves by source.
struct MoveTable;

impl MoveTable {
    const fn to_slot<A: Src<Vector>>() -> Handler {
        handler::<vector::VectorMove<A>>()
    }

    const TO_SLOT: &'static VectorSources<Handler> = &vector_sources!(to_slot);

    const fn to_global<A: Src<Vector>>() -> Handler {
        handler::<vector::VectorGlobalSet<A>>()
    }

    const TO_GLOBAL: &'static VectorSources<Handler> = &vector_sources!(to_global);
}

impl Translator<'_> {
    /// Pushes a value of a type that is in its own slots.
    pub(in crate::translate) fn push_temp(&mut self, ty: ValType) {
        self.buffers.stack.push(Value::Temp, bank_of(ty));
        if ty == ValType::V128 {
            self.buffers.stack.push(Value::Temp, Bank::Int);
            self.buffers.stack.join();
        }
    }

    pub(in crate::translate) fn drop_value(&mut self) {
        if self.buffers.stack.is_vector(0) {
            self.pop();
        }
        self.drop_top();
    }

    /// Pushes the vector in a slot and the one after it, to be read when needed.
    pub(in crate::translate) fn push_vector_local(&mut self, slot: u32) {
        self.push_slot(slot, Bank::Int);
        self.push_slot(slot + 1, Bank::Int);
        self.buffers.stack.join();
    }

    pub(in crate::translate) fn vector_constant(&mut self, value: u128) {
        for half in vector_slots(value) {
            self.constant(half, Bank::Int);
        }
        self.buffers.stack.join();
    }

    /// The slot of the vector on top, which stays there.
    pub(in crate::translate) fn peek_vector(&mut self) -> u32 {
        match (self.buffers.stack.peek(1).value, self.buffers.stack.peek(0).value) {
            (Value::Local(slot), Value::Local(next)) if next == slot + 1 => slot,
            _ => {
                self.materialise_top(2);
                self.temp_slot(self.buffers.stack.height() - 2)
            }
        }
    }

    fn pop_vector_operand(&mut self) -> VectorOperand {
        let operand = match (self.buffers.stack.peek(1).value, self.buffers.stack.peek(0).value) {
            (Value::Const(low), Value::Const(high)) => VectorOperand::Const(low, high),
            _ => VectorOperand::Slot(self.peek_vector()),
        };
        self.buffers.stack.pop();
        self.buffers.stack.pop();
        operand
    }

    /// Pops a vector into a slot and the one after it.
    pub(in crate::translate) fn pop_vector(&mut self) -> u32 {
        match self.pop_vector_operand() {
            VectorOperand::Slot(slot) => slot,
            constant => {
                let own = self.temp_slot(self.buffers.stack.height());
                self.move_vector(own, constant);
                own
            }
        }
    }

    /// Pops a vector into a local.
    pub(in crate::translate) fn pop_vector_to_local(&mut self, slot: u32) {
        let result = self.last_vector();
        let before = self.buffers.emit.pos();
        let operand = self.pop_vector_operand();
        self.materialise_reads_of(slot);
        self.materialise_reads_of(slot + 1);
        match (result, u16::try_from(slot + 1)) {
            // A far frame writes far results at once, so they have no last cell.
            (Some(cell), Ok(_)) if self.buffers.emit.pos() == before => {
                self.buffers.emit.set_d(cell, slot as u16);
                self.function.last = None;
                self.forget_slot(slot);
                self.forget_slot(slot + 1);
                self.set_vector(Some(slot));
            }
            _ => self.move_vector(slot, operand),
        }
    }

    fn move_vector(&mut self, to: u32, operand: VectorOperand) {
        match operand {
            VectorOperand::Slot(from) if from == to => {}
            VectorOperand::Slot(from) => {
                let (source, a) = self.vector_source(from, 1);
                let handler = *MoveTable::TO_SLOT.at(source);
                self.vector_cell(to, handler, Fields { a, ..Fields::default() }, &[]);
            }
            VectorOperand::Const(low, high) => {
                let fields = Fields { wide: Some(low), ..Fields::default() };
                self.vector_cell(to, handler::<vector::VectorConstant>(), fields, &[high]);
            }
        }
    }

    /// [`Self::reach`] for both halves of a vector.
    pub(in crate::translate) fn reach_vector(&mut self, slot: u32, scratch: u32) -> u16 {
        if self.near(slot + 1).is_some() {
            return slot as u16;
        }
        let near = self.far_scratch(2 * scratch);
        self.emit_far_move(u32::from(near), slot);
        self.emit_far_move(u32::from(near) + 1, slot + 1);
        near
    }

    /// Where the vector in a slot and the one after it is read from, and how a cell names it.
    pub(in crate::translate) fn vector_source(
        &mut self,
        slot: u32,
        scratch: u32,
    ) -> (VectorSource, u16) {
        if self.holds_vector(slot) {
            (VectorSource::Acc, 0)
        } else {
            (VectorSource::Slot, self.reach_vector(slot, scratch))
        }
    }

    /// Appends a cell that writes a vector to a slot and the one after it, and to the accumulator of
    /// vectors.
    fn vector_cell(&mut self, slot: u32, handler: Handler, fields: Fields, more: &[u64]) -> Pos {
        let cell = self.pair_cell(slot, handler, fields, more);
        let is_near = self.near(slot + 1).is_some();
        self.set_vector(is_near.then_some(slot));
        cell
    }

    /// Appends a cell that writes a slot and the one after it.
    fn pair_cell(&mut self, slot: u32, handler: Handler, fields: Fields, more: &[u64]) -> Pos {
        self.forget_slot(slot);
        self.forget_slot(slot + 1);
        let is_near = self.near(slot + 1).is_some();
        let d = if is_near { slot as u16 } else { self.far_scratch(0) };
        let cell = self.buffers.emit.cell(handler, Fields { d, ..fields });
        for &granule in more {
            self.buffers.emit.granule(granule);
        }
        if !is_near {
            self.emit_far_move(slot, u32::from(d));
            self.emit_far_move(slot + 1, u32::from(d) + 1);
        }
        cell
    }

    /// Appends a cell with a vector as its result, and pushes the result. `more` are granules
    /// behind those of the fields.
    pub(in crate::translate) fn define_vector(
        &mut self,
        handler: Handler,
        fields: Fields,
        more: &[u64],
    ) {
        let own = self.temp_slot(self.buffers.stack.height());
        let cell = self.vector_cell(own, handler, fields, more);
        self.push_temp(ValType::V128);
        let is_near = self.near(own + 1).is_some();
        let made = Made::Vector { slot: own, end: self.buffers.emit.pos() };
        self.function.last = is_near.then_some(Last { cell, made });
    }

    /// Appends a cell with two integers as its results, in neighbouring slots, and pushes them.
    pub(in crate::translate) fn define_two(&mut self, handler: Handler, fields: Fields) {
        let own = self.temp_slot(self.buffers.stack.height());
        self.pair_cell(own, handler, fields, &[]);
        self.buffers.stack.push(Value::Temp, Bank::Int);
        self.buffers.stack.push(Value::Temp, Bank::Int);
    }

    pub(in crate::translate) fn vector_global_get(&mut self, global: u32) {
        let fields = Fields { b: global, ..Fields::default() };
        self.define_vector(handler::<vector::VectorGlobalGet>(), fields, &[]);
    }

    pub(in crate::translate) fn vector_global_set(&mut self, global: u32) {
        let slot = self.pop_vector();
        let (source, a) = self.vector_source(slot, 1);
        let fields = Fields { a, b: global, ..Fields::default() };
        self.buffers.emit.cell(*MoveTable::TO_GLOBAL.at(source), fields);
    }

    /// `select` between vectors.
    pub(in crate::translate) fn select_vector(&mut self) {
        let condition = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let condition = match condition {
            Operand::Const(_) => Operand::Slot(u64::from(self.slot_of(condition, Bank::Int, own))),
            other => other,
        };
        let second = self.pop_vector();
        let first = self.pop_vector();
        let (handler, condition) = match condition {
            Operand::Acc => (handler::<vector::VectorSelect<Acc>>(), 0),
            Operand::Pin => (handler::<vector::VectorSelect<Pin>>(), 0),
            Operand::Slot(slot) => {
                (handler::<vector::VectorSelect<SlotBHigh>>(), self.reach(slot as u32, 1))
            }
            Operand::Const(_) => unreachable!("constants went to a slot"),
        };
        let (a, second) = (self.reach_vector(first, 1), self.reach_vector(second, 2));
        let b = u32::from_ne_bytes(halves(second, condition));
        self.define_vector(handler, Fields { a, b, d: 0, wide: None }, &[]);
    }

    /// Zeroes the locals that lie after the return address.
    pub(in crate::translate) fn zero_far_locals(&mut self) {
        let count = self.buffers.locals.far_count();
        if count > 0 {
            let first = self.function.temp_base - count;
            let fields = Fields { b: first, wide: Some(u64::from(count)), ..Fields::default() };
            self.buffers.emit.cell(handler::<vector::ZeroFar>(), fields);
        }
    }
}
