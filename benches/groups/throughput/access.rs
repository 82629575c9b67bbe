//! Loads, stores and typed views.

use std::hint::black_box;
use std::ops::Add;

use criterion::Criterion;
use lineal_benches::CpuTime;
use lineal_memory::{LinearMemory, Scalar};

use crate::{PAGE_BYTES, compare, compare_with_limit, memory};

const AREA_PAGES: u64 = 4;
const AREA_BYTES: u64 = AREA_PAGES * PAGE_BYTES;

/// How many loads or stores make an iteration.
const ACCESSES: u64 = 16 * 1024;

/// Where an iteration's accesses go.
struct Pattern {
    name: &'static str,
    addrs: Vec<u64>,
    offset: u64,
}

fn patterns(width_bytes: u64) -> [Pattern; 4] {
    // The last page stays free for offsets.
    let range = AREA_BYTES - PAGE_BYTES;
    let ascending = |start| (0..ACCESSES).map(|i| start + i * width_bytes % range).collect();
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % range / width_bytes * width_bytes
    };
    [
        Pattern { name: "aligned", addrs: ascending(0), offset: 0 },
        Pattern { name: "unaligned", addrs: ascending(1), offset: 0 },
        Pattern { name: "offset", addrs: ascending(0), offset: 1000 },
        Pattern { name: "random", addrs: (0..ACCESSES).map(|_| random()).collect(), offset: 0 },
    ]
}

/// What is done with a number, apart from what the memory crate does.
trait Number: Scalar {
    const NAME: &'static str;
    const SOME: Self;
    fn read(bytes: &[u8], addr: u64) -> Option<Self>;
    fn write(self, bytes: &mut [u8], addr: u64) -> Option<()>;
    /// # Safety
    ///
    /// So many bytes as the number has can be read from there.
    unsafe fn read_unchecked(from: *const u8) -> Self;
    /// # Safety
    ///
    /// So many bytes as the number has can be written there.
    unsafe fn write_unchecked(self, to: *mut u8);
    fn plus(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($ty:ident: $plus:expr;)*) => {$(
        impl Number for $ty {
            const NAME: &'static str = stringify!($ty);
            const SOME: $ty = 7 as $ty;

            fn read(bytes: &[u8], addr: u64) -> Option<$ty> {
                Some($ty::from_le_bytes(*bytes.get(addr as usize..)?.first_chunk()?))
            }

            fn write(self, bytes: &mut [u8], addr: u64) -> Option<()> {
                *bytes.get_mut(addr as usize..)?.first_chunk_mut()? = self.to_le_bytes();
                Some(())
            }

            unsafe fn read_unchecked(from: *const u8) -> $ty {
                // SAFETY: the caller's promise; an array of bytes may be anywhere.
                $ty::from_le_bytes(unsafe { from.cast::<[u8; size_of::<$ty>()]>().read() })
            }

            unsafe fn write_unchecked(self, to: *mut u8) {
                // SAFETY: the caller's promise; an array of bytes may be anywhere.
                unsafe { to.cast::<[u8; size_of::<$ty>()]>().write(self.to_le_bytes()) }
            }

            fn plus(self, other: $ty) -> $ty {
                $plus(self, other)
            }
        }
    )*};
}

numbers! {
    u8: u8::wrapping_add;
    u16: u16::wrapping_add;
    u32: u32::wrapping_add;
    u64: u64::wrapping_add;
    u128: u128::wrapping_add;
    f32: f32::add;
    f64: f64::add;
}

pub(crate) fn accesses(criterion: &mut Criterion<CpuTime>) {
    loads_and_stores::<u8>(criterion);
    loads_and_stores::<u16>(criterion);
    loads_and_stores::<u32>(criterion);
    loads_and_stores::<u64>(criterion);
    loads_and_stores::<u128>(criterion);
    loads_and_stores::<f32>(criterion);
    loads_and_stores::<f64>(criterion);
}

fn loads_and_stores<T: Number>(criterion: &mut Criterion<CpuTime>) {
    let mut memory = memory(AREA_PAGES);
    let mut raw = vec![1_u8; AREA_BYTES as usize];
    let mut written = raw.clone();
    let bytes = ACCESSES * size_of::<T>() as u64;
    for Pattern { name, addrs, offset } in patterns(size_of::<T>() as u64) {
        let most = addrs.iter().max().map_or(0, |addr| addr + offset + size_of::<T>() as u64);
        assert!(most <= AREA_BYTES, "the unchecked accesses would be out of bounds");
        compare_with_limit(
            criterion,
            &format!("load_{}/{name}", T::NAME),
            bytes,
            || load_all::<T>(&memory, &addrs, offset),
            || load_all_raw::<T>(&raw, &addrs, offset),
            // SAFETY: all accesses end within the bytes, which was just checked.
            || unsafe { load_all_unchecked::<T>(raw.as_ptr(), &addrs, offset) },
        );
        compare_with_limit(
            criterion,
            &format!("store_{}/{name}", T::NAME),
            bytes,
            || store_all(&mut memory, &addrs, offset, black_box(T::SOME)),
            || store_all_raw(&mut raw, &addrs, offset, black_box(T::SOME)),
            // SAFETY: all accesses end within the bytes, which was just checked.
            || unsafe {
                store_all_unchecked(written.as_mut_ptr(), &addrs, offset, black_box(T::SOME))
            },
        );
    }
}

// Functions that get a memory, or bytes, as those of a program would.

#[inline(never)]
fn load_all<T: Number>(memory: &LinearMemory, addrs: &[u64], offset: u64) -> Option<T> {
    addrs.iter().try_fold(T::SOME, |sum, &addr| {
        memory.load(addr, offset).ok().map(|number| sum.plus(number))
    })
}

#[inline(never)]
fn load_all_raw<T: Number>(bytes: &[u8], addrs: &[u64], offset: u64) -> Option<T> {
    addrs.iter().try_fold(T::SOME, |sum, &addr| {
        T::read(bytes, addr.checked_add(offset)?).map(|number| sum.plus(number))
    })
}

#[inline(never)]
fn store_all<T: Number>(memory: &mut LinearMemory, addrs: &[u64], offset: u64, value: T) -> bool {
    addrs.iter().all(|&addr| memory.store(addr, offset, value).is_ok())
}

#[inline(never)]
fn store_all_raw<T: Number>(bytes: &mut [u8], addrs: &[u64], offset: u64, value: T) -> bool {
    let mut store = |addr: u64| value.write(bytes, addr.checked_add(offset)?);
    addrs.iter().all(|&addr| store(addr).is_some())
}

/// # Safety
///
/// All accesses are within what `bytes` points to.
#[inline(never)]
unsafe fn load_all_unchecked<T: Number>(bytes: *const u8, addrs: &[u64], offset: u64) -> T {
    addrs.iter().fold(T::SOME, |sum, &addr| {
        // SAFETY: the caller's promise.
        sum.plus(unsafe { T::read_unchecked(bytes.add((addr + offset) as usize)) })
    })
}

/// # Safety
///
/// All accesses are within what `bytes` points to.
#[inline(never)]
unsafe fn store_all_unchecked<T: Number>(bytes: *mut u8, addrs: &[u64], offset: u64, value: T) {
    for &addr in addrs {
        // SAFETY: the caller's promise.
        unsafe { value.write_unchecked(bytes.add((addr + offset) as usize)) }
    }
}

pub(crate) fn views(criterion: &mut Criterion<CpuTime>) {
    const COUNT: u64 = AREA_BYTES / 4;
    let mut memory = memory(AREA_PAGES);
    let mut raw = vec![1_u8; AREA_BYTES as usize];
    compare(
        criterion,
        "view_u32/iterate",
        AREA_BYTES,
        || {
            let view = black_box(&memory).view::<u32>(0, COUNT).expect("in bounds");
            view.iter().fold(0, u32::wrapping_add)
        },
        || {
            let numbers = black_box(&raw[..]).as_chunks().0.iter();
            numbers.map(|bytes| u32::from_le_bytes(*bytes)).fold(0, u32::wrapping_add)
        },
    );
    compare(
        criterion,
        "view_u32/set",
        AREA_BYTES,
        || {
            let mut view = black_box(&mut memory).view_mut::<u32>(0, COUNT).expect("in bounds");
            (0..view.len()).try_for_each(|index| view.set(index, index as u32))
        },
        || {
            let numbers = black_box(&mut raw[..]).as_chunks_mut().0;
            for (index, bytes) in numbers.iter_mut().enumerate() {
                *bytes = (index as u32).to_le_bytes();
            }
        },
    );
}
