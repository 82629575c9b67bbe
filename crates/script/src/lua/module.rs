//! The table `wasm`: modules, what they export, and functions of the script that they import.

use std::path::Path;
use std::rc::Rc;

use lineal::{
    AsContextMut, Extern, ExternType, Func, FuncType, Global, ImportType, Module, RootScope, Table,
    Trap, Val, ValType, WasmBacktrace,
};
use mlua::{AnyUserData, Function, Lua, MultiValue, UserData, Value, WeakLua};

use super::State;
use super::args::{Args, Failure, Outcome, raw, type_of};
use super::memory::Handle;
use super::values::{Incoming, Outgoing, to_wasm};
use crate::Error;
use crate::bytes::Bytes;
use crate::modules::{main_memory, reference};
use crate::report::{SHOWN_BACKTRACES, count_backtraces, describe, frames};
use crate::{imports, store};

/// How many calls of the script by guests may be under way: each takes some of Lua's C stack, of
/// which there are 200 calls.
const DEPTH_LIMIT: usize = 60;

/// The export behind a value of the script.
struct Exported(Extern);

impl UserData for Exported {}

/// What a function of the script threw goes through the guest as this.
#[derive(Debug)]
struct Thrown;

impl std::fmt::Display for Thrown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a function of the script failed")
    }
}

impl std::error::Error for Thrown {}

/// `wasm.load(path [, imports])`: a module's instance.
pub(super) fn load(state: &Rc<State>, lua: &Lua, args: Args) -> Outcome<mlua::Table> {
    let path = args.string(0, "path")?;
    let imports = match args.get(1) {
        Value::Nil => None,
        Value::Table(imports) => Some(imports),
        other => return Err(args.wrong_type("the imports", "a table of tables", &other)),
    };
    let module = state.modules.load(&path.to_string_lossy());
    let module = module.map_err(|error| args.failure(describe(&error)))?;
    instantiate(state, lua, &args, &module, imports.as_ref())
}

/// The instance of the module that the script was started with.
pub(super) fn instance(state: &Rc<State>, lua: &Lua, file: &Path) -> Outcome<mlua::Table> {
    let args = Args::new(file.to_string_lossy().into(), MultiValue::new());
    let module = state.modules.load_file(file);
    let module = module.map_err(|error| Failure::Message(describe(&error)))?;
    instantiate(state, lua, &args, &module, None)
}

fn instantiate(
    state: &Rc<State>,
    lua: &Lua,
    args: &Args,
    module: &Module,
    imports: Option<&mlua::Table>,
) -> Outcome<mlua::Table> {
    // All of the script's values are looked up before the store is used: a table's metamethods
    // are functions of the script.
    let mut provided = Vec::new();
    for import in module.imports() {
        provided.push(provide(state, lua, args, &import, imports)?);
    }
    let mut provided = provided.into_iter();
    let instance = store::with(|store| {
        state.modules.instantiate(store, module, |_, _| Ok(provided.next().flatten()))
    });
    let instance = instance.map_err(|error| failed(state, lua, args, error))?;

    let exports = store::with(|mut store| {
        let exports = instance.exports(&mut store);
        exports.map(|export| (export.name().to_owned(), export.into_extern())).collect::<Vec<_>>()
    });
    let table = lua.create_table()?;
    let named = lua.create_table()?;
    for (name, item) in exports {
        let value = export_value(state, lua, &name, item)?;
        named.set(name, value)?;
    }
    if let Some(name) = main_memory(module) {
        table.set("memory", named.get::<Value>(name)?)?;
    }
    table.set("exports", named)?;
    Ok(table)
}

/// What the script gives for an import, if anything.
fn provide(
    state: &Rc<State>,
    lua: &Lua,
    args: &Args,
    import: &ImportType<'_>,
    imports: Option<&mlua::Table>,
) -> Outcome<Option<Extern>> {
    let Some(imports) = imports else { return Ok(None) };
    let name = format!("{}.{}", import.module(), import.name());
    let value = match imports.get::<Value>(import.module())? {
        Value::Nil => return Ok(None),
        Value::Table(items) => items.get::<Value>(import.name())?,
        other => {
            let what = format!("the imports for `{}`", import.module());
            return Err(args.wrong_type(&what, "a table", &other));
        }
    };
    if value == Value::Nil {
        return Ok(None);
    }
    if let Some(item) = export(state, &value) {
        return Ok(Some(item));
    }
    let ty = import.ty();
    match (&ty, &value) {
        (ExternType::Func(ty), Value::Function(function)) => {
            let callback =
                callback(state, lua, &name, function.clone(), &ty.results().collect::<Vec<_>>());
            let ty = ty.clone();
            let func = store::with(|store| imports::function(store, ty, DEPTH_LIMIT, callback));
            Ok(Some(func.into()))
        }
        (ExternType::Global(ty), _) => {
            let value = to_wasm(state, &value, ty.content())
                .map_err(|problem| args.failure(format_args!("`{name}` {problem}")))?;
            let global = store::with(|mut store| {
                let value = value.enter(&mut store)?;
                Global::new(&mut store, ty.clone(), value)
            });
            let global = global.map_err(|error| args.failure(describe(&error)))?;
            Ok(Some(global.into()))
        }
        _ => {
            let expected = match ty {
                ExternType::Func(_) => "a function",
                ExternType::Memory(_) => "a memory of another module",
                ExternType::Table(_) => "a table of another module",
                _ => "an export of another module",
            };
            Err(args.failure(format_args!(
                "the import `{name}` must be {expected}, got {}",
                type_of(&value)
            )))
        }
    }
}

/// What guests call for a function of the script.
fn callback(
    state: &Rc<State>,
    lua: &Lua,
    name: &str,
    function: Function,
    types: &[ValType],
) -> imports::Callback {
    let (state, name, lua) = (state.clone(), name.to_owned(), lua.weak());
    let types = types.to_vec();
    Rc::new(move |params, results| {
        let called = call_script(&state, &lua, &name, &function, params, (&types, results));
        called.map_err(|failure| match failure {
            Failure::Message(message) => lineal::Error::msg(message),
            Failure::Thrown(value) => {
                *state.thrown.borrow_mut() = Some(value);
                lineal::Error::new(Thrown)
            }
        })
    })
}

fn call_script(
    state: &Rc<State>,
    lua: &WeakLua,
    name: &str,
    function: &Function,
    params: &[Val],
    (types, results): (&[ValType], &mut [Val]),
) -> Outcome<()> {
    let Some(lua) = lua.try_upgrade() else {
        return Err(Failure::Message("the script has ended".to_owned()));
    };
    let mut call = MultiValue::from_iter([Value::Function(function.clone())]);
    for param in params {
        let param = store::with(|mut store| Outgoing::leave(&mut store, param));
        let param = param.map_err(|error| Failure::Message(describe(&error)))?;
        call.push_back(param.into_lua(state, &lua)?);
    }
    let protected = state.prelude(|prelude| prelude.call.clone());
    let mut returned = protected.call::<MultiValue>(call)?;
    if returned.pop_front() != Some(Value::Boolean(true)) {
        return Err(Failure::Thrown(returned.pop_front().unwrap_or(Value::Nil)));
    }
    for (index, (result, ty)) in results.iter_mut().zip(types).enumerate() {
        let value = returned.get(index).cloned().unwrap_or(Value::Nil);
        let value = to_wasm(state, &value, ty).map_err(|problem| {
            let which = if index == 0 { String::new() } else { format!(" {}", index + 1) };
            Failure::Message(format!("the result{which} of `{name}` {problem}"))
        })?;
        *result = store::with(|mut store| value.enter(&mut store))
            .map_err(|error| Failure::Message(describe(&error)))?;
    }
    Ok(())
}

/// A value of the script that stands for an export.
fn export_value(state: &Rc<State>, lua: &Lua, name: &str, item: Extern) -> Outcome<Value> {
    match item {
        Extern::Func(func) => function(state, lua, Some(name), func),
        Extern::Memory(memory) => memory_value(lua, Bytes::Guest(memory)),
        Extern::SharedMemory(memory) => memory_value(lua, Bytes::Shared(memory)),
        Extern::Global(global) => global_value(state, lua, name, global),
        Extern::Table(table) => table_value(state, lua, name, table),
        Extern::Tag(_) => Ok(Value::UserData(lua.create_userdata(Exported(item))?)),
    }
}

fn memory_value(lua: &Lua, bytes: Bytes) -> Outcome<Value> {
    Ok(Value::UserData(lua.create_userdata(Handle::of_module(bytes))?))
}

/// A function for scripts. `name` is that of the export, if it is known.
pub(super) fn function(
    state: &Rc<State>,
    lua: &Lua,
    name: Option<&str>,
    func: Func,
) -> Outcome<Value> {
    let name = name.unwrap_or("the function");
    let ty = store::with(|store| func.ty(&store));
    let raw = raw(state, lua, name, move |state, lua, args| {
        let results = call(state, lua, &args, func, &ty)?;
        let results = results.into_iter().map(|result| result.into_lua(state, lua));
        results.collect::<Outcome<MultiValue>>()
    })?;
    let function: Function = state.prelude(|prelude| prelude.wrap.clone()).call(raw)?;
    remember(state, lua, Value::Function(function), func.into())
}

fn call(
    state: &Rc<State>,
    lua: &Lua,
    args: &Args,
    func: Func,
    ty: &FuncType,
) -> Outcome<Vec<Outgoing>> {
    let types = ty.params();
    let (expected, given) = (types.len(), args.values().len());
    if expected != given {
        let noun = if expected == 1 { "argument" } else { "arguments" };
        return Err(args.failure(format_args!("expected {expected} {noun}, got {given}")));
    }
    let params = types.zip(args.values()).enumerate().map(|(index, (ty, value))| {
        to_wasm(state, value, &ty)
            .map_err(|problem| args.failure(format_args!("argument {} {problem}", index + 1)))
    });
    let params = params.collect::<Outcome<Vec<Incoming>>>()?;
    let called: lineal::Result<Vec<Outgoing>> = store::with(|store| {
        let mut scope = RootScope::new(store);
        let mut store = scope.as_context_mut();
        let params = params.into_iter().map(|param| param.enter(&mut store));
        let params = params.collect::<lineal::Result<Vec<Val>>>()?;
        let mut results = vec![Val::I32(0); ty.results().len()];
        func.call(&mut store, &params, &mut results)?;
        results.iter().map(|result| Outgoing::leave(&mut store, result)).collect()
    });
    called.map_err(|error| failed(state, lua, args, error))
}

/// What scripts are told about a call that failed.
fn failed(state: &Rc<State>, lua: &Lua, args: &Args, error: lineal::Error) -> Failure {
    if matches!(error.downcast_ref(), Some(Trap::Interrupt)) && state.clock.is_over() {
        state.end(Error::TimedOut);
    }
    if error.downcast_ref::<Thrown>().is_none() {
        let description = describe(&error);
        let failure = args.failure(&description);
        if error.is::<Trap>() {
            *state.last_trap.borrow_mut() = Some((description, error));
        }
        return failure;
    }
    let thrown = state.thrown.take().unwrap_or(Value::Nil);
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    match thrown {
        // The script's message, and where the guest was that called it.
        Value::String(message) => {
            let mut message = message.as_bytes().to_vec();
            if count_backtraces(&message) < SHOWN_BACKTRACES {
                message.extend_from_slice(backtrace.as_bytes());
            }
            match lua.create_string(message) {
                Ok(message) => Failure::Thrown(Value::String(message)),
                Err(error) => error.into(),
            }
        }
        other => Failure::Thrown(other),
    }
}

fn global_value(state: &Rc<State>, lua: &Lua, name: &str, global: Global) -> Outcome<Value> {
    let get = raw(state, lua, name, move |state, lua, _| {
        let value = store::with(|mut store| {
            let value = global.get(&mut store);
            Outgoing::leave(&mut store, &value)
        });
        value.map_err(|error| Failure::Message(describe(&error)))?.into_lua(state, lua)
    })?;
    let set = raw(state, lua, name, move |state, _, args| {
        let ty = store::with(|store| global.ty(&store));
        let value = to_wasm(state, &args.get(0), ty.content())
            .map_err(|problem| args.failure(format_args!("the value {problem}")))?;
        store::with(|mut store| {
            let value = value.enter(&mut store)?;
            global.set(&mut store, value)
        })
        .map_err(|error| args.failure(describe(&error)))
    })?;
    let value: mlua::Table = state.prelude(|prelude| prelude.global.clone()).call((get, set))?;
    remember(state, lua, Value::Table(value), global.into())
}

fn table_value(state: &Rc<State>, lua: &Lua, name: &str, table: Table) -> Outcome<Value> {
    let get = raw(state, lua, name, move |state, lua, args| {
        let index = args.natural(0, "index")?;
        let value = store::with(|mut store| {
            let value = table.get(&mut store, index).map(Val::from);
            value.map(|value| Outgoing::leave(&mut store, &value)).transpose()
        });
        match value.map_err(|error| args.failure(describe(&error)))? {
            Some(value) => value.into_lua(state, lua),
            None => {
                let size = store::with(|store| table.size(&store));
                Err(args
                    .failure(format_args!("index {index} is outside the table of {size} elements")))
            }
        }
    })?;
    let element = move |state: &State, args: &Args, index| {
        let ty = store::with(|store| table.ty(&store).element().clone());
        to_wasm(state, &args.get(index), &ValType::Ref(ty))
            .map_err(|problem| args.failure(format_args!("the value {problem}")))
    };
    let set = raw(state, lua, name, move |state, _, args| {
        let index = args.natural(0, "index")?;
        let value = element(state, &args, 1)?;
        store::with(|mut store| {
            let value = reference(value.enter(&mut store)?)?;
            table.set(&mut store, index, value)
        })
        .map_err(|error| args.failure(describe(&error)))
    })?;
    let size = raw(state, lua, name, move |_, _, _| Ok(store::with(|store| table.size(&store))))?;
    let grow = raw(state, lua, name, move |state, _, args| {
        let by = args.natural(0, "number of elements")?;
        let value = element(state, &args, 1)?;
        store::with(|mut store| {
            let value = reference(value.enter(&mut store)?)?;
            table.grow(&mut store, by, value)
        })
        .map_err(|error| args.failure(describe(&error)))
    })?;
    let make = state.prelude(|prelude| prelude.table.clone());
    let value: mlua::Table = make.call((get, set, size, grow))?;
    remember(state, lua, Value::Table(value), table.into())
}

/// Takes note of the export that a value stands for.
fn remember(state: &State, lua: &Lua, value: Value, item: Extern) -> Outcome<Value> {
    let item = lua.create_userdata(Exported(item))?;
    state.prelude(|prelude| prelude.externs.clone()).raw_set(&value, item)?;
    Ok(value)
}

/// The export that a value of the script stands for.
pub(super) fn export(state: &State, value: &Value) -> Option<Extern> {
    let data = match value {
        Value::UserData(data) => data.clone(),
        Value::Function(_) | Value::Table(_) => {
            let externs = state.prelude(|prelude| prelude.externs.clone());
            externs.raw_get::<Option<AnyUserData>>(value).ok()??
        }
        _ => return None,
    };
    if let Ok(exported) = data.borrow::<Exported>() {
        return Some(exported.0.clone());
    }
    let handle = data.borrow::<Handle>().ok()?;
    handle.with_bytes(|bytes| match bytes {
        Bytes::Block(_) => None,
        Bytes::Guest(memory) => Some((*memory).into()),
        Bytes::Shared(memory) => Some(memory.clone().into()),
    })?
}
