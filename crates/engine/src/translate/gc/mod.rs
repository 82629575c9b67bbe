//! Translates structures, arrays, `i31` and casts: here what allocates or works on whole ranges.

mod cast;
mod object;

use lineal_decoder::{HeapType, RefType, ValType};

use super::Translator;
use super::emit::{Fields, Pos, Site};
use crate::exec::gc::object::StructNewAtOnce;
use crate::exec::gc::{
    ArrayCopy, ArrayFill, ArrayInitData, ArrayInitElem, ArrayNew, ArrayNewData, ArrayNewDefault,
    ArrayNewElem, ArrayNewFixed, StructNew, StructNewDefault,
};
use crate::exec::slow::SlowOp;
use crate::machine::{Handler, handler};
use crate::op::gc::{I31GetS, I31GetU, RefI31};
use crate::op::scalar::Lowering;
use crate::runtime::object::Storage;
use crate::runtime::pool::MAX_CELL_WORDS;

/// Handlers by how many slots there are, from 1 on.
macro_rules! at_once {
    ($fields:literal) => {
        &[
            handler::<StructNewAtOnce<1, $fields>>(),
            handler::<StructNewAtOnce<2, $fields>>(),
            handler::<StructNewAtOnce<3, $fields>>(),
            handler::<StructNewAtOnce<4, $fields>>(),
            handler::<StructNewAtOnce<5, $fields>>(),
            handler::<StructNewAtOnce<6, $fields>>(),
            handler::<StructNewAtOnce<7, $fields>>(),
            handler::<StructNewAtOnce<8, $fields>>(),
        ]
    };
}

const STRUCT_NEW: &[Handler; MAX_CELL_WORDS] = at_once!(true);
const STRUCT_NEW_DEFAULT: &[Handler; MAX_CELL_WORDS] = at_once!(false);

impl Translator<'_> {
    /// Appends an operation that allocates, and so may collect: what an accumulator alone holds
    /// goes to its slot, where the collector sees it.
    fn allocating<O: SlowOp>(&mut self, first: u32, second: u32) {
        self.write_through_all();
        self.slow::<O>(first, second);
        self.push_temp(ANY_REF);
    }

    fn type_number(&self, ty: u32) -> u32 {
        self.module.types[ty as usize].0
    }

    /// How many slots the fields of a structure take.
    fn struct_slots(&self, ty: u32) -> u32 {
        self.slots_before(ty, self.fields(ty).len() as u32)
    }

    pub(super) fn struct_new(&mut self, ty: u32) {
        let slots = self.struct_slots(ty);
        let at_once = self.make_at_once(STRUCT_NEW, ty, slots, slots);
        self.allocating::<StructNew>(self.type_number(ty), slots);
        self.made_at_once(at_once);
    }

    pub(super) fn struct_new_default(&mut self, ty: u32) {
        let slots = self.struct_slots(ty);
        let at_once = self.make_at_once(STRUCT_NEW_DEFAULT, ty, slots, 0);
        self.allocating::<StructNewDefault>(self.type_number(ty), slots);
        self.made_at_once(at_once);
    }

    /// Appends a cell that makes a small structure in line, from so many operands, and skips the
    /// next one, which does it out of line when that needs more than a free entry and a free cell.
    fn make_at_once(
        &mut self,
        handlers: &[Handler; MAX_CELL_WORDS],
        ty: u32,
        slots: u32,
        operands: u32,
    ) -> Option<Pos> {
        let handler = *handlers.get((slots as usize).checked_sub(1)?)?;
        self.write_through_all();
        self.materialise_top(operands);
        let first = self.temp_slot(self.buffers.stack.height() - operands);
        let last = first + slots.max(2);
        if self.function.far_frame || u16::try_from(last).is_err() {
            return None;
        }
        let wide = Some(u64::from(self.type_number(ty)));
        Some(self.buffers.emit.cell(handler, Fields { a: first as u16, wide, ..Fields::default() }))
    }

    /// Says where execution goes on behind the two cells.
    fn made_at_once(&mut self, cell: Option<Pos>) {
        if let Some(cell) = cell {
            let here = self.buffers.emit.pos();
            self.buffers.emit.link(Site::Branch { cell }, here);
        }
    }

    pub(super) fn array_new(&mut self, ty: u32) {
        let width = Storage::of(self.element(ty)).slots() as u32;
        self.allocating::<ArrayNew>(self.type_number(ty), width + 1);
    }

    pub(super) fn array_new_default(&mut self, ty: u32) {
        self.allocating::<ArrayNewDefault>(self.type_number(ty), 0);
    }

    pub(super) fn array_new_fixed(&mut self, ty: u32, len: u32) {
        let width = Storage::of(self.element(ty)).slots() as u32;
        self.allocating::<ArrayNewFixed>(self.type_number(ty), len * width);
    }

    pub(super) fn array_new_data(&mut self, ty: u32, segment: u32) {
        self.allocating::<ArrayNewData>(self.type_number(ty), segment);
    }

    pub(super) fn array_new_elem(&mut self, ty: u32, segment: u32) {
        self.allocating::<ArrayNewElem>(self.type_number(ty), segment);
    }

    pub(super) fn array_fill(&mut self, ty: u32) {
        let width = Storage::of(self.element(ty)).slots() as u32;
        self.slow::<ArrayFill>(0, 3 + width);
    }

    pub(super) fn array_copy(&mut self) {
        self.slow::<ArrayCopy>(0, 0);
    }

    pub(super) fn array_init_data(&mut self, segment: u32) {
        self.slow::<ArrayInitData>(segment, 0);
    }

    pub(super) fn array_init_elem(&mut self, segment: u32) {
        self.slow::<ArrayInitElem>(segment, 0);
    }

    pub(super) fn ref_i31(&mut self) {
        self.unary::<RefI31>();
    }

    pub(super) fn i31_get(&mut self, signed: bool) {
        match signed {
            true => self.unary::<I31GetS>(),
            false => self.unary::<I31GetU>(),
        }
    }
}

/// Any reference, for the bank and the width of one.
const ANY_REF: ValType = ValType::Ref(RefType { nullable: true, heap: HeapType::Any });
