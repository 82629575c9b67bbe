//! Floating-point operations that the processor's baseline lacks an instruction for, written so
//! that they need neither calls nor branches: the compiler makes vector instructions of them.

/// Float types, as far as these operations are concerned.
macro_rules! float_ops {
    ($module:ident, $ty:ident, $mantissa_bits:literal) => {
        pub(crate) mod $module {
            /// From this magnitude on, every value is an integer (or infinite, or a NaN).
            const ALL_INTEGERS: $ty = (1u64 << $mantissa_bits) as $ty;

            /// Rounds to an integer: `adjust` sees the value and the integer nearest to it.
            #[inline(always)]
            fn round_by(x: $ty, adjust: impl Fn($ty, $ty) -> $ty) -> $ty {
                // Adding and subtracting 2^mantissa rounds to an integer as the processor does.
                let nearest = ((x.abs() + ALL_INTEGERS) - ALL_INTEGERS).copysign(x);
                let rounded = adjust(x, nearest).copysign(x);
                // One that is an integer already stays, but for a signalling NaN.
                let quiet_bit = if x.is_nan() { 1 << ($mantissa_bits - 1) } else { 0 };
                let unchanged = $ty::from_bits(x.to_bits() | quiet_bit);
                if x.abs() < ALL_INTEGERS { rounded } else { unchanged }
            }

            /// `ceil`
            #[inline(always)]
            pub(crate) fn ceil(x: $ty) -> $ty {
                round_by(x, |x, n| n + if n < x { 1.0 } else { 0.0 })
            }

            /// `floor`
            #[inline(always)]
            pub(crate) fn floor(x: $ty) -> $ty {
                round_by(x, |x, n| n - if n > x { 1.0 } else { 0.0 })
            }

            /// `trunc`
            #[inline(always)]
            pub(crate) fn trunc(x: $ty) -> $ty {
                round_by(x, |x, n| n.abs() - if n.abs() > x.abs() { 1.0 } else { 0.0 })
            }

            /// `nearest`: ties to even.
            #[inline(always)]
            pub(crate) fn nearest(x: $ty) -> $ty {
                round_by(x, |_, n| n)
            }

            /// `min`: a NaN if either is one, and −0 below +0.
            #[inline(always)]
            pub(crate) fn min(a: $ty, b: $ty) -> $ty {
                // Both are the smaller one, or each is another one of two equal ones.
                let (x, y) = (if a < b { a } else { b }, if b < a { b } else { a });
                let smaller = $ty::from_bits(x.to_bits() | y.to_bits());
                if a.is_nan() | b.is_nan() { a + b } else { smaller }
            }

            /// `max`: a NaN if either is one, and +0 above −0.
            #[inline(always)]
            pub(crate) fn max(a: $ty, b: $ty) -> $ty {
                let (x, y) = (if a > b { a } else { b }, if b > a { b } else { a });
                let larger = $ty::from_bits(x.to_bits() & y.to_bits());
                if a.is_nan() | b.is_nan() { a + b } else { larger }
            }

            #[cfg(test)]
            mod tests {
                use super::*;

                /// Values around every boundary, both signs.
                fn samples() -> Vec<$ty> {
                    let mut values = vec![0.0, $ty::INFINITY, $ty::MAX, $ty::MIN_POSITIVE];
                    for exponent in -3..70 {
                        let power = (2.0 as $ty).powi(exponent);
                        for nudge in
                            [-1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5]
                        {
                            values.push(power + nudge);
                        }
                        values.push($ty::from_bits(power.to_bits() - 1));
                        values.push($ty::from_bits(power.to_bits() + 1));
                    }
                    let negative: Vec<$ty> = values.iter().map(|x| -x).collect();
                    values.extend(negative);
                    values
                }

                #[test]
                fn rounding_agrees_with_the_standard_library() {
                    for x in samples() {
                        assert_eq!(ceil(x).to_bits(), x.ceil().to_bits(), "ceil {x}");
                        assert_eq!(floor(x).to_bits(), x.floor().to_bits(), "floor {x}");
                        assert_eq!(trunc(x).to_bits(), x.trunc().to_bits(), "trunc {x}");
                        assert_eq!(
                            nearest(x).to_bits(),
                            x.round_ties_even().to_bits(),
                            "nearest {x}"
                        );
                    }
                }

                #[test]
                fn rounding_quiets_signalling_nans() {
                    let signalling = $ty::from_bits($ty::INFINITY.to_bits() | 1);
                    let quiet_bit = 1 << ($mantissa_bits - 1);
                    for op in [ceil, floor, trunc, nearest] {
                        assert_eq!(op(signalling).to_bits(), signalling.to_bits() | quiet_bit);
                    }
                }

                #[test]
                fn min_and_max_order_zeros_and_spread_nans() {
                    assert!(min(0.0, -0.0).is_sign_negative() && min(-0.0, 0.0).is_sign_negative());
                    assert!(max(0.0, -0.0).is_sign_positive() && max(-0.0, 0.0).is_sign_positive());
                    assert!(min($ty::NAN, 1.0).is_nan() && min(1.0, $ty::NAN).is_nan());
                    assert!(max($ty::NAN, 1.0).is_nan() && max(1.0, $ty::NAN).is_nan());
                    assert_eq!((min(1.0, 2.0), max(1.0, 2.0)), (1.0, 2.0));
                }
            }
        }
    };
}

float_ops!(f32_ops, f32, 23);
float_ops!(f64_ops, f64, 52);
