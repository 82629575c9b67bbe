//! Runs a module in all engines and compares what can be seen.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lineal::{Accesses, CompilationMode, Observe, Optimizations};
use wasmparser::{ExternalKind, FuncType, Operator, Parser, Payload, TypeRef, ValType};

use crate::guest::{Guest, Limits, State, Stop, Value, in_lineal, in_wasmtime};
use crate::numbers::Numbers;
use crate::programs::FUEL_GLOBAL;
use crate::show_on_failure;

/// How often each exported function is called.
const ROUNDS: usize = 2;

/// The most functions of a module that are called.
const MAX_FUNCTIONS: usize = 24;

/// How many loop iterations and calls a generated program may make before it ends by itself.
const PROGRAM_FUEL: i32 = 60;

/// Fuel for a call of a module that may not end.
pub(crate) const FUEL: u64 = 100_000;

fn limits(case: &Case<'_>) -> Limits {
    Limits { memory_bytes: 1 << 20, table_elements: 10_000, fuel: case.fuel }
}

/// A module to be compared.
pub(crate) struct Case<'a> {
    pub(crate) wasm: &'a [u8],
    /// Chooses the arguments of calls.
    pub(crate) arguments: &'a [u8],
    /// The fuel of each call.
    pub(crate) fuel: u64,
    /// Whether the module makes no NaN but canonical ones, whatever the engine does.
    pub(crate) nans_are_canonical: bool,
}

/// What was compared so far, in this process.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Modules that were instantiated in all engines.
    pub modules: u64,
    /// Calls whose outcomes were compared.
    pub calls: u64,
    /// Those that ended with a trap or an exception.
    pub stopped: u64,
}

static MODULES: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicU64 = AtomicU64::new(0);

/// How often a fuzzer hears what was compared.
const PRINT_EVERY: u64 = 1_000;

impl Tally {
    /// Prints what was compared so far, once in a while.
    pub(crate) fn print_now_and_then() {
        static CASES: AtomicU64 = AtomicU64::new(0);
        let cases = 1 + CASES.fetch_add(1, Relaxed);
        if cases.is_multiple_of(PRINT_EVERY) {
            eprintln!("{cases} test cases, {:?}", Tally::now());
        }
    }

    /// What was compared so far.
    pub fn now() -> Tally {
        Tally {
            modules: MODULES.load(Relaxed),
            calls: CALLS.load(Relaxed),
            stopped: STOPPED.load(Relaxed),
        }
    }
}

/// A guest and what to call its engine.
struct Contestant {
    name: &'static str,
    guest: Box<dyn Guest>,
    /// Whether all NaNs among its values are the same.
    has_one_nan: bool,
}

impl Contestant {
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<Value>, Stop> {
        let mut outcome = self.guest.call(function, args);
        if let (true, Ok(values) | Err(Stop::Exception(values))) = (self.has_one_nan, &mut outcome)
        {
            values.iter_mut().for_each(Value::forget_nan);
        }
        outcome
    }

    fn state(&mut self) -> State {
        let mut state = self.guest.state();
        if self.has_one_nan {
            let values = state.values.iter_mut().flat_map(|(_, values)| values);
            values.for_each(Value::forget_nan);
        }
        state
    }
}

/// How Lineal is configured for a comparison.
struct Setup {
    name: &'static str,
    metered: bool,
    mode: CompilationMode,
    optimizations: Optimizations,
    has_one_nan: bool,
    observed: bool,
}

const PLAIN: Setup = Setup {
    name: "Lineal",
    metered: false,
    mode: CompilationMode::Eager,
    optimizations: Optimizations::ALL,
    has_one_nan: false,
    observed: false,
};

/// Metered first: it stops where the reference stops.
const SETUPS: [Setup; 3] = [
    Setup { name: "Lineal, metered", metered: true, ..PLAIN },
    PLAIN,
    Setup {
        name: "Lineal, lazy and plain",
        mode: CompilationMode::LazyValidation,
        optimizations: Optimizations::NONE,
        ..PLAIN
    },
];

/// The same, and with a report of every access.
const OBSERVED: [Setup; 4] = {
    let [metered, plain, lazy] = SETUPS;
    [metered, plain, lazy, Setup { name: "Lineal, observed", observed: true, ..PLAIN }]
};

/// Compared with itself: which of two NaNs an addition passes on depends on their order, which is
/// the translator's to choose.
const ALONE: Setup = Setup { has_one_nan: true, ..PLAIN };

/// With each of the translator's optimisations and without.
const OPTIMISED: [Setup; 5] = [
    Setup { name: "Lineal, no optimisations", optimizations: Optimizations::NONE, ..ALONE },
    ALONE,
    Setup {
        name: "Lineal, not folding",
        optimizations: Optimizations { fold: false, ..Optimizations::ALL },
        ..ALONE
    },
    Setup {
        name: "Lineal, not fusing",
        optimizations: Optimizations { fuse: false, ..Optimizations::ALL },
        ..ALONE
    },
    Setup {
        name: "Lineal, not pinning",
        optimizations: Optimizations { pin: false, ..Optimizations::ALL },
        ..ALONE
    },
];

impl Setup {
    fn instantiate(&self, case: &Case<'_>) -> Result<Contestant, Stop> {
        let mut config = lineal::Config::new();
        config
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true)
            .consume_fuel(self.metered)
            .epoch_interruption(self.metered)
            .canonicalize_nans(!case.nans_are_canonical)
            .gc_heap_limit(16 << 20)
            .compilation_mode(self.mode)
            .optimizations(self.optimizations);
        if self.observed {
            config.observe(every_event());
        }
        let guest = in_lineal::instantiate(case.wasm, &config, limits(case))?;
        Ok(Contestant { name: self.name, guest, has_one_nan: self.has_one_nan })
    }
}

/// All that can be observed.
fn every_event() -> Observe {
    let observe = Observe::new().accesses(Accesses::All).writers(true).host_calls(true);
    observe.functions(|_| true).globals(|_| true)
}

fn wasmtime(case: &Case<'_>) -> Result<Contestant, Stop> {
    let mut config = wasmtime::Config::new();
    config
        .wasm_custom_page_sizes(true)
        .wasm_wide_arithmetic(true)
        .wasm_exceptions(true)
        .wasm_gc(true)
        .wasm_function_references(true)
        .wasm_memory64(true)
        .wasm_multi_memory(true)
        .wasm_threads(true)
        .shared_memory(true)
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(!case.nans_are_canonical)
        .cranelift_opt_level(wasmtime::OptLevel::None)
        .consume_fuel(true)
        // Cheap to instantiate, and no signals for a fuzzer to take amiss.
        .signals_based_traps(false)
        // Shared memories cannot grow beyond it, and without any not at all from nothing.
        .memory_reservation(4 << 20)
        .memory_guard_size(0)
        .memory_reservation_for_growth(1 << 20);
    let guest = in_wasmtime::instantiate(case.wasm, &config, limits(case))?;
    Ok(Contestant { name: "Wasmtime", guest, has_one_nan: false })
}

/// Compares a module in Wasmtime and in Lineal: results, traps, memories, globals, tables, calls
/// of the host, and fuel.
pub(crate) fn compare(case: &Case<'_>) -> Result<(), String> {
    show_on_failure(case.wasm);
    contest(case, wasmtime(case), &SETUPS)
}

/// The same with observers too.
pub(crate) fn compare_objects(case: &Case<'_>) -> Result<(), String> {
    show_on_failure(case.wasm);
    contest(case, wasmtime(case), &OBSERVED)
}

/// Compares a module in Lineal with and without the translator's optimisations, which may choose
/// other NaNs.
pub(crate) fn compare_optimizations(case: &Case<'_>) -> Result<(), String> {
    show_on_failure(case.wasm);
    let (reference, setups) = OPTIMISED.split_first().expect("there are some");
    contest(case, reference.instantiate(case), setups)
}

fn contest(
    case: &Case<'_>,
    reference: Result<Contestant, Stop>,
    setups: &[Setup],
) -> Result<(), String> {
    let mut contestants = vec![];
    let reference_stop = match reference {
        Ok(reference) => {
            contestants.push(reference);
            None
        }
        Err(stop) => Some(stop),
    };
    if reference_stop.as_ref().is_some_and(Stop::is_inconclusive) {
        return Ok(());
    }
    for setup in setups {
        match (setup.instantiate(case), &reference_stop) {
            (Ok(contestant), None) => contestants.push(contestant),
            (Err(stop), Some(expected)) if stop == *expected => {}
            (Err(stop @ Stop::Trap(_)), _) if stop.is_inconclusive() => return Ok(()),
            (Err(stop), _) => {
                return Err(format!("{}: {stop:?}, not {reference_stop:?}", setup.name));
            }
            (Ok(_), Some(expected)) => {
                return Err(format!("{} instantiates, instead of {expected:?}", setup.name));
            }
        }
    }
    MODULES.fetch_add(1, Relaxed);
    if reference_stop.is_some() {
        return Ok(());
    }
    compare_states("after instantiation", &mut contestants, FuelRule::Any)?;
    let functions = exported_functions(case.wasm);
    let fuel_rule = FuelRule::of(case.wasm);
    let mut numbers = Numbers::new(case.arguments);
    for _ in 0..ROUNDS {
        for (name, params) in &functions {
            let args: Vec<Value> = params.iter().map(|&ty| argument(&mut numbers, ty)).collect();
            if !compare_call(name, &args, case.fuel, fuel_rule, &mut contestants)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Compares one call. False if there is no point in going on.
fn compare_call(
    name: &str,
    args: &[Value],
    fuel: u64,
    fuel_rule: FuelRule,
    contestants: &mut [Contestant],
) -> Result<bool, String> {
    let mut expected = None;
    for contestant in contestants.iter_mut() {
        contestant.guest.refuel(fuel, (FUEL_GLOBAL, PROGRAM_FUEL));
        let (engine, outcome) = (contestant.name, contestant.call(name, args));
        if outcome.as_ref().is_err_and(Stop::is_inconclusive) {
            // One engine's stack may be larger than the other's, but not its fuel.
            return match (&outcome, &expected) {
                (Err(Stop::Trap(trap)), Some(expected)) if trap == "OutOfFuel" => {
                    Err(format!("{name}{args:?} in {engine}: out of fuel, instead of {expected:?}"))
                }
                _ => Ok(false),
            };
        }
        match &expected {
            None => expected = Some(outcome),
            Some(expected) if *expected == outcome => {}
            Some(expected) => {
                return Err(format!(
                    "{name}{args:?} in {engine}: {outcome:?}, instead of {expected:?}"
                ));
            }
        }
    }
    CALLS.fetch_add(1, Relaxed);
    let stopped = expected.is_some_and(|outcome| outcome.is_err());
    STOPPED.fetch_add(stopped.into(), Relaxed);
    // What fuel a call took that was stopped is not specified.
    let fuel_rule = if stopped { FuelRule::Any } else { fuel_rule };
    compare_states(&format!("after {name}{args:?}"), contestants, fuel_rule)?;
    Ok(true)
}

/// What the fuel that is left may be, compared with Wasmtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FuelRule {
    Same,
    /// Lineal charges for a `table.grow` only if the table grows.
    NotLess,
    /// Where Wasmtime catches an exception, it forgets what the functions took that threw it. What
    /// instantiation takes is not specified either.
    Any,
}

impl FuelRule {
    fn of(wasm: &[u8]) -> FuelRule {
        let mut rule = FuelRule::Same;
        for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
            match payload {
                Payload::TagSection(_) => return FuelRule::Any,
                Payload::ImportSection(section) => {
                    let mut imports = section.into_imports().flatten();
                    if imports.any(|import| matches!(import.ty, TypeRef::Tag(_))) {
                        return FuelRule::Any;
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let operators = body.get_operators_reader().into_iter().flatten().flatten();
                    for operator in operators {
                        if matches!(operator, Operator::TableGrow { .. }) {
                            rule = FuelRule::NotLess;
                        }
                    }
                }
                _ => {}
            }
        }
        rule
    }

    fn allows(self, found: u64, expected: u64) -> bool {
        match self {
            FuelRule::Same => found == expected,
            FuelRule::NotLess => found >= expected,
            FuelRule::Any => true,
        }
    }
}

/// Compares all that can be seen.
fn compare_states(
    when: &str,
    contestants: &mut [Contestant],
    fuel_rule: FuelRule,
) -> Result<(), String> {
    let (reference, others) = contestants.split_first_mut().expect("a reference");
    let expected = reference.state();
    for other in others {
        let mut state = other.state();
        let fuel = state.fuel.zip(expected.fuel);
        if fuel.is_none_or(|(found, expected)| fuel_rule.allows(found, expected)) {
            state.fuel = expected.fuel;
        }
        if state != expected {
            let difference = difference(&expected, &state);
            return Err(format!("{when}, {} differs: {difference}", other.name));
        }
    }
    Ok(())
}

fn difference(expected: &State, found: &State) -> String {
    let mut text = String::new();
    if expected.fuel != found.fuel {
        write!(text, "fuel {:?}, not {:?}; ", found.fuel, expected.fuel).expect("a string");
    }
    if expected.host_calls != found.host_calls {
        let (found, expected) = (&found.host_calls, &expected.host_calls);
        write!(text, "host calls {found:?}, not {expected:?}; ").expect("a string");
    }
    for ((name, expected), (_, found)) in expected.values.iter().zip(&found.values) {
        if expected != found {
            write!(text, "{name} is {found:?}, not {expected:?}; ").expect("a string");
        }
    }
    for ((name, expected), (_, found)) in expected.memories.iter().zip(&found.memories) {
        if expected.len() != found.len() {
            let (found, expected) = (found.len(), expected.len());
            write!(text, "{name} has {found} bytes, not {expected}; ").expect("a string");
        } else if let Some(at) = (0..expected.len()).find(|&at| expected[at] != found[at]) {
            let (found, expected) = (found[at], expected[at]);
            write!(text, "{name}: byte {at:#x} is {found:#x}, not {expected:#x}; ")
                .expect("a string");
        }
    }
    text
}

/// The names of exported functions and the types of their parameters, where there are values of
/// them.
fn exported_functions(wasm: &[u8]) -> Vec<(String, Vec<ValType>)> {
    let mut types: Vec<Option<FuncType>> = Vec::new();
    let mut functions: Vec<u32> = Vec::new();
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter().flatten().flat_map(|group| group.into_types()) {
                    types.push(match ty.composite_type.inner {
                        wasmparser::CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    });
                }
            }
            Payload::ImportSection(section) => {
                functions.extend(section.into_imports().flatten().filter_map(|import| {
                    match import.ty {
                        TypeRef::Func(ty) => Some(ty),
                        _ => None,
                    }
                }));
            }
            Payload::FunctionSection(section) => functions.extend(section.into_iter().flatten()),
            Payload::ExportSection(section) => {
                for export in section.into_iter().flatten() {
                    if export.kind == ExternalKind::Func {
                        exported.push((export.name.to_owned(), functions[export.index as usize]));
                    }
                }
            }
            _ => {}
        }
    }
    let has_value = |ty: &ValType| !matches!(ty, ValType::Ref(ty) if !ty.is_nullable());
    exported
        .into_iter()
        .filter_map(|(name, ty)| Some((name, types[ty as usize].as_ref()?.params().to_vec())))
        .filter(|(_, params)| params.iter().all(has_value))
        .take(MAX_FUNCTIONS)
        .collect()
}

fn argument(numbers: &mut Numbers<'_>, ty: ValType) -> Value {
    let integer = numbers.pick(&[
        0,
        1,
        -1,
        5,
        100,
        -7,
        4090,
        65535,
        1 << 31,
        -(1 << 31),
        0x1234_5678_9abc_def0,
        i64::MAX,
    ]);
    let float = numbers.pick(&[integer as f64, 0.5, -0.0, f64::INFINITY, f64::NAN]);
    match ty {
        ValType::I32 => Value::I32(integer as i32),
        ValType::I64 => Value::I64(integer),
        ValType::F32 => Value::F32((float as f32).to_bits()),
        ValType::F64 => Value::F64(float.to_bits()),
        ValType::V128 => {
            let high = numbers.pick(&[integer, 0, -1, i64::MIN]);
            Value::V128(u128::from(integer as u64) | u128::from(high as u64) << 64)
        }
        ValType::Ref(_) => Value::Null,
    }
}
