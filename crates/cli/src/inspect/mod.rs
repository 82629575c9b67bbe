//! `lineal inspect`: shows what a module declares, its memories above all.

mod json;

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use lineal_decoder::{Escaped, ExternIndex, ExternType, MemoryType, Module, TableType};

use crate::Status;
use crate::features;
use crate::hex::{HexDump, ROW_BYTES};
use crate::layout::{Layout, Place};
use crate::program;
use crate::source::Source;

/// What to inspect.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The module, as .wat or .wasm; `-` for standard input
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,
    #[command(flatten)]
    features: features::Options,
    /// Print JSON, for programs to read. `--schema` prints what it looks like
    #[arg(long)]
    json: bool,
    /// Show all functions and globals, not just the first ones
    #[arg(long)]
    all: bool,
    /// Print the JSON Schema of what `--json` prints
    #[arg(long, exclusive = true)]
    schema: bool,
}

/// How many functions and globals are shown.
const BIGGEST: usize = 20;

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        if self.schema {
            write!(out, "{}", json::SCHEMA)?;
            return Ok(Status::Success);
        }
        // There is one: it is required.
        let source = Source::from(self.file.clone().unwrap_or_else(|| "-".into()));
        let bytes = source.read_shared()?;
        let module = Module::from_shared(Arc::clone(&bytes), &self.features.features())
            .map_err(|error| program::invalid(&source, &bytes, error.into()))?;
        let layout = Layout::of(&module);
        let inspection = Inspection { module: &module, layout, all: self.all };
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
    /// Whether everything is shown.
    all: bool,
}

/// A function of the module's own.
struct Function {
    index: u32,
    size_bytes: u64,
}

/// A part of the file.
struct Part {
    name: String,
    size_bytes: u64,
}

impl Inspection<'_> {
    fn print(&self, out: &mut impl Write) -> Result<()> {
        let name = Escaped(self.module.names().module().unwrap_or("without a name"));
        writeln!(out, "module {name}, {}", bytes(Some(self.module.bytes.len() as u64)))?;
        for index in 0..self.module.memories.len() as u32 {
            writeln!(out)?;
            self.print_memory(out, index)?;
        }
        self.print_passive_segments(out)?;
        self.print_functions(out)?;
        self.print_tables(out)?;
        self.print_globals(out)?;
        self.print_imports(out)?;
        self.print_exports(out)?;
        self.print_sections(out)
    }

    fn print_memory(&self, out: &mut impl Write, index: u32) -> Result<()> {
        let ty = &self.module.memories[index as usize];
        write!(out, "memory {index}")?;
        if let Some((module, name)) = self.memory_import(index) {
            write!(out, ", imported from {}::{}", Escaped(module), Escaped(name))?;
        }
        for name in self.exported_as(ExternIndex::Memory(index)) {
            write!(out, ", exported as {}", Escaped(name))?;
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
        let rows = self.layout.rows(self.module, index);
        let Some((last, _)) = rows.clone().last() else {
            writeln!(out, "  {}", self.no_contents(index))?;
            return Ok(());
        };
        let end = match byte_size(&self.module.memories[index as usize], false) {
            Some(size_bytes) if size_bytes > last => size_bytes,
            Some(_) => last.saturating_add(ROW_BYTES), // imported, and hopefully larger
            None => u64::MAX,
        };
        let mut dump = HexDump::new(out, end);
        for (addr, row) in rows {
            let inside = (end - addr).min(ROW_BYTES) as usize;
            let byte = |index: usize| (index < inside).then(|| row[index]);
            dump.row(addr, std::array::from_fn(byte))?;
        }
        dump.finish(end)?;
        Ok(())
    }

    /// What is said of a memory that no known byte is written to.
    fn no_contents(&self, index: u32) -> &'static str {
        let in_memory = |place: &&Place| match **place {
            Place::Known { memory, .. } | Place::Unknown { memory } => memory == index,
            Place::Passive => false,
        };
        let mut places = self.layout.places.iter().filter(in_memory);
        if index < self.module.imported_memories {
            "what it holds at first is up to who provides it"
        } else if self.layout.places.iter().any(|place| Layout::stops(self.module, place)) {
            "nothing: a segment does not fit, so the module cannot be instantiated"
        } else if places.any(|place| matches!(place, Place::Unknown { .. })) {
            "all zero at first, but for segments at addresses that depend on imports"
        } else {
            "all zero at first"
        }
    }

    /// The functions of the module, the biggest first.
    fn print_functions(&self, out: &mut impl Write) -> Result<()> {
        let mut functions = self.functions();
        if functions.is_empty() {
            return Ok(());
        }
        let (count, size) = (functions.len(), functions.iter().map(|f| f.size_bytes).sum());
        let imported = self.module.imported_funcs;
        writeln!(out, "\nfunctions: {count} of {}, {imported} imported", bytes(Some(size)))?;
        functions.sort_by_key(|function| std::cmp::Reverse(function.size_bytes));
        let shown = if self.all { functions.len() } else { BIGGEST };
        for function in functions.iter().take(shown) {
            let index = function.index;
            let name = self.module.names().func(index).unwrap_or_default();
            let space = if name.is_empty() { "" } else { " " };
            let (size, ty) = (bytes(Some(function.size_bytes)), self.module.func_type(index));
            write!(out, "  {index}{space}{}: {size}, {ty}", Escaped(name))?;
            for name in self.exported_as(ExternIndex::Func(index)) {
                write!(out, ", exported as {}", Escaped(name))?;
            }
            writeln!(out)?;
        }
        if let Some(more) = functions.len().checked_sub(shown).filter(|&more| more > 0) {
            writeln!(out, "  and {more} smaller ones (--all shows them)")?;
        }
        Ok(())
    }

    fn print_tables(&self, out: &mut impl Write) -> Result<()> {
        if !self.module.tables.is_empty() {
            writeln!(out, "\ntables")?;
        }
        for (index, table) in self.module.tables.iter().enumerate() {
            write!(out, "  {index}: {}", table_text(&table.ty))?;
            self.print_exported_as(out, ExternIndex::Table(index as u32))?;
        }
        Ok(())
    }

    fn print_globals(&self, out: &mut impl Write) -> Result<()> {
        let globals = &self.module.globals;
        if !globals.is_empty() {
            writeln!(out, "\nglobals")?;
        }
        let shown = if self.all { globals.len() } else { BIGGEST };
        for (index, global) in globals.iter().enumerate().take(shown) {
            let (_, ty) = kind_and_type(&ExternType::Global(global.ty));
            write!(out, "  {index}: {ty}")?;
            self.print_exported_as(out, ExternIndex::Global(index as u32))?;
        }
        if let Some(more) = globals.len().checked_sub(shown).filter(|&more| more > 0) {
            writeln!(out, "  and {more} more (--all shows them)")?;
        }
        Ok(())
    }

    /// Ends a line with the names that something is exported under.
    fn print_exported_as(&self, out: &mut impl Write, index: ExternIndex) -> Result<()> {
        for name in self.exported_as(index) {
            write!(out, ", exported as {}", Escaped(name))?;
        }
        writeln!(out)?;
        Ok(())
    }

    /// The parts of the file, the biggest first.
    fn print_sections(&self, out: &mut impl Write) -> Result<()> {
        let mut parts = self.parts();
        parts.sort_by_key(|part| std::cmp::Reverse(part.size_bytes));
        if !parts.is_empty() {
            writeln!(out, "\nparts of the file, the biggest first")?;
        }
        let whole = self.module.bytes.len() as f64;
        for part in parts {
            let (name, size) = (Escaped(&part.name), bytes(Some(part.size_bytes)));
            let share = part.size_bytes as f64 / whole * 100.0;
            writeln!(out, "  {name}: {size} ({share:.0}%)")?;
        }
        Ok(())
    }

    /// The functions that are not imported.
    fn functions(&self) -> Vec<Function> {
        (self.module.imported_funcs..self.module.funcs.len() as u32)
            .map(|index| {
                let body = self.module.body(index);
                let size_bytes = body.map_or(0, |body| body.range.len() as u64);
                Function { index, size_bytes }
            })
            .collect()
    }

    /// The code, the data and the custom sections of the file.
    fn parts(&self) -> Vec<Part> {
        let module = self.module;
        let data = module.data.iter().map(|segment| segment.range.len() as u64).sum();
        let own = [("code", module.code_section.len() as u64), ("data", data)];
        let own = own.map(|(name, size_bytes)| Part { name: name.to_owned(), size_bytes });
        let custom = module.custom_sections().map(|(name, contents)| Part {
            name: format!("custom section {name}"),
            size_bytes: contents.len() as u64,
        });
        own.into_iter().filter(|part| part.size_bytes > 0).chain(custom).collect()
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
            let (module, name) = (Escaped(&import.module), Escaped(&import.name));
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
            writeln!(out, "  {}: {kind} {ty}", Escaped(&export.name))?;
        }
        Ok(())
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
