//! Chooses the sequences of operations that share a handler: prints `exec/sequences/sequences.txt`.
//!
//! Works on compiled programs, none of which should be a benchmark:
//!
//! ```text
//! LINEAL_TRAIN_ON=directory cargo test --release -p lineal --lib print_sequences -- --nocapture
//! ```
//!
//! With `LINEAL_TRAIN_METERED=1`, it prints `exec/sequences/metered.txt`; with `LINEAL_TRAIN_VECTORS=1`,
//! `exec/sequences/vectors.txt`, if the programs use vectors: the list in the tree is from
//! `@tensorflow/tfjs-backend-wasm`, `onnxruntime-web`, `@mediapipe/tasks-vision` and `@jsquash/webp` of npm.

use std::collections::HashMap;

use super::tests::{module_of, short, translate};
use crate::api::{Config, Engine};

/// How many uses outside of a loop an occurrence in a loop is worth.
const LOOP_WEIGHT: u64 = 8;

/// How many sequences there are to be: of two operations, of three, and so on.
const WANTED: [usize; 2] = [1000, 500];

/// Whether to print the sequences that code has only if the configuration asks for it.
fn is_metered() -> bool {
    std::env::var_os("LINEAL_TRAIN_METERED").is_some()
}

/// Whether to print only the sequences that have an operation on vectors.
fn is_for_vectors() -> bool {
    std::env::var_os("LINEAL_TRAIN_VECTORS").is_some()
}

/// Whether an operation or a sequence has one on vectors.
fn has_vector(name: &str) -> bool {
    ["V128", "x16", "x8", "x4", "x2", "Vector", "Lane", "Shuffle"]
        .iter()
        .any(|it| name.contains(it))
}

/// Whether an operation's handler uses the host's stack, so that a sequence gains nothing.
fn uses_stack(name: &str) -> bool {
    ["Extract<", "Replace<", "Any<"].iter().any(|it| name.contains(it))
}

/// The engines whose code is looked at.
fn engines() -> Vec<Engine> {
    let switches: &[(bool, bool)] =
        if is_metered() { &[(true, false), (false, true)] } else { &[(false, false)] };
    let engine = |&(fuel, epochs): &(bool, bool)| {
        let mut config = Config::new();
        config.consume_fuel(fuel).epoch_interruption(epochs);
        Engine::new(&config).expect("an engine")
    };
    switches.iter().map(engine).collect()
}

/// Whether an operation or a sequence keeps the host in control.
fn has_meter(name: &str) -> bool {
    name.contains("Charge") || name.contains("CheckEpoch")
}

/// Operations after which execution does not go on at the cell behind them, and one that is slow.
const NEVER_FIRST: [&str; 7] =
    ["Br", "Return", "Call", "Unreachable", "Slow", "Enter<MAX>", "EpochReached"];

/// Operations that take so long that the jump to them does not matter.
const OUT_OF_LINE: [&str; 2] = ["CallImport", "Slow"];

fn may_be_first(name: &str) -> bool {
    !NEVER_FIRST.iter().any(|other| name.starts_with(other))
}

fn may_be_second(name: &str) -> bool {
    !OUT_OF_LINE.iter().any(|other| name.starts_with(other))
}

/// An operation or a sequence, by its index in [`Training::names`].
type Unit = usize;

/// A function as a row of operations.
struct Row {
    /// Each with its weight, and whether execution may begin there.
    cells: Vec<(Unit, u64, bool)>,
}

#[derive(Default)]
struct Training {
    names: Vec<String>,
    by_name: HashMap<String, Unit>,
    /// The unit for an operation followed by a unit.
    sequences: HashMap<(Unit, Unit), Unit>,
    rows: Vec<Row>,
}

impl Training {
    fn unit(&mut self, name: String) -> Unit {
        let next = self.names.len();
        let unit = *self.by_name.entry(name.clone()).or_insert(next);
        if unit == next {
            self.names.push(name);
        }
        unit
    }

    fn add_module(&mut self, engine: &Engine, bytes: &[u8]) {
        let module = module_of(engine, bytes);
        let first = self.rows.len();
        for index in 0..module.decoded.bodies.len() {
            let cells: Vec<(String, u64, bool)> = translate(&module, index, |translator| {
                let emit = &translator.buffers.emit;
                let mut begins = true;
                let mut cells = Vec::new();
                for (pos, &(shape, depth)) in &emit.record.shapes {
                    let name = short((shape.name)());
                    let next_begins = !may_be_first(&name);
                    cells.push((
                        name,
                        LOOP_WEIGHT.pow(depth.min(4)),
                        begins || emit.labels.contains(pos),
                    ));
                    begins = next_begins;
                }
                cells
            });
            let cells = cells.into_iter().map(|(name, w, begins)| (self.unit(name), w, begins));
            let cells = cells.collect();
            self.rows.push(Row { cells });
        }
        // Every module counts the same, whatever its size.
        let rows = &mut self.rows[first..];
        let total: u64 = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.1).sum();
        for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
            cell.1 = cell.1 * 1_000_000_000 / total.max(1);
        }
    }

    /// Walks a row as the executor would, with the sequences chosen so far, and calls `visit`
    /// with each unit's operation, unit, the unit after it, and weight.
    fn walk(&self, row: &Row, mut visit: impl FnMut(Unit, Unit, Option<Unit>, u64)) {
        let count = row.cells.len();
        // For each cell the unit that starts there, and its length.
        let mut best: Vec<(Unit, usize)> = vec![(0, 0); count];
        let mut cost = vec![0; count + 1];
        // The sequences that could start at the next cell, by length.
        let mut next: Vec<Option<Unit>> = Vec::new();
        for at in (0..count).rev() {
            let cell = row.cells[at].0;
            let mut here = vec![Some(cell)];
            here.extend(next.iter().map(|&unit| self.sequences.get(&(cell, unit?)).copied()));
            here.truncate(WANTED.len() + 1);
            let units = here.iter().enumerate().filter_map(|(n, &unit)| Some((unit?, n + 1)));
            let chosen = units.min_by_key(|&(_, length)| cost[at + length]).unwrap_or((cell, 1));
            (best[at], cost[at]) = (chosen, 1 + cost[at + chosen.1]);
            next = here;
        }
        let mut reached: Vec<bool> = row.cells.iter().map(|cell| cell.2).collect();
        for at in 0..count {
            if !reached[at] {
                continue;
            }
            let (unit, length) = best[at];
            let (operation, weight, _) = row.cells[at];
            let goes_on = may_be_first(&self.names[row.cells[at + length - 1].0]);
            let behind = (goes_on && at + length < count).then(|| {
                reached[at + length] = true;
                best[at + length].0
            });
            visit(operation, unit, behind, weight);
        }
    }

    /// Adds the most frequent sequences of one operation and one unit of `length` operations.
    fn choose(&mut self, length: usize, wanted: usize) {
        let mut counts: HashMap<(Unit, Unit), u64> = HashMap::new();
        for row in &self.rows {
            self.walk(row, |operation, unit, behind, weight| {
                if let Some(behind) = behind
                    && unit == operation
                    && self.length(behind) == length
                    && may_be_second(&self.names[behind])
                {
                    *counts.entry((operation, behind)).or_default() += weight;
                }
            });
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(pair, count)| (std::cmp::Reverse(count), pair));
        for ((first, second), _) in counts.into_iter().take(wanted) {
            let (first_name, second_name) = (&self.names[first], &self.names[second]);
            let any = |has: fn(&str) -> bool| has(first_name) || has(second_name);
            let is_wanted = match is_for_vectors() {
                true => any(has_vector) && !any(uses_stack),
                false => !any(has_vector),
            };
            if any(has_meter) == is_metered() && is_wanted {
                println!("    {first_name}, {second_name};");
            }
            let name = format!("Seq<{}, {}>", self.names[first], self.names[second]);
            let unit = self.unit(name);
            self.sequences.insert((first, second), unit);
        }
    }

    fn length(&self, unit: Unit) -> usize {
        self.names[unit].matches("Seq<").count() + 1
    }

    /// The jumps that are left, and how many there would be without sequences.
    fn jumps(&self) -> (u64, u64) {
        let (mut with, mut without) = (0, 0);
        for row in &self.rows {
            self.walk(row, |_, unit, _, weight| {
                with += weight;
                without += weight * self.length(unit) as u64;
            });
        }
        (with, without)
    }
}

#[test]
fn print_sequences() {
    let mut training = Training::default();
    let Ok(directory) = std::env::var("LINEAL_TRAIN_ON") else {
        let wat = "(module (func (param i32) (loop $l
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))";
        training.add_module(&Engine::default(), wat.as_bytes());
        let before = training.jumps();
        training.choose(1, 1);
        let after = training.jumps();
        let pair = "Seq<Binop<I32Add, Pin, ImmB, ToPin>, CmpBr<I32Ne, Pin, Zero>>";
        assert!(training.by_name.contains_key(pair), "{:?}", training.names);
        assert_eq!((before.0, before.1), (before.1, after.1));
        assert!(after.0 < before.0);
        return;
    };
    let mut files: Vec<_> = std::fs::read_dir(directory).expect("a directory").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        let bytes = std::fs::read(file.path()).expect("a file");
        for engine in &engines() {
            training.add_module(engine, &bytes);
        }
    }
    println!("sequences! {{ {}", if is_metered() { "METERED_PAIRS:" } else { "PAIRS:" });
    for (length, wanted) in (1..).zip(WANTED) {
        training.choose(length, wanted);
    }
    println!("}}");
    let (with, without) = training.jumps();
    println!("{:.3} of the jumps are left", with as f64 / without as f64);
}
