//! The commands that see a guest's memory: `blame`, `check`, `heap`, `heat`, `trace`,
//! `snapshot` and `diff`, and the options of `run` and `dump` that do.
//!
//! Each puts a [`Tool`] into the guest's store and says what the engine has to report for it.

pub(crate) mod blame;
pub(crate) mod check;
pub(crate) mod explain;
mod guest;
pub(crate) mod heap;
pub(crate) mod heat;
pub(crate) mod snapshot;
mod tool;
pub(crate) mod trace;
pub(crate) mod watch;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

pub(crate) use tool::{Needs, SharedTool, Tool};

/// Writes a text or other bytes to a file.
pub(crate) fn write_file(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a tool's results to a file.
fn write_json(file: &Path, value: &Value) -> Result<()> {
    let shown = file.display();
    let out = File::create(file).with_context(|| format!("cannot create {shown}"))?;
    let mut out = BufWriter::new(out);
    serde_json::to_writer(&mut out, value).with_context(|| format!("cannot write {shown}"))?;
    out.write_all(b"\n").and_then(|()| out.flush()).with_context(|| format!("cannot write {shown}"))
}
