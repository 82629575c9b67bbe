//! Integer lanes, and vectors as mere bits.

use super::*;

vector_ops! { unary exact:
    V128Not: [u64; 2], |x| !x;
    I8x16Abs: [i8; 16], |x| x.wrapping_abs();
    I8x16Neg: [i8; 16], |x| x.wrapping_neg();
    I16x8Abs: [i16; 8], |x| x.wrapping_abs();
    I16x8Neg: [i16; 8], |x| x.wrapping_neg();
    I32x4Abs: [i32; 4], |x| x.wrapping_abs();
    I32x4Neg: [i32; 4], |x| x.wrapping_neg();
    I64x2Abs: [i64; 2], |x| x.wrapping_abs();
    I64x2Neg: [i64; 2], |x| x.wrapping_neg();
    I8x16Popcnt: [u8; 16], |x| x.count_ones() as u8;
}

/// A lane of all ones or all zeros, for a comparison.
macro_rules! mask {
    ($ty:ty, $truth:expr) => {
        -<$ty>::from($truth)
    };
}

vector_ops! { binary exact:
    V128And: [u64; 2], |a, b| a & b;
    V128AndNot: [u64; 2], |a, b| a & !b;
    V128Or: [u64; 2], |a, b| a | b;
    V128Xor: [u64; 2], |a, b| a ^ b;

    I8x16Eq: [i8; 16], |a, b| mask!(i8, a == b);
    I8x16Ne: [i8; 16], |a, b| mask!(i8, a != b);
    I8x16LtS: [i8; 16], |a, b| mask!(i8, a < b);
    I8x16LtU: [u8; 16], |a, b| mask!(i8, a < b);
    I8x16GtS: [i8; 16], |a, b| mask!(i8, a > b);
    I8x16GtU: [u8; 16], |a, b| mask!(i8, a > b);
    I8x16LeS: [i8; 16], |a, b| mask!(i8, a <= b);
    I8x16LeU: [u8; 16], |a, b| mask!(i8, a <= b);
    I8x16GeS: [i8; 16], |a, b| mask!(i8, a >= b);
    I8x16GeU: [u8; 16], |a, b| mask!(i8, a >= b);
    I8x16Add: [u8; 16], |a, b| a.wrapping_add(b);
    I8x16Sub: [u8; 16], |a, b| a.wrapping_sub(b);
    I8x16MinS: [i8; 16], |a, b| a.min(b);
    I8x16MinU: [u8; 16], |a, b| a.min(b);
    I8x16MaxS: [i8; 16], |a, b| a.max(b);
    I8x16MaxU: [u8; 16], |a, b| a.max(b);
    I8x16AddSatS: [i8; 16], |a, b| a.saturating_add(b);
    I8x16AddSatU: [u8; 16], |a, b| a.saturating_add(b);
    I8x16SubSatS: [i8; 16], |a, b| a.saturating_sub(b);
    I8x16SubSatU: [u8; 16], |a, b| a.saturating_sub(b);
    I8x16AvgrU: [u8; 16], |a, b| ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;

    I16x8Eq: [i16; 8], |a, b| mask!(i16, a == b);
    I16x8Ne: [i16; 8], |a, b| mask!(i16, a != b);
    I16x8LtS: [i16; 8], |a, b| mask!(i16, a < b);
    I16x8LtU: [u16; 8], |a, b| mask!(i16, a < b);
    I16x8GtS: [i16; 8], |a, b| mask!(i16, a > b);
    I16x8GtU: [u16; 8], |a, b| mask!(i16, a > b);
    I16x8LeS: [i16; 8], |a, b| mask!(i16, a <= b);
    I16x8LeU: [u16; 8], |a, b| mask!(i16, a <= b);
    I16x8GeS: [i16; 8], |a, b| mask!(i16, a >= b);
    I16x8GeU: [u16; 8], |a, b| mask!(i16, a >= b);
    I16x8Add: [u16; 8], |a, b| a.wrapping_add(b);
    I16x8Sub: [u16; 8], |a, b| a.wrapping_sub(b);
    I16x8Mul: [u16; 8], |a, b| a.wrapping_mul(b);
    I16x8MinS: [i16; 8], |a, b| a.min(b);
    I16x8MinU: [u16; 8], |a, b| a.min(b);
    I16x8MaxS: [i16; 8], |a, b| a.max(b);
    I16x8MaxU: [u16; 8], |a, b| a.max(b);
    I16x8AddSatS: [i16; 8], |a, b| a.saturating_add(b);
    I16x8AddSatU: [u16; 8], |a, b| a.saturating_add(b);
    I16x8SubSatS: [i16; 8], |a, b| a.saturating_sub(b);
    I16x8SubSatU: [u16; 8], |a, b| a.saturating_sub(b);
    I16x8AvgrU: [u16; 8], |a, b| ((u32::from(a) + u32::from(b) + 1) >> 1) as u16;

    I32x4Eq: [i32; 4], |a, b| mask!(i32, a == b);
    I32x4Ne: [i32; 4], |a, b| mask!(i32, a != b);
    I32x4LtS: [i32; 4], |a, b| mask!(i32, a < b);
    I32x4LtU: [u32; 4], |a, b| mask!(i32, a < b);
    I32x4GtS: [i32; 4], |a, b| mask!(i32, a > b);
    I32x4GtU: [u32; 4], |a, b| mask!(i32, a > b);
    I32x4LeS: [i32; 4], |a, b| mask!(i32, a <= b);
    I32x4LeU: [u32; 4], |a, b| mask!(i32, a <= b);
    I32x4GeS: [i32; 4], |a, b| mask!(i32, a >= b);
    I32x4GeU: [u32; 4], |a, b| mask!(i32, a >= b);
    I32x4Add: [u32; 4], |a, b| a.wrapping_add(b);
    I32x4Sub: [u32; 4], |a, b| a.wrapping_sub(b);
    I32x4Mul: [u32; 4], |a, b| a.wrapping_mul(b);
    I32x4MinS: [i32; 4], |a, b| a.min(b);
    I32x4MinU: [u32; 4], |a, b| a.min(b);
    I32x4MaxS: [i32; 4], |a, b| a.max(b);
    I32x4MaxU: [u32; 4], |a, b| a.max(b);

    I64x2Eq: [i64; 2], |a, b| mask!(i64, a == b);
    I64x2Ne: [i64; 2], |a, b| mask!(i64, a != b);
    I64x2LtS: [i64; 2], |a, b| mask!(i64, a < b);
    I64x2GtS: [i64; 2], |a, b| mask!(i64, a > b);
    I64x2LeS: [i64; 2], |a, b| mask!(i64, a <= b);
    I64x2GeS: [i64; 2], |a, b| mask!(i64, a >= b);
    I64x2Add: [u64; 2], |a, b| a.wrapping_add(b);
    I64x2Sub: [u64; 2], |a, b| a.wrapping_sub(b);
    I64x2Mul: [u64; 2], |a, b| a.wrapping_mul(b);
    I16x8Q15MulrSatS: [i16; 8], |a, b| q15_multiply(a, b);
}

/// The product of numbers between −1 and 1 with 15 bits after the point, rounded.
#[inline(always)]
fn q15_multiply(a: i16, b: i16) -> i16 {
    // Only the square of −1 is out of range.
    ((i32::from(a) * i32::from(b) + 0x4000) >> 15).min(i32::from(i16::MAX)) as i16
}

vector_ops! { shift:
    I8x16Shl: [u8; 16], |x, count| x.wrapping_shl(count);
    I8x16ShrS: [i8; 16], |x, count| x.wrapping_shr(count);
    I8x16ShrU: [u8; 16], |x, count| x.wrapping_shr(count);
    I16x8Shl: [u16; 8], |x, count| x.wrapping_shl(count);
    I16x8ShrS: [i16; 8], |x, count| x.wrapping_shr(count);
    I16x8ShrU: [u16; 8], |x, count| x.wrapping_shr(count);
    I32x4Shl: [u32; 4], |x, count| x.wrapping_shl(count);
    I32x4ShrS: [i32; 4], |x, count| x.wrapping_shr(count);
    I32x4ShrU: [u32; 4], |x, count| x.wrapping_shr(count);
    I64x2Shl: [u64; 2], |x, count| x.wrapping_shl(count);
    I64x2ShrS: [i64; 2], |x, count| x.wrapping_shr(count);
    I64x2ShrU: [u64; 2], |x, count| x.wrapping_shr(count);
}

vector_ops! { test:
    V128AnyTrue: [u64; 2], |x| 1 - none(x);
    I8x16AllTrue: [i8; 16], |x| none(map(x, |x| mask!(i8, x == 0)));
    I8x16Bitmask: [u64; 2], |x| sign_bits(x[0]) | sign_bits(x[1]) << 8;
    I16x8AllTrue: [i16; 8], |x| none(map(x, |x| mask!(i16, x == 0)));
    I16x8Bitmask: [i16; 8], |x| bitmask(map(x, |x| x < 0));
    I32x4AllTrue: [i32; 4], |x| none(map(x, |x| mask!(i32, x == 0)));
    I32x4Bitmask: [i32; 4], |x| bitmask(map(x, |x| x < 0));
    I64x2AllTrue: [i64; 2], |x| none(map(x, |x| mask!(i64, x == 0)));
    I64x2Bitmask: [i64; 2], |x| bitmask(map(x, |x| x < 0));
}

/// 1 if no bit of a vector is set, else 0.
#[inline(always)]
fn none(x: impl Lanes) -> u32 {
    let [low, high] = <[u64; 2]>::of(x.vector());
    u32::from(low | high == 0)
}

/// The highest bit of byte `n` as bit `n`.
#[inline(always)]
fn sign_bits(bytes: u64) -> u32 {
    // Each bit is added at the top by a power of two of its own; no two meet below it.
    let bits = bytes >> 7 & 0x0101_0101_0101_0101;
    (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// Lane `n` as bit `n`.
#[inline(always)]
fn bitmask<const N: usize>(lanes: [bool; N]) -> u32 {
    lanes.iter().rev().fold(0, |mask, &lane| mask << 1 | u32::from(lane))
}

// Narrower lanes, saturated.
vector_ops! { binary all exact:
    I8x16NarrowI16x8S: [i16; 8] => [i8; 16], |a, b| map(join(a, b), |x: i16| x.clamp(i8::MIN.into(), i8::MAX.into()) as i8);
    I8x16NarrowI16x8U: [i16; 8] => [u8; 16], |a, b| map(join(a, b), |x: i16| x.clamp(u8::MIN.into(), u8::MAX.into()) as u8);
    I16x8NarrowI32x4S: [i32; 4] => [i16; 8], |a, b| map(join(a, b), |x: i32| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16);
    I16x8NarrowI32x4U: [i32; 4] => [u16; 8], |a, b| map(join(a, b), |x: i32| x.clamp(u16::MIN.into(), u16::MAX.into()) as u16);

    I32x4DotI16x8S: [i16; 8] => [i32; 4], |a, b| {
        let products = zip(a, b, |a, b| i32::from(a) * i32::from(b));
        pairwise(products, i32::wrapping_add)
    };

    // Products of twice the width.
    I16x8ExtMulLowI8x16S: [i8; 16] => [i16; 8], |a, b| zip_part(a, b, 0, |a, b| i16::from(a) * i16::from(b));
    I16x8ExtMulLowI8x16U: [u8; 16] => [u16; 8], |a, b| zip_part(a, b, 0, |a, b| u16::from(a) * u16::from(b));
    I16x8ExtMulHighI8x16S: [i8; 16] => [i16; 8], |a, b| zip_part(a, b, 8, |a, b| i16::from(a) * i16::from(b));
    I16x8ExtMulHighI8x16U: [u8; 16] => [u16; 8], |a, b| zip_part(a, b, 8, |a, b| u16::from(a) * u16::from(b));
    I32x4ExtMulLowI16x8S: [i16; 8] => [i32; 4], |a, b| zip_part(a, b, 0, |a, b| i32::from(a) * i32::from(b));
    I32x4ExtMulLowI16x8U: [u16; 8] => [u32; 4], |a, b| zip_part(a, b, 0, |a, b| u32::from(a) * u32::from(b));
    I32x4ExtMulHighI16x8S: [i16; 8] => [i32; 4], |a, b| zip_part(a, b, 4, |a, b| i32::from(a) * i32::from(b));
    I32x4ExtMulHighI16x8U: [u16; 8] => [u32; 4], |a, b| zip_part(a, b, 4, |a, b| u32::from(a) * u32::from(b));
    I64x2ExtMulLowI32x4S: [i32; 4] => [i64; 2], |a, b| zip_part(a, b, 0, |a, b| i64::from(a) * i64::from(b));
    I64x2ExtMulLowI32x4U: [u32; 4] => [u64; 2], |a, b| zip_part(a, b, 0, |a, b| u64::from(a) * u64::from(b));
    I64x2ExtMulHighI32x4S: [i32; 4] => [i64; 2], |a, b| zip_part(a, b, 2, |a, b| i64::from(a) * i64::from(b));
    I64x2ExtMulHighI32x4U: [u32; 4] => [u64; 2], |a, b| zip_part(a, b, 2, |a, b| u64::from(a) * u64::from(b));
}

// Wider lanes.
vector_ops! { unary all exact:
    I16x8ExtendLowI8x16S: [i8; 16] => [i16; 8], |x| part(x, 0, i16::from);
    I16x8ExtendLowI8x16U: [u8; 16] => [u16; 8], |x| part(x, 0, u16::from);
    I16x8ExtendHighI8x16S: [i8; 16] => [i16; 8], |x| part(x, 8, i16::from);
    I16x8ExtendHighI8x16U: [u8; 16] => [u16; 8], |x| part(x, 8, u16::from);
    I32x4ExtendLowI16x8S: [i16; 8] => [i32; 4], |x| part(x, 0, i32::from);
    I32x4ExtendLowI16x8U: [u16; 8] => [u32; 4], |x| part(x, 0, u32::from);
    I32x4ExtendHighI16x8S: [i16; 8] => [i32; 4], |x| part(x, 4, i32::from);
    I32x4ExtendHighI16x8U: [u16; 8] => [u32; 4], |x| part(x, 4, u32::from);
    I64x2ExtendLowI32x4S: [i32; 4] => [i64; 2], |x| part(x, 0, i64::from);
    I64x2ExtendLowI32x4U: [u32; 4] => [u64; 2], |x| part(x, 0, u64::from);
    I64x2ExtendHighI32x4S: [i32; 4] => [i64; 2], |x| part(x, 2, i64::from);
    I64x2ExtendHighI32x4U: [u32; 4] => [u64; 2], |x| part(x, 2, u64::from);
    I16x8ExtAddPairwiseI8x16S: [i8; 16] => [i16; 8], |x| pairwise(x, |a, b| i16::from(a) + i16::from(b));
    I16x8ExtAddPairwiseI8x16U: [u8; 16] => [u16; 8], |x| pairwise(x, |a, b| u16::from(a) + u16::from(b));
    I32x4ExtAddPairwiseI16x8S: [i16; 8] => [i32; 4], |x| pairwise(x, |a, b| i32::from(a) + i32::from(b));
    I32x4ExtAddPairwiseI16x8U: [u16; 8] => [u32; 4], |x| pairwise(x, |a, b| u32::from(a) + u32::from(b));
}

/// `v128.bitselect`: `c`'s ones take bits from `a`, its zeros from `b`.
pub(crate) struct V128Bitselect;

lowered! { V128Bitselect: vector_ternary; }

impl VectorTernary for V128Bitselect {
    const NANS: Nans = Nans::None;

    #[inline(always)]
    fn eval(a: Vector, b: Vector, c: Vector) -> Vector {
        let (a, b, c) = (<[u64; 2]>::of(a), <[u64; 2]>::of(b), <[u64; 2]>::of(c));
        [a[0] & c[0] | b[0] & !c[0], a[1] & c[1] | b[1] & !c[1]].vector()
    }
}
