//! Makes tables of what criterion has measured, one for each group, in benches/results.
//!
//! Criterion leaves, for each benchmark, a description and its estimates in JSON files below
//! `target/criterion`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use lineal_benches::{Machine, aligned};
use serde_json::Value;

/// Makes tables of what criterion has measured
#[derive(Parser)]
struct Args {
    /// Groups to make tables of
    #[arg(default_values = ["programs", "guest", "throughput", "startup"])]
    groups: Vec<String>,
    /// Where criterion's files are, if not in the target directory
    #[arg(long)]
    criterion: Option<PathBuf>,
}

struct Measurement {
    /// What was done, without the group: `loads/i32.load`.
    subject: String,
    /// What did it: an engine, `raw` and the like.
    engine: String,
    nanoseconds: f64,
    /// Handled in that time.
    bytes: Option<f64>,
    /// Operations in that time.
    operations: Option<f64>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let dir = args.criterion.unwrap_or_else(|| target_dir().join("criterion"));
    let mut measured: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
    collect(&dir, &mut measured)?;
    for group in &args.groups {
        let Some(measurements) = measured.get(group) else {
            eprintln!("nothing measured in {group}");
            continue;
        };
        let Machine { processor, system, compiler, date } = Machine::here();
        let text = format!(
            "# {group}\n\n{date}, {processor}, {system}, {compiler}.\n\n\
             Medians of processor time; ratios below 1 say that Lineal takes less.\n\n{}",
            table(measurements)
        );
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        let path = results.join(group).with_extension("md");
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// This command is in `<target>/<profile>`.
fn target_dir() -> PathBuf {
    let command = std::env::current_exe().unwrap_or_default();
    command.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

/// Finds the newest result of each benchmark below a directory.
fn collect(dir: &Path, measured: &mut BTreeMap<String, Vec<Measurement>>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("new") && path.join("estimates.json").exists() {
            let (group, measurement) = read(&path)?;
            measured.entry(group).or_default().push(measurement);
        } else if path.is_dir() {
            collect(&path, measured)?;
        }
    }
    Ok(())
}

fn read(dir: &Path) -> Result<(String, Measurement)> {
    let json = |name: &str| -> Result<Value> {
        let path = dir.join(name);
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    let (benchmark, estimates) = (json("benchmark.json")?, json("estimates.json")?);
    let id = benchmark["group_id"].as_str().context("a benchmark without a group")?;
    let (group, subject) = id.split_once('/').unwrap_or((id, ""));
    let nanoseconds = estimates["median"]["point_estimate"].as_f64();
    let measurement = Measurement {
        subject: subject.to_owned(),
        engine: benchmark["function_id"].as_str().unwrap_or_default().to_owned(),
        nanoseconds: nanoseconds.context("a benchmark without a median")?,
        bytes: benchmark["throughput"]["Bytes"].as_f64(),
        operations: benchmark["throughput"]["Elements"].as_f64(),
    };
    ensure!(measurement.nanoseconds > 0.0, "{id} took no time");
    Ok((group.to_owned(), measurement))
}

/// A row for each subject, a column for each engine, and one for the time of Lineal as a part of
/// each other's, with geometric means.
fn table(measurements: &[Measurement]) -> String {
    let mut engines: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, BTreeMap<&str, &Measurement>> = BTreeMap::new();
    for measurement in measurements {
        if !engines.contains(&measurement.engine.as_str()) {
            engines.push(&measurement.engine);
        }
        rows.entry(&measurement.subject).or_default().insert(&measurement.engine, measurement);
    }
    engines.sort_by_key(|engine| (!engine.starts_with("lineal"), *engine));
    let pairs: Vec<(&str, &str)> =
        engines.iter().filter_map(|engine| Some((opponent(engine, &engines)?, *engine))).collect();

    let mut header = vec![String::new()];
    header.extend(engines.iter().map(|engine| (*engine).to_owned()));
    header.extend(pairs.iter().map(|(lineal, other)| format!("{lineal} / {other}")));
    let mut lines = vec![header];
    let mut logarithms = vec![Vec::new(); pairs.len()];
    for (subject, cells) in rows {
        let text = |engine: &&str| cells.get(engine).map(|cell| cell.to_string());
        let mut line = vec![subject.to_owned()];
        line.extend(engines.iter().map(|engine| text(engine).unwrap_or_default()));
        for ((lineal, other), logarithms) in pairs.iter().zip(&mut logarithms) {
            line.push(match (cells.get(lineal), cells.get(other)) {
                (Some(lineal), Some(other)) => {
                    let ratio = lineal.nanoseconds / other.nanoseconds;
                    logarithms.push(ratio.ln());
                    format!("{ratio:.3}")
                }
                _ => String::new(),
            });
        }
        lines.push(line);
    }
    let mut line = vec!["geometric mean".to_owned()];
    line.resize(1 + engines.len(), String::new());
    let mean = |logs: &Vec<f64>| (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    line.extend(logarithms.iter().map(|logarithms| format!("{:.3}", mean(logarithms))));
    lines.push(line);
    aligned(&lines)
}

/// What an engine is compared with: Lineal in the same mode.
fn opponent<'a>(engine: &str, engines: &[&'a str]) -> Option<&'a str> {
    let mode = |name: &str| name.find("-lazy").map(|at| name[at..].to_owned());
    engines
        .iter()
        .find(|name| name.starts_with("lineal") && mode(name) == mode(engine))
        .filter(|_| !engine.starts_with("lineal"))
        .copied()
}

impl std::fmt::Display for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.bytes.or(self.operations), self.nanoseconds) {
            (Some(count), time) => {
                let unit = if self.bytes.is_some() { "B" } else { "" };
                match count / time {
                    rate if rate < 1.0 => write!(f, "{:.1} M{unit}/s", rate * 1e3),
                    rate => write!(f, "{rate:.2} G{unit}/s"),
                }
            }
            (None, time) if time < 1e3 => write!(f, "{time:.0} ns"),
            (None, time) if time < 1e6 => write!(f, "{:.1} µs", time / 1e3),
            (None, time) => write!(f, "{:.1} ms", time / 1e6),
        }
    }
}
