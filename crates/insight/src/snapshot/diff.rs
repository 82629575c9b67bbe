//! What differs between two snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use lineal::Escaped;

use super::{PAGE_BYTES, Snapshot, SnapshotBlock};
use crate::check::frames_json;
use crate::page::Page;
use crate::words::count_of;

/// How many unchanged bytes may lie in one change.
const GAP_BYTES: u64 = 8;

/// How many bytes of a change are printed.
const SHOWN_BYTES: u64 = 16;

/// Bytes beside each other that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The index of the memory.
    pub memory: u32,
    /// The addresses.
    pub range: Range<u64>,
    /// How many of the bytes differ.
    pub changed_bytes: u64,
    /// What lies there: a variable, a block, or a part of the memory.
    pub owner: String,
    /// How far the range is from the owner's start.
    pub offset: u64,
    /// The first bytes before.
    pub old: Vec<u8>,
    /// The first bytes after.
    pub new: Vec<u8>,
}

/// A block that only one snapshot has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockChange {
    /// The block.
    pub block: SnapshotBlock,
    /// Whether it is the later snapshot that has it.
    pub is_new: bool,
}

/// What differs between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// When the snapshots were taken.
    pub events: (String, String),
    /// The sizes of the memories in bytes.
    pub sizes: Vec<(u64, u64)>,
    /// The changes, by memory and address.
    pub changes: Vec<Change>,
    /// The blocks that only one of them has, by address.
    pub blocks: Vec<BlockChange>,
    /// How many blocks both have.
    pub same_blocks: usize,
}

/// Something with a name at addresses of a memory.
struct Owner {
    range: Range<u64>,
    name: String,
}

impl Difference {
    /// Compares a snapshot with a later one.
    pub fn of(old: &Snapshot, new: &Snapshot) -> Difference {
        let empty = super::Image::default();
        let count = old.memories.len().max(new.memories.len());
        let mut changes = Vec::new();
        let mut sizes = Vec::new();
        for index in 0..count {
            let (a, b) = (
                old.memories.get(index).unwrap_or(&empty),
                new.memories.get(index).unwrap_or(&empty),
            );
            sizes.push((a.len_bytes, b.len_bytes));
            let pages: BTreeSet<u64> = a.pages.keys().chain(b.pages.keys()).copied().collect();
            // The last change, and where its owner ends.
            let mut last: Option<(Change, u64)> = None;
            for page in pages {
                if a.pages.get(&page) == b.pages.get(&page) {
                    continue;
                }
                for addr in (page..page + PAGE_BYTES).filter(|&addr| a.byte(addr) != b.byte(addr)) {
                    match &mut last {
                        Some((change, owner_end))
                            if addr < change.range.end + GAP_BYTES && addr < *owner_end =>
                        {
                            change.range.end = addr + 1;
                            change.changed_bytes += 1;
                        }
                        _ => {
                            let owner = owner(index, addr, old, new);
                            let change = Change {
                                memory: index as u32,
                                range: addr..addr + 1,
                                changed_bytes: 1,
                                owner: owner.name,
                                offset: addr - owner.range.start,
                                old: Vec::new(),
                                new: Vec::new(),
                            };
                            let before = last.replace((change, owner.range.end));
                            changes.extend(before.map(|(change, _)| change));
                        }
                    }
                }
            }
            changes.extend(last.map(|(change, _)| change));
        }
        for change in &mut changes {
            let index = change.memory as usize;
            let addr = change.range.start;
            let len = (change.range.end - addr).min(SHOWN_BYTES) as usize;
            (change.old, change.new) = (vec![0; len], vec![0; len]);
            old.memories.get(index).unwrap_or(&empty).read(addr, &mut change.old);
            new.memories.get(index).unwrap_or(&empty).read(addr, &mut change.new);
        }
        let key = |block: &SnapshotBlock| (block.addr, block.serial);
        let before: BTreeMap<_, _> = old.blocks.iter().map(|block| (key(block), block)).collect();
        let after: BTreeMap<_, _> = new.blocks.iter().map(|block| (key(block), block)).collect();
        let gone = before.iter().filter(|(key, _)| !after.contains_key(key));
        let gone = gone.map(|(_, &block)| BlockChange { block: block.clone(), is_new: false });
        let made = after.iter().filter(|(key, _)| !before.contains_key(key));
        let made = made.map(|(_, &block)| BlockChange { block: block.clone(), is_new: true });
        let mut blocks: Vec<BlockChange> = gone.chain(made).collect();
        blocks.sort_by_key(|change| (change.block.addr, change.is_new));
        Difference {
            events: (old.event.clone(), new.event.clone()),
            sizes,
            changes,
            blocks,
            same_blocks: before.keys().filter(|&key| after.contains_key(key)).count(),
        }
    }

    /// How many bytes of each variable, block and part of the memory differ, the most first.
    pub fn by_owner(&self) -> Vec<(&str, u64)> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for change in &self.changes {
            *sums.entry(&change.owner).or_default() += change.changed_bytes;
        }
        let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
        sums.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
        sums
    }

    /// The difference as JSON: an object with `kind` (`diff`) and `version`.
    pub fn to_json(&self) -> Value {
        let text =
            |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let changes = self.changes.iter().map(|change| {
            json!({
                "memory": change.memory, "start": change.range.start, "end": change.range.end,
                "changed": change.changed_bytes, "owner": change.owner, "offset": change.offset,
                "old": text(&change.old), "new": text(&change.new),
            })
        });
        let blocks = self.blocks.iter().map(|change| {
            json!({
                "new": change.is_new, "addr": change.block.addr, "size": change.block.size_bytes,
                "stack": frames_json(&change.block.stack),
            })
        });
        json!({
            "kind": "diff",
            "version": 1,
            "events": [self.events.0, self.events.1],
            "sizes": self.sizes.iter().map(|(a, b)| json!([a, b])).collect::<Vec<_>>(),
            "changes": changes.collect::<Vec<_>>(),
            "owners": self.by_owner().iter().map(|(name, bytes)| json!([name, bytes])).collect::<Vec<_>>(),
            "blocks": blocks.collect::<Vec<_>>(),
            "same_blocks": self.same_blocks,
        })
    }

    /// A page that shows where memory 0 differs, and what of the later snapshot lies there.
    pub fn page(&self, title: &str, new: &Snapshot) -> Page {
        const ROWS: usize = 2000;
        let mut page = Page::new(title);
        let changed: u64 = self.changes.iter().map(|change| change.changed_bytes).sum();
        page.summary("before", &*self.events.0);
        page.summary("after", &*self.events.1);
        page.summary("bytes that differ", changed);
        page.summary("places", self.changes.len());
        page.summary("new blocks", self.blocks.iter().filter(|change| change.is_new).count());
        page.summary("blocks gone", self.blocks.iter().filter(|change| !change.is_new).count());
        let here = || self.changes.iter().filter(|change| change.memory == 0);
        let painted: Vec<Value> = here()
            .map(|change| json!([change.range.start, change.range.end, "changed", 0, change.owner]))
            .collect();
        page.snapshot(new, painted);
        let rows = here().take(ROWS).map(|change| {
            json!([
                { "addr": change.range.start }, change.range.end - change.range.start,
                format!("{}+{}", change.owner, change.offset), hex(&change.old), hex(&change.new)
            ])
        });
        let columns = ["address", "bytes", "what", "before", "after"];
        page.rows("What differs", &columns, rows.collect());
        page
    }
}

/// What lies at an address: a variable, a block of either snapshot, or a part of the memory.
fn owner(memory: usize, addr: u64, old: &Snapshot, new: &Snapshot) -> Owner {
    let whole = Owner { range: 0..u64::MAX, name: format!("memory {memory}") };
    if memory != 0 {
        return whole;
    }
    for snapshot in [new, old] {
        if let Some((range, name)) = last_at(&snapshot.symbols, addr, |entry| entry.0.clone()) {
            return Owner { range: range.clone(), name: name.clone() };
        }
        let range = |block: &SnapshotBlock| block.addr..block.addr.saturating_add(block.size_bytes);
        if let Some(block) = last_at(&snapshot.blocks, addr, range) {
            // The innermost function that does not look like an allocator.
            let allocates = |name: &str| name.contains("alloc") || name.starts_with("operator new");
            let mut frames = block.stack.iter().map(|frame| &*frame.function);
            let who = frames.find(|name| !allocates(name)).unwrap_or("an allocator");
            let name = format!("block of {} of {who}", count_of(block.size_bytes, "byte"));
            return Owner { range: range(block), name };
        }
    }
    let region = new.regions.iter().rfind(|region| region.0.contains(&addr));
    region.map_or(whole, |(range, kind, name)| Owner {
        // What the heap has between blocks ends at the next one.
        range: range.start..next_start(new, addr).min(range.end),
        name: name.clone().unwrap_or_else(|| kind.clone()),
    })
}

/// Where the next variable or block begins.
fn next_start(snapshot: &Snapshot, addr: u64) -> u64 {
    let block = snapshot.blocks.partition_point(|block| block.addr <= addr);
    let symbol = snapshot.symbols.partition_point(|(range, _)| range.start <= addr);
    let block = snapshot.blocks.get(block).map_or(u64::MAX, |block| block.addr);
    let symbol = snapshot.symbols.get(symbol).map_or(u64::MAX, |(range, _)| range.start);
    block.min(symbol)
}

/// The last element of a sorted list that has an address.
fn last_at<T>(list: &[T], addr: u64, range: impl Fn(&T) -> Range<u64>) -> Option<&T> {
    let index = list.partition_point(|element| range(element).start <= addr);
    list[..index].last().filter(|element| range(element).contains(&addr))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {} to {}", self.events.0, self.events.1)?;
        for (index, (before, after)) in self.sizes.iter().enumerate() {
            let of = || self.changes.iter().filter(|change| change.memory as usize == index);
            let changed: u64 = of().map(|change| change.changed_bytes).sum();
            let (changed, places) =
                (count_of(changed, "byte"), count_of(of().count() as u64, "place"));
            let size = if before == after {
                count_of(*after, "byte")
            } else {
                format!("{before} -> {}", count_of(*after, "byte"))
            };
            writeln!(f, "memory {index} of {size}: {changed} changed in {places}")?;
        }
        let owners = self.by_owner();
        for (name, bytes) in owners.iter().take(10) {
            writeln!(f, "  {:>10}  {}", count_of(*bytes, "byte"), Escaped(name))?;
        }
        for change in &self.changes {
            let memory = match change.memory {
                0 => String::new(),
                index => format!("memory{index}:"),
            };
            let more =
                if change.range.end - change.range.start > SHOWN_BYTES { " ..." } else { "" };
            writeln!(
                f,
                "{memory}{:#x}..{:#x}  {}+{}  {}{more} -> {}{more}",
                change.range.start,
                change.range.end,
                Escaped(&change.owner),
                change.offset,
                hex(&change.old),
                hex(&change.new)
            )?;
        }
        let new = self.blocks.iter().filter(|change| change.is_new).count() as u64;
        let gone = self.blocks.len() as u64 - new;
        writeln!(f, "{} new, {gone} gone, {} in both", count_of(new, "block"), self.same_blocks)?;
        for change in &self.blocks {
            let block = &change.block;
            let sign = if change.is_new { '+' } else { '-' };
            let size = count_of(block.size_bytes, "byte");
            writeln!(f, "{sign} {:#x}  {size}, allocated at", block.addr)?;
            block.stack.iter().try_for_each(|frame| writeln!(f, "    {frame}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::*;

    fn snapshot(bytes: &[(u64, u8)], blocks: &[(u64, u64)]) -> Snapshot {
        let mut pages: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for &(addr, byte) in bytes {
            let page = pages.entry(addr & !4095).or_insert_with(|| vec![0; 4096]);
            page[(addr % 4096) as usize] = byte;
        }
        let mut image = Image { len_bytes: 65_536, ..Image::default() };
        pages.iter().for_each(|(&addr, page)| image.keep(addr, page));
        let block = |&(addr, serial): &(u64, u64)| SnapshotBlock {
            addr,
            size_bytes: 16,
            serial,
            stack: Vec::new(),
        };
        Snapshot {
            event: "the end".into(),
            memories: vec![image],
            regions: vec![(4096..65_536, "heap".into(), None)],
            symbols: vec![(1024..1028, "count".into()), (1028..1032, "total".into())],
            blocks: blocks.iter().map(block).collect(),
        }
    }

    #[test]
    fn changes_have_owners_and_end_with_them() {
        let old = snapshot(&[(1024, 1), (5000, 9)], &[(4096, 1), (4200, 2)]);
        let new = snapshot(
            &[(1024, 2), (1027, 1), (1028, 7), (4100, 3), (5000, 9)],
            &[(4096, 1), (4200, 5)],
        );
        let difference = Difference::of(&old, &new);
        let found: Vec<_> = difference
            .changes
            .iter()
            .map(|change| {
                (change.range.clone(), change.changed_bytes, &*change.owner, change.offset)
            })
            .collect();
        assert_eq!(
            found,
            [
                (1024..1028, 2, "count", 0),
                (1028..1029, 1, "total", 0),
                (4100..4101, 1, "block of 16 bytes of an allocator", 4),
            ]
        );
        assert_eq!(difference.changes[0].old, [1, 0, 0, 0]);
        assert_eq!(difference.changes[0].new, [2, 0, 0, 1]);
        assert_eq!(difference.by_owner()[0], ("count", 2));
        let blocks: Vec<_> =
            difference.blocks.iter().map(|change| (change.block.addr, change.is_new)).collect();
        assert_eq!(blocks, [(4200, false), (4200, true)], "the same place, but another block");
        assert_eq!(difference.same_blocks, 1);
        assert!(Difference::of(&old, &old).changes.is_empty());
    }
}
