//! Wide arithmetic: 128-bit sums and products of 64-bit operands, as two 64-bit halves.

/// A sum or difference of 128 bits.
pub(crate) trait Wide128 {
    fn eval(a: u128, b: u128) -> u128;
}

/// A product of 64-bit operands, of 128 bits.
pub(crate) trait MulWide {
    fn eval(a: u64, b: u64) -> u128;
}

/// `i64.add128`
pub(crate) struct I64Add128;

impl Wide128 for I64Add128 {
    #[inline(always)]
    fn eval(a: u128, b: u128) -> u128 {
        a.wrapping_add(b)
    }
}

/// `i64.sub128`
pub(crate) struct I64Sub128;

impl Wide128 for I64Sub128 {
    #[inline(always)]
    fn eval(a: u128, b: u128) -> u128 {
        a.wrapping_sub(b)
    }
}

/// `i64.mul_wide_s`
pub(crate) struct I64MulWideS;

impl MulWide for I64MulWideS {
    #[inline(always)]
    fn eval(a: u64, b: u64) -> u128 {
        (i128::from(a as i64) * i128::from(b as i64)) as u128
    }
}

/// `i64.mul_wide_u`
pub(crate) struct I64MulWideU;

impl MulWide for I64MulWideU {
    #[inline(always)]
    fn eval(a: u64, b: u64) -> u128 {
        u128::from(a) * u128::from(b)
    }
}
