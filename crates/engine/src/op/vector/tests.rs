//! Lanes against arithmetic on `i128`, which is wide enough for every result before it wraps.

use super::*;
use crate::op::access::lane::*;

/// Vectors of edge values and of random ones.
fn samples() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for byte in [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
        vectors.push([byte; 16]);
    }
    for (low, high) in [(0x00, 0x80), (0xff, 0x7f), (0x01, 0x80), (0x01, 0x00), (0x00, 0xff)] {
        for width in [2, 4, 8] {
            let byte = |at: usize| if at % width == width - 1 { high } else { low };
            vectors.push(std::array::from_fn(byte));
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..60 {
        vectors.push(std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        }));
    }
    vectors
}

/// The lanes of a width in bits, read as signed or unsigned numbers.
fn numbers(vector: Vector, bits: u32, signed: bool) -> Vec<i128> {
    let whole = u128::from_le_bytes(vector);
    let lane = |index: u32| {
        let above = 128 - bits;
        let at_the_top = (whole >> (index * bits)) << above;
        if signed { at_the_top as i128 >> above } else { (at_the_top >> above) as i128 }
    };
    (0..128 / bits).map(lane).collect()
}

/// A vector of lanes of a width, each cut to it.
fn vector_of(lanes: impl IntoIterator<Item = i128>, bits: u32) -> Vector {
    let mask = u128::MAX >> (128 - bits);
    let place = |(index, lane): (usize, i128)| (lane as u128 & mask) << (index as u32 * bits);
    lanes.into_iter().enumerate().map(place).fold(0, |whole, lane| whole | lane).to_le_bytes()
}

const S: bool = true;
const U: bool = false;

fn check_unary<O: VectorUnary>(from: (u32, bool), to: u32, lanes: impl Fn(&[i128]) -> Vec<i128>) {
    for x in samples() {
        let expected = vector_of(lanes(&numbers(x, from.0, from.1)), to);
        assert_eq!(O::eval(x), expected, "{} {x:02x?}", std::any::type_name::<O>());
    }
}

fn check_binary<O: VectorBinary>(
    from: (u32, bool),
    to: u32,
    lanes: impl Fn(&[i128], &[i128]) -> Vec<i128>,
) {
    for a in samples() {
        for b in samples() {
            let (x, y) = (numbers(a, from.0, from.1), numbers(b, from.0, from.1));
            let expected = vector_of(lanes(&x, &y), to);
            let name = std::any::type_name::<O>();
            assert_eq!(O::eval(a, b), expected, "{name} {a:02x?} {b:02x?}");
        }
    }
}

/// Checks operations with one result for each lane.
macro_rules! by_lane {
    ($(($bits:literal, $sign:ident) $($name:ident: |$($arg:ident),+| $result:expr;)*)*) => {$($(
        by_lane!(@ $name ($bits, $sign) ($($arg)+) $result);
    )*)*};
    (@ $name:ident ($bits:literal, $sign:ident) ($x:ident) $result:expr) => {
        check_unary::<$name>(($bits, $sign), $bits, |x| x.iter().map(|&$x| $result).collect());
    };
    (@ $name:ident ($bits:literal, $sign:ident) ($a:ident $b:ident) $result:expr) => {
        check_binary::<$name>(($bits, $sign), $bits, |a, b| {
            a.iter().zip(b).map(|(&$a, &$b)| $result).collect()
        });
    };
}

fn saturate(x: i128, bits: u32, signed: bool) -> i128 {
    let (low, high) = match signed {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1 << bits) - 1),
    };
    x.clamp(low, high)
}

#[test]
fn arithmetic_by_lane() {
    by_lane! {
        (8, S)
        I8x16Add: |a, b| a + b; I8x16Sub: |a, b| a - b; I8x16MinS: |a, b| a.min(b);
        I8x16MaxS: |a, b| a.max(b); I8x16Abs: |x| x.abs(); I8x16Neg: |x| -x;
        I8x16AddSatS: |a, b| saturate(a + b, 8, S); I8x16SubSatS: |a, b| saturate(a - b, 8, S);
        (8, U)
        I8x16MinU: |a, b| a.min(b); I8x16MaxU: |a, b| a.max(b);
        I8x16AvgrU: |a, b| (a + b + 1) / 2; I8x16Popcnt: |x| i128::from(x.count_ones());
        I8x16AddSatU: |a, b| saturate(a + b, 8, U); I8x16SubSatU: |a, b| saturate(a - b, 8, U);
        (16, S)
        I16x8Add: |a, b| a + b; I16x8Sub: |a, b| a - b; I16x8Mul: |a, b| a * b;
        I16x8MinS: |a, b| a.min(b); I16x8MaxS: |a, b| a.max(b); I16x8Abs: |x| x.abs();
        I16x8Neg: |x| -x; I16x8Q15MulrSatS: |a, b| saturate((a * b + 0x4000) >> 15, 16, S);
        I16x8AddSatS: |a, b| saturate(a + b, 16, S); I16x8SubSatS: |a, b| saturate(a - b, 16, S);
        (16, U)
        I16x8MinU: |a, b| a.min(b); I16x8MaxU: |a, b| a.max(b); I16x8AvgrU: |a, b| (a + b + 1) / 2;
        I16x8AddSatU: |a, b| saturate(a + b, 16, U); I16x8SubSatU: |a, b| saturate(a - b, 16, U);
        (32, S)
        I32x4Add: |a, b| a + b; I32x4Sub: |a, b| a - b; I32x4Mul: |a, b| a * b;
        I32x4MinS: |a, b| a.min(b); I32x4MaxS: |a, b| a.max(b); I32x4Abs: |x| x.abs();
        I32x4Neg: |x| -x;
        (32, U)
        I32x4MinU: |a, b| a.min(b); I32x4MaxU: |a, b| a.max(b);
        (64, S)
        I64x2Add: |a, b| a + b; I64x2Sub: |a, b| a - b; I64x2Mul: |a, b| a.wrapping_mul(b);
        I64x2Abs: |x| x.abs(); I64x2Neg: |x| -x;
        V128Not: |x| !x; V128And: |a, b| a & b; V128AndNot: |a, b| a & !b; V128Or: |a, b| a | b;
        V128Xor: |a, b| a ^ b;
    }
}

#[test]
fn comparisons_by_lane() {
    macro_rules! compare {
        ($($bits:literal: $($eq:ident $ne:ident)?, $sign:ident $lt:ident $gt:ident $le:ident $ge:ident;)*) => {$(
            by_lane! {
                ($bits, $sign)
                $($eq: |a, b| -i128::from(a == b); $ne: |a, b| -i128::from(a != b);)?
                $lt: |a, b| -i128::from(a < b); $gt: |a, b| -i128::from(a > b);
                $le: |a, b| -i128::from(a <= b); $ge: |a, b| -i128::from(a >= b);
            }
        )*};
    }
    compare! {
        8: I8x16Eq I8x16Ne, S I8x16LtS I8x16GtS I8x16LeS I8x16GeS;
        8: , U I8x16LtU I8x16GtU I8x16LeU I8x16GeU;
        16: I16x8Eq I16x8Ne, S I16x8LtS I16x8GtS I16x8LeS I16x8GeS;
        16: , U I16x8LtU I16x8GtU I16x8LeU I16x8GeU;
        32: I32x4Eq I32x4Ne, S I32x4LtS I32x4GtS I32x4LeS I32x4GeS;
        32: , U I32x4LtU I32x4GtU I32x4LeU I32x4GeU;
        64: I64x2Eq I64x2Ne, S I64x2LtS I64x2GtS I64x2LeS I64x2GeS;
    }
}

/// Lanes that become narrower or wider, signed and unsigned.
#[test]
fn lanes_change_width() {
    macro_rules! narrow {
        ($($name:ident: $from:literal => $to:literal $sign:ident;)*) => {$(
            check_binary::<$name>(($from, S), $to, |a, b| {
                a.iter().chain(b).map(|&x| saturate(x, $to, $sign)).collect()
            });
        )*};
    }
    narrow! {
        I8x16NarrowI16x8S: 16 => 8 S; I8x16NarrowI16x8U: 16 => 8 U;
        I16x8NarrowI32x4S: 32 => 16 S; I16x8NarrowI32x4U: 32 => 16 U;
    }
    macro_rules! widen {
        ($($from:literal => $to:literal $sign:ident: $low:ident $high:ident, $mul_low:ident $mul_high:ident;)*) => {$(
            let half = 128 / $to;
            check_unary::<$low>(($from, $sign), $to, |x| x[..half].to_vec());
            check_unary::<$high>(($from, $sign), $to, |x| x[half..].to_vec());
            let products = |a: &[i128], b: &[i128]| a.iter().zip(b).map(|(a, b)| a * b).collect();
            check_binary::<$mul_low>(($from, $sign), $to, |a, b| products(&a[..half], &b[..half]));
            check_binary::<$mul_high>(($from, $sign), $to, |a, b| products(&a[half..], &b[half..]));
        )*};
    }
    widen! {
        8 => 16 S: I16x8ExtendLowI8x16S I16x8ExtendHighI8x16S, I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S;
        8 => 16 U: I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U, I16x8ExtMulLowI8x16U I16x8ExtMulHighI8x16U;
        16 => 32 S: I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S, I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S;
        16 => 32 U: I32x4ExtendLowI16x8U I32x4ExtendHighI16x8U, I32x4ExtMulLowI16x8U I32x4ExtMulHighI16x8U;
        32 => 64 S: I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S, I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S;
        32 => 64 U: I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U, I64x2ExtMulLowI32x4U I64x2ExtMulHighI32x4U;
    }
    let pairs = |x: &[i128]| x.chunks(2).map(|pair| pair[0] + pair[1]).collect();
    check_unary::<I16x8ExtAddPairwiseI8x16S>((8, S), 16, pairs);
    check_unary::<I16x8ExtAddPairwiseI8x16U>((8, U), 16, pairs);
    check_unary::<I32x4ExtAddPairwiseI16x8S>((16, S), 32, pairs);
    check_unary::<I32x4ExtAddPairwiseI16x8U>((16, U), 32, pairs);
    let dot = |a: &[i128], b: &[i128]| {
        let products: Vec<i128> = a.iter().zip(b).map(|(a, b)| a * b).collect();
        pairs(&products)
    };
    check_binary::<I32x4DotI16x8S>((16, S), 32, dot);
    check_binary::<I16x8RelaxedDotI8x16I7x16S>((8, S), 16, dot);
}

#[test]
fn loads_extend_as_the_operations_do() {
    use crate::op::access::scalar::MemoryLoad;
    fn check<L: MemoryLoad<Raw = u64, Out = Vector>, O: VectorUnary>() {
        for x in samples() {
            let [low, _] = <[u64; 2]>::of(x);
            assert_eq!(L::extend(low), O::eval(x), "{} {x:02x?}", std::any::type_name::<L>());
        }
    }
    check::<V128Load8x8S, I16x8ExtendLowI8x16S>();
    check::<V128Load8x8U, I16x8ExtendLowI8x16U>();
    check::<V128Load16x4S, I32x4ExtendLowI16x8S>();
    check::<V128Load16x4U, I32x4ExtendLowI16x8U>();
    check::<V128Load32x2S, I64x2ExtendLowI32x4S>();
    check::<V128Load32x2U, I64x2ExtendLowI32x4U>();
}

#[test]
fn shifts_take_the_count_modulo_the_width() {
    fn check<O: VectorShift>(bits: u32, sign: bool, shift: impl Fn(i128, u32) -> i128) {
        for x in samples() {
            for count in [0, 1, 7, 8, 9, 15, 16, 31, 32, 63, 64, 65, 1000, u32::MAX] {
                let lanes = numbers(x, bits, sign).into_iter();
                let expected = vector_of(lanes.map(|x| shift(x, count % bits)), bits);
                let name = std::any::type_name::<O>();
                assert_eq!(O::eval(x, count), expected, "{name} {x:02x?} by {count}");
            }
        }
    }
    macro_rules! shifts {
        ($($bits:literal: $left:ident $right_s:ident $right_u:ident;)*) => {$(
            check::<$left>($bits, S, |x, count| x << count);
            check::<$right_s>($bits, S, |x, count| x >> count);
            check::<$right_u>($bits, U, |x, count| x >> count);
        )*};
    }
    shifts! {
        8: I8x16Shl I8x16ShrS I8x16ShrU;
        16: I16x8Shl I16x8ShrS I16x8ShrU;
        32: I32x4Shl I32x4ShrS I32x4ShrU;
        64: I64x2Shl I64x2ShrS I64x2ShrU;
    }
}

#[test]
fn questions_about_all_lanes() {
    fn check<O: VectorTest>(bits: u32, answer: impl Fn(Vec<i128>) -> u32) {
        let sparse = (0..128).map(|bit| (1u128 << bit).to_le_bytes());
        let full = (0..16).map(|zero| std::array::from_fn(|at| u8::from(at != zero)));
        for x in samples().into_iter().chain(sparse).chain(full) {
            let name = std::any::type_name::<O>();
            assert_eq!(O::eval(x), answer(numbers(x, bits, S)), "{name} {x:02x?}");
        }
    }
    let all = |lanes: Vec<i128>| u32::from(lanes.iter().all(|&x| x != 0));
    let mask = |lanes: Vec<i128>| (0..).zip(lanes).map(|(n, x)| u32::from(x < 0) << n).sum();
    check::<V128AnyTrue>(8, |lanes| u32::from(lanes.iter().any(|&x| x != 0)));
    check::<I8x16AllTrue>(8, all);
    check::<I16x8AllTrue>(16, all);
    check::<I32x4AllTrue>(32, all);
    check::<I64x2AllTrue>(64, all);
    check::<I8x16Bitmask>(8, mask);
    check::<I16x8Bitmask>(16, mask);
    check::<I32x4Bitmask>(32, mask);
    check::<I64x2Bitmask>(64, mask);
}

#[test]
fn bits_and_bytes_are_chosen() {
    for (a, b) in samples().into_iter().zip(samples().into_iter().rev()) {
        let (x, y) = (u128::from_le_bytes(a), u128::from_le_bytes(b));
        for c in samples() {
            let mask = u128::from_le_bytes(c);
            let expected = (x & mask | y & !mask).to_le_bytes();
            assert_eq!(V128Bitselect::eval(a, b, c), expected);
            let swizzled = std::array::from_fn(|at| a.get(usize::from(c[at])).map_or(0, |&x| x));
            assert_eq!(I8x16Swizzle::eval(a, c), swizzled);
            let indices = c.map(|byte| byte % 32);
            let both = [a, b].concat();
            let shuffled = std::array::from_fn(|at| both[usize::from(indices[at])]);
            assert_eq!(I8x16Shuffle::eval(a, b, indices), shuffled);
        }
    }
}

#[test]
fn lanes_are_read_and_written_one_by_one() {
    for x in samples() {
        for lane in 0..16 {
            assert_eq!(I8x16ExtractLaneU::eval(x, lane), u32::from(x[lane]));
            assert_eq!(I8x16ExtractLaneS::eval(x, lane), i32::from(x[lane] as i8));
            let mut expected = x;
            expected[lane] = 0x5a;
            assert_eq!(I8x16ReplaceLane::eval(x, lane, 0x1234_565a), expected);
            assert_eq!(Lane8::replace(x, lane, 0x5a), expected);
            assert_eq!(Lane8::extract(expected, lane), 0x5a);
        }
        for lane in 0..2 {
            let value = f64::from_bits(0x7ff0_1234_5678_9abc);
            let replaced = F64x2ReplaceLane::eval(x, lane, value);
            assert_eq!(F64x2ExtractLane::eval(replaced, lane).to_bits(), value.to_bits());
            let other = I64x2ExtractLane::eval(x, 1 - lane);
            assert_eq!(I64x2ExtractLane::eval(replaced, 1 - lane), other);
        }
    }
    assert_eq!(I16x8Splat::eval(0xffff_1234), [0x34, 0x12].repeat(8)[..]);
}

/// Floats lane by lane, against the standard library's operations.
#[test]
fn float_lanes() {
    macro_rules! check {
        ($lanes:ty, $name:ident, |$a:ident, $b:ident| $expected:expr) => {
            for a in samples() {
                for b in samples() {
                    let result = <$lanes>::of($name::eval(a, b));
                    for ((&$a, &$b), found) in
                        <$lanes>::of(a).iter().zip(&<$lanes>::of(b)).zip(result)
                    {
                        let expected = $expected;
                        let same = expected.is_nan() && found.is_nan()
                            || expected.to_bits() == found.to_bits();
                        assert!(same, "{} {} {}: {found}", stringify!($name), $a, $b);
                    }
                }
            }
        };
    }
    macro_rules! shape {
        ($lanes:ty, $ty:ty: $add:ident $sub:ident $mul:ident $div:ident $min:ident $max:ident $pmin:ident $pmax:ident) => {
            check!($lanes, $add, |a, b| a + b);
            check!($lanes, $sub, |a, b| a - b);
            check!($lanes, $mul, |a, b| a * b);
            check!($lanes, $div, |a, b| a / b);
            check!($lanes, $min, |a, b| match a.partial_cmp(&b) {
                None => <$ty>::NAN,
                Some(std::cmp::Ordering::Equal) =>
                    if a.is_sign_negative() {
                        a
                    } else {
                        b
                    },
                Some(order) =>
                    if order.is_lt() {
                        a
                    } else {
                        b
                    },
            });
            check!($lanes, $max, |a, b| match a.partial_cmp(&b) {
                None => <$ty>::NAN,
                Some(std::cmp::Ordering::Equal) =>
                    if a.is_sign_negative() {
                        b
                    } else {
                        a
                    },
                Some(order) =>
                    if order.is_lt() {
                        b
                    } else {
                        a
                    },
            });
            check!($lanes, $pmin, |a, b| if b < a { b } else { a });
            check!($lanes, $pmax, |a, b| if a < b { b } else { a });
        };
    }
    shape!([f32; 4], f32: F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max F32x4PMin F32x4PMax);
    shape!([f64; 2], f64: F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max F64x2PMin F64x2PMax);
}

/// The relaxed results are the deterministic ones, on every host.
#[test]
fn relaxed_operations_are_deterministic() {
    // One rounding: two would give 0.
    let (a, b) = (1.0 + f32::EPSILON, 1.0 - f32::EPSILON);
    let (x, y) = ([a; 4].vector(), [b; 4].vector());
    let square = f32::EPSILON * f32::EPSILON;
    let minus_one = [-1.0_f32; 4].vector();
    assert_eq!(F32x4RelaxedMadd::eval(x, y, minus_one), [-square; 4].vector());
    let one = [1.0_f32; 4].vector();
    assert_eq!(F32x4RelaxedNmadd::eval(x, y, one), [square; 4].vector());
    let (x, y) = ([1.0 + f64::EPSILON; 2].vector(), [1.0 - f64::EPSILON; 2].vector());
    let square = f64::EPSILON * f64::EPSILON;
    assert_eq!(F64x2RelaxedMadd::eval(x, y, [-1.0_f64; 2].vector()), [-square; 2].vector());
    assert_eq!(F64x2RelaxedNmadd::eval(x, y, [1.0_f64; 2].vector()), [square; 2].vector());

    assert_eq!(I8x16RelaxedSwizzle::eval([7; 16], [16; 16]), [0; 16]);
    assert_eq!(
        I32x4RelaxedTruncF32x4S::eval([f32::NAN, 1e10, -1e10, -1.5].vector()),
        [0, i32::MAX, i32::MIN, -1].vector()
    );
    assert_eq!(
        I32x4RelaxedTruncF64x2UZero::eval([-1.0, 1e10].vector()),
        [0, u32::MAX, 0, 0].vector()
    );
    assert_eq!(I8x16RelaxedLaneselect::eval([0xff; 16], [0; 16], [0x0f; 16]), [0x0f; 16]);
    assert_eq!(
        I16x8RelaxedQ15mulrS::eval([i16::MIN; 8].vector(), [i16::MIN; 8].vector()),
        [i16::MAX; 8].vector()
    );
    let lowest = [i8::MIN; 16].vector();
    // The sum of two products is 2^15, which wraps.
    assert_eq!(I16x8RelaxedDotI8x16I7x16S::eval(lowest, lowest), [i16::MIN; 8].vector());
    assert_eq!(
        I32x4RelaxedDotI8x16I7x16AddS::eval(lowest, lowest, [i32::MAX; 4].vector()),
        [i32::MAX - 0x1_0000; 4].vector()
    );
    assert_eq!(
        F32x4RelaxedMin::eval([0.0; 4].vector(), [-0.0_f32; 4].vector()),
        [-0.0_f32; 4].vector()
    );
}
