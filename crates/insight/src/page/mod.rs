//! A report that one looks at: a single page of HTML without anything from elsewhere.
//!
//! The page draws what it finds in an object of JSON: `summary` (pairs of name and value),
//! `memory` (`bytes`), `layers` (lists of `[start, end, kind, index, name]` in the order in which
//! they are painted; `blocks` and `writers` stand for those), `blocks` (`[start, end, stack, freed]`),
//! `writers` (`[start, end, stack]`), `frames`, `stacks` (lists of indices of frames), `symbols` (`[start, end, name]`), `bytes` (`[start, base64]`),
//! `findings`, `timeline`, `sites` and `rows`. What is not there is not shown.

use std::fmt::Write as _;

use lineal::{MemoryId, Module, Moment};
use serde_json::{Map, Value, json};

use crate::alloc::Block;
use crate::blame::Run;
use crate::check::{Report, finding_json, frames_json, regions_of};
use crate::heap::Profile;
use crate::heat::{Heat, Piece};
use crate::layout::Layout;
use crate::place::Place;
use crate::snapshot::{Snapshot, SnapshotBlock};

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");

/// How many blocks a page has at most; the largest are kept.
const BLOCKS: usize = 10_000;

/// How many bytes of the memory a page has at most.
const BYTES: usize = 256 << 10;

/// How many runs of bytes with one writer a page has at most.
const WRITERS: usize = 10_000;

/// How many symbols a page has at most.
const SYMBOLS: usize = 5_000;

/// How many call stacks a page has at most.
const SITES: usize = 2_000;

/// A page in the making.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    data: Map<String, Value>,
}

impl Page {
    /// A page with a title, such as the command line.
    pub fn new(title: impl Into<String>) -> Page {
        let data = Map::from_iter([("summary".to_owned(), json!([]))]);
        Page { title: title.into(), data }
    }

    /// Adds a line to the summary.
    pub fn summary(&mut self, name: &str, value: impl Into<Value>) -> &mut Page {
        if let Some(Value::Array(lines)) = self.data.get_mut("summary") {
            lines.push(json!([name, value.into()]));
        }
        self
    }

    /// Adds a table with a title.
    pub fn rows(&mut self, title: &str, columns: &[&str], rows: Vec<Value>) -> &mut Page {
        self.set("rows", json!({ "title": title, "columns": columns, "rows": rows }))
    }

    /// Adds a member of the page's data.
    pub fn set(&mut self, name: &str, value: Value) -> &mut Page {
        self.data.insert(name.to_owned(), value);
        self
    }

    /// Adds the map of a memory: its regions, and the blocks that are in it.
    pub fn memory<'a>(
        &mut self,
        moment: &Moment<'_>,
        memory: MemoryId,
        module: &Module,
        layout: &Layout,
        blocks: impl Iterator<Item = (&'a Block, Value)>,
    ) -> &mut Page {
        let memory_bytes = moment.memory_bytes(memory);
        let mut blocks: Vec<(&Block, Value)> = blocks.collect();
        if blocks.len() > BLOCKS {
            blocks.sort_by_key(|(block, _)| std::cmp::Reverse(block.size_bytes));
            blocks.truncate(BLOCKS);
        }
        blocks.sort_by_key(|(block, _)| block.addr);
        let mut stacks: Vec<Value> = Vec::new();
        let mut known = std::collections::HashMap::new();
        let mut rows = Vec::new();
        for (block, stack) in blocks {
            let index = *known.entry(block.allocated_at).or_insert_with(|| {
                stacks.push(stack);
                stacks.len() - 1
            });
            rows.push(json!([block.addr, block.end(), index, u8::from(block.freed_at.is_some())]));
        }
        let regions = regions_of(layout, module, memory_bytes);
        let regions = regions
            .iter()
            .map(|(range, kind, name)| json!([range.start, range.end, kind, 0, name]));
        let symbols = module.data_symbols().iter().filter(|symbol| symbol.memory() == 0);
        let symbols: Vec<Value> = symbols
            .take(SYMBOLS)
            .map(|symbol| json!([symbol.range().start, symbol.range().end, symbol.name()]))
            .collect();
        self.set("memory", json!({ "bytes": memory_bytes }));
        self.set("layers", json!([regions.collect::<Vec<_>>(), "blocks"]));
        self.set("blocks", Value::Array(rows));
        self.set("stacks", Value::Array(stacks));
        self.set("symbols", Value::Array(symbols));
        let read = |addr, buffer: &mut [u8]| moment.read(memory, addr, buffer).is_ok();
        self.set("bytes", contents(memory_bytes, read))
    }

    /// Adds the map of a module's memory 0 without blocks.
    pub fn memory_alone(&mut self, moment: &Moment<'_>, module: &Module) -> &mut Page {
        let layout = Layout::of(module.binary());
        match moment.memories().next() {
            Some(memory) => self.memory(moment, memory, module, &layout, std::iter::empty()),
            None => self,
        }
    }

    /// Shows an address first.
    pub fn at(&mut self, addr: u64) -> &mut Page {
        self.set("at", addr.into())
    }

    /// Adds another layer to the map, over those that it has.
    fn layer(&mut self, layer: Value) -> &mut Page {
        match self.data.get_mut("layers") {
            Some(Value::Array(layers)) => layers.push(layer),
            _ => {
                self.set("layers", json!([layer]));
            }
        }
        self
    }

    /// Adds the map of a snapshot's first memory, with a layer over it.
    pub fn snapshot(&mut self, snapshot: &Snapshot, layer: Vec<Value>) -> &mut Page {
        let Some(image) = snapshot.memories.first() else { return self };
        let regions = snapshot
            .regions
            .iter()
            .map(|(range, kind, name)| json!([range.start, range.end, kind, 0, name]));
        let mut largest: Vec<&SnapshotBlock> = snapshot.blocks.iter().collect();
        largest.sort_by_key(|block| std::cmp::Reverse(block.size_bytes));
        largest.truncate(BLOCKS);
        largest.sort_by_key(|block| block.addr);
        let mut stacks: Vec<Value> = Vec::new();
        let mut known = std::collections::HashMap::new();
        let mut rows = Vec::new();
        for block in largest {
            let index = *known.entry(&block.stack).or_insert_with(|| {
                stacks.push(frames_json(&block.stack));
                stacks.len() - 1
            });
            let end = block.addr.saturating_add(block.size_bytes);
            rows.push(json!([block.addr, end, index, 0]));
        }
        let symbols = snapshot.symbols.iter().take(SYMBOLS);
        let symbols = symbols.map(|(range, name)| json!([range.start, range.end, name]));
        self.set("memory", json!({ "bytes": image.len_bytes }));
        self.set("layers", json!([regions.collect::<Vec<_>>(), "blocks", layer]));
        self.set("blocks", Value::Array(rows));
        self.set("stacks", Value::Array(stacks));
        self.set("symbols", symbols.collect());
        let read = |addr, buffer: &mut [u8]| {
            image.read(addr, buffer);
            true
        };
        self.set("bytes", contents(image.len_bytes, read))
    }

    /// Adds who wrote the bytes of memory 0 last. It comes after the [memory](Self::memory).
    pub fn writers(&mut self, runs: &[Run]) -> &mut Page {
        let mut stacks = match self.data.remove("stacks") {
            Some(Value::Array(stacks)) => stacks,
            _ => Vec::new(),
        };
        let mut known = std::collections::HashMap::new();
        let (mut rows, mut counts) = (Vec::new(), Vec::new());
        let written = |run: &&Run| run.memory == 0 && run.place.name != "never written";
        for run in runs.iter().filter(written).take(WRITERS) {
            let places = || std::iter::once(&run.place).chain(&run.callers);
            let frames: Vec<Value> = places().map(frame_of).collect();
            let first = stacks.len();
            let index = *known.entry(frames.clone()).or_insert(first);
            if index == first {
                stacks.push(Value::Array(frames));
                counts.push((index, run.place.to_string(), 0));
            }
            if let Some(count) = counts.iter_mut().find(|count| count.0 == index) {
                count.2 += run.addresses.end - run.addresses.start;
            }
            rows.push(json!([run.addresses.start, run.addresses.end, index]));
        }
        counts.sort_by_key(|count| std::cmp::Reverse(count.2));
        let table = counts.into_iter().map(|(_, name, bytes)| json!([bytes, name])).collect();
        self.rows("Who wrote most", &["bytes", "writer"], table);
        self.set("stacks", Value::Array(stacks));
        self.set("writers", Value::Array(rows));
        self.layer("writers".into())
    }

    /// Adds how often the parts of memory 0 were accessed. It comes after the
    /// [memory](Self::memory).
    pub fn heat(&mut self, heat: &Heat) -> &mut Page {
        let total = heat.total();
        self.summary("reads", total.reads);
        self.summary("writes", total.writes);
        let mut pieces: Vec<(u64, &Piece)> = heat
            .pieces()
            .filter(|&(memory, _, _)| memory == 0)
            .map(|(_, addr, piece)| (addr, piece))
            .collect();
        let accesses = |piece: &Piece| piece.total.reads + piece.total.writes;
        pieces.sort_by_key(|(_, piece)| std::cmp::Reverse(accesses(piece)));
        pieces.truncate(BLOCKS);
        let most = pieces.first().map_or(1, |(_, piece)| accesses(piece)).max(1) as f64;
        let rows = pieces.iter().take(SITES).map(|(addr, piece)| {
            let total = &piece.total;
            json!([{ "addr": addr }, total.reads, total.writes, total.read_bytes, total.written_bytes])
        });
        let columns = ["address", "reads", "writes", "bytes read", "bytes written"];
        self.rows("Accesses", &columns, rows.collect());
        pieces.sort_by_key(|&(addr, _)| addr);
        let painted = pieces.iter().map(|&(addr, piece)| {
            // Each step of the colour is twice as many accesses, as far as there are steps.
            let level = (10.0 + (accesses(piece) as f64 / most).log2()).clamp(0.0, 10.0) as u64;
            json!([addr, addr + heat.piece_bytes(), "heat", level])
        });
        let painted = painted.collect::<Vec<_>>().into();
        self.layer(painted)
    }

    /// Adds the findings of a check.
    pub fn findings(&mut self, report: &Report) -> &mut Page {
        self.summary("errors", report.errors);
        self.summary("distinct findings", report.findings.len());
        if report.follows_heap() {
            self.summary("allocations", report.heap.allocations);
            self.summary("bytes allocated", report.heap.allocated_bytes);
            self.summary("bytes not freed", report.heap.live_bytes);
        }
        self.set("findings", report.findings.iter().map(finding_json).collect())
    }

    /// Adds a heap profile.
    pub fn profile(&mut self, profile: &Profile) -> &mut Page {
        let all = &profile.totals;
        self.summary("bytes allocated", all.bytes);
        self.summary("blocks allocated", all.blocks);
        self.summary("bytes at the peak", all.peak_bytes);
        self.summary("bytes not freed", all.end_bytes);
        self.summary("temporary blocks", all.temporary_blocks);
        self.summary("memory in bytes", profile.memory_bytes);
        let points: Vec<Value> = profile
            .timeline
            .iter()
            .map(|point| json!([point.time, point.live_bytes, point.memory_bytes]))
            .collect();
        let unit = if profile.time_is_fuel { "fuel" } else { "allocations" };
        self.set(
            "timeline",
            json!({ "series": ["bytes in blocks", "bytes of memory"], "unit": unit, "points": points }),
        );
        let rows: Vec<Value> = profile
            .sites
            .iter()
            .take(SITES)
            .map(|site| {
                let totals = &site.totals;
                let values = [totals.bytes, totals.peak_bytes, totals.end_bytes, totals.blocks];
                json!({ "stack": frames_json(&site.stack), "values": values })
            })
            .collect();
        let measures = ["bytes", "bytes at the peak", "bytes not freed", "blocks"];
        self.set("sites", json!({ "measures": measures, "rows": rows }))
    }

    /// The page's text.
    pub fn html(&self) -> String {
        // Nothing in the data can end the element that it is in.
        let mut data = self.data.clone();
        number_frames(&mut data);
        let data = Value::Object(data).to_string().replace('<', "\\u003c");
        HTML.replace("{{TITLE}}", &escaped(&self.title))
            .replace("{{CSS}}", CSS)
            .replace("{{JS}}", JS)
            .replace("{{DATA}}", &data)
    }
}

/// Puts the frames of all call stacks into one list, and their indices into the stacks: most
/// stacks have most frames in common.
fn number_frames(data: &mut Map<String, Value>) {
    let mut frames: Vec<Value> = Vec::new();
    let mut known: std::collections::HashMap<Value, usize> = std::collections::HashMap::new();
    let mut number = |stack: &mut Value| {
        for frame in stack.as_array_mut().into_iter().flatten() {
            let frame_value = frame.take();
            let index = *known.entry(frame_value.clone()).or_insert_with(|| {
                frames.push(frame_value);
                frames.len() - 1
            });
            *frame = index.into();
        }
    };
    let stacks = data.get_mut("stacks").and_then(Value::as_array_mut);
    stacks.into_iter().flatten().for_each(&mut number);
    let rows = data.get_mut("sites").and_then(|sites| sites["rows"].as_array_mut());
    rows.into_iter().flatten().for_each(|row| number(&mut row["stack"]));
    data.insert("frames".to_owned(), Value::Array(frames));
}

/// A place as a frame.
fn frame_of(place: &Place) -> Value {
    json!({
        "function": place.name, "file": place.file, "line": place.line, "offset": place.offset,
    })
}

/// A text as part of HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(char),
        }
    }
    out
}

/// The bytes of a memory that are not zero, in pieces, as far as there is room.
fn contents(memory_bytes: u64, mut read: impl FnMut(u64, &mut [u8]) -> bool) -> Value {
    const PIECE: u64 = 256;
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut total = 0;
    let mut buffer = [0; PIECE as usize];
    let mut addr = 0;
    while addr < memory_bytes && total < BYTES {
        let len = PIECE.min(memory_bytes - addr) as usize;
        if !read(addr, &mut buffer[..len]) {
            break;
        }
        if buffer[..len].iter().any(|&byte| byte != 0) {
            match pieces.last_mut() {
                Some((start, bytes)) if *start + bytes.len() as u64 == addr => {
                    bytes.extend_from_slice(&buffer[..len]);
                }
                _ => pieces.push((addr, buffer[..len].to_vec())),
            }
            total += len;
        }
        addr += PIECE;
    }
    pieces.iter().map(|(start, bytes)| json!([start, base64(bytes)])).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0, |all, (i, &b)| all | u32::from(b) << (16 - 8 * i));
        for digit in 0..4 {
            if digit <= chunk.len() {
                text.push(char::from(DIGITS[(group >> (18 - 6 * digit)) as usize & 63]));
            } else {
                let _ = write!(text, "=");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_each_remainder() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(b"foobar\xff"), "Zm9vYmFy/w==");
    }

    #[test]
    fn a_page_of_a_large_memory_is_small() {
        const MEMORY: u64 = 64 << 20;
        let frame = |n: u64| crate::check::Frame {
            function: format!("function_with_a_name_of_usual_length_{}", n % 400),
            file: Some(format!("source/file_{}.c", n % 40)),
            line: Some(n as u32),
            column: Some(5),
            offset: Some(n * 7),
        };
        let mut image = crate::snapshot::Image::default();
        image.fill(MEMORY, |addr| ((addr * 31) >> 3) as u8 | 1);
        let block = |n: u64| SnapshotBlock {
            addr: 0x20000 + n * 512,
            size_bytes: 400,
            serial: n,
            stack: (0..12).map(|depth| frame(n % 3000 + depth)).collect(),
        };
        let snapshot = Snapshot {
            memories: vec![image],
            symbols: (0..20_000).map(|n| (n * 4..n * 4 + 4, format!("variable_{n}"))).collect(),
            blocks: (0..100_000).map(block).collect(),
            ..Snapshot::default()
        };
        let mut page = Page::new("large");
        page.snapshot(&snapshot, Vec::new());
        let html = page.html();
        assert!(html.len() <= 2 << 20, "{} bytes", html.len());
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let mut page = Page::new("<script>alert(1)</script>");
        page.summary("</script><b>", "</script>");
        let html = page.html();
        assert_eq!(html.matches("</script>").count(), 2, "its own two");
        assert!(html.contains("&lt;script&gt;alert(1)"));
    }
}
