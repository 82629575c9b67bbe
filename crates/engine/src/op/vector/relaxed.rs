//! Relaxed operations. Where the specification offers a choice of results, these are the ones of
//! its deterministic profile, the same on every host. Most are another operation's.

use super::*;

/// `i8x16.relaxed_swizzle`: an index beyond the last gives zero.
pub(crate) type I8x16RelaxedSwizzle = I8x16Swizzle;
/// `i32x4.relaxed_trunc_f32x4_s`: saturates.
pub(crate) type I32x4RelaxedTruncF32x4S = I32x4TruncSatF32x4S;
/// `i32x4.relaxed_trunc_f32x4_u`: saturates.
pub(crate) type I32x4RelaxedTruncF32x4U = I32x4TruncSatF32x4U;
/// `i32x4.relaxed_trunc_f64x2_s_zero`: saturates.
pub(crate) type I32x4RelaxedTruncF64x2SZero = I32x4TruncSatF64x2SZero;
/// `i32x4.relaxed_trunc_f64x2_u_zero`: saturates.
pub(crate) type I32x4RelaxedTruncF64x2UZero = I32x4TruncSatF64x2UZero;
/// `i8x16.relaxed_laneselect`: selects bit by bit.
pub(crate) type I8x16RelaxedLaneselect = V128Bitselect;
/// `i16x8.relaxed_laneselect`: selects bit by bit.
pub(crate) type I16x8RelaxedLaneselect = V128Bitselect;
/// `i32x4.relaxed_laneselect`: selects bit by bit.
pub(crate) type I32x4RelaxedLaneselect = V128Bitselect;
/// `i64x2.relaxed_laneselect`: selects bit by bit.
pub(crate) type I64x2RelaxedLaneselect = V128Bitselect;
/// `f32x4.relaxed_min`: as `f32x4.min`.
pub(crate) type F32x4RelaxedMin = F32x4Min;
/// `f32x4.relaxed_max`: as `f32x4.max`.
pub(crate) type F32x4RelaxedMax = F32x4Max;
/// `f64x2.relaxed_min`: as `f64x2.min`.
pub(crate) type F64x2RelaxedMin = F64x2Min;
/// `f64x2.relaxed_max`: as `f64x2.max`.
pub(crate) type F64x2RelaxedMax = F64x2Max;
/// `i16x8.relaxed_q15mulr_s`: saturates.
pub(crate) type I16x8RelaxedQ15mulrS = I16x8Q15MulrSatS;

vector_ops! { binary all exact:
    // Both operands are signed, and the sum of two products wraps.
    I16x8RelaxedDotI8x16I7x16S: [i8; 16] => [i16; 8], |a, b| {
        pairwise(zip(a, b, |a, b| i16::from(a) * i16::from(b)), i16::wrapping_add)
    };
}

/// `i32x4.relaxed_dot_i8x16_i7x16_add_s`: sums of two neighbours of the dot product, added to `c`.
pub(crate) struct I32x4RelaxedDotI8x16I7x16AddS;

lowered! { I32x4RelaxedDotI8x16I7x16AddS: vector_ternary; }

impl VectorTernary for I32x4RelaxedDotI8x16I7x16AddS {
    const NANS: Nans = Nans::None;

    #[inline(always)]
    fn eval(a: Vector, b: Vector, c: Vector) -> Vector {
        let products = <[i16; 8]>::of(I16x8RelaxedDotI8x16I7x16S::eval(a, b));
        let sums = pairwise(products, |a, b| i32::from(a) + i32::from(b));
        zip(sums, <[i32; 4]>::of(c), i32::wrapping_add).vector()
    }
}

/// Multiplication and addition with one rounding: `madd` is a × b + c, `nmadd` −(a × b) + c.
///
/// They may call the host's C library, so they want to be out of line.
macro_rules! multiply_add {
    ($($name:ident: $lanes:ty, |$a:ident| $left:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_ternary_slow; }
        impl VectorTernary for $name {
            const NANS: Nans = <$lanes as Lanes>::NANS;

            fn eval(a: Vector, b: Vector, c: Vector) -> Vector {
                let (a, b, c) = (<$lanes>::of(a), <$lanes>::of(b), <$lanes>::of(c));
                let left = a.map(|$a| $left);
                let lane = |index: usize| left[index].mul_add(b[index], c[index]);
                let result: $lanes = lanes(lane);
                result.vector()
            }
        }
    )*};
}

multiply_add! {
    F32x4RelaxedMadd: [f32; 4], |a| a;
    F32x4RelaxedNmadd: [f32; 4], |a| -a;
    F64x2RelaxedMadd: [f64; 2], |a| a;
    F64x2RelaxedNmadd: [f64; 2], |a| -a;
}
