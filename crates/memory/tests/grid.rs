//! The edge grid: every width, at the last place that fits, one past it, and the end of the
//! memory, for the sizes where engines break, on every backing.

mod common;

use common::backings;
use lineal_memory::{
    BackingKind, CreateError, LinearMemory, MemoryOptions, MemoryType, OutOfBounds, PageSize,
    Pages, Scalar,
};

/// Runs `$body` once for every scalar type, named `$T` in it.
macro_rules! for_each_scalar {
    ($T:ident => $body:block) => {
        for_each_scalar!(@ $T $body u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64)
    };
    (@ $T:ident $body:block $($scalar:ty)*) => {$({
        type $T = $scalar;
        $body
    })*};
}

/// Sizes in 64 KiB pages; the last one is 4 GiB.
#[cfg(target_pointer_width = "64")]
const SIZES_PAGES: [u64; 4] = [0, 1, 65_535, 65_536];
#[cfg(not(target_pointer_width = "64"))]
const SIZES_PAGES: [u64; 3] = [0, 1, 2];

/// Sizes in 1-byte pages, less than, equal to and more than a width.
const SIZES_BYTES: [u64; 8] = [0, 1, 3, 4, 15, 16, 17, 4_097];

/// Runs `test` on a memory of every size, address type and backing.
fn on_every_memory(test: impl Fn(&mut LinearMemory)) {
    let mut types = Vec::new();
    for size in SIZES_PAGES {
        types.push(MemoryType::new(Pages(size), None).unwrap());
        types.push(MemoryType::memory64(Pages(size), None).unwrap());
    }
    for size in SIZES_BYTES {
        let builder = MemoryType::builder(Pages(size)).page_size(PageSize::ONE_BYTE);
        types.push(builder.build().unwrap());
    }
    for kind in backings() {
        for ty in &types {
            if let Some(mut memory) = create(*ty, kind) {
                test(&mut memory);
            }
        }
    }
}

/// A memory, or `None` if this host has no room for one of about 4 GiB.
fn create(ty: MemoryType, kind: BackingKind) -> Option<LinearMemory> {
    match LinearMemory::with_options(ty, &MemoryOptions::new().backing(kind)) {
        Err(CreateError::OutOfMemory { minimum }) if minimum >= Pages(65_535) => None,
        created => Some(created.unwrap()),
    }
}

/// The ways to come by an effective address: as the address, as the offset, as a sum. Each is
/// `(addr, offset)`.
fn splits(ea: u64) -> [(u64, u64); 4] {
    [(ea, 0), (0, ea), (ea / 2, ea - ea / 2), (ea - ea.min(1), ea.min(1))]
}

fn tail(memory: &LinearMemory) -> [u8; 32] {
    let bytes = memory.as_slice();
    let mut tail = [0; 32];
    let kept = bytes.len().min(32);
    tail[..kept].copy_from_slice(&bytes[bytes.len() - kept..]);
    tail
}

#[test]
fn loads_and_stores() {
    on_every_memory(|memory| {
        let byte_len = memory.byte_len();
        for_each_scalar!(T => {
            let width = T::WIDTH_BYTES;
            let mut bytes = [0; size_of::<T>()];
            for (byte, value) in bytes.iter_mut().zip(0x71..) {
                *byte = value;
            }
            let value = T::from_le_bytes(bytes);
            if let Some(last) = byte_len.checked_sub(width) {
                for (addr, offset) in splits(last) {
                    memory.fill(last, 0, width).unwrap();
                    memory.store(addr, offset, value).unwrap();
                    assert_eq!(memory.slice(last, width).unwrap(), bytes);
                    assert_eq!(memory.load::<T>(addr, offset), Ok(value));
                }
            }
            let before = tail(memory);
            for ea in [(byte_len + 1).saturating_sub(width), byte_len, byte_len + 1] {
                for (addr, offset) in splits(ea) {
                    let memory_bytes = byte_len;
                    let error = OutOfBounds { addr, offset, len_bytes: width, memory_bytes };
                    assert_eq!(memory.load::<T>(addr, offset), Err(error));
                    assert_eq!(memory.store(addr, offset, value), Err(error));
                }
            }
            assert_eq!(tail(memory), before);
        });
    });
}

#[test]
fn sums_do_not_wrap() {
    on_every_memory(|memory| {
        for_each_scalar!(T => {
            let edges = [u64::MAX, u64::MAX - 1, u64::MAX - T::WIDTH_BYTES, 1 << 63, 1 << 32];
            for addr in edges {
                // With addr, these add up to 0, 1, and others that look harmless once wrapped.
                for offset in [0_u64.wrapping_sub(addr), 1_u64.wrapping_sub(addr), addr] {
                    assert!(memory.load::<T>(addr, offset).is_err());
                    assert!(memory.store::<T>(addr, offset, T::default()).is_err());
                }
                assert!(memory.load::<T>(addr, 0).is_err());
                assert!(memory.load::<T>(0, addr).is_err());
            }
        });
    });
}

#[test]
fn ranges() {
    on_every_memory(|memory| {
        let byte_len = memory.byte_len();
        let ones = [1; 16];
        for len in [0_usize, 1, 2, 4, 8, 16] {
            let len_bytes = len as u64;
            let mut buffer = [0; 16];
            if let Some(last) = byte_len.checked_sub(len_bytes) {
                memory.write(last, &ones[..len]).unwrap();
                memory.read(last, &mut buffer[..len]).unwrap();
                assert_eq!(buffer[..len], ones[..len]);
                memory.fill(last, 2, len_bytes).unwrap();
                assert!(memory.slice(last, len_bytes).unwrap().iter().all(|byte| *byte == 2));
                memory.copy_within(0, last, len_bytes).unwrap();
                memory.copy_within(last, 0, len_bytes).unwrap();
                assert_eq!(memory.slice(0, len_bytes), memory.slice(last, len_bytes));
            }
            let before = tail(memory);
            let buffer_before = buffer;
            for addr in [(byte_len + 1).saturating_sub(len_bytes), byte_len + 1, u64::MAX] {
                let error = OutOfBounds { addr, offset: 0, len_bytes, memory_bytes: byte_len };
                assert_eq!(memory.write(addr, &ones[..len]), Err(error));
                assert_eq!(memory.read(addr, &mut buffer[..len]), Err(error));
                assert_eq!(memory.fill(addr, 9, len_bytes), Err(error));
                assert!(memory.copy_within(addr, 0, len_bytes).is_err());
                assert!(memory.copy_within(0, addr, len_bytes).is_err());
                assert_eq!(memory.slice_mut(addr, len_bytes), Err(error));
            }
            assert_eq!((tail(memory), buffer), (before, buffer_before));
        }
        for addr in [0, byte_len] {
            assert!(memory.slice(addr, byte_len - addr + 1).is_err());
            assert!(memory.slice(addr, u64::MAX - addr).is_err());
            assert!(memory.slice(addr, u64::MAX).is_err());
        }
    });
}

#[test]
fn extension() {
    let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap();
    memory.write(0, &[0x80, 0xff, 0xff, 0xff, 0x7f]).unwrap();
    assert_eq!(memory.load_extend::<i8, i32>(0, 0), Ok(-128));
    assert_eq!(memory.load_extend::<u8, i32>(0, 0), Ok(128));
    assert_eq!(memory.load_extend::<i16, i64>(0, 0), Ok(-128));
    assert_eq!(memory.load_extend::<u16, i64>(0, 0), Ok(0xff80));
    assert_eq!(memory.load_extend::<i32, i64>(0, 0), Ok(-128));
    assert_eq!(memory.load_extend::<u32, u64>(0, 0), Ok(0xffff_ff80));
    assert_eq!(memory.load_extend::<i8, i64>(0, 4), Ok(127));
    assert!(memory.load_extend::<i16, i32>(65_535, 0).is_err());
}

#[test]
fn little_endian() {
    let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap();
    memory.store(1, 0, 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100_u128).unwrap();
    assert_eq!(memory.slice(1, 16).unwrap(), (0..16).collect::<Vec<u8>>());
    assert_eq!(memory.load::<u16>(1, 2), Ok(0x0302));
    assert_eq!(memory.load::<u32>(1, 3), Ok(0x0605_0403));
    assert_eq!(memory.load::<u64>(1, 1), Ok(0x0807_0605_0403_0201));
    memory.store(0, 0, 1.5_f32).unwrap();
    assert_eq!(memory.slice(0, 4).unwrap(), [0, 0, 0xc0, 0x3f]);
    memory.store(0, 0, -2.0_f64).unwrap();
    assert_eq!(memory.slice(0, 8).unwrap(), [0, 0, 0, 0, 0, 0, 0, 0xc0]);
}

#[test]
fn nan_payloads_survive() {
    let mut memory = LinearMemory::new(MemoryType::new(Pages(1), None).unwrap()).unwrap();
    memory.store(0, 0, 0xffab_cdef_u32).unwrap();
    assert_eq!(memory.load::<f32>(0, 0).unwrap().to_bits(), 0xffab_cdef);
    let number = f64::from_bits(0x7ff8_0000_dead_beef);
    memory.store(0, 0, number).unwrap();
    assert_eq!(memory.load::<u64>(0, 0), Ok(0x7ff8_0000_dead_beef));
}
