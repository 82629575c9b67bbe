//! Handlers of operations on tables and element segments, and of `ref.func`. All but the smallest are
//! out of line.

use std::marker::PhantomData;
use std::ops::Range;

use super::slow::{Vm, address, grown, narrower, slow_ops, table_address_type};
use crate::machine::operand::{AddrType, Dst, SlotA, SlotD, Src, WideSlot, narrower_len};
use crate::machine::place::Place;
use crate::machine::{Exit, Machine, Op};
use crate::runtime::context::Fault;
use crate::runtime::entity::{FuncEntity, TableEntity};
use crate::runtime::limits::Limits;
use crate::runtime::trap::Trap;

/// The element of table `b` at an index.
///
/// # Safety
///
/// E1 to E3 hold, and nothing else uses the table while the reference lives.
#[inline(always)]
pub(super) unsafe fn element<'a, I: AddrType>(m: &Machine, index: I) -> Result<&'a mut u64, Exit> {
    // SAFETY: the caller's promise, R1; validation bounds the table's index.
    unsafe {
        let instance = &*(*m.cx).instance;
        let table: *mut TableEntity =
            instance.tables.as_ptr().add(m.ip.b() as usize).read().as_ptr();
        let index: u64 = index.into();
        let elements = &mut (*table).elements;
        elements.get_mut(index as usize).ok_or_else(|| {
            (*m.cx).fault.start = index;
            Trap::TableOutOfBounds.into()
        })
    }
}

/// `d ← table b [i]`, the index of class `S`
pub(crate) struct TableGet<I, S, D>(PhantomData<(I, S, D)>);

impl<I: AddrType, S: Src<I>, D: Dst<u64>> Op for TableGet<I, S, D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; no reference into the table stays (R3).
        unsafe {
            let value = *element(m, S::get(m))?;
            D::put(m, value);
        }
        Ok(())
    }
}

/// `table b [i] ← v`, the index of class `S`, the value of class `V`
pub(crate) struct TableSet<I, S, V>(PhantomData<(I, S, V)>);

impl<I: AddrType, S: Src<I>, V: Src<u64>> Op for TableSet<I, S, V> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[S::PLACE, V::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; no reference into the table stays (R3).
        unsafe { *element(m, S::get(m))? = V::get(m) };
        Ok(())
    }
}

/// `d ←` a reference to function `b`
pub(crate) struct RefFunc<D>(PhantomData<D>);

impl<D: Dst<u64>> Op for RefFunc<D> {
    const GRANULES: usize = 2;
    const PLACES: &'static [Place] = &[D::PLACE];

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3, R1; validation bounds the index.
        unsafe {
            let instance = &*(*m.cx).instance;
            let func = instance.funcs.as_ptr().add(m.ip.b() as usize).read();
            D::put(m, FuncEntity::to_ref(func));
        }
        Ok(())
    }
}

/// Elements of table `index` from `start` on, `count` of them, which are read if `IS_SOURCE`.
///
/// # Safety
///
/// E1 to E3 hold; nothing else uses the table while the elements are.
#[inline(always)]
unsafe fn elements<const IS_SOURCE: bool>(
    m: &Machine,
    index: usize,
    start: u64,
    count: u64,
) -> Result<*mut u64, Exit> {
    // SAFETY: the caller's promise, R1; validation bounds the table's index.
    unsafe {
        let tables = (*(*m.cx).instance).tables.as_ptr();
        let elements = &mut (*tables.add(index).read().as_ptr()).elements;
        match range(start, count, elements.len()) {
            Ok(range) => Ok(elements.as_mut_ptr().add(range.start)),
            Err(trap) => {
                (*m.cx).fault = Fault { start, len: count, is_source: IS_SOURCE };
                Err(trap.into())
            }
        }
    }
}

/// `table.fill` of table `b` with indices of type `I`: index, value and count are in the slots that
/// `a`, `d` and granule 2 name.
pub(crate) struct TableFillInLine<I>(PhantomData<I>);

impl<I: AddrType> Op for TableFillInLine<I> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `elements` vouches for them.
        unsafe {
            let start = <SlotA as Src<I>>::get(m).into();
            let count = <WideSlot as Src<I>>::get(m).into();
            let first = elements::<false>(m, m.ip.b() as usize, start, count)?;
            std::slice::from_raw_parts_mut(first, count as usize).fill(SlotD::get(m));
        }
        Ok(())
    }
}

/// `table.copy` to the table that the low half of `b` names, with indices of type `D`, from the one
/// that the high half names, with indices of type `S`. The index to write to, that to read from, and
/// the count are in the slots that `a`, `d` and granule 2 name.
pub(crate) struct TableCopyInLine<D, S>(PhantomData<(D, S)>);

impl<D: AddrType, S: AddrType> Op for TableCopyInLine<D, S> {
    const GRANULES: usize = 3;
    const PLACES: &'static [Place] = Place::THREE_SLOTS;

    #[inline(always)]
    unsafe fn exec(m: &mut Machine) -> Result<(), Exit> {
        // SAFETY: E1 to E3; `elements` vouches for them.
        unsafe {
            let (to, from) = m.ip.b_halves();
            let count = narrower_len::<D, S>(m);
            let src = elements::<true>(m, from, <SlotD as Src<S>>::get(m).into(), count)?;
            let dst = elements::<false>(m, to, <SlotA as Src<D>>::get(m).into(), count)?;
            dst.copy_from(src, count as usize);
        }
        Ok(())
    }
}

slow_ops! {
    /// `table.size` of table `first`
    TableSize(0), |vm, slots, first, _second| {
        slots[0] = vm.table(first).elements.len() as u64;
    }

    /// `table.grow` of table `first`; the result is −1 when the host or the type refuses.
    TableGrow(2), |vm, slots, first, _second| {
        let ty = table_address_type(vm.table(first));
        let (delta, init) = (address(ty, slots[1]), slots[0]);
        let mut old = None;
        let may_grow = vm.grow(|vm, limits| limits.check_table_growth(vm.table(first), delta))?;
        if may_grow.is_some() {
            vm.charge(delta)?;
            // New elements are null at once, which they may only be if that is one of their values.
            let in_pieces = init != 0 && vm.table(first).ty.element.nullable;
            let grow = |vm: &mut Vm<'_>, limits: &mut Limits<'_>| {
                let init = if in_pieces { 0 } else { init };
                limits.grow_checked_table(vm.table(first), delta, init)
            };
            old = vm.grow(grow)?;
            if let Some(old) = old.filter(|_| in_pieces) {
                vm.fill_table(first, old as usize, delta, init)?;
            }
        }
        slots[0] = grown(ty, old);
    }

    /// `table.fill` of table `first`
    TableFill(3), |vm, slots, first, _second| {
        let ty = table_address_type(vm.table(first));
        let range = vm.elements(first, address(ty, slots[0]), address(ty, slots[2]), false)?;
        let count = range.len() as u64;
        vm.charge(count)?;
        vm.fill_table(first, range.start, count, slots[1])?;
    }

    /// `table.copy` to table `first` from table `second`
    TableCopy(3), |vm, slots, first, second| {
        let dst_ty = table_address_type(vm.table(first));
        let src_ty = table_address_type(vm.table(second));
        let count = address(narrower(dst_ty, src_ty), slots[2]);
        let (dst_index, src_index) = (address(dst_ty, slots[0]), address(src_ty, slots[1]));
        let src_range = vm.elements(second, src_index, count, true)?;
        let dst_range = vm.elements(first, dst_index, count, false)?;
        vm.charge(count)?;
        // In whatever order the elements of the source are still there when they are copied.
        vm.in_pieces(count, ELEMENT_BYTES, dst_index > src_index, |vm, at, count| {
            let (dst_range, src_range) = (part(&dst_range, at, count), part(&src_range, at, count));
            match vm.two_tables(first, second) {
                Some((dst, src)) => {
                    dst.elements[dst_range].copy_from_slice(&src.elements[src_range]);
                }
                None => vm.table(first).elements.copy_within(src_range, dst_range.start),
            }
            Ok(())
        })?;
    }

    /// `table.init` of table `first` from element segment `second`
    TableInit(3), |vm, slots, first, second| {
        let instance = vm.instance;
        let table = vm.table(first);
        let dst_index = address(table_address_type(table), slots[0]);
        let segment = &instance.elements[second as usize];
        let (offset, count) = (u64::from(slots[1] as u32), u64::from(slots[2] as u32));
        let src_range = range(offset, count, segment.borrow().len())?;
        let dst_range = range(dst_index, count, table.elements.len())?;
        vm.charge(count)?;
        vm.in_pieces(count, ELEMENT_BYTES, false, |vm, at, count| {
            let segment = segment.borrow();
            // The host may have dropped the segment in between.
            let refs = segment.get(part(&src_range, at, count)).ok_or(Trap::TableOutOfBounds)?;
            vm.table(first).elements[part(&dst_range, at, count)].copy_from_slice(refs);
            Ok(())
        })?;
    }

    /// `elem.drop` of segment `first`
    ElemDrop(0), |vm, _slots, first, _second| {
        vm.instance.elements[first as usize].replace(Box::default());
    }
}

/// What an element takes.
const ELEMENT_BYTES: u64 = 8;

impl Vm<'_> {
    /// The elements of a table from `start` on, `count` of them.
    fn elements(
        &mut self,
        table: u32,
        start: u64,
        count: u64,
        is_source: bool,
    ) -> Result<Range<usize>, Exit> {
        range(start, count, self.table(table).elements.len()).map_err(|trap| {
            // SAFETY: E3.
            unsafe { (*self.cx).fault = Fault { start, len: count, is_source } };
            trap.into()
        })
    }

    /// Sets `count` elements of a table, which has them, to a value.
    fn fill_table(&mut self, table: u32, start: usize, count: u64, value: u64) -> Result<(), Exit> {
        let range = start..start + count as usize;
        self.in_pieces(count, ELEMENT_BYTES, false, |vm, at, count| {
            // A table does not shrink, whatever the host does in between.
            vm.table(table).elements[part(&range, at, count)].fill(value);
            Ok(())
        })
    }
}

/// The elements of a range from its element `at` on, `count` of them.
fn part(range: &Range<usize>, at: u64, count: u64) -> Range<usize> {
    let start = range.start + at as usize;
    start..start + count as usize
}

/// The elements from `start` on, `count` of them, if a table or segment of `len` has them all.
fn range(start: u64, count: u64, len: usize) -> Result<Range<usize>, Trap> {
    match start.checked_add(count) {
        Some(end) if end <= len as u64 => Ok(start as usize..end as usize),
        _ => Err(Trap::TableOutOfBounds),
    }
}
