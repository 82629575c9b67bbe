//! The table of lines of a unit.

use gimli::{ColumnType, Result};

use super::unit::{Dwarf, Unit};
use crate::FrameSymbol;

/// The lines of a unit, by address.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Paths, by the index that rows have.
    files: Vec<Box<str>>,
    /// By where they begin.
    sequences: Vec<Sequence>,
}

/// Rows of code without a gap.
#[derive(Debug)]
struct Sequence {
    begin: u64,
    end: u64,
    /// Each with the address from which on it holds, ascending.
    rows: Box<[(u64, Row)]>,
}

/// A place in the source; 0 stands for a line or column that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) file: Option<u64>,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Lines {
    /// Runs the unit's line program, as far as it makes sense.
    pub(super) fn read<'a>(dwarf: &Dwarf<'a>, unit: &Unit<'a>) -> Lines {
        let mut lines = Lines::default();
        // What was found before something damaged is good.
        let _ = lines.run(dwarf, unit);
        lines.sequences.sort_unstable_by_key(|sequence| sequence.begin);
        lines
    }

    fn run<'a>(&mut self, dwarf: &Dwarf<'a>, unit: &Unit<'a>) -> Result<()> {
        let Some(program) = unit.parsed.line_program.clone() else { return Ok(()) };
        self.read_files(dwarf, unit, program.header())?;
        let mut rows: Vec<(u64, Row)> = Vec::new();
        let mut program = program.rows();
        while let Some((_, row)) = program.next_row()? {
            let address = row.address();
            if row.end_sequence() {
                let rows = std::mem::take(&mut rows);
                match rows.first() {
                    // Code at 0 was removed.
                    Some(&(begin, _)) if begin != 0 && begin < address => {
                        self.sequences.push(Sequence { begin, end: address, rows: rows.into() });
                    }
                    _ => {}
                }
                continue;
            }
            let small = |number: u64| u32::try_from(number).unwrap_or(0);
            let place = Row {
                file: Some(row.file_index()),
                line: row.line().map_or(0, |line| small(line.get())),
                column: match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => small(column.get()),
                },
            };
            match rows.last_mut() {
                Some(last) if last.0 == address => last.1 = place,
                _ => rows.push((address, place)),
            }
        }
        Ok(())
    }

    fn read_files<'a>(
        &mut self,
        dwarf: &Dwarf<'a>,
        unit: &Unit<'a>,
        header: &gimli::LineProgramHeader<super::Section<'a>>,
    ) -> Result<()> {
        let directory = match unit.parsed.comp_dir {
            Some(directory) => directory.text()?,
            None => "".into(),
        };
        for index in 0.. {
            let Some(file) = header.file(index) else {
                // Before version 5, files count from 1.
                if index == 0 {
                    self.files.push("".into());
                    continue;
                }
                break;
            };
            let mut path = directory.clone().into_owned();
            dwarf.fuel.burn(path.len())?;
            // Directory 0 is the one in which the compiler ran.
            if file.directory_index() != 0
                && let Some(directory) = file.directory(header)
            {
                join(&mut path, &dwarf.text(unit, directory).unwrap_or_default());
            }
            join(&mut path, &dwarf.text(unit, file.path_name()).unwrap_or_default());
            self.files.push(path.into());
        }
        Ok(())
    }

    /// The row that holds an address.
    pub(super) fn find(&self, address: u64) -> Option<Row> {
        let after = self.sequences.partition_point(|sequence| sequence.begin <= address);
        let sequence = &self.sequences[after.checked_sub(1)?];
        if address >= sequence.end {
            return None;
        }
        let after = sequence.rows.partition_point(|&(from, _)| from <= address);
        Some(sequence.rows[after.checked_sub(1)?].1)
    }

    /// A place, as the API tells it.
    pub(super) fn symbol(&self, name: Option<String>, place: Row) -> FrameSymbol {
        let file = place.file.and_then(|index| self.files.get(usize::try_from(index).ok()?));
        let known = |number: u32| (number != 0).then_some(number);
        FrameSymbol {
            name: name.map(Into::into),
            file: file.filter(|file| !file.is_empty()).cloned(),
            line: known(place.line),
            column: known(place.column),
        }
    }
}

/// Appends to a path another, which replaces it if it is absolute, on any system.
fn join(path: &mut String, part: &str) {
    let has_drive = part.get(1..3).is_some_and(|start| matches!(start, ":/" | ":\\"));
    if has_drive || part.starts_with(['/', '\\']) {
        path.clear();
    }
    // A directory that is "here" says nothing.
    let part = part.strip_prefix("./").unwrap_or(part);
    if part == "." {
        return;
    }
    if path == "." {
        path.clear();
    }
    if !path.is_empty() && !path.ends_with(['/', '\\']) {
        let is_windows = path.get(1..3) == Some(":\\") || path.starts_with('\\');
        path.push(if is_windows { '\\' } else { '/' });
    }
    path.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_of_any_system() {
        for (path, part, expected) in [
            ("", "a.c", "a.c"),
            ("/src", "a.c", "/src/a.c"),
            ("/src/", "lib/a.c", "/src/lib/a.c"),
            ("/src", "/lib/a.c", "/lib/a.c"),
            ("C:\\src", "a.c", "C:\\src\\a.c"),
            ("C:\\src", "D:\\a.c", "D:\\a.c"),
            ("src", "a.c", "src/a.c"),
            (".", "a.c", "a.c"),
            (".", "./a.c", "a.c"),
            ("/src", ".", "/src"),
        ] {
            let mut joined = path.to_owned();
            join(&mut joined, part);
            assert_eq!(joined, expected);
        }
    }
}
