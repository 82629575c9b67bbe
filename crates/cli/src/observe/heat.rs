//! `lineal heat`: runs a program, then shows which addresses it accessed how often, and when.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use lineal_insight::heat::{Heat, PIECE_BYTES};
use lineal_insight::page::Page;

use super::guest::Observed;
use super::tool::{Needs, Tool};
use super::{write_file, write_json};
use crate::Status;
use crate::args;

/// What to run, and how to count.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Counts by pieces of memory of that many bytes
    #[arg(long, value_name = "BYTES", default_value_t = PIECE_BYTES, value_parser = args::natural::<u64>)]
    piece: u64,
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
        let needs = Needs { all: true, ..Needs::default() };
        let mut run = self
            .program
            .run(needs, |_| Ok(Tool { heat: Some(Heat::new(self.piece)), ..Tool::default() }))?;
        run.print_results(out)?;
        let module = run.module().clone();
        if let Some((moment, host)) = run.store().moment_and_data()
            && let Some(heat) = &host.tool.lock().heat
        {
            write!(out, "{heat}\n{}", heat.picture())?;
            if let Some(file) = &self.json {
                write_json(file, &heat.to_json())?;
            }
            if let Some(file) = &self.html {
                let mut page = Page::new(format!("lineal heat {}", self.program.file().display()));
                page.memory_alone(&moment, &module).heat(heat);
                write_file(file, page.html().as_bytes())?;
            }
        }
        run.status()
    }
}
