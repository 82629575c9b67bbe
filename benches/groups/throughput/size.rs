//! Growth and creation. Neither writes to the new bytes: what is measured is how long it takes
//! until they can be written to.

use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use lineal_benches::CpuTime;
use lineal_memory::{BackingKind, LinearMemory, MemoryOptions, MemoryType, Pages};

use crate::PAGE_BYTES;

const BACKINGS: [(&str, BackingKind); 2] =
    [("reserved", BackingKind::Reserved), ("heap", BackingKind::Heap)];

fn new_memory(minimum: u64, maximum: Option<u64>, kind: BackingKind) -> LinearMemory {
    let ty = MemoryType::new(Pages(minimum), maximum.map(Pages)).expect("a valid type");
    let options = MemoryOptions::new().backing(kind);
    LinearMemory::with_options(ty, &options).expect("room for the memory")
}

/// From one page to 1 GiB.
pub(crate) fn grow(criterion: &mut Criterion<CpuTime>) {
    const MOST_PAGES: u64 = 16 * 1024;
    for step in [1, 16, 256, 4096] {
        let mut group = criterion.benchmark_group(format!("throughput/grow/{step}"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Bytes(MOST_PAGES * PAGE_BYTES));
        for (name, kind) in BACKINGS {
            group.bench_function(format!("lineal_{name}"), |bencher| {
                bencher.iter_batched(
                    || new_memory(1, None, kind),
                    |mut memory| {
                        while memory.size() < Pages(MOST_PAGES) {
                            let step = step.min(MOST_PAGES - memory.size().0);
                            memory.grow(Pages(step)).expect("room to grow");
                        }
                        memory
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        // Writes the zeros, and copies when it has to move.
        group.bench_function("raw", |bencher| {
            bencher.iter_batched(
                || vec![0_u8; PAGE_BYTES as usize],
                |mut bytes| {
                    let step = (step * PAGE_BYTES) as usize;
                    while bytes.len() < (MOST_PAGES * PAGE_BYTES) as usize {
                        bytes.resize(bytes.len() + step, 0);
                    }
                    bytes
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// Creation and destruction with several minima and maxima, in pages.
pub(crate) fn create(criterion: &mut Criterion<CpuTime>) {
    let limits = [
        ("1_to_1", 1, Some(1)),
        ("1_to_65536", 1, Some(65_536)),
        ("1_to_any", 1, None),
        ("1024_to_65536", 1024, Some(65_536)),
        ("16384_to_65536", 16 * 1024, Some(65_536)),
    ];
    for (name, minimum, maximum) in limits {
        let mut group = criterion.benchmark_group(format!("throughput/create/{name}"));
        group.throughput(Throughput::Bytes(minimum * PAGE_BYTES));
        for (store, kind) in BACKINGS {
            group.bench_function(format!("lineal_{store}"), |bencher| {
                bencher.iter(|| new_memory(minimum, maximum, kind));
            });
        }
        group.bench_function("raw", |bencher| {
            bencher.iter(|| vec![0_u8; (minimum * PAGE_BYTES) as usize]);
        });
        group.finish();
    }
}
