//! `lineal run`: calls a function and prints its results, with WASI for what the guest imports.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use lineal::WasmCoreDump;

use crate::Status;
use crate::observe::{self, watch};
use crate::program::Program;
use crate::{failure, host};

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The exported function to call [default: `_start`, `main` or `run`, or else the only one]
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,
    #[command(flatten)]
    guest: Guest,
    #[command(flatten)]
    host: host::Options,
    /// Writes a core dump to a file if the guest traps, in the format of the WebAssembly tool
    /// conventions
    #[arg(long, value_name = "FILE")]
    coredump: Option<PathBuf>,
    #[command(flatten)]
    watch: watch::Options,
}

/// A module and its arguments. Everything after the module's file is the guest's, also what looks
/// like an option.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Guest {
    /// The module, as .wat or .wasm, or `-` for standard input; then the arguments of the program
    /// or the function. Everything after the module is an argument, even if it looks like an
    /// option. A `v128` is one number, with lane 0 in its lowest bits, and is printed in
    /// hexadecimal
    #[arg(value_names = ["FILE", "ARGS"], num_args = 1.., required = true, trailing_var_arg = true)]
    guest: Vec<OsString>,
}

impl Guest {
    /// The module.
    pub(crate) fn file(&self) -> &Path {
        // One is required.
        self.guest.first().map_or(Path::new("-"), Path::new)
    }

    /// The guest's arguments.
    pub(crate) fn args(&self) -> &[OsString] {
        self.guest.get(1..).unwrap_or_default()
    }
}

impl Options {
    /// The guest's arguments.
    pub(crate) fn args(&self) -> &[OsString] {
        self.guest.args()
    }

    pub(crate) fn execute(&self, out: &mut impl Write) -> Result<Status> {
        let watchdog = self.host.watchdog()?;
        let (file, args) = (self.guest.file(), self.guest.args());
        let mut config = self.host.config();
        self.watch.needs().configure(&mut config);
        config.coredump_on_trap(self.coredump.is_some());
        let program = Program::load(&PathBuf::from(file).into(), &config)?;
        let call = program.call(self.invoke.as_deref(), args)?;
        let tool = self.watch.tool(program.module())?;
        let mut session =
            self.host.observed_session(&program, file, args, tool.into(), watchdog)?;
        let outcome = session
            .instantiate(&program, call.as_ref())
            .and_then(|instance| session.call(call.as_ref(), instance));
        session.report();
        if let (Some(to), Err(error)) = (&self.coredump, &outcome)
            && let Some(dump) = error.downcast_ref::<WasmCoreDump>()
        {
            let bytes = dump.serialize(session.store_mut(), &file.display().to_string());
            observe::write_file(to, &bytes)?;
            failure::note(&format!("core dump written to {}", to.display()));
        }
        if let Some((moment, host)) = session.store_mut().moment_and_data() {
            self.watch.report(&host.tool.lock(), Some(&moment), outcome.as_ref().err())?;
        }
        for result in outcome? {
            writeln!(out, "{result}")?;
        }
        // As long as the time runs.
        out.flush()?;
        Ok(Status::Success)
    }
}
