//! Single lanes, and their order.

use super::*;
use crate::machine::operand::SlotValue;

/// A vector whose lanes are all the same.
pub(crate) trait Splat {
    type In: SlotValue;
    fn eval(x: Self::In) -> Vector;
}

/// One lane as a number.
pub(crate) trait ExtractLane {
    type Out: SlotValue;
    /// The lane's number counts only below the number of lanes.
    fn eval(x: Vector, lane: usize) -> Self::Out;
}

/// A vector with another number in one lane.
pub(crate) trait ReplaceLane {
    type In: SlotValue;
    /// The lane's number counts only below the number of lanes.
    fn eval(x: Vector, lane: usize, value: Self::In) -> Vector;
}

macro_rules! lane_ops {
    ($($splat:ident $replace:ident: $in:ty => [$lane:ty; $count:literal];)*) => {$(
        pub(crate) struct $splat;
        lowered! { $splat: splat; }
        impl Splat for $splat {
            type In = $in;
            #[inline(always)]
            fn eval(x: $in) -> Vector {
                [x as $lane; $count].vector()
            }
        }

        pub(crate) struct $replace;
        impl ReplaceLane for $replace {
            type In = $in;
            #[inline(always)]
            fn eval(x: Vector, lane: usize, value: $in) -> Vector {
                let mut lanes = <[$lane; $count]>::of(x);
                lanes[lane % $count] = value as $lane;
                lanes.vector()
            }
        }
    )*};
}

lane_ops! {
    I8x16Splat I8x16ReplaceLane: u32 => [u8; 16];
    I16x8Splat I16x8ReplaceLane: u32 => [u16; 8];
    I32x4Splat I32x4ReplaceLane: u32 => [u32; 4];
    I64x2Splat I64x2ReplaceLane: u64 => [u64; 2];
    F32x4Splat F32x4ReplaceLane: f32 => [f32; 4];
    F64x2Splat F64x2ReplaceLane: f64 => [f64; 2];
}

macro_rules! extract_lane {
    ($($name:ident: [$lane:ty; $count:literal] => $out:ty;)*) => {$(
        pub(crate) struct $name;
        impl ExtractLane for $name {
            type Out = $out;
            #[inline(always)]
            fn eval(x: Vector, lane: usize) -> $out {
                <[$lane; $count]>::of(x)[lane % $count].into()
            }
        }
    )*};
}

extract_lane! {
    I8x16ExtractLaneS: [i8; 16] => i32;
    I8x16ExtractLaneU: [u8; 16] => u32;
    I16x8ExtractLaneS: [i16; 8] => i32;
    I16x8ExtractLaneU: [u16; 8] => u32;
    I32x4ExtractLane: [u32; 4] => u32;
    I64x2ExtractLane: [u64; 2] => u64;
    F32x4ExtractLane: [f32; 4] => f32;
    F64x2ExtractLane: [f64; 2] => f64;
}

/// `i8x16.swizzle`: bytes of `a` by the indices in `b`; zero for an index beyond the last.
pub(crate) struct I8x16Swizzle;

lowered! { I8x16Swizzle: swizzle; }

impl VectorBinary for I8x16Swizzle {
    const NANS: Nans = Nans::None;

    #[inline(always)]
    fn eval(a: Vector, b: Vector) -> Vector {
        b.map(|index| if index < 16 { a[usize::from(index % 16)] } else { 0 })
    }
}

/// `i8x16.shuffle`: the third operand, an immediate, has indices into the bytes of both others.
pub(crate) struct I8x16Shuffle;

impl VectorTernary for I8x16Shuffle {
    const NANS: Nans = Nans::None;

    #[inline(always)]
    fn eval(a: Vector, b: Vector, indices: Vector) -> Vector {
        let mut both = [0; 32];
        both[..16].copy_from_slice(&a);
        both[16..].copy_from_slice(&b);
        indices.map(|index| both[usize::from(index % 32)])
    }
}
