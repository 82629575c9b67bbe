//! What a check collects, and what it reports at the end.

use std::collections::HashMap;
use std::fmt;

use lineal::{Call, MemoryId, Moment, Site};

use super::finding::{BlockInfo, Finding, Kind};
use super::frames::frames;
use super::leaks::LeakKind;
use super::options::Options;
use super::suppress::Suppressions;
use crate::alloc::{AllocOption, AllocatorFunction, Block, Hidden, Place, StackId};
use crate::event::CallEvent;
use crate::stacks::Stacks;
use crate::words::count_of;

/// How many bytes around a faulty address are shown.
const SHOWN_BYTES: u64 = 48;

/// A finding before its place is known.
pub(super) struct Draft {
    kind: Kind,
    message: String,
    addr: Option<u64>,
    len_bytes: Option<u64>,
    block: Option<Block>,
}

impl Draft {
    pub(super) fn new(kind: Kind, message: String) -> Draft {
        Draft { kind, message, addr: None, len_bytes: None, block: None }
    }

    pub(super) fn at(self, addr: u64, len_bytes: u64) -> Draft {
        Draft { addr: Some(addr), len_bytes: Some(len_bytes), ..self }
    }

    pub(super) fn lost(self, len_bytes: u64) -> Draft {
        Draft { len_bytes: Some(len_bytes), ..self }
    }

    pub(super) fn about(self, block: Option<Block>) -> Draft {
        Draft { block, ..self }
    }
}

/// Blocks and bytes of each kind of leak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeakSummary {
    /// Blocks and bytes that are definitely lost.
    pub definite: (u64, u64),
    /// Blocks and bytes that are indirectly lost.
    pub indirect: (u64, u64),
    /// Blocks and bytes that are possibly lost.
    pub possible: (u64, u64),
    /// Blocks and bytes that are still reachable.
    pub reachable: (u64, u64),
    /// Blocks and bytes of any kind that are suppressed.
    pub suppressed: (u64, u64),
}

impl LeakSummary {
    /// Adds those of another memory.
    pub(super) fn add_all(&mut self, other: &LeakSummary) {
        let LeakSummary { definite, indirect, possible, reachable, suppressed } = self;
        for ((blocks, bytes), (more_blocks, more_bytes)) in [
            (definite, other.definite),
            (indirect, other.indirect),
            (possible, other.possible),
            (reachable, other.reachable),
            (suppressed, other.suppressed),
        ] {
            *blocks += more_blocks;
            *bytes += more_bytes;
        }
    }

    fn of(&mut self, kind: LeakKind) -> &mut (u64, u64) {
        match kind {
            LeakKind::Definite => &mut self.definite,
            LeakKind::Indirect => &mut self.indirect,
            LeakKind::Possible => &mut self.possible,
            LeakKind::Reachable => &mut self.reachable,
        }
    }

    /// Counts blocks of a kind.
    pub(super) fn add(&mut self, kind: LeakKind, blocks: u64, size_bytes: u64) {
        let sum = self.of(kind);
        *sum = (sum.0 + blocks, sum.1 + size_bytes);
    }

    /// Counts blocks that are suppressed.
    pub(super) fn suppress(&mut self, blocks: u64, size_bytes: u64) {
        self.suppressed = (self.suppressed.0 + blocks, self.suppressed.1 + size_bytes);
    }
}

/// The heap at the end, and what happened to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapSummary {
    /// Blocks that were not freed.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// How many blocks were allocated.
    pub allocations: u64,
    /// How many were freed.
    pub frees: u64,
    /// The bytes of all allocated blocks.
    pub allocated_bytes: u64,
}

impl HeapSummary {
    /// Adds those of another memory.
    pub(super) fn add_all(&mut self, other: HeapSummary) {
        self.live_blocks += other.live_blocks;
        self.live_bytes += other.live_bytes;
        self.allocations += other.allocations;
        self.frees += other.frees;
        self.allocated_bytes += other.allocated_bytes;
    }
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Report {
    /// The distinct findings, in the order of their first occurrence; leaks come last.
    pub findings: Vec<Finding>,
    /// How often an error was found, each occurrence counted.
    pub errors: u64,
    /// The allocator functions that were recognised.
    pub allocators: Vec<AllocatorFunction>,
    /// The heap at the end.
    pub heap: HeapSummary,
    /// The leaks, if they were looked for.
    pub leaks: Option<LeakSummary>,
    /// The call at which leaks were to be looked for, if it did not happen.
    pub leaks_missed: Option<CallEvent>,
    /// The options that name an allocator function that the module does not have.
    pub unused_alloc: Vec<AllocOption>,
    /// Why the heaps of some modules were not checked, although they have allocator functions.
    pub hidden: Vec<Hidden>,
    /// How many occurrences were suppressed.
    pub suppressed: u64,
    /// Whether there were more distinct findings than the limit allows.
    pub limited: bool,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether the heap's numbers say something: they are zero if the heap could not be followed.
    pub fn follows_heap(&self) -> bool {
        self.hidden.is_empty() || self.heap.allocations > 0 || self.heap.frees > 0
    }
}

impl fmt::Display for Report {
    /// Writes the findings and the summary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let heap = &self.heap;
        if self.follows_heap() {
            writeln!(
                f,
                "heap: {} in {} at the end; {}, {}, {} allocated",
                count_of(heap.live_bytes, "byte"),
                count_of(heap.live_blocks, "block"),
                count_of(heap.allocations, "allocation"),
                count_of(heap.frees, "free"),
                count_of(heap.allocated_bytes, "byte")
            )?;
        } else {
            writeln!(f, "heap: not followed, so its blocks and leaks are unknown")?;
        }
        if let Some(leaks) = &self.leaks
            && heap.live_blocks > 0
        {
            let rows = [
                ("definitely lost", leaks.definite),
                ("indirectly lost", leaks.indirect),
                ("possibly lost", leaks.possible),
                ("still reachable", leaks.reachable),
                ("suppressed", leaks.suppressed),
            ];
            for (what, (blocks, bytes)) in rows.into_iter().filter(|row| row.1.0 > 0) {
                let (bytes, blocks) = (count_of(bytes, "byte"), count_of(blocks, "block"));
                writeln!(f, "  {what}: {bytes} in {blocks}")?;
            }
        }
        if let Some(event) = &self.leaks_missed {
            writeln!(f, "leaks were not looked for: {event} did not happen")?;
        }
        if self.limited {
            writeln!(f, "more was found than --error-limit allows to report")?;
        }
        let distinct = self.findings.len();
        match (self.errors, distinct) {
            (0, _) => write!(f, "no errors")?,
            (1, _) => write!(f, "1 error")?,
            (errors, distinct) => write!(f, "{errors} errors, {distinct} distinct")?,
        }
        if self.suppressed > 0 {
            write!(f, " ({} suppressed)", self.suppressed)?;
        }
        writeln!(f)
    }
}

/// Keeps findings, each once.
#[derive(Debug)]
pub(super) struct Recorder {
    stacks: Stacks,
    depth: usize,
    findings: Vec<Finding>,
    /// Those of the last search for leaks.
    leaks: Vec<Finding>,
    suppressed_leaks: u64,
    /// By kind and place: the index of the finding, or `None` if it is suppressed.
    known: HashMap<(Kind, StackId), Option<usize>>,
    suppressions: Suppressions,
    built_in: Suppressions,
    suppressed: u64,
    limit: Option<usize>,
    limited: bool,
}

impl Recorder {
    pub(super) fn new(options: &Options) -> Recorder {
        Recorder {
            stacks: Stacks::default(),
            depth: options.stack_depth,
            findings: Vec::new(),
            leaks: Vec::new(),
            suppressed_leaks: 0,
            known: HashMap::new(),
            suppressions: options.suppressions.clone(),
            built_in: Suppressions::built_in(),
            suppressed: 0,
            limit: options.error_limit,
            limited: false,
        }
    }

    /// The stack as it is now.
    pub(super) fn stack(&mut self, moment: &mut Moment<'_>) -> StackId {
        self.stacks.now(moment, self.depth)
    }

    /// The stack of a call that has just begun.
    pub(super) fn stack_of_call(&mut self, call: &Call<'_>, moment: &mut Moment<'_>) -> StackId {
        self.stacks.of_call(call, moment, self.depth)
    }

    /// The stack as it is now, if an access is made at that site: a host function comes first.
    pub(super) fn stack_at(&mut self, site: Site, moment: &mut Moment<'_>) -> StackId {
        if site.is_host() {
            self.stacks.below(site, moment, self.depth)
        } else {
            self.stack(moment)
        }
    }

    /// The sites of a stack.
    pub(super) fn sites(&self, stack: StackId) -> &[Site] {
        self.stacks.get(stack)
    }

    pub(super) fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    pub(super) fn record(
        &mut self,
        moment: &Moment<'_>,
        memory: MemoryId,
        stack: StackId,
        draft: Draft,
    ) {
        if let Some(&known) = self.known.get(&(draft.kind, stack)) {
            match known {
                Some(index) => self.findings[index].count += 1,
                None => self.suppressed += 1,
            }
            return;
        }
        if self.is_full() {
            return;
        }
        let finding = self.finding(moment, memory, stack, &draft);
        let index = if self.built_in.suppress(&finding) {
            None
        } else if self.suppressions.suppress(&finding) {
            self.suppressed += 1;
            None
        } else {
            self.findings.push(finding);
            Some(self.findings.len() - 1)
        };
        self.known.insert((draft.kind, stack), index);
    }

    /// Takes note of something that stays as it is, however often a report is asked for.
    pub(super) fn record_once(
        &mut self,
        moment: &Moment<'_>,
        memory: MemoryId,
        stack: StackId,
        draft: Draft,
    ) {
        if !self.known.contains_key(&(draft.kind, stack)) {
            self.record(moment, memory, stack, draft);
        }
    }

    /// Whether there are as many findings as the limit allows.
    fn is_full(&mut self) -> bool {
        let findings = self.findings.len() + self.leaks.len();
        let is_full = self.limit.is_some_and(|limit| findings >= limit);
        self.limited |= is_full;
        is_full
    }

    /// Leaks are searched for, so those that were found before are forgotten.
    pub(super) fn begin_leaks(&mut self) {
        self.leaks.clear();
        self.suppressed_leaks = 0;
    }

    /// Takes note of a leak, whose place is where its block was allocated, if it is `shown`.
    /// Returns whether it is suppressed.
    pub(super) fn record_leak(
        &mut self,
        moment: &Moment<'_>,
        memory: MemoryId,
        stack: StackId,
        draft: Draft,
        shown: bool,
    ) -> bool {
        if shown && self.is_full() {
            return false;
        }
        let finding = self.finding(moment, memory, stack, &draft);
        if self.built_in.suppress(&finding) {
            return true;
        }
        if self.suppressions.suppress(&finding) {
            self.suppressed_leaks += u64::from(shown);
            return true;
        }
        if shown {
            self.leaks.push(finding);
        }
        false
    }

    fn finding(
        &self,
        moment: &Moment<'_>,
        memory: MemoryId,
        stack: StackId,
        draft: &Draft,
    ) -> Finding {
        let of = |stack| frames(moment, self.stacks.get(stack));
        let block = draft.block.as_ref().map(|block| BlockInfo {
            addr: block.addr,
            size_bytes: block.size_bytes,
            family: block.family,
            place: draft.addr.map_or(Place::Inside(0), |addr| block.place_of(addr)),
            allocated_at: of(block.allocated_at),
            freed_at: block.freed_at.map(of),
        });
        let (bytes_addr, bytes) = match draft.addr {
            Some(addr) => bytes_around(moment, memory, addr),
            None => (0, Vec::new()),
        };
        Finding {
            // The report counts those that it has.
            number: 0,
            kind: draft.kind,
            message: draft.message.clone(),
            addr: draft.addr,
            len_bytes: draft.len_bytes,
            stack: of(stack),
            block,
            bytes_addr,
            bytes,
            count: 1,
        }
    }

    pub(super) fn report(
        &self,
        allocators: Vec<AllocatorFunction>,
        heap: HeapSummary,
        leaks: Option<LeakSummary>,
    ) -> Report {
        let mut findings: Vec<Finding> = self.findings.iter().chain(&self.leaks).cloned().collect();
        for (number, finding) in (1..).zip(&mut findings) {
            finding.number = number;
        }
        Report {
            errors: findings.iter().map(|finding| finding.count).sum(),
            findings,
            allocators,
            heap,
            leaks,
            leaks_missed: None,
            unused_alloc: Vec::new(),
            hidden: Vec::new(),
            suppressed: self.suppressed + self.suppressed_leaks,
            limited: self.limited,
        }
    }
}

fn bytes_around(moment: &Moment<'_>, memory: MemoryId, addr: u64) -> (u64, Vec<u8>) {
    let start = (addr & !15).saturating_sub(16);
    let end = start.saturating_add(SHOWN_BYTES).min(moment.memory_bytes(memory));
    let mut bytes = vec![0; end.saturating_sub(start) as usize];
    match moment.read(memory, start, &mut bytes) {
        Ok(()) => (start, bytes),
        Err(_) => (0, Vec::new()),
    }
}
