//! Handlers of operations on ranges of memory, and on whole memories.

use std::marker::PhantomData;

#[cfg(feature = "threads")]
use lineal_memory::SharedMemory;
use lineal_memory::{Pages, effective_address};

use super::check_range;
use super::kind::entity;
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

/// A kind of memory whose ranges have handlers in line: how they find, write and copy bytes.
pub(crate) trait RangeKind {
    /// The first byte and the length of memory `index`.
    ///
    /// # Safety
    ///
    /// E1 to E3 hold, there is such a memory, and it is of this kind (R6).
    unsafe fn whole(m: &Machine, index: usize) -> (*mut u8, u64);

    /// Sets bytes to a value.
    ///
    /// # Safety
    ///
    /// They are in a memory of this kind.
    unsafe fn fill(dst: *mut u8, value: u8, len: usize);

    /// Copies bytes, also to where they overlap.
    ///
    /// # Safety
    ///
    /// All of them are in memories of this kind.
    unsafe fn copy(dst: *mut u8, src: *mut u8, len: usize);

    /// Writes bytes.
    ///
    /// # Safety
    ///
    /// They go to a memory of this kind.
    unsafe fn write(dst: *mut u8, bytes: &[u8]);
}

/// Memories that are the store's own.
pub(crate) struct OwnRanges;

impl RangeKind for OwnRanges {
    #[inline(always)]
    unsafe fn whole(m: &Machine, index: usize) -> (*mut u8, u64) {
        // SAFETY: the caller's promise; no other reference to the memory is live (R3).
        let memory = unsafe { (*entity(m, index)).linear_unchecked() };
        (memory.as_mut_ptr(), memory.byte_len())
    }

    #[inline(always)]
    unsafe fn fill(dst: *mut u8, value: u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { dst.write_bytes(value, len) }
    }

    #[inline(always)]
    unsafe fn copy(dst: *mut u8, src: *mut u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { dst.copy_from(src, len) }
    }

    #[inline(always)]
    unsafe fn write(dst: *mut u8, bytes: &[u8]) {
        // SAFETY: the caller's promise; a memory is no part of a segment.
        unsafe { dst.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }
}

/// Memories that threads share.
#[cfg(feature = "threads")]
pub(crate) struct SharedRanges;

// No module has them where they are left out.
#[cfg(not(feature = "threads"))]
pub(crate) use OwnRanges as SharedRanges;

#[cfg(feature = "threads")]
impl RangeKind for SharedRanges {
    #[inline(always)]
    unsafe fn whole(m: &Machine, index: usize) -> (*mut u8, u64) {
        // SAFETY: the caller's promise; nothing changes the entity (R3).
        let memory = unsafe { (*entity(m, index)).shared_unchecked() };
        (memory.as_ptr(), memory.byte_len())
    }

    #[inline(always)]
    unsafe fn fill(dst: *mut u8, value: u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { SharedMemory::fill_at(dst, value, len) }
    }

    #[inline(always)]
    unsafe fn copy(dst: *mut u8, src: *mut u8, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { SharedMemory::copy_at(dst, src, len) }
    }

    #[inline(always)]
    unsafe fn write(dst: *mut u8, bytes: &[u8]) {
        // SAFETY: the caller's promise.
        unsafe { SharedMemory::write_at(dst, bytes) }
    }
}

/// The host address of the first byte of a range of memory `index`, if all of it is in bounds; which
/// is read if `IS_SOURCE`.
///
/// # Safety
///
/// As for [`RangeKind::whole`].
#[inline(always)]
unsafe fn bytes_of<K: RangeKind, const IS_SOURCE: bool>(
    m: &Machine,
    index: usize,
    addr: u64,
    len: u64,
) -> Result<*mut u8, Exit> {
    // SAFETY: the caller's promise.
    let (first_byte, memory_bytes) = unsafe { K::whole(m, index) };
    match effective_address(addr, 0, len, memory_bytes) {
        Some(ea) => Ok(first_byte.wrapping_add(ea as usize)),
        None => {
            // SAFETY: E3.
            unsafe { (*m.cx).fault = Fault { start: addr, len, is_source: IS_SOURCE } };
            Err(Trap::MemoryOutOfBounds.into())
        }
    }
}

/// `memory.fill` of memory `b`, of kind `K`, with addresses of type `I`: address, value and length are
/// in the slots that `a`, `d` and granule 2 name.
pub(crate) struct FillAny<K, I>(PhantomData<(K, I)>);

impl<K: RangeKind, I: AddrType> Op for FillAny<K, I> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R6; `bytes_of` vouches for the bytes.
        unsafe {
            let addr = <SlotA as Src<I>>::get(m).into();
            let len = <WideSlot as Src<I>>::get(m).into();
            let dst = bytes_of::<K, false>(m, m.ip.b() as usize, addr, len)?;
            let value: u32 = SlotD::get(m);
            K::fill(dst, value as u8, len as usize);
        }
        Ok(())
    }
}

/// `memory.copy` between memories of kind `K`: to the one that the low half of `b` names, with
/// addresses of type `D`, from the one that the high half names, with addresses of type `S`. The
/// address to write to, that to read from, and the length are in the slots that `a`, `d` and granule
/// 2 name.
pub(crate) struct CopyAny<K, D, S>(PhantomData<(K, D, S)>);

impl<K: RangeKind, D: AddrType, S: AddrType> Op for CopyAny<K, D, S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R6; `bytes_of` vouches for the bytes.
        unsafe {
            let (to, from) = m.ip.b_halves();
            let len = narrower_len::<D, S>(m);
            let dst_addr = <SlotA as Src<D>>::get(m).into();
            let dst = bytes_of::<K, false>(m, to, dst_addr, len)?;
            let src_addr = <SlotD as Src<S>>::get(m).into();
            let src = bytes_of::<K, true>(m, from, src_addr, len)?;
            K::copy(dst, src, len as usize);
        }
        Ok(())
    }
}

/// `memory.init` of a memory of kind `K`, with addresses of type `I`, from data segment `b`: the
/// address and the offset in the segment are in the slots that `a` and `d` name; granule 2 names that of
/// the length in its low half, and the memory in its high half.
pub(crate) struct InitAny<K, I>(PhantomData<(K, I)>);

impl<K: RangeKind, I: AddrType> Op for InitAny<K, I> {
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
            let dst = bytes_of::<K, false>(m, (wide >> 32) as usize, dst_addr, len.into())?;
            let offset: u32 = SlotD::get(m);
            let segments = (*(*m.cx).instance).data.as_ptr();
            let segment = (*(*segments.add(m.ip.b() as usize)).as_ptr()).as_bytes();
            let source = segment.get(offset as usize..);
            let Some(bytes) = source.and_then(|bytes| bytes.get(..len as usize)) else {
                let (start, len) = (offset.into(), len.into());
                (*m.cx).fault = Fault { start, len, is_source: true };
                return Err(Trap::MemoryOutOfBounds.into());
            };
            K::write(dst, bytes);
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
