//! Translates operations that make vectors of numbers, and take numbers out of them.

use std::marker::PhantomData;

use crate::exec::vector::lanes::{Extract, Replace, SplatOp};
use crate::machine::handler;
use crate::machine::operand::{Acc, Pin, SlotA, SlotBHigh, SlotValue};
use crate::op::vector::{ExtractLane, ReplaceLane, Splat};
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::scalar::halves;
use crate::translate::stack::Operand;
use crate::translate::tables::{Dests, dests};

/// Handlers of `extract_lane`.
struct ExtractTable<O>(PhantomData<O>);

impl<O: ExtractLane> ExtractTable<O> {
    const DESTS: &'static Dests = &dests!(Extract<O>);
}

impl Translator<'_> {
    pub(in crate::translate) fn splat_operand<O: Splat>(&mut self) {
        let fields = Fields::default();
        let (handler, fields) = match self.pop() {
            Operand::Const(bits) => {
                let vector = O::eval(O::In::from_slot(bits));
                self.vector_constant(u128::from_le_bytes(vector));
                return;
            }
            Operand::Slot(slot) => {
                (handler::<SplatOp<O, SlotA>>(), Fields { a: self.reach(slot as u32, 1), ..fields })
            }
            Operand::Acc => (handler::<SplatOp<O, Acc>>(), fields),
            Operand::Pin => (handler::<SplatOp<O, Pin>>(), fields),
        };
        self.define_vector(handler, fields, &[]);
    }

    pub(in crate::translate) fn extract_lane<O: ExtractLane>(&mut self, lane: u8) {
        let x = self.pop_vector();
        let fields = Fields { a: self.reach_vector(x, 1), b: u32::from(lane), ..Fields::default() };
        self.define(ExtractTable::<O>::DESTS, fields, O::Out::BANK);
    }

    pub(in crate::translate) fn replace_lane<O: ReplaceLane>(&mut self, lane: u8) {
        let value = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let value = match value {
            Operand::Const(_) => Operand::Slot(u64::from(self.slot_of(value, O::In::BANK, own))),
            other => other,
        };
        let x = self.pop_vector();
        let (handler, value) = match value {
            Operand::Acc => (handler::<Replace<O, Acc>>(), 0),
            Operand::Pin => (handler::<Replace<O, Pin>>(), 0),
            Operand::Slot(slot) => (handler::<Replace<O, SlotBHigh>>(), self.reach(slot as u32, 1)),
            Operand::Const(_) => unreachable!("constants went to a slot"),
        };
        let b = u32::from_ne_bytes(halves(u16::from(lane), value));
        let fields = Fields { a: self.reach_vector(x, 1), b, ..Fields::default() };
        self.define_vector(handler, fields, &[]);
    }
}
