//! Which access was out of bounds: the details of a trap.
//!
//! Handlers leave word in the context of where an access was, and only when it failed (see
//! [`Fault`]). What kind of access it was and how wide comes from the instruction in the module's
//! binary; the operands of instructions that run out of line are still in their slots. So whatever
//! does not trap pays nothing for this.

use lineal_decoder::TypeIndex;
use wasmparser::{BinaryReader, MemArg, MemArgTarget, Operator, OperatorsReader};

use super::slow::{address, table_address_type};
use crate::runtime::context::{Context, Fault};
use crate::runtime::details::{
    Details, ElementAccess, ElementPlace, ElementTrap, MemoryAccess, MemoryTrap,
};
use crate::runtime::entity::{TableEntity, with_memory};
use crate::runtime::instance::InstanceData;
use crate::runtime::trap::Trap;

/// The details of the trap that has just stopped the guest, if there are any.
pub(super) fn details(context: &Context, trap: Trap) -> Option<Details> {
    let has_details = matches!(
        trap,
        Trap::MemoryOutOfBounds
            | Trap::HeapMisaligned
            | Trap::TableOutOfBounds
            | Trap::IndirectCallToNull
            | Trap::ArrayOutOfBounds
    );
    if !has_details {
        return None;
    }
    // SAFETY: R1: the instance that has just stopped is alive.
    let instance = unsafe { context.instance.as_ref()? };
    let (_, granule, code) = instance.module.locate(context.exit.ip)?;
    let offset = code.wasm_offset(granule)? as usize;
    let bytes = instance.module.decoded.bytes.get(offset..)?;
    let operator = OperatorsReader::new(BinaryReader::new(bytes, offset as u64)).read().ok()?;
    let scene = Scene { context, instance, trap };
    match trap {
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => {
            let memory = scene.scalar(&operator).or_else(|| scene.range(&operator));
            memory.map(Details::Memory)
        }
        Trap::ArrayOutOfBounds => scene.array(&operator).map(Details::Element),
        _ => scene.table(&operator).map(Details::Element),
    }
}

/// Where a trap happened.
struct Scene<'a> {
    context: &'a Context,
    instance: &'a InstanceData,
    trap: Trap,
}

impl Scene<'_> {
    /// A trap of an access with a `memarg`.
    fn scalar(&self, operator: &Operator<'_>) -> Option<MemoryTrap> {
        let (name, memarg) = memarg(operator)?;
        let MemArgTarget::Memory(memory) = memarg.target else { return None };
        Some(MemoryTrap {
            trap: self.trap,
            access: access(name),
            addr: self.context.fault.start.wrapping_sub(memarg.offset),
            offset: memarg.offset,
            len_bytes: 1 << memarg.max_align,
            memory,
            size_bytes: self.memory_bytes(memory),
        })
    }

    /// A trap of an operation on a range of memory, or of a data segment.
    fn range(&self, operator: &Operator<'_>) -> Option<MemoryTrap> {
        let Fault { start, len, is_source } = self.context.fault;
        let (access, memory, addr, len_bytes) = match *operator {
            Operator::MemoryFill { mem } => (MemoryAccess::Fill, mem, start, len),
            Operator::MemoryCopy { src_mem, .. } if is_source => {
                (MemoryAccess::CopyFrom, src_mem, start, len)
            }
            Operator::MemoryCopy { dst_mem, .. } => (MemoryAccess::CopyTo, dst_mem, start, len),
            Operator::MemoryInit { data_index, .. } if is_source => {
                (MemoryAccess::InitFrom(data_index), 0, start, len)
            }
            Operator::MemoryInit { mem, .. } => (MemoryAccess::Init, mem, start, len),
            Operator::ArrayNewData { array_type_index, array_data_index } => {
                let width = self.element_bytes(array_type_index);
                let (offset, count) = (self.slot(0) as u32, self.slot(1) as u32);
                let access = MemoryAccess::InitFrom(array_data_index);
                (access, 0, offset.into(), u64::from(count) * width)
            }
            Operator::ArrayInitData { array_type_index, array_data_index } => {
                let width = self.element_bytes(array_type_index);
                let (offset, count) = (self.slot(2) as u32, self.slot(3) as u32);
                let access = MemoryAccess::InitFrom(array_data_index);
                (access, 0, offset.into(), u64::from(count) * width)
            }
            _ => return None,
        };
        let size_bytes = match access {
            MemoryAccess::InitFrom(segment) => {
                self.instance.data[segment as usize].borrow().as_bytes().len() as u64
            }
            _ => self.memory_bytes(memory),
        };
        let trap = self.trap;
        Some(MemoryTrap { trap, access, addr, offset: 0, len_bytes, memory, size_bytes })
    }

    /// A trap of an operation on a table, or of an element segment.
    fn table(&self, operator: &Operator<'_>) -> Option<ElementTrap> {
        let Fault { start, len, is_source } = self.context.fault;
        let operand =
            |table: u32, at| address(table_address_type(self.table_of(table)), self.slot(at));
        let (access, place, index, count) = match *operator {
            Operator::CallIndirect { table_index, .. }
            | Operator::ReturnCallIndirect { table_index, .. } => {
                let place = ElementPlace::Table(table_index);
                (ElementAccess::Call, place, self.context.fault.start, 1)
            }
            Operator::TableGet { table } => {
                (ElementAccess::Get, ElementPlace::Table(table), self.context.fault.start, 1)
            }
            Operator::TableSet { table } => {
                (ElementAccess::Set, ElementPlace::Table(table), self.context.fault.start, 1)
            }
            Operator::TableFill { table } => {
                (ElementAccess::Fill, ElementPlace::Table(table), start, len)
            }
            Operator::TableCopy { src_table, .. } if is_source => {
                (ElementAccess::CopyFrom, ElementPlace::Table(src_table), start, len)
            }
            Operator::TableCopy { dst_table, .. } => {
                (ElementAccess::CopyTo, ElementPlace::Table(dst_table), start, len)
            }
            Operator::TableInit { elem_index, table } => {
                let (offset, count) = (u64::from(self.slot(1) as u32), self.slot(2) as u32);
                let segment = ElementPlace::Segment(elem_index);
                if is_outside(offset, count.into(), self.len(segment)) {
                    (ElementAccess::InitFrom, segment, offset, count.into())
                } else {
                    let place = ElementPlace::Table(table);
                    (ElementAccess::Init, place, operand(table, 0), count.into())
                }
            }
            Operator::ArrayNewElem { array_elem_index, .. } => {
                let (offset, count) = (self.slot(0) as u32, self.slot(1) as u32);
                let place = ElementPlace::Segment(array_elem_index);
                (ElementAccess::InitFrom, place, offset.into(), count.into())
            }
            Operator::ArrayInitElem { array_elem_index, .. } => {
                let (offset, count) = (self.slot(2) as u32, self.slot(3) as u32);
                let place = ElementPlace::Segment(array_elem_index);
                (ElementAccess::InitFrom, place, offset.into(), count.into())
            }
            _ => return None,
        };
        Some(ElementTrap { trap: self.trap, access, place, index, count, len: self.len(place) })
    }

    /// A trap of an operation on an array.
    fn array(&self, operator: &Operator<'_>) -> Option<ElementTrap> {
        let one = |access| {
            let (place, Fault { start, len, .. }) = (ElementPlace::Array, self.context.fault);
            Some(ElementTrap { trap: self.trap, access, place, index: start, count: 1, len })
        };
        let index = |at| u64::from(self.slot(at) as u32);
        let (mut array, mut start) = (0, 1);
        let (mut access, count);
        match *operator {
            Operator::ArrayGet { .. } | Operator::ArrayGetS { .. } | Operator::ArrayGetU { .. } => {
                return one(ElementAccess::Get);
            }
            Operator::ArraySet { .. } => return one(ElementAccess::Set),
            Operator::ArrayFill { array_type_index } => {
                let is_vector = self.element_bytes(array_type_index) == 16;
                (access, count) = (ElementAccess::Fill, if is_vector { 4 } else { 3 });
            }
            Operator::ArrayCopy { .. } => {
                (access, count) = (ElementAccess::CopyTo, 4);
                if !is_outside(index(1), index(4), self.array_len(0)?) {
                    (access, array, start) = (ElementAccess::CopyFrom, 2, 3);
                }
            }
            Operator::ArrayInitData { .. } | Operator::ArrayInitElem { .. } => {
                (access, count) = (ElementAccess::Init, 3);
            }
            _ => return None,
        }
        Some(ElementTrap {
            trap: self.trap,
            access,
            place: ElementPlace::Array,
            index: index(start),
            count: index(count),
            len: self.array_len(array)?,
        })
    }

    /// An operand of the instruction, which runs out of line: it is in the slots that its cell
    /// names.
    fn slot(&self, index: usize) -> u64 {
        let exit = &self.context.exit;
        // SAFETY: E1 and E2: the cell of such an instruction has that granule, and its operands
        // are in the frame.
        unsafe { exit.fp.get((exit.ip.granule(2) >> 32) as usize + index) }
    }

    fn memory_bytes(&self, memory: u32) -> u64 {
        // SAFETY: R1; R3: nothing else refers to it once the guest has stopped.
        let entity = unsafe { self.instance.memories[memory as usize].as_ref() };
        with_memory!(entity, memory => memory.byte_len())
    }

    fn table_of(&self, table: u32) -> &TableEntity {
        // SAFETY: R1; R3: nothing else refers to it once the guest has stopped.
        unsafe { self.instance.tables[table as usize].as_ref() }
    }

    /// How many elements a table or segment has.
    fn len(&self, place: ElementPlace) -> u64 {
        match place {
            ElementPlace::Table(table) => self.table_of(table).elements.len() as u64,
            ElementPlace::Segment(index) => {
                self.instance.elements[index as usize].borrow().len() as u64
            }
            ElementPlace::Array => 0,
        }
    }

    /// How many elements the array has whose reference is an operand.
    fn array_len(&self, operand: usize) -> Option<u64> {
        // SAFETY: E3; R3: nothing else refers to the heap once the guest has stopped.
        let heap = unsafe { &mut (*self.context.store).heap };
        heap.array(self.slot(operand)).ok().map(|array| array.len().into())
    }

    /// How many bytes an element of an array takes, by the type's index in the module.
    fn element_bytes(&self, array_type: u32) -> u64 {
        let module = &self.instance.module;
        let ty = module.type_index(TypeIndex(array_type));
        module.engine.types().array_storage(ty).bytes() as u64
    }
}

fn is_outside(start: u64, count: u64, len: u64) -> bool {
    start.checked_add(count).is_none_or(|end| end > len)
}

/// What an instruction with a `memarg` does, by its name.
fn access(name: &str) -> MemoryAccess {
    match () {
        () if name.contains("Notify") => MemoryAccess::AtomicNotify,
        () if name.contains("Wait") => MemoryAccess::AtomicWait,
        () if name.contains("Rmw") => MemoryAccess::AtomicRmw,
        () if name.contains("AtomicLoad") => MemoryAccess::AtomicLoad,
        () if name.contains("AtomicStore") => MemoryAccess::AtomicStore,
        () if name.contains("Store") => MemoryAccess::Store,
        () => MemoryAccess::Load,
    }
}

/// An immediate of an instruction.
struct Immediate<'a, T>(&'a T);

impl Immediate<'_, MemArg> {
    fn memarg(&self) -> Option<MemArg> {
        Some(*self.0)
    }
}

/// Whatever else an immediate can be.
trait NoMemArg {
    fn memarg(&self) -> Option<MemArg> {
        None
    }
}

impl<T> NoMemArg for Immediate<'_, T> {}

macro_rules! define_memarg {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        /// The name and the `memarg` of an instruction that has one.
        fn memarg(operator: &Operator<'_>) -> Option<(&'static str, MemArg)> {
            match operator {
                $(Operator::$op $({ $($arg),* })? => {
                    let found: Option<MemArg> = None;
                    $($(let found = found.or_else(|| Immediate($arg).memarg());)*)?
                    found.map(|memarg| (stringify!($op), memarg))
                })*
                _ => None,
            }
        }
    };
}
wasmparser::for_each_operator!(define_memarg);
