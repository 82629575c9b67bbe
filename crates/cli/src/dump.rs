//! `lineal dump`: runs a module, then shows a range of its memory.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use lineal::{Escaped, Extern, Instance, Memory, OutOfBounds, SharedMemory, Store};
use lineal_insight::AddressRange;

use crate::Status;
use crate::args;
use crate::failure;
use crate::hex::{HexDump, ROW_BYTES, Row};
use crate::host::{self, Host};
use crate::observe::{Needs, Tool};
use crate::program::Program;

/// What to run, and what to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The module, as .wat or .wasm; `-` for standard input
    file: PathBuf,
    /// The exported function to call before the dump [default: none, just instantiate]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    /// The addresses to show: `START..END` without END, `START..+LENGTH`, or the name of a variable
    #[arg(long)]
    range: Shown,
    /// The memory to show, by exported name or by index
    #[arg(long, value_name = "NAME_OR_INDEX", default_value = "0")]
    memory: String,
    /// Show who wrote each byte last, too
    #[arg(long)]
    blame: bool,
    #[command(flatten)]
    host: host::Options,
    /// The arguments of the function, or of the program if that is `_start`; after `--` they may
    /// begin with a hyphen
    #[arg(allow_negative_numbers = true, requires = "invoke")]
    args: Vec<OsString>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let watchdog = self.host.watchdog()?;
        let mut config = self.host.config();
        Needs { writers: self.blame, ..Needs::default() }.configure(&mut config);
        let program = Program::load(&self.file.clone().into(), &config)?;
        let (memory_name, range) = self.shown(&program)?;
        let call = match &self.invoke {
            Some(name) => program.call(Some(name), &self.args)?,
            None => None,
        };
        let tool = Tool { blame: self.blame.then(Default::default), ..Tool::default() };
        let mut session =
            self.host.observed_session(&program, &self.file, &self.args, tool.into(), watchdog)?;
        let instance = session.instantiate(&program, call.as_ref())?;
        let memory = find_memory(session.store(), instance, &memory_name)?;
        // A dump is wanted most when the call fails.
        let outcome = session.call(call.as_ref(), instance);
        session.report();
        if let Ok(results) = &outcome {
            for result in results {
                writeln!(out, "{result}")?;
            }
        }
        let shown = show(out, &memory, &memory_name, range, session.store());
        let shown = shown.and_then(|()| show_writers(out, &memory, range, session.store_mut()));
        // As long as the time runs.
        let shown = shown.and_then(|()| Ok(out.flush()?));
        match (outcome, shown) {
            (Err(failed), Ok(())) => Err(failed),
            (Err(failed), Err(not_shown)) => Err(failed.context(not_shown.to_string())),
            (_, shown) => shown.map(|()| Status::Success),
        }
    }

    /// The memory to show, by name or index, and its addresses.
    fn shown(&self, program: &Program) -> Result<(Cow<'_, str>, Range)> {
        let text = match &self.range {
            Shown::Addresses(range) => return Ok((Cow::Borrowed(&self.memory), *range)),
            Shown::Text(text) => text,
        };
        let AddressRange { memory, addresses } = AddressRange::parse(text, program.module())?;
        ensure!(
            self.memory == "0",
            "`{text}` says which memory it is in: leave --memory out, or give addresses"
        );
        let memory = Cow::Owned(memory.to_string());
        Ok((memory, Range { start: addresses.start, end: addresses.end }))
    }
}

fn show(
    out: &mut impl Write,
    memory: &AnyMemory,
    memory_name: &str,
    range: Range,
    store: &Store<Host>,
) -> Result<()> {
    let Range { start, end } = range;
    let size_bytes = memory.size_bytes(store);
    ensure!(
        end <= size_bytes,
        "the range {start:#x}..{end:#x} is not inside memory {memory_name}, which has {size_bytes} bytes"
    );
    let mut dump = HexDump::new(out, end);
    let mut addr = start - start % ROW_BYTES;
    while start < end && addr < end {
        let first = addr.max(start);
        let mut bytes = [0; ROW_BYTES as usize];
        let len = end.min(addr + ROW_BYTES) - first;
        memory.read(store, first, &mut bytes[..len as usize])?;
        let row: Row = std::array::from_fn(|index| {
            let at = addr + index as u64;
            (start..end).contains(&at).then(|| bytes[(at - first) as usize])
        });
        dump.row(addr, row)?;
        addr += ROW_BYTES;
    }
    dump.finish(end)?;
    Ok(())
}

/// Shows who wrote the bytes of the range last, if that is asked for.
fn show_writers(
    out: &mut impl Write,
    memory: &AnyMemory,
    range: Range,
    store: &mut Store<Host>,
) -> Result<()> {
    let id = match memory {
        AnyMemory::Own(memory) => store.memory_id(memory),
        AnyMemory::Shared(memory) => store.shared_memory_id(memory),
    };
    let Some((moment, host)) = store.moment_and_data() else { return Ok(()) };
    let tool = host.tool.lock();
    let Some(blame) = &tool.blame else { return Ok(()) };
    let Some(memory) = id.and_then(|id| blame.memories().index(id)) else { return Ok(()) };
    let range = AddressRange { memory, addresses: range.start..range.end };
    for run in blame.runs(&moment, &range) {
        writeln!(out, "{}", failure::printable(&run.to_string()))?;
    }
    Ok(())
}

/// A memory of either kind.
enum AnyMemory {
    Own(Memory),
    Shared(SharedMemory),
}

impl AnyMemory {
    fn of(item: Extern) -> Option<AnyMemory> {
        match item {
            Extern::Memory(memory) => Some(AnyMemory::Own(memory)),
            Extern::SharedMemory(memory) => Some(AnyMemory::Shared(memory)),
            _ => None,
        }
    }

    fn size_bytes(&self, store: &Store<Host>) -> u64 {
        match self {
            AnyMemory::Own(memory) => memory.linear(store).byte_len(),
            AnyMemory::Shared(memory) => memory.linear().byte_len(),
        }
    }

    fn read(&self, store: &Store<Host>, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        match self {
            AnyMemory::Own(memory) => memory.linear(store).read(addr, buffer),
            AnyMemory::Shared(memory) => memory.linear().read(addr, buffer),
        }
    }
}

fn find_memory(store: &Store<Host>, instance: Instance, wanted: &str) -> Result<AnyMemory> {
    let by_index = |index| {
        let index = u32::try_from(index).ok()?;
        let own = instance.debug_memory(store, index).map(AnyMemory::Own);
        own.or_else(|| instance.debug_shared_memory(store, index).map(AnyMemory::Shared))
    };
    let memory = instance
        .get_export(store, wanted)
        .and_then(AnyMemory::of)
        .or_else(|| args::natural(wanted).ok().and_then(by_index));
    if let Some(memory) = memory {
        return Ok(memory);
    }
    let count = (0..).take_while(|&index| by_index(index).is_some()).count();
    let names: Vec<&str> = instance
        .exports(store)
        .filter_map(|export| {
            let name = export.name();
            AnyMemory::of(export.into_extern()).map(|_| name)
        })
        .collect();
    match (count, names.as_slice()) {
        (0, _) => bail!("the module has no memory"),
        (count, []) => bail!("no memory `{wanted}`: the module has {count}"),
        (count, names) => {
            bail!(
                "no memory `{wanted}`: the module has {count}, exported as {}",
                Escaped(&names.join(", "))
            )
        }
    }
}

/// What `--range` says.
#[derive(Clone, Debug)]
enum Shown {
    Addresses(Range),
    /// Something for [`AddressRange::parse`], which needs the module.
    Text(String),
}

impl FromStr for Shown {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shown> {
        if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') || text.is_empty() {
            return text.parse().map(Shown::Addresses);
        }
        Ok(Shown::Text(text.to_owned()))
    }
}

/// Addresses from `start` on, up to but without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Range> {
        let (start, end) = text.split_once("..").context("expected START..END")?;
        let start: u64 =
            args::natural(start).with_context(|| format!("`{start}` is not an address"))?;
        let end = match end.strip_prefix('+') {
            Some(len) => {
                let len = args::natural(len).with_context(|| format!("`{len}` is not a length"))?;
                start.checked_add(len).context("the range ends beyond any memory")?
            }
            None => args::natural(end).with_context(|| format!("`{end}` is not an address"))?,
        };
        ensure!(start <= end, "the range ends before it starts");
        Ok(Range { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_two_ends() {
        let range = |text: &str| text.parse::<Range>().ok().map(|range| (range.start, range.end));
        assert_eq!(range("0..16"), Some((0, 16)));
        assert_eq!(range("0x10..0x1_0000"), Some((16, 65_536)));
        assert_eq!(range("16..+0x10"), Some((16, 32)));
        assert_eq!(range("7..7"), Some((7, 7)));
        for text in ["", "5", "..", "1..", "..1", "5..4", "-1..4", "0..-1", "a..b", "1..+"] {
            assert_eq!(range(text), None, "{text:?}");
        }
        assert_eq!(range("1..+18446744073709551615"), None);
    }
}
