//! `lineal script`: runs a script that drives memories and modules.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lineal::{Config, Engine, Linker, Moment};
use lineal_insight::check::{self, Check};
use lineal_script::{Error, Language, Output, Script, ScriptError};
use lineal_wasi::I32Exit;
use lineal_wasi::p0;
use lineal_wasi::p1::{self, WasiP1Ctx};

use crate::observe::check::{allocators, not_checked};
use crate::observe::{SharedTool, Tool, watch};
use crate::source::Source;
use crate::watchdog::Watchdog;
use crate::{Status, failure, host};

/// The stack of the guests of JavaScript. Each call of a guest by a function that a guest has
/// called takes 4 KiB of it, so that this is enough for about 4,000 calls inside each other.
const JAVASCRIPT_STACK_BYTES: usize = 16 << 20;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The script's language, whatever the file's name: `lua`, `starlark` or `js`
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    /// Instantiate a module (.wasm or .wat) before the script starts
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Reject what browsers reject, even where it is accepted here for convenience
    #[arg(long)]
    strict: bool,
    /// Find memory errors and leaks of the modules, as `lineal check` does, and list blocks of a Lua
    /// script that it never freed; the exit status is 99 if something is found
    #[arg(long, conflicts_with = "watch")]
    check: bool,
    /// Let modules use a directory and what is in it; GUEST is its name there [default: HOST]
    #[arg(long, value_name = "HOST[::GUEST]")]
    dir: Vec<OsString>,
    /// Set an environment variable of the modules; without a value, copy it from this environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<OsString>,
    /// Stop the script after that time, such as `2.5s` or `300ms`
    #[arg(long, value_parser = host::duration)]
    timeout: Option<Duration>,
    /// Limit memories, tables and blocks to SIZE bytes in total: `65536`, `64KiB`, `1GiB`. The
    /// script's own values may take SIZE bytes, too
    #[arg(long, value_name = "SIZE", value_parser = host::size_bytes)]
    max_memory: Option<u64>,
    /// The script: `.lua` for Lua, `.star` for Starlark, `.js` and `.mjs` for JavaScript, or `-`
    /// for standard input; then its arguments. Everything after the script is an argument, even if
    /// it looks like an option
    #[arg(value_names = ["FILE", "ARGS"], num_args = 1.., required = true, trailing_var_arg = true)]
    script: Vec<String>,
    #[command(flatten)]
    watch: watch::Options,
}

impl Options {
    fn file(&self) -> &Path {
        // One is required.
        self.script.first().map_or(Path::new("-"), Path::new)
    }

    /// The script's arguments.
    fn args(&self) -> &[String] {
        self.script.get(1..).unwrap_or_default()
    }

    pub(crate) fn execute(&self) -> Result<Status> {
        let start = Instant::now();
        let watch = |time| Watchdog::start(time, "while the script was loaded");
        let watchdog = self.timeout.map(watch).transpose()?;
        let language = self.language()?;
        if !language.is_available() {
            bail!(Error::Unavailable(language));
        }
        let source = Source::from(self.file().to_owned());
        let text = String::from_utf8(source.read()?);
        let text = text.with_context(|| format!("{source} is not UTF-8 text"))?;
        let script = Script { file: self.file().to_owned(), text, language };

        let check = self.check.then(|| {
            let options = check::Options { host_goes_on: true, ..check::Options::default() };
            Check::new(options)
        });
        let engine = Engine::new(&self.config(language, check.as_ref()))?;
        let mut options = lineal_script::Options::new(&engine);
        options.args = self.args().to_vec();
        options.module.clone_from(&self.module);
        options.strict = self.strict;
        options.check = self.check;
        options.max_memory_bytes = self.max_memory;
        options.deadline = self.timeout.and_then(|timeout| start.checked_add(timeout));
        options.linker = Some(self.linker(&engine)?);
        options.extension = Some(Box::new(self.wasi()?));

        let mut tool = self.watch.tool_everywhere(&engine)?;
        if check.is_some() {
            // Then not every read is told.
            tool.recent = None;
        }
        let tool = SharedTool::from(Tool { check, ..tool });
        options.observer = Some(Box::new(tool.clone()));
        let (ended, reported) = (tool.clone(), Rc::new(RefCell::new(Ok(false))));
        let (result, watch) = (reported.clone(), self.watch.clone());
        options.at_end = Some(Box::new(move |moment, failure| {
            *result.borrow_mut() = report(&mut ended.lock(), &watch, moment, failure);
        }));

        if let Some(watchdog) = &watchdog {
            watchdog.guest_runs(&engine, || ());
        }
        let outcome = lineal_script::run(&script, options, self.output());
        if let Some(watchdog) = &watchdog {
            watchdog.guest_ended();
        }
        let found = reported.replace(Ok(false))?;
        match outcome {
            Ok(report) if found || report.findings > 0 => {
                Ok(Status::Exit(failure::FINDINGS_STATUS))
            }
            Ok(_) => Ok(Status::Success),
            Err(Error::Exit(status)) => Ok(Status::Exit(status as u8)),
            Err(Error::TimedOut) => {
                let timeout = self.timeout.unwrap_or_default();
                failure::abort(&format!("the script timed out after {timeout:?}"))
            }
            Err(Error::Script(error)) => match exit_status(&error) {
                Some(status) => Ok(Status::Exit(status)),
                None => Err(Error::Script(error).into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn language(&self) -> Result<Language> {
        if let Some(language) = self.lang {
            return Ok(language);
        }
        Language::of_file(self.file()).with_context(|| {
            format!(
                "cannot tell the language of {}: name it with --lang, or give the file an ending \
                 that says it (.lua, .star, .js, .mjs)",
                self.file().display()
            )
        })
    }

    fn config(&self, language: Language, check: Option<&Check>) -> Config {
        let mut config = Config::new();
        if language == Language::JavaScript {
            config.max_wasm_stack(JAVASCRIPT_STACK_BYTES);
        }
        let needs = self.watch.needs();
        match check {
            Some(check) => {
                config.observe(match needs.writers {
                    true => check.observe_with_writers(),
                    false => check.observe(),
                });
            }
            None => needs.configure(&mut config),
        }
        config.epoch_interruption(self.timeout.is_some());
        if let Some(limit_bytes) = self.max_memory {
            // The limiter counts objects with all else. The heap's own limit must not be less.
            config.gc_heap_limit(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
        }
        config
    }

    /// WASI for the modules that import it.
    fn linker(&self, engine: &Engine) -> Result<Linker<lineal_script::Host>> {
        let mut linker = Linker::new(engine);
        fn wasi(host: &mut lineal_script::Host) -> &mut WasiP1Ctx {
            host.extension().expect("every store of a script has it")
        }
        p1::add_to_linker_sync(&mut linker, wasi)?;
        p0::add_to_linker_sync(&mut linker, wasi)?;
        Ok(linker)
    }

    fn wasi(&self) -> Result<WasiP1Ctx> {
        Ok(host::wasi(self.file(), self.args(), &self.dir, &self.env)?.build_p1())
    }

    fn output(&self) -> Output {
        let stdout = io::stdout();
        let colours = failure::colours(&stdout);
        let out: Box<dyn Write> = Box::new(stdout);
        Output { out, err: Box::new(io::stderr()), colours }
    }
}

/// Reports what the tools found; whether there are memory errors or leaks.
fn report(
    tool: &mut Tool,
    watch: &watch::Options,
    moment: &mut Moment<'_>,
    failure: Option<&lineal::Error>,
) -> Result<bool> {
    watch.report(tool, Some(moment), failure)?;
    let Some(check) = &mut tool.check else { return Ok(false) };
    if !check.has_begun() {
        return Ok(false);
    }
    let report = check.report(moment);
    let functions = allocators(&report.allocators, &report.unused_alloc);
    failure::note(format!("{functions}{}{report}", not_checked(&report.hidden)).trim_end());
    Ok(!report.is_clean())
}

/// The status with which a guest ended the program, past the script.
fn exit_status(error: &ScriptError) -> Option<u8> {
    Some(error.cause()?.downcast_ref::<I32Exit>()?.0 as u8)
}
