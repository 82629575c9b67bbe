//! Float lanes.

use super::super::float::{f32_ops, f64_ops};
use super::*;

vector_ops! { unary nan:
    F32x4Ceil: [f32; 4], |x| f32_ops::ceil(x);
    F32x4Floor: [f32; 4], |x| f32_ops::floor(x);
    F32x4Trunc: [f32; 4], |x| f32_ops::trunc(x);
    F32x4Nearest: [f32; 4], |x| f32_ops::nearest(x);
    F32x4Sqrt: [f32; 4], |x| x.sqrt();
    F64x2Ceil: [f64; 2], |x| f64_ops::ceil(x);
    F64x2Floor: [f64; 2], |x| f64_ops::floor(x);
    F64x2Trunc: [f64; 2], |x| f64_ops::trunc(x);
    F64x2Nearest: [f64; 2], |x| f64_ops::nearest(x);
    F64x2Sqrt: [f64; 2], |x| x.sqrt();
}

vector_ops! { unary exact:
    F32x4Abs: [f32; 4], |x| x.abs();
    F32x4Neg: [f32; 4], |x| -x;
    F64x2Abs: [f64; 2], |x| x.abs();
    F64x2Neg: [f64; 2], |x| -x;
    // Not operations of the specification: every NaN becomes the canonical one.
    F32x4Canonical: [f32; 4], |x| if x.is_nan() { f32::from_bits(0x7fc0_0000) } else { x };
    F64x2Canonical: [f64; 2], |x| if x.is_nan() { f64::from_bits(0x7ff8 << 48) } else { x };
    I32x4TruncSatF32x4S: [f32; 4], |x| x as i32;
    I32x4TruncSatF32x4U: [f32; 4], |x| x as u32;
    F32x4ConvertI32x4S: [i32; 4], |x| x as f32;
    F32x4ConvertI32x4U: [u32; 4], |x| x as f32;
}

// The upper half of what is narrower becomes zero.
vector_ops! { unary all nan:
    F32x4DemoteF64x2Zero: [f64; 2] => [f32; 4], |x| join(map(x, |x| x as f32), [0.0; 2]);
    F64x2PromoteLowF32x4: [f32; 4] => [f64; 2], |x| part(x, 0, f64::from);
}

vector_ops! { unary all exact:
    I32x4TruncSatF64x2SZero: [f64; 2] => [i32; 4], |x| join(map(x, |x| x as i32), [0; 2]);
    I32x4TruncSatF64x2UZero: [f64; 2] => [u32; 4], |x| join(map(x, |x| x as u32), [0; 2]);
    F64x2ConvertLowI32x4S: [i32; 4] => [f64; 2], |x| part(x, 0, f64::from);
    F64x2ConvertLowI32x4U: [u32; 4] => [f64; 2], |x| part(x, 0, f64::from);
}

vector_ops! { binary nan:
    F32x4Add: [f32; 4], |a, b| a + b;
    F32x4Sub: [f32; 4], |a, b| a - b;
    F32x4Mul: [f32; 4], |a, b| a * b;
    F32x4Div: [f32; 4], |a, b| a / b;
    F32x4Min: [f32; 4], |a, b| f32_ops::min(a, b);
    F32x4Max: [f32; 4], |a, b| f32_ops::max(a, b);
    F64x2Add: [f64; 2], |a, b| a + b;
    F64x2Sub: [f64; 2], |a, b| a - b;
    F64x2Mul: [f64; 2], |a, b| a * b;
    F64x2Div: [f64; 2], |a, b| a / b;
    F64x2Min: [f64; 2], |a, b| f64_ops::min(a, b);
    F64x2Max: [f64; 2], |a, b| f64_ops::max(a, b);
}

vector_ops! { binary exact:
    F32x4Eq: [f32; 4], |a, b| -i32::from(a == b);
    F32x4Ne: [f32; 4], |a, b| -i32::from(a != b);
    F32x4Lt: [f32; 4], |a, b| -i32::from(a < b);
    F32x4Gt: [f32; 4], |a, b| -i32::from(a > b);
    F32x4Le: [f32; 4], |a, b| -i32::from(a <= b);
    F32x4Ge: [f32; 4], |a, b| -i32::from(a >= b);
    F32x4PMin: [f32; 4], |a, b| if b < a { b } else { a };
    F32x4PMax: [f32; 4], |a, b| if a < b { b } else { a };
    F64x2Eq: [f64; 2], |a, b| -i64::from(a == b);
    F64x2Ne: [f64; 2], |a, b| -i64::from(a != b);
    F64x2Lt: [f64; 2], |a, b| -i64::from(a < b);
    F64x2Gt: [f64; 2], |a, b| -i64::from(a > b);
    F64x2Le: [f64; 2], |a, b| -i64::from(a <= b);
    F64x2Ge: [f64; 2], |a, b| -i64::from(a >= b);
    F64x2PMin: [f64; 2], |a, b| if b < a { b } else { a };
    F64x2PMax: [f64; 2], |a, b| if a < b { b } else { a };
}
