//! From bytes to an instance, for modules of different sizes, translated eagerly and lazily:
//! `startup/<step>/<module>/<engine>`.
//!
//! The steps are `compile` (validate, and translate where that is not put off), `instantiate`
//! (of a compiled module), and `call` (both, and one call that does next to nothing: what a user
//! waits for).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lineal_benches::{CpuTime, Engine, Program, engines, large_module};

struct Subject {
    name: String,
    wasm: Vec<u8>,
    /// An argument of `run` with which it takes no time.
    n: i32,
}

fn subjects() -> Vec<Subject> {
    let names = ["fib_recursive", "json"].map(str::to_owned);
    let mut subjects: Vec<_> = Program::select(&names)
        .expect("the programs can be read")
        .into_iter()
        .map(|program| Subject {
            name: format!("{}_{}B", program.name, program.wasm.len()),
            wasm: program.wasm,
            n: 1,
        })
        .collect();
    let wasm = large_module(4_000).expect("the module assembles");
    subjects.push(Subject { name: format!("large_{}kB", wasm.len() / 1000), wasm, n: 1 });
    subjects
}

fn startup(criterion: &mut Criterion<CpuTime>) {
    for subject in subjects() {
        step(criterion, "compile", &subject, |engine, wasm| {
            black_box(engine.compile(wasm).expect("a valid module"));
        });
        instantiate(criterion, &subject);
        step(criterion, "call", &subject, |engine, wasm| {
            let module = engine.compile(wasm).expect("a valid module");
            let mut instance = module.instantiate().expect("a module without imports");
            black_box(instance.call("run", subject.n).expect("no trap"));
        });
    }
}

/// Measures what begins with the bytes.
fn step(
    criterion: &mut Criterion<CpuTime>,
    name: &str,
    subject: &Subject,
    work: impl Fn(&dyn Engine, &[u8]),
) {
    let mut group = criterion.benchmark_group(format!("startup/{name}/{}", subject.name));
    group.throughput(Throughput::Bytes(subject.wasm.len() as u64));
    for engine in engines() {
        group.bench_function(engine.name(), |bencher| {
            bencher.iter(|| work(&*engine, &subject.wasm));
        });
    }
    group.finish();
}

fn instantiate(criterion: &mut Criterion<CpuTime>, subject: &Subject) {
    let mut group = criterion.benchmark_group(format!("startup/instantiate/{}", subject.name));
    for engine in engines() {
        let module = engine.compile(&subject.wasm).expect("a valid module");
        group.bench_function(engine.name(), |bencher| {
            // Dropping the instances is not measured. There are 16 at a time.
            let instantiate = || module.instantiate().expect("a module without imports");
            bencher.iter_batched(|| (), |()| instantiate(), BatchSize::NumIterations(16));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = startup
}
criterion_main!(benches);
