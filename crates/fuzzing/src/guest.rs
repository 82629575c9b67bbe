//! One module in one engine, behind one trait, so that engines can be compared.
//!
//! Lineal's API has Wasmtime's names, so one macro writes both implementations.

use std::fmt;

/// A value as all engines have it: floats are bits, references are what they refer to.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    Null,
    I31(u32),
    /// A reference to something whose inside hosts cannot see, or are too deep to look at.
    Opaque(&'static str),
    Struct(Vec<Value>),
    /// The length and the first elements.
    Array(u32, Vec<Value>),
    Exception(Vec<Value>),
}

impl Value {
    /// Makes a NaN the positive canonical one.
    pub(crate) fn forget_nan(&mut self) {
        match self {
            Value::F32(bits) if f32::from_bits(*bits).is_nan() => *bits = 0x7fc0_0000,
            Value::F64(bits) if f64::from_bits(*bits).is_nan() => *bits = 0x7ff8_0000_0000_0000,
            _ => {}
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::I32(value) => write!(f, "i32:{value}"),
            Value::I64(value) => write!(f, "i64:{value}"),
            Value::F32(bits) => write!(f, "f32:{:?}({bits:#x})", f32::from_bits(*bits)),
            Value::F64(bits) => write!(f, "f64:{:?}({bits:#x})", f64::from_bits(*bits)),
            Value::V128(bits) => write!(f, "v128:{bits:#034x}"),
            Value::Null => write!(f, "null"),
            Value::I31(value) => write!(f, "i31:{value}"),
            Value::Opaque(kind) => write!(f, "{kind}"),
            Value::Struct(fields) => write!(f, "struct{fields:?}"),
            Value::Array(len, first) => write!(f, "array {len}{first:?}"),
            Value::Exception(fields) => write!(f, "exception{fields:?}"),
        }
    }
}

/// Why a guest stopped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The trap's name; the engines use the same ones.
    Trap(String),
    /// An exception that nothing caught.
    Exception(Vec<Value>),
    /// The host's limits forbid what the module asks for.
    Refused(String),
}

/// Traps that say more about the engine than about the module: what is left behind them differs.
const INCONCLUSIVE: [&str; 4] =
    ["StackOverflow", "OutOfFuel", "AllocationTooLarge", "GcHeapOutOfMemory"];

impl Stop {
    pub(crate) fn is_inconclusive(&self) -> bool {
        match self {
            Stop::Trap(name) => INCONCLUSIVE.contains(&name.as_str()),
            Stop::Exception(_) => false,
            Stop::Refused(_) => true,
        }
    }
}

/// What the host allows a guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) memory_bytes: usize,
    pub(crate) table_elements: usize,
    pub(crate) fuel: u64,
}

/// What can be seen of a guest between calls.
#[derive(Default, PartialEq)]
pub(crate) struct State {
    /// The bytes of each exported memory.
    pub(crate) memories: Vec<(String, Vec<u8>)>,
    /// The values of exported globals, and the elements of exported tables.
    pub(crate) values: Vec<(String, Vec<Value>)>,
    /// What the guest called of the host, with which arguments.
    pub(crate) host_calls: Vec<String>,
    /// What is left of the fuel, if it is counted.
    pub(crate) fuel: Option<u64>,
}

/// An instance of a module in some engine.
pub(crate) trait Guest {
    /// Calls an exported function: its results, with zeros for arguments too many.
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<Value>, Stop>;

    /// Gives the guest fuel, and the exported global of a name its own, if there is one.
    fn refuel(&mut self, fuel: u64, global: (&str, i32));

    fn state(&mut self) -> State;
}

/// How deep references are followed.
const DEPTH: usize = 3;

/// How many elements of an array or a table are looked at.
const ELEMENTS: u32 = 64;

/// The most calls of the host that are remembered.
const MAX_HOST_CALLS: usize = 1_000;

/// Implements [`Guest`] with the API of the crate that is named `engine` where it is used.
macro_rules! guest {
    () => {
        use super::{DEPTH, ELEMENTS, Guest, Limits, MAX_HOST_CALLS, State, Stop, Value};
        use engine::{
            Caller, Config, Engine, Extern, ExternType, Func, Global, Instance, Memory, Module, Ref,
            SharedMemory, Store, StoreLimits, StoreLimitsBuilder, Table, Tag, ThrownException, Trap,
            Val,
        };

        struct Host {
            limits: StoreLimits,
            calls: Vec<String>,
        }

        pub(crate) struct Instantiated {
            store: Store<Host>,
            instance: Instance,
            exports: Vec<String>,
        }

        /// Instantiates a module, with everything that it imports.
        pub(crate) fn instantiate(
            wasm: &[u8],
            config: &Config,
            limits: Limits,
        ) -> Result<Box<dyn Guest>, Stop> {
            let engine = Engine::new(config).map_err(refused)?;
            let module = Module::new(&engine, wasm).map_err(refused)?;
            let host = Host {
                limits: StoreLimitsBuilder::new()
                    .memory_size(limits.memory_bytes)
                    .table_elements(limits.table_elements)
                    .build(),
                calls: Vec::new(),
            };
            let mut store = Store::new(&engine, host);
            store.limiter(|host| &mut host.limits);
            // An error only says that none is consumed.
            let _ = store.set_fuel(limits.fuel);
            store.set_epoch_deadline(1);
            let imports: Vec<Extern> = module
                .imports()
                .map(|import| supply(&engine, &mut store, import.ty()))
                .collect::<Result<_, _>>()?;
            let instance = match Instance::new(&mut store, &module, &imports) {
                Ok(instance) => instance,
                Err(error) => return Err(stop(&mut store, error)),
            };
            let exports = module.exports().map(|export| export.name().to_owned()).collect();
            Ok(Box::new(Instantiated { store, instance, exports }))
        }

        fn refused(error: impl std::fmt::Debug) -> Stop {
            Stop::Refused(format!("{error:?}"))
        }

        /// Something of a type, for a module that imports it.
        fn supply(engine: &Engine, store: &mut Store<Host>, ty: ExternType) -> Result<Extern, Stop> {
            let no_value = || Stop::Refused("no value of the type".to_owned());
            Ok(match ty {
                ExternType::Func(ty) => Func::new(store, ty.clone(), host_function).into(),
                ExternType::Memory(ty) if ty.is_shared() => {
                    SharedMemory::new(engine, ty).map_err(refused)?.into()
                }
                ExternType::Memory(ty) => Memory::new(store, ty).map_err(refused)?.into(),
                ExternType::Global(ty) => {
                    let value = Val::default_for_ty(ty.content()).ok_or_else(no_value)?;
                    Global::new(store, ty, value).map_err(refused)?.into()
                }
                ExternType::Table(ty) => {
                    let null = Ref::null(ty.element().heap_type());
                    Table::new(store, ty, null).map_err(refused)?.into()
                }
                ExternType::Tag(ty) => Tag::new(&mut *store, &ty).map_err(refused)?.into(),
                #[allow(unreachable_patterns)]
                _ => return Err(no_value()),
            })
        }

        /// Remembers the call, and results in zeros.
        fn host_function(
            mut caller: Caller<'_, Host>,
            params: &[Val],
            results: &mut [Val],
        ) -> engine::Result<()> {
            let params: Vec<Value> =
                params.iter().map(|param| value(&mut caller, param, DEPTH)).collect();
            let calls = &mut caller.data_mut().calls;
            if calls.len() < MAX_HOST_CALLS {
                calls.push(format!("{params:?}"));
            }
            let number = calls.len() as i32;
            for result in results {
                *result = match result {
                    Val::I32(_) => Val::I32(number),
                    Val::I64(_) => Val::I64(number.into()),
                    Val::F32(_) => Val::F32((number as f32).to_bits()),
                    Val::F64(_) => Val::F64(f64::from(number).to_bits()),
                    _ => continue,
                };
            }
            Ok(())
        }

        fn stop(store: &mut Store<Host>, error: engine::Error) -> Stop {
            match error.downcast_ref::<Trap>() {
                // Which of the two it is, where both hold, is the engine's choice.
                Some(Trap::HeapMisaligned) => return Stop::Trap("MemoryOutOfBounds".to_owned()),
                Some(trap) => return Stop::Trap(format!("{trap:?}")),
                None => {}
            }
            if error.is::<ThrownException>()
                && let Some(exception) = store.take_pending_exception()
                && let Value::Exception(fields) = value(store, &exception.into(), DEPTH)
            {
                return Stop::Exception(fields);
            }
            refused(error)
        }

        fn value(mut store: impl engine::AsContextMut, val: &Val, depth: usize) -> Value {
            match val {
                Val::I32(value) => Value::I32(*value),
                Val::I64(value) => Value::I64(*value),
                Val::F32(bits) => Value::F32(*bits),
                Val::F64(bits) => Value::F64(*bits),
                Val::V128(value) => Value::V128(value.as_u128()),
                Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
                    Value::Null
                }
                Val::FuncRef(Some(_)) => Value::Opaque("func"),
                Val::ExternRef(Some(_)) => Value::Opaque("extern"),
                Val::AnyRef(Some(any)) => {
                    if let Some(number) = any.as_i31(&store).expect("rooted") {
                        return Value::I31(number.get_u32());
                    }
                    if depth == 0 {
                        return Value::Opaque("any");
                    }
                    if let Some(object) = any.as_struct(&store).expect("rooted") {
                        let fields: Vec<Val> =
                            object.fields(store.as_context_mut()).expect("rooted").into_iter().collect();
                        return Value::Struct(values(store, &fields, depth - 1));
                    }
                    if let Some(object) = any.as_array(&store).expect("rooted") {
                        let len = object.len(&store).expect("rooted");
                        let first: Vec<Val> = (0..len.min(ELEMENTS))
                            .map(|at| object.get(store.as_context_mut(), at).expect("in bounds"))
                            .collect();
                        return Value::Array(len, values(store, &first, depth - 1));
                    }
                    Value::Opaque("host value")
                }
                Val::ExnRef(Some(exception)) => {
                    if depth == 0 {
                        return Value::Opaque("exception");
                    }
                    let fields: Vec<Val> =
                        exception.fields(store.as_context_mut()).expect("rooted").into_iter().collect();
                    Value::Exception(values(store, &fields, depth - 1))
                }
                #[allow(unreachable_patterns)]
                _ => Value::Opaque("reference"),
            }
        }

        fn values(mut store: impl engine::AsContextMut, vals: &[Val], depth: usize) -> Vec<Value> {
            vals.iter().map(|val| value(store.as_context_mut(), val, depth)).collect()
        }

        /// The bytes of a shared memory, by way of a guest that copies them.
        fn shared_bytes(store: &mut Store<Host>, memory: SharedMemory) -> Vec<u8> {
            let ty = memory.ty();
            let (address, page_bytes) = (if ty.is_64() { "i64" } else { "i32" }, ty.page_size());
            let minimum = ty.minimum();
            let maximum = ty.maximum().expect("shared memories have one");
            let size = memory.size();
            let wat = format!(
                "(module
                (memory (import \"\" \"from\") {address} {minimum} {maximum} shared (pagesize {page_bytes}))
                (memory (export \"to\") {address} {size} (pagesize {page_bytes}))
                (func (export \"copy\")
                    (memory.copy 1 0 ({address}.const 0) ({address}.const 0) ({address}.const {}))))",
                memory.data_size()
            );
            let wasm = wat::parse_str(&wat).expect("a module that copies");
            let engine = store.engine().clone();
            let module = Module::new(&engine, &wasm).expect("a module that copies");
            let instance = Instance::new(&mut *store, &module, &[memory.into()]).expect("a copy");
            let copy = instance.get_typed_func::<(), ()>(&mut *store, "copy").expect("exported");
            let fuel = store.get_fuel().ok();
            let _ = store.set_fuel(u64::MAX);
            copy.call(&mut *store, ()).expect("in bounds");
            fuel.map(|fuel| store.set_fuel(fuel));
            instance.get_memory(&mut *store, "to").expect("exported").data(&*store).to_vec()
        }

        impl Guest for Instantiated {
            fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<Value>, Stop> {
                let store = &mut self.store;
                let func = self.instance.get_func(&mut *store, function).expect("exported");
                let ty = func.ty(&*store);
                let default = |ty| Val::default_for_ty(&ty).unwrap_or(Val::I32(0));
                let mut params: Vec<Val> = ty.params().map(default).collect();
                for (param, arg) in params.iter_mut().zip(args) {
                    *param = match *arg {
                        Value::I32(value) => Val::I32(value),
                        Value::I64(value) => Val::I64(value),
                        Value::F32(bits) => Val::F32(bits),
                        Value::F64(bits) => Val::F64(bits),
                        Value::V128(bits) => Val::V128(bits.into()),
                        _ => continue,
                    };
                }
                let mut results = vec![Val::I32(0); ty.results().len()];
                match func.call(&mut *store, &params, &mut results) {
                    Ok(()) => Ok(values(store, &results, DEPTH)),
                    Err(error) => Err(stop(store, error)),
                }
            }

            fn refuel(&mut self, fuel: u64, (name, value): (&str, i32)) {
                // An error only says that none is consumed.
                let _ = self.store.set_fuel(fuel);
                if let Some(global) = self.instance.get_global(&mut self.store, name) {
                    global.set(&mut self.store, Val::I32(value)).expect("a mutable i32");
                }
            }

            fn state(&mut self) -> State {
                let store = &mut self.store;
                let mut state = State {
                    host_calls: store.data().calls.clone(),
                    fuel: store.get_fuel().ok(),
                    ..State::default()
                };
                for name in &self.exports {
                    match self.instance.get_export(&mut *store, name).expect("exported") {
                        Extern::Memory(memory) => {
                            state.memories.push((name.clone(), memory.data(&*store).to_vec()));
                        }
                        Extern::SharedMemory(memory) => {
                            let bytes = shared_bytes(store, memory);
                            state.memories.push((name.clone(), bytes));
                        }
                        Extern::Global(global) => {
                            let val = global.get(&mut *store);
                            let content = value(&mut *store, &val, DEPTH);
                            state.values.push((name.clone(), vec![content]));
                        }
                        Extern::Table(table) => {
                            let size = table.size(&*store);
                            let mut elements = vec![Value::I64(size as i64)];
                            for at in 0..size.min(ELEMENTS.into()) {
                                let element = table.get(&mut *store, at).expect("in bounds");
                                elements.push(value(&mut *store, &element.into(), DEPTH));
                            }
                            state.values.push((name.clone(), elements));
                        }
                        _ => {}
                    }
                }
                state
            }
        }
    };
}

/// Modules in Lineal.
pub(crate) mod in_lineal {
    use lineal as engine;
    guest!();
}

/// Modules in Wasmtime.
pub(crate) mod in_wasmtime {
    use wasmtime as engine;
    guest!();
}
