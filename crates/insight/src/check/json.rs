//! A report for programs.

use serde_json::{Value, json};

use super::finding::{BlockInfo, Finding, Frame};
use super::report::Report;

/// The version of the format. It changes when a member gets another meaning or is removed.
const VERSION: u32 = 1;

/// The report as JSON: an object with `kind` (`check`) and `version`, the `findings`
/// in order, the `allocators`, the reasons why a heap was not checked (`heap_not_checked`), and the
/// state of the `heap` with its `leaks`, which are null if no heap was followed. Addresses and sizes
/// are numbers.
pub fn to_json(report: &Report) -> Value {
    let allocators: Vec<Value> = report
        .allocators
        .iter()
        .map(|function| {
            json!({ "name": function.name, "index": function.index, "how": function.how.to_string() })
        })
        .collect();
    let leaks = report.leaks.filter(|_| report.follows_heap()).map(|leaks| {
        let of = |(blocks, bytes): (u64, u64)| json!({ "blocks": blocks, "bytes": bytes });
        json!({
            "definite": of(leaks.definite), "indirect": of(leaks.indirect),
            "possible": of(leaks.possible), "reachable": of(leaks.reachable),
            "suppressed": of(leaks.suppressed),
        })
    });
    let heap = report.follows_heap().then(|| {
        let heap = &report.heap;
        json!({
            "live_blocks": heap.live_blocks, "live_bytes": heap.live_bytes,
            "allocations": heap.allocations, "frees": heap.frees,
            "allocated_bytes": heap.allocated_bytes,
        })
    });
    json!({
        "kind": "check",
        "version": VERSION,
        "errors": report.errors,
        "suppressed": report.suppressed,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "allocators": allocators,
        "heap_not_checked": report.hidden.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "heap": heap,
        "leaks": leaks,
    })
}

pub(crate) fn finding(finding: &Finding) -> Value {
    let bytes: String = finding.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "number": finding.number,
        "kind": finding.kind.name(),
        "message": finding.message,
        "addr": finding.addr,
        "len": finding.len_bytes,
        "count": finding.count,
        "stack": frames(&finding.stack),
        "block": finding.block.as_ref().map(block),
        "bytes_addr": finding.bytes_addr,
        "bytes": bytes,
    })
}

fn block(block: &BlockInfo) -> Value {
    json!({
        "addr": block.addr,
        "size": block.size_bytes,
        "allocated_at": frames(&block.allocated_at),
        "freed_at": block.freed_at.as_deref().map(frames),
    })
}

/// Frames, innermost first.
pub(crate) fn frames(frames: &[Frame]) -> Value {
    let frame = |frame: &Frame| {
        json!({
            "function": frame.function, "file": frame.file, "line": frame.line,
            "column": frame.column, "offset": frame.offset,
        })
    };
    frames.iter().map(frame).collect()
}
