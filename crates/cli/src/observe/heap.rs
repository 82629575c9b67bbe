//! `lineal heap`: runs a program and profiles its heap.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use lineal_insight::alloc::AllocOption;
use lineal_insight::heap::{self, Profiler, dhat, folded, pprof};

use super::check::allocators;
use super::guest::Observed;
use super::tool::Tool;
use super::{write_file, write_json};
use crate::Status;
use crate::failure;

/// What to run, and what to write.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Counts the bytes that are read from and written to the blocks, too
    #[arg(long)]
    accesses: bool,
    /// Treats a function as an allocator function, such as `malloc=my_malloc` or `free=func[12]`;
    /// `none` recognises no function by its name
    #[arg(long, value_name = "ROLE=FUNCTION")]
    alloc: Vec<AllocOption>,
    /// Writes the profile to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the profile to a file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes the profile to a file that DHAT's viewer opens
    #[arg(long, value_name = "FILE")]
    dhat: Option<PathBuf>,
    /// Writes the profile to a file that pprof opens
    #[arg(long, value_name = "FILE")]
    pprof: Option<PathBuf>,
    /// Writes the call stacks to a file, one a line, for a flame graph
    #[arg(long, value_name = "FILE")]
    folded: Option<PathBuf>,
    /// What the numbers of --folded are
    #[arg(long, value_name = "WHAT", default_value = "total")]
    weight: Weight,
    #[command(flatten)]
    program: Observed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weight {
    /// The bytes of all blocks
    Total,
    /// The bytes at the peak
    Peak,
    /// The bytes that were not freed
    Leaked,
    /// The number of blocks
    Blocks,
    /// The number of blocks that were freed before the next allocation
    Temporary,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let options = heap::Options {
            alloc: self.alloc.clone(),
            accesses: self.accesses,
            ..heap::Options::default()
        };
        let tool = Profiler::new(options);
        let mut run = self.program.run_observed(
            tool.observe(),
            Tool { heap: Some(tool), ..Tool::default() },
            None,
        )?;
        run.print_results(out)?;
        out.flush()?;
        let module = run.module().clone();
        let title = format!("lineal heap {}", self.program.file().display());
        if let Some((mut moment, host)) = run.store().moment_and_data()
            && let Some(profiler) = &mut host.tool.lock().heap
        {
            let profile = profiler.profile(&mut moment);
            let mut text = allocators(&profiler.allocators(), &profiler.unused_options());
            for hidden in profiler.hidden() {
                text.push_str(&format!("some allocations are not in the profile: {hidden}\n"));
            }
            text.push_str(&profile.to_string());
            failure::note(text.trim_end());
            if let Some(file) = &self.json {
                write_json(file, &heap::to_json(&profile))?;
            }
            if let Some(file) = &self.dhat {
                write_json(file, &dhat(&profile, &title))?;
            }
            if let Some(file) = &self.pprof {
                write_file(file, &pprof(&profile))?;
            }
            if let Some(file) = &self.folded {
                let text = folded(&profile, |totals| match self.weight {
                    Weight::Total => totals.bytes,
                    Weight::Peak => totals.peak_bytes,
                    Weight::Leaked => totals.end_bytes,
                    Weight::Blocks => totals.blocks,
                    Weight::Temporary => totals.temporary_blocks,
                });
                write_file(file, text.as_bytes())?;
            }
            if let Some(file) = &self.html {
                let page = profiler.page(&title, &profile, &moment, &module);
                write_file(file, page.html().as_bytes())?;
            }
        }
        run.status()
    }
}
