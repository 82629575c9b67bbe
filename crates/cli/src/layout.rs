//! What a module's memories hold before any of its code runs, found without making them: a module
//! can declare more memory than there is.

use std::collections::BTreeMap;

use lineal_decoder::{ConstExpr, ConstOp, Module, SegmentMode};

use crate::hex::ROW_BYTES;

/// Where the data segments go, and what that makes of the memories.
pub(crate) struct Layout {
    /// One for each data segment.
    pub(crate) places: Vec<Place>,
    /// For each memory its rows that are not all zero, by address.
    pub(crate) rows: Vec<BTreeMap<u64, [u8; ROW_BYTES as usize]>>,
}

/// Where a data segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere, until the module's code copies it.
    Passive,
    /// To a memory, at an address that depends on imports.
    Unknown { memory: u32 },
    /// To a memory, at an address.
    Known {
        memory: u32,
        start: u64,
        /// Whether it fits the memory's minimum size. An imported memory can be larger.
        fits: bool,
    },
}

impl Layout {
    pub(crate) fn of(module: &Module) -> Layout {
        let globals = globals(module);
        let mut layout = Layout {
            places: Vec::with_capacity(module.data.len()),
            rows: vec![BTreeMap::new(); module.memories.len()],
        };
        // Instantiation stops at the first segment that does not fit.
        let mut stopped = false;
        for (segment, index) in module.data.iter().zip(0..) {
            let bytes = module.data_bytes(index);
            let place = match &segment.mode {
                SegmentMode::Passive | SegmentMode::Declared => Place::Passive,
                SegmentMode::Active { target, offset } => match evaluate(offset, &globals) {
                    None => Place::Unknown { memory: *target },
                    Some(start) => {
                        let fits = fits(module, *target, start, bytes.len() as u64);
                        Place::Known { memory: *target, start, fits }
                    }
                },
            };
            stopped |= Layout::stops(module, &place);
            if let Place::Known { memory, start, .. } = place {
                let end = u128::from(start) + bytes.len() as u128;
                if !stopped && end <= 1 << 64 {
                    layout.write(memory, start, bytes);
                }
            }
            layout.places.push(place);
        }
        for rows in &mut layout.rows {
            rows.retain(|_, row| row.iter().any(|&byte| byte != 0));
        }
        layout
    }

    /// Whether a segment keeps the module from being instantiated, whatever it imports.
    pub(crate) fn stops(module: &Module, place: &Place) -> bool {
        matches!(*place, Place::Known { memory, fits: false, .. } if memory >= module.imported_memories)
    }

    fn write(&mut self, memory: u32, start: u64, bytes: &[u8]) {
        let rows = &mut self.rows[memory as usize];
        let mut addr = start;
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = (addr % ROW_BYTES) as usize;
            let row = rows.entry(addr - at as u64).or_default();
            let count = rest.len().min(row.len() - at);
            row[at..at + count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            // The last bytes may end at the end of the address space.
            addr = addr.wrapping_add(count as u64);
        }
    }
}

fn fits(module: &Module, memory: u32, start: u64, len_bytes: u64) -> bool {
    let ty = &module.memories[memory as usize];
    let size_bytes = ty.minimum().to_bytes(ty.page_size()).map_or(1 << 64, u128::from);
    u128::from(start) + u128::from(len_bytes) <= size_bytes
}

/// The values of the globals that do not depend on imports and are numbers.
fn globals(module: &Module) -> Vec<Option<u64>> {
    let mut values = Vec::with_capacity(module.globals.len());
    for global in &module.globals {
        let value = global.init.as_ref().and_then(|init| evaluate(init, &values));
        values.push(value);
    }
    values
}

/// The value of a constant expression, if it is a number and does not depend on imports.
fn evaluate(expr: &ConstExpr, globals: &[Option<u64>]) -> Option<u64> {
    let mut stack: Vec<u64> = Vec::new();
    for op in &expr.ops {
        let value = match *op {
            ConstOp::I32Const(value) => u64::from(value as u32),
            ConstOp::I64Const(value) => value as u64,
            ConstOp::GlobalGet(index) => (*globals.get(index as usize)?)?,
            ConstOp::I32Add => narrow(&mut stack, u32::wrapping_add)?,
            ConstOp::I32Sub => narrow(&mut stack, u32::wrapping_sub)?,
            ConstOp::I32Mul => narrow(&mut stack, u32::wrapping_mul)?,
            ConstOp::I64Add => wide(&mut stack, u64::wrapping_add)?,
            ConstOp::I64Sub => wide(&mut stack, u64::wrapping_sub)?,
            ConstOp::I64Mul => wide(&mut stack, u64::wrapping_mul)?,
            _ => return None,
        };
        stack.push(value);
    }
    stack.pop()
}

fn wide(stack: &mut Vec<u64>, apply: fn(u64, u64) -> u64) -> Option<u64> {
    let right = stack.pop()?;
    let left = stack.pop()?;
    Some(apply(left, right))
}

fn narrow(stack: &mut Vec<u64>, apply: fn(u32, u32) -> u32) -> Option<u64> {
    let right = stack.pop()? as u32;
    let left = stack.pop()? as u32;
    Some(apply(left, right).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lineal_decoder::Features;

    fn layout(wat: &str) -> Layout {
        Layout::of(&Module::new(wat.as_bytes(), &Features::default()).unwrap())
    }

    fn known(start: u64, fits: bool) -> Place {
        Place::Known { memory: 0, start, fits }
    }

    #[test]
    fn later_segments_overwrite_earlier_ones() {
        let layout = layout(
            r#"(module (memory 1)
                (data (i32.const 14) "abcd")
                (data (i32.add (i32.const 10) (i32.const 5)) "XY")
                (data "passive")
                (data (i32.const 64) "\00\00"))"#,
        );
        assert_eq!(
            layout.places,
            [known(14, true), known(15, true), Place::Passive, known(64, true)]
        );
        let rows: Vec<(u64, &[u8])> =
            layout.rows[0].iter().map(|(&a, row)| (a, &row[..])).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].0, &rows[0].1[13..]), (0, &b"\0aX"[..]));
        assert_eq!((rows[1].0, &rows[1].1[..3]), (16, &b"Yd\0"[..]));
    }

    #[test]
    fn nothing_is_written_after_a_segment_that_does_not_fit() {
        let layout = layout(
            r#"(module (memory 1)
                (data (i32.const 0) "a") (data (i32.const 65535) "bc") (data (i32.const 16) "d"))"#,
        );
        assert_eq!(layout.places, [known(0, true), known(65_535, false), known(16, true)]);
        assert_eq!(layout.rows[0].len(), 1);
    }

    #[test]
    fn imports_leave_addresses_open() {
        let layout = layout(
            r#"(module (import "" "g" (global i32)) (import "" "m" (memory 1))
                (data (global.get 0) "a") (data (i32.const 65536) "b"))"#,
        );
        assert_eq!(layout.places, [Place::Unknown { memory: 0 }, known(65_536, false)]);
        // The imported memory may be larger than it must be.
        assert_eq!(layout.rows[0].len(), 1);
    }

    #[test]
    fn the_end_of_the_address_space_is_no_obstacle() {
        let layout = layout(
            r#"(module (import "" "m" (memory i64 0)) (memory $own i64 0x1_0000_0000_0000)
                (data (memory 0) (i64.const -1) "ab") (data (memory 0) (i64.const -2) "c")
                (data (memory $own) (i64.const -16) "0123456789abcdef"))"#,
        );
        assert_eq!(layout.rows[0].len(), 1);
        assert_eq!(layout.places[2], Place::Known { memory: 1, start: u64::MAX - 15, fits: true });
    }
}
