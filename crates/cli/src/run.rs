//! `lineal run`: calls a function and prints its results, with WASI for what the guest imports.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use lineal::{Linker, Store, Trap};

use crate::Status;
use crate::args;
use crate::host::{self, Host};
use crate::program::Program;
use crate::watchdog::Watchdog;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The module, as .wat or .wasm; `-` for standard input
    file: PathBuf,
    /// The exported function to call [default: `_start`, `main` or `run`, or else the only one]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    #[command(flatten)]
    host: host::Options,
    /// The arguments of the program or the function; options come before them. A `v128` is one
    /// number, with lane 0 in its lowest bits, and is printed in hexadecimal
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Options {
    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let program = Program::load(&self.file.clone().into(), &self.host.config())?;
        let call = program.call(self.invoke.as_deref(), &self.args)?;
        let host = self.host.host(&self.file, &self.args)?;
        let mut store = Store::new(program.engine(), host);
        self.host.prepare(&mut store)?;
        let mut linker = Linker::new(program.engine());
        Host::add_to_linker(&mut linker)?;

        let start = Instant::now();
        let timeout = self.host.timeout();
        let watchdog = timeout.map(|time| Watchdog::start(program.engine().clone(), time));
        let watchdog = watchdog.transpose()?;
        let outcome = program
            .instantiate(&linker, &mut store)
            .and_then(|instance| call.make(&mut store, instance));
        drop(watchdog);
        if self.host.stats {
            self.report(&store, start.elapsed());
        }
        for result in outcome.map_err(|error| self.explain(error))? {
            writeln!(out, "{}", args::display(&result))?;
        }
        Ok(Status::Success)
    }

    /// Says which option stopped the guest, if one did.
    fn explain(&self, error: Error) -> Error {
        match (error.downcast_ref::<Trap>(), self.host.fuel(), self.host.timeout()) {
            (Some(Trap::OutOfFuel), Some(fuel), _) => {
                error.context(format!("the guest consumed its fuel of {fuel} units"))
            }
            (Some(Trap::Interrupt), _, Some(timeout)) => {
                error.context(format!("the guest timed out after {timeout:?}"))
            }
            _ => error,
        }
    }

    fn report(&self, store: &Store<Host>, time: Duration) {
        eprintln!("time: {:.3} ms", time.as_secs_f64() * 1e3);
        if let Some(fuel) = self.host.consumed(store) {
            eprintln!("fuel: {fuel}");
        }
        let usage = &store.data().usage;
        eprintln!("peak memory: {} bytes", usage.peak_bytes);
        eprintln!("grown: {} times", usage.grows);
    }
}
