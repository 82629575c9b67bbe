//! `lineal trace`: writes every access of a program to a file, and prints such files.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lineal::{Config, Engine, Module};
use lineal_insight::AddressRange;
use lineal_insight::trace::{Reader, Recorder};

use super::guest::Observed;
use super::tool::{Needs, Tool};
use crate::Status;

/// What to record, or to print.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where to write the trace [default: the module's name with the ending `.ltrace`]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Of a trace that is printed, only accesses to these bytes
    #[arg(long, value_name = "RANGE")]
    range: Option<String>,
    /// Of a trace that is printed, only accesses that write
    #[arg(long)]
    writes: bool,
    /// The module that a trace is of, so that functions and lines are printed
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    #[command(flatten)]
    program: Observed,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let file = self.program.file();
        if file.extension() == Some(OsStr::new("ltrace")) {
            return self.print(file, out);
        }
        ensure!(
            self.range.is_none() && !self.writes && self.module.is_none(),
            "--range, --writes and --module are for printing a trace: give an .ltrace file"
        );
        let needs = Needs { all: true, ..Needs::default() };
        let path = self.output.clone().unwrap_or_else(|| file.with_extension("ltrace"));
        let mut run = self.program.run(needs, |module| {
            let created =
                File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
            let recorder = Recorder::new(module.engine(), BufWriter::new(created))?;
            Ok(Tool { trace: Some(recorder), ..Tool::default() })
        })?;
        run.print_results(out)?;
        if let Some(trace) = &mut run.store().data().tool.lock().trace {
            trace.finish().with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("{} accesses written to {}", trace.accesses(), path.display());
        }
        run.status()
    }

    fn print(&self, file: &Path, out: &mut impl Write) -> Result<Status> {
        let module = match &self.module {
            Some(path) => Some(Module::from_file(&Engine::new(&Config::new())?, path)?),
            None => None,
        };
        let range = match &self.range {
            Some(text) => {
                // Without the module, there are no names.
                let empty = || Module::new(&Engine::default(), "(module)");
                let module = module.clone().map_or_else(empty, Ok)?;
                Some(AddressRange::parse(text, &module)?)
            }
            None => None,
        };
        let shown = file.display();
        let input = File::open(file).with_context(|| format!("cannot read {shown}"))?;
        let reader = Reader::new(BufReader::new(input));
        for access in reader.with_context(|| format!("cannot read {shown}"))? {
            let access = access.with_context(|| format!("cannot read {shown}"))?;
            let end = access.addr.saturating_add(access.len_bytes);
            let is_inside = range.as_ref().is_none_or(|range| {
                range.memory == access.memory
                    && access.addr < range.addresses.end
                    && range.addresses.start < end
            });
            if !is_inside || self.writes && !access.kind.writes() {
                continue;
            }
            let kind = match access.kind {
                lineal::AccessKind::Read => "read",
                lineal::AccessKind::Write => "write",
                lineal::AccessKind::Update => "update",
            };
            let memory = match access.memory {
                0 => String::new(),
                index => format!("memory{index}:"),
            };
            write!(out, "{kind:<6} {memory}{:#x} {:>2}", access.addr, access.len_bytes)?;
            match (access.offset, &module) {
                (Some(offset), None) => writeln!(out, "  at {offset:#x}")?,
                (Some(offset), Some(module)) => {
                    let symbols = module.symbolize(offset as usize);
                    let function = module.func_at(offset as usize);
                    let name = function.map(|index| module.func_display_name(index));
                    let name = name.unwrap_or_default();
                    let source = symbols.first().and_then(|symbol| {
                        let (file, line) = (symbol.file()?, symbol.line()?);
                        Some(format!("  {}:{line}", file.rsplit('/').next().unwrap_or(file)))
                    });
                    let source = source.unwrap_or_default();
                    let text = format!("  {name}{source} at {offset:#x}");
                    writeln!(out, "{}", lineal::Escaped(&text))?;
                }
                (None, _) => writeln!(out, "  host")?,
            }
        }
        Ok(Status::Success)
    }
}
