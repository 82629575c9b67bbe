//! The kernels on each engine: `guest/<file>/<function>/<engine>`, in bytes or operations a second.
//! Engines that do not know a file's instructions are left out, with a line that says so.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lineal_benches::{CpuTime, Kernel, Work, eager_engines, instantiate_if_supported, runs};

/// Passes in one call: enough that the call itself does not matter.
const PASSES: i32 = 16;

fn kernels(criterion: &mut Criterion<CpuTime>) {
    for (file, work) in Kernel::files() {
        let kernels = Kernel::all_in(file).expect("the kernels assemble");
        let mut instances: Vec<_> = eager_engines()
            .filter_map(|engine| {
                let instance = instantiate_if_supported(&*engine, file, &kernels[0].wasm);
                Some((engine.name(), instance.expect("Lineal knows all kernels")?))
            })
            .collect();
        for kernel in &kernels {
            let mut group = criterion.benchmark_group(format!("guest/{file}/{}", kernel.export));
            group.throughput(match work {
                Work::Bytes(bytes) => Throughput::Bytes(PASSES as u64 * bytes),
                Work::Operations(count) => Throughput::Elements(PASSES as u64 * count),
            });
            for (engine, instance) in &mut instances {
                if !runs(&mut **instance, &kernel.export).expect("no trap") {
                    eprintln!("{file}/{} is left out on {engine}, which panicked", kernel.export);
                    continue;
                }
                group.bench_function(*engine, |bencher| {
                    bencher.iter(|| instance.call(&kernel.export, PASSES).expect("no trap"));
                });
            }
            group.finish();
        }
    }
}

/// Growth from one page to 1 GiB, by so many pages at a time.
fn growth(criterion: &mut Criterion<CpuTime>) {
    let kernels = Kernel::all_in("grow").expect("the kernel assembles");
    for step in [1, 64, 4096] {
        let mut group = criterion.benchmark_group(format!("guest/grow/{step}"));
        group.sample_size(10);
        for engine in eager_engines() {
            let module = engine.compile(&kernels[0].wasm).expect("the kernel is valid");
            group.bench_function(engine.name(), |bencher| {
                bencher.iter_batched(
                    || module.instantiate().expect("the kernel imports nothing"),
                    |mut instance| {
                        instance.call("grow", step).expect("1 GiB of memory");
                        instance
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = kernels, growth
}
criterion_main!(benches);
