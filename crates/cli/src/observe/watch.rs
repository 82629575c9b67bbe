//! `--watch` and `--explain` of `lineal run` and `lineal script`: who accesses or wrote some bytes.

use std::path::PathBuf;

use anyhow::Result;
use lineal::{Engine, Module, Moment};
use lineal_insight::blame::Blame;
use lineal_insight::recent::Recent;
use lineal_insight::watch::{Action, Hit, Watch, Watchpoint};

use super::tool::{Needs, Tool};
use super::{explain, write_json};

/// What is watched, and what is explained.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Options to see memory, before FILE")]
pub(crate) struct Options {
    /// Tells every access to a RANGE: `0x1f40..0x1f44`, `0x1f40+4`, the name of a variable, with
    /// `memory1:` before it for another memory. After it, `:r` for reads, `:w` for writes (if
    /// nothing is said), `:rw` for both, `:c` for changes; then perhaps a condition on the bytes,
    /// as an unsigned number (`'== 5'`, `'< 100'`), and `#N` to begin with the N-th access
    #[arg(long, value_name = "RANGE[:r|w|rw|c]")]
    watch: Vec<String>,
    /// What becomes of an access that is watched
    #[arg(long, value_name = "ACTION", default_value = "log", requires = "watch")]
    watch_action: WatchAction,
    /// After a trap or a failed assertion, shows the bytes that had to do with it, and who wrote
    /// them; with `--watch`, not what was read last
    #[arg(long)]
    explain: bool,
    /// Writes what was watched to a file, as JSON
    #[arg(long, value_name = "FILE", requires = "watch")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WatchAction {
    /// Print it, and go on
    Log,
    /// Print it, and stop the program
    Stop,
    /// Only count it
    Count,
}

impl Options {
    pub(crate) fn needs(&self) -> Needs {
        let interest = !self.watch.is_empty();
        // A watchpoint stops at the access, not at the end of a batch.
        Needs { interest, writers: self.explain, all: self.explain && !interest }
    }

    /// The tools that the options ask for.
    pub(crate) fn tool(&self, module: &Module) -> Result<Tool> {
        let mut tool = Tool::default();
        if !self.watch.is_empty() {
            let points: Result<Vec<Watchpoint>> =
                self.watch.iter().map(|text| Watchpoint::parse(text, module)).collect();
            tool.watch = Some(self.ready(Watch::new(module.engine(), points?)));
        }
        self.add_explain(&mut tool);
        Ok(tool)
    }

    fn add_explain(&self, tool: &mut Tool) {
        if self.explain {
            tool.blame = Some(Blame::new());
            tool.recent = self.watch.is_empty().then(|| Recent::new(explain::READS));
        }
    }

    /// The tools for all modules that a script instantiates.
    pub(crate) fn tool_everywhere(&self, engine: &Engine) -> Result<Tool> {
        let mut tool = Tool::default();
        if !self.watch.is_empty() {
            tool.watch = Some(self.ready(Watch::everywhere(engine, self.watch.clone())?));
        }
        self.add_explain(&mut tool);
        Ok(tool)
    }

    fn ready(&self, watch: Watch) -> Watch {
        let action = match self.watch_action {
            WatchAction::Log => Action::Log,
            WatchAction::Stop => Action::Stop,
            WatchAction::Count => Action::Count,
        };
        watch.action(action).on_hit(print_hit)
    }

    /// Reports what the tools found, after the guest has ended.
    pub(crate) fn report(
        &self,
        tool: &Tool,
        moment: Option<&Moment<'_>>,
        failure: Option<&anyhow::Error>,
    ) -> Result<()> {
        if let Some(watch) = &tool.watch
            && watch.has_begun()
        {
            report_counts(watch);
            if let Some(file) = &self.json {
                write_json(file, &watch.to_json())?;
            }
        }
        if let (Some(blame), Some(moment), Some(failure)) = (&tool.blame, moment, failure) {
            explain::explain(moment, blame, tool.recent.as_ref(), failure);
        }
        Ok(())
    }
}

/// Tells how often each range was accessed.
fn report_counts(watch: &Watch) {
    for text in watch.nowhere() {
        crate::failure::note(&format!("watch {text}: no module that was instantiated has it"));
    }
    for (point, count) in watch.points().iter().zip(watch.counts()) {
        let accesses = if *count == 1 { "access" } else { "accesses" };
        crate::failure::note(&format!("watch {}: {count} {accesses}", point.text));
    }
}

fn print_hit(hit: &Hit, point: &Watchpoint) {
    let text = format!("watch {} ({}): {hit}", point.text, hit.count);
    crate::failure::note(&text);
}
