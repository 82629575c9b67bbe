//! Checks the code of a function before it runs: invariant E1, and of E2 what the translator
//! promises.
//!
//! Debug builds, tests, and builds with `LINEAL_VERIFY=1` check everything that they translate.
//! What a cell must look like follows from its operation ([`Shape`]), not from what the translator
//! meant. Checked are:
//!
//! * cells follow each other without a gap, each as long as its operation says;
//! * slots that a cell names are in the frame;
//! * branches, tables, clauses and ranges of `try_table`s are at the starts of cells;
//! * the last cell does not let execution run out of the code;
//! * branches to a head are in a loop that has one, which nothing enters but by its head, and in
//!   which nothing sets another.

use std::collections::BTreeMap;

use super::emit::{Emitter, Pos};
use crate::exec::control::Head;
use crate::machine::place::{Count, Field, Part, Place};
use crate::machine::{Shape, TO_HEAD, b_of, half_of, handler};

/// What is wrong with a function's code.
type Fault = String;

/// The frame that code was translated for.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSize {
    pub(super) link_slot: u32,
    pub(super) slots: u32,
}

/// What the emitter writes down so that code can be checked.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The operation of each cell, and in how many loops it is.
    pub(super) shapes: BTreeMap<Pos, (&'static Shape, u32)>,
    /// The loops with a head, in their order: their first cell, and the end of the last. No such loop
    /// is inside another.
    heads: Vec<(Pos, Pos)>,
}

impl Record {
    /// A loop with a head ended.
    pub(super) fn end_loop(&mut self, header: Pos, end: Pos) {
        self.heads.push((header, end));
    }

    /// Cells from a position on are taken back.
    pub(super) fn truncate(&mut self, pos: Pos) {
        self.shapes.split_off(&pos);
        while self.heads.pop_if(|(header, _)| *header >= pos).is_some() {}
        if let Some((_, end)) = self.heads.last_mut() {
            *end = (*end).min(pos);
        }
    }
}

/// Checks a function's code, before its sequences are fused.
pub(super) fn verify(emit: &Emitter, frame: FrameSize) -> Result<(), Fault> {
    let head = handler::<Head>().to_granule();
    let is_head = |&start: &Pos| emit.cells[start as usize] == head;
    let head_cells = emit.starts.iter().copied().filter(is_head).collect();
    let verifier = Verifier { emit, frame, head_cells };
    for (index, &start) in emit.starts.iter().enumerate() {
        let end = emit.starts.get(index + 1).copied().unwrap_or(emit.pos());
        let Some(&(shape, _)) = emit.record.shapes.get(&start) else {
            return Err(format!("the cell at {start} has no operation"));
        };
        let cell = Cell { start, granules: &emit.cells[start as usize..end as usize], shape };
        let is_last = end == emit.pos();
        verifier
            .cell(&cell, is_last)
            .map_err(|fault| format!("the cell at {start}, {}: {fault}", (shape.name)()))?;
    }
    if emit.starts.first() != Some(&0) {
        return Err("there is no cell at the start".to_owned());
    }
    verifier.tries()?;
    verifier.sites()
}

/// A cell that is checked.
struct Cell<'a> {
    start: Pos,
    granules: &'a [u64],
    shape: &'static Shape,
}

impl Cell<'_> {
    fn value(&self, field: Field) -> Result<u64, Fault> {
        if field.part == Part::None {
            return Ok(0);
        }
        let Some(&granule) = self.granules.get(field.granule) else {
            return Err(format!("has no granule {}", field.granule));
        };
        Ok(match field.part {
            Part::None => 0,
            Part::Half(index) => half_of(granule, index).into(),
            Part::B => b_of(granule).into(),
            Part::Low => granule & u64::from(u32::MAX),
            Part::High => granule >> 32,
            Part::All => granule,
        })
    }

    fn count(&self, count: Count) -> Result<u64, Fault> {
        Ok(match count {
            Count::Fixed(count) => count as u64,
            Count::In(field) => self.value(field)?,
            Count::AtLeast(least, field) => (self.value(field)? & 0xffff).max(least as u64),
        })
    }
}

struct Verifier<'a> {
    emit: &'a Emitter,
    frame: FrameSize,
    /// The cells that make the next one a head, in their order.
    head_cells: Vec<Pos>,
}

impl Verifier<'_> {
    fn cell(&self, cell: &Cell<'_>, is_last: bool) -> Result<(), Fault> {
        let is_table = cell.shape.places.contains(&Place::Table);
        let targets = if is_table { cell.value(Field::B)? + 1 } else { 0 };
        let granules = cell.shape.granules as u64 + targets;
        if cell.granules.len() as u64 != granules {
            return Err(format!("has {} granules, not {granules}", cell.granules.len()));
        }
        if is_last && cell.shape.goes_on {
            return Err("lets execution run out of the code".to_owned());
        }
        cell.shape.places.iter().try_for_each(|&place| self.place(cell, place))
    }

    fn place(&self, cell: &Cell<'_>, place: Place) -> Result<(), Fault> {
        match place {
            Place::Register => Ok(()),
            Place::Number(field) => cell.value(field).map(|_| ()),
            Place::Slot(field) => self.slots(cell.value(field)?, 1),
            Place::Pair(field) => self.slots(cell.value(field)?, 2),
            Place::Slots(first, count) => self.slots(cell.value(first)?, cell.count(count)?),
            Place::Target(field) => match cell.value(field)? as u32 {
                TO_HEAD => self.branch_to_head(cell.start),
                displacement => self.target(cell.start, i64::from(displacement as i32)),
            },
            Place::Table => {
                let targets = &cell.granules[cell.shape.granules..];
                targets.iter().try_for_each(|&target| self.target(cell.start, target as i64))
            }
            Place::Call(granule) => {
                self.metadata(cell, granule)?;
                // The callee may set a head of its own.
                if let Some(header) = self.head_around(cell.start) {
                    return Err(format!("is a call in the loop at {header}, which has a head"));
                }
                self.slots(cell.value(Field::half(granule, 0))?, 1)?;
                self.slots(cell.value(Field::half(granule, 1))?, 1)?;
                self.slots(cell.value(Field::b(granule))?, 0)
            }
            Place::TailCall(granule) => {
                self.metadata(cell, granule)?;
                let meta = cell.value(Field::all(granule))?;
                let (first, count) = (meta & u64::from(u32::MAX), meta >> 32 & 0xffff);
                if meta >> 48 != u64::from(self.frame.link_slot) {
                    return Err(format!("has its link in slot {}", meta >> 48));
                }
                self.slots(first, count)
            }
        }
    }

    /// A return finds the metadata of a call right before the cell that it returns to.
    fn metadata(&self, cell: &Cell<'_>, granule: usize) -> Result<(), Fault> {
        if granule + 1 != cell.shape.granules {
            return Err(format!("has its metadata in granule {granule}, which is not its last"));
        }
        Ok(())
    }

    fn slots(&self, first: u64, count: u64) -> Result<(), Fault> {
        let slots = u64::from(self.frame.slots);
        if first.checked_add(count).is_some_and(|end| end <= slots) {
            return Ok(());
        }
        Err(format!("names {count} slots from {first} on, in a frame of {slots}"))
    }

    fn is_start(&self, pos: Pos) -> bool {
        self.emit.starts.binary_search(&pos).is_ok()
    }

    /// Checks a branch from one cell to another.
    fn target(&self, from: Pos, displacement: i64) -> Result<(), Fault> {
        let to = i64::from(from) + displacement;
        let Some(to) = u32::try_from(to).ok().filter(|&to| self.is_start(to)) else {
            return Err(format!("branches to {to}, where no cell starts"));
        };
        match self.head_around(to) {
            Some(header) if self.head_around(from) != Some(header) => {
                Err(format!("branches into the loop at {header}, past its head"))
            }
            _ => Ok(()),
        }
    }

    /// The first cell of the loop with a head that a cell is in.
    fn head_around(&self, pos: Pos) -> Option<Pos> {
        let heads = &self.emit.record.heads;
        let (header, _) = *heads.get(heads.partition_point(|&(_, end)| end <= pos))?;
        (header <= pos).then_some(header)
    }

    fn branch_to_head(&self, from: Pos) -> Result<(), Fault> {
        let Some(header) = self.head_around(from) else {
            return Err("branches to a head that is not there".to_owned());
        };
        let heads = &self.head_cells;
        let next = heads.partition_point(|&at| at < header);
        if next == 0 || heads[next - 1] + 2 != header {
            return Err(format!("branches to {header}, which nothing makes a head"));
        }
        match heads.get(next) {
            Some(other) if *other <= from => {
                Err(format!("branches to {header}, but {other} sets another head"))
            }
            _ => Ok(()),
        }
    }

    fn tries(&self) -> Result<(), Fault> {
        let is_border = |pos: Pos| pos == self.emit.pos() || self.is_start(pos);
        for (index, range) in self.emit.tries.iter().enumerate() {
            let fault = |what: &str| format!("try_table {index} {what}");
            if range.start > range.end || !is_border(range.start) || !is_border(range.end) {
                return Err(fault("is not a range of cells"));
            }
            for clause in &range.clauses {
                if !self.is_start(clause.target) || self.head_around(clause.target).is_some() {
                    return Err(fault("has a clause that goes to no cell that it may go to"));
                }
                let (int, float) = clause.pins;
                let slots = [clause.slot, int.into(), float.into()];
                if slots.iter().any(|&slot| slot > self.frame.slots) {
                    return Err(fault("has a clause with slots that are not in the frame"));
                }
            }
        }
        Ok(())
    }

    fn sites(&self) -> Result<(), Fault> {
        let sites = &self.emit.sites;
        if !sites.is_sorted_by_key(|&(pos, _)| pos) {
            return Err("places in the binary are not in the order of the cells".to_owned());
        }
        match sites.iter().find(|&&(pos, _)| pos != self.emit.pos() && !self.is_start(pos)) {
            Some((pos, _)) => Err(format!("a place in the binary is for {pos}, no cell's start")),
            None => Ok(()),
        }
    }
}
