//! Lua, on mlua.
//!
//! Scripts get the tables `m` ([`memory`]), `wasm` ([`module`]) and `engine`. `prelude.lua` wraps
//! each function of the host, so that its errors are ordinary strings with the script's line.

mod args;
mod memory;
mod module;
mod values;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use mlua::{Function, HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};

use crate::clock::Clock;
use crate::error::{Error, ScriptError};
use crate::host::Room;
use crate::modules::Modules;
use crate::options::{Options, Output, Script, show_end};
use crate::{Host, Report, store};

use args::{Args, Failure, Outcome};
use memory::Ledger;
use values::Externs;

/// How many instructions a script runs between two looks at the clock.
const INSTRUCTIONS_PER_LOOK: u32 = 10_000;

/// The name of `prelude.lua`, which is left out of what scripts are told about lines.
const PRELUDE: &str = "=lineal";

/// What the functions of the host share.
struct State {
    modules: Modules,
    room: Room,
    output: RefCell<Output>,
    clock: Clock,
    ledger: RefCell<Ledger>,
    externs: Externs,
    /// Why the script ends before its end.
    ending: RefCell<Option<Error>>,
    /// What a function of the script threw, while it passes through a guest.
    thrown: RefCell<Option<Value>>,
    /// The last trap, and what the script was told about it.
    last_trap: RefCell<Option<(String, lineal::Error)>>,
    /// How many bytes were allocated since the collector ran.
    fresh_bytes: Cell<u64>,
    prelude: RefCell<Option<Prelude>>,
}

/// The functions of `prelude.lua`.
struct Prelude {
    wrap: Function,
    call: Function,
    stop: Function,
    global: Function,
    table: Function,
    /// The exports behind functions, globals and tables, with weak keys.
    externs: Table,
}

/// How large the stack of a script is, as Lua bounds its calls of C functions itself; the functions
/// of guests have another.
const STACK_BYTES: usize = 16 << 20;

pub(crate) fn run(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    // The caller's stack may be small, and its end is not known.
    stacker::grow(STACK_BYTES, || run_here(script, options, output))
}

fn run_here(script: &Script, options: Options, output: Output) -> Result<Report, Error> {
    let room = Room::new(options.max_memory_bytes);
    let mut store =
        Host::new_store(&options.engine, room.clone(), options.observer, options.extension);
    let state = Rc::new(State {
        modules: Modules::new(&options.engine, &script.file, options.linker),
        room,
        output: RefCell::new(output),
        clock: Clock::new(options.deadline),
        ledger: RefCell::default(),
        externs: Externs::default(),
        ending: RefCell::new(None),
        thrown: RefCell::new(None),
        last_trap: RefCell::new(None),
        fresh_bytes: Cell::new(0),
        prelude: RefCell::new(None),
    });
    let outcome = store::enter(&mut store, || {
        let lua = Lua::new_with(StdLib::ALL_SAFE, LuaOptions::new());
        let outcome = lua
            .map_err(setup_error)
            .and_then(|lua| state.run(&lua, script, &options.args, options.module.as_deref()));
        // These belong to the interpreter, which is gone.
        drop(state.prelude.take());
        drop(state.thrown.take());
        state.externs.clear();
        outcome
    });
    let flushed = state.output.borrow_mut().out.flush();
    show_end(options.at_end, &mut store, &outcome);
    outcome?;
    flushed.map_err(Error::Output)?;
    let mut report = Report::default();
    if options.check {
        let ledger = state.ledger.borrow();
        report.findings = ledger.never_freed();
        // Nobody is left to tell if this fails.
        let _ = write!(state.output.borrow_mut().err, "{ledger}");
    }
    Ok(report)
}

fn setup_error(error: mlua::Error) -> Error {
    Error::Setup(lineal::Error::msg(format!("cannot start Lua: {error}")))
}

impl State {
    fn run(
        self: &Rc<State>,
        lua: &Lua,
        script: &Script,
        args: &[String],
        module: Option<&Path>,
    ) -> Result<(), Error> {
        let main = self.prepare(lua, script, args).map_err(setup_error)?;
        if let Some(file) = module {
            let instance = module::instance(self, lua, file).map_err(|failure| {
                let message = failure.into_message();
                self.ending.take().unwrap_or_else(|| Error::Setup(lineal::Error::msg(message)))
            })?;
            lua.globals().set("wasm_instance", instance).map_err(setup_error)?;
        }
        // A line for a shell at the start of the file is no Lua.
        let text = match script.text.strip_prefix('#') {
            Some(rest) => format!("--{rest}"),
            None => script.text.clone(),
        };
        let chunk = lua.load(text).set_name(format!("@{}", script.file.display()));
        let chunk = chunk.set_mode(mlua::chunk::ChunkMode::Text).into_function();
        let chunk = chunk.map_err(|error| match error {
            mlua::Error::SyntaxError { message, .. } => ScriptError::new(message, None),
            error => ScriptError::new(error.to_string(), None),
        })?;
        let mut call = MultiValue::from_iter([Value::Function(chunk)]);
        for arg in args {
            call.push_back(Value::String(lua.create_string(arg).map_err(setup_error)?));
        }
        self.limit_memory(lua)?;
        let outcome = main.call::<(bool, Value)>(call);
        if let Some(ending) = self.ending.take() {
            return Err(ending);
        }
        let message = match outcome {
            Ok((true, _)) => return Ok(()),
            Ok((false, error)) => shown(&error),
            Err(error) => error.to_string(),
        };
        // What the script caught before is not why it failed.
        let trap = self.last_trap.take().filter(|(told, _)| message.contains(told));
        Err(ScriptError::new(message, trap.map(|(_, error)| error)).into())
    }

    /// Bounds what the script's values take.
    fn limit_memory(&self, lua: &Lua) -> Result<(), Error> {
        if let Some(limit_bytes) = self.room.limit_bytes() {
            let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
            let limit_bytes = lua.used_memory().saturating_add(limit_bytes);
            lua.set_memory_limit(limit_bytes).map_err(setup_error)?;
        }
        Ok(())
    }

    /// Defines what scripts find; returns what runs them.
    fn prepare(
        self: &Rc<State>,
        lua: &Lua,
        script: &Script,
        args: &[String],
    ) -> mlua::Result<Function> {
        let native = lua.create_table()?;
        native.set("write", args::raw(self, lua, "io.write", State::write)?)?;
        native.set("exit", args::raw(self, lua, "os.exit", State::exit)?)?;
        native.set("log", args::raw(self, lua, "engine.log", State::log)?)?;
        native.set("load", args::raw(self, lua, "wasm.load", module::load)?)?;
        native.set("memory", memory::functions(self, lua)?)?;
        let (reads, writes) = memory::quick_functions(lua)?;
        native.set("reads", reads)?;
        native.set("writes", writes)?;
        let traceback = lua.create_function(|lua, message: mlua::LuaString| {
            let text = lua.traceback(Some(&message.to_string_lossy()), 2)?;
            lua.create_string(without_prelude(&text.to_string_lossy()))
        })?;
        native.set("traceback", traceback)?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name(PRELUDE);
        let prelude: Table = prelude.call(native)?;

        let externs = lua.create_table()?;
        let weak = lua.create_table_from([("__mode", "k")])?;
        externs.set_metatable(Some(weak))?;
        *self.prelude.borrow_mut() = Some(Prelude {
            wrap: prelude.get("wrap")?,
            call: prelude.get("call")?,
            stop: prelude.get("stop")?,
            global: prelude.get("global")?,
            table: prelude.get("table")?,
            externs,
        });

        let arg = lua.create_sequence_from(args.iter().map(String::as_str))?;
        arg.set(0, script.file.to_string_lossy().as_ref())?;
        lua.globals().set("arg", arg)?;
        let dir = script.file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new(".")).to_string_lossy();
        let package: Table = lua.globals().get("package")?;
        package.set("path", format!("{dir}/?.lua;{dir}/?/init.lua"))?;
        package.set("cpath", "")?;

        if self.clock.is_limited() {
            let state = self.clone();
            let every = HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK);
            lua.set_global_hook(every, move |_, _| {
                if state.clock.is_over() {
                    state.end(Error::TimedOut);
                    return Err(mlua::Error::runtime(Error::TimedOut));
                }
                Ok(VmState::Continue)
            })?;
        }
        prelude.get("main")
    }

    /// Ends the script for a reason that it cannot catch. The caller fails.
    fn end(&self, reason: Error) {
        let message = reason.to_string();
        self.ending.borrow_mut().get_or_insert(reason);
        if let Some(prelude) = &*self.prelude.borrow() {
            // It sets a variable, and cannot fail.
            let _ = prelude.stop.call::<()>(message);
        }
    }

    /// Calls a function of `prelude.lua`.
    fn prelude<R>(&self, call: impl FnOnce(&Prelude) -> R) -> R {
        // It is there from before the script starts until after it has ended.
        call(self.prelude.borrow().as_ref().expect("the interpreter runs"))
    }

    fn write(self: &Rc<State>, _: &Lua, args: Args) -> Outcome<()> {
        let text = args.string(0, "text")?;
        self.print(&text.as_bytes())
    }

    fn print(&self, text: &[u8]) -> Outcome<()> {
        let written = self.output.borrow_mut().out.write_all(text);
        written.map_err(|error| {
            let message = format!("cannot print: {error}");
            self.end(Error::Output(error));
            Failure::Message(message)
        })
    }

    fn exit(self: &Rc<State>, _: &Lua, args: Args) -> Outcome<()> {
        let status = match args.get(0) {
            Value::Nil | Value::Boolean(true) => 0,
            Value::Boolean(false) => 1,
            _ => args.integer(0, "status")? as i32,
        };
        self.end(Error::Exit(status));
        Err(Failure::Message("os.exit".to_owned()))
    }

    /// `engine.log(text, r, g, b, a)`: prints a line in a colour.
    fn log(self: &Rc<State>, lua: &Lua, args: Args) -> Outcome<()> {
        let text = match args.get(0) {
            Value::String(text) => text,
            Value::Integer(_) | Value::Number(_) => {
                lua.coerce_string(args.get(0))?.expect("numbers have a text")
            }
            other => return Err(args.wrong_type("the text", "a string", &other)),
        };
        let mut colour = [255; 4];
        for (index, channel) in ["r", "g", "b", "a"].into_iter().enumerate() {
            if args.get(index + 1) == Value::Nil {
                continue;
            }
            let value = args.integer(index + 1, &format!("value of {channel}"))?;
            colour[index] = u8::try_from(value)
                .map_err(|_| args.failure(format!("{channel} must be 0 to 255, got {value}")))?;
        }
        let coloured = self.output.borrow().colours && args.get(1) != Value::Nil;
        let mut line = Vec::new();
        if coloured {
            // A terminal has no transparency: the background shows through as black.
            let [r, g, b] = [0, 1, 2].map(|i| u16::from(colour[i]) * u16::from(colour[3]) / 255);
            line.extend_from_slice(format!("\x1b[38;2;{r};{g};{b}m").as_bytes());
        }
        line.extend_from_slice(&text.as_bytes());
        line.extend_from_slice(if coloured { b"\x1b[0m\n" } else { b"\n" });
        self.print(&line)
    }
}

/// An error of a script as text.
fn shown(error: &Value) -> String {
    match error {
        Value::Error(error) => error.to_string(),
        Value::Nil => "the script failed with the error nil".to_owned(),
        Value::String(text) => text.to_string_lossy(),
        Value::Table(_) | Value::UserData(_) => {
            // Their `__tostring` is the script's, and may fail.
            error.to_string().unwrap_or_else(|_| format!("an error of type {}", error.type_name()))
        }
        other => format!("the script failed with an error of type {}", other.type_name()),
    }
}

/// A traceback without the lines of `prelude.lua`.
fn without_prelude(traceback: &str) -> String {
    let name = format!("\t{}:", &PRELUDE[1..]);
    let lines = traceback.lines().filter(|line| {
        !line.starts_with(&name)
            && !line.ends_with(" 'xpcall'")
            && *line != "\t[C]: in function 'error'"
            && !line.starts_with("\t(...tail calls...)")
            && *line != "\t[C]: in ?"
    });
    lines.collect::<Vec<_>>().join("\n")
}
