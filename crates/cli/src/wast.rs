//! `lineal wast`: runs test scripts.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lineal_wast::{Report, Runner};

use crate::Status;
use crate::source::Source;

/// Which scripts to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The scripts; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let runner = Runner::default();
        let mut status = Status::Success;
        for file in &self.files {
            let source = Source::from(file.clone());
            let report = run(&runner, &source)?;
            writeln!(out, "{source}: {report}")?;
            for failure in report.failures() {
                writeln!(out, "{source}:{failure}")?;
                status = Status::Failure;
            }
        }
        Ok(status)
    }
}

fn run(runner: &Runner, source: &Source) -> Result<Report> {
    let script =
        String::from_utf8(source.read()?).with_context(|| format!("{source} is not UTF-8 text"))?;
    runner.run(&script).with_context(|| format!("{source} is not a test script"))
}
