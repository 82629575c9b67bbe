//! The memory crate on its own, each operation beside the least that safe Rust needs for it:
//! `throughput/<operation>/<variant>/{lineal,raw,unchecked}`, in bytes a second.
//!
//! `raw` is a slice with a checked index, `copy_within`, `fill`, `Vec::resize`. `unchecked`, of loads
//! and stores, is a pointer that nothing checks: no checked access can take less time.

mod access;
mod bulk;
mod size;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lineal_benches::CpuTime;
use lineal_memory::{LinearMemory, MemoryType, Pages};

const PAGE_BYTES: u64 = 65_536;

/// A memory that has its bytes already, not just a promise of the operating system's.
fn memory(pages: u64) -> LinearMemory {
    let ty = MemoryType::new(Pages(pages), None).expect("a valid type");
    let mut memory = LinearMemory::new(ty).expect("room for the memory");
    memory.as_mut_slice().fill(1);
    memory
}

/// Measures the crate's operation and the raw one, both of which handle `bytes` bytes.
fn compare<A, B>(
    criterion: &mut Criterion<CpuTime>,
    name: &str,
    bytes: u64,
    lineal: impl FnMut() -> A,
    raw: impl FnMut() -> B,
) {
    measured(criterion, name, bytes, lineal, raw).finish();
}

/// The same with a third way: `unchecked`, the limit of what can be reached.
fn compare_with_limit<A, B, C>(
    criterion: &mut Criterion<CpuTime>,
    name: &str,
    bytes: u64,
    lineal: impl FnMut() -> A,
    raw: impl FnMut() -> B,
    mut unchecked: impl FnMut() -> C,
) {
    let mut group = measured(criterion, name, bytes, lineal, raw);
    group.bench_function("unchecked", |bencher| bencher.iter(|| black_box(unchecked())));
    group.finish();
}

fn measured<'a, A, B>(
    criterion: &'a mut Criterion<CpuTime>,
    name: &str,
    bytes: u64,
    mut lineal: impl FnMut() -> A,
    mut raw: impl FnMut() -> B,
) -> BenchmarkGroup<'a, CpuTime> {
    let mut group = criterion.benchmark_group(format!("throughput/{name}"));
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("lineal", |bencher| bencher.iter(|| black_box(lineal())));
    group.bench_function("raw", |bencher| bencher.iter(|| black_box(raw())));
    group
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = access::accesses, access::views, bulk::bulk, size::grow, size::create
}
criterion_main!(benches);
