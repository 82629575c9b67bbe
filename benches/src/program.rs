//! The programs of `benches/programs`: compiled sources with known results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::Instance;

/// A module that exports `run`, from a size to a checksum.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file's path without the ending: `sieve`, or with a group, `vectors/saxpy`.
    pub name: String,
    /// The module in the binary format.
    pub wasm: Vec<u8>,
    /// Takes an interpreter some 20 to 200 ms.
    pub full: Workload,
    /// Takes next to no time: for tests and to warm up.
    pub quick: Workload,
}

/// A size, and the checksum that the native build of the program gives for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The argument of `run`.
    pub n: i32,
    /// What it returns.
    pub checksum: i64,
}

impl Program {
    /// All programs of all groups, in the order of `table.txt`.
    ///
    /// # Errors
    ///
    /// If the table or a module cannot be read.
    pub fn all() -> Result<Vec<Program>> {
        let table = read_to_string(&programs_dir().join("table.txt"))?;
        table.lines().filter(|line| !line.starts_with('#')).map(Program::from_row).collect()
    }

    /// The programs with the given names, and all those of the groups with the given names; if none
    /// is given, the programs that are in no group.
    ///
    /// # Errors
    ///
    /// If there is no program and no group of one of the names, or a program cannot be read.
    pub fn select(names: &[String]) -> Result<Vec<Program>> {
        let mut programs = Program::all()?;
        let unknown = |name: &&String| !programs.iter().any(|program| program.is_called(name));
        if let Some(unknown) = names.iter().find(unknown) {
            let known: Vec<_> = programs.iter().map(|p| p.name.as_str()).collect();
            bail!("no program or group of programs `{unknown}`; there are: {}", known.join(", "));
        }
        programs.retain(|program| match names {
            [] => program.group().is_none(),
            names => names.iter().any(|name| program.is_called(name)),
        });
        Ok(programs)
    }

    /// The group that it is in, like `vectors`.
    pub fn group(&self) -> Option<&str> {
        self.name.split_once('/').map(|(group, _)| group)
    }

    /// Whether the name is its own or its group's.
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.group() == Some(name)
    }

    /// A row of the table: name, n, checksum, quick n, quick checksum.
    fn from_row(row: &str) -> Result<Program> {
        let fields: Vec<_> = row.split_whitespace().collect();
        let [name, n, checksum, quick_n, quick_checksum] = fields[..] else {
            bail!("not a row of the table of programs: {row}");
        };
        let path = programs_dir().join(name).with_extension("wasm");
        Ok(Program {
            name: name.to_owned(),
            wasm: fs::read(&path).with_context(|| format!("reading {}", path.display()))?,
            full: Workload { n: n.parse()?, checksum: checksum.parse()? },
            quick: Workload { n: quick_n.parse()?, checksum: quick_checksum.parse()? },
        })
    }
}

impl Workload {
    /// Runs the program once.
    ///
    /// # Errors
    ///
    /// If it traps, or the checksum is not the expected one.
    pub fn run(self, instance: &mut dyn Instance) -> Result<()> {
        let found = instance.call("run", self.n)?;
        ensure!(
            found == self.checksum,
            "run({}) returned {found}, but {} is right",
            self.n,
            self.checksum
        );
        Ok(())
    }
}

fn programs_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

fn read_to_string(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
