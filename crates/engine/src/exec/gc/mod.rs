//! Handlers of structures, arrays, `i31` and casts.
//!
//! Fields, elements and the usual casts have [handlers](object) of [their own](cast); everything else is
//! out of line. There an immediate names a type by the engine's number of it. The upper half of `second`
//! has the rest: see [`CastTo`].

pub(crate) mod cast;
pub(crate) mod object;

use lineal_decoder::{HeapType, TypeIndex};
use lineal_memory::DataSegment;

use super::slow::{IN_SECOND, Vm, charge, slow_ops};
use crate::machine::Exit;
use crate::runtime::entity::FuncEntity;
use crate::runtime::object::{Array, Object, Storage};
use crate::runtime::pool::Pool;
use crate::runtime::slots::MAX_SLOTS;
use crate::runtime::trap::Trap;

/// What a cast or a test is to: the immediates of the operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CastTo {
    pub(crate) nullable: bool,
    /// With the engine's number of a defined type.
    pub(crate) heap: HeapType,
}

impl CastTo {
    /// Heap types by their code; defined ones with any number.
    const ALL: [HeapType; 15] = [
        HeapType::Func,
        HeapType::NoFunc,
        HeapType::Extern,
        HeapType::NoExtern,
        HeapType::Any,
        HeapType::Eq,
        HeapType::I31,
        HeapType::Struct,
        HeapType::Array,
        HeapType::None,
        HeapType::Exn,
        HeapType::NoExn,
        HeapType::ConcreteFunc(TypeIndex(0)),
        HeapType::ConcreteStruct(TypeIndex(0)),
        HeapType::ConcreteArray(TypeIndex(0)),
    ];

    /// As `first` and the upper half of `second`.
    pub(crate) fn to_immediates(self) -> (u32, u32) {
        let plain = self.heap.map_index(|_| TypeIndex(0));
        let code = Self::ALL.iter().position(|&ty| ty == plain).unwrap_or_default() as u32;
        let index = self.heap.concrete().map_or(0, |index| index.0);
        (index, (code << 1 | u32::from(self.nullable)) << 16)
    }

    fn from_immediates(first: u32, second: u32) -> CastTo {
        let code = second >> 16;
        let heap = Self::ALL[(code >> 1) as usize].map_index(|_| TypeIndex(first));
        CastTo { nullable: code & 1 == 1, heap }
    }
}

impl Vm<'_> {
    /// Whether a reference belongs to what a cast is to.
    fn belongs(&mut self, bits: u64, to: CastTo) -> bool {
        let Some(func) = FuncEntity::from_ref(bits) else { return to.nullable };
        let own = match to.heap.top() {
            // SAFETY: R4: a non-null reference of this hierarchy is a function of the store.
            HeapType::Func => HeapType::ConcreteFunc(unsafe { func.as_ref() }.type_index),
            hierarchy => self.heap().type_of(bits, hierarchy),
        };
        self.types().is_sub_heap(own, to.heap)
    }

    /// Makes an array of zeros or nulls, of the type with a number. It costs `cost` units of fuel,
    /// which are taken once it is known that there is room.
    fn new_array(&mut self, ty: u32, len: u32, cost: u32) -> Result<u64, Exit> {
        let ty = TypeIndex(ty);
        let storage = self.types().array_storage(ty);
        let (cx, options) = (self.cx, self.options());
        let mut charged = None;
        let make = |pool: &mut Pool| {
            // SAFETY: E3.
            let take = || unsafe { charge(cx, options, u64::from(cost)) };
            let len = if charged.get_or_insert_with(take).is_ok() { len } else { 0 };
            Some(Object::Array(Array::zeroed(pool, ty, storage, len)?))
        };
        let payload_bytes = (len as usize).saturating_mul(storage.bytes());
        let reference = self.allocate(payload_bytes, make)?;
        charged.unwrap_or(Ok(()))?;
        Ok(reference)
    }

    /// Sets elements of the array that a slot refers to.
    fn fill_array(
        &mut self,
        array: u64,
        start: u32,
        value: &[u64],
        count: u32,
    ) -> Result<(), Exit> {
        let unit_bytes = self.heap().array(array)?.storage.bytes() as u64;
        self.in_pieces(count.into(), unit_bytes, false, |vm, at, count| {
            vm.heap().array(array)?.fill(start + at as u32, value, count as u32)
        })
    }

    /// Sets elements of the array that a slot refers to from a data segment, which the host may
    /// drop in between.
    fn init_array_bytes(
        &mut self,
        array: u64,
        dst: u32,
        segment: u32,
        offset: u32,
        count: u32,
    ) -> Result<(), Exit> {
        let storage = self.heap().array(array)?.storage;
        let unit_bytes = storage.bytes();
        self.in_pieces(count.into(), unit_bytes as u64, false, |vm, at, count| {
            let segment = vm.instance.data[segment as usize].borrow();
            let offset = offset + at as u32 * unit_bytes as u32;
            let bytes = bytes_of(&segment, offset, count as u32, storage)?;
            vm.heap().array(array)?.init_bytes(dst + at as u32, bytes)
        })
    }

    /// The same from an element segment.
    fn init_array_refs(
        &mut self,
        array: u64,
        dst: u32,
        segment: u32,
        offset: u32,
        count: u32,
    ) -> Result<(), Exit> {
        self.in_pieces(count.into(), 8, false, |vm, at, count| {
            let segment = vm.instance.elements[segment as usize].borrow();
            let refs = refs_of(&segment, offset + at as u32, count as u32)?;
            vm.heap().array(array)?.init_refs(dst + at as u32, refs)
        })
    }
}

/// Bytes of a data segment: elements of some width, from an offset in bytes on.
fn bytes_of(
    segment: &DataSegment,
    offset: u32,
    count: u32,
    storage: Storage,
) -> Result<&[u8], Trap> {
    let bytes = segment.as_bytes().get(offset as usize..);
    let len = (count as usize).saturating_mul(storage.bytes());
    bytes.and_then(|bytes| bytes.get(..len)).ok_or(Trap::MemoryOutOfBounds)
}

/// References of an element segment, from an offset on.
fn refs_of(segment: &[u64], offset: u32, count: u32) -> Result<&[u64], Trap> {
    let refs = segment.get(offset as usize..);
    refs.and_then(|refs| refs.get(..count as usize)).ok_or(Trap::TableOutOfBounds)
}

slow_ops! {
    /// `struct.new` of type `first`, whose fields are the operands
    StructNew(IN_SECOND), |vm, slots, first, second| {
        let fields = &slots[..second as usize];
        let make = |pool: &mut Pool| Object::structure(pool, TypeIndex(first), fields);
        slots[0] = vm.allocate(size_of_val(fields), make)?;
    }

    /// `struct.new_default` of type `first`, whose fields take `second` slots
    StructNewDefault(0), |vm, slots, first, second| {
        let count = second as usize;
        let ty = TypeIndex(first);
        let make = |pool: &mut Pool| Object::default_structure(pool, ty, count);
        slots[0] = vm.allocate(count * 8, make)?;
    }

    /// `array.new` of type `first`
    ArrayNew(IN_SECOND), |vm, slots, first, second| {
        let last = second as usize - 1;
        let len = slots[last] as u32;
        let reference = vm.new_array(first, len, len)?;
        // From here on the array is in a slot, where the collector finds it.
        slots[last] = reference;
        let mut value = [0; MAX_SLOTS];
        value[..last].copy_from_slice(&slots[..last]);
        if value != [0; MAX_SLOTS] {
            vm.fill_array(reference, 0, &value[..last], len)?;
        }
        slots[0] = reference;
    }

    /// `array.new_default` of type `first`
    ArrayNewDefault(1), |vm, slots, first, _second| {
        let len = slots[0] as u32;
        slots[0] = vm.new_array(first, len, len)?;
    }

    /// `array.new_fixed` of type `first`
    ArrayNewFixed(IN_SECOND), |vm, slots, first, second| {
        let values = &slots[..second as usize];
        let width = vm.types().array_storage(TypeIndex(first)).slots();
        let reference = vm.new_array(first, (values.len() / width) as u32, 0)?;
        let array = vm.heap().array(reference)?;
        (0u32..).zip(values.chunks(width)).try_for_each(|(index, value)| array.set(index, value))?;
        slots[0] = reference;
    }

    /// `array.new_data` of type `first` from data segment `second`
    ArrayNewData(2), |vm, slots, first, second| {
        let (offset, len) = (slots[0] as u32, slots[1] as u32);
        let storage = vm.types().array_storage(TypeIndex(first));
        let segment = &vm.instance.data[second as usize];
        // The segment comes first: a length beyond it must not be allocated.
        bytes_of(&segment.borrow(), offset, len, storage)?;
        // From here on the array is in a slot, where the collector finds it.
        slots[0] = vm.new_array(first, len, len)?;
        vm.init_array_bytes(slots[0], 0, second, offset, len)?;
    }

    /// `array.new_elem` of type `first` from element segment `second`
    ArrayNewElem(2), |vm, slots, first, second| {
        let (offset, len) = (slots[0] as u32, slots[1] as u32);
        let segment = &vm.instance.elements[second as usize];
        refs_of(&segment.borrow(), offset, len)?;
        // From here on the array is in a slot, where the collector finds it.
        slots[0] = vm.new_array(first, len, len)?;
        vm.init_array_refs(slots[0], 0, second, offset, len)?;
    }

    /// `array.fill`
    ArrayFill(IN_SECOND), |vm, slots, _first, second| {
        let last = second as usize - 1;
        let (start, count) = (slots[1] as u32, slots[last] as u32);
        vm.heap().array(slots[0])?.check(start, count)?;
        vm.charge(count.into())?;
        let mut value = [0; MAX_SLOTS];
        value[..last - 2].copy_from_slice(&slots[2..last]);
        vm.fill_array(slots[0], start, &value[..last - 2], count)?;
    }

    /// `array.copy`
    ArrayCopy(5), |vm, slots, _first, _second| {
        let [dst, dst_index, src, src_index, count] = *slots else { return Ok(()) };
        let (to, from, count) = (dst_index as u32, src_index as u32, count as u32);
        let array = vm.heap().array(dst)?;
        let unit_bytes = array.storage.bytes() as u64;
        array.check(to, count)?;
        vm.heap().array(src)?.check(from, count)?;
        vm.charge(count.into())?;
        vm.in_pieces(count.into(), unit_bytes, to > from, |vm, at, count| {
            let (to, from, count) = (to + at as u32, from + at as u32, count as u32);
            if dst == src {
                vm.heap().array(dst)?.copy_within(to, from, count)
            } else {
                vm.heap().with_arrays(dst, src, |dst, src| dst.copy_from(to, src, from, count))?
            }
        })?;
    }

    /// `array.init_data` from data segment `first`
    ArrayInitData(4), |vm, slots, first, _second| {
        let [reference, dst, offset, len] = *slots else { return Ok(()) };
        let (dst, offset, len) = (dst as u32, offset as u32, len as u32);
        let segment = &vm.instance.data[first as usize];
        let array = vm.heap().array(reference)?;
        array.check(dst, len)?;
        bytes_of(&segment.borrow(), offset, len, array.storage)?;
        vm.charge(u64::from(len))?;
        vm.init_array_bytes(reference, dst, first, offset, len)?;
    }

    /// `array.init_elem` from element segment `first`
    ArrayInitElem(4), |vm, slots, first, _second| {
        let [reference, dst, offset, len] = *slots else { return Ok(()) };
        let (dst, offset, len) = (dst as u32, offset as u32, len as u32);
        vm.heap().array(reference)?.check(dst, len)?;
        refs_of(&vm.instance.elements[first as usize].borrow(), offset, len)?;
        vm.charge(u64::from(len))?;
        vm.init_array_refs(reference, dst, first, offset, len)?;
    }

    /// `ref.test`, where `first` and `second` are a [`CastTo`]
    RefTest(1), |vm, slots, first, second| {
        slots[0] = u64::from(vm.belongs(slots[0], CastTo::from_immediates(first, second)));
    }

    /// `ref.cast`, where `first` and `second` are a [`CastTo`]
    RefCast(1), |vm, slots, first, second| {
        if !vm.belongs(slots[0], CastTo::from_immediates(first, second)) {
            return Err(Trap::CastFailure.into());
        }
    }

    /// `ref.test` of the reference in the first slot, with the result in the second
    TestForBranch(1), |vm, slots, first, second| {
        slots[1] = u64::from(vm.belongs(slots[0], CastTo::from_immediates(first, second)));
    }
}

const _: () = assert!(MAX_SLOTS == 2, "results have room");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_survive_their_immediates() {
        for heap in CastTo::ALL {
            for nullable in [false, true] {
                let to = CastTo { nullable, heap: heap.map_index(|_| TypeIndex(70_000)) };
                let (first, second) = to.to_immediates();
                assert_eq!(CastTo::from_immediates(first, second), to);
            }
        }
    }
}
