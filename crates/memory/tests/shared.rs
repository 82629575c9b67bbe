//! Shared memories: what makes them, what several threads may do at once, and waiting.

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::backings;
use lineal_memory::{
    AddressType, BackingKind, CreateError, GrowError, LinearMemory, MemoryOptions, MemoryType,
    PageSize, Pages, RmwOp, SharedMemory,
};

fn ty(minimum: u64, maximum: u64) -> MemoryType {
    MemoryType::builder(Pages(minimum)).maximum(Pages(maximum)).shared(true).build().unwrap()
}

fn create(minimum: u64, maximum: u64, kind: BackingKind) -> SharedMemory {
    let options = MemoryOptions::new().backing(kind);
    SharedMemory::with_options(ty(minimum, maximum), &options).unwrap()
}

/// Handles go to any thread.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<SharedMemory>();
};

#[test]
fn the_type_has_to_be_shared() {
    let unshared = MemoryType::new(Pages(1), Some(Pages(1))).unwrap();
    assert_eq!(SharedMemory::new(unshared).unwrap_err(), CreateError::NotShared);
    assert_eq!(SharedMemory::new(ty(1, 2)).unwrap().ty(), &ty(1, 2));
}

#[test]
fn handles_are_the_same_memory() {
    let memory = SharedMemory::new(ty(1, 2)).unwrap();
    let clone = memory.clone();
    clone.store(0, 0, 7_u8).unwrap();
    assert_eq!(clone.grow(Pages(1)), Ok(Pages(1)));
    assert_eq!((memory.load::<u8>(0, 0), memory.size()), (Ok(7), Pages(2)));
    assert!(memory.same(&clone));
    assert!(!memory.same(&SharedMemory::new(ty(1, 2)).unwrap()));
    drop(memory);
    assert_eq!(clone.load::<u8>(0, 0), Ok(7));
}

#[test]
fn growing_never_moves() {
    for kind in backings() {
        let memory = create(1, 5, kind);
        let base_ptr = memory.as_ptr();
        assert_eq!(base_ptr as usize % 8, 0);
        assert!(memory.capacity_bytes() >= 5 * 65_536);
        for pages in 1..5 {
            memory.store(pages * 65_536 - 1, 0, 7_u8).unwrap();
            assert!(memory.load::<u8>(pages * 65_536, 0).is_err());
            assert_eq!(memory.grow(Pages(1)), Ok(Pages(pages)));
            assert_eq!(memory.load::<u16>(pages * 65_536 - 1, 0), Ok(7));
            assert_eq!(memory.as_ptr(), base_ptr);
            assert_eq!(memory.as_cells().len() as u64, memory.byte_len());
        }
        let (current, maximum) = (Pages(5), Pages(5));
        for delta in [1, 65_536, u64::MAX].map(Pages) {
            assert_eq!(memory.grow(delta), Err(GrowError::OverMaximum { current, delta, maximum }));
        }
        assert_eq!(memory.grow(Pages(0)), Ok(Pages(5)));
    }
}

#[test]
fn the_reservation_is_the_limit() {
    let huge = MemoryType::builder(Pages(1))
        .maximum(Pages(1 << 48))
        .address_type(AddressType::I64)
        .shared(true)
        .build()
        .unwrap();
    for kind in backings() {
        let options = MemoryOptions::new().backing(kind).max_reservation_bytes(3 * 65_536);
        let memory = SharedMemory::with_options(huge, &options).unwrap();
        let delta = Pages(2);
        assert_eq!(memory.grow(delta), Ok(Pages(1)));
        let current = Pages(3);
        assert_eq!(memory.grow(delta), Err(GrowError::OutOfMemory { current, delta }));
        let options = options.max_reservation_bytes(1 << 62);
        let refused = SharedMemory::with_options(huge, &options).unwrap_err();
        assert_eq!(refused, CreateError::ReservationRefused { reservation_bytes: 1 << 62 });
    }
}

#[test]
fn the_host_can_limit_it() {
    let options = MemoryOptions::new().max_bytes(2 * 65_536);
    let memory = SharedMemory::with_options(ty(1, 9), &options).unwrap();
    assert!(matches!(memory.grow(Pages(2)), Err(GrowError::OverHostLimit { .. })));
    assert_eq!(memory.grow(Pages(1)), Ok(Pages(1)));
    let refused = SharedMemory::with_options(ty(3, 9), &options).unwrap_err();
    assert!(matches!(refused, CreateError::OverHostLimit { .. }));
}

#[test]
fn each_thread_grows_by_what_it_asked_for() {
    for kind in backings() {
        let memory = create(0, 4 * 50 + 1, kind);
        let start = Barrier::new(4);
        let mut sizes: Vec<u64> = thread::scope(|scope| {
            let growers = [(); 4].map(|()| {
                scope.spawn(|| {
                    start.wait();
                    let grow = |_| {
                        let old = memory.grow(Pages(1)).unwrap().0;
                        // The new page is there at once, and nobody else's.
                        let end = (old + 1) * 65_536;
                        assert_eq!(memory.atomic_rmw(RmwOp::Add, end - 8, 0, old), Ok(0));
                        old
                    };
                    (0..50).map(grow).collect::<Vec<_>>()
                })
            });
            growers.into_iter().flat_map(|grower| grower.join().unwrap()).collect()
        });
        sizes.sort_unstable();
        assert!(sizes.into_iter().eq(0..200));
        for page in 0..200 {
            assert_eq!(memory.load(page * 65_536, 65_528), Ok(page));
        }
        assert_eq!(memory.size(), Pages(200));
    }
}

#[test]
fn pages_of_one_byte() {
    for kind in backings() {
        let ty = MemoryType::builder(Pages(3))
            .maximum(Pages(10_000))
            .page_size(PageSize::ONE_BYTE)
            .shared(true);
        let options = MemoryOptions::new().backing(kind);
        let memory = SharedMemory::with_options(ty.build().unwrap(), &options).unwrap();
        assert!(memory.load::<u32>(0, 0).is_err());
        for size in 3..9_000 {
            assert_eq!(memory.grow(Pages(1)), Ok(Pages(size)));
            assert_eq!(memory.store(size, 0, 1_u8), Ok(()));
            assert!(memory.store(size, 1, 1_u8).is_err());
        }
    }
}

#[test]
fn read_modify_writes_lose_nothing() {
    let memory = create(1, 1, BackingKind::Heap);
    const ROUNDS: u64 = 20_000;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    memory.atomic_rmw(RmwOp::Add, 0, 0, 1_u64).unwrap();
                    memory.atomic_rmw(RmwOp::Sub, 8, 0, 1_u32).unwrap();
                    memory.atomic_rmw(RmwOp::Add, 12, 0, 1_u16).unwrap();
                    memory.atomic_rmw(RmwOp::Xor, 14, 0, 1_u8).unwrap();
                    let mut seen = memory.atomic_load::<u8>(15, 0).unwrap();
                    loop {
                        let new = seen.wrapping_add(round as u8);
                        match memory.atomic_cmpxchg(15, 0, seen, new).unwrap() {
                            found if found == seen => break,
                            found => seen = found,
                        }
                    }
                }
            });
        }
    });
    let sum: u64 = (0..ROUNDS).sum();
    assert_eq!(memory.load(0, 0), Ok(2 * ROUNDS));
    assert_eq!(memory.load(8, 0), Ok((2 * ROUNDS as u32).wrapping_neg()));
    assert_eq!(memory.load(12, 0), Ok(2 * ROUNDS as u16));
    assert_eq!(memory.load(14, 0), Ok(0_u8));
    assert_eq!(memory.load(15, 0), Ok((2 * sum) as u8));
}

#[test]
fn aligned_numbers_do_not_tear() {
    let memory = create(1, 1, BackingKind::Heap);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200_000_u32 {
                let bits = if round % 2 == 0 { 0 } else { u64::MAX };
                memory.store(8, 0, bits).unwrap();
                memory.store(16, 4, bits as u32).unwrap();
                memory.store(24, 2, bits as u16).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut seen = [0; 2];
        while !done.load(Ordering::Relaxed) {
            let wide = memory.load::<u64>(8, 0).unwrap();
            assert!(matches!(wide, 0 | u64::MAX), "{wide:x}");
            assert!(matches!(memory.load(20, 0), Ok(0 | u32::MAX)));
            assert!(matches!(memory.load(26, 0), Ok(0 | u16::MAX)));
            // Unaligned ones may, but what is outside of them never shows.
            let unaligned = memory.load::<u64>(9, 0).unwrap();
            assert_eq!(unaligned >> 56, 0);
            seen[usize::from(wide == 0)] += 1;
        }
        println!("ones and zeros seen: {seen:?}");
    });
}

#[test]
fn ranges_race_without_leaving_their_bounds() {
    let memory = create(1, 1, BackingKind::Heap);
    memory.fill(0, 0xee, 65_536).unwrap();
    let rounds = AtomicU64::new(0);
    thread::scope(|scope| {
        for value in [0x11, 0x22] {
            let (memory, rounds) = (&memory, &rounds);
            scope.spawn(move || {
                for round in 0..2_000 {
                    memory.fill(1_001, value, 2_000).unwrap();
                    memory.copy_within(1_003 + round % 8, 1_001, 1_990).unwrap();
                    memory.write(1_500, &[value; 77]).unwrap();
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut buffer = [0; 2_020];
        while rounds.load(Ordering::Relaxed) < 4_000 {
            memory.read(991, &mut buffer).unwrap();
            assert_eq!(buffer[..10], [0xee; 10]);
            assert_eq!(buffer[2_010..], [0xee; 10]);
            let inside = &buffer[10..2_010];
            assert!(inside.iter().all(|byte| matches!(byte, 0xee | 0x11 | 0x22)));
        }
    });
}

#[test]
fn copies_overlap_at_any_alignment() {
    let memory = create(1, 1, BackingKind::Heap);
    let bytes: Vec<u8> = (0..6_000_u32).map(|at| (at % 251) as u8).collect();
    let mut expected = LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap();
    let places =
        [(0, 0), (3, 0), (0, 3), (11, 3), (3, 11), (1_024, 0), (1_023, 1), (8, 16), (17, 2_000)];
    for (dst, src) in places {
        for len in [0, 1, 7, 8, 9, 21, 63, 64, 65, 1_023, 1_024, 1_025, 3_000] {
            memory.write(0, &bytes).unwrap();
            expected.write(0, &bytes).unwrap();
            memory.copy_within(dst, src, len).unwrap();
            expected.copy_within(dst, src, len).unwrap();
            let mut result = [0; 6_000];
            memory.read(0, &mut result).unwrap();
            assert!(result == expected.slice(0, 6_000).unwrap(), "{dst} from {src}, {len} bytes");
        }
    }
}
