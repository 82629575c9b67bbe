//! `lineal wast`: runs test scripts.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lineal::{Config, Engine};
use lineal_wast::{Report, Runner};

use crate::Status;
use crate::failure;
use crate::features;
use crate::progress::Progress;
use crate::source::Source;

/// Which scripts to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    features: features::Options,
    /// The scripts, or directories with scripts (.wast) in them or below; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let runner = Runner::new(&Engine::new(Config::new().features(self.features.features()))?);
        let mut status = Status::Success;
        let files = scripts(&self.files)?;
        let count = files.len();
        for (file, number) in files.into_iter().zip(1..) {
            let source = Source::from(file);
            let name = source.to_string();
            let running = Progress::start(move || format!("{number} of {count}: {name}"));
            let report = run(&runner, &source)?;
            drop(running);
            if !failure::is_quiet() || report.failed() > 0 {
                writeln!(out, "{source}: {report}")?;
            }
            for failure in report.failures() {
                writeln!(out, "{source}:{failure}")?;
                status = Status::Failure;
            }
        }
        Ok(status)
    }
}

/// The files, with the scripts below a directory in place of the directory, by name.
fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        add_directory(path, &mut files)?;
        ensure!(files.len() > before, "there are no scripts (.wast) below {}", path.display());
        files[before..].sort();
    }
    Ok(files)
}

fn add_directory(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("cannot read the directory {}", directory.display());
    for entry in std::fs::read_dir(directory).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        // Links to directories are not followed, so that there is an end.
        if entry.file_type().with_context(unreadable)?.is_dir() {
            add_directory(&entry.path(), files)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "wast") {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn run(runner: &Runner, source: &Source) -> Result<Report> {
    let script =
        String::from_utf8(source.read()?).with_context(|| format!("{source} is not UTF-8 text"))?;
    runner.run(&script).with_context(|| format!("{source} is not a test script"))
}
