//! Where modules and scripts are read from.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file, or standard input for `-`.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: PathBuf,
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Source {
        Source { path }
    }
}

impl Source {
    /// Reads all of it.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        if self.is_stdin() {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            return Ok(bytes);
        }
        std::fs::read(&self.path).with_context(|| format!("cannot read {self}"))
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        (!self.is_stdin()).then_some(&*self.path)
    }

    fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_stdin() { f.write_str("<stdin>") } else { self.path.display().fmt(f) }
    }
}
