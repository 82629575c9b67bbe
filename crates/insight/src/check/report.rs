//! What a check collects, and what it reports at the end.

use std::collections::HashMap;
use std::fmt;

use lineal::{Call, MemoryId, Moment, Site};

use super::finding::{BlockInfo, Finding, Kind};
use super::frames::frames;
use super::leaks::LeakKind;
use super::options::Options;
use super::suppress::Suppressions;
use crate::alloc::{AllocatorFunction, Block, Place, StackId};
use crate::stacks::Stacks;

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
}

impl LeakSummary {
    pub(super) fn add(&mut self, kind: LeakKind, size_bytes: u64) {
        let (blocks, bytes) = match kind {
            LeakKind::Definite => &mut self.definite,
            LeakKind::Indirect => &mut self.indirect,
            LeakKind::Possible => &mut self.possible,
            LeakKind::Reachable => &mut self.reachable,
        };
        *blocks += 1;
        *bytes += size_bytes;
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
}

impl fmt::Display for Report {
    /// Writes the findings and the summary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let heap = &self.heap;
        writeln!(
            f,
            "heap: {} bytes in {} blocks at the end; {} allocations, {} frees, {} bytes allocated",
            heap.live_bytes, heap.live_blocks, heap.allocations, heap.frees, heap.allocated_bytes
        )?;
        if let Some(leaks) = &self.leaks
            && heap.live_blocks > 0
        {
            let rows = [
                ("definitely lost", leaks.definite),
                ("indirectly lost", leaks.indirect),
                ("possibly lost", leaks.possible),
                ("still reachable", leaks.reachable),
            ];
            for (what, (blocks, bytes)) in rows {
                writeln!(f, "  {what}: {bytes} bytes in {blocks} blocks")?;
            }
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
        if self.limit.is_some_and(|limit| self.findings.len() >= limit) {
            self.limited = true;
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

    /// The same for a leak, whose place is where its block was allocated.
    pub(super) fn record_leak(
        &mut self,
        moment: &Moment<'_>,
        memory: MemoryId,
        stack: StackId,
        draft: Draft,
    ) {
        // Leaks are searched for again if the host calls the guest after it was stopped.
        self.known.remove(&(draft.kind, stack));
        self.record(moment, memory, stack, draft);
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
            number: self.findings.len() as u32 + 1,
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
        Report {
            errors: self.findings.iter().map(|finding| finding.count).sum(),
            findings: self.findings.clone(),
            allocators,
            heap,
            leaks,
            suppressed: self.suppressed,
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
