//! What `run` and `dump` have in common: a module, the function to call in it, and the call.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use lineal::{Engine, ExternType, FuncType, Instance, Linker, Module, Store, Val};

use crate::args;
use crate::source::Source;

/// Names that are called when none is asked for, the best one first.
const ENTRIES: [&str; 3] = ["_start", "main", "run"];

/// A module that was read from a source.
pub(crate) struct Program {
    source: Source,
    module: Module,
}

/// A function to call, with its arguments.
pub(crate) struct Call {
    name: String,
    args: Vec<Val>,
    result_count: usize,
}

impl Program {
    pub(crate) fn load(source: &Source) -> Result<Program> {
        let bytes = source.read()?;
        let module = Module::new(&Engine::default(), bytes)
            .with_context(|| format!("{source} is not a valid module"))?;
        Ok(Program { source: source.clone(), module })
    }

    /// The call of the function with a name, or of the only sensible one without. Nothing of
    /// the module has run when this fails.
    pub(crate) fn call(&self, name: Option<&str>, args: &[String]) -> Result<Call> {
        let (name, ty) = match name {
            Some(name) => (name, self.function(name)?),
            None => self.entry()?,
        };
        let args = args::parse_all(&ty, args).with_context(|| format!("cannot call `{name}`"))?;
        Ok(Call { name: name.to_owned(), args, result_count: ty.results().len() })
    }

    /// Instantiates the module, which runs its start function.
    pub(crate) fn instantiate(&self, store: &mut Store<()>) -> Result<Instance> {
        if self.module.imports().len() > 0 {
            bail!(self.unsatisfied_imports());
        }
        Linker::new(self.module.engine())
            .instantiate(store, &self.module)
            .with_context(|| format!("cannot instantiate {}", self.source))
    }

    pub(crate) fn store(&self) -> Store<()> {
        Store::new(self.module.engine(), ())
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

    /// The function to call if none is named.
    fn entry(&self) -> Result<(&str, FuncType)> {
        let preferred = ENTRIES.iter().find_map(|entry| self.functions().find(|f| f.0 == *entry));
        if let Some(entry) = preferred {
            return Ok(entry);
        }
        let mut functions = self.functions();
        match (functions.next(), functions.next()) {
            (Some(only), None) => Ok(only),
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
            let _ = write!(list, "{heading}\n  {name}: {ty}");
        }
        list
    }

    fn unsatisfied_imports(&self) -> String {
        let mut message =
            format!("{} has imports, and there is nothing to import here:", self.source);
        for import in self.module.imports() {
            let _ = write!(message, "\n  {}::{}", import.module(), import.name());
            if let ExternType::Func(ty) = import.ty() {
                let _ = write!(message, ": {ty}");
            }
        }
        message
    }
}

impl Call {
    /// Makes the call.
    pub(crate) fn make(&self, store: &mut Store<()>, instance: Instance) -> Result<Vec<Val>> {
        let name = &self.name;
        let func = instance.get_func(&*store, name).context("the function is exported")?;
        let mut results = vec![Val::I32(0); self.result_count];
        func.call(store, &self.args, &mut results).with_context(|| format!("`{name}` failed"))?;
        Ok(results)
    }
}
