//! Runs the official test suite and prints a line a file.
//!
//! Arguments are parts of file names; without any, everything runs. What follows a `--skip` is part
//! of the names of files that do not. Other options of the standard test harness are ignored.

use std::collections::BTreeSet;
use std::process::ExitCode;

use lineal_wast::Report;
use spec_tests::{Known, Limit, Outcome, Verdict, run, scripts};

fn main() -> ExitCode {
    let (mut filters, mut skipped) = (Vec::new(), Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--skip" {
            skipped.extend(args.next());
        } else if !arg.starts_with('-') {
            filters.push(arg);
        }
    }
    let known = match Known::load() {
        Ok(known) => known,
        Err(line) => {
            println!("known.txt: not an entry, or listed twice: {line}");
            return ExitCode::FAILURE;
        }
    };
    let mut scripts = scripts(&filters);
    scripts.retain(|script| !skipped.iter().any(|part| script.name.contains(part)));
    let outcomes = run(&scripts, &known);
    outcomes.iter().for_each(print);
    let stale = stale_entries(&known, &outcomes, filters.is_empty() && skipped.is_empty());
    summarize(&outcomes);
    if stale || outcomes.is_empty() || outcomes.iter().any(|outcome| !outcome.verdict.is_ok()) {
        println!("FAILED");
        return ExitCode::FAILURE;
    }
    println!("ok");
    ExitCode::SUCCESS
}

fn print(outcome: &Outcome) {
    let name = &outcome.name;
    match &outcome.report {
        Ok(report) => println!("{name:<60} {report}"),
        Err(error) => println!("{name:<60} cannot be read: {error}"),
    }
    match &outcome.verdict {
        Verdict::Passed | Verdict::AsListed(Limit::Needs(_)) => {}
        Verdict::AsListed(limit) => println!("    as listed in known.txt: {limit}"),
        Verdict::Worse => {
            let failures = outcome.report.iter().flat_map(|report| report.failures());
            failures.for_each(|failure| println!("    {name}:{failure}"));
            println!("    FAILED ({:?}): does worse than known.txt says", outcome.mode);
        }
        Verdict::Better(None) => println!("    FAILED: passes; remove it from known.txt"),
        Verdict::Better(Some(limit)) => {
            println!("    FAILED: does better; correct known.txt to: {name} {limit}");
        }
    }
}

/// Reports entries of the list for which there is no file.
fn stale_entries(known: &Known, outcomes: &[Outcome], all: bool) -> bool {
    let names: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    let stale: Vec<&str> = known.scripts().filter(|name| all && !names.contains(name)).collect();
    stale.iter().for_each(|name| println!("known.txt lists {name}, which does not exist"));
    !stale.is_empty()
}

fn summarize(outcomes: &[Outcome]) {
    let count = |want: fn(&Verdict) -> bool| {
        outcomes.iter().filter(|outcome| want(&outcome.verdict)).count()
    };
    let sum = |of: fn(&Report) -> usize| -> usize {
        outcomes.iter().flat_map(|outcome| &outcome.report).map(of).sum()
    };
    println!(
        "{} files: {} passed, {} as listed in known.txt, {} not as they should be",
        outcomes.len(),
        count(|verdict| *verdict == Verdict::Passed),
        count(|verdict| matches!(verdict, Verdict::AsListed(_))),
        count(|verdict| !verdict.is_ok()),
    );
    let (passed, failed, skipped) =
        (sum(Report::passed), sum(Report::failed), sum(Report::skipped));
    println!("{passed} directives passed, {failed} failed, {skipped} skipped");
}
