//! The instructions that access memory.

use crate::numbers::Numbers;

/// An instruction that accesses memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) name: &'static str,
    /// In bytes.
    pub(super) width: u64,
    /// The types of the operands after the address.
    pub(super) operands: &'static [&'static str],
    /// The type of the result, or nothing.
    pub(super) result: &'static str,
    /// How many lanes it can choose between; zero if it does not.
    pub(super) lanes: usize,
}

const fn load(name: &'static str, width: u64, result: &'static str) -> Access {
    Access { name, width, operands: &[], result, lanes: 0 }
}

const fn store(name: &'static str, width: u64, operands: &'static [&'static str]) -> Access {
    Access { name, width, operands, result: "", lanes: 0 }
}

const SCALARS: &[Access] = &[
    load("i32.load", 4, "i32"),
    load("i64.load", 8, "i64"),
    load("f32.load", 4, "f32"),
    load("f64.load", 8, "f64"),
    load("i32.load8_s", 1, "i32"),
    load("i32.load8_u", 1, "i32"),
    load("i32.load16_s", 2, "i32"),
    load("i32.load16_u", 2, "i32"),
    load("i64.load8_s", 1, "i64"),
    load("i64.load8_u", 1, "i64"),
    load("i64.load16_s", 2, "i64"),
    load("i64.load16_u", 2, "i64"),
    load("i64.load32_s", 4, "i64"),
    load("i64.load32_u", 4, "i64"),
    store("i32.store", 4, &["i32"]),
    store("i64.store", 8, &["i64"]),
    store("f32.store", 4, &["f32"]),
    store("f64.store", 8, &["f64"]),
    store("i32.store8", 1, &["i32"]),
    store("i32.store16", 2, &["i32"]),
    store("i64.store8", 1, &["i64"]),
    store("i64.store16", 2, &["i64"]),
    store("i64.store32", 4, &["i64"]),
];

/// The load and the store of a lane.
const fn lane(width: u64, load: &'static str, store: &'static str) -> [Access; 2] {
    let lanes = 16 / width as usize;
    [
        Access { name: load, width, operands: &["v128"], result: "v128", lanes },
        Access { name: store, width, operands: &["v128"], result: "", lanes },
    ]
}

const LANES: &[[Access; 2]] = &[
    lane(1, "v128.load8_lane", "v128.store8_lane"),
    lane(2, "v128.load16_lane", "v128.store16_lane"),
    lane(4, "v128.load32_lane", "v128.store32_lane"),
    lane(8, "v128.load64_lane", "v128.store64_lane"),
];

const VECTORS: &[Access] = &[
    load("v128.load", 16, "v128"),
    store("v128.store", 16, &["v128"]),
    load("v128.load8x8_s", 8, "v128"),
    load("v128.load8x8_u", 8, "v128"),
    load("v128.load16x4_s", 8, "v128"),
    load("v128.load16x4_u", 8, "v128"),
    load("v128.load32x2_s", 8, "v128"),
    load("v128.load32x2_u", 8, "v128"),
    load("v128.load8_splat", 1, "v128"),
    load("v128.load16_splat", 2, "v128"),
    load("v128.load32_splat", 4, "v128"),
    load("v128.load64_splat", 8, "v128"),
    load("v128.load32_zero", 4, "v128"),
    load("v128.load64_zero", 8, "v128"),
];

/// The atomic accesses of a type and a width.
macro_rules! atomics {
    ($($ty:literal $suffix:literal $extend:literal $width:literal;)*) => {
        &[$(
            load(concat!($ty, ".atomic.load", $suffix, $extend), $width, $ty),
            store(concat!($ty, ".atomic.store", $suffix), $width, &[$ty]),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".add", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".sub", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".and", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".or", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".xor", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".xchg", $extend), $width, &[$ty], $ty),
            rmw(concat!($ty, ".atomic.rmw", $suffix, ".cmpxchg", $extend), $width, &[$ty, $ty], $ty),
        )*]
    };
}

const fn rmw(
    name: &'static str,
    width: u64,
    operands: &'static [&'static str],
    result: &'static str,
) -> Access {
    Access { name, width, operands, result, lanes: 0 }
}

const ATOMICS: &[Access] = atomics! {
    "i32" "" "" 4;
    "i64" "" "" 8;
    "i32" "8" "_u" 1;
    "i32" "16" "_u" 2;
    "i64" "8" "_u" 1;
    "i64" "16" "_u" 2;
    "i64" "32" "_u" 4;
};

impl Access {
    pub(super) fn random(numbers: &mut Numbers<'_>) -> Access {
        match numbers.below(8) {
            0..=4 => numbers.pick(SCALARS),
            5 => numbers.pick(VECTORS),
            6 => {
                let pair = numbers.pick(LANES);
                numbers.pick(&pair)
            }
            _ => numbers.pick(ATOMICS),
        }
    }

    /// In bytes; what atomic accesses insist on.
    pub(super) fn align(&self) -> u64 {
        if self.is_atomic() { self.width } else { 1 }
    }

    pub(super) fn is_atomic(&self) -> bool {
        self.name.contains(".atomic.")
    }
}
