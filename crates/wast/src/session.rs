//! The execution of directives: a store, and what the script has named in it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use lineal::{
    Engine, Escaped, Extern, Features, Func, Instance, Linker, Module, Observer, Store,
    ThrownException, Trap, Val,
};
use wast::core::WastRetCore;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::Id;
use wast::{QuoteWat, QuoteWatTest, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

use crate::outcome::{Outcome, Reason, Stop};
use crate::{Error, spectest, values};

/// Something a script can name, or the reason that there is no such thing.
type Slot<T> = Result<T, Reason>;

/// What observes a script's guests.
pub(crate) type Tool = Box<dyn Observer + Send>;

/// Stands for no observer.
struct Nothing;

impl Observer for Nothing {}

/// What a script has made so far.
pub(crate) struct Session {
    engine: Engine,
    store: Store<Tool>,
    linker: Linker<Tool>,
    /// The latest definition and the latest instance are also what no name means.
    definitions: HashMap<Option<String>, Slot<Module>>,
    instances: HashMap<Option<String>, Slot<Instance>>,
    /// Names that modules would import from, had their instances come to be.
    unregistered: HashMap<String, Reason>,
    /// Names that were registered. Without that, a module is imported by its own name.
    registered: HashSet<String>,
}

/// Why a call did not return.
enum Stopped {
    Trap(Trap),
    Exception,
    Other(lineal::Error),
}

impl Session {
    pub(crate) fn new(engine: &Engine, tool: Option<Tool>) -> lineal::Result<Session> {
        let observed = tool.is_some();
        let mut store = Store::new(engine, tool.unwrap_or_else(|| Box::new(Nothing)));
        if observed {
            store.observer(|tool| &mut **tool);
        }
        // If the engine is interrupted, nothing runs any more.
        store.set_epoch_deadline(1);
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        spectest::define(&mut linker, &mut store)?;
        Ok(Session {
            engine: engine.clone(),
            store,
            linker,
            definitions: HashMap::new(),
            instances: HashMap::new(),
            unregistered: HashMap::new(),
            registered: HashSet::from(["spectest".to_owned()]),
        })
    }

    pub(crate) fn execute(&mut self, directive: WastDirective<'_>) -> Outcome {
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(module) => self.definition(module),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.instance(instance, module)
            }
            WastDirective::Register { name, module, .. } => self.register(name, module),
            WastDirective::Invoke(call) => self.invoke_only(call),
            WastDirective::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.traps(exec, message),
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.traps(WastExecute::Invoke(call), message)
            }
            WastDirective::AssertMalformed { module, message, .. } => {
                self.refused(module, Fault::Malformed, message)
            }
            WastDirective::AssertInvalid { module, message, .. } => {
                self.refused(module, Fault::Invalid, message)
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                self.unlinkable(module, message)
            }
            WastDirective::AssertMalformedCustom { .. }
            | WastDirective::AssertInvalidCustom { .. } => {
                Err(Stop::Skip("custom sections have no meaning to the engine".into()))
            }
            WastDirective::AssertException { exec, .. } => self.throws(exec),
            WastDirective::AssertSuspension { .. } => Err(Stop::needs("stack-switching")),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => {
                unreachable!("the runner starts threads and waits for them")
            }
        }
    }

    // Modules and instances.

    fn module(&mut self, mut module: QuoteWat<'_>) -> Outcome {
        let name = owned(module.name());
        let instance = self.compile(&mut module).and_then(|module| self.instantiate(&module));
        self.keep_instance(name, instance)
    }

    /// Keeps an instance. Later modules can import from it by its name, as in Wasmtime.
    fn keep_instance(&mut self, name: Option<String>, instance: Outcome<Instance>) -> Outcome {
        if let (Some(name), Ok(instance)) = (&name, &instance)
            && !self.registered.contains(name)
        {
            self.linker
                .instance(&mut self.store, name, *instance)
                .map_err(|error| Stop::fail("a named module", format!("{error:#}")))?;
        }
        keep(&mut self.instances, name, instance)
    }

    fn definition(&mut self, mut module: QuoteWat<'_>) -> Outcome {
        let name = owned(module.name());
        let module = self.compile(&mut module);
        keep(&mut self.definitions, name, module)
    }

    fn instance(&mut self, name: Option<Id<'_>>, module: Option<Id<'_>>) -> Outcome {
        let instance = find(&self.definitions, module, "module definition")
            .cloned()
            .and_then(|module| self.instantiate(&module));
        self.keep_instance(owned(name), instance)
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Outcome {
        match find(&self.instances, module, "module") {
            Ok(&instance) => {
                self.unregistered.remove(name);
                self.registered.insert(name.to_owned());
                self.linker
                    .instance(&mut self.store, name, instance)
                    .map(drop)
                    .map_err(|error| Stop::fail("a registered module", format!("{error:#}")))
            }
            Err(stop) => {
                self.unregistered.insert(name.to_owned(), stop.reason());
                Err(stop)
            }
        }
    }

    fn compile(&self, module: &mut QuoteWat<'_>) -> Outcome<Module> {
        let wasm = assemble(module).map_err(|error| Stop::fail("a module", error.message()))?;
        self.decode(&wasm).map_err(|refusal| refusal.into_stop("a valid module"))
    }

    fn decode(&self, wasm: &[u8]) -> Result<Module, Refusal> {
        Module::new(&self.engine, wasm).map_err(|error| {
            let missing = error.downcast_ref::<Error>().and_then(Error::missing_proposal);
            match missing {
                Some(name) if !Features::implements(name) => {
                    Refusal::Unimplemented(name, format!("{error:#}"))
                }
                _ => Refusal::Message(format!("{error:#}")),
            }
        })
    }

    fn instantiate(&mut self, module: &Module) -> Outcome<Instance> {
        self.link(module)?.map_err(|stopped| Stop::fail("an instance", stopped.describe()))
    }

    /// Instantiates a module, unless what it imports has been skipped.
    fn link(&mut self, module: &Module) -> Outcome<Result<Instance, Stopped>> {
        for import in module.imports() {
            if let Some(reason) = self.unregistered.get(import.module()) {
                return Err(Stop::Skip(reason.clone()));
            }
        }
        Ok(self.linker.instantiate(&mut self.store, module).map_err(Stopped::from))
    }

    /// Creates an instance in another session that exports, under the same names, the shared
    /// memories which a module exports here. It has the same name as well.
    pub(crate) fn share(&self, module: Id<'_>, other: &mut Session) -> Outcome {
        let instance = *find(&self.instances, Some(module), "module")?;
        let mut memories = Vec::new();
        let mut wat = String::from("(module");
        for export in instance.exports(&self.store) {
            let name = escaped(export.name());
            let Some(memory) = export.into_shared_memory() else { continue };
            let ty = memory.ty();
            let wide = if ty.is_64() { "i64 " } else { "" };
            let minimum = ty.minimum();
            let Some(maximum) = ty.maximum() else { continue };
            let page_bytes = ty.page_size();
            let _ = write!(
                wat,
                "(memory (export \"{name}\") (import \"\" \"\") {wide}{minimum} {maximum} shared"
            );
            if ty.page_size_log2() != 16 {
                let _ = write!(wat, " (pagesize {page_bytes})");
            }
            wat.push(')');
            memories.push(Extern::SharedMemory(memory));
        }
        wat.push(')');
        let shared = assemble_text(&wat)
            .map_err(lineal::Error::from)
            .and_then(|wasm| Module::new(&other.engine, wasm))
            .and_then(|module| Instance::new(&mut other.store, &module, &memories))
            .map_err(|error| Stop::fail("memories to be shared", format!("{error:#}")));
        keep(&mut other.instances, owned(Some(module)), shared)
    }

    // Assertions about modules.

    /// `assert_malformed` and `assert_invalid`: the decoder does not tell one from the other.
    fn refused(&self, mut module: QuoteWat<'_>, fault: Fault, message: &str) -> Outcome {
        let Ok(wasm) = assemble(&mut module) else { return Ok(()) };
        match self.decode(&wasm) {
            Err(Refusal::Message(_)) => Ok(()),
            // The reason is the script's, whatever else would accept the module.
            Err(Refusal::Unimplemented(_, reason)) if reason.contains(message) => Ok(()),
            // An encoding that only a proposal beyond the standard gives a meaning.
            Err(Refusal::Unimplemented(..)) if fault == Fault::Malformed => Ok(()),
            // Refused for a reason that is not the script's.
            Err(unimplemented) => Err(unimplemented.into_stop("")),
            Ok(_) => {
                let expected = format!("the module to be {}: {message}", fault.name());
                Err(Stop::fail(expected, "a valid module"))
            }
        }
    }

    fn unlinkable(&mut self, module: Wat<'_>, message: &str) -> Outcome {
        let expected = || format!("the module to be unlinkable: {message}");
        let module = self.compile(&mut QuoteWat::Wat(module))?;
        match self.link(&module)? {
            Err(Stopped::Other(error)) if says(&format!("{error:#}"), message) => Ok(()),
            Err(stopped) => Err(Stop::fail(expected(), stopped.describe())),
            Ok(_) => Err(Stop::fail(expected(), "an instance")),
        }
    }

    // Assertions about execution.

    fn returns(&mut self, exec: WastExecute<'_>, expected: &[WastRet<'_>]) -> Outcome {
        let expected: Vec<&WastRetCore<'_>> =
            expected.iter().map(core_result).collect::<Outcome<_>>()?;
        let found = match self.perform(exec)? {
            Ok(found) => found,
            Err(stopped) => {
                return Err(Stop::fail(values::show_expected(&expected), stopped.describe()));
            }
        };
        let mut same = expected.len() == found.len();
        for (expected, found) in expected.iter().zip(&found) {
            same &= values::matches(&self.store, expected, found)?;
        }
        if same {
            return Ok(());
        }
        let found = values::show(&self.store, &found);
        Err(Stop::fail(values::show_expected(&expected), found))
    }

    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        let expected = || format!("trap: {message}");
        match self.perform(exec)? {
            Err(Stopped::Trap(trap)) if says(&trap.to_string(), message) => Ok(()),
            Err(stopped) => Err(Stop::fail(expected(), stopped.describe())),
            Ok(results) => Err(Stop::fail(expected(), values::show(&self.store, &results))),
        }
    }

    fn throws(&mut self, exec: WastExecute<'_>) -> Outcome {
        match self.perform(exec)? {
            Err(Stopped::Exception) => Ok(()),
            Err(stopped) => Err(Stop::fail("an exception", stopped.describe())),
            Ok(results) => Err(Stop::fail("an exception", values::show(&self.store, &results))),
        }
    }

    fn invoke_only(&mut self, call: WastInvoke<'_>) -> Outcome {
        match self.invoke(call)? {
            Ok(_) => Ok(()),
            Err(stopped) => Err(Stop::fail("a return", stopped.describe())),
        }
    }

    fn perform(&mut self, exec: WastExecute<'_>) -> Outcome<Result<Vec<Val>, Stopped>> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(call),
            WastExecute::Wat(module) => {
                let module = self.compile(&mut QuoteWat::Wat(module))?;
                Ok(self.link(&module)?.map(|_| Vec::new()))
            }
            WastExecute::Get { module, global, .. } => match self.export(module, global)? {
                Extern::Global(global) => Ok(Ok(vec![global.get(&mut self.store)])),
                _ => Err(Stop::fail(
                    format!("an exported global \"{}\"", Escaped(global)),
                    "something else",
                )),
            },
        }
    }

    fn invoke(&mut self, call: WastInvoke<'_>) -> Outcome<Result<Vec<Val>, Stopped>> {
        let func = self.func(call.module, call.name)?;
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let WastArg::Core(arg) = arg else { return Err(Stop::needs("component-model")) };
            args.push(values::argument(&mut self.store, arg)?);
        }
        let mut results: Vec<Val> = func.ty(&self.store).results().map(|_| Val::I32(0)).collect();
        let returned = func.call(&mut self.store, &args, &mut results);
        Ok(returned.map(|()| results).map_err(Stopped::from))
    }

    fn func(&mut self, module: Option<Id<'_>>, name: &str) -> Outcome<Func> {
        match self.export(module, name)? {
            Extern::Func(func) => Ok(func),
            _ => Err(Stop::fail(
                format!("an exported function \"{}\"", Escaped(name)),
                "something else",
            )),
        }
    }

    fn export(&mut self, module: Option<Id<'_>>, name: &str) -> Outcome<Extern> {
        let instance = *find(&self.instances, module, "module")?;
        instance.get_export(&mut self.store, name).ok_or_else(|| {
            Stop::fail(format!("an export \"{}\"", Escaped(name)), "none of that name")
        })
    }
}

/// What a script says is wrong with a module.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Malformed,
    Invalid,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Malformed => "malformed",
            Fault::Invalid => "invalid",
        }
    }
}

/// Why a module was not accepted.
enum Refusal {
    /// It needs a proposal; with the message.
    Unimplemented(&'static str, String),
    Message(String),
}

impl Refusal {
    fn into_stop(self, expected: &str) -> Stop {
        match self {
            Refusal::Unimplemented(proposal, _) => Stop::needs(proposal),
            Refusal::Message(message) => Stop::fail(expected, message),
        }
    }
}

impl From<lineal::Error> for Stopped {
    fn from(error: lineal::Error) -> Stopped {
        match error.downcast_ref::<Trap>() {
            Some(&trap) => Stopped::Trap(trap),
            None if error.is::<ThrownException>() => Stopped::Exception,
            None => Stopped::Other(error),
        }
    }
}

impl Stopped {
    fn describe(&self) -> String {
        match self {
            Stopped::Trap(trap) => format!("trap: {}", trap.message()),
            Stopped::Exception => "an exception".into(),
            Stopped::Other(error) => format!("error: {error:#}"),
        }
    }
}

/// Whether a message is the one that a script expects, which may say less, name an element, or
/// say what a null reference should have referred to.
fn says(message: &str, expected: &str) -> bool {
    let without_index = expected.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
    let is_null = expected.starts_with("null ") && expected.ends_with(" reference");
    message.contains(expected)
        || message.contains(without_index)
        || is_null && message.contains("null reference")
}

/// A name as it stands in the quotes of the text format.
fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

fn owned(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_owned())
}

/// Keeps what a directive made, or why it did not, under its name and as the latest of its kind.
fn keep<T: Clone>(
    slots: &mut HashMap<Option<String>, Slot<T>>,
    name: Option<String>,
    made: Outcome<T>,
) -> Outcome {
    let slot = made.as_ref().map(T::clone).map_err(Stop::reason);
    if name.is_some() {
        slots.insert(name, slot.clone());
    }
    slots.insert(None, slot);
    made.map(drop)
}

fn find<'a, T>(
    slots: &'a HashMap<Option<String>, Slot<T>>,
    id: Option<Id<'_>>,
    what: &str,
) -> Outcome<&'a T> {
    match slots.get(&owned(id)) {
        Some(Ok(found)) => Ok(found),
        Some(Err(reason)) => Err(Stop::Skip(reason.clone())),
        None => {
            let name = id.map_or(String::new(), |id| format!(" ${}", id.name()));
            Err(Stop::fail(format!("a {what}{name} before this"), "none"))
        }
    }
}

fn core_result<'a, 'b>(result: &'a WastRet<'b>) -> Outcome<&'a WastRetCore<'b>> {
    match result {
        WastRet::Core(result) => Ok(result),
        _ => Err(Stop::needs("component-model")),
    }
}

/// The binary of a module, however the script gives it.
fn assemble(module: &mut QuoteWat<'_>) -> Result<Vec<u8>, wast::Error> {
    match module.to_test()? {
        QuoteWatTest::Binary(wasm) => Ok(wasm),
        QuoteWatTest::Text(text) => {
            let text = str::from_utf8(&text)
                .map_err(|_| wast::Error::new(module.span(), "malformed UTF-8 encoding".into()))?;
            assemble_text(text)
        }
    }
}

fn assemble_text(text: &str) -> Result<Vec<u8>, wast::Error> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer)?;
    parser::parse::<Wat<'_>>(&buffer)?.encode()
}
