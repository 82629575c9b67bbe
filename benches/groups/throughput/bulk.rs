//! `fill`, `copy` and `init`, of a few bytes and of many.

use std::hint::black_box;

use criterion::Criterion;
use lineal_benches::CpuTime;
use lineal_memory::DataSegment;

use crate::{PAGE_BYTES, compare, memory};

const PAGES: u64 = 64;
const LENGTHS: [u64; 5] = [16, 256, 4 << 10, 64 << 10, 1 << 20];

pub(crate) fn bulk(criterion: &mut Criterion<CpuTime>) {
    let mut memory = memory(PAGES);
    // At a page's start, as the memory is: how fast bytes are copied depends on where they are.
    let mut raw = vec![1_u8; ((PAGES + 1) * PAGE_BYTES) as usize];
    let start = raw.as_ptr().align_offset(PAGE_BYTES as usize);
    let raw = &mut raw[start..];
    let segment = DataSegment::from(&vec![2_u8; 1 << 20][..]);

    // Results are made as small as the raw ones, lest writing down errors be measured. The places
    // are not a multiple of anything.
    let (from, to) = (101, (PAGES * PAGE_BYTES / 2) + 57);
    for len in LENGTHS {
        let range = |addr: u64, len: u64| addr as usize..(addr + len) as usize;
        compare(
            criterion,
            &format!("fill/{len}"),
            len,
            || memory.fill(black_box(to), black_box(3), black_box(len)).is_ok(),
            || raw.get_mut(range(black_box(to), black_box(len))).map(|r| r.fill(black_box(3))),
        );
        for (name, to) in [("apart", to), ("overlapping", from + 8)] {
            compare(
                criterion,
                &format!("copy_{name}/{len}"),
                len,
                || memory.copy_within(black_box(to), black_box(from), black_box(len)).is_ok(),
                || raw.copy_within(range(black_box(from), black_box(len)), black_box(to) as usize),
            );
        }
        compare(
            criterion,
            &format!("init/{len}"),
            len,
            || memory.init(black_box(to), &segment, 0, black_box(len)).is_ok(),
            || {
                let data = segment.as_bytes().get(range(0, black_box(len)))?;
                raw.get_mut(range(black_box(to), black_box(len)))?.copy_from_slice(data);
                Some(())
            },
        );
    }
}
