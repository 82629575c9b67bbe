//! The numeric instructions, in groups of equal types.

use super::Type::{self, F32, F64, I32, I64, V128};
use super::vectors::V128_GROUPS;

/// Instructions that take the same operands and leave the same type.
pub(super) struct Group {
    pub(super) operands: &'static [Type],
    pub(super) names: &'static [&'static str],
    /// Whether results depend on the operands' bits, even of NaNs.
    pub(super) sees_bits: bool,
}

pub(super) const fn group(operands: &'static [Type], names: &'static [&'static str]) -> Group {
    Group { operands, names, sees_bits: false }
}

pub(super) const fn bitwise(operands: &'static [Type], names: &'static [&'static str]) -> Group {
    Group { operands, names, sees_bits: true }
}

/// The groups of a result type. Each is as likely as the others, so frequent ones are repeated.
pub(super) fn groups(result: Type) -> &'static [Group] {
    match result {
        I32 => I32_GROUPS,
        I64 => I64_GROUPS,
        F32 => F32_GROUPS,
        F64 => F64_GROUPS,
        V128 => V128_GROUPS,
    }
}

const I32_ARITHMETIC: Group = group(
    &[I32, I32],
    &[
        "i32.add",
        "i32.add",
        "i32.sub",
        "i32.sub",
        "i32.mul",
        "i32.and",
        "i32.or",
        "i32.xor",
        "i32.shl",
        "i32.shr_s",
        "i32.shr_u",
        "i32.rotl",
        "i32.rotr",
    ],
);

const I32_COMPARISON: Group = group(
    &[I32, I32],
    &[
        "i32.eq", "i32.ne", "i32.lt_s", "i32.lt_u", "i32.gt_s", "i32.gt_u", "i32.le_s", "i32.le_u",
        "i32.ge_s", "i32.ge_u",
    ],
);

const I32_GROUPS: &[Group] = &[
    I32_ARITHMETIC,
    I32_ARITHMETIC,
    I32_ARITHMETIC,
    I32_COMPARISON,
    I32_COMPARISON,
    group(&[I32, I32], &["i32.div_s", "i32.div_u", "i32.rem_s", "i32.rem_u"]),
    group(
        &[I32],
        &["i32.eqz", "i32.clz", "i32.ctz", "i32.popcnt", "i32.extend8_s", "i32.extend16_s"],
    ),
    group(
        &[I64, I64],
        &[
            "i64.eq", "i64.ne", "i64.lt_s", "i64.lt_u", "i64.gt_s", "i64.gt_u", "i64.le_s",
            "i64.le_u", "i64.ge_s", "i64.ge_u",
        ],
    ),
    group(&[F32, F32], &["f32.eq", "f32.ne", "f32.lt", "f32.gt", "f32.le", "f32.ge"]),
    group(&[F64, F64], &["f64.eq", "f64.ne", "f64.lt", "f64.gt", "f64.le", "f64.ge"]),
    group(&[I64], &["i32.wrap_i64", "i32.wrap_i64", "i64.eqz"]),
    group(&[F32], &["i32.trunc_sat_f32_s", "i32.trunc_sat_f32_u", "i32.trunc_f32_s"]),
    group(&[F64], &["i32.trunc_sat_f64_s", "i32.trunc_sat_f64_u", "i32.trunc_f64_u"]),
    bitwise(&[F32], &["i32.reinterpret_f32"]),
    group(
        &[V128],
        &[
            "i8x16.extract_lane_s 5",
            "i8x16.extract_lane_u 15",
            "i16x8.extract_lane_s 0",
            "i16x8.extract_lane_u 7",
            "i32x4.extract_lane 2",
            "v128.any_true",
            "i8x16.all_true",
            "i16x8.all_true",
            "i32x4.all_true",
            "i64x2.all_true",
            "i8x16.bitmask",
            "i16x8.bitmask",
            "i32x4.bitmask",
            "i64x2.bitmask",
        ],
    ),
];

const I64_ARITHMETIC: Group = group(
    &[I64, I64],
    &[
        "i64.add",
        "i64.add",
        "i64.sub",
        "i64.sub",
        "i64.mul",
        "i64.and",
        "i64.or",
        "i64.xor",
        "i64.shl",
        "i64.shr_s",
        "i64.shr_u",
        "i64.rotl",
        "i64.rotr",
    ],
);

const I64_GROUPS: &[Group] = &[
    I64_ARITHMETIC,
    I64_ARITHMETIC,
    I64_ARITHMETIC,
    group(&[I64, I64], &["i64.div_s", "i64.div_u", "i64.rem_s", "i64.rem_u"]),
    group(
        &[I64],
        &["i64.clz", "i64.ctz", "i64.popcnt", "i64.extend8_s", "i64.extend16_s", "i64.extend32_s"],
    ),
    group(&[I32], &["i64.extend_i32_s", "i64.extend_i32_u"]),
    group(&[F32], &["i64.trunc_sat_f32_s", "i64.trunc_sat_f32_u", "i64.trunc_f32_u"]),
    group(&[F64], &["i64.trunc_sat_f64_s", "i64.trunc_sat_f64_u", "i64.trunc_f64_s"]),
    bitwise(&[F64], &["i64.reinterpret_f64"]),
    group(&[V128], &["i64x2.extract_lane 0", "i64x2.extract_lane 1"]),
];

const F32_ARITHMETIC: Group =
    group(&[F32, F32], &["f32.add", "f32.sub", "f32.mul", "f32.div", "f32.min", "f32.max"]);

const F32_GROUPS: &[Group] = &[
    F32_ARITHMETIC,
    F32_ARITHMETIC,
    F32_ARITHMETIC,
    bitwise(&[F32, F32], &["f32.copysign"]),
    group(
        &[F32],
        &["f32.abs", "f32.neg", "f32.ceil", "f32.floor", "f32.trunc", "f32.nearest", "f32.sqrt"],
    ),
    group(&[I32], &["f32.convert_i32_s", "f32.convert_i32_u", "f32.reinterpret_i32"]),
    group(&[I64], &["f32.convert_i64_s", "f32.convert_i64_u"]),
    group(&[F64], &["f32.demote_f64"]),
    group(&[V128], &["f32x4.extract_lane 0", "f32x4.extract_lane 3"]),
];

const F64_ARITHMETIC: Group =
    group(&[F64, F64], &["f64.add", "f64.sub", "f64.mul", "f64.div", "f64.min", "f64.max"]);

const F64_GROUPS: &[Group] = &[
    F64_ARITHMETIC,
    F64_ARITHMETIC,
    F64_ARITHMETIC,
    bitwise(&[F64, F64], &["f64.copysign"]),
    group(
        &[F64],
        &["f64.abs", "f64.neg", "f64.ceil", "f64.floor", "f64.trunc", "f64.nearest", "f64.sqrt"],
    ),
    group(&[I32], &["f64.convert_i32_s", "f64.convert_i32_u"]),
    group(&[I64], &["f64.convert_i64_s", "f64.convert_i64_u", "f64.reinterpret_i64"]),
    group(&[F32], &["f64.promote_f32"]),
    group(&[V128], &["f64x2.extract_lane 0", "f64x2.extract_lane 1"]),
];
