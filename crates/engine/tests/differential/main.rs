//! Random modules do the same here, eagerly and lazily translated, as in another interpreter.
//!
//! Every seed makes a valid module. Its functions are called several times with random arguments
//! in all engines, which have to agree on results, traps, globals and the memory's bytes after
//! each call. Run more seeds than the fixed ones with
//!
//! ```text
//! LINEAL_DIFFERENTIAL_SEEDS=1000..50000 cargo test --release -p lineal --test differential
//! ```
//!
//! Debug and release builds dispatch differently, so that both are worth running.

mod engines;
mod generator;
mod numbers;

use std::fmt::Write as _;
use std::ops::Range;

use engines::{Guest, Outcome, Value};
use generator::{Function, Type};
use numbers::Numbers;

const FIXED_SEEDS: Range<u64> = 0..300;

/// How often each function is called.
const ROUNDS: usize = 5;

/// How many loop iterations and calls the guest may make before its functions just return.
const FUEL: i32 = 60;

/// Differences that are printed; the rest are counted.
const MAX_REPORTS: usize = 3;

/// A call after which two engines differ.
struct Mismatch {
    /// The text of the function that was called. Short ones are printed first.
    function: String,
    report: String,
}

#[test]
fn engines_agree() {
    let seeds = match std::env::var("LINEAL_DIFFERENTIAL_SEEDS") {
        Ok(range) => parse_range(&range).expect("LINEAL_DIFFERENTIAL_SEEDS looks like 1000..2000"),
        Err(_) => FIXED_SEEDS,
    };
    let mut tally = Tally::default();
    let mut mismatches: Vec<Mismatch> =
        seeds.clone().filter_map(|seed| run_seed(seed, &mut tally).err()).collect();
    println!("seeds {seeds:?}: {} calls, {} of them trapped", tally.calls, tally.traps);
    mismatches.sort_by_key(|mismatch| mismatch.function.len());
    for mismatch in mismatches.iter().take(MAX_REPORTS) {
        println!("{}\n{}\n", mismatch.report, mismatch.function);
    }
    assert!(mismatches.is_empty(), "{} modules behave differently", mismatches.len());
    assert!(tally.traps > 0 && tally.traps < tally.calls / 2, "the modules test too little");
}

#[derive(Default)]
struct Tally {
    calls: usize,
    traps: usize,
}

fn parse_range(text: &str) -> Option<Range<u64>> {
    let (start, end) = text.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

/// Compares the engines on one module, up to the first difference.
fn run_seed(seed: u64, tally: &mut Tally) -> Result<(), Mismatch> {
    let module = generator::module(seed);
    let fail = |report: String| Mismatch {
        function: module.text.clone(),
        report: format!("seed {seed}: {report}"),
    };
    let wasm = wat::parse_str(&module.text).map_err(|error| fail(error.to_string()))?;
    let mut guests = engines::instantiate(&wasm).map_err(fail)?;
    if guests.is_empty() {
        return Ok(());
    }
    let mut numbers = Numbers::new(!seed);
    for _ in 0..ROUNDS {
        for function in &module.functions {
            let args: Vec<Value> =
                function.params.iter().map(|&ty| argument(&mut numbers, ty)).collect();
            let outcomes: Vec<Outcome> =
                guests.iter_mut().map(|guest| call(guest.as_mut(), function, &args)).collect();
            tally.calls += 1;
            tally.traps += usize::from(outcomes[0].results.is_err());
            if let Some(difference) = difference(&guests, &outcomes) {
                let call = format!("{}{args:?}", function.name);
                return Err(Mismatch {
                    function: function.text.clone(),
                    report: format!("seed {seed}: {call}\n{difference}"),
                });
            }
        }
    }
    Ok(())
}

fn call(guest: &mut dyn Guest, function: &Function, args: &[Value]) -> Outcome {
    guest.set_global(generator::FUEL_GLOBAL, FUEL);
    guest.call(&function.name, args, function.results.len(), &generator::GLOBALS)
}

fn argument(numbers: &mut Numbers, ty: Type) -> Value {
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
        Type::I32 => Value::I32(integer as i32),
        Type::I64 => Value::I64(integer),
        Type::F32 => Value::F32((float as f32).to_bits()),
        Type::F64 => Value::F64(float.to_bits()),
        Type::V128 => {
            let [low, high] = [integer, numbers.pick(&[integer, 0, -1, i64::MIN])];
            Value::V128(u128::from(low as u64) | u128::from(high as u64) << 64)
        }
    }
}

/// Says how the engines differ after a call, if they do.
fn difference(guests: &[Box<dyn Guest>], outcomes: &[Outcome]) -> Option<String> {
    let memory = guests[0].memory();
    let agree = guests.iter().all(|guest| guest.memory() == memory)
        && outcomes.iter().all(|outcome| *outcome == outcomes[0]);
    if agree {
        return None;
    }
    let mut text = String::new();
    for (guest, outcome) in guests.iter().zip(outcomes) {
        let Outcome { results, globals } = outcome;
        writeln!(text, "  {:<14} {results:?}, globals {globals:?}", guest.name())
            .expect("a string");
        if guest.memory().len() != memory.len() {
            writeln!(text, "    {} bytes of memory", guest.memory().len()).expect("a string");
        }
        let differs = |at: &usize| memory[*at] != guest.memory()[*at];
        let shared_len = memory.len().min(guest.memory().len());
        if let Some(at) = (0..shared_len).find(differs) {
            let (expected, found) = (memory[at], guest.memory()[at]);
            writeln!(text, "    byte {at} is {found:#x}, not {expected:#x}").expect("a string");
        }
    }
    Some(text)
}
