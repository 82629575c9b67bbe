//! Vector loads and stores: as those of [`memory`](crate::op::access::scalar), and of single lanes.

pub(crate) use super::scalar::V128Load;
use super::scalar::{MemoryLoad, Raw};
use crate::op::vector::{Lanes, Vector};

macro_rules! loads {
    ($($name:ident: $raw:ty => $lanes:ty, |$x:ident| $extend:expr;)*) => {$(
        pub(crate) struct $name;
        impl MemoryLoad for $name {
            type Raw = $raw;
            type Out = Vector;
            #[inline(always)]
            fn extend($x: $raw) -> Vector {
                let lanes: $lanes = $extend;
                lanes.vector()
            }
        }
    )*};
}

// Half a vector comes from memory as one number, and the compiler would take that apart lane by
// lane. So lanes are widened within 64-bit numbers: moved apart, then filled with their signs.

/// Four bytes as lanes of 16 bits.
#[inline(always)]
fn spread8(x: u64) -> u64 {
    let pairs = spread16(x);
    (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff
}

/// Two numbers of 16 bits as lanes of 32.
#[inline(always)]
fn spread16(x: u64) -> u64 {
    let x = x & 0xffff_ffff;
    (x | x << 16) & 0x0000_ffff_0000_ffff
}

/// The upper half of each lane made all ones where the lower is negative.
#[inline(always)]
fn fill_signs(x: u64, signs: u64, ones: u64) -> u64 {
    x | (((x & signs) << 1) * ones)
}

#[inline(always)]
fn signs8(x: u64) -> u64 {
    fill_signs(x, 0x0080_0080_0080_0080, 0xff)
}

#[inline(always)]
fn signs16(x: u64) -> u64 {
    fill_signs(x, 0x0000_8000_0000_8000, 0xffff)
}

loads! {
    V128Load8x8S: u64 => [u64; 2], |x| [x, x >> 32].map(|x| signs8(spread8(x)));
    V128Load8x8U: u64 => [u64; 2], |x| [x, x >> 32].map(spread8);
    V128Load16x4S: u64 => [u64; 2], |x| [x, x >> 32].map(|x| signs16(spread16(x)));
    V128Load16x4U: u64 => [u64; 2], |x| [x, x >> 32].map(spread16);
    V128Load32x2S: u64 => [u64; 2], |x| [x as i32 as u64, (x as i64 >> 32) as u64];
    V128Load32x2U: u64 => [u64; 2], |x| [x & 0xffff_ffff, x >> 32];
    V128Load8Splat: u8 => [u8; 16], |x| [x; 16];
    V128Load16Splat: u16 => [u16; 8], |x| [x; 8];
    V128Load32Splat: u32 => [u32; 4], |x| [x; 4];
    V128Load64Splat: u64 => [u64; 2], |x| [x; 2];
    V128Load32Zero: u32 => [u32; 4], |x| [x, 0, 0, 0];
    V128Load64Zero: u64 => [u64; 2], |x| [x, 0];
}

/// A lane that is loaded or stored by itself.
pub(crate) trait MemoryLane {
    /// What is in memory.
    type Raw: Raw;
    /// A vector with another lane; its number counts only below the number of lanes.
    fn replace(x: Vector, lane: usize, raw: Self::Raw) -> Vector;
    /// A lane; its number counts only below the number of lanes.
    fn extract(x: Vector, lane: usize) -> Self::Raw;
}

macro_rules! memory_lanes {
    ($($name:ident: [$lane:ty; $count:literal];)*) => {$(
        pub(crate) struct $name;
        impl MemoryLane for $name {
            type Raw = $lane;
            #[inline(always)]
            fn replace(x: Vector, lane: usize, raw: $lane) -> Vector {
                let mut lanes = <[$lane; $count]>::of(x);
                lanes[lane % $count] = raw;
                lanes.vector()
            }
            #[inline(always)]
            fn extract(x: Vector, lane: usize) -> $lane {
                <[$lane; $count]>::of(x)[lane % $count]
            }
        }
    )*};
}

memory_lanes! {
    Lane8: [u8; 16];
    Lane16: [u16; 8];
    Lane32: [u32; 4];
    Lane64: [u64; 2];
}
