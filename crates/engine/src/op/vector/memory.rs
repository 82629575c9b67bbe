//! Vector loads and stores: as those of [`memory`](crate::op::memory), and of single lanes.

use super::*;
use crate::op::memory::{Load, Raw, Store};

macro_rules! loads {
    ($($name:ident: $raw:ty => $lanes:ty, |$x:ident| $extend:expr;)*) => {$(
        pub(crate) struct $name;
        impl Load for $name {
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

/// The bytes of a half vector as lanes of twice their width.
macro_rules! widened {
    ($x:ident: $narrow:ty => $wide:ty) => {{
        let bytes = $x.to_le_bytes();
        let (chunks, _) = bytes.as_chunks();
        std::array::from_fn(|index| <$wide>::from(<$narrow>::from_le_bytes(chunks[index])))
    }};
}

loads! {
    V128Load: u128 => [u8; 16], |x| x.to_le_bytes();
    V128Load8x8S: u64 => [i16; 8], |x| widened!(x: i8 => i16);
    V128Load8x8U: u64 => [u16; 8], |x| widened!(x: u8 => u16);
    V128Load16x4S: u64 => [i32; 4], |x| widened!(x: i16 => i32);
    V128Load16x4U: u64 => [u32; 4], |x| widened!(x: u16 => u32);
    V128Load32x2S: u64 => [i64; 2], |x| widened!(x: i32 => i64);
    V128Load32x2U: u64 => [u64; 2], |x| widened!(x: u32 => u64);
    V128Load8Splat: u8 => [u8; 16], |x| [x; 16];
    V128Load16Splat: u16 => [u16; 8], |x| [x; 8];
    V128Load32Splat: u32 => [u32; 4], |x| [x; 4];
    V128Load64Splat: u64 => [u64; 2], |x| [x; 2];
    V128Load32Zero: u32 => [u32; 4], |x| [x, 0, 0, 0];
    V128Load64Zero: u64 => [u64; 2], |x| [x, 0];
}

/// `v128.store`
pub(crate) struct V128Store;

impl Store for V128Store {
    type Raw = u128;
    type In = Vector;
    #[inline(always)]
    fn narrow(value: Vector) -> u128 {
        u128::from_le_bytes(value)
    }
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
