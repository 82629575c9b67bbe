//! JavaScript, on QuickJS-NG: the JavaScript Interface of WebAssembly.
//!
//! ```text
//! script ──► webassembly.js ──► natives, memory, exception ──► entity, func ──► lineal::Store
//!    │       (arguments, order, (what only the engine does)    (objects for
//!    │        errors)                                           its things)
//!    └─────► environment.js ──► environment.rs (console, files, time)
//! ```
//!
//! All WebAssembly objects of a script are in one store. Its parts are freed by region, when the
//! script's engine finds that nothing refers to them any more: [`group`] says how. The only unsafe
//! code is in [`raw`], with the rules it rests on.

mod convert;
mod entity;
mod environment;
mod errors;
mod exception;
mod func;
mod group;
mod instance;
mod loader;
mod memory;
mod module;
mod natives;
#[expect(unsafe_code, reason = "lends memories to the script's engine, through its C interface")]
mod raw;
mod realm;

use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use lineal::{Module, Trap};
use rquickjs::context::EvalOptions;
use rquickjs::{Class, Context, Ctx, Function, Object, Runtime, Value};

use self::environment::Environment;
use self::loader::FileLoader;
use self::module::Compiled;
use self::realm::{Intrinsics, Realm};
use crate::host::Room;
use crate::options::show_end;
use crate::{Error, Host, Options, Output, Report, Script, ScriptError};

/// Whether this build runs JavaScript.
pub(crate) const AVAILABLE: bool = true;

/// How large the stack of a script is; the functions of guests have another.
const STACK_BYTES: usize = 64 << 20;
/// What is kept of it for the functions of the host that a script calls last.
const STACK_RESERVE_BYTES: usize = 1 << 20;

/// The way from a store to the script that it belongs to.
#[derive(Default)]
pub(crate) struct RealmLink(Weak<Realm>);

impl RealmLink {
    fn get(&self) -> Option<Rc<Realm>> {
        self.0.upgrade()
    }
}

impl fmt::Debug for RealmLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RealmLink")
    }
}

/// Runs a script until it has ended and nothing waits any more.
pub(crate) fn run(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    // A script may go deeper than the caller's stack, and its end is not known.
    stacker::grow(STACK_BYTES, || run_here(script, options, output))?;
    Ok(Report::default())
}

fn run_here(script: &Script, options: Options, output: Output) -> Result<(), Error> {
    let setup = |error: rquickjs::Error| Error::Setup(lineal::Error::msg(error.to_string()));
    let runtime = Runtime::new().map_err(setup)?;
    runtime.set_max_stack_size(STACK_BYTES - STACK_RESERVE_BYTES);
    let deadline = options.deadline;
    let environment = Rc::new(Environment::new(script, &options, output));
    let stopper = environment.clone();
    let is_over = move || is_past(deadline) || stopper.has_failed();
    runtime.set_interrupt_handler(Some(Box::new(is_over)));
    runtime.set_loader(environment.clone().resolver(), FileLoader);
    let tracker = environment.clone();
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        move |ctx, promise, reason, handled| {
            // If this fails, the script's engine has no room, and says so elsewhere.
            let _ = tracker.rejection(&ctx, promise, reason, handled);
        },
    )));
    let room = Room::new(options.max_memory_bytes);
    let max_heap_bytes = room.limit_bytes();
    let store = Host::new_store(&options.engine, room, options.observer, options.extension);
    let realm = Rc::new(Realm::new(store, options.linker));
    realm.store.with(|store| store.data_mut().realm = RealmLink(Rc::downgrade(&realm)));
    let context = Context::full(&runtime).map_err(setup)?;
    let run = Run { realm: realm.clone(), environment, deadline, max_heap_bytes };
    let at_end = options.at_end;
    let outcome = context.with(|ctx| {
        realm.context.set(Some(ctx.as_raw()));
        let outcome = run.run(&ctx, script, options.module.as_deref());
        run.environment.flush();
        realm.store.whole(|store| show_end(at_end, store, &outcome));
        match run.environment.take_failure() {
            Some(error) => Err(Error::Output(error)),
            None => outcome,
        }
    });
    realm.close();
    run.environment.close();
    drop((context, runtime));
    outcome
}

fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// One run of a script.
struct Run {
    realm: Rc<Realm>,
    environment: Rc<Environment>,
    deadline: Option<Instant>,
    /// How many bytes the script's values may take.
    max_heap_bytes: Option<u64>,
}

impl Run {
    fn run(
        &self,
        ctx: &Ctx<'_>,
        script: &Script,
        module: Option<&std::path::Path>,
    ) -> Result<(), Error> {
        let failed = |error| self.failure(ctx, error);
        let setup = self.set_up(ctx).map_err(failed)?;
        if let Some(limit_bytes) = self.max_heap_bytes {
            raw::limit_memory(ctx, limit_bytes);
        }
        if let Some(file) = module {
            self.load(ctx, &setup, file)?;
        }
        let main = self.evaluate(ctx, script).map_err(failed)?;
        self.run_jobs(ctx, &main)
    }

    /// Defines everything that the script finds; the object of `webassembly.js`.
    fn set_up<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        let realm = &self.realm;
        raw::allow_blocking(ctx);
        let options = self.environment.define(ctx, realm)?;
        let object = Object::new(ctx.clone())?;
        let natives = natives::Natives { ctx, object: &object };
        natives::define(&natives, realm)?;
        memory::define(&natives, realm)?;
        exception::define(&natives, realm)?;
        let source = include_str!("webassembly.js");
        let define: Function<'js> = evaluate_own(ctx, source, "lineal:webassembly")?;
        let parts: Object<'js> = define.call((object, options))?;
        *realm.intrinsics.borrow_mut() = Some(Intrinsics::new(ctx, &parts)?);
        self.learn_class_ids(ctx)?;
        parts.get::<_, Function<'js>>("start")?.call::<_, ()>(())?;
        Ok(parts)
    }

    /// Finds out which numbers the script's engine has given to our classes.
    fn learn_class_ids(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        let group = self.realm.new_group(ctx)?;
        let sample = self.realm.store.with(|store| {
            let func = lineal::Func::wrap(lineal::AsContextMut::as_context_mut(store), || ());
            func::exported(ctx, &self.realm, &group, store, func)
        })?;
        let ids = [raw::class_id(group.as_value()), raw::class_id(&sample)];
        self.realm.class_ids.set(Some(ids));
        Ok(())
    }

    /// Instantiates the module that the command names, for the script's `instance`.
    fn load<'js>(
        &self,
        ctx: &Ctx<'js>,
        parts: &Object<'js>,
        file: &std::path::Path,
    ) -> Result<(), Error> {
        let module = Module::from_file(&self.realm.engine, file).map_err(|error| {
            Error::Setup(error.context(format!("cannot load {}", file.display())))
        })?;
        let module = natives_module(ctx, &self.realm, module);
        let load = || {
            let instantiate: Function<'js> = parts.get("instantiateFirst")?;
            instantiate.call::<_, ()>((module?,))
        };
        load().map_err(|error| self.failure(ctx, error))
    }

    /// Starts the script; a promise of its end.
    fn evaluate<'js>(&self, ctx: &Ctx<'js>, script: &Script) -> rquickjs::Result<Value<'js>> {
        let name = script.file.display().to_string();
        let is_module = script.file.extension().is_some_and(|ending| ending == "mjs");
        if !is_module {
            let mut options = EvalOptions::default();
            options.strict = false;
            options.promise = true;
            options.filename = Some(name);
            match ctx.eval_with_options::<Value<'js>, _>(&*script.text, options) {
                Err(rquickjs::Error::Exception) => {
                    // Text with imports, exports or `import.meta` is that of a module.
                    let error = ctx.catch();
                    if !loader::looks_like_module(&script.text) {
                        return Err(ctx.throw(error));
                    }
                }
                outcome => return outcome,
            }
        }
        self.environment.evaluate_module(ctx, script)
    }

    /// Runs what the script has set going, until nothing waits any more.
    fn run_jobs<'js>(&self, ctx: &Ctx<'js>, main: &Value<'js>) -> Result<(), Error> {
        loop {
            while ctx.execute_pending_job() {
                self.check_end()?;
            }
            self.check_end()?;
            let main_failed = main.as_promise().and_then(|main| main.result::<Value<'js>>());
            if let Some(Err(error)) = main_failed {
                return Err(self.failure(ctx, error));
            }
            let failed = |error| self.failure(ctx, error);
            if let Some(reason) = self.environment.unhandled(ctx).map_err(failed)? {
                return Err(self.failure(ctx, ctx.throw(reason)));
            }
            let Some(wait) = self.environment.until_timer(ctx).map_err(failed)? else { break };
            self.environment.flush();
            self.sleep(wait)?;
            self.environment.run_timer(ctx).map_err(failed)?;
        }
        let is_pending =
            main.as_promise().is_some_and(|main| main.result::<Value<'js>>().is_none());
        if is_pending {
            let message = "the script waits for a promise that nothing will settle";
            return Err(ScriptError::new(message, None).into());
        }
        Ok(())
    }

    fn sleep(&self, wait: Duration) -> Result<(), Error> {
        let until =
            self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        std::thread::sleep(until.map_or(wait, |until| wait.min(until)));
        self.check_end()
    }

    /// Ends the script if its time is over, if nobody reads what it prints, or if an error of a
    /// guest cannot be caught.
    fn check_end(&self) -> Result<(), Error> {
        if let Some(error) = self.realm.fatal.borrow_mut().take() {
            return Err(fatal(error, ""));
        }
        if is_past(self.deadline) {
            return Err(Error::TimedOut);
        }
        // Its caller finds the failure.
        if self.environment.has_failed() { Err(Error::TimedOut) } else { Ok(()) }
    }

    /// What a failure of the script's engine is for the caller.
    fn failure(&self, ctx: &Ctx<'_>, error: rquickjs::Error) -> Error {
        if !matches!(error, rquickjs::Error::Exception) {
            return ScriptError::new(error.to_string(), None).into();
        }
        let exception = ctx.catch();
        let text = self.environment.show(ctx, &exception);
        if let Some(error) = self.realm.fatal.borrow_mut().take() {
            return fatal(error, &text);
        }
        if is_past(self.deadline) {
            return Error::TimedOut;
        }
        // What the script caught before is not why it failed.
        let last = self.realm.last_error.borrow_mut().take();
        let cause = last.filter(|(thrown, _)| *thrown == raw::identity(&exception));
        let cause = cause.map(|(_, error)| error);
        let text = match exception.is_error() {
            true => text,
            // The script's engine throws that if it has no room for an error either.
            false if exception.is_null() && self.max_heap_bytes.is_some() => format!(
                "out of memory: the script's values may take {} bytes (or the script threw null)",
                self.max_heap_bytes.unwrap_or_default()
            ),
            false => format!("uncaught: {text}"),
        };
        ScriptError::new(text, cause).into()
    }
}

/// The failure for an error that ended the script past its `catch`es. `text` is what the script's
/// engine says, with the script's lines.
fn fatal(error: lineal::Error, text: &str) -> Error {
    if let Some(Trap::Interrupt) = error.downcast_ref::<Trap>() {
        return Error::TimedOut;
    }
    let lines = text.lines().filter(|line| line.trim_start().starts_with("at "));
    let message = [error.root_cause().to_string()].into_iter().chain(lines.map(str::to_owned));
    let message = message.collect::<Vec<_>>().join("\n");
    ScriptError::new(message, Some(error)).into()
}

/// The object of a module that was compiled from a file.
fn natives_module<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm,
    module: Module,
) -> rquickjs::Result<Class<'js, entity::Entity<'js>>> {
    entity::unnamed(ctx, realm, None, entity::Thing::Module(Compiled::of(module)))
}

/// Evaluates a part in JavaScript.
fn evaluate_own<'js>(ctx: &Ctx<'js>, source: &str, name: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(source, options)
}
