//! Translates operations on tables and element segments, and `ref.func`.

use lineal_decoder::ModuleParts;

use super::Translator;
use crate::exec::table as t;

impl Translator<'_> {
    pub(super) fn table_get(&mut self, table: u32) {
        self.slow_with_result::<t::TableGet>(table);
    }

    pub(super) fn table_set(&mut self, table: u32) {
        self.slow::<t::TableSet>(table, 0);
    }

    pub(super) fn table_size(&mut self, table: u32) {
        self.slow_with_result::<t::TableSize>(table);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        self.slow_with_result::<t::TableGrow>(table);
    }

    pub(super) fn table_fill(&mut self, table: u32) {
        self.slow::<t::TableFill>(table, 0);
    }

    pub(super) fn table_copy(&mut self, dst: u32, src: u32) {
        self.slow::<t::TableCopy>(dst, src);
    }

    pub(super) fn table_init(&mut self, table: u32, segment: u32) {
        self.slow::<t::TableInit>(table, segment);
    }

    pub(super) fn elem_drop(&mut self, segment: u32) {
        self.slow::<t::ElemDrop>(segment, 0);
    }

    pub(super) fn ref_func(&mut self, func: u32) {
        self.slow_with_result::<t::RefFunc>(func);
    }

    /// Whether a table is indexed by `i64`.
    pub(super) fn is_table64(&self, table: u32) -> bool {
        let parts: &ModuleParts = self.parts;
        parts.tables[table as usize].ty.table64
    }
}
