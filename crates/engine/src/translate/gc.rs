//! Translates structures, arrays, `i31` and casts.

use lineal_decoder::{HeapType, RefType, StorageType, ValType};

use super::Translator;
use super::scalar::Jump;
use crate::exec::gc::{
    ArrayCopy, ArrayFill, ArrayGet, ArrayInitData, ArrayInitElem, ArrayLen, ArrayNew, ArrayNewData,
    ArrayNewDefault, ArrayNewElem, ArrayNewFixed, ArraySet, CastTo, FieldAccess, I31Get, RefCast,
    RefI31, RefTest, StructGet, StructNew, StructNewDefault, StructSet, TestForBranch,
};
use crate::exec::slow::SlowOp;
use crate::runtime::object::Storage;

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
        self.field_slot(ty, u32::MAX).0
    }

    /// The first slot of a structure's field, and what it stores.
    fn field_slot(&self, ty: u32, field: u32) -> (u32, StorageType) {
        let fields = self.parts.types[ty as usize].as_struct().map_or(&[][..], |ty| ty.fields());
        let before = fields.iter().take(field as usize);
        let slot = before.map(|field| Storage::of(field.storage).slots()).sum::<usize>();
        (slot as u32, fields.get(field as usize).map_or(StorageType::I8, |field| field.storage))
    }

    fn element(&self, ty: u32) -> StorageType {
        let array = self.parts.types[ty as usize].as_array();
        array.expect("validated to be an array type").field().storage
    }

    pub(super) fn struct_new(&mut self, ty: u32) {
        let slots = self.struct_slots(ty);
        self.allocating::<StructNew>(self.type_number(ty), slots);
    }

    pub(super) fn struct_new_default(&mut self, ty: u32) {
        let slots = self.struct_slots(ty);
        self.allocating::<StructNewDefault>(self.type_number(ty), slots);
    }

    pub(super) fn struct_get(&mut self, ty: u32, field: u32, signed: bool) {
        let (slot, storage) = self.field_slot(ty, field);
        self.slow::<StructGet>(slot, FieldAccess::new(Storage::of(storage), signed).to_second());
        self.push_temp(storage.unpack());
    }

    pub(super) fn struct_set(&mut self, ty: u32, field: u32) {
        let (slot, storage) = self.field_slot(ty, field);
        self.slow::<StructSet>(slot, 1 + Storage::of(storage).slots() as u32);
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

    pub(super) fn array_get(&mut self, ty: u32, signed: bool) {
        self.slow::<ArrayGet>(0, u32::from(signed));
        self.push_temp(self.element(ty).unpack());
    }

    pub(super) fn array_set(&mut self, ty: u32) {
        let width = Storage::of(self.element(ty)).slots() as u32;
        self.slow::<ArraySet>(0, 2 + width);
    }

    pub(super) fn array_len(&mut self) {
        self.slow::<ArrayLen>(0, 0);
        self.push_temp(ValType::I32);
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
        self.slow::<RefI31>(0, 0);
        self.push_temp(ANY_REF);
    }

    pub(super) fn i31_get(&mut self, signed: bool) {
        self.slow::<I31Get>(0, u32::from(signed));
        self.push_temp(ValType::I32);
    }

    /// What a cast is to, by the parser's type.
    fn cast_to(&self, nullable: bool, ty: wasmparser::HeapType) -> CastTo {
        let heap = self.parts.heap_type(ty).map_index(|index| self.module.type_index(index));
        CastTo { nullable, heap }
    }

    pub(super) fn ref_test(&mut self, nullable: bool, ty: wasmparser::HeapType) {
        let (first, second) = self.cast_to(nullable, ty).to_immediates();
        self.slow::<RefTest>(first, second);
        self.push_temp(ValType::I32);
    }

    pub(super) fn ref_cast(&mut self, nullable: bool, ty: wasmparser::HeapType) {
        let (first, second) = self.cast_to(nullable, ty).to_immediates();
        self.slow::<RefCast>(first, second);
        self.push_temp(ANY_REF);
    }

    /// Branches if the reference on top is of a type, or if it is not; it stays on top.
    pub(super) fn br_on_cast(&mut self, depth: u32, to: wasmparser::RefType, if_it_is: bool) {
        let target = self.target(depth);
        if self.function.far_frame {
            // Materialising later would need the scratch slot of the condition.
            self.materialise_top(self.arity(target));
        }
        let (first, second) = self.cast_to(to.is_nullable(), to.heap_type()).to_immediates();
        self.slow::<TestForBranch>(first, second);
        self.push_temp(ANY_REF);
        let result = self.temp_slot(self.buffers.stack.height());
        let Jump { if_true, if_false, fields } = self.test_slot(result);
        let jump = match if_it_is {
            true => Jump { if_true: if_false, if_false: if_true, fields },
            false => Jump { if_true, if_false, fields },
        };
        self.branch_if(target, jump);
    }
}

/// Any reference, for the bank and the width of one.
const ANY_REF: ValType = ValType::Ref(RefType { nullable: true, heap: HeapType::Any });
