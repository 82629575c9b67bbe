//! The file of a snapshot: a line that says what it is, the length of a header, the header as JSON,
//! and the pages, one after the other.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::{Image, PAGE_BYTES, Snapshot, SnapshotBlock};
use crate::check::{Frame, frames_json};

const MAGIC: &[u8] = b"lineal snapshot 1\n";

/// Why bytes are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// They do not begin as one.
    NotASnapshot,
    /// They end too early, or their header is broken.
    Broken,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotError::NotASnapshot => {
                "this is no snapshot: expected a file written by `lineal snapshot`"
            }
            SnapshotError::Broken => "the snapshot is cut off or damaged: take it again",
        })
    }
}

impl std::error::Error for SnapshotError {}

impl Snapshot {
    /// The bytes of the snapshot's file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let memories = self.memories.iter().map(|image| {
            json!({ "bytes": image.len_bytes, "pages": image.pages.keys().collect::<Vec<_>>() })
        });
        let regions = self
            .regions
            .iter()
            .map(|(range, kind, name)| json!([range.start, range.end, kind, name]));
        let symbols =
            self.symbols.iter().map(|(range, name)| json!([range.start, range.end, name]));
        let blocks = self.blocks.iter().map(|block| {
            json!([block.addr, block.size_bytes, block.serial, frames_json(&block.stack)])
        });
        let header = json!({
            "event": self.event,
            "memories": memories.collect::<Vec<_>>(),
            "regions": regions.collect::<Vec<_>>(),
            "symbols": symbols.collect::<Vec<_>>(),
            "blocks": blocks.collect::<Vec<_>>(),
        });
        let header = header.to_string().into_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for image in &self.memories {
            image.pages.values().for_each(|page| bytes.extend_from_slice(page));
        }
        bytes
    }

    /// Reads the bytes of a snapshot's file.
    ///
    /// # Errors
    ///
    /// If they are not such bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotASnapshot)?;
        read(rest).ok_or(SnapshotError::Broken)
    }
}

fn read(bytes: &[u8]) -> Option<Snapshot> {
    let (len, rest) = bytes.split_first_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    let (header, mut rest) = rest.split_at_checked(len)?;
    let header: Value = serde_json::from_slice(header).ok()?;
    let list = |name: &str| header[name].as_array();
    let mut snapshot =
        Snapshot { event: header["event"].as_str()?.to_owned(), ..Snapshot::default() };
    for memory in list("memories")? {
        let len_bytes = memory["bytes"].as_u64()?;
        let mut image = Image { len_bytes, ..Image::default() };
        for addr in memory["pages"].as_array()? {
            let addr = addr.as_u64().filter(|addr| addr % PAGE_BYTES == 0 && *addr < len_bytes)?;
            let page_bytes = PAGE_BYTES.min(len_bytes - addr) as usize;
            let (page, after) = rest.split_at_checked(page_bytes)?;
            image.pages.insert(addr, page.to_vec());
            rest = after;
        }
        snapshot.memories.push(image);
    }
    for region in list("regions")? {
        let kind = region[2].as_str()?.to_owned();
        snapshot.regions.push((range(region)?, kind, region[3].as_str().map(str::to_owned)));
    }
    for symbol in list("symbols")? {
        snapshot.symbols.push((range(symbol)?, symbol[2].as_str()?.to_owned()));
    }
    for block in list("blocks")? {
        let stack = block[3].as_array()?.iter().map(frame).collect::<Option<_>>()?;
        snapshot.blocks.push(SnapshotBlock {
            addr: block[0].as_u64()?,
            size_bytes: block[1].as_u64()?,
            serial: block[2].as_u64()?,
            stack,
        });
    }
    snapshot.symbols.sort_by_key(|(range, _)| range.start);
    snapshot.blocks.sort_by_key(|block| block.addr);
    Some(snapshot)
}

fn range(value: &Value) -> Option<Range<u64>> {
    let (start, end) = (value[0].as_u64()?, value[1].as_u64()?);
    (start <= end).then_some(start..end)
}

fn frame(value: &Value) -> Option<Frame> {
    let number = |name: &str| value[name].as_u64().and_then(|number| u32::try_from(number).ok());
    Some(Frame {
        function: value["function"].as_str()?.to_owned(),
        file: value["file"].as_str().map(str::to_owned),
        line: number("line"),
        column: number("column"),
        offset: value["offset"].as_u64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_refused() {
        let mut image = Image { len_bytes: 70_000, ..Image::default() };
        image.keep(4096, &[7; 4096]);
        image.keep(8192, &[0; 4096]);
        image.keep(69_632, &[1; 368]);
        let stack = vec![Frame { function: "f".into(), line: Some(3), ..Frame::default() }];
        let snapshot = Snapshot {
            event: "the end".into(),
            memories: vec![image],
            regions: vec![(0..1024, "null".into(), None)],
            symbols: vec![(1024..1028, "count".into())],
            blocks: vec![SnapshotBlock { addr: 4096, size_bytes: 16, serial: 2, stack }],
        };
        let bytes = snapshot.to_bytes();
        assert!(bytes.len() < 6000, "pages of zeros are left out");
        assert_eq!(Snapshot::from_bytes(&bytes), Ok(snapshot.clone()));
        assert_eq!(snapshot.memories[0].byte(69_999), 1);
        assert_eq!((snapshot.memories[0].byte(8192), snapshot.memories[0].byte(1 << 40)), (0, 0));
        assert_eq!(Snapshot::from_bytes(b"\0asm"), Err(SnapshotError::NotASnapshot));
        for len in MAGIC.len()..bytes.len() {
            assert_eq!(Snapshot::from_bytes(&bytes[..len]), Err(SnapshotError::Broken), "{len}");
        }
    }
}
