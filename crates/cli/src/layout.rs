//! What a module's memories hold before any of its code runs, found without making them: a module
//! can declare more memory than there is.

use std::collections::{BTreeMap, btree_map};
use std::ops::Range;

use lineal_decoder::{ConstExpr, ConstOp, Module, SegmentMode};

use crate::hex::ROW_BYTES;

/// Where the data segments go, and what that makes of the memories.
pub(crate) struct Layout {
    /// One for each data segment.
    pub(crate) places: Vec<Place>,
    memories: Vec<Contents>,
}

/// What a memory holds: where in the binary the bytes from an address on are. Pieces do not overlap.
#[derive(Clone, Debug, Default)]
struct Contents {
    pieces: BTreeMap<u64, Range<usize>>,
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
            memories: vec![Contents::default(); module.memories.len()],
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
                    layout.memories[memory as usize].write(start, segment.range.clone());
                }
            }
            layout.places.push(place);
        }
        layout
    }

    /// Whether a segment keeps the module from being instantiated, whatever it imports.
    pub(crate) fn stops(module: &Module, place: &Place) -> bool {
        matches!(*place, Place::Known { memory, fits: false, .. } if memory >= module.imported_memories)
    }

    /// The rows of a memory that are not all zero, with their addresses, in ascending order.
    pub(crate) fn rows<'a>(&'a self, module: &'a Module, memory: u32) -> Rows<'a> {
        let mut pieces = self.memories[memory as usize].pieces.iter();
        let rest = Rows::piece(&module.bytes, &mut pieces);
        Rows { binary: &module.bytes, pieces, rest }
    }
}

impl Contents {
    /// Puts bytes of the binary at an address, in place of what is there.
    fn write(&mut self, start: u64, bytes: Range<usize>) {
        if bytes.is_empty() {
            return;
        }
        let end = u128::from(start) + bytes.len() as u128;
        let before = self.pieces.range(..start).next_back();
        let overlaid = before.into_iter().chain(self.pieces.range(start..));
        let overlaid = overlaid.take_while(|&(&at, _)| u128::from(at) < end);
        for (at, piece) in overlaid.map(|(&at, piece)| (at, piece.clone())).collect::<Vec<_>>() {
            // What is before it stays, and what is after it.
            let (len, kept) = (piece.len() as u128, start.saturating_sub(at));
            self.pieces.remove(&at);
            if kept > 0 {
                let kept = (piece.len() as u64).min(kept) as usize;
                self.pieces.insert(at, piece.start..piece.start + kept);
            }
            if let Some(after) = (u128::from(at) + len).checked_sub(end)
                && after > 0
            {
                // An address, as the piece has bytes there.
                self.pieces.insert(end as u64, piece.end - after as usize..piece.end);
            }
        }
        self.pieces.insert(start, bytes);
    }
}

/// The rows of a memory.
#[derive(Clone)]
pub(crate) struct Rows<'a> {
    binary: &'a [u8],
    pieces: btree_map::Iter<'a, u64, Range<usize>>,
    /// What is left of a piece, and its address.
    rest: Option<(u64, &'a [u8])>,
}

impl<'a> Rows<'a> {
    fn piece(
        binary: &'a [u8],
        pieces: &mut btree_map::Iter<'a, u64, Range<usize>>,
    ) -> Option<(u64, &'a [u8])> {
        pieces.next().map(|(&addr, piece)| (addr, &binary[piece.clone()]))
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, [u8; ROW_BYTES as usize]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (first, _) = self.rest?;
            let row_addr = first - first % ROW_BYTES;
            let mut row = [0; ROW_BYTES as usize];
            while let Some((addr, bytes)) = self.rest
                && addr - row_addr < ROW_BYTES
            {
                let at = (addr - row_addr) as usize;
                let (now, later) = bytes.split_at(bytes.len().min(row.len() - at));
                row[at..at + now.len()].copy_from_slice(now);
                self.rest = if later.is_empty() {
                    Rows::piece(self.binary, &mut self.pieces)
                } else {
                    Some((addr + now.len() as u64, later))
                };
            }
            if row.iter().any(|&byte| byte != 0) {
                return Some((row_addr, row));
            }
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
    for op in expr.ops() {
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

    /// Where the segments of a module go, and the rows of its first memory.
    fn layout(wat: &str) -> (Vec<Place>, Vec<(u64, [u8; 16])>) {
        let module = Module::new(wat.as_bytes(), &Features::default()).unwrap();
        let layout = Layout::of(&module);
        let rows = layout.rows(&module, 0).collect();
        (layout.places, rows)
    }

    fn known(start: u64, fits: bool) -> Place {
        Place::Known { memory: 0, start, fits }
    }

    #[test]
    fn later_segments_overwrite_earlier_ones() {
        let (places, rows) = layout(
            r#"(module (memory 1)
                (data (i32.const 14) "abcd")
                (data (i32.add (i32.const 10) (i32.const 5)) "XY")
                (data "passive")
                (data (i32.const 64) "\00\00"))"#,
        );
        assert_eq!(places, [known(14, true), known(15, true), Place::Passive, known(64, true)]);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].0, &rows[0].1[13..]), (0, &b"\0aX"[..]));
        assert_eq!((rows[1].0, &rows[1].1[..3]), (16, &b"Yd\0"[..]));
    }

    #[test]
    fn nothing_is_written_after_a_segment_that_does_not_fit() {
        let (places, rows) = layout(
            r#"(module (memory 1)
                (data (i32.const 0) "a") (data (i32.const 65535) "bc") (data (i32.const 16) "d"))"#,
        );
        assert_eq!(places, [known(0, true), known(65_535, false), known(16, true)]);
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn imports_leave_addresses_open() {
        let (places, rows) = layout(
            r#"(module (import "" "g" (global i32)) (import "" "m" (memory 1))
                (data (global.get 0) "a") (data (i32.const 65536) "b"))"#,
        );
        assert_eq!(places, [Place::Unknown { memory: 0 }, known(65_536, false)]);
        // The imported memory may be larger than it must be.
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn the_end_of_the_address_space_is_no_obstacle() {
        let (places, rows) = layout(
            r#"(module (import "" "m" (memory i64 0)) (memory $own i64 0x1_0000_0000_0000)
                (data (memory 0) (i64.const -1) "ab") (data (memory 0) (i64.const -2) "c")
                (data (memory $own) (i64.const -16) "0123456789abcdef"))"#,
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(places[2], Place::Known { memory: 1, start: u64::MAX - 15, fits: true });
    }

    #[test]
    fn segments_may_overlap_in_any_way() {
        let mut seed = 1u32;
        let mut next = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };
        for _ in 0..200 {
            let mut expected = vec![0u8; 1024];
            let mut segments = String::new();
            for letter in "abcdefghij".chars() {
                let (start, len) = (next(900) as usize, next(120) as usize);
                segments +=
                    &format!("(data (i32.const {start}) \"{}\")", letter.to_string().repeat(len));
                expected[start..start + len].fill(letter as u8);
            }
            let (_, rows) = layout(&format!("(module (memory 1) {segments})"));
            let chunks = expected.chunks(16).zip((0u64..).step_by(16));
            let expected: Vec<(u64, &[u8])> = chunks
                .filter(|(row, _)| row.iter().any(|&byte| byte != 0))
                .map(|(row, addr)| (addr, row))
                .collect();
            let rows: Vec<(u64, &[u8])> =
                rows.iter().map(|(addr, row)| (*addr, &row[..])).collect();
            assert_eq!(rows, expected, "{segments}");
        }
    }
}
