//! What `run` and `dump` have in common: a module, the function to call in it, and the call.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Error, Result, bail};
use lineal::{
    CompilationProgress, Config, Engine, Escaped, ExternType, FuncType, Instance, Linker, Module,
    ModuleTooLarge, Store, Val,
};

use crate::args;
use crate::features;
use crate::imports;
use crate::progress::Progress;
use crate::source::{self, Source};

/// Names that are called when none is asked for, the best one first.
const ENTRIES: [&str; 3] = [COMMAND, "main", "run"];

/// What a program for WASI exports.
const COMMAND: &str = "_start";

/// What a library for WASI exports to be called first.
const INITIALIZE: &str = "_initialize";

/// A module that was read from a source.
pub(crate) struct Program {
    source: Source,
    module: Module,
    /// Whether instantiating it runs something.
    has_start: bool,
}

/// A function to call, with its arguments.
pub(crate) struct Call {
    name: String,
    args: Vec<Val>,
    result_count: usize,
}

/// Says of a source that it is no module, and why, as far as that can be said.
pub(crate) fn invalid(source: &Source, bytes: &[u8], error: Error) -> Error {
    match source::foreign(bytes) {
        Some(why) => Error::msg(format!("{source} is not a module: {why}")),
        None => features::explain(error).context(format!("{source} is not a valid module")),
    }
}

impl Program {
    pub(crate) fn load(source: &Source, config: &Config) -> Result<Program> {
        let bytes = source.read_shared()?;
        let progress = CompilationProgress::new();
        let engine = Engine::new(config.clone().compilation_progress(&progress))?;
        let name = source.to_string();
        let compiling = Progress::start(move || {
            let [done, all] = [progress.done_bytes(), progress.all_bytes()].map(|n| n as f64 / 1e6);
            if all == 0.0 {
                return format!("reading {name}");
            }
            format!("compiling {name}: {done:.1} of {all:.1} MB of functions")
        });
        let module = Module::from_shared(&engine, Arc::clone(&bytes), source.file());
        drop(compiling);
        let module = module.map_err(|error| match error.is::<ModuleTooLarge>() {
            true => error.context(format!("{source} is too large: allow more with --max-memory")),
            false => invalid(source, &bytes, error),
        })?;
        let mut program = Program { source: source.clone(), module, has_start: false };
        if program.functions().next().is_none() {
            // Only then it matters.
            let features = lineal_decoder::Features::default();
            program.has_start = lineal_decoder::Module::from_shared(bytes, &features)
                .is_ok_and(|module| module.start.is_some());
        }
        Ok(program)
    }

    /// The call of the function with a name, or of the only sensible one without: none for a
    /// module that runs when it is instantiated, and only then. Nothing of the module has run when
    /// this fails.
    pub(crate) fn call(&self, name: Option<&str>, args: &[OsString]) -> Result<Option<Call>> {
        let entry = match name {
            Some(name) => Some((name, self.function(name)?)),
            None => self.entry()?,
        };
        let Some((name, ty)) = entry else { return Ok(None) };
        // A program gets its arguments by way of WASI.
        let args = if name == COMMAND && ty.params().len() == 0 { &[] } else { args };
        let to_text = |(index, arg): (usize, &OsString)| {
            let text = arg.to_str().with_context(|| format!("argument {} is not UTF-8", index + 1));
            text.map(str::to_owned)
        };
        let args = args.iter().enumerate().map(to_text).collect::<Result<Vec<_>>>();
        let args = args
            .and_then(|args| args::parse_all(&ty, &args))
            .with_context(|| format!("cannot call `{}`", Escaped(name)))?;
        Ok(Some(Call { name: name.to_owned(), args, result_count: ty.results().len() }))
    }

    /// Instantiates the module, which runs its start function and, of a library for WASI, the
    /// one that initialises it, unless that is what is called anyway.
    pub(crate) fn instantiate<T>(
        &self,
        linker: &Linker<T>,
        store: &mut Store<T>,
        call: Option<&Call>,
    ) -> Result<Instance> {
        let unknown = self.module.imports();
        let unknown = unknown.filter(|import| linker.get_by_import(&mut *store, import).is_none());
        let unknown: Vec<_> = unknown.collect();
        if !unknown.is_empty() {
            bail!(imports::unknown(&self.source, &unknown));
        }
        let instance = linker
            .instantiate(&mut *store, &self.module)
            .with_context(|| format!("cannot instantiate {}", self.source))?;
        if call.is_none_or(|call| call.name != INITIALIZE)
            && let Ok(initialize) = instance.get_typed_func::<(), ()>(&*store, INITIALIZE)
        {
            initialize.call(store, ()).with_context(|| format!("`{INITIALIZE}` failed"))?;
        }
        Ok(instance)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.module.engine()
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// The type of an exported function.
    fn function(&self, name: &str) -> Result<FuncType> {
        match self.module.get_export(name) {
            Some(ExternType::Func(ty)) => Ok(ty),
            Some(_) => bail!("the export `{name}` of {} is not a function", self.source),
            None => {
                let known = self.function_list();
                bail!("{} does not export `{name}`{known}", self.source)
            }
        }
    }

    /// The function to call if none is named; none if the module runs without.
    fn entry(&self) -> Result<Option<(&str, FuncType)>> {
        let preferred = ENTRIES.iter().find_map(|entry| self.functions().find(|f| f.0 == *entry));
        if preferred.is_some() {
            return Ok(preferred);
        }
        // A library is initialised anyway.
        let mut functions = self.functions().filter(|(name, _)| *name != INITIALIZE);
        match (functions.next(), functions.next()) {
            (Some(only), None) => Ok(Some(only)),
            (None, _) if self.has_start || self.functions().next().is_some() => Ok(None),
            (None, _) => bail!("{} does not export a function", self.source),
            _ => {
                let known = self.function_list();
                bail!("{} does not say where to start; name it with --invoke{known}", self.source)
            }
        }
    }

    /// The exported functions.
    fn functions(&self) -> impl Iterator<Item = (&str, FuncType)> {
        self.module.exports().filter_map(|export| match export.ty() {
            ExternType::Func(ty) => Some((export.name(), ty)),
            _ => None,
        })
    }

    fn function_list(&self) -> String {
        let mut list = String::new();
        for (name, ty) in self.functions() {
            let heading = if list.is_empty() { "; it exports these functions:" } else { "" };
            let _ = write!(list, "{heading}\n  {}: {ty}", Escaped(name));
        }
        list
    }
}

impl Call {
    /// Makes the call.
    pub(crate) fn make<T>(&self, store: &mut Store<T>, instance: Instance) -> Result<Vec<Val>> {
        let name = &self.name;
        let func = instance.get_func(&*store, name).context("the function is exported")?;
        let mut results = vec![Val::I32(0); self.result_count];
        func.call(store, &self.args, &mut results)
            .with_context(|| format!("`{}` failed", Escaped(name)))?;
        Ok(results)
    }
}
