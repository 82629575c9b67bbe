//! Running scripts and judging the reports by the list of what is known.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use lineal::{Accesses, CompilationMode, Config, Engine, Observe};
use lineal_insight::check::{Check, LeakCheck, Options, Undefined};
use lineal_wast::{Error, Report, Runner};

use crate::known::{Known, Limit};
use crate::scripts::Script;

/// What became of a script.
#[derive(Debug)]
pub struct Outcome {
    /// The name of the script.
    pub name: String,
    /// How its modules were translated.
    pub mode: Mode,
    /// The report, or why the script could not be read.
    pub report: Result<Report, Error>,
    /// Whether that is as the list says.
    pub verdict: Verdict,
}

/// How a report compares with the list of what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything passed, and nothing is listed.
    Passed,
    /// The listed limit is what keeps the script from passing.
    AsListed(Limit),
    /// Something failed or was skipped that is not listed.
    Worse,
    /// The script does better than listed; the entry must be corrected to this, or removed.
    Better(Option<Limit>),
}

impl Verdict {
    /// Whether the list need not change and nothing must be fixed.
    pub fn is_ok(&self) -> bool {
        matches!(self, Verdict::Passed | Verdict::AsListed(_))
    }
}

/// The stack of the threads that run scripts: too small for a guest that recurses on it, or for
/// handlers that call each other instead of jumping.
const STACK_BYTES: usize = 256 << 10;

/// Runs scripts on all processors and judges them; the outcomes are in the order of the scripts.
pub fn run(scripts: &[Script], known: &Known) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(script) = scripts.get(index) else { return outcomes };
            outcomes.push((index, run_one(script, known)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let spawn = |_| {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, work).expect("the host can start a thread")
        };
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        let finish = |worker: ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        workers.into_iter().flat_map(finish).collect()
    });
    outcomes.sort_by_key(|&(index, _)| index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Runs a script in every mode; the outcome is that of the first mode in which it is not as it
/// should be, or of the first mode.
fn run_one(script: &Script, known: &Known) -> Outcome {
    let mut outcomes = MODES.map(|mode| run_in(mode, script, known)).into_iter();
    let position = outcomes.as_slice().iter().position(|outcome| !outcome.verdict.is_ok());
    outcomes.nth(position.unwrap_or(0)).expect("there is at least one mode")
}

/// How modules are translated. Scripts must not be able to tell the difference.
const MODES: [Mode; 5] = [Mode::Eager, Mode::Lazy, Mode::Observed, Mode::Filtered, Mode::Checked];

/// How a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Functions are translated with their module.
    Eager,
    /// Each function is translated when it is first called.
    Lazy,
    /// Every access, call and change of a global is reported, and writers are remembered.
    Observed,
    /// Accesses are looked at whether they are of interest, and writers are remembered.
    Filtered,
    /// As under `lineal check`, which stops a guest at the first memory error that it finds. No
    /// script has one.
    Checked,
}

impl Mode {
    /// The observer of this mode that can stop a guest.
    fn check() -> Check {
        Check::new(Options {
            leak_check: LeakCheck::No,
            stop_on_error: true,
            undefined: Undefined::Host,
            ..Options::default()
        })
    }

    fn configure(self, config: &mut Config) {
        let everything =
            || Observe::new().writers(true).functions(|_| true).globals(|_| true).host_calls(true);
        match self {
            Mode::Eager => config.compilation_mode(CompilationMode::Eager),
            Mode::Lazy => config.compilation_mode(CompilationMode::Lazy),
            Mode::Observed => config.observe(everything().accesses(Accesses::All).batched(true)),
            Mode::Filtered => config.observe(everything().accesses(Accesses::OfInterest)),
            // Each run has an observer of its own.
            Mode::Checked => config,
        };
    }
}

fn run_in(mode: Mode, script: &Script, known: &Known) -> Outcome {
    let mut config = Config::new();
    config.features(script.features);
    mode.configure(&mut config);
    let check = (mode == Mode::Checked).then(Mode::check);
    if let Some(check) = &check {
        config.observe(check.observe());
    }
    let report = match Engine::new(&config) {
        Ok(engine) => runner(&engine, check).run(script.text),
        Err(error) => Err(Error::text(script.text, 0, format!("no engine: {error:#}"))),
    };
    let verdict = match &report {
        Ok(report) => judge(report, known.limit(&script.name)),
        Err(_) => Verdict::Worse,
    };
    Outcome { name: script.name.clone(), mode, report, verdict }
}

/// Runs scripts, under check if there is one. The threads of a script get others.
fn runner(engine: &Engine, check: Option<Check>) -> Runner {
    let runner = Runner::new(engine);
    let Some(check) = check else { return runner };
    let first = Mutex::new(Some(check));
    runner.observer(move || {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.unwrap_or_else(Mode::check)
    })
}

fn judge(report: &Report, listed: Option<&Limit>) -> Verdict {
    let needs: Vec<String> = report
        .skip_reasons()
        .into_keys()
        .map(|reason| reason.strip_prefix("needs ").unwrap_or(reason).to_owned())
        .collect();
    match listed {
        Some(limit @ Limit::Fails(_)) if !report.is_ok() => Verdict::AsListed(limit.clone()),
        _ if !report.is_ok() => Verdict::Worse,
        None if needs.is_empty() => Verdict::Passed,
        Some(_) if needs.is_empty() => Verdict::Better(None),
        Some(limit @ Limit::Needs(proposals)) if needs == *proposals => {
            Verdict::AsListed(limit.clone())
        }
        Some(Limit::Needs(proposals)) if !needs.iter().all(|need| proposals.contains(need)) => {
            Verdict::Worse
        }
        Some(_) => Verdict::Better(Some(Limit::Needs(needs))),
        None => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASS: &str = "(module)";
    const FAIL: &str = "(module) (assert_return (invoke \"none\"))";
    const SKIP: &str = "(module) (assert_suspension (invoke \"f\") \"none\")";

    fn verdict(text: &str, listed: Option<Limit>) -> Verdict {
        let report = Runner::default().run(text).unwrap();
        judge(&report, listed.as_ref())
    }

    fn needs(proposals: &[&str]) -> Limit {
        Limit::Needs(proposals.iter().map(|&proposal| proposal.to_owned()).collect())
    }

    #[test]
    fn what_is_not_listed_must_pass() {
        assert_eq!(verdict(PASS, None), Verdict::Passed);
        assert_eq!(verdict(FAIL, None), Verdict::Worse);
        assert_eq!(verdict(SKIP, None), Verdict::Worse);
    }

    #[test]
    fn what_is_listed_must_do_as_listed() {
        let (missing, fails) = (needs(&["stack-switching"]), Limit::Fails("so".into()));
        assert_eq!(verdict(SKIP, Some(missing.clone())), Verdict::AsListed(missing.clone()));
        assert_eq!(verdict(FAIL, Some(fails.clone())), Verdict::AsListed(fails.clone()));
        assert_eq!(verdict(PASS, Some(missing.clone())), Verdict::Better(None));
        assert_eq!(verdict(PASS, Some(fails.clone())), Verdict::Better(None));
        assert_eq!(verdict(FAIL, Some(missing.clone())), Verdict::Worse);
        assert_eq!(verdict(SKIP, Some(needs(&["gc"]))), Verdict::Worse);
        assert_eq!(verdict(SKIP, Some(fails)), Verdict::Better(Some(missing.clone())));
        let more = needs(&["gc", "stack-switching"]);
        assert_eq!(verdict(SKIP, Some(more)), Verdict::Better(Some(missing)));
    }
}
