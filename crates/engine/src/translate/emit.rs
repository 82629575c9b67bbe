//! Writes cells into a function's code, and changes those already written.

use crate::exec::sequences;
use crate::machine::{Handler, TO_HEAD, b_of, operands, with_b, with_d};
use crate::runtime::code::Code;
use crate::runtime::unwind::{Tries, TryRange};

/// The operands of a cell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    pub(super) a: u16,
    pub(super) d: u16,
    pub(super) b: u32,
    /// Granule 2, for the operations that have one.
    pub(super) wide: Option<u64>,
}

impl Fields {
    /// All but the wide one, as a granule. What is packed where it is made does not go through
    /// memory in pieces, to be read from there at once as a whole.
    #[inline]
    pub(super) fn operands(self) -> u64 {
        operands(self.a, self.d, self.b)
    }
}

/// The position of a granule in the code.
pub(super) type Pos = u32;

/// Where a displacement is to be written once its target is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Site {
    /// In `b` of the cell.
    Branch {
        /// The cell.
        cell: Pos,
    },
    /// In a granule of a `br_table`.
    Table {
        /// The cell.
        cell: Pos,
        /// The granule.
        granule: Pos,
    },
    /// In a clause of a `try_table`.
    Clause {
        /// The range, by the order in which they begin.
        range: usize,
        /// The clause.
        clause: usize,
    },
}

/// A function's code as it grows.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    pub(super) cells: Vec<u64>,
    /// Where each cell starts.
    pub(super) starts: Vec<Pos>,
    /// Where in the binary cells come from that can trap or call.
    pub(super) sites: Vec<(Pos, u32)>,
    /// The `try_table`s, in the order in which they begin.
    pub(super) tries: Vec<TryRange>,
    /// What the check of the code needs to know of it.
    #[cfg(any(test, debug_assertions, lineal_verify))]
    pub(super) record: super::verify::Record,
    /// Where branches go; for tests.
    #[cfg(test)]
    pub(super) labels: std::collections::BTreeSet<Pos>,
    /// How many loops are open.
    pub(super) loop_depth: u32,
    /// Where in the binary the operator being translated is.
    pub(super) wasm_offset: u32,
}

impl Emitter {
    /// Forgets the function before.
    pub(super) fn clear(&mut self) {
        let Emitter { cells, starts, sites, .. } = std::mem::take(self);
        *self = Emitter { cells, starts, sites, ..Emitter::default() };
        self.cells.clear();
        self.starts.clear();
        self.sites.clear();
    }

    /// How many granules there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.cells.capacity()
    }

    /// Where the next cell goes.
    pub(super) fn pos(&self) -> Pos {
        self.cells.len() as Pos
    }

    /// Appends a cell.
    #[inline]
    pub(super) fn cell(&mut self, handler: Handler, fields: Fields) -> Pos {
        self.packed_cell(handler, fields.operands(), fields.wide)
    }

    /// Appends a cell with its operands as a granule, and granule 2 if it has one.
    pub(super) fn packed_cell(
        &mut self,
        handler: Handler,
        operands: u64,
        wide: Option<u64>,
    ) -> Pos {
        super::steps::count(1);
        let pos = self.pos();
        self.starts.push(pos);
        self.cells.extend_from_slice(&[handler.to_granule(), operands]);
        self.note_shape(pos, handler);
        self.cells.extend(wide);
        pos
    }

    /// Appends one more granule to the last cell.
    pub(super) fn granule(&mut self, bits: u64) -> Pos {
        let pos = self.pos();
        self.cells.push(bits);
        pos
    }

    /// Appends granules, if there are some, to the last cell.
    pub(super) fn granules(&mut self, bits: impl IntoIterator<Item = u64>) {
        self.cells.extend(bits);
    }

    /// Records where the next cell comes from, because it can trap or call.
    pub(super) fn site(&mut self) {
        self.site_at(self.wasm_offset);
    }

    /// Records that the next cell comes from an operator at another place in the binary.
    pub(super) fn site_at(&mut self, wasm_offset: u32) {
        self.sites.push((self.pos(), wasm_offset));
    }

    fn note_shape(&mut self, _cell: Pos, _handler: Handler) {
        #[cfg(any(test, debug_assertions, lineal_verify))]
        self.record.shapes.insert(_cell, (_handler.shape, self.loop_depth));
    }

    /// A loop with a head, whose first cell is at `header`, ends here.
    pub(super) fn end_loop_with_head(&mut self, _header: Pos) {
        #[cfg(any(test, debug_assertions, lineal_verify))]
        self.record.end_loop(_header, self.pos());
    }

    /// Takes back everything from a position on.
    pub(super) fn truncate(&mut self, pos: Pos) {
        #[cfg(any(test, debug_assertions, lineal_verify))]
        self.record.truncate(pos);
        self.cells.truncate(pos as usize);
        while self.starts.last().is_some_and(|&start| start >= pos) {
            self.starts.pop();
        }
        while self.sites.last().is_some_and(|&(at, _)| at >= pos) {
            self.sites.pop();
        }
    }

    /// Replaces the handler and the destination of a cell.
    pub(super) fn redirect(&mut self, cell: Pos, handler: Handler, d: u16) {
        self.note_shape(cell, handler);
        let cell = cell as usize;
        self.cells[cell] = handler.to_granule();
        self.cells[cell + 1] = with_d(self.cells[cell + 1], d);
    }

    /// Replaces the destination of a cell.
    pub(super) fn set_d(&mut self, cell: Pos, d: u16) {
        let operands = &mut self.cells[cell as usize + 1];
        *operands = with_d(*operands, d);
    }

    /// Writes the displacement from a site's cell to `target`.
    pub(super) fn link(&mut self, site: Site, target: Pos) {
        super::steps::count(1);
        #[cfg(test)]
        self.labels.insert(target);
        match site {
            Site::Branch { cell } => {
                let displacement = target.wrapping_sub(cell);
                let operands = &mut self.cells[cell as usize + 1];
                *operands = with_b(*operands, displacement);
            }
            Site::Table { cell, granule } => {
                let displacement = i64::from(target) - i64::from(cell);
                self.cells[granule as usize] = displacement as u64;
            }
            Site::Clause { range, clause } => self.tries[range].clauses[clause].target = target,
        }
    }

    /// Makes a branch go to the head of the loop that begins at `header`.
    pub(super) fn link_to_head(&mut self, cell: Pos, header: Pos) {
        self.link(Site::Branch { cell }, header);
        let operands = &mut self.cells[cell as usize + 1];
        *operands = with_b(*operands, TO_HEAD);
    }

    /// A granule of the code.
    #[cfg(test)]
    pub(super) fn granule_at(&self, pos: Pos) -> u64 {
        self.cells[pos as usize]
    }

    /// Adds to operand `b` of a cell.
    pub(super) fn add_to_b(&mut self, cell: Pos, amount: u32) {
        let operands = &mut self.cells[cell as usize + 1];
        *operands = with_b(*operands, b_of(*operands).saturating_add(amount));
    }

    /// Replaces the operands of a cell.
    pub(super) fn set_operands(&mut self, cell: Pos, fields: Fields) {
        self.cells[cell as usize + 1] = fields.operands();
    }

    /// Exchanges the handlers of cells for those of the sequences that start there, such that
    /// as few as possible are executed one after the other.
    pub(super) fn fuse_sequences(&mut self) {
        const { assert!(sequences::LONGEST == 3) };
        let sequences = sequences::table();
        // The handlers of one operation and of two that start at the cell behind, and what the
        // cells behind those of a sequence cost, by its length: how many handlers there are from
        // each on.
        let (mut one_behind, mut two_behind) = (0, 0);
        let (mut cost, mut cost_of_two, mut cost_of_three) = (0, 0, 0);
        for &start in self.starts.iter().rev() {
            let cell = &mut self.cells[start as usize];
            let one = *cell;
            let find = |behind| if behind == 0 { None } else { sequences.find(one, behind) };
            let (two, three) = (find(one_behind), find(two_behind));
            let mut least = cost;
            if let Some(two) = two
                && cost_of_two < least
            {
                (*cell, least) = (two, cost_of_two);
            }
            if let Some(three) = three
                && cost_of_three < least
            {
                (*cell, least) = (three, cost_of_three);
            }
            (one_behind, two_behind) = (one, two.unwrap_or(0));
            (cost, cost_of_two, cost_of_three) = (1 + least, cost, cost_of_two);
        }
    }

    /// The finished code of a function whose frames keep the return address in `link_slot`.
    pub(super) fn finish(&mut self, link_slot: u32) -> Code {
        Code {
            cells: self.cells.as_slice().into(),
            sites: self.sites.as_slice().into(),
            tries: Tries::new(self.tries.drain(..)),
            link_slot,
        }
    }
}
