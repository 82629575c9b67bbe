//! The table.

use std::fmt::Write;

use super::Report;
use crate::machine::version_of;
use crate::{Machine, Samples};

/// Program, time and spread of each engine, then the first engine's time as a part of each
/// other's.
pub(super) fn table(report: &Report) -> String {
    let first = &report.engines[0].engine;
    let others = || report.engines.iter().enumerate().skip(1);

    let mut header = vec!["program".to_owned()];
    header.extend(report.engines.iter().map(|column| format!("{} ms", column.engine)));
    header.extend(others().map(|(_, column)| format!("{first} / {}", column.engine)));

    let mut lines = vec![header];
    for row in &report.rows {
        let mut line = vec![row.program.clone()];
        line.extend(row.samples.iter().map(time));
        line.extend(others().map(|(engine, _)| ratio(row.ratio(engine))));
        lines.push(line);
    }
    if report.rows.len() > 1 {
        let mut line = vec!["geometric mean".to_owned()];
        line.resize(1 + report.engines.len(), String::new());
        line.extend(others().map(|(engine, _)| ratio(report.mean_ratio(engine))));
        lines.push(line);
    }
    aligned(&lines)
}

/// The whole report.
pub(super) fn document(report: &Report, machine: &Machine, method: &str, picture: &str) -> String {
    let Machine { processor, system, compiler, date } = machine;
    let mut versions: Vec<_> = report
        .engines
        .iter()
        .map(|column| format!("{} {}", column.package, version_of(column.package)))
        .collect();
    versions.dedup();
    let versions = versions.join(", ");
    let table = table(report);
    format!(
        "# Lineal and its peers\n\n\
         {date}, {processor}, {system}, {compiler}.\n\n\
         {versions}.\n\n\
         {method}\n\n\
         ![Times relative to the first engine]({picture})\n\n\
         {table}"
    )
}

fn time(samples: &Samples) -> String {
    match (samples.median(), samples.spread()) {
        (Some(median), Some(spread)) => {
            format!("{:.1} ±{:.0}%", median.as_secs_f64() * 1e3, spread * 1e2)
        }
        _ if samples.error.is_some() => "failed".to_owned(),
        _ => "–".to_owned(),
    }
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.3}"))
}

/// Lines of cells, the first line being the header, as a Markdown table with columns of even
/// width.
pub fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines[0].len();
    let width = |cell: &String| cell.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0).max(3))
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            // Names to the left, numbers to the right.
            let _ = match column {
                0 => write!(text, "| {cell:<0$} ", widths[0]),
                _ => write!(text, "| {cell:>0$} ", widths[column]),
            };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(*width);
                text.push_str(&if column == 0 {
                    format!("| {dashes} ")
                } else {
                    format!("| {}: ", &dashes[1..])
                });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_are_even() {
        let lines = [["program", "ms"], ["a", "10.5"]].map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(aligned(&lines), "| program |   ms |\n| ------- | ---: |\n| a       | 10.5 |\n");
    }
}
