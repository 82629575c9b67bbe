//! A comparison as a table and as a picture.

pub(crate) mod markdown;
mod svg;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{Machine, Samples, geometric_mean};

/// The times of several engines with several programs.
///
/// The first engine is the one that the others are compared with.
#[derive(Clone, Debug)]
pub struct Report {
    engines: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Column {
    engine: String,
    package: &'static str,
}

#[derive(Clone, Debug)]
struct Row {
    program: String,
    samples: Vec<Samples>,
}

impl Report {
    /// A report without times. Engines are pairs of a name and the package it comes from.
    pub fn new<'a>(
        engines: impl IntoIterator<Item = (String, &'static str)>,
        programs: impl IntoIterator<Item = &'a str>,
    ) -> Report {
        let engines: Vec<_> =
            engines.into_iter().map(|(engine, package)| Column { engine, package }).collect();
        let row = |program: &str| Row {
            program: program.to_owned(),
            samples: vec![Samples::default(); engines.len()],
        };
        let rows = programs.into_iter().map(row).collect();
        Report { engines, rows }
    }

    /// Where the times of an engine with a program go, both by position.
    ///
    /// # Panics
    ///
    /// If there is no such engine or program.
    pub fn samples_mut(&mut self, program: usize, engine: usize) -> &mut Samples {
        &mut self.rows[program].samples[engine]
    }

    /// What went wrong: program, engine and message.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rows.iter().flat_map(|row| {
            row.samples.iter().zip(&self.engines).filter_map(|(samples, column)| {
                let error = samples.error.as_deref()?;
                Some((row.program.as_str(), column.engine.as_str(), error))
            })
        })
    }

    /// The table of times and ratios, in Markdown that also reads well in a terminal.
    pub fn table(&self) -> String {
        markdown::table(self)
    }

    /// Writes `<stem>.md` and `<stem>.svg` to a directory. `method` says how it was measured.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn save(&self, dir: &Path, stem: &str, method: &str) -> Result<()> {
        let write = |ending: &str, text: String| {
            let path = dir.join(stem).with_extension(ending);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        let picture = format!("{stem}.svg");
        write("md", markdown::document(self, &Machine::here(), method, &picture))?;
        write("svg", svg::chart(self))
    }

    /// The first engine's time as a part of another's: the geometric mean over the programs
    /// that both can run.
    fn mean_ratio(&self, engine: usize) -> Option<f64> {
        let ratios: Vec<_> = self.rows.iter().filter_map(|row| row.ratio(engine)).collect();
        geometric_mean(&ratios)
    }
}

impl Row {
    /// The first engine's time as a part of another's.
    fn ratio(&self, engine: usize) -> Option<f64> {
        self.samples[0].ratio_to(&self.samples[engine])
    }
}
