//! Starlark, on starlark-rust.
//!
//! Scripts get `load_module`, `Bytes` and `args`, and with a module `wasm_instance` and `memory`.

mod bytes_value;
mod calls;
mod exports;
mod memory;
mod nesting;
mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use starlark::PrintHandler;
use starlark::any::ProvidesStaticType;
use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::{Evaluator, FileLoader};
use starlark::syntax::{AstModule, Dialect};

use crate::clock::Clock;
use crate::error::{Error, ScriptError};
use crate::host::Room;
use crate::modules::Modules;
use crate::options::{Options, Output, Report, Script, show_end};
use crate::{Host, store};

/// How deep calls of functions may be nested.
const MAX_CALL_STACK: usize = 1000;

/// How large the stack of a script is, which calls and nested values take from; the functions of
/// guests have another. Only what is used of it takes memory.
const STACK_BYTES: usize = 512 << 20;

/// How deep expressions and blocks may nest, and what is added to the stack for each level.
const MAX_DEPTH: usize = 100_000;
const LEVEL_BYTES: usize = if cfg!(debug_assertions) { 32 << 10 } else { 8 << 10 };

/// What the functions of the host share, as the evaluator's extra value.
#[derive(ProvidesStaticType)]
struct State {
    modules: Modules,
    output: RefCell<Output>,
    clock: Clock,
    globals: Globals,
    /// Relative paths in `load` begin here.
    dir: PathBuf,
    /// What `load` has loaded, and `None` for what it is loading.
    loaded: RefCell<HashMap<String, Option<FrozenModule>>>,
    /// Why the script ends before its end.
    ending: RefCell<Option<Error>>,
    /// The last trap, and what the script was told about it.
    last_trap: RefCell<Option<(String, lineal::Error)>>,
    /// How many bytes the script's values may take.
    max_heap_bytes: Option<u64>,
}

pub(crate) fn run(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    // A script may go deeper than the caller's stack, and its end is not known.
    stacker::grow(STACK_BYTES, || run_here(script, options, output))
}

/// Parses a text and does something with it, on a stack that is large enough for how deep it nests.
fn parsed<R>(
    name: &str,
    text: String,
    then: impl FnOnce(AstModule) -> starlark::Result<R>,
) -> starlark::Result<R> {
    let depth = nesting::depth_bound(&text);
    if depth > MAX_DEPTH {
        return Err(native_error(format!(
            "{name}: expressions and blocks nest {depth} levels deep, {MAX_DEPTH} are possible: name parts \
             of the deepest one"
        )));
    }
    let parse = || then(AstModule::parse(name, text, &Dialect::AllOptionsInternal)?);
    let more_bytes = depth * LEVEL_BYTES;
    stacker::maybe_grow(STACK_BYTES / 2 + more_bytes, STACK_BYTES + more_bytes, parse)
}

fn run_here(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    let room = Room::new(options.max_memory_bytes);
    let mut store = Host::new_store(&options.engine, room, options.observer, options.extension);
    let state = State {
        modules: Modules::new(&options.engine, &script.file, options.linker),
        output: RefCell::new(output),
        clock: Clock::new(options.deadline),
        globals: globals(),
        dir: script.file.parent().unwrap_or(Path::new("")).to_owned(),
        loaded: RefCell::default(),
        ending: RefCell::new(None),
        last_trap: RefCell::new(None),
        max_heap_bytes: options.max_memory_bytes,
    };
    let outcome =
        store::enter(&mut store, || state.run(script, &options.args, options.module.as_deref()));
    let flushed = state.output.borrow_mut().out.flush();
    show_end(options.at_end, &mut store, &outcome);
    outcome?;
    flushed.map_err(Error::Output)?;
    Ok(Report::default())
}

fn globals() -> Globals {
    use LibraryExtension::{
        CallStack, EnumType, Filter, Json, Map, Partial, Pprint, Prepr, Print, Pstr, RecordType,
        SetType, StructType, Typing,
    };
    let extensions = [
        CallStack, EnumType, Filter, Json, Map, Partial, Pprint, Prepr, Print, Pstr, RecordType,
        SetType, StructType, Typing,
    ];
    GlobalsBuilder::extended_by(&extensions)
        .with(exports::globals)
        .with(bytes_value::globals)
        .build()
}

impl State {
    fn run(&self, script: &Script, args: &[String], module: Option<&Path>) -> Result<(), Error> {
        let name = script.file.display().to_string();
        let outcome = parsed(&name, script.text.clone(), |ast| {
            Module::with_temp_heap(|scope| {
                scope.set("args", scope.heap().alloc(args.to_vec()));
                if let Some(Err(error)) = module.map(|file| exports::define(self, &scope, file)) {
                    return Ok(Err(error));
                }
                self.evaluate(&scope, ast).map(Ok)
            })
        });
        outcome.map_err(|error| self.failed(&error))?
    }

    /// Runs the statements of a file.
    fn evaluate<'v>(&self, scope: &Module<'v>, ast: AstModule) -> starlark::Result<()> {
        let clock = self.clock;
        let mut eval = Evaluator::new(scope);
        eval.extra = Some(self);
        eval.set_max_callstack_size(MAX_CALL_STACK)?;
        eval.set_print_handler(self);
        eval.set_loader(self);
        if let Some(limit_bytes) = self.max_heap_bytes {
            let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX).max(1);
            let used_bytes = scope.heap().allocated_bytes();
            eval.set_max_heap_size(used_bytes.saturating_add(limit_bytes))?;
        }
        eval.set_check_cancelled(Box::new(move || clock.is_over()));
        eval.eval_module(ast, &self.globals)?;
        Ok(())
    }

    fn failed(&self, error: &starlark::Error) -> Error {
        if let Some(ending) = self.ending.take() {
            return ending;
        }
        if self.clock.is_over() {
            return Error::TimedOut;
        }
        let message = error.to_string();
        let trap = self.last_trap.take().filter(|(told, _)| message.contains(told));
        // Without a traceback, it begins like any message of a command.
        let text = message.trim_end();
        let text = text.strip_prefix("error: ").unwrap_or(text);
        ScriptError::new(text, trap.map(|(_, error)| error)).into()
    }
}

impl PrintHandler for State {
    fn println(&self, text: &str) -> starlark::Result<()> {
        let written = writeln!(self.output.borrow_mut().out, "{text}");
        written.map_err(|error| {
            let message = format!("cannot print: {error}");
            self.ending.borrow_mut().get_or_insert(Error::Output(error));
            native_error(message)
        })
    }
}

impl FileLoader for State {
    /// `load("other.star", "name")`: what another script defines.
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        match self.loaded.borrow().get(path) {
            Some(Some(module)) => return Ok(module.clone()),
            Some(None) => return Err(native_error(format!("{path} loads itself"))),
            None => {}
        }
        let file = self.dir.join(path);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| native_error(format!("cannot read {}: {error}", file.display())))?;
        self.loaded.borrow_mut().insert(path.to_owned(), None);
        let name = file.display().to_string();
        let module = parsed(&name, text, |ast| {
            Module::with_temp_heap(|scope| -> starlark::Result<FrozenModule> {
                self.evaluate(&scope, ast)?;
                Ok(scope.freeze()?)
            })
        })?;
        self.loaded.borrow_mut().insert(path.to_owned(), Some(module.clone()));
        Ok(module)
    }
}

/// A failure of a function of the host.
fn native_error(message: impl Into<String>) -> starlark::Error {
    starlark::Error::new_native(lineal::Error::msg(message.into()))
}

/// The state behind an evaluator.
fn state<'a>(eval: &Evaluator<'_, 'a, '_>) -> &'a State {
    let extra = eval.extra.and_then(|extra| extra.downcast_ref::<State>());
    extra.expect("every evaluator of a script has it")
}
