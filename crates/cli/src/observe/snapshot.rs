//! `lineal snapshot` and `lineal diff`: memory at a moment, and what changed between two.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use lineal::Trap;
use lineal_insight::Event;
use lineal_insight::alloc::AllocOption;
use lineal_insight::snapshot::{Difference, Snapshot, Snapshotter};

use super::guest::Observed;
use super::tool::Tool;
use super::{write_file, write_json};
use crate::{Status, failure};

/// What to run, and when to take the snapshot.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// When: `exit`, `trap`, `fuel=N`, or a function, with `:N` after it for its N-th call
    #[arg(long, value_name = "EVENT", default_value = "exit")]
    at: Event,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Treats a function as an allocator function, such as `malloc=my_malloc` or `free=func[12]`;
    /// `none` recognises no function by its name
    #[arg(long, value_name = "ROLE=FUNCTION")]
    alloc: Vec<AllocOption>,
    #[command(flatten)]
    program: Observed,
}

/// Which snapshots to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffOptions {
    /// The earlier snapshot
    before: PathBuf,
    /// The later one
    after: PathBuf,
    /// Writes the difference to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the difference to a file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let tool = Snapshotter::new(self.at.clone(), self.alloc.clone());
        let fuel = match self.at {
            Event::Fuel(fuel) => Some(fuel),
            _ => None,
        };
        let observe = tool.observe();
        let tool = Tool { snapshot: Some(tool), ..Tool::default() };
        let mut run = self.program.run_observed(observe, tool, fuel)?;
        run.print_results(out)?;
        out.flush()?;
        let bytes = {
            let tool = run.store().data().tool.lock();
            tool.snapshot.as_ref().and_then(Snapshotter::taken).map(Snapshot::to_bytes)
        };
        if let Some(bytes) = &bytes {
            write_file(&self.output, bytes)?;
            let shown = self.output.display();
            failure::note(&format!("snapshot at {} written to {shown}", self.at));
        }
        let ran_out = fuel.is_some() && run.ended_by(Trap::OutOfFuel);
        match (bytes, run.status()) {
            // That is where it had to end.
            (Some(_), Err(_)) if ran_out => Ok(Status::Success),
            (Some(_), status) => status,
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => bail!("{} did not happen, so there is no snapshot", self.at),
        }
    }
}

impl DiffOptions {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let difference = Difference::of(&before, &after);
        out.write_all(failure::printable(&difference.to_string()).as_bytes())?;
        if let Some(file) = &self.json {
            write_json(file, &difference.to_json())?;
        }
        if let Some(file) = &self.html {
            let (before, shown) = (self.before.display(), self.after.display());
            let page = difference.page(&format!("lineal diff {before} {shown}"), &after);
            write_file(file, page.html().as_bytes())?;
        }
        Ok(Status::Success)
    }
}

fn read(file: &Path) -> Result<Snapshot> {
    let shown = file.display();
    let bytes = fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    Snapshot::from_bytes(&bytes).with_context(|| format!("cannot use {shown}"))
}
