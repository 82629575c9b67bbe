//! Memories where the host has no room: an allocator that refuses, and little address space.

mod common;
#[path = "common/refusing.rs"]
mod refusing;

use common::backings;
use lineal_memory::{
    BackingKind, CreateError, GrowError, LinearMemory, MemoryOptions, MemoryType, Pages,
    SharedMemory, StringError,
};
use refusing::{refusing, refusing_each};

const PAGE: u64 = 65_536;

#[test]
fn a_refused_allocation_changes_nothing() {
    let options = MemoryOptions::new().backing(BackingKind::Heap);
    let ty = MemoryType::new(Pages(4), None).unwrap();
    let error = refusing(PAGE as usize, || LinearMemory::with_options(ty, &options).err());
    assert_eq!(error, Some(CreateError::OutOfMemory { minimum: Pages(4) }));
    let mut memory = LinearMemory::with_options(ty, &options).unwrap();
    memory.fill(0, 7, 4 * PAGE).unwrap();
    let before = memory.as_ptr();
    refusing(PAGE as usize, || {
        // Less than there is, as much, and more: extended in place or moved.
        for delta in [1, 4, 5, 1_000] {
            let (current, delta) = (Pages(4), Pages(delta));
            let error = GrowError::OutOfMemory { current, delta };
            assert_eq!(memory.grow(delta), Err(error));
            assert_eq!((memory.as_ptr(), memory.size()), (before, Pages(4)));
        }
        assert_eq!(memory.grow(Pages(0)), Ok(Pages(4)));
        assert_eq!(memory.load(4 * PAGE - 8, 0), Ok(0x0707_0707_0707_0707_u64));
        assert!(memory.load::<u8>(4 * PAGE, 0).is_err());
    });
    assert_eq!(memory.grow(Pages(5)), Ok(Pages(4)));
    assert!(memory.as_slice()[..4 * PAGE as usize].iter().all(|&byte| byte == 7));
    assert!(memory.as_slice()[4 * PAGE as usize..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_memory_that_cannot_move_grows_where_it_is() {
    let options = MemoryOptions::new().backing(BackingKind::Heap);
    let ty = MemoryType::new(Pages(1), None).unwrap();
    let mut memory = LinearMemory::with_options(ty, &options).unwrap();
    memory.store(0, 0, 7_u8).unwrap();
    // A new allocation is refused, but that there is may become longer.
    let refused = refusing_each(PAGE as usize, || {
        let size = memory.size();
        assert_eq!(memory.grow(Pages(9 * size.0)), Ok(size));
    });
    assert_eq!((refused, memory.size()), (1, Pages(100)));
    assert_eq!((memory.load(0, 0), memory.load(100 * PAGE - 8, 0)), (Ok(7_u8), Ok(0_u64)));
}

#[test]
fn a_refused_shared_memory_says_how_much_it_wanted() {
    let options = MemoryOptions::new().backing(BackingKind::Heap);
    let ty = MemoryType::shared(Pages(1), Pages(8)).unwrap();
    let error = refusing(PAGE as usize, || SharedMemory::with_options(ty, &options).err());
    assert_eq!(error, Some(CreateError::ReservationRefused { reservation_bytes: 8 * PAGE }));
    let memory = SharedMemory::with_options(ty, &options).unwrap();
    // It has had its room from the start.
    assert_eq!(refusing(PAGE as usize, || memory.grow(Pages(7))), Ok(Pages(1)));
    memory.store(8 * PAGE - 1, 0, 1_u8).unwrap();
}

#[test]
fn strings_that_do_not_fit_are_errors() {
    let len = 10_000;
    let is_too_long = |error: Option<StringError>| {
        let Some(StringError::OutOfMemory { len_bytes }) = error else { panic!("{error:?}") };
        assert!((1..=2 * len).contains(&len_bytes), "{len_bytes}");
    };
    let ty = MemoryType::new(Pages(1), None).unwrap();
    let mut memory = LinearMemory::new(ty).unwrap();
    memory.fill(0, b'a', 2 * len).unwrap();
    let shared = SharedMemory::new(MemoryType::shared(Pages(1), Pages(1)).unwrap()).unwrap();
    shared.fill(0, b'a', 2 * len).unwrap();
    refusing(1_000, || {
        is_too_long(memory.read_string(0, len).err());
        is_too_long(memory.read_cstring_with_limit(0, PAGE).err());
        is_too_long(memory.read_utf16(0, len).err());
        is_too_long(shared.read_string(0, len).err());
        is_too_long(shared.read_cstring_with_limit(0, PAGE).err());
        is_too_long(shared.read_utf16(0, len).err());
    });
    assert_eq!(memory.read_cstring_with_limit(0, PAGE).unwrap().len() as u64, 2 * len);
}

/// Runs a test of this file again, in so much address space; `true` in there.
#[cfg(target_os = "linux")]
fn in_address_space(mib: u32, test: &str) -> bool {
    const INSIDE: &str = "LINEAL_TEST_IN_LITTLE_ADDRESS_SPACE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let script = format!("ulimit -v {} && exec \"$0\" \"$@\"", mib * 1024);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{mib} MiB: {output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    false
}

#[test]
#[cfg(target_os = "linux")]
fn a_refused_reservation_is_replaced_by_less() {
    if !in_address_space(1_000, "a_refused_reservation_is_replaced_by_less") {
        return;
    }
    // Not enough for the 4 GiB that it may become.
    let ty = MemoryType::new(Pages(1), None).unwrap();
    assert_eq!(LinearMemory::new(ty).unwrap().backing_kind(), BackingKind::Heap);
    for kind in backings() {
        let options = MemoryOptions::new().backing(kind);
        let mut memory = LinearMemory::with_options(ty, &options).unwrap();
        assert_eq!(memory.backing_kind(), kind);
        assert!(memory.capacity_bytes() < 1 << 20);
        let mut grown = 0;
        while memory.grow(Pages(100)).is_ok() {
            let start = memory.byte_len() - 100 * PAGE;
            memory.store(start, 0, start).unwrap();
            grown += 1;
        }
        assert!((20..160).contains(&grown), "{grown} times");
        assert_eq!(memory.size(), Pages(1 + 100 * grown));
        for start in (0..grown).map(|index| PAGE + index * 100 * PAGE) {
            assert_eq!(memory.load(start, 0), Ok(start));
        }
    }
    for kind in backings().map(Some).chain([None]) {
        let options = MemoryOptions::new().backing(kind);
        let ty = MemoryType::shared(Pages(1), Pages(32_768)).unwrap();
        let error = SharedMemory::with_options(ty, &options).unwrap_err();
        assert_eq!(error, CreateError::ReservationRefused { reservation_bytes: 1 << 31 });
        let ty = MemoryType::shared(Pages(1), Pages(100)).unwrap();
        let memory = SharedMemory::with_options(ty, &options).unwrap();
        assert_eq!(memory.grow(Pages(99)), Ok(Pages(1)));
        let ty = MemoryType::new(Pages(32_768), None).unwrap();
        let error = LinearMemory::with_options(ty, &options).unwrap_err();
        assert_eq!(error, CreateError::OutOfMemory { minimum: Pages(32_768) });
    }
}
