//! Handlers of operations on tables and element segments, and of `ref.func`.

use super::slow::{Vm, address, grown, narrower, slow_ops, table_address_type};
use crate::machine::Exit;
use crate::runtime::entity::FuncEntity;
use crate::runtime::limits::Limits;
use crate::runtime::trap::Trap;

slow_ops! {
    /// `table.get` of table `first`
    TableGet(1), |vm, slots, first, _second| {
        let table = vm.table(first);
        let index = address(table_address_type(table), slots[0]);
        slots[0] = *table.elements.get(index as usize).ok_or(Trap::TableOutOfBounds)?;
    }

    /// `table.set` of table `first`
    TableSet(2), |vm, slots, first, _second| {
        let table = vm.table(first);
        let index = address(table_address_type(table), slots[0]);
        *table.elements.get_mut(index as usize).ok_or(Trap::TableOutOfBounds)? = slots[1];
    }

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
            let grow = |vm: &mut Vm<'_>, limits: &mut Limits<'_>| {
                limits.grow_checked_table(vm.table(first), delta, init)
            };
            old = vm.grow(grow)?;
        }
        slots[0] = grown(ty, old);
    }

    /// `table.fill` of table `first`
    TableFill(3), |vm, slots, first, _second| {
        let table = vm.table(first);
        let ty = table_address_type(table);
        let range = range(address(ty, slots[0]), address(ty, slots[2]), table.elements.len())?;
        vm.charge(range.len() as u64)?;
        vm.table(first).elements[range].fill(slots[1]);
    }

    /// `table.copy` to table `first` from table `second`
    TableCopy(3), |vm, slots, first, second| {
        let dst_ty = table_address_type(vm.table(first));
        let src_ty = table_address_type(vm.table(second));
        let count = address(narrower(dst_ty, src_ty), slots[2]);
        let (dst_index, src_index) = (address(dst_ty, slots[0]), address(src_ty, slots[1]));
        let src_range = range(src_index, count, vm.table(second).elements.len())?;
        let dst_range = range(dst_index, count, vm.table(first).elements.len())?;
        vm.charge(count)?;
        match vm.two_tables(first, second) {
            Some((dst, src)) => dst.elements[dst_range].copy_from_slice(&src.elements[src_range]),
            None => vm.table(first).elements.copy_within(src_range, dst_range.start),
        }
    }

    /// `table.init` of table `first` from element segment `second`
    TableInit(3), |vm, slots, first, second| {
        let instance = vm.instance;
        let table = vm.table(first);
        let dst_index = address(table_address_type(table), slots[0]);
        let segment = instance.elements[second as usize].borrow();
        let (offset, count) = (u64::from(slots[1] as u32), u64::from(slots[2] as u32));
        let src_range = range(offset, count, segment.len())?;
        let dst_range = range(dst_index, count, table.elements.len())?;
        vm.charge(count)?;
        vm.table(first).elements[dst_range].copy_from_slice(&segment[src_range]);
    }

    /// `elem.drop` of segment `first`
    ElemDrop(0), |vm, _slots, first, _second| {
        vm.instance.elements[first as usize].replace(Box::default());
    }

    /// `ref.func` of function `first`
    RefFunc(0), |vm, slots, first, _second| {
        slots[0] = FuncEntity::to_ref(vm.instance.funcs[first as usize]);
    }
}

/// The elements from `start` on, `count` of them, if a table or segment of `len` has them all.
fn range(start: u64, count: u64, len: usize) -> Result<std::ops::Range<usize>, Trap> {
    match start.checked_add(count) {
        Some(end) if end <= len as u64 => Ok(start as usize..end as usize),
        _ => Err(Trap::TableOutOfBounds),
    }
}
