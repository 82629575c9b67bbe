//! `lineal script`: runs a script that drives memories and modules.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lineal::{Config, Engine, Linker, Module};
use lineal_insight::watch::{Watch, Watchpoint};
use lineal_script::{Error, Language, Output, Script, ScriptError};
use lineal_wasi::I32Exit;
use lineal_wasi::p1::{self, WasiP1Ctx};

use crate::observe::{Needs, SharedTool, Tool, watch};
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
    /// Tell every access of the module to a RANGE of its memory, as `lineal run --watch` does
    #[arg(long, value_name = "RANGE[:r|w|rw|c]", requires = "module")]
    watch: Vec<String>,
    /// List blocks of memory that the script never freed; the exit status is 99 if there are any
    #[arg(long)]
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
    /// Limit memories, tables and blocks to SIZE bytes in total: `65536`, `64KiB`, `1GiB`
    #[arg(long, value_name = "SIZE", value_parser = host::size_bytes)]
    max_memory: Option<u64>,
    /// The script: `.lua` for Lua, `.star` for Starlark, `.js` and `.mjs` for JavaScript, or `-`
    /// for standard input; then its arguments. Everything after the script is an argument, even if
    /// it looks like an option
    #[arg(value_names = ["FILE", "ARGS"], num_args = 1.., required = true, trailing_var_arg = true)]
    script: Vec<String>,
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
        let language = self.language()?;
        if !language.is_available() {
            bail!(Error::Unavailable(language));
        }
        let source = Source::from(self.file().to_owned());
        let text = String::from_utf8(source.read()?);
        let text = text.with_context(|| format!("{source} is not UTF-8 text"))?;
        let script = Script { file: self.file().to_owned(), text, language };

        let engine = Engine::new(&self.config(language))?;
        let mut options = lineal_script::Options::new(&engine);
        options.args = self.args().to_vec();
        options.module.clone_from(&self.module);
        options.strict = self.strict;
        options.check = self.check;
        options.max_memory_bytes = self.max_memory;
        options.deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        options.linker = Some(self.linker(&engine)?);
        options.extension = Some(Box::new(self.wasi()?));

        let tool = self.tool(&engine)?;
        options.observer = Some(Box::new(tool.clone()));

        let watchdog = self.timeout.map(|timeout| Watchdog::start(engine.clone(), timeout, || ()));
        let watchdog = watchdog.transpose()?;
        let outcome = lineal_script::run(&script, options, self.output());
        drop(watchdog);
        if let Some(watch) = &tool.lock().watch {
            watch::report_counts(watch);
        }
        match outcome {
            Ok(report) if report.findings > 0 => Ok(Status::Exit(failure::FINDINGS_STATUS)),
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

    /// What sees the module's accesses, if any are watched.
    fn tool(&self, engine: &Engine) -> Result<SharedTool> {
        let mut tool = Tool::default();
        if let Some(file) = self.module.as_ref().filter(|_| !self.watch.is_empty()) {
            // Its names, to find variables by.
            let module = Module::from_file(engine, file)
                .with_context(|| format!("cannot load {}", file.display()))?;
            let points = self.watch.iter().map(|text| Watchpoint::parse(text, &module));
            let points = points.collect::<Result<Vec<_>>>()?;
            tool.watch = Some(Watch::new(engine, points).on_hit(watch::print_hit));
        }
        Ok(tool.into())
    }

    fn config(&self, language: Language) -> Config {
        let mut config = Config::new();
        if language == Language::JavaScript {
            config.max_wasm_stack(JAVASCRIPT_STACK_BYTES);
        }
        Needs { interest: !self.watch.is_empty(), ..Needs::default() }.configure(&mut config);
        config.epoch_interruption(self.timeout.is_some());
        if let Some(limit_bytes) = self.max_memory {
            // What the garbage collector looks after is bounded by itself.
            config.gc_heap_limit(usize::try_from(limit_bytes).unwrap_or(usize::MAX));
        }
        config
    }

    /// WASI for the modules that import it.
    fn linker(&self, engine: &Engine) -> Result<Linker<lineal_script::Host>> {
        let mut linker = Linker::new(engine);
        p1::add_to_linker_sync(&mut linker, |host: &mut lineal_script::Host| {
            host.extension::<WasiP1Ctx>().expect("every store of a script has it")
        })?;
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

/// The status with which a guest ended the program, past the script.
fn exit_status(error: &ScriptError) -> Option<u8> {
    Some(error.cause()?.downcast_ref::<I32Exit>()?.0 as u8)
}
