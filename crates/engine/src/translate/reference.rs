//! Translates operations on references of any kind.

use super::Translator;
use super::scalar::Jump;
use super::stack::Value;
use super::tables::{BySource, by_source};
use super::variable::pick_by_source;
use crate::exec::reference::{CheckNonNull, Throw, ThrowRef};
use crate::machine::Bank;
use crate::runtime::slots::slot_count;

const CHECK_NON_NULL: BySource = by_source!(CheckNonNull [] []);

impl Translator<'_> {
    pub(super) fn ref_as_non_null(&mut self) {
        // What the entry is stays true; the check only comes before whatever uses it.
        let (operand, _) = self.peek_operand(self.buffers.stack.height() - 1);
        let operand = self.move_source(operand);
        let (handler, fields) = pick_by_source(&CHECK_NON_NULL, operand);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, fields);
    }

    pub(super) fn throw(&mut self, tag: u32) {
        let ty = self.parts.type_as_func(self.parts.tags[tag as usize]);
        self.write_through_all();
        self.slow::<Throw>(tag, slot_count(ty.params()) as u32);
        self.set_dead();
    }

    pub(super) fn throw_ref(&mut self) {
        self.slow::<ThrowRef>(0, 0);
        self.set_dead();
    }

    pub(super) fn br_on_null(&mut self, depth: u32) {
        let target = self.target(depth);
        // The reference is above what the branch carries, and on top again behind it.
        let is_null = self.null_test(self.arity(target) + 1);
        self.buffers.stack.truncate(self.buffers.stack.height() - 1);
        self.branch_if(target, is_null);
        self.buffers.stack.push(Value::Temp, Bank::Int);
    }

    pub(super) fn br_on_non_null(&mut self, depth: u32) {
        let target = self.target(depth);
        let Jump { if_true, if_false, fields } = self.null_test(self.arity(target));
        self.branch_if(target, Jump { if_true: if_false, if_false: if_true, fields });
        self.buffers.stack.truncate(self.buffers.stack.height() - 1);
    }

    /// A branch on whether the top entry, which goes to its slot, is null. It and what the branch
    /// carries are the top `count` entries.
    fn null_test(&mut self, count: u32) -> Jump {
        // Of a far frame, materialising later would need the scratch slot of the operand.
        self.materialise_top(if self.function.far_frame { count } else { 1 });
        let slot = self.temp_slot(self.buffers.stack.height() - 1);
        self.test_slot(slot)
    }
}
