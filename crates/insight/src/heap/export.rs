//! Heap profiles in the formats of other tools.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use lineal::Escaped;

use super::profile::{Profile, SiteProfile, Totals};
use crate::check::{Frame, frames_json};

/// The profile as JSON: an object with `kind` (`heap`) and `version`, the totals, the
/// call stacks with theirs, the timeline, and who made the memory grow. Sizes are bytes.
pub fn to_json(profile: &Profile) -> Value {
    let totals = |totals: &Totals| {
        json!({
            "blocks": totals.blocks, "bytes": totals.bytes,
            "peak_blocks": totals.peak_blocks, "peak_bytes": totals.peak_bytes,
            "end_blocks": totals.end_blocks, "end_bytes": totals.end_bytes,
            "temporary_blocks": totals.temporary_blocks,
            "read_bytes": totals.read_bytes, "written_bytes": totals.written_bytes,
            "never_read_blocks": totals.never_read_blocks,
            "never_written_blocks": totals.never_written_blocks,
        })
    };
    let sites = profile
        .sites
        .iter()
        .map(|site| json!({ "stack": frames_json(&site.stack), "totals": totals(&site.totals) }));
    let points = profile
        .timeline
        .iter()
        .map(|point| json!([point.time, point.live_bytes, point.memory_bytes]));
    let growths = profile.growths.iter().map(|growth| {
        json!({ "time": growth.time, "bytes": growth.bytes, "stack": frames_json(&growth.stack) })
    });
    json!({
        "kind": "heap",
        "version": 1,
        "time": if profile.time_is_fuel { "fuel" } else { "allocations" },
        "end_time": profile.end_time,
        "peak_time": profile.peak_time,
        "totals": totals(&profile.totals),
        "sites": sites.collect::<Vec<_>>(),
        "timeline": points.collect::<Vec<_>>(),
        "growths": growths.collect::<Vec<_>>(),
        "memory_bytes": profile.memory_bytes,
        "span_bytes": profile.span_bytes,
        "stack_bytes": profile.stack.as_ref().map(|stack| stack.bytes),
        "allocators": profile.allocators,
        "collected": profile.is_collected,
        "accesses": profile.has_accesses,
    })
}

/// The profile as DHAT's viewer reads it (version 2 of its format). Times are fuel or
/// allocations.
pub fn dhat(profile: &Profile, command: &str) -> Value {
    let mut numbers = HashMap::new();
    let mut table = vec![json!("[root]")];
    let mut number = |frame: &Frame| {
        let text = frame.to_string();
        *numbers.entry(text.clone()).or_insert_with(|| {
            table.push(json!(text));
            table.len() - 1
        })
    };
    let mut points = Vec::new();
    for SiteProfile { stack, totals } in &profile.sites {
        let frames: Vec<usize> = stack.iter().map(&mut number).collect();
        let mut point = json!({
            "tb": totals.bytes, "tbk": totals.blocks, "tl": totals.lifetimes,
            "mb": totals.max_bytes, "mbk": totals.max_blocks,
            "gb": totals.peak_bytes, "gbk": totals.peak_blocks,
            "eb": totals.end_bytes, "ebk": totals.end_blocks,
            "fs": frames,
        });
        if profile.has_accesses {
            point["rb"] = json!(totals.read_bytes);
            point["wb"] = json!(totals.written_bytes);
        }
        points.push(point);
    }
    let (unit, million) =
        if profile.time_is_fuel { ("fuel", "Mfuel") } else { ("allocations", "Mallocations") };
    json!({
        "dhatFileVersion": 2,
        "mode": "heap",
        "verb": "Allocated",
        "bklt": true,
        "bkacc": profile.has_accesses,
        "tu": unit,
        "Mtu": million,
        "tuth": 500,
        "cmd": command,
        "pid": 0,
        "tg": profile.peak_time,
        "te": profile.end_time,
        "pps": points,
        "ftbl": table,
    })
}

/// The profile as folded stacks, which flame graphs are drawn from: a line a stack, outermost
/// first, with a number that `weight` chooses.
pub fn folded(profile: &Profile, weight: impl Fn(&Totals) -> u64) -> String {
    let mut text = String::new();
    for SiteProfile { stack, totals } in &profile.sites {
        let weight = weight(totals);
        if weight > 0 {
            let names = stack
                .iter()
                .rev()
                .map(|frame| Escaped(&frame.function).to_string().replace(';', ":"));
            let _ = writeln!(text, "{} {weight}", names.collect::<Vec<_>>().join(";"));
        }
    }
    text
}

/// The profile in pprof's format: a protocol buffer, not compressed.
pub fn pprof(profile: &Profile) -> Vec<u8> {
    let mut strings = Strings::default();
    let mut out = Message::default();
    let types = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    for (kind, unit) in types {
        let mut value_type = Message::default();
        value_type.number(1, strings.index(kind));
        value_type.number(2, strings.index(unit));
        out.message(1, &value_type);
    }
    let mut locations: HashMap<&Frame, u64> = HashMap::new();
    let mut order = Vec::new();
    for SiteProfile { stack, totals } in &profile.sites {
        let mut sample = Message::default();
        for frame in stack {
            let id = *locations.entry(frame).or_insert_with(|| {
                order.push(frame);
                order.len() as u64
            });
            sample.number(1, id);
        }
        for value in [totals.blocks, totals.bytes, totals.end_blocks, totals.end_bytes] {
            sample.number(2, value);
        }
        out.message(2, &sample);
    }
    for (id, frame) in (1..).zip(&order) {
        let mut line = Message::default();
        line.number(1, id);
        line.number(2, u64::from(frame.line.unwrap_or(0)));
        let mut location = Message::default();
        location.number(1, id);
        location.number(3, frame.offset.unwrap_or(0));
        location.message(4, &line);
        out.message(4, &location);
    }
    for (id, frame) in (1..).zip(&order) {
        let mut function = Message::default();
        function.number(1, id);
        function.number(2, strings.index(&frame.function));
        function.number(3, strings.index(&frame.function));
        function.number(4, strings.index(frame.file.as_deref().unwrap_or("")));
        out.message(5, &function);
    }
    for text in &strings.list {
        out.bytes(6, text.as_bytes());
    }
    out.0
}

/// The strings of a pprof profile; the first is empty.
struct Strings {
    list: Vec<String>,
    indices: HashMap<String, u64>,
}

impl Default for Strings {
    fn default() -> Strings {
        Strings { list: vec![String::new()], indices: HashMap::from([(String::new(), 0)]) }
    }
}

impl Strings {
    fn index(&mut self, text: &str) -> u64 {
        if let Some(&index) = self.indices.get(text) {
            return index;
        }
        let index = self.list.len() as u64;
        self.list.push(text.to_owned());
        self.indices.insert(text.to_owned(), index);
        index
    }
}

/// A message of a protocol buffer.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }
}
