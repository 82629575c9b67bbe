//! Translates operations that make vectors of numbers, and take numbers out of them.

use std::marker::PhantomData;

use super::moves::{VectorSources, vector_sources};
use crate::exec::vector::lanes::{Extract, Replace, SplatOp};
use crate::machine::operand::{Acc, Pin, SlotA, SlotBHigh, SlotValue, Src};
use crate::machine::{Handler, Vector, handler};
use crate::op::vector::{ExtractLane, ReplaceLane, Splat};
use crate::translate::Translator;
use crate::translate::emit::Fields;
use crate::translate::scalar::halves;
use crate::translate::stack::Operand;
use crate::translate::tables::{Dests, dests};

/// Handlers of `extract_lane`.
struct ExtractTable<O>(PhantomData<O>);

impl<O: ExtractLane> ExtractTable<O> {
    const fn dests<A: Src<Vector>>() -> Dests {
        dests!(Extract<O, A>)
    }

    const BY_SOURCE: &'static VectorSources<Dests> = &vector_sources!(dests);
}

/// Handlers of `replace_lane` with the number of class `S`.
struct ReplaceTable<O, S>(PhantomData<(O, S)>);

impl<O: ReplaceLane, S: Src<O::In>> ReplaceTable<O, S> {
    const fn by_source<A: Src<Vector>>() -> Handler {
        handler::<Replace<O, A, S>>()
    }

    const BY_SOURCE: &'static VectorSources<Handler> = &vector_sources!(by_source);
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
        let (source, a) = self.vector_source(x, 1);
        let fields = Fields { a, b: u32::from(lane), ..Fields::default() };
        self.define(ExtractTable::<O>::BY_SOURCE.at(source), fields, O::Out::BANK);
    }

    pub(in crate::translate) fn replace_lane<O: ReplaceLane>(&mut self, lane: u8) {
        let value = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let value = match value {
            Operand::Const(_) => Operand::Slot(u64::from(self.slot_of(value, O::In::BANK, own))),
            other => other,
        };
        let x = self.pop_vector();
        let (handlers, value) = match value {
            Operand::Acc => (ReplaceTable::<O, Acc>::BY_SOURCE, 0),
            Operand::Pin => (ReplaceTable::<O, Pin>::BY_SOURCE, 0),
            Operand::Slot(slot) => {
                (ReplaceTable::<O, SlotBHigh>::BY_SOURCE, self.reach(slot as u32, 1))
            }
            Operand::Const(_) => unreachable!("constants went to a slot"),
        };
        let b = u32::from_ne_bytes(halves(u16::from(lane), value));
        let (source, a) = self.vector_source(x, 1);
        self.define_vector(*handlers.at(source), Fields { a, b, ..Fields::default() }, &[]);
    }
}
