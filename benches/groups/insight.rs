//! What it costs to be seen: the programs observed in several ways, as ratios to the same programs
//! unobserved.
//!
//! `cargo bench -p lineal-benches --bench insight -- [ROUNDS] [PROGRAM]…`
//!
//! In a round, each program runs once in every way, one after the other; a ratio is the median of
//! the rounds' ratios.

use std::time::Duration;

use anyhow::{Result, ensure};
use lineal::{Accesses, Config, Engine, Instance, Module, Moment, Observe, Observer, Store};
use lineal_benches::{Program, cpu_time};
use lineal_insight::alloc::AllocOption;
use lineal_insight::check::{Check, Options};
use lineal_insight::heap::{self, Profiler};
use lineal_insight::watch::{Watch, Watchpoint};

/// Looks at nothing: what is measured is the way to it.
struct Empty;

impl Observer for Empty {
    fn accesses(&mut self, _: &mut Moment<'_>, _: &lineal::Batch<'_>) -> Result<()> {
        Ok(())
    }
}

/// Looks at every access, and forgets it.
#[derive(Default)]
struct Sum(u64);

impl Observer for Sum {
    fn accesses(&mut self, _: &mut Moment<'_>, batch: &lineal::Batch<'_>) -> Result<()> {
        batch.iter().for_each(|access| self.0 = self.0.wrapping_add(access.addr()));
        Ok(())
    }
}

/// An observer, and what it needs reported.
type Observed = (Observe, Box<dyn Observer + Send>);

/// A way to observe a program. A tool is made before the module, which it wants to know.
struct Way {
    name: &'static str,
    observe: fn() -> Result<Option<Observed>>,
}

/// Ranges that no program touches: in the last bytes of its memory.
const RANGES: u64 = 16;

fn watch() -> Result<Option<Observed>> {
    let module = Module::new(&Engine::default(), "(module (memory 1))")?;
    let points = (0..RANGES).map(|number| {
        Watchpoint::parse(&format!("{:#x}+4:rw", 0x7000_0000 + number * 64), &module)
    });
    let watch = Watch::new(module.engine(), points.collect::<Result<_>>()?);
    Ok(Some((Watch::observe(), Box::new(watch))))
}

/// The programs' own allocator counts as one. A program forgets all blocks before it makes the first
/// one, and never again.
fn allocator() -> Result<Vec<AllocOption>> {
    ["malloc=heap_alloc", "malloc=heap_alloc_zeroed", "free=heap_free"]
        .into_iter()
        .map(|option| option.parse().map_err(Into::into))
        .collect()
}

fn check() -> Result<Option<Observed>> {
    let check = Check::new(Options { alloc: allocator()?, ..Options::default() });
    Ok(Some((check.observe(), Box::new(check))))
}

fn heap() -> Result<Option<Observed>> {
    let options = heap::Options { alloc: allocator()?, ..heap::Options::default() };
    let profiler = Profiler::new(options);
    Ok(Some((profiler.observe(), Box::new(profiler))))
}

fn ways() -> Vec<Way> {
    fn all() -> Observe {
        Observe::new().accesses(Accesses::All).batched(true)
    }
    vec![
        Way { name: "unobserved", observe: || Ok(None) },
        Way { name: "every access, empty", observe: || Ok(Some((all(), Box::new(Empty)))) },
        Way {
            name: "every access, summed",
            observe: || Ok(Some((all(), Box::new(Sum::default())))),
        },
        Way { name: "watch, 16 ranges", observe: watch },
        Way {
            name: "blame",
            observe: || Ok(Some((Observe::new().writers(true), Box::new(Empty)))),
        },
        Way { name: "check", observe: check },
        Way { name: "heap", observe: heap },
    ]
}

fn measure(way: &Way, program: &Program) -> Result<Duration> {
    let mut config = Config::new();
    let observer: Box<dyn Observer + Send> = match (way.observe)()? {
        Some((observe, observer)) => {
            config.observe(observe);
            observer
        }
        None => Box::new(Empty),
    };
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, &program.wasm)?;
    let mut store = Store::new(&engine, observer);
    store.observer(|observer| &mut **observer);
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<i32, i64>(&mut store, "run")?;
    ensure!(run.call(&mut store, program.quick.n)? == program.quick.checksum, "a wrong result");
    let mut best = Duration::MAX;
    for _ in 0..2 {
        let start = cpu_time();
        ensure!(run.call(&mut store, program.full.n)? == program.full.checksum, "a wrong result");
        best = best.min(cpu_time() - start);
    }
    Ok(best)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).peekable();
    let rounds = args.next_if(|arg| arg.parse::<usize>().is_ok());
    let rounds = rounds.map_or(3, |rounds| rounds.parse().unwrap_or(3)).max(1);
    let programs = Program::select(&args.collect::<Vec<_>>())?;
    let ways = ways();
    print!("{:<20} {:>9}", "program", "ms");
    ways[1..].iter().for_each(|way| print!("  {:>20}", way.name));
    println!();
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for program in &programs {
        let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
        let mut plain_ms = Vec::new();
        for _ in 0..rounds {
            let plain = measure(&ways[0], program)?.as_secs_f64();
            plain_ms.push(plain * 1e3);
            for (way, ratios) in ways.iter().zip(&mut ratios).skip(1) {
                ratios.push(measure(way, program)?.as_secs_f64() / plain);
            }
        }
        print!("{:<20} {:>9.1}", program.name, median(plain_ms));
        for (ratios, all) in ratios.into_iter().zip(&mut all).skip(1) {
            let ratio = median(ratios);
            print!("  {ratio:>20.2}");
            all.push(ratio);
        }
        println!();
    }
    for (name, pick) in [
        (
            "geometric mean",
            (|ratios: &[f64]| {
                (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
            }) as fn(&[f64]) -> f64,
        ),
        ("worst", |ratios| ratios.iter().copied().fold(0.0, f64::max)),
    ] {
        print!("{name:<20} {:>9}", "");
        all[1..].iter().for_each(|ratios| print!("  {:>20.2}", pick(ratios)));
        println!();
    }
    Ok(())
}
