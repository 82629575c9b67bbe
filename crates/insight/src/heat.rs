//! How often addresses are read and written, and when.
//!
//! Memory is divided into pieces of equal size, and the run into spans of time: each span has as
//! many accesses as the others, and twice as many once there would be more than 64 of them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use lineal::{Access, Accesses, Batch, Instantiated, Moment, Observe, Observer};
use serde_json::{Value, json};

use crate::memories::Memories;

/// How many bytes a piece of memory has by default.
pub const PIECE_BYTES: u64 = 4096;

/// The most spans of time.
const SPANS: usize = 64;

/// Reads and writes of a piece of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many accesses read.
    pub reads: u64,
    /// How many accesses wrote.
    pub writes: u64,
    /// How many bytes were read.
    pub read_bytes: u64,
    /// How many bytes were written.
    pub written_bytes: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
    }

    fn accesses(&self) -> u64 {
        self.reads + self.writes
    }
}

/// A piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// All its accesses.
    pub total: Counts,
    /// Its accesses in each span of time, as far as there were any.
    pub spans: Vec<u64>,
}

/// An observer that counts accesses by address and time.
#[derive(Debug)]
pub struct Heat {
    memories: Memories,
    piece_bytes: u64,
    pieces: BTreeMap<(u32, u64), Piece>,
    /// Accesses until now, and in each span.
    time: u64,
    span: u64,
}

impl Heat {
    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().accesses(Accesses::All).batched(true)
    }

    /// Counts by pieces of so many bytes, at least one.
    pub fn new(piece_bytes: u64) -> Heat {
        Heat {
            memories: Memories::default(),
            piece_bytes: piece_bytes.max(1),
            pieces: BTreeMap::new(),
            time: 0,
            span: 1024,
        }
    }

    /// How many bytes a piece has.
    pub fn piece_bytes(&self) -> u64 {
        self.piece_bytes
    }

    /// The pieces that were accessed: memory and first address, with their counts.
    pub fn pieces(&self) -> impl Iterator<Item = (u32, u64, &Piece)> {
        self.pieces.iter().map(|(&(memory, piece), it)| (memory, piece * self.piece_bytes, it))
    }

    /// All accesses.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.pieces.values().for_each(|piece| total.add(&piece.total));
        total
    }

    /// The counts for `--json`: `version` is that of this form, 1.
    pub fn to_json(&self) -> Value {
        let pieces: Vec<Value> = self
            .pieces()
            .map(|(memory, start, piece)| {
                let Counts { reads, writes, read_bytes, written_bytes } = piece.total;
                json!({
                    "memory": memory,
                    "start": start,
                    "reads": reads,
                    "writes": writes,
                    "read_bytes": read_bytes,
                    "written_bytes": written_bytes,
                    "spans": piece.spans,
                })
            })
            .collect();
        json!({
            "kind": "heat",
            "version": 1,
            "piece_bytes": self.piece_bytes,
            "accesses": self.time,
            "span_accesses": self.span,
            "pieces": pieces,
        })
    }

    fn count(&mut self, access: &Access<'_>) {
        let Some(memory) = self.memories.index(access.memory()) else { return };
        if self.time / self.span >= SPANS as u64 {
            self.span *= 2;
            for piece in self.pieces.values_mut() {
                piece.spans = piece.spans.chunks(2).map(|pair| pair.iter().sum()).collect();
            }
        }
        let span = (self.time / self.span) as usize;
        self.time += 1;
        let range = access.range();
        let mut addr = range.start;
        while addr < range.end {
            let number = addr / self.piece_bytes;
            let end = ((number + 1) * self.piece_bytes).min(range.end);
            let piece = self.pieces.entry((memory, number)).or_default();
            if piece.spans.len() <= span {
                piece.spans.resize(span + 1, 0);
            }
            piece.spans[span] += 1;
            if access.kind().reads() {
                piece.total.reads += 1;
                piece.total.read_bytes += end - addr;
            }
            if access.kind().writes() {
                piece.total.writes += 1;
                piece.total.written_bytes += end - addr;
            }
            addr = end;
        }
    }

    /// The picture: a row for each piece (or several beside each other, if there are many), a
    /// column for each span of time.
    pub fn picture(&self) -> String {
        const SHADES: [char; 6] = [' ', '·', '░', '▒', '▓', '█'];
        const ROWS: u64 = 48;
        let mut text = String::new();
        let memories: std::collections::BTreeSet<u32> =
            self.pieces.keys().map(|&(memory, _)| memory).collect();
        for memory in memories {
            let of_memory = || self.pieces.range((memory, 0)..=(memory, u64::MAX));
            let Some((&(_, first), _)) = of_memory().next() else { continue };
            let Some((&(_, last), _)) = of_memory().next_back() else { continue };
            let per_row = (last - first + 1).div_ceil(ROWS);
            let spans = of_memory().map(|(_, piece)| piece.spans.len()).max().unwrap_or(0);
            let mut rows: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            for (&(_, number), piece) in of_memory() {
                let row = rows.entry((number - first) / per_row).or_insert_with(|| vec![0; spans]);
                for (sum, count) in row.iter_mut().zip(&piece.spans) {
                    *sum += count;
                }
            }
            let most = rows.values().flatten().copied().max().unwrap_or(1).max(1);
            let bytes = per_row * self.piece_bytes;
            text += &format!(
                "memory {memory}: a row is {bytes} bytes, a column {} accesses\n",
                self.span
            );
            for (row, counts) in rows {
                let addr = (first + row * per_row) * self.piece_bytes;
                text += &format!("{addr:#12x} │");
                for count in counts {
                    // By magnitude, so that what is rare can be seen.
                    let shade = match count {
                        0 => 0,
                        count => {
                            let share = (count as f64).ln_1p() / (most as f64).ln_1p();
                            1 + (share * 4.0).round() as usize
                        }
                    };
                    text.push(SHADES[shade.min(5)]);
                }
                text += "│\n";
            }
        }
        text
    }
}

impl Observer for Heat {
    fn instantiated(&mut self, _: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        self.memories.instantiated(instance);
        Ok(())
    }

    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        self.count(access);
        Ok(())
    }

    fn accesses(&mut self, _: &mut Moment<'_>, batch: &Batch<'_>) -> Result<()> {
        batch.iter().for_each(|access| self.count(&access));
        Ok(())
    }
}

impl fmt::Display for Heat {
    /// Writes a table of the pieces with the most accesses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 20;
        let mut pieces: Vec<_> = self.pieces().collect();
        pieces.sort_by_key(|(memory, start, piece)| {
            (std::cmp::Reverse(piece.total.accesses()), *memory, *start)
        });
        let all = pieces.len();
        writeln!(f, "{:>23}  {:>12}  {:>12}  {:>12}", "addresses", "reads", "writes", "bytes")?;
        for (memory, start, piece) in pieces.into_iter().take(ROWS) {
            let end = start + self.piece_bytes;
            let mut addresses = format!("{start:#x}..{end:#x}");
            if memory != 0 {
                addresses = format!("memory{memory}:{addresses}");
            }
            let Counts { reads, writes, read_bytes, written_bytes } = piece.total;
            let bytes = read_bytes + written_bytes;
            writeln!(f, "{addresses:>23}  {reads:>12}  {writes:>12}  {bytes:>12}")?;
        }
        if all > ROWS {
            writeln!(f, "{:>23}", format!("and {} more", all - ROWS))?;
        }
        let Counts { reads, writes, read_bytes, written_bytes } = self.total();
        let bytes = read_bytes + written_bytes;
        writeln!(f, "{:>23}  {reads:>12}  {writes:>12}  {bytes:>12}", "all")
    }
}
