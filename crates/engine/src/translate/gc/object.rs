//! Translates accesses to fields of structures and elements of arrays.

use std::marker::PhantomData;

use lineal_decoder::{FieldType, StorageType};

use crate::exec::gc::object::{
    ArrayGet, ArrayLen, ArraySet, Packed, ReadField, StructGet, StructSet, Whole, WholeVector,
};
use crate::machine::operand::{Acc, Pin, SlotA, SlotB, SlotD, SlotValue, Src, ToSlot};
use crate::machine::{Bank, Handler, Vector, handler};
use crate::op::access::scalar::{
    F32Load, F32Store, F64Load, F64Store, I32Load, I32Load8S, I32Load8U, I32Load16S, I32Load16U,
    I32Store, I32Store8, I32Store16, I64Load, I64Store, MemoryLoad, MemoryStore, V128Load,
    V128Store,
};
use crate::runtime::object::Storage;
use crate::translate::emit::Fields;
use crate::translate::stack::Operand;
use crate::translate::tables::{Dests, Source, Sources, dests, sources, table};
use crate::translate::vector::moves::VectorSources;
use crate::translate::{Translator, bank_of, steps};

table! {
    /// What is written to a field or an element.
    Written, WrittenTable:
    Slot slot;
    Acc acc;
    Pin pin;
    Imm imm;
}

/// Handlers that read a field.
struct FieldTable<F>(PhantomData<F>);

impl<F: ReadField<Out: SlotValue>> FieldTable<F> {
    const fn get<S: Src<u64>>() -> Dests {
        dests!(StructGet<F, S>)
    }

    const GET: &'static Sources<Dests> = &sources!(get);
}

/// Handlers that write a field.
struct FieldSetTable<T>(PhantomData<T>);

impl<T: SlotValue> FieldSetTable<T> {
    const fn set<S: Src<u64>>() -> WrittenTable<Handler> {
        WrittenTable {
            slot: handler::<StructSet<T, S, SlotD>>(),
            acc: handler::<StructSet<T, S, Acc>>(),
            pin: handler::<StructSet<T, S, Pin>>(),
            imm: handler::<StructSet<T, S, T::Imm16>>(),
        }
    }

    const SET: &'static Sources<WrittenTable<Handler>> = &sources!(set);
}

/// Handlers of fields that are vectors.
struct VectorFieldTable;

impl VectorFieldTable {
    const fn get<S: Src<u64>>() -> Handler {
        handler::<StructGet<WholeVector, S, ToSlot>>()
    }

    const GET: &'static Sources<Handler> = &sources!(get);

    const fn set<S: Src<u64>>() -> VectorSources<Handler> {
        VectorSources {
            slot: handler::<StructSet<Vector, S, SlotD>>(),
            acc: handler::<StructSet<Vector, S, Acc>>(),
        }
    }

    const SET: &'static Sources<VectorSources<Handler>> = &sources!(set);
}

/// Handlers by where an index is, for each place of an array.
macro_rules! by_index {
    ($row:ident, $array:ty) => {
        Sources {
            slot: Self::$row::<$array, SlotB>(),
            acc: Self::$row::<$array, Acc>(),
            pin: Self::$row::<$array, Pin>(),
        }
    };
}

/// The same for each place of an array.
macro_rules! by_array_and_index {
    ($row:ident) => {
        Sources {
            slot: by_index!($row, SlotA),
            acc: by_index!($row, Acc),
            pin: by_index!($row, Pin),
        }
    };
}

/// Handlers that read an element.
struct ElementTable<O>(PhantomData<O>);

impl<O: MemoryLoad<Out: SlotValue>> ElementTable<O> {
    const fn get<A: Src<u64>, I: Src<u32>>() -> Dests {
        dests!(ArrayGet<O, A, I>)
    }

    const GET: &'static Sources<Sources<Dests>> = &by_array_and_index!(get);
}

/// Handlers that write an element.
struct ElementSetTable<O>(PhantomData<O>);

impl<O: MemoryStore<In: SlotValue>> ElementSetTable<O> {
    const fn set<A: Src<u64>, I: Src<u32>>() -> WrittenTable<Handler> {
        WrittenTable {
            slot: handler::<ArraySet<O, A, I, SlotD>>(),
            acc: handler::<ArraySet<O, A, I, Acc>>(),
            pin: handler::<ArraySet<O, A, I, Pin>>(),
            imm: handler::<ArraySet<O, A, I, <O::In as SlotValue>::Imm16>>(),
        }
    }

    const SET: &'static Sources<Sources<WrittenTable<Handler>>> = &by_array_and_index!(set);
}

/// Handlers of elements that are vectors.
struct VectorElementTable;

impl VectorElementTable {
    const fn get<A: Src<u64>, I: Src<u32>>() -> Handler {
        handler::<ArrayGet<V128Load, A, I, ToSlot>>()
    }

    const GET: &'static Sources<Sources<Handler>> = &by_array_and_index!(get);

    const fn set<A: Src<u64>, I: Src<u32>>() -> VectorSources<Handler> {
        VectorSources {
            slot: handler::<ArraySet<V128Store, A, I, SlotD>>(),
            acc: handler::<ArraySet<V128Store, A, I, Acc>>(),
        }
    }

    const SET: &'static Sources<Sources<VectorSources<Handler>>> = &by_array_and_index!(set);
}

const LENGTH: &Sources<Dests> = &Sources {
    slot: dests!(ArrayLen<SlotA>),
    acc: dests!(ArrayLen<Acc>),
    pin: dests!(ArrayLen<Pin>),
};

impl Translator<'_> {
    /// The fields of a structure.
    pub(super) fn fields(&self, ty: u32) -> &[FieldType] {
        self.parts.types[ty as usize].as_struct().map_or(&[], |ty| ty.fields())
    }

    /// How many slots the fields of a structure take that are before one.
    pub(super) fn slots_before(&self, ty: u32, field: u32) -> u32 {
        let vectors_before = |field| {
            self.module.vector_fields.partition_point(|&other| {
                steps::count(1);
                other < (ty, field)
            }) as u32
        };
        field + vectors_before(field) - vectors_before(0)
    }

    /// The first slot of a structure's field, and what it stores.
    fn field_slot(&self, ty: u32, field: u32) -> (u32, StorageType) {
        (self.slots_before(ty, field), self.fields(ty)[field as usize].storage)
    }

    /// What an array's elements store.
    pub(super) fn element(&self, ty: u32) -> StorageType {
        let array = self.parts.types[ty as usize].as_array();
        array.expect("validated to be an array type").field().storage
    }

    /// Pops a reference or an index: where it is, and the slot if it is in one, by `scratch`.
    pub(super) fn pop_source(&mut self, scratch: u32) -> (Source, u16) {
        let operand = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        let slot = match operand {
            Operand::Acc | Operand::Pin => 0,
            other => {
                let slot = self.slot_of(other, Bank::Int, own);
                self.reach(slot, scratch)
            }
        };
        (Source::of(operand), slot)
    }

    /// Pops what is to be written: its class, and `d`.
    fn pop_written<T: SlotValue>(&mut self) -> (Written, u16) {
        let operand = self.pop();
        let own = self.temp_slot(self.buffers.stack.height());
        match operand {
            Operand::Acc => (Written::Acc, 0),
            Operand::Pin => (Written::Pin, 0),
            Operand::Const(bits) if let Some(imm) = T::imm16(bits) => (Written::Imm, imm),
            other => {
                let slot = self.slot_of(other, T::BANK, own);
                (Written::Slot, self.reach(slot, 3))
            }
        }
    }

    pub(in crate::translate) fn struct_get(&mut self, ty: u32, field: u32, signed: bool) {
        let (b, storage) = self.field_slot(ty, field);
        let (source, a) = self.pop_source(1);
        self.buffers.emit.site();
        let fields = Fields { a, b, ..Fields::default() };
        let bank = bank_of(storage.unpack());
        let table = match (Storage::of(storage), bank) {
            (Storage::Vector, _) => {
                self.define_vector(*VectorFieldTable::GET.at(source), fields, &[]);
                return;
            }
            (Storage::I8, _) if signed => FieldTable::<Packed<i8>>::GET,
            (Storage::I8, _) => FieldTable::<Packed<u8>>::GET,
            (Storage::I16, _) if signed => FieldTable::<Packed<i16>>::GET,
            (Storage::I16, _) => FieldTable::<Packed<u16>>::GET,
            (_, Bank::Int) => FieldTable::<Whole<u64>>::GET,
            (_, Bank::F32) => FieldTable::<Whole<f32>>::GET,
            (_, Bank::F64) => FieldTable::<Whole<f64>>::GET,
        };
        self.define(table.at(source), fields, bank);
    }

    pub(in crate::translate) fn struct_set(&mut self, ty: u32, field: u32) {
        let (b, storage) = self.field_slot(ty, field);
        if Storage::of(storage) == Storage::Vector {
            let value = self.pop_vector();
            let (source, a) = self.pop_source(1);
            let (value_source, d) = self.vector_source(value, 2);
            let handler = *VectorFieldTable::SET.at(source).at(value_source);
            self.buffers.emit.site();
            self.buffers.emit.cell(handler, Fields { a, d, b, wide: None });
            return;
        }
        match bank_of(storage.unpack()) {
            Bank::Int => self.set_field::<u64>(b),
            Bank::F32 => self.set_field::<f32>(b),
            Bank::F64 => self.set_field::<f64>(b),
        }
    }

    fn set_field<T: SlotValue>(&mut self, b: u32) {
        let (written, d) = self.pop_written::<T>();
        let (source, a) = self.pop_source(1);
        let handler = *FieldSetTable::<T>::SET.at(source).at(written);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b, wide: None });
    }

    pub(in crate::translate) fn array_get(&mut self, ty: u32, signed: bool) {
        let storage = self.element(ty);
        let (index, b) = self.pop_source(2);
        let (array, a) = self.pop_source(1);
        self.buffers.emit.site();
        let fields = Fields { a, b: b.into(), ..Fields::default() };
        let bank = bank_of(storage.unpack());
        let table = match (Storage::of(storage), bank) {
            (Storage::Vector, _) => {
                self.define_vector(*VectorElementTable::GET.at(array).at(index), fields, &[]);
                return;
            }
            (Storage::I8, _) if signed => ElementTable::<I32Load8S>::GET,
            (Storage::I8, _) => ElementTable::<I32Load8U>::GET,
            (Storage::I16, _) if signed => ElementTable::<I32Load16S>::GET,
            (Storage::I16, _) => ElementTable::<I32Load16U>::GET,
            (Storage::Word32, Bank::F32) => ElementTable::<F32Load>::GET,
            (Storage::Word32, _) => ElementTable::<I32Load>::GET,
            (Storage::Word64 | Storage::Ref, Bank::F64) => ElementTable::<F64Load>::GET,
            (Storage::Word64 | Storage::Ref, _) => ElementTable::<I64Load>::GET,
        };
        self.define(table.at(array).at(index), fields, bank);
    }

    pub(in crate::translate) fn array_set(&mut self, ty: u32) {
        let storage = self.element(ty);
        match (Storage::of(storage), bank_of(storage.unpack())) {
            (Storage::Vector, _) => {
                let value = self.pop_vector();
                let (index, b) = self.pop_source(2);
                let (array, a) = self.pop_source(1);
                let (value_source, d) = self.vector_source(value, 2);
                let handler = *VectorElementTable::SET.at(array).at(index).at(value_source);
                self.buffers.emit.site();
                self.buffers.emit.cell(handler, Fields { a, d, b: b.into(), wide: None });
            }
            (Storage::I8, _) => self.set_element::<I32Store8>(),
            (Storage::I16, _) => self.set_element::<I32Store16>(),
            (Storage::Word32, Bank::F32) => self.set_element::<F32Store>(),
            (Storage::Word32, _) => self.set_element::<I32Store>(),
            (Storage::Word64 | Storage::Ref, Bank::F64) => self.set_element::<F64Store>(),
            (Storage::Word64 | Storage::Ref, _) => self.set_element::<I64Store>(),
        }
    }

    fn set_element<O: MemoryStore<In: SlotValue>>(&mut self) {
        let (written, d) = self.pop_written::<O::In>();
        let (index, b) = self.pop_source(2);
        let (array, a) = self.pop_source(1);
        let handler = *ElementSetTable::<O>::SET.at(array).at(index).at(written);
        self.buffers.emit.site();
        self.buffers.emit.cell(handler, Fields { a, d, b: b.into(), wide: None });
    }

    pub(in crate::translate) fn array_len(&mut self) {
        let (source, a) = self.pop_source(1);
        self.buffers.emit.site();
        self.define(LENGTH.at(source), Fields { a, ..Fields::default() }, Bank::Int);
    }
}
