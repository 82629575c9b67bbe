//! [`Modules`]: modules that scripts load.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lineal::{
    AsContextMut, Caller, Engine, Error, Extern, ExternType, Func, FuncType, ImportType, Instance,
    Linker, Memory, Module, Ref, Result, StoreContextMut, Trap, Val,
};

use crate::Host;

/// Loads modules for a script.
pub(crate) struct Modules {
    engine: Engine,
    /// Where relative paths begin.
    dir: PathBuf,
    /// What the script's host provides.
    linker: Linker<Host>,
}

impl Modules {
    /// For the script in `file`; paths are relative to its directory.
    pub(crate) fn new(engine: &Engine, file: &Path, linker: Option<Linker<Host>>) -> Modules {
        let dir = file.parent().unwrap_or(Path::new("")).to_owned();
        let linker = linker.unwrap_or_else(|| Linker::new(engine));
        Modules { engine: engine.clone(), dir, linker }
    }

    /// A module for a path in the script.
    pub(crate) fn load(&self, path: &str) -> Result<Module> {
        self.load_file(&self.dir.join(path))
    }

    /// A module in a file.
    pub(crate) fn load_file(&self, file: &Path) -> Result<Module> {
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Module::new(&self.engine, bytes)
            .with_context(|| format!("{} is not a valid module", file.display()))
    }

    /// Instantiates a module. What it imports comes from `provide` or else from the host; if it
    /// exports `_initialize`, that is called.
    ///
    /// # Errors
    ///
    /// If something that it imports is not there or of the wrong type, or if one of the functions
    /// that start it fails.
    pub(crate) fn instantiate(
        &self,
        mut store: StoreContextMut<'_, Host>,
        module: &Module,
        mut provide: impl FnMut(
            &mut StoreContextMut<'_, Host>,
            &ImportType<'_>,
        ) -> Result<Option<Extern>>,
    ) -> Result<Instance> {
        let mut missing = Vec::new();
        let mut imports = Vec::new();
        for import in module.imports() {
            match provide(&mut store, &import)? {
                Some(item) => imports.push(item),
                None => match self.provided(&mut store, &import) {
                    Some(item) => imports.push(item),
                    None => missing.push(import),
                },
            }
        }
        if !missing.is_empty() {
            bail!(missing_imports(&missing));
        }
        store.data_mut().limiter.refused = false;
        let instance = Instance::new(&mut store, module, &imports).map_err(|error| {
            if error.is::<Trap>() { error } else { store.data_mut().limiter.explain(error) }
        })?;
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
            initialize.call(&mut store, ()).context("`_initialize` failed")?;
        }
        Ok(instance)
    }

    /// What the host provides of its own accord.
    fn provided(
        &self,
        store: &mut StoreContextMut<'_, Host>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        if let Some(item) = self.linker.get_by_import(&mut *store, import) {
            return Some(item);
        }
        let is_abort = (import.module(), import.name()) == ("env", "abort")
            && matches!(import.ty(), ExternType::Func(ty) if is_abort_type(&ty));
        is_abort.then(|| Func::wrap(store.as_context_mut(), abort).into())
    }
}

fn missing_imports(missing: &[ImportType<'_>]) -> String {
    let mut message = String::from("the module imports what nothing provides:");
    for import in missing {
        let (module, name) = (import.module(), import.name());
        let _ = write!(message, "\n  {module}.{name}: ");
        let _ = match import.ty() {
            ExternType::Func(ty) => write!(message, "function {ty}"),
            ExternType::Global(_) => write!(message, "global"),
            ExternType::Table(_) => write!(message, "table"),
            ExternType::Memory(_) => write!(message, "memory"),
            ExternType::Tag(_) => write!(message, "tag"),
        };
    }
    message
}

/// Whether a type is that of the function that programs of AssemblyScript call when they give up.
fn is_abort_type(ty: &FuncType) -> bool {
    ty.params().len() == 4 && ty.params().all(|ty| ty.is_i32()) && ty.results().len() == 0
}

/// Stops a program of AssemblyScript with its message.
fn abort(
    mut caller: Caller<'_, Host>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> Result<()> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let string = |addr: u32| {
        memory.and_then(|memory| assembly_script_string(&caller, memory, addr)).unwrap_or_default()
    };
    let (message, file) = (string(message), string(file));
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    Err(Error::msg(format!("abort{message} in {file}({line}:{column})")))
}

/// A string of AssemblyScript: UTF-16, with its length in bytes before it.
fn assembly_script_string(caller: &Caller<'_, Host>, memory: Memory, addr: u32) -> Option<String> {
    let length = addr.checked_sub(4)?;
    let len_bytes: u32 = memory.load(caller, length.into()).ok()?;
    memory.read_utf16(caller, addr.into(), u64::from(len_bytes / 2)).ok()
}

/// The name of the memory that scripts get as an instance's memory: `memory` if it exports that,
/// or else the first that it exports.
pub(crate) fn main_memory(module: &Module) -> Option<String> {
    let memories = module.exports().filter(|export| matches!(export.ty(), ExternType::Memory(_)));
    let names = memories.map(|export| export.name().to_owned()).collect::<Vec<_>>();
    names.iter().find(|name| *name == "memory").or(names.first()).cloned()
}

/// The reference that a value is.
///
/// # Errors
///
/// If it is none.
pub(crate) fn reference(value: Val) -> lineal::Result<Ref> {
    value.ref_().ok_or_else(|| lineal::Error::msg("the value is no reference"))
}
