//! The programs on each engine: `programs/<program>/<engine>`.
//!
//! For ratios, prefer the command `compare`, which interleaves the engines.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use lineal_benches::{CpuTime, Program, eager_engines};

fn programs(criterion: &mut Criterion<CpuTime>) {
    for program in Program::select(&[]).expect("the programs can be read") {
        let mut group = criterion.benchmark_group(format!("programs/{}", program.name));
        group.sampling_mode(SamplingMode::Flat);
        for engine in eager_engines() {
            let module = engine.compile(&program.wasm).expect("the program is valid");
            let mut instance = module.instantiate().expect("the program imports nothing");
            group.bench_function(engine.name(), |bencher| {
                bencher.iter(|| program.full.run(&mut *instance).expect("the checksum is right"));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = programs
}
criterion_main!(benches);
