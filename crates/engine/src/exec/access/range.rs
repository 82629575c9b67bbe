//! Handlers of operations on ranges of memory, and on whole memories.

use std::marker::PhantomData;

use lineal_memory::{LinearMemory, Pages, effective_address};

use super::check_range;
use crate::exec::slow::{Vm, address, grown, memory_address_type, narrower, slow_ops};
use crate::machine::operand::{AddrType, SlotA, SlotD, Src, WideSlot, narrower_len};
use crate::machine::place::{Field, Place};
use crate::machine::{Exit, Machine, Op};
use crate::runtime::context::Fault;
use crate::runtime::entity::{MemoryEntity, with_memory};
use crate::runtime::trap::Trap;

/// `memory.fill` of memory 0: the address is in the slot `a`, value and length are of classes `V`
/// and `N`.
pub(crate) struct FillFast<V, N>(PhantomData<(V, N)>);

impl<V: Src<u32>, N: Src<u32>> Op for FillFast<V, N> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), V::PLACE, N::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check_range` vouches for the bytes.
        unsafe {
            let len_bytes = N::get(m);
            let dst = check_range::<false>(m, SlotA::get(m), len_bytes)?;
            dst.write_bytes(V::get(m) as u8, len_bytes as usize);
        }
        Ok(())
    }
}

/// `memory.copy` inside memory 0: to the address in the slot `a` from that in the slot `d`, a
/// length of class `N`.
pub(crate) struct CopyFast<N>(PhantomData<N>);

impl<N: Src<u32>> Op for CopyFast<N> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[Place::Slot(Field::A), Place::Slot(Field::D), N::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E4; `check_range` vouches for the bytes.
        unsafe {
            let len_bytes = N::get(m);
            let dst = check_range::<false>(m, SlotA::get(m), len_bytes)?;
            let src = check_range::<true>(m, SlotD::get(m), len_bytes)?;
            dst.copy_from(src, len_bytes as usize);
        }
        Ok(())
    }
}

/// Memory `index`.
///
/// # Safety
///
/// E1 to E3 hold, the memory is the store's own (R6), and nothing else uses it while the reference
/// lives.
#[inline(always)]
unsafe fn own<'a>(m: &Machine, index: usize) -> &'a mut LinearMemory {
    // SAFETY: the caller's promise, R1; validation bounds the index.
    unsafe {
        let memories = (*(*m.cx).instance).memories.as_ptr();
        (*memories.add(index).read().as_ptr()).linear_unchecked()
    }
}

/// The host address of the first byte of a range of a memory, if all of it is in bounds; which is
/// read if `IS_SOURCE`.
///
/// # Safety
///
/// E3 holds.
#[inline(always)]
unsafe fn bytes_of<const IS_SOURCE: bool>(
    m: &Machine,
    memory: &mut LinearMemory,
    addr: u64,
    len: u64,
) -> Result<*mut u8, Exit> {
    match effective_address(addr, 0, len, memory.byte_len()) {
        Some(ea) => Ok(memory.as_mut_ptr().wrapping_add(ea as usize)),
        None => {
            // SAFETY: E3.
            unsafe { (*m.cx).fault = Fault { start: addr, len, is_source: IS_SOURCE } };
            Err(Trap::MemoryOutOfBounds.into())
        }
    }
}

/// `memory.fill` of memory `b`, the store's own, with addresses of type `I`: address, value and
/// length are in the slots that `a`, `d` and granule 2 name.
pub(crate) struct FillOwn<I>(PhantomData<I>);

impl<I: AddrType> Op for FillOwn<I> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R6; `bytes_of` vouches for the bytes.
        unsafe {
            let addr = <SlotA as Src<I>>::get(m).into();
            let len = <WideSlot as Src<I>>::get(m).into();
            let dst = bytes_of::<false>(m, own(m, m.ip.b() as usize), addr, len)?;
            let value: u32 = SlotD::get(m);
            dst.write_bytes(value as u8, len as usize);
        }
        Ok(())
    }
}

/// `memory.copy` between memories that are the store's own: to the one that the low half of `b` names,
/// with addresses of type `D`, from the one that the high half names, with addresses of type `S`. The
/// address to write to, that to read from, and the length are in the slots that `a`, `d` and granule
/// 2 name.
pub(crate) struct CopyOwn<D, S>(PhantomData<(D, S)>);

impl<D: AddrType, S: AddrType> Op for CopyOwn<D, S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R6; `bytes_of` vouches for the bytes.
        unsafe {
            let (to, from) = m.ip.b_halves();
            let len = narrower_len::<D, S>(m);
            let dst_addr = <SlotA as Src<D>>::get(m).into();
            let dst = bytes_of::<false>(m, own(m, to), dst_addr, len)?;
            let src_addr = <SlotD as Src<S>>::get(m).into();
            let src = bytes_of::<true>(m, own(m, from), src_addr, len)?;
            dst.copy_from(src, len as usize);
        }
        Ok(())
    }
}

/// `memory.init` of a memory that is the store's own, with addresses of type `I`, from data segment
/// `b`: the address and the offset in the segment are in the slots that `a` and `d` name; granule 2
/// names that of the length in its low half, and the memory in its high half.
pub(crate) struct InitOwn<I>(PhantomData<I>);

impl<I: AddrType> Op for InitOwn<I> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] =
        &[Place::Slot(Field::A), Place::Slot(Field::D), Place::Slot(Field::low(2))];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R6; `bytes_of` vouches for the bytes; nothing else borrows the segment
        // (R3).
        unsafe {
            let wide = m.ip.granule(2);
            let len = m.fp.get(wide as u32 as usize) as u32;
            let dst_addr = <SlotA as Src<I>>::get(m).into();
            let dst = bytes_of::<false>(m, own(m, (wide >> 32) as usize), dst_addr, len.into())?;
            let offset: u32 = SlotD::get(m);
            let segments = (*(*m.cx).instance).data.as_ptr();
            let segment = (*(*segments.add(m.ip.b() as usize)).as_ptr()).as_bytes();
            let source = segment.get(offset as usize..);
            let Some(bytes) = source.and_then(|bytes| bytes.get(..len as usize)) else {
                let (start, len) = (offset.into(), len.into());
                (*m.cx).fault = Fault { start, len, is_source: true };
                return Err(Trap::MemoryOutOfBounds.into());
            };
            dst.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Ok(())
    }
}

slow_ops! {
    /// `memory.size` of memory `first`
    MemorySize(0), |vm, slots, first, _second| {
        slots[0] = vm.memory(first).size().0;
    }

    /// `memory.grow` of memory `first`; the result is −1 when the host or the type refuses.
    MemoryGrow(1), |vm, slots, first, _second| {
        let memory = vm.memory(first);
        let ty = memory_address_type(memory);
        let delta = Pages(address(ty, slots[0]));
        let old = vm.grow(|vm, limits| limits.grow_memory(vm.memory(first), delta))?;
        slots[0] = grown(ty, old.map(|old| old.0));
        // SAFETY: E3; the memory is not borrowed any more.
        unsafe { (*vm.cx).refresh_memory() };
    }

    /// `memory.fill` of memory `first`
    MemoryFill(3), |vm, slots, first, _second| {
        let memory = vm.memory(first);
        let ty = memory_address_type(memory);
        let (addr, value, len_bytes) = (address(ty, slots[0]), slots[1] as u8, address(ty, slots[2]));
        if !has_bytes(memory, addr, len_bytes) {
            return Err(vm.outside(addr, len_bytes, false));
        }
        vm.charge(len_bytes)?;
        vm.in_pieces(len_bytes, 1, false, |vm, start, len_bytes| {
            with_memory!(vm.memory(first), memory => memory.fill(addr + start, value, len_bytes))
                .map_err(|_| Trap::MemoryOutOfBounds)
        })?;
    }

    /// `memory.copy` to memory `first` from memory `second`
    MemoryCopy(3), |vm, slots, first, second| {
        let dst_ty = memory_address_type(vm.memory(first));
        let src_ty = memory_address_type(vm.memory(second));
        let (dst_addr, src_addr) = (address(dst_ty, slots[0]), address(src_ty, slots[1]));
        let len_bytes = address(narrower(dst_ty, src_ty), slots[2]);
        if !has_bytes(vm.memory(first), dst_addr, len_bytes) {
            return Err(vm.outside(dst_addr, len_bytes, false));
        }
        if !has_bytes(vm.memory(second), src_addr, len_bytes) {
            return Err(vm.outside(src_addr, len_bytes, true));
        }
        vm.charge(len_bytes)?;
        // In whatever order the bytes of the source are still there when they are copied.
        vm.in_pieces(len_bytes, 1, dst_addr > src_addr, |vm, start, len_bytes| {
            let (dst_addr, src_addr) = (dst_addr + start, src_addr + start);
            match vm.two_memories(first, second) {
                Some((dst, src)) => dst.copy_from(dst_addr, src, src_addr, len_bytes),
                None => with_memory!(vm.memory(first), memory => {
                    memory.copy_within(dst_addr, src_addr, len_bytes)
                }),
            }
            .map_err(|_| Trap::MemoryOutOfBounds)
        })?;
    }

    /// `memory.init` of memory `first` from data segment `second`
    MemoryInit(3), |vm, slots, first, second| {
        let memory = vm.memory(first);
        let dst_addr = address(memory_address_type(memory), slots[0]);
        let (offset, len_bytes) = (u64::from(slots[1] as u32), u64::from(slots[2] as u32));
        if !has_bytes(memory, dst_addr, len_bytes) {
            return Err(vm.outside(dst_addr, len_bytes, false));
        }
        let segment_bytes = vm.instance.data[second as usize].borrow().as_bytes().len();
        if offset + len_bytes > segment_bytes as u64 {
            return Err(vm.outside(offset, len_bytes, true));
        }
        vm.charge(len_bytes)?;
        vm.in_pieces(len_bytes, 1, false, |vm, start, len_bytes| {
            let segment = vm.instance.data[second as usize].borrow();
            let (dst_addr, offset) = (dst_addr + start, offset + start);
            with_memory!(vm.memory(first), memory => memory.init(dst_addr, &segment, offset, len_bytes))
                .map_err(|_| Trap::MemoryOutOfBounds)
        })?;
    }

    /// `data.drop` of segment `first`
    DataDrop(0), |vm, _slots, first, _second| {
        vm.instance.data[first as usize].borrow_mut().drop_segment();
    }
}

/// Whether a range of bytes is inside a memory.
fn has_bytes(memory: &MemoryEntity, addr: u64, len_bytes: u64) -> bool {
    let memory_bytes = with_memory!(memory, memory => memory.byte_len());
    effective_address(addr, 0, len_bytes, memory_bytes).is_some()
}
