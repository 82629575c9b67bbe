//! Modules that a script has loaded, and what they export.

use std::cell::Cell;
use std::fmt;
use std::path::Path;

use allocative::Allocative;
use lineal::{Extern, ExternType, Func, Global, Instance, Module, Table, Val, ValType};
use starlark::any::ProvidesStaticType;
use starlark::environment::{GlobalsBuilder, Methods, MethodsBuilder, MethodsStatic};
use starlark::eval::{Arguments, Evaluator};
use starlark::values::dict::DictRef;
use starlark::values::none::NoneType;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};

use super::calls::{call_guest, callback, lend};
use super::memory::{Kind, MemoryValue};
use super::values::{Outgoing, as_u64, to_wasm, whole_number};
use super::{State, native_error, state};
use crate::error::Error;
use crate::modules::main_memory;
use crate::report::describe;
use crate::{imports, store};

/// How many calls of the script by guests may be under way: each takes some of the host's stack.
const DEPTH_LIMIT: usize = 200;

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident($($field:ty),*), $type:literal, $text:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
        pub(super) struct $name($(#[allocative(skip)] $field),*);

        starlark_simple_value!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }
    )*};
}

values! {
    /// An instance: `exports` and `memory`.
    InstanceValue(Instance, Option<String>), "wasm_instance", "<wasm instance>";
    /// The exports of an instance, by name.
    ExportsValue(Instance), "exports", "<wasm exports>";
    /// A function.
    FunctionValue(String, Func), "wasm_function", "<wasm function>";
    /// A global.
    GlobalValue(Global), "wasm_global", "<wasm global>";
    /// A table.
    TableValue(Table), "wasm_table", "<wasm table>";
    /// A tag.
    TagValue(lineal::Tag), "wasm_tag", "<wasm tag>";
}

impl FunctionValue {
    pub(super) fn new(name: &str, func: Func) -> FunctionValue {
        FunctionValue(name.to_owned(), func)
    }
}

#[starlark_value(type = "wasm_instance")]
impl<'v> StarlarkValue<'v> for InstanceValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match attribute {
            "exports" => Some(heap.alloc(ExportsValue(self.0))),
            "memory" => Some(match &self.1 {
                Some(name) => export_value(self.0, name, heap)?,
                None => Value::new_none(),
            }),
            _ => None,
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        vec!["exports".to_owned(), "memory".to_owned()]
    }
}

#[starlark_value(type = "exports")]
impl<'v> StarlarkValue<'v> for ExportsValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        export_value(self.0, attribute, heap)
    }

    fn dir_attr(&self) -> Vec<String> {
        store::with(|mut store| {
            self.0.exports(&mut store).map(|export| export.name().to_owned()).collect()
        })
    }
}

#[starlark_value(type = "wasm_function")]
impl<'v> StarlarkValue<'v> for FunctionValue {
    fn name_for_call_stack(&self, _: Value<'v>) -> String {
        self.0.clone()
    }

    fn invoke(
        &self,
        _: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        call_guest(&self.0, self.1, args, eval)
    }
}

#[starlark_value(type = "wasm_global")]
impl<'v> StarlarkValue<'v> for GlobalValue {
    fn get_methods() -> Option<&'static Methods> {
        static METHODS: MethodsStatic = MethodsStatic::new("wasm_global", global_methods);
        Some(METHODS.methods())
    }
}

#[starlark_value(type = "wasm_table")]
impl<'v> StarlarkValue<'v> for TableValue {
    fn get_methods() -> Option<&'static Methods> {
        static METHODS: MethodsStatic = MethodsStatic::new("wasm_table", table_methods);
        Some(METHODS.methods())
    }
}

#[starlark_value(type = "wasm_tag")]
impl<'v> StarlarkValue<'v> for TagValue {}

/// What a script gets for an export.
fn export_value<'v>(instance: Instance, name: &str, heap: Heap<'v>) -> Option<Value<'v>> {
    let item = store::with(|store| instance.get_export(&store, name))?;
    Some(match item {
        Extern::Func(func) => heap.alloc(FunctionValue::new(name, func)),
        Extern::Memory(memory) => heap.alloc(MemoryValue(Kind::Guest(memory))),
        Extern::SharedMemory(memory) => heap.alloc(MemoryValue(Kind::Shared(memory))),
        Extern::Global(global) => heap.alloc(GlobalValue(global)),
        Extern::Table(table) => heap.alloc(TableValue(table)),
        Extern::Tag(tag) => heap.alloc(TagValue(tag)),
    })
}

/// The export that a value of a script stands for.
pub(super) fn export(value: Value<'_>) -> Option<Extern> {
    if let Some(function) = FunctionValue::from_value(value) {
        return Some(function.1.into());
    }
    if let Some(memory) = MemoryValue::from_value(value) {
        return Some(match &memory.0 {
            Kind::Guest(memory) => (*memory).into(),
            Kind::Shared(memory) => memory.clone().into(),
        });
    }
    if let Some(global) = GlobalValue::from_value(value) {
        return Some(global.0.into());
    }
    if let Some(table) = TableValue::from_value(value) {
        return Some(table.0.into());
    }
    TagValue::from_value(value).map(|tag| tag.0.into())
}

/// Instantiates the module that the script was started with, and defines it.
pub(super) fn define(
    state: &State,
    scope: &starlark::environment::Module<'_>,
    file: &Path,
) -> Result<(), Error> {
    let instance = state.modules.load_file(file).and_then(|module| {
        let instance =
            store::with(|store| state.modules.instantiate(store, &module, |_, _| Ok(None)))?;
        Ok(InstanceValue(instance, main_memory(&module)))
    });
    let instance = instance.map_err(|error| {
        if state.clock.is_over() {
            Error::TimedOut
        } else {
            Error::Setup(lineal::Error::msg(describe(&error)))
        }
    })?;
    let heap = scope.heap();
    let memory = instance.get_attr("memory", heap);
    scope.set("memory", memory.unwrap_or_else(Value::new_none));
    scope.set("wasm_instance", heap.alloc(instance));
    Ok(())
}

thread_local! {
    /// How many functions of scripts guests have imported.
    static IMPORTED: Cell<usize> = const { Cell::new(0) };
}

/// What the script gives for an import, if anything.
fn provide<'v>(
    eval: &Evaluator<'v, '_, '_>,
    import: &lineal::ImportType<'_>,
    given: &DictRef<'v>,
) -> starlark::Result<Option<Extern>> {
    let name = format!("{}.{}", import.module(), import.name());
    let Some(items) = given.get_str(import.module()) else { return Ok(None) };
    let Some(items) = DictRef::from_value(items) else {
        let (module, ty) = (import.module(), items.get_type());
        return Err(native_error(format!(
            "load_module: the imports for `{module}` must be a dict, got {ty}"
        )));
    };
    let Some(value) = items.get_str(import.name()) else { return Ok(None) };
    if let Some(item) = export(value) {
        return Ok(Some(item));
    }
    match import.ty() {
        ExternType::Func(ty) if is_callable(value) => {
            let index = IMPORTED.replace(IMPORTED.get() + 1);
            let callback = callback(eval, index, name, value, &ty.results().collect::<Vec<_>>());
            let func = store::with(|store| imports::function(store, ty, DEPTH_LIMIT, callback));
            Ok(Some(func.into()))
        }
        ExternType::Global(ty) => {
            let value = to_wasm(value, ty.content()).map_err(|problem| {
                native_error(format!("load_module: the import `{name}` {problem}"))
            })?;
            let global = store::with(|mut store| Global::new(&mut store, ty, value));
            let global = global.map_err(|error| native_error(describe(&error)))?;
            Ok(Some(global.into()))
        }
        ty => {
            let expected = match ty {
                ExternType::Func(_) => "a function",
                ExternType::Memory(_) => "a memory of another module",
                ExternType::Table(_) => "a table of another module",
                _ => "an export of another module",
            };
            let ty = value.get_type();
            Err(native_error(format!(
                "load_module: the import `{name}` must be {expected}, got {ty}"
            )))
        }
    }
}

fn is_callable(value: Value<'_>) -> bool {
    matches!(value.get_type(), "function" | "native_function" | "partial")
}

fn load<'v>(
    path: &str,
    given: Option<DictRef<'v>>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<InstanceValue> {
    let state = state(eval);
    let failed = |error: &lineal::Error| native_error(format!("load_module: {}", describe(error)));
    let module: Module = state.modules.load(path).map_err(|error| failed(&error))?;
    let mut provided = Vec::new();
    for import in module.imports() {
        provided.push(match &given {
            Some(given) => provide(eval, &import, given)?,
            None => None,
        });
    }
    let mut provided = provided.into_iter();
    let instance = lend(eval, || {
        store::with(|store| {
            state.modules.instantiate(store, &module, |_, _| Ok(provided.next().flatten()))
        })
    });
    let instance = instance.map_err(|error| failed(&error))?;
    Ok(InstanceValue(instance, main_memory(&module)))
}

#[starlark_module]
pub(super) fn globals(builder: &mut GlobalsBuilder) {
    /// Instantiates a module (.wasm or .wat). Its path is relative to the script; what it imports
    /// is a dict of dicts.
    fn load_module<'v>(
        #[starlark(require = pos)] path: &str,
        imports: Option<DictRef<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<InstanceValue> {
        load(path, imports, eval)
    }
}

#[starlark_module]
fn global_methods(builder: &mut MethodsBuilder) {
    /// The value.
    fn get<'v>(this: &GlobalValue, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let value = store::with(|mut store| {
            let value = this.0.get(&mut store);
            Outgoing::leave(&mut store, &value)
        });
        Ok(value.map_err(|error| native_error(describe(&error)))?.into_starlark(heap))
    }

    /// Changes the value.
    fn set<'v>(
        this: &GlobalValue,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let ty = store::with(|store| this.0.ty(&store));
        let value = to_wasm(value, ty.content())
            .map_err(|problem| native_error(format!("wasm_global.set: the value {problem}")))?;
        store::with(|mut store| this.0.set(&mut store, value))
            .map_err(|error| native_error(format!("wasm_global.set: {}", describe(&error))))?;
        Ok(NoneType)
    }
}

#[starlark_module]
fn table_methods(builder: &mut MethodsBuilder) {
    /// The number of elements.
    fn size(this: &TableValue) -> anyhow::Result<u64> {
        Ok(store::with(|store| this.0.size(&store)))
    }

    /// An element: a function or None.
    fn get<'v>(
        this: &TableValue,
        #[starlark(require = pos)] index: Value<'v>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let size = store::with(|store| this.0.size(&store));
        let element = as_u64(index).and_then(|index| {
            store::with(|mut store| {
                let value = this.0.get(&mut store, index).map(Val::from)?;
                Some(Outgoing::leave(&mut store, &value))
            })
        });
        match element {
            Some(element) => {
                Ok(element.map_err(|error| native_error(describe(&error)))?.into_starlark(heap))
            }
            None => Err(native_error(format!(
                "wasm_table.get: index {} is outside the table of {size} elements",
                whole_number(index)
            ))),
        }
    }

    /// Changes an element.
    fn set<'v>(
        this: &TableValue,
        #[starlark(require = pos)] index: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
    ) -> starlark::Result<NoneType> {
        let Some(position) = as_u64(index) else {
            let got = whole_number(index);
            return Err(native_error(format!("wasm_table.set: index must be an int, got {got}")));
        };
        let ty = ValType::Ref(store::with(|store| this.0.ty(&store).element().clone()));
        let value = to_wasm(value, &ty)
            .map_err(|problem| native_error(format!("wasm_table.set: the value {problem}")))?;
        let reference =
            crate::modules::reference(value).map_err(|error| native_error(describe(&error)))?;
        store::with(|mut store| this.0.set(&mut store, position, reference))
            .map_err(|error| native_error(format!("wasm_table.set: {}", describe(&error))))?;
        Ok(NoneType)
    }
}
