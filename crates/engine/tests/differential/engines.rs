//! The engines that are compared, behind one trait: [`Guest`].

use std::fmt;

use lineal::CompilationMode;

/// An argument, a result or a global's value. Floats are bits, so that `==` tells zeros apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl Value {
    /// The value, or one NaN for all NaNs: which of them arithmetic returns is the engine's choice.
    fn canonical(self) -> Value {
        match self {
            Value::F32(bits) if f32::from_bits(bits).is_nan() => Value::F32(f32::NAN.to_bits()),
            Value::F64(bits) if f64::from_bits(bits).is_nan() => Value::F64(f64::NAN.to_bits()),
            other => other,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::I32(value) => write!(f, "i32:{value}"),
            Value::I64(value) => write!(f, "i64:{value}"),
            Value::F32(bits) => write!(f, "f32:{:?}", f32::from_bits(bits)),
            Value::F64(bits) => write!(f, "f64:{:?}", f64::from_bits(bits)),
            Value::V128(bits) => write!(f, "v128:{bits:#034x}"),
        }
    }
}

/// What a call left behind, apart from the memory's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The results, or the trap's name; the engines use the same names.
    pub(crate) results: Result<Vec<Value>, String>,
    /// The values of the exported globals, in the order in which they were asked for.
    pub(crate) globals: Vec<Value>,
}

/// An instance of a module in some engine.
pub(crate) trait Guest {
    /// What to call the engine in a report.
    fn name(&self) -> &'static str;

    /// Sets an exported global of type `i32`.
    fn set_global(&mut self, name: &str, value: i32);

    /// Calls an exported function with `result_count` results and reads the named globals.
    fn call(
        &mut self,
        function: &str,
        args: &[Value],
        result_count: usize,
        globals: &[&str],
    ) -> Outcome;

    /// The bytes of the memory exported as `memory`.
    fn memory(&self) -> &[u8];
}

/// Instances of a module, the reference first.
///
/// Nothing if the reference panics: debug assertions of `wasmi` 2.0.0 fail for some valid modules.
pub(crate) fn instantiate(wasm: &[u8]) -> Result<Vec<Box<dyn Guest>>, String> {
    let Ok(reference) = std::panic::catch_unwind(|| WasmiGuest::new(wasm)) else {
        return Ok(Vec::new());
    };
    Ok(vec![
        Box::new(reference.map_err(|error| format!("wasmi: {error:?}"))?),
        lineal("Lineal, eager", wasm, &lineal::Config::new())?,
        lineal(
            "Lineal, lazy",
            wasm,
            lineal::Config::new().compilation_mode(CompilationMode::Lazy),
        )?,
        lineal(
            "Lineal, metered",
            wasm,
            lineal::Config::new()
                .consume_fuel(true)
                .epoch_interruption(true)
                .canonicalize_nans(true),
        )?,
    ])
}

struct LinealGuest {
    name: &'static str,
    store: lineal::Store<()>,
    instance: lineal::Instance,
}

/// An instance in Lineal, with a configuration.
fn lineal(
    name: &'static str,
    wasm: &[u8],
    config: &lineal::Config,
) -> Result<Box<dyn Guest>, String> {
    match LinealGuest::new(name, wasm, config) {
        Ok(guest) => Ok(Box::new(guest)),
        Err(error) => Err(format!("{name}: {error:?}")),
    }
}

impl LinealGuest {
    fn new(
        name: &'static str,
        wasm: &[u8],
        config: &lineal::Config,
    ) -> lineal::Result<LinealGuest> {
        let engine = lineal::Engine::new(config)?;
        let module = lineal::Module::new(&engine, wasm)?;
        let mut store = lineal::Store::new(&engine, ());
        // As much fuel and time as there is; an error only says that nothing is counted.
        let _ = store.set_fuel(u64::MAX);
        store.set_epoch_deadline(1);
        let instance = lineal::Instance::new(&mut store, &module, &[])?;
        Ok(LinealGuest { name, store, instance })
    }

    fn to_val(value: Value) -> lineal::Val {
        match value {
            Value::I32(value) => lineal::Val::I32(value),
            Value::I64(value) => lineal::Val::I64(value),
            Value::F32(bits) => lineal::Val::F32(bits),
            Value::F64(bits) => lineal::Val::F64(bits),
            Value::V128(bits) => lineal::Val::V128(bits.into()),
        }
    }

    fn to_value(val: &lineal::Val) -> Value {
        let value = match *val {
            lineal::Val::I32(value) => Value::I32(value),
            lineal::Val::I64(value) => Value::I64(value),
            lineal::Val::F32(bits) => Value::F32(bits),
            lineal::Val::F64(bits) => Value::F64(bits),
            lineal::Val::V128(value) => Value::V128(value.as_u128()),
            _ => panic!("generated modules pass only numbers"),
        };
        value.canonical()
    }
}

impl Guest for LinealGuest {
    fn name(&self) -> &'static str {
        self.name
    }

    fn set_global(&mut self, name: &str, value: i32) {
        let global = self.instance.get_global(&self.store, name).expect("an exported global");
        global.set(&mut self.store, lineal::Val::I32(value)).expect("a mutable i32");
    }

    fn call(
        &mut self,
        function: &str,
        args: &[Value],
        result_count: usize,
        globals: &[&str],
    ) -> Outcome {
        let func = self.instance.get_func(&self.store, function).expect("an exported function");
        let args: Vec<_> = args.iter().copied().map(LinealGuest::to_val).collect();
        let mut results = vec![lineal::Val::I32(0); result_count];
        let results = match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(LinealGuest::to_value).collect()),
            Err(error) => Err(match error.downcast_ref::<lineal::Trap>() {
                Some(trap) => format!("{trap:?}"),
                None => format!("{error:?}"),
            }),
        };
        let read = |name: &&str| {
            let global = self.instance.get_global(&self.store, name).expect("an exported global");
            LinealGuest::to_value(&global.get(&self.store))
        };
        Outcome { results, globals: globals.iter().map(read).collect() }
    }

    fn memory(&self) -> &[u8] {
        let memory = self.instance.get_memory(&self.store, "memory").expect("an exported memory");
        memory.data(&self.store)
    }
}

struct WasmiGuest {
    store: wasmi::Store<()>,
    instance: wasmi::Instance,
}

impl WasmiGuest {
    fn new(wasm: &[u8]) -> Result<WasmiGuest, wasmi::Error> {
        // Eagerly, so that a panic of its translation happens here and not in a call.
        let mut config = wasmi::Config::default();
        config.compilation_mode(wasmi::CompilationMode::Eager);
        let engine = wasmi::Engine::new(&config);
        let module = wasmi::Module::new(&engine, wasm)?;
        let mut store = wasmi::Store::new(&engine, ());
        let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        Ok(WasmiGuest { store, instance })
    }

    fn to_val(value: Value) -> wasmi::Val {
        match value {
            Value::I32(value) => wasmi::Val::I32(value),
            Value::I64(value) => wasmi::Val::I64(value),
            Value::F32(bits) => wasmi::Val::F32(wasmi::F32::from_bits(bits)),
            Value::F64(bits) => wasmi::Val::F64(wasmi::F64::from_bits(bits)),
            Value::V128(bits) => wasmi::Val::V128(bits.into()),
        }
    }

    fn to_value(val: &wasmi::Val) -> Value {
        let value = match val {
            wasmi::Val::I32(value) => Value::I32(*value),
            wasmi::Val::I64(value) => Value::I64(*value),
            wasmi::Val::F32(value) => Value::F32(value.to_bits()),
            wasmi::Val::F64(value) => Value::F64(value.to_bits()),
            wasmi::Val::V128(value) => Value::V128(value.as_u128()),
            _ => panic!("generated modules pass only numbers"),
        };
        value.canonical()
    }
}

impl Guest for WasmiGuest {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn set_global(&mut self, name: &str, value: i32) {
        let global = self.instance.get_global(&self.store, name).expect("an exported global");
        global.set(&mut self.store, wasmi::Val::I32(value)).expect("a mutable i32");
    }

    fn call(
        &mut self,
        function: &str,
        args: &[Value],
        result_count: usize,
        globals: &[&str],
    ) -> Outcome {
        let func = self.instance.get_func(&self.store, function).expect("an exported function");
        let args: Vec<_> = args.iter().copied().map(WasmiGuest::to_val).collect();
        let mut results = vec![wasmi::Val::I32(0); result_count];
        let results = match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(WasmiGuest::to_value).collect()),
            Err(error) => Err(match error.as_trap_code() {
                Some(trap) => format!("{trap:?}"),
                None => format!("{error:?}"),
            }),
        };
        let read = |name: &&str| {
            let global = self.instance.get_global(&self.store, name).expect("an exported global");
            WasmiGuest::to_value(&global.get(&self.store))
        };
        Outcome { results, globals: globals.iter().map(read).collect() }
    }

    fn memory(&self) -> &[u8] {
        let memory = self.instance.get_memory(&self.store, "memory").expect("an exported memory");
        memory.data(&self.store)
    }
}
