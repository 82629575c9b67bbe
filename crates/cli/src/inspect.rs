//! `lineal inspect`: shows what a module declares, its memories above all.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use lineal_decoder::{ExternIndex, ExternType, MemoryType, Module, TableType};
use serde_json::{Value, json};

use crate::Status;
use crate::failure::escaped;
use crate::features;
use crate::hex::{HexDump, ROW_BYTES};
use crate::layout::{Layout, Place};
use crate::program;
use crate::source::Source;

/// What to inspect.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The module, as .wat or .wasm; `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    features: features::Options,
    /// Print JSON, for programs to read
    #[arg(long)]
    json: bool,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let source = Source::from(self.file.clone());
        let bytes = source.read()?;
        let module = Module::new(&bytes, &self.features.features())
            .map_err(|error| program::invalid(&source, &bytes, error.into()))?;
        let inspection = Inspection { module: &module, layout: Layout::of(&module) };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &inspection.json())
                .map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            inspection.print(out)?;
        }
        Ok(Status::Success)
    }
}

struct Inspection<'a> {
    module: &'a Module,
    layout: Layout,
}

impl Inspection<'_> {
    fn print(&self, out: &mut impl Write) -> Result<()> {
        let name = escaped(self.module.names().module().unwrap_or("without a name"));
        writeln!(out, "module {name}, {}", bytes(Some(self.module.bytes.len() as u64)))?;
        for index in 0..self.module.memories.len() as u32 {
            writeln!(out)?;
            self.print_memory(out, index)?;
        }
        self.print_passive_segments(out)?;
        self.print_imports(out)?;
        self.print_exports(out)
    }

    fn print_memory(&self, out: &mut impl Write, index: u32) -> Result<()> {
        let ty = &self.module.memories[index as usize];
        write!(out, "memory {index}")?;
        if let Some((module, name)) = self.memory_import(index) {
            write!(out, ", imported from {}::{}", escaped(module), escaped(name))?;
        }
        for name in self.exported_as(ExternIndex::Memory(index)) {
            write!(out, ", exported as {}", escaped(name))?;
        }
        writeln!(out, ": {}", memory_text(ty))?;
        for (segment, place) in self.layout.places.iter().enumerate() {
            let len = self.module.data_bytes(segment as u32).len() as u64;
            match *place {
                Place::Known { memory, start, fits } if memory == index => {
                    let end = u128::from(start) + u128::from(len);
                    write!(out, "  segment {segment}: {start:#x}..{end:#x}, {}", bytes(Some(len)))?;
                    writeln!(out, "{}", if fits { "" } else { "; does not fit the minimum size" })?;
                }
                Place::Unknown { memory } if memory == index => {
                    write!(out, "  segment {segment}: at an address that depends on imports, ")?;
                    writeln!(out, "{}", bytes(Some(len)))?;
                }
                _ => {}
            }
        }
        self.print_contents(out, index)
    }

    /// The rows of a memory that are not all zero.
    fn print_contents(&self, out: &mut impl Write, index: u32) -> Result<()> {
        let rows = &self.layout.rows[index as usize];
        let Some((&last, _)) = rows.last_key_value() else {
            writeln!(out, "  all zero at first")?;
            return Ok(());
        };
        let end = match byte_size(&self.module.memories[index as usize], false) {
            Some(size_bytes) if size_bytes > last => size_bytes,
            Some(_) => last.saturating_add(ROW_BYTES), // imported, and hopefully larger
            None => u64::MAX,
        };
        let mut dump = HexDump::new(out, end);
        for (&addr, row) in rows {
            let inside = (end - addr).min(ROW_BYTES) as usize;
            let byte = |index: usize| (index < inside).then(|| row[index]);
            dump.row(addr, std::array::from_fn(byte))?;
        }
        dump.finish(end)?;
        Ok(())
    }

    fn print_passive_segments(&self, out: &mut impl Write) -> Result<()> {
        for (segment, place) in self.layout.places.iter().enumerate() {
            if *place == Place::Passive {
                let len = self.module.data_bytes(segment as u32).len() as u64;
                writeln!(out, "\nsegment {segment}, passive: {}", bytes(Some(len)))?;
            }
        }
        Ok(())
    }

    fn print_imports(&self, out: &mut impl Write) -> Result<()> {
        if !self.module.imports.is_empty() {
            writeln!(out, "\nimports")?;
        }
        for import in &self.module.imports {
            let (kind, ty) = kind_and_type(&import.ty);
            let (module, name) = (escaped(&import.module), escaped(&import.name));
            writeln!(out, "  {module}::{name}: {kind} {ty}")?;
        }
        Ok(())
    }

    fn print_exports(&self, out: &mut impl Write) -> Result<()> {
        if !self.module.exports.is_empty() {
            writeln!(out, "\nexports")?;
        }
        for export in &self.module.exports {
            let (kind, ty) = kind_and_type(&self.module.extern_type(export.index));
            writeln!(out, "  {}: {kind} {ty}", escaped(&export.name))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let module = self.module;
        let memories = 0..module.memories.len() as u32;
        let segments = 0..module.data.len() as u32;
        let imports = module.imports.iter().map(|import| {
            let (kind, ty) = kind_and_type(&import.ty);
            json!({ "module": import.module, "name": import.name, "kind": kind, "type": ty })
        });
        let exports = module.exports.iter().map(|export| {
            let (kind, ty) = kind_and_type(&module.extern_type(export.index));
            json!({ "name": export.name, "kind": kind, "index": index_of(export.index), "type": ty })
        });
        json!({
            "name": module.names().module(),
            "size_bytes": module.bytes.len(),
            "memories": memories.map(|index| self.memory_json(index)).collect::<Vec<_>>(),
            "data_segments": segments.map(|index| self.segment_json(index)).collect::<Vec<_>>(),
            "imports": imports.collect::<Vec<_>>(),
            "exports": exports.collect::<Vec<_>>(),
        })
    }

    fn memory_json(&self, index: u32) -> Value {
        let ty = &self.module.memories[index as usize];
        let import = self.memory_import(index);
        json!({
            "index": index,
            "import": import.map(|(module, name)| json!({ "module": module, "name": name })),
            "exports": self.exported_as(ExternIndex::Memory(index)).collect::<Vec<_>>(),
            "address_bits": address_bits(ty),
            "page_size_bytes": ty.page_size().bytes(),
            "minimum_pages": ty.minimum().0,
            "minimum_bytes": byte_size(ty, false),
            "maximum_pages": ty.maximum().map(|pages| pages.0),
            "maximum_bytes": byte_size(ty, true),
            "shared": ty.is_shared(),
        })
    }

    fn segment_json(&self, index: u32) -> Value {
        let data = self.module.data_bytes(index);
        let mut hex = String::with_capacity(2 * data.len());
        for byte in data {
            let _ = write!(hex, "{byte:02x}");
        }
        let (mode, memory, start, fits) = match self.layout.places[index as usize] {
            Place::Passive => ("passive", None, None, None),
            Place::Unknown { memory } => ("active", Some(memory), None, None),
            Place::Known { memory, start, fits } => {
                ("active", Some(memory), Some(start), Some(fits))
            }
        };
        json!({
            "index": index,
            "mode": mode,
            "memory": memory,
            "start": start,
            "end": start.and_then(|start| start.checked_add(data.len() as u64)),
            "fits": fits,
            "size_bytes": data.len(),
            "hex": hex,
        })
    }

    /// The names a memory is imported under.
    fn memory_import(&self, index: u32) -> Option<(&str, &str)> {
        let imports = self.module.imports.iter();
        let mut memories = imports.filter(|import| matches!(import.ty, ExternType::Memory(_)));
        memories.nth(index as usize).map(|import| (&*import.module, &*import.name))
    }

    /// The names something is exported under.
    fn exported_as(&self, index: ExternIndex) -> impl Iterator<Item = &str> {
        let exports = self.module.exports.iter();
        exports.filter(move |export| export.index == index).map(|export| &*export.name)
    }
}

fn index_of(index: ExternIndex) -> u32 {
    match index {
        ExternIndex::Func(i)
        | ExternIndex::Table(i)
        | ExternIndex::Memory(i)
        | ExternIndex::Global(i)
        | ExternIndex::Tag(i) => i,
    }
}

/// What kind of thing a type is of, and the type as a text.
pub(crate) fn kind_and_type(ty: &ExternType) -> (&'static str, String) {
    match ty {
        ExternType::Func(ty) => ("function", ty.to_string()),
        ExternType::Table(ty) => ("table", table_text(ty)),
        ExternType::Memory(ty) => ("memory", memory_text(ty)),
        ExternType::Tag(ty) => ("tag", ty.ty().to_string()),
        ExternType::Global(ty) => {
            let mutability = if ty.mutable { "mut " } else { "" };
            ("global", format!("{mutability}{}", ty.content))
        }
    }
}

fn table_text(ty: &TableType) -> String {
    let width = if ty.table64 { "64-bit, " } else { "" };
    let maximum = ty.maximum.map_or(String::new(), |maximum| format!(", at most {maximum}"));
    format!("{width}{} of {}{maximum}", ty.minimum, ty.element)
}

fn memory_text(ty: &MemoryType) -> String {
    let mut text = format!("{} ({})", ty.minimum(), bytes(byte_size(ty, false)));
    if let Some(maximum) = ty.maximum() {
        let _ = write!(text, ", at most {maximum} ({})", bytes(byte_size(ty, true)));
    }
    if address_bits(ty) == 64 {
        text.push_str(", 64-bit");
    }
    if ty.page_size().bytes() == 1 {
        text.push_str(", pages of 1 byte");
    }
    if ty.is_shared() {
        text.push_str(", shared");
    }
    text
}

fn address_bits(ty: &MemoryType) -> u32 {
    match ty.address_type() {
        lineal::AddressType::I32 => 32,
        lineal::AddressType::I64 => 64,
    }
}

/// The minimum or maximum size; `None` if there is none, or if it is 2^64 bytes.
fn byte_size(ty: &MemoryType, maximum: bool) -> Option<u64> {
    let pages = if maximum { ty.maximum()? } else { ty.minimum() };
    pages.to_bytes(ty.page_size())
}

fn bytes(count: Option<u64>) -> String {
    match count {
        Some(1) => "1 byte".to_owned(),
        Some(count) => format!("{count} bytes"),
        None => "2^64 bytes".to_owned(),
    }
}
