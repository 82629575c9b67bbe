//! A guest that a tool sees: what `blame`, `heat` and `trace` have in common.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use lineal::{Config, Module, Observe, Store, Trap, Val};

use super::tool::{Needs, Tool};
use crate::Status;
use crate::host::{self, Host};
use crate::program::Program;
use crate::run::Guest;

/// What to run.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Observed {
    /// The exported function to call [default: `_start`, `main` or `run`, or else the only one]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    #[command(flatten)]
    guest: Guest,
    #[command(flatten)]
    host: host::Options,
}

/// A guest that has ended.
pub(super) struct Ended<'a> {
    session: host::Session<'a>,
    module: Module,
    outcome: Result<Vec<Val>>,
}

impl Observed {
    pub(super) fn file(&self) -> &Path {
        self.guest.file()
    }

    /// Runs the guest with a tool that is made for its module.
    pub(super) fn run(
        &self,
        needs: Needs,
        tool: impl FnOnce(&Module) -> Result<Tool>,
    ) -> Result<Ended<'_>> {
        let mut config = self.host.config();
        needs.configure(&mut config);
        self.run_with(config, None, tool)
    }

    /// Runs the guest with a tool that says itself what it has to be told, until it has consumed
    /// some fuel, if that is given.
    pub(super) fn run_observed(
        &self,
        observe: Observe,
        tool: Tool,
        fuel: Option<u64>,
    ) -> Result<Ended<'_>> {
        let mut config = self.host.config();
        config.observe(observe);
        if fuel.is_some() {
            config.consume_fuel(true);
        }
        self.run_with(config, fuel, |_| Ok(tool))
    }

    fn run_with(
        &self,
        config: Config,
        fuel: Option<u64>,
        tool: impl FnOnce(&Module) -> Result<Tool>,
    ) -> Result<Ended<'_>> {
        let watchdog = self.host.watchdog()?;
        let (file, args) = (self.guest.file(), self.guest.args());
        let program = Program::load(&PathBuf::from(file).into(), &config)?;
        let call = program.call(self.invoke.as_deref(), args)?;
        let tool = tool(program.module())?;
        let mut session =
            self.host.observed_session(&program, file, args, tool.into(), watchdog)?;
        if let Some(fuel) = fuel {
            session.store_mut().set_fuel(fuel)?;
        }
        let outcome = session
            .instantiate(&program, call.as_ref())
            .and_then(|instance| session.call(call.as_ref(), instance));
        session.report();
        let module = program.module().clone();
        Ok(Ended { session, module, outcome })
    }
}

impl Ended<'_> {
    pub(super) fn store(&mut self) -> &mut Store<Host> {
        self.session.store_mut()
    }

    /// Prints the results of the function that was called.
    pub(super) fn print_results(&self, out: &mut impl Write) -> Result<()> {
        for result in self.outcome.iter().flatten() {
            writeln!(out, "{result}")?;
        }
        Ok(())
    }

    pub(super) fn module(&self) -> &Module {
        &self.module
    }

    /// Whether a trap stopped the guest.
    pub(super) fn has_trapped(&self) -> bool {
        self.outcome.as_ref().is_err_and(|error| error.is::<Trap>())
    }

    /// Whether that trap stopped the guest.
    pub(super) fn ended_by(&self, trap: Trap) -> bool {
        self.outcome.as_ref().is_err_and(|error| error.downcast_ref() == Some(&trap))
    }

    /// How the guest ended: what stopped it is the command's error.
    pub(super) fn status(self) -> Result<Status> {
        self.outcome.map(|_| Status::Success)
    }
}
