//! Making and growing memories: sizes, limits, refusals, and where the bytes are.

mod common;

use common::backings;
use lineal_memory::{
    BackingKind, CreateError, GrowError, LinearMemory, MemoryOptions, MemoryType, PageSize, Pages,
};

fn create(ty: MemoryType, kind: BackingKind) -> LinearMemory {
    LinearMemory::with_options(ty, &MemoryOptions::new().backing(kind)).unwrap()
}

/// Growing by each of these fails, is the same error, and changes nothing.
fn assert_full(memory: &mut LinearMemory, deltas: impl IntoIterator<Item = u64>) {
    let before = (memory.as_ptr(), memory.byte_len());
    let maximum = memory.ty().growth_limit();
    for delta in deltas.into_iter().map(Pages) {
        let current = memory.size();
        assert_eq!(memory.grow(delta), Err(GrowError::OverMaximum { current, delta, maximum }));
        assert_eq!(memory.grow(Pages(0)), Ok(current));
        assert_eq!((memory.as_ptr(), memory.byte_len()), before);
    }
}

#[test]
fn growths_are_counted_if_they_succeed() {
    let ty = MemoryType::new(Pages(1), Some(Pages(2))).unwrap();
    let mut memory = LinearMemory::new(ty).unwrap();
    assert_eq!(memory.growths(), 0);
    memory.grow(Pages(0)).unwrap();
    memory.grow(Pages(1)).unwrap();
    assert_eq!(memory.growths(), 2);
    memory.grow(Pages(1)).unwrap_err();
    assert_eq!(memory.growths(), 2);
}

#[test]
fn up_to_the_maximum() {
    for kind in backings() {
        let ty = MemoryType::new(Pages(1), Some(Pages(4))).unwrap();
        let mut memory = create(ty, kind);
        assert_eq!(memory.backing_kind(), kind);
        memory.store(65_528, 0, u64::MAX).unwrap();
        assert_full(&mut memory, [4, 5, 65_535, 65_536, 65_537, u64::MAX - 1, u64::MAX]);
        assert_eq!(memory.grow(Pages(2)), Ok(Pages(1)));
        assert_eq!(memory.grow(Pages(1)), Ok(Pages(3)));
        assert_full(&mut memory, [1, u64::MAX]);
        assert_eq!((memory.size(), memory.byte_len()), (Pages(4), 4 * 65_536));
        assert_eq!(memory.load::<u64>(65_528, 0), Ok(u64::MAX));
        assert!(memory.as_slice()[65_536..].iter().all(|byte| *byte == 0));
        assert_eq!(memory.ty(), &ty);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn up_to_four_gibibytes() {
    for kind in backings() {
        let mut memory = create(MemoryType::new(Pages(0), None).unwrap(), kind);
        assert_full(&mut memory, [65_537, u64::MAX]);
        match memory.grow(Pages(65_535)) {
            // This host has not got that much.
            Err(GrowError::OutOfMemory { .. }) => continue,
            grown => assert_eq!(grown, Ok(Pages(0))),
        }
        assert_eq!(memory.byte_len(), 4_294_901_760);
        memory.store(4_294_901_752, 0, u64::MAX).unwrap();
        assert_full(&mut memory, [2, 65_536, 65_537, u64::MAX - 65_535, u64::MAX]);
        assert_eq!(memory.grow(Pages(1)), Ok(Pages(65_535)));
        assert_eq!((memory.size(), memory.byte_len()), (Pages(65_536), 4_294_967_296));
        assert_eq!(memory.load::<u128>(4_294_901_752, 0), Ok(u128::from(u64::MAX)));
        memory.store(4_294_967_292, 0, 7_u32).unwrap();
        assert_eq!(memory.load::<u32>(0xffff_fffc, 0), Ok(7));
        assert_full(&mut memory, [1, 65_535, 65_536, 65_537, u64::MAX]);
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn past_four_gibibytes() {
    for kind in backings() {
        let mut memory = create(MemoryType::memory64(Pages(1), None).unwrap(), kind);
        match memory.grow(Pages(65_536)) {
            Err(GrowError::OutOfMemory { .. }) => continue,
            grown => assert_eq!(grown, Ok(Pages(1))),
        }
        assert_eq!(memory.byte_len(), 65_537 * 65_536);
        memory.store(1 << 32, 65_528, u64::MAX).unwrap();
        assert!(memory.store(1 << 32, 65_529, u64::MAX).is_err());
        assert_eq!(memory.load::<u8>(0, 0), Ok(0));
    }
}

#[test]
fn byte_by_byte() {
    for kind in backings() {
        let builder = MemoryType::builder(Pages(0)).page_size(PageSize::ONE_BYTE);
        let mut memory = create(builder.build().unwrap(), kind);
        for size in 0..5_000 {
            assert_eq!(memory.byte_len(), size);
            assert!(memory.store(size, 0, 7_u8).is_err());
            assert_eq!(memory.grow(Pages(1)), Ok(Pages(size)));
            assert_eq!(memory.load::<u8>(size, 0), Ok(0));
            memory.store(size, 0, 7_u8).unwrap();
        }
        assert!(memory.as_slice().iter().all(|byte| *byte == 7));
        assert_full(&mut memory, [0xffff_ffff, 1 << 32, u64::MAX]);
    }
}

#[test]
fn refused_by_the_host_limit() {
    for kind in backings() {
        let options = MemoryOptions::new().backing(kind).max_bytes(3 * 65_536 - 1);
        let ty = |minimum| MemoryType::memory64(Pages(minimum), None).unwrap();
        let mut memory = LinearMemory::with_options(ty(1), &options).unwrap();
        assert_eq!(memory.grow(Pages(1)), Ok(Pages(1)));
        // The last of these has more bytes than a `u64` can count.
        for delta in [Pages(1), Pages(65_537), Pages((1 << 48) - 2)] {
            let (current, limit_bytes) = (Pages(2), 3 * 65_536 - 1);
            let error = GrowError::OverHostLimit { current, delta, limit_bytes };
            assert_eq!(memory.grow(delta), Err(error));
        }
        assert_eq!(memory.grow(Pages(0)), Ok(Pages(2)));
        assert_eq!(memory.byte_len(), 2 * 65_536);
        for minimum in [3, 1 << 48] {
            let error =
                CreateError::OverHostLimit { minimum: Pages(minimum), limit_bytes: 3 * 65_536 - 1 };
            assert_eq!(LinearMemory::with_options(ty(minimum), &options).err(), Some(error));
        }
    }
}

#[test]
fn refused_by_the_host() {
    // From what no address space holds to what a `u64` cannot count.
    let sizes = [Pages(1 << 44), Pages(1 << 47), Pages((1 << 48) - 1), Pages(1 << 48)];
    for kind in backings() {
        let mut memory = create(MemoryType::memory64(Pages(1), None).unwrap(), kind);
        memory.store(0, 0, 7_u8).unwrap();
        for size in sizes {
            let delta = Pages(size.0 - 1);
            let error = GrowError::OutOfMemory { current: Pages(1), delta };
            assert_eq!(memory.grow(delta), Err(error));
            assert_eq!((memory.byte_len(), memory.load(0, 0)), (65_536, Ok(7_u8)));

            let ty = MemoryType::memory64(size, None).unwrap();
            let options = MemoryOptions::new().backing(kind);
            let created = LinearMemory::with_options(ty, &options);
            assert_eq!(created.err(), Some(CreateError::OutOfMemory { minimum: size }));
        }
    }
}

#[test]
fn a_reservation_never_moves() {
    if !BackingKind::Reserved.is_available() {
        return;
    }
    let declared = MemoryType::new(Pages(1), Some(Pages(4_096))).unwrap();
    let mut memory = create(declared, BackingKind::Reserved);
    assert_eq!(memory.capacity_bytes(), 4_096 * 65_536);
    let base_ptr = memory.as_ptr();
    for delta in [1, 2, 4, 8, 1_000, 3_080] {
        memory.grow(Pages(delta)).unwrap();
        assert_eq!(memory.as_ptr(), base_ptr);
        assert_eq!(memory.as_mut_ptr().cast_const(), base_ptr);
    }
    assert_eq!(memory.byte_len(), memory.capacity_bytes());
}

#[test]
fn a_reservation_is_no_larger_than_it_may_be() {
    if !BackingKind::Reserved.is_available() {
        return;
    }
    let options = MemoryOptions::new().backing(BackingKind::Reserved).max_bytes(10 * 65_536);
    let ty = MemoryType::new(Pages(1), None).unwrap();
    let memory = LinearMemory::with_options(ty, &options).unwrap();
    assert_eq!(memory.capacity_bytes(), 10 * 65_536);
    let options =
        MemoryOptions::new().backing(BackingKind::Reserved).max_reservation_bytes(1 << 20);
    let ty = MemoryType::memory64(Pages(1), None).unwrap();
    let memory = LinearMemory::with_options(ty, &options).unwrap();
    assert_eq!(memory.capacity_bytes(), 1 << 20);
}

#[test]
fn growing_past_the_reservation_moves() {
    for kind in backings() {
        let options = MemoryOptions::new().backing(kind).max_reservation_bytes(2 * 65_536);
        let ty = MemoryType::memory64(Pages(1), None).unwrap();
        let mut memory = LinearMemory::with_options(ty, &options).unwrap();
        for size in 1..40 {
            let last = memory.byte_len() - 8;
            memory.store(last, 0, size).unwrap();
            assert_eq!(memory.grow(Pages(1)), Ok(Pages(size)));
            assert!(memory.capacity_bytes() >= memory.byte_len());
        }
        for page in 1..40 {
            assert_eq!(memory.load(page * 65_536 - 8, 0), Ok(page));
            assert_eq!(memory.load(page * 65_536, 0), Ok(0_u64));
        }
    }
}

#[test]
fn empty_memories() {
    for kind in backings() {
        let mut memory = create(MemoryType::new(Pages(0), Some(Pages(0))).unwrap(), kind);
        assert!(memory.as_slice().is_empty());
        assert!(!memory.as_ptr().is_null());
        assert_eq!(memory.as_ptr() as usize % 8, 0);
        assert_eq!(memory.fill(0, 1, 0), Ok(()));
        assert_full(&mut memory, [1, u64::MAX]);
    }
}

#[test]
fn shared_types_are_accepted() {
    let builder = MemoryType::builder(Pages(1)).maximum(Pages(2)).shared(true);
    let mut memory = LinearMemory::new(builder.build().unwrap()).unwrap();
    assert_eq!(memory.grow(Pages(1)), Ok(Pages(1)));
    assert_full(&mut memory, [1]);
}

#[test]
fn the_store_is_chosen_by_what_there_is() {
    let ty = MemoryType::new(Pages(1), Some(Pages(2))).unwrap();
    let reserved = BackingKind::Reserved;
    let memory = LinearMemory::new(ty).unwrap();
    if reserved.is_available() {
        assert_eq!(memory.backing_kind(), reserved);
    } else {
        assert_eq!(memory.backing_kind(), BackingKind::Heap);
        let options = MemoryOptions::new().backing(reserved);
        let error = LinearMemory::with_options(ty, &options).unwrap_err();
        assert_eq!(error, CreateError::ReservedUnavailable);
    }
}

#[test]
fn memories_cross_threads() {
    fn assert_send_sync<T: Send + Sync>(_: &T) {}
    for kind in backings() {
        let mut memory = create(MemoryType::new(Pages(1), None).unwrap(), kind);
        assert_send_sync(&memory);
        let memory = std::thread::spawn(move || {
            memory.store(0, 0, 7_u32).unwrap();
            memory
        });
        assert_eq!(memory.join().unwrap().load::<u32>(0, 0), Ok(7));
    }
}
