//! Translates operations on tables and element segments, and `ref.func`.

use std::marker::PhantomData;

use lineal_decoder::ModuleParts;

use super::Translator;
use super::emit::Fields;
use super::range::pair;
use super::tables::{Dests, Source, Sources, dests, sources};
use crate::exec::table::{
    self as t, RefFunc, TableCopyInLine, TableFillInLine, TableGet, TableSet,
};
use crate::machine::operand::{Acc, AddrType, Pin, SlotD, Src};
use crate::machine::{Bank, Handler, handler};

/// Handlers of accesses to a table with indices of type `I`.
struct ElementTable<I>(PhantomData<I>);

impl<I: AddrType> ElementTable<I> {
    const fn get<S: Src<I>>() -> Dests {
        dests!(TableGet<I, S>)
    }

    const GET: &'static Sources<Dests> = &sources!(get);

    const fn set<S: Src<I>>() -> Sources<Handler> {
        Sources {
            slot: handler::<TableSet<I, S, SlotD>>(),
            acc: handler::<TableSet<I, S, Acc>>(),
            pin: handler::<TableSet<I, S, Pin>>(),
        }
    }

    const SET: &'static Sources<Sources<Handler>> = &sources!(set);
}

const REF_FUNC: &Dests = &dests!(RefFunc);

impl Translator<'_> {
    pub(super) fn table_get(&mut self, table: u32) {
        let index = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(index, Bank::Int, own);
        let handlers = match self.is_table64(table) {
            true => ElementTable::<u64>::GET,
            false => ElementTable::<u32>::GET,
        };
        self.buffers.emit.site();
        let fields = Fields { a, b: table, ..Fields::default() };
        self.define(handlers.at(Source::of(index)), fields, Bank::Int);
    }

    pub(super) fn table_set(&mut self, table: u32) {
        let value = self.pop();
        let value_own = self.temp_slot(self.buffers.stack.height());
        let index = self.pop();
        let index_own = self.temp_slot(self.buffers.stack.height());
        let a = self.left_field(index, Bank::Int, index_own);
        let d = match Source::of(value) {
            Source::Slot => {
                let slot = self.slot_of(value, Bank::Int, value_own);
                self.reach(slot, 2)
            }
            Source::Acc | Source::Pin => 0,
        };
        let handlers = match self.is_table64(table) {
            true => ElementTable::<u64>::SET,
            false => ElementTable::<u32>::SET,
        };
        let handler = *handlers.at(Source::of(index)).at(Source::of(value));
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b: table, wide: None });
    }

    pub(super) fn table_size(&mut self, table: u32) {
        self.slow_with_result::<t::TableSize>(table);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        self.slow_with_result::<t::TableGrow>(table);
    }

    pub(super) fn table_fill(&mut self, table: u32) {
        if !self.has_ranges_in_line(table) {
            return self.slow::<t::TableFill>(table, 0);
        }
        let handler = match self.is_table64(table) {
            true => handler::<TableFillInLine<u64>>(),
            false => handler::<TableFillInLine<u32>>(),
        };
        self.range_of_slots(handler, table, 0);
    }

    pub(super) fn table_copy(&mut self, dst: u32, src: u32) {
        if !(self.has_ranges_in_line(dst) && self.has_ranges_in_line(src)) {
            return self.slow::<t::TableCopy>(dst, src);
        }
        let handler = match (self.is_table64(dst), self.is_table64(src)) {
            (false, false) => handler::<TableCopyInLine<u32, u32>>(),
            (false, true) => handler::<TableCopyInLine<u32, u64>>(),
            (true, false) => handler::<TableCopyInLine<u64, u32>>(),
            (true, true) => handler::<TableCopyInLine<u64, u64>>(),
        };
        self.range_of_slots(handler, pair(dst, src), 0);
    }

    pub(super) fn table_init(&mut self, table: u32, segment: u32) {
        self.slow::<t::TableInit>(table, segment);
    }

    pub(super) fn elem_drop(&mut self, segment: u32) {
        self.slow::<t::ElemDrop>(segment, 0);
    }

    pub(super) fn ref_func(&mut self, func: u32) {
        self.define(REF_FUNC, Fields { b: func, ..Fields::default() }, Bank::Int);
    }

    /// Whether a table is indexed by `i64`.
    pub(super) fn is_table64(&self, table: u32) -> bool {
        let parts: &ModuleParts = self.parts;
        parts.tables[table as usize].ty.table64
    }
}
