//! `lineal wast`: runs test scripts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lineal::{Config, Engine};
use lineal_wast::{Report, Runner};

use crate::Status;
use crate::failure;
use crate::features;
use crate::host;
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
    /// Count a script as failed if it takes longer than that time, such as `2.5s` or `300ms`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = host::duration)]
    timeout: Option<Duration>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let mut status = Status::Success;
        let files = scripts(&self.files)?;
        let count = files.len();
        for (file, number) in files.into_iter().zip(1..) {
            let source = Source::from(file);
            let name = source.to_string();
            let running = Progress::start(move || format!("{number} of {count}: {name}"));
            let report = self.run_in_time(&source)?;
            drop(running);
            let Some(report) = report else {
                let timeout = self.timeout.unwrap_or_default();
                writeln!(out, "{source}: timed out after {timeout:?}")?;
                status = Status::Failure;
                continue;
            };
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

    /// Runs a script; `None` if its time is over before it has ended. What still runs then does so
    /// until it comes to an end, or the process does.
    fn run_in_time(&self, source: &Source) -> Result<Option<Report>> {
        let mut config = Config::new();
        config.features(self.features.features()).epoch_interruption(self.timeout.is_some());
        let engine = Engine::new(&config)?;
        let Some(timeout) = self.timeout else {
            return run(&Runner::new(&engine), source).map(Some);
        };
        let (sender, receiver) = mpsc::channel();
        let (runner, script) = (Runner::new(&engine), source.clone());
        let work = move || {
            // If nobody receives it, it comes too late.
            let _ = sender.send(run(&runner, &script));
        };
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(work)
            .context("cannot start the thread that runs the script")?;
        match receiver.recv_timeout(timeout) {
            Ok(report) => report.map(Some),
            Err(RecvTimeoutError::Timeout) => {
                engine.increment_epoch();
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => bail!("{source} could not be run"),
        }
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
/// The stack of a thread that runs a script: that of the process's first thread.
const STACK_BYTES: usize = 8 << 20;

fn run(runner: &Runner, source: &Source) -> Result<Report> {
    let script =
        String::from_utf8(source.read()?).with_context(|| format!("{source} is not UTF-8 text"))?;
    runner.run(&script).with_context(|| format!("{source} is not a test script"))
}
