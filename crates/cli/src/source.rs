//! Where modules and scripts are read from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// Reads all of it, into what a module keeps: a file is in memory once.
    pub(crate) fn read_shared(&self) -> Result<Arc<[u8]>> {
        if self.is_stdin() {
            return self.read().map(Arc::from);
        }
        self.read_file().with_context(|| format!("cannot read {self}"))
    }

    fn read_file(&self) -> io::Result<Arc<[u8]>> {
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let len = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if !metadata.is_file() || len > isize::MAX as usize {
            // A pipe, for example, whose length is not known.
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return Ok(bytes.into());
        }
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            file.read_exact(bytes)?;
        }
        Ok(bytes)
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        (!self.is_stdin()).then_some(&*self.path)
    }

    fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// What bytes are that are no module, if they are of a kind that is taken for one now and then.
pub(crate) fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let begins = |with: &str| {
        text.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with.as_bytes()))
    };
    Some(match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => {
            "it is a component, and Lineal runs core modules only: build it for WASI preview 1 \
             (wasm32-wasip1), or take the core module out of it (wasm-tools component unbundle)"
        }
        [0x1f, 0x8b, ..] => "it is compressed with gzip: unpack it first (gunzip)",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed with zstd: unpack it first (unzstd)",
        [b'P', b'K', 3, 4, ..] => "it is a ZIP archive: unpack it first (unzip)",
        [0x7f, b'E', b'L', b'F', ..] => {
            "it is an ELF file, a program for this machine or one that Wasmtime has compiled, and \
             not WebAssembly: take the .wasm file that it was made from"
        }
        [0xfe | 0xcf, 0xed | 0xfa, 0xfa | 0xed, 0xfe | 0xcf, ..] => {
            "it is a Mach-O file, a program for macOS, and not WebAssembly"
        }
        [b'M', b'Z', ..] => "it is a program for Windows, and not WebAssembly",
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => {
            "it is an archive of object files: link it first"
        }
        [0, b'a', b's', b'm', rest @ ..] if rest.len() < 4 => "it ends within its first 8 bytes",
        [] => "it is empty",
        _ if begins("<!doctype") || begins("<html") || begins("<?xml") => {
            "it is an HTML page, as servers send when they do not find a file"
        }
        _ if begins("version https://git-lfs") => {
            "it is a pointer of Git LFS: fetch the file itself (git lfs pull)"
        }
        _ => return None,
    })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_stdin() { f.write_str("<stdin>") } else { self.path.display().fmt(f) }
    }
}
