//! `lineal check`: runs a program and finds memory errors and leaks.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use lineal::Escaped;
use lineal_insight::CallEvent;
use lineal_insight::alloc::{AllocOption, AllocatorFunction, Hidden};
use lineal_insight::check::{self, Check, LeakKind, suppression_of};

use super::guest::Observed;
use super::tool::Tool;
use super::{write_file, write_json};
use crate::failure::{self, FINDINGS_STATUS};
use crate::{Status, host};

/// What to run, and what to look for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How to look for blocks that are never freed
    #[arg(long, value_name = "HOW", default_value = "full")]
    leak_check: LeakCheck,
    /// Looks for leaks when a function is called, with `:N` after it for its N-th call, instead of
    /// at the end
    #[arg(long, value_name = "FUNCTION")]
    leak_check_at: Option<CallEvent>,
    /// Which leaks to report: `definite`, `indirect`, `possible`, `reachable`, separated by commas,
    /// or `all` or `none`
    #[arg(long, value_name = "KINDS", default_value = "definite,possible", value_parser = leak_kinds)]
    show_leak_kinds: Kinds,
    /// The exit status if something was found
    #[arg(long, value_name = "STATUS", default_value_t = FINDINGS_STATUS)]
    error_exitcode: u8,
    /// How many distinct errors to report, or `no` for all of them
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = limit)]
    error_limit: Limit,
    /// Stops the program at the first error
    #[arg(long)]
    stop_on_error: bool,
    /// Whether an aligned load of a word or vector may reach beyond a block if one of its bytes is
    /// inside, as fast string functions do
    #[arg(long, value_name = "yes|no", default_value = "yes")]
    partial_loads_ok: Answer,
    /// Whether to report bytes that are handed to the host and were never written: `no` or `host`
    #[arg(long, value_name = "WHERE", default_value = "no")]
    undefined: Undefined,
    /// Adds SIZE bytes to each block of C and C++, so that accesses far beyond its end are found.
    /// The program sees other addresses
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = host::size_bytes)]
    redzone: u64,
    /// Keeps SIZE bytes of freed blocks of C and C++ from being used again, so that late uses are
    /// found. The program sees other addresses
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = host::size_bytes)]
    quarantine: u64,
    /// Treats a function as an allocator function, such as `malloc=my_malloc` or `free=func[12]`;
    /// `none` recognises no function by its name
    #[arg(long, value_name = "ROLE=FUNCTION")]
    alloc: Vec<AllocOption>,
    /// Reads from a file which errors not to report, in Valgrind's format
    #[arg(long, value_name = "FILE")]
    suppressions: Vec<PathBuf>,
    /// Prints a suppression for each error
    #[arg(long)]
    gen_suppressions: bool,
    /// Writes the report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the report to a file, as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    program: Observed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LeakCheck {
    No,
    Summary,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Undefined {
    No,
    Host,
}

#[derive(Clone, Debug)]
struct Kinds(Vec<LeakKind>);

#[derive(Clone, Copy, Debug)]
struct Limit(Option<usize>);

fn leak_kinds(text: &str) -> Result<Kinds> {
    use LeakKind::*;
    let all = [Definite, Indirect, Possible, Reachable];
    match text {
        "all" => return Ok(Kinds(all.to_vec())),
        "none" => return Ok(Kinds(Vec::new())),
        _ => {}
    }
    let kind = |name: &str| match all.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => Ok(kind),
        None => bail!(
            "`{name}` is not a kind of leak: expected definite, indirect, possible or reachable"
        ),
    };
    text.split(',').map(kind).collect::<Result<_>>().map(Kinds)
}

fn limit(text: &str) -> Result<Limit> {
    if text == "no" {
        return Ok(Limit(None));
    }
    let count = text.parse().ok().context("expected a number or `no`")?;
    Ok(Limit(Some(count)))
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let tool = Check::new(self.options()?);
        let mut run = self.program.run_observed(
            tool.observe(),
            Tool { check: Some(tool), ..Tool::default() },
            None,
        )?;
        run.print_results(out)?;
        out.flush()?;
        let module = run.module().clone();
        let title = format!("lineal check {}", self.program.file().display());
        let mut found = false;
        if let Some((mut moment, host)) = run.store().moment_and_data()
            && let Some(check) = &mut host.tool.lock().check
        {
            let report = check.report(&mut moment);
            found = !report.is_clean();
            let mut text = allocators(&report.allocators, &report.unused_alloc);
            text.push_str(&not_checked(&report.hidden));
            text.push_str(&format!("{report}"));
            if self.gen_suppressions {
                text.extend(report.findings.iter().map(suppression_of));
            }
            failure::note(text.trim_end());
            if let Some(file) = &self.json {
                write_json(file, &check::to_json(&report))?;
            }
            if let Some(file) = &self.html {
                let page = check.page(&title, &report, &moment, &module);
                write_file(file, page.html().as_bytes())?;
            }
        }
        let trapped = run.has_trapped();
        let status = run.status();
        if found && !trapped { Ok(Status::Exit(self.error_exitcode)) } else { status }
    }

    fn options(&self) -> Result<check::Options> {
        let mut suppressions = check::Suppressions::default();
        for file in &self.suppressions {
            let shown = file.display();
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
            suppressions
                .read(&text)
                .with_context(|| format!("{shown} is not a file of suppressions"))?;
        }
        Ok(check::Options {
            alloc: self.alloc.clone(),
            leak_check: match self.leak_check {
                LeakCheck::No => check::LeakCheck::No,
                LeakCheck::Summary => check::LeakCheck::Summary,
                LeakCheck::Full => check::LeakCheck::Full,
            },
            leak_check_at: self.leak_check_at.clone(),
            show_leak_kinds: self.show_leak_kinds.0.clone(),
            stop_on_error: self.stop_on_error,
            error_limit: self.error_limit.0,
            partial_loads_ok: self.partial_loads_ok == Answer::Yes,
            undefined: match self.undefined {
                Undefined::No => check::Undefined::No,
                Undefined::Host => check::Undefined::Host,
            },
            redzone_bytes: self.redzone,
            quarantine_bytes: self.quarantine,
            suppressions,
            ..check::Options::default()
        })
    }
}

/// The lines that say which allocator functions were recognised, and which were not.
pub(crate) fn allocators(functions: &[AllocatorFunction], unused: &[AllocOption]) -> String {
    let mut text = String::new();
    for option in unused {
        text.push_str(&format!(
            "--alloc {option} has no effect: the module has no such function whose parameters and \
             results fit, or `{}` is no known allocator function\n",
            option.role()
        ));
    }
    if functions.is_empty() {
        text.push_str(
            "no allocator functions were recognised, so nothing is known of the heap: name them with \
             --alloc malloc=FUNCTION and --alloc free=FUNCTION\n",
        );
        return text;
    }
    let names = functions.iter().map(|function| {
        format!("{} (func[{}], {})", Escaped(&function.name), function.index, function.how)
    });
    // A module that is compiled again has the same.
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    text.push_str(&format!("allocators: {}\n", distinct.join(", ")));
    text
}

/// The lines that say why the heap was not checked.
pub(crate) fn not_checked(hidden: &[Hidden]) -> String {
    hidden.iter().map(|hidden| format!("the heap is not checked: {hidden}\n")).collect()
}
