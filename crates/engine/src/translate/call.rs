//! Translates calls: arguments go to their own slots, where the callee's frame begins.

use lineal_decoder::{FuncType, ValType};

use super::emit::Fields;
use super::stack::Operand;
use super::tables::{BySource, by_source};
use super::variable::pick_by_source;
use super::{Translator, bank_of};
use crate::exec::call::{
    Call, CallImport, CallIndirect, CallMeta, CallRef, ReturnCall, ReturnCallImport,
    ReturnCallIndirect, ReturnCallRef, TailMeta,
};
use crate::machine::operand::SlotA;
use crate::machine::{Bank, handler};
use crate::runtime::slots::slot_count;

/// Handlers of indirect calls by where the index or the reference is; a constant went to a slot.
macro_rules! by_callee {
    ($op:ident $(, $index:ty)?) => {
        by_source!($op [] [$($index)?] SlotA, SlotA)
    };
}

impl Translator<'_> {
    /// Puts the arguments of a call in place and pops them; the metadata for its cell.
    fn pop_args(&mut self, ty: &FuncType) -> CallMeta {
        let count = slot_count(ty.params()) as u32;
        self.materialise_top(count);
        let height = self.buffers.stack.height() - count;
        self.buffers.stack.truncate(height);
        self.forget_accumulators();
        let (int_pin, float_pin) = self.pin_slots();
        CallMeta { delta: self.temp_slot(height), int_pin, float_pin }
    }

    /// The same for a tail call.
    fn pop_tail_args(&mut self, ty: &FuncType) -> TailMeta {
        if self.reports_returns() {
            self.observe_return(0, 0, true);
        }
        let meta = self.pop_args(ty);
        let count = slot_count(ty.params()) as u16;
        TailMeta { first: meta.delta, count, link: self.function.link_slot as u16 }
    }

    /// Pushes the results of a call; the only one is in its accumulator too.
    fn push_call_results(&mut self, ty: &FuncType) {
        if let [result] = *ty.results()
            && result != ValType::V128
        {
            self.set_holds(bank_of(result), self.temp_slot(self.buffers.stack.height()));
        }
        for &result in ty.results() {
            self.push_temp(result);
        }
    }

    /// The address of the entry of one of the module's functions; `None` for an imported one.
    fn entry(&self, func: u32) -> Option<u64> {
        let index = func.checked_sub(self.parts.imported_funcs)?;
        let entry: *const _ = self.module.entry(index);
        Some(entry.expose_provenance() as u64)
    }

    pub(super) fn call(&mut self, func: u32) {
        let ty = self.parts.func_type(func);
        let meta = self.pop_args(ty).to_granule();
        self.buffers.emit.site();
        match self.entry(func) {
            Some(entry) => {
                self.buffers.emit.packed_cell(handler::<Call>(), entry, Some(meta));
            }
            None => {
                let fields = Fields { b: func, wide: Some(meta), ..Fields::default() };
                self.buffers.emit.cell(handler::<CallImport>(), fields);
            }
        }
        self.push_call_results(ty);
    }

    pub(super) fn return_call(&mut self, func: u32) {
        let ty = self.parts.func_type(func);
        let meta = self.pop_tail_args(ty).to_granule();
        self.buffers.emit.site();
        match self.entry(func) {
            Some(entry) => {
                self.buffers.emit.packed_cell(handler::<ReturnCall>(), entry, Some(meta));
            }
            None => {
                let fields = Fields { b: func, wide: Some(meta), ..Fields::default() };
                self.buffers.emit.cell(handler::<ReturnCallImport>(), fields);
            }
        }
        self.set_dead();
    }

    /// Pops the index of an indirect call, or the reference of a call by one, before its arguments.
    fn pop_callee(&mut self, ty: &FuncType) -> Operand {
        let args = slot_count(ty.params()) as u32;
        if self.function.far_frame {
            // Materialising the arguments later would need the scratch slot the index is in.
            self.materialise_top(args + 1);
        }
        let index = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        self.materialise_top(args);
        match index {
            Operand::Acc | Operand::Pin => index,
            other => {
                let slot = self.slot_of(other, Bank::Int, own);
                Operand::Slot(u64::from(self.reach(slot, 1)))
            }
        }
    }

    /// Appends an indirect call.
    fn indirect(
        &mut self,
        [table32, table64]: [BySource; 2],
        index: Operand,
        ty: u32,
        table_index: u32,
        meta: u64,
    ) {
        let table = if self.is_table64(table_index) { table64 } else { table32 };
        let (handler, fields) = pick_by_source(&table, index);
        let ty = u64::from(self.module.types[ty as usize].0);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { b: table_index, wide: Some(ty), ..fields });
        self.buffers.emit.granule(meta);
    }

    pub(super) fn call_indirect(&mut self, type_index: u32, table: u32) {
        let ty = self.parts.type_as_func(type_index);
        let index = self.pop_callee(ty);
        let meta = self.pop_args(ty).to_granule();
        let handlers = [by_callee!(CallIndirect, u32), by_callee!(CallIndirect, u64)];
        self.indirect(handlers, index, type_index, table, meta);
        self.push_call_results(ty);
    }

    pub(super) fn return_call_indirect(&mut self, type_index: u32, table: u32) {
        let ty = self.parts.type_as_func(type_index);
        let index = self.pop_callee(ty);
        let meta = self.pop_tail_args(ty).to_granule();
        let handlers = [by_callee!(ReturnCallIndirect, u32), by_callee!(ReturnCallIndirect, u64)];
        self.indirect(handlers, index, type_index, table, meta);
        self.set_dead();
    }

    pub(super) fn call_ref(&mut self, type_index: u32) {
        let ty = self.parts.type_as_func(type_index);
        let callee = self.pop_callee(ty);
        let meta = self.pop_args(ty).to_granule();
        let (handler, fields) = pick_by_source(&by_callee!(CallRef), callee);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { wide: Some(meta), ..fields });
        self.push_call_results(ty);
    }

    pub(super) fn return_call_ref(&mut self, type_index: u32) {
        let ty = self.parts.type_as_func(type_index);
        let callee = self.pop_callee(ty);
        let meta = self.pop_tail_args(ty).to_granule();
        let (handler, fields) = pick_by_source(&by_callee!(ReturnCallRef), callee);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { wide: Some(meta), ..fields });
        self.set_dead();
    }
}
