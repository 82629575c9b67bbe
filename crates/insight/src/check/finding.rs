//! What was found wrong, once for each distinct call stack.

use std::fmt;

use lineal::Escaped;

use super::leaks::LeakKind;
use crate::alloc::{Family, Place};

/// A kind of memory error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A read outside of any heap block.
    InvalidRead,
    /// A write outside of any heap block.
    InvalidWrite,
    /// A read or write of a block that was freed.
    UseAfterFree,
    /// A block was freed twice.
    DoubleFree,
    /// What was freed is not a block.
    InvalidFree,
    /// A block was freed by a function of another family, or with another size or alignment.
    MismatchedFree,
    /// `memcpy` of ranges that overlap.
    Overlap,
    /// An allocation of a size that would be negative as a signed number, or that overflows.
    FishySize,
    /// The shadow stack grew beyond its end.
    StackOverflow,
    /// An access near address 0.
    NullPage,
    /// A write to constant data.
    ReadOnlyWrite,
    /// Bytes that were never written were handed to the host.
    UndefinedToHost,
    /// A block that was not freed.
    Leak(LeakKind),
}

impl Kind {
    /// The name that reports, suppressions and JSON use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::InvalidRead => "invalid-read",
            Kind::InvalidWrite => "invalid-write",
            Kind::UseAfterFree => "use-after-free",
            Kind::DoubleFree => "double-free",
            Kind::InvalidFree => "invalid-free",
            Kind::MismatchedFree => "mismatched-free",
            Kind::Overlap => "overlap",
            Kind::FishySize => "fishy-size",
            Kind::StackOverflow => "stack-overflow",
            Kind::NullPage => "null-page",
            Kind::ReadOnlyWrite => "read-only-write",
            Kind::UndefinedToHost => "undefined-to-host",
            Kind::Leak(LeakKind::Definite) => "leak-definite",
            Kind::Leak(LeakKind::Indirect) => "leak-indirect",
            Kind::Leak(LeakKind::Possible) => "leak-possible",
            Kind::Leak(LeakKind::Reachable) => "leak-reachable",
        }
    }
}

/// A place in a guest's code, innermost first in a [`Finding::stack`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// The function's name, demangled; `func[N]` without one; `host: NAME` for a host function.
    pub function: String,
    /// The source file, if the module says so.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
    /// The offset in the module's binary, in bytes.
    pub offset: Option<u64>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.function))?;
        match (self.file.as_deref().map(Escaped), self.line) {
            (Some(file), Some(line)) => {
                write!(f, "  {file}:{line}")?;
                if let Some(column) = self.column {
                    write!(f, ":{column}")?;
                }
            }
            (Some(file), None) => write!(f, "  {file}")?,
            _ => {}
        }
        match self.offset {
            Some(offset) => write!(f, "  at {offset:#x}"),
            None => Ok(()),
        }
    }
}

/// A heap block as a finding shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its address.
    pub addr: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whose function allocated it.
    pub family: Family,
    /// Where the faulty address is, seen from the block.
    pub place: Place,
    /// The stack of the allocation, innermost first.
    pub allocated_at: Vec<Frame>,
    /// The stack of the call that freed it.
    pub freed_at: Option<Vec<Frame>>,
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its number, from 1, in order of the first occurrence.
    pub number: u32,
    /// What kind of error it is.
    pub kind: Kind,
    /// The message, without place and stack.
    pub message: String,
    /// The faulty address, if there is one.
    pub addr: Option<u64>,
    /// How many bytes were accessed, or are lost.
    pub len_bytes: Option<u64>,
    /// Where it happened, innermost first.
    pub stack: Vec<Frame>,
    /// The block that it is about, or the nearest.
    pub block: Option<BlockInfo>,
    /// The address of the first of `bytes`.
    pub bytes_addr: u64,
    /// The bytes around the faulty address.
    pub bytes: Vec<u8>,
    /// How often it happened.
    pub count: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if matches!(self.kind, Kind::Leak(_)) { "leak" } else { "error" };
        write!(f, "{word}: {}", self.message)?;
        if self.count > 1 {
            write!(f, " ({} times)", self.count)?;
        }
        writeln!(f)?;
        frames(f, "    ", &self.stack)?;
        if let Some(block) = &self.block {
            let (addr, end) = (block.addr, block.addr.saturating_add(block.size_bytes));
            if !matches!(self.kind, Kind::Leak(_)) {
                writeln!(f, "  the block {addr:#x}..{end:#x} was allocated at")?;
                frames(f, "    ", &block.allocated_at)?;
            }
            if let Some(freed) = &block.freed_at {
                writeln!(f, "  and freed at")?;
                frames(f, "    ", freed)?;
            }
        }
        if !self.bytes.is_empty() {
            writeln!(f, "  the bytes around")?;
            for (row, bytes) in self.bytes.chunks(16).enumerate() {
                let addr = self.bytes_addr + 16 * row as u64;
                write!(f, "    {addr:#x} ")?;
                for (i, byte) in bytes.iter().enumerate() {
                    let mark = if self.addr == Some(addr + i as u64) { '>' } else { ' ' };
                    write!(f, "{mark}{byte:02x}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

fn frames(f: &mut fmt::Formatter<'_>, indent: &str, frames: &[Frame]) -> fmt::Result {
    if frames.is_empty() {
        writeln!(f, "{indent}(no guest function)")?;
    }
    frames.iter().try_for_each(|frame| writeln!(f, "{indent}{frame}"))
}
