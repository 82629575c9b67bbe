//! Vectors: what leaves one, and how they get to and from memory.

use super::Type::{F32, F64, I32, I64, V128};
use super::operators::{Group, bitwise, group};
use super::{FunctionWriter, Type};

const BINARY: Group = group(
    &[V128, V128],
    &[
        "v128.and",
        "v128.andnot",
        "v128.or",
        "v128.xor",
        "i8x16.swizzle",
        "i16x8.q15mulr_sat_s",
        "i32x4.dot_i16x8_s",
        "i8x16.narrow_i16x8_s",
        "i8x16.narrow_i16x8_u",
        "i16x8.narrow_i32x4_s",
        "i16x8.narrow_i32x4_u",
        "i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31",
        "i8x16.shuffle 31 0 30 1 29 2 28 3 16 16 15 15 7 8 9 10",
        "i8x16.add",
        "i8x16.sub",
        "i8x16.min_s",
        "i8x16.min_u",
        "i8x16.max_s",
        "i8x16.max_u",
        "i8x16.add_sat_s",
        "i8x16.add_sat_u",
        "i8x16.sub_sat_s",
        "i8x16.sub_sat_u",
        "i8x16.avgr_u",
        "i16x8.add",
        "i16x8.sub",
        "i16x8.mul",
        "i16x8.min_s",
        "i16x8.min_u",
        "i16x8.max_s",
        "i16x8.max_u",
        "i16x8.add_sat_s",
        "i16x8.add_sat_u",
        "i16x8.sub_sat_s",
        "i16x8.sub_sat_u",
        "i16x8.avgr_u",
        "i32x4.add",
        "i32x4.sub",
        "i32x4.mul",
        "i32x4.min_s",
        "i32x4.min_u",
        "i32x4.max_s",
        "i32x4.max_u",
        "i64x2.add",
        "i64x2.sub",
        "i64x2.mul",
        "f32x4.pmin",
        "f32x4.pmax",
        "f64x2.pmin",
        "f64x2.pmax",
        "i16x8.extmul_low_i8x16_s",
        "i16x8.extmul_low_i8x16_u",
        "i16x8.extmul_high_i8x16_s",
        "i16x8.extmul_high_i8x16_u",
        "i32x4.extmul_low_i16x8_s",
        "i32x4.extmul_low_i16x8_u",
        "i32x4.extmul_high_i16x8_s",
        "i32x4.extmul_high_i16x8_u",
        "i64x2.extmul_low_i32x4_s",
        "i64x2.extmul_low_i32x4_u",
        "i64x2.extmul_high_i32x4_s",
        "i64x2.extmul_high_i32x4_u",
    ],
);

const COMPARISON: Group = group(
    &[V128, V128],
    &[
        "i8x16.eq",
        "i8x16.ne",
        "i8x16.lt_s",
        "i8x16.lt_u",
        "i8x16.gt_s",
        "i8x16.gt_u",
        "i8x16.le_s",
        "i8x16.le_u",
        "i8x16.ge_s",
        "i8x16.ge_u",
        "i16x8.eq",
        "i16x8.ne",
        "i16x8.lt_s",
        "i16x8.lt_u",
        "i16x8.gt_s",
        "i16x8.gt_u",
        "i16x8.le_s",
        "i16x8.le_u",
        "i16x8.ge_s",
        "i16x8.ge_u",
        "i32x4.eq",
        "i32x4.ne",
        "i32x4.lt_s",
        "i32x4.lt_u",
        "i32x4.gt_s",
        "i32x4.gt_u",
        "i32x4.le_s",
        "i32x4.le_u",
        "i32x4.ge_s",
        "i32x4.ge_u",
        "i64x2.eq",
        "i64x2.ne",
        "i64x2.lt_s",
        "i64x2.gt_s",
        "i64x2.le_s",
        "i64x2.ge_s",
        "f32x4.eq",
        "f32x4.ne",
        "f32x4.lt",
        "f32x4.gt",
        "f32x4.le",
        "f32x4.ge",
        "f64x2.eq",
        "f64x2.ne",
        "f64x2.lt",
        "f64x2.gt",
        "f64x2.le",
        "f64x2.ge",
    ],
);

const UNARY: Group = group(
    &[V128],
    &[
        "v128.not",
        "i8x16.popcnt",
        "f32x4.abs",
        "f32x4.neg",
        "f64x2.abs",
        "f64x2.neg",
        "i32x4.trunc_sat_f32x4_s",
        "i32x4.trunc_sat_f32x4_u",
        "i32x4.trunc_sat_f64x2_s_zero",
        "i32x4.trunc_sat_f64x2_u_zero",
        "f32x4.convert_i32x4_s",
        "f32x4.convert_i32x4_u",
        "f64x2.convert_low_i32x4_s",
        "f64x2.convert_low_i32x4_u",
        "i8x16.abs",
        "i8x16.neg",
        "i16x8.abs",
        "i16x8.neg",
        "i32x4.abs",
        "i32x4.neg",
        "i64x2.abs",
        "i64x2.neg",
        "i16x8.extend_low_i8x16_s",
        "i16x8.extend_low_i8x16_u",
        "i16x8.extend_high_i8x16_s",
        "i16x8.extend_high_i8x16_u",
        "i16x8.extadd_pairwise_i8x16_s",
        "i16x8.extadd_pairwise_i8x16_u",
        "i32x4.extend_low_i16x8_s",
        "i32x4.extend_low_i16x8_u",
        "i32x4.extend_high_i16x8_s",
        "i32x4.extend_high_i16x8_u",
        "i32x4.extadd_pairwise_i16x8_s",
        "i32x4.extadd_pairwise_i16x8_u",
        "i64x2.extend_low_i32x4_s",
        "i64x2.extend_low_i32x4_u",
        "i64x2.extend_high_i32x4_s",
        "i64x2.extend_high_i32x4_u",
    ],
);

const SHIFT: Group = group(
    &[V128, I32],
    &[
        "i8x16.shl",
        "i8x16.shr_s",
        "i8x16.shr_u",
        "i16x8.shl",
        "i16x8.shr_s",
        "i16x8.shr_u",
        "i32x4.shl",
        "i32x4.shr_s",
        "i32x4.shr_u",
        "i64x2.shl",
        "i64x2.shr_s",
        "i64x2.shr_u",
    ],
);

pub(super) const V128_GROUPS: &[Group] = &[
    BINARY,
    BINARY,
    BINARY,
    COMPARISON,
    UNARY,
    SHIFT,
    group(&[V128, V128, V128], &["v128.bitselect"]),
    group(&[I32], &["i8x16.splat", "i16x8.splat", "i32x4.splat"]),
    group(&[I64], &["i64x2.splat"]),
    bitwise(&[F32], &["f32x4.splat"]),
    bitwise(&[F64], &["f64x2.splat"]),
    group(&[V128, I32], &["i8x16.replace_lane 14", "i16x8.replace_lane 3", "i32x4.replace_lane 1"]),
    group(&[V128, I64], &["i64x2.replace_lane 0", "i64x2.replace_lane 1"]),
    bitwise(&[V128, F32], &["f32x4.replace_lane 2"]),
    bitwise(&[V128, F64], &["f64x2.replace_lane 1"]),
];

/// Operations whose NaNs are the engine's choice, by how many vectors they take.
const FLOAT_UNARY: [&str; 7] = ["ceil", "floor", "trunc", "nearest", "sqrt", "abs", "neg"];
const FLOAT_BINARY: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];

impl FunctionWriter<'_, '_> {
    pub(super) fn vector_constant(&mut self, low: i64) -> String {
        match self.numbers.below(3) {
            0 => {
                let lanes = self.numbers.pick(&["1 -2 3.5 -0", "inf nan 1e10 0.5", "7 7 -7 1e-40"]);
                format!("(v128.const f32x4 {lanes})")
            }
            1 => "(v128.const i8x16 0 1 2 3 4 5 6 7 8 9 16 127 -128 -1 200 15)".to_owned(),
            _ => {
                let high = self.numbers.pick(&[0, -1, low, i64::MIN, 0x0123_4567_89ab_cdef]);
                format!("(v128.const i64x2 {low} {high})")
            }
        }
    }

    /// Arithmetic on float lanes, with zeros in place of NaNs.
    pub(super) fn float_lanes(&mut self, depth: usize) -> String {
        let mut shape = self.numbers.pick(&["f32x4", "f64x2"]);
        let x = self.expression(V128, depth);
        let value = match self.numbers.below(6) {
            0 => {
                let op = self.numbers.pick(&FLOAT_UNARY);
                format!("({shape}.{op} {x})")
            }
            1 => {
                let convert = match shape {
                    "f32x4" => "f64x2.promote_low_f32x4",
                    _ => "f32x4.demote_f64x2_zero",
                };
                shape = &convert[..5];
                format!("({convert} {x})")
            }
            _ => {
                let op = self.numbers.pick(&FLOAT_BINARY);
                format!("({shape}.{op} {x} {})", self.expression(V128, depth))
            }
        };
        let local = "(local.get $exact_v128)";
        format!("(v128.and (local.tee $exact_v128 {value}) ({shape}.eq {local} {local}))")
    }

    pub(super) fn vector_load_name(&mut self) -> &'static str {
        self.numbers.pick(&[
            "load",
            "load",
            "load",
            "load8x8_s",
            "load8x8_u",
            "load16x4_s",
            "load16x4_u",
            "load32x2_s",
            "load32x2_u",
            "load8_splat",
            "load16_splat",
            "load32_splat",
            "load64_splat",
            "load32_zero",
            "load64_zero",
        ])
    }

    /// The width, offset, lane, address and vector of a lane's load or store.
    fn lane_access(&mut self, access: &str, depth: usize) -> String {
        let width = self.numbers.pick(&[8, 16, 32, 64]);
        let lane = self.numbers.below(128 / width);
        let (offset, address) = (self.offset(), self.address(depth));
        let vector = self.expression(Type::V128, depth);
        format!("(v128.{access}{width}_lane {offset} {lane} {address} {vector})")
    }

    pub(super) fn load_lane(&mut self, depth: usize) -> String {
        self.lane_access("load", depth)
    }

    pub(super) fn store_lane(&mut self, depth: usize) -> String {
        self.lane_access("store", depth)
    }
}
