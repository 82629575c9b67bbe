//! `lineal blame`: runs a program, then shows who wrote each byte of a range last.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use lineal_insight::AddressRange;
use lineal_insight::blame::{self, Blame};
use lineal_insight::page::Page;

use super::guest::Observed;
use super::tool::{Needs, Tool};
use super::{write_file, write_json};
use crate::Status;

/// What to run, and whose writers to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The bytes: `0x1f40..0x1f44`, `0x1f40+4`, the name of a variable, with `memory1:` before it
    /// for another memory
    #[arg(long, value_name = "RANGE", required = true)]
    at: Vec<String>,
    /// Shows the functions that called the writer too
    #[arg(long)]
    stacks: bool,
    /// Writes the result to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the result to a file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    program: Observed,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let needs = Needs { writers: true, interest: self.stacks, ..Needs::default() };
        let mut ranges = Vec::new();
        let mut run = self.program.run(needs, |module| {
            for text in &self.at {
                ranges.push(AddressRange::parse(text, module)?);
            }
            let mut blame = Blame::new();
            if self.stacks {
                for range in &ranges {
                    blame = blame.with_stacks(range.clone());
                }
            }
            Ok(Tool { blame: Some(blame), ..Tool::default() })
        })?;
        run.print_results(out)?;
        let module = run.module().clone();
        if let Some((moment, host)) = run.store().moment_and_data()
            && let Some(blame) = &host.tool.lock().blame
        {
            let mut all = Vec::new();
            for range in &ranges {
                let runs = blame.runs(&moment, range);
                if runs.is_empty() {
                    writeln!(out, "{range} is outside the memory")?;
                }
                for run in &runs {
                    writeln!(out, "{}", crate::failure::printable(&run.to_string()))?;
                }
                all.extend(runs);
            }
            if let Some(file) = &self.json {
                write_json(file, &blame::to_json(&all))?;
            }
            if let Some(file) = &self.html {
                let mut page = Page::new(format!("lineal blame {}", self.program.file().display()));
                page.memory_alone(&moment, &module).writers(&all);
                if let Some(range) = ranges.iter().find(|range| range.memory == 0) {
                    page.at(range.addresses.start);
                }
                write_file(file, page.html().as_bytes())?;
            }
        }
        run.status()
    }
}
