//! Numeric operations: specification, section "Numerics" and "Numeric Instructions".

use super::access::scalar::Loaded;
use super::float::{f32_ops, f64_ops};
use crate::machine::operand::SlotValue;
use crate::runtime::trap::Trap;

/// A row of this file: an operation on numbers, with what it takes to translate it.
pub(crate) trait ScalarOp {
    /// Calls the method for operations of this kind.
    fn lower(to: &mut impl Lowering);
}

/// What translates operations on numbers: a method for each kind.
pub(crate) trait Lowering {
    fn unary<O: Unary>(&mut self);
    fn binary<O: Binary>(&mut self);
    /// An operation that can load its right operand itself.
    fn folding<O: Binary<Ty: Loaded>>(&mut self);
    /// `i32.add`, which can be part of an address.
    fn add_i32(&mut self);
    /// `i32.sub`; of a constant, it is an addition.
    fn subtract_i32(&mut self);
    /// `i64.sub`; of a constant, it is an addition.
    fn subtract_i64(&mut self);
    fn compare<O: Compare>(&mut self);
}

/// What an operation can end in besides one certain result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing else.
    Exact,
    /// A NaN of which the specification leaves the bits open.
    AnyNan,
    /// A trap.
    Trap,
}

/// The outcome that a column of a row says.
macro_rules! outcome {
    (exact) => {
        Outcome::Exact
    };
    (nan) => {
        Outcome::AnyNan
    };
    (traps) => {
        Outcome::Trap
    };
}

/// An operation with one operand.
pub(crate) trait Unary {
    /// The operand's type.
    type In: SlotValue;
    /// The result's type.
    type Out: SlotValue;
    /// What it can end in.
    const OUTCOME: Outcome;
    /// Computes the result.
    fn eval(x: Self::In) -> Result<Self::Out, Trap>;
}

/// An operation with two operands of one type and a result of that type.
pub(crate) trait Binary {
    /// The type of the operands and the result.
    type Ty: SlotValue;
    /// Whether the operands may change places.
    const COMMUTES: bool;
    /// What it can end in.
    const OUTCOME: Outcome;
    /// Computes the result.
    fn eval(lhs: Self::Ty, rhs: Self::Ty) -> Result<Self::Ty, Trap>;
}

/// A comparison.
pub(crate) trait Compare {
    /// The type of the operands.
    type Ty: SlotValue;
    /// The comparison that is true when this one is false.
    type Not: Compare<Ty = Self::Ty>;
    /// The comparison with its operands in the other order.
    type Swapped: Compare<Ty = Self::Ty>;
    /// Compares.
    fn eval(lhs: Self::Ty, rhs: Self::Ty) -> bool;
}

/// The negation of a comparison that has no opposite: with a NaN, `<` and `>=` are both false.
pub(crate) struct Not<C>(std::marker::PhantomData<C>);

impl<C: Compare> Compare for Not<C> {
    type Ty = C::Ty;
    type Not = C;
    type Swapped = Not<C::Swapped>;

    #[inline(always)]
    fn eval(lhs: C::Ty, rhs: C::Ty) -> bool {
        !C::eval(lhs, rhs)
    }
}

/// Signed division: traps on zero, and when the quotient does not fit.
macro_rules! div_s {
    ($a:ident, $b:ident) => {
        if $b == 0 {
            return Err(Trap::IntegerDivisionByZero);
        } else {
            match $a.checked_div($b) {
                Some(quotient) => quotient,
                None => return Err(Trap::IntegerOverflow),
            }
        }
    };
}

/// Truncation to an integer: traps on a NaN, and outside the open interval of the two bounds.
macro_rules! trunc {
    ($x:ident, $below:literal, $above:literal, $to:ty) => {
        if $x.is_nan() {
            return Err(Trap::BadConversionToInteger);
        } else if $x <= $below || $x >= $above {
            return Err(Trap::IntegerOverflow);
        } else {
            $x as $to
        }
    };
}

macro_rules! unary {
    ($($name:ident: $in:ty => $out:ty, $outcome:ident, |$x:ident| $eval:expr;)*) => {$(
        pub(crate) struct $name;
        impl ScalarOp for $name {
            fn lower(to: &mut impl Lowering) {
                to.unary::<$name>();
            }
        }
        impl Unary for $name {
            type In = $in;
            type Out = $out;
            const OUTCOME: Outcome = outcome!($outcome);
            #[inline(always)]
            fn eval($x: $in) -> Result<$out, Trap> {
                Ok($eval)
            }
        }
    )*};
}

/// Whether operands may change places.
macro_rules! order {
    (commutes) => {
        true
    };
    (ordered) => {
        false
    };
}

/// Calls the method that a column of a row says.
macro_rules! lower {
    ($to:ident, binary, $name:ident) => {
        $to.binary::<$name>()
    };
    ($to:ident, folding, $name:ident) => {
        $to.folding::<$name>()
    };
    ($to:ident, $method:ident, $name:ident) => {
        $to.$method()
    };
}

macro_rules! binary {
    ($($name:ident: $ty:ty, $order:ident $method:ident $outcome:ident, |$a:ident, $b:ident| $eval:expr;)*) => {$(
        pub(crate) struct $name;
        impl ScalarOp for $name {
            fn lower(to: &mut impl Lowering) {
                lower!(to, $method, $name);
            }
        }
        impl Binary for $name {
            type Ty = $ty;
            const COMMUTES: bool = order!($order);
            const OUTCOME: Outcome = outcome!($outcome);
            #[inline(always)]
            fn eval($a: $ty, $b: $ty) -> Result<$ty, Trap> {
                Ok($eval)
            }
        }
    )*};
}

macro_rules! compare {
    ($($name:ident: $ty:ty, not $not:ty, swapped $swapped:ty, |$a:ident, $b:ident| $eval:expr;)*) => {$(
        pub(crate) struct $name;
        impl ScalarOp for $name {
            fn lower(to: &mut impl Lowering) {
                to.compare::<$name>();
            }
        }
        impl Compare for $name {
            type Ty = $ty;
            type Not = $not;
            type Swapped = $swapped;
            #[inline(always)]
            fn eval($a: $ty, $b: $ty) -> bool {
                $eval
            }
        }
    )*};
}

compare! {
    I32Eq: u32, not I32Ne, swapped I32Eq, |a, b| a == b;
    I32Ne: u32, not I32Eq, swapped I32Ne, |a, b| a != b;
    I32LtS: i32, not I32GeS, swapped I32GtS, |a, b| a < b;
    I32LtU: u32, not I32GeU, swapped I32GtU, |a, b| a < b;
    I32GtS: i32, not I32LeS, swapped I32LtS, |a, b| a > b;
    I32GtU: u32, not I32LeU, swapped I32LtU, |a, b| a > b;
    I32LeS: i32, not I32GtS, swapped I32GeS, |a, b| a <= b;
    I32LeU: u32, not I32GtU, swapped I32GeU, |a, b| a <= b;
    I32GeS: i32, not I32LtS, swapped I32LeS, |a, b| a >= b;
    I32GeU: u32, not I32LtU, swapped I32LeU, |a, b| a >= b;
    I64Eq: u64, not I64Ne, swapped I64Eq, |a, b| a == b;
    I64Ne: u64, not I64Eq, swapped I64Ne, |a, b| a != b;
    I64LtS: i64, not I64GeS, swapped I64GtS, |a, b| a < b;
    I64LtU: u64, not I64GeU, swapped I64GtU, |a, b| a < b;
    I64GtS: i64, not I64LeS, swapped I64LtS, |a, b| a > b;
    I64GtU: u64, not I64LeU, swapped I64LtU, |a, b| a > b;
    I64LeS: i64, not I64GtS, swapped I64GeS, |a, b| a <= b;
    I64LeU: u64, not I64GtU, swapped I64GeU, |a, b| a <= b;
    I64GeS: i64, not I64LtS, swapped I64LeS, |a, b| a >= b;
    I64GeU: u64, not I64LtU, swapped I64LeU, |a, b| a >= b;
    F32Eq: f32, not F32Ne, swapped F32Eq, |a, b| a == b;
    F32Ne: f32, not F32Eq, swapped F32Ne, |a, b| a != b;
    F32Lt: f32, not Not<F32Lt>, swapped F32Gt, |a, b| a < b;
    F32Gt: f32, not Not<F32Gt>, swapped F32Lt, |a, b| a > b;
    F32Le: f32, not Not<F32Le>, swapped F32Ge, |a, b| a <= b;
    F32Ge: f32, not Not<F32Ge>, swapped F32Le, |a, b| a >= b;
    F64Eq: f64, not F64Ne, swapped F64Eq, |a, b| a == b;
    F64Ne: f64, not F64Eq, swapped F64Ne, |a, b| a != b;
    F64Lt: f64, not Not<F64Lt>, swapped F64Gt, |a, b| a < b;
    F64Gt: f64, not Not<F64Gt>, swapped F64Lt, |a, b| a > b;
    F64Le: f64, not Not<F64Le>, swapped F64Ge, |a, b| a <= b;
    F64Ge: f64, not Not<F64Ge>, swapped F64Le, |a, b| a >= b;
}

binary! {
    I32Add: u32, commutes add_i32 exact, |a, b| a.wrapping_add(b);
    I32Sub: u32, ordered subtract_i32 exact, |a, b| a.wrapping_sub(b);
    I32Mul: u32, commutes folding exact, |a, b| a.wrapping_mul(b);
    I32And: u32, commutes folding exact, |a, b| a & b;
    I32Or: u32, commutes folding exact, |a, b| a | b;
    I32Xor: u32, commutes folding exact, |a, b| a ^ b;
    I32Shl: u32, ordered binary exact, |a, b| a.wrapping_shl(b);
    I32ShrS: i32, ordered binary exact, |a, b| a.wrapping_shr(b as u32);
    I32ShrU: u32, ordered binary exact, |a, b| a.wrapping_shr(b);
    I32Rotl: u32, ordered binary exact, |a, b| a.rotate_left(b & 31);
    I32Rotr: u32, ordered binary exact, |a, b| a.rotate_right(b & 31);
    I32DivS: i32, ordered binary traps, |a, b| div_s!(a, b);
    I32DivU: u32, ordered binary traps, |a, b| a.checked_div(b).ok_or(Trap::IntegerDivisionByZero)?;
    I32RemS: i32, ordered binary traps, |a, b| if b == 0 { return Err(Trap::IntegerDivisionByZero) } else { a.wrapping_rem(b) };
    I32RemU: u32, ordered binary traps, |a, b| if b == 0 { return Err(Trap::IntegerDivisionByZero) } else { a % b };
    I64Add: u64, commutes folding exact, |a, b| a.wrapping_add(b);
    I64Sub: u64, ordered subtract_i64 exact, |a, b| a.wrapping_sub(b);
    I64Mul: u64, commutes folding exact, |a, b| a.wrapping_mul(b);
    I64And: u64, commutes folding exact, |a, b| a & b;
    I64Or: u64, commutes folding exact, |a, b| a | b;
    I64Xor: u64, commutes folding exact, |a, b| a ^ b;
    I64Shl: u64, ordered binary exact, |a, b| a.wrapping_shl(b as u32);
    I64ShrS: i64, ordered binary exact, |a, b| a.wrapping_shr(b as u32);
    I64ShrU: u64, ordered binary exact, |a, b| a.wrapping_shr(b as u32);
    I64Rotl: u64, ordered binary exact, |a, b| a.rotate_left(b as u32 & 63);
    I64Rotr: u64, ordered binary exact, |a, b| a.rotate_right(b as u32 & 63);
    I64DivS: i64, ordered binary traps, |a, b| div_s!(a, b);
    I64DivU: u64, ordered binary traps, |a, b| a.checked_div(b).ok_or(Trap::IntegerDivisionByZero)?;
    I64RemS: i64, ordered binary traps, |a, b| if b == 0 { return Err(Trap::IntegerDivisionByZero) } else { a.wrapping_rem(b) };
    I64RemU: u64, ordered binary traps, |a, b| if b == 0 { return Err(Trap::IntegerDivisionByZero) } else { a % b };
    // Float addition and multiplication do not commute here: which NaN comes out may differ.
    F32Add: f32, ordered folding nan, |a, b| a + b;
    F32Sub: f32, ordered folding nan, |a, b| a - b;
    F32Mul: f32, ordered folding nan, |a, b| a * b;
    F32Div: f32, ordered binary nan, |a, b| a / b;
    F32Min: f32, ordered binary nan, |a, b| f32_ops::min(a, b);
    F32Max: f32, ordered binary nan, |a, b| f32_ops::max(a, b);
    F32Copysign: f32, ordered binary exact, |a, b| a.copysign(b);
    F64Add: f64, ordered folding nan, |a, b| a + b;
    F64Sub: f64, ordered folding nan, |a, b| a - b;
    F64Mul: f64, ordered folding nan, |a, b| a * b;
    F64Div: f64, ordered binary nan, |a, b| a / b;
    F64Min: f64, ordered binary nan, |a, b| f64_ops::min(a, b);
    F64Max: f64, ordered binary nan, |a, b| f64_ops::max(a, b);
    F64Copysign: f64, ordered binary exact, |a, b| a.copysign(b);
}

unary! {
    I32Clz: u32 => u32, exact, |x| x.leading_zeros();
    I32Ctz: u32 => u32, exact, |x| x.trailing_zeros();
    I32Popcnt: u32 => u32, exact, |x| x.count_ones();
    I64Clz: u64 => u64, exact, |x| u64::from(x.leading_zeros());
    I64Ctz: u64 => u64, exact, |x| u64::from(x.trailing_zeros());
    I64Popcnt: u64 => u64, exact, |x| u64::from(x.count_ones());
    I32Extend8S: u32 => i32, exact, |x| i32::from(x as i8);
    I32Extend16S: u32 => i32, exact, |x| i32::from(x as i16);
    I64Extend8S: u64 => i64, exact, |x| i64::from(x as i8);
    I64Extend16S: u64 => i64, exact, |x| i64::from(x as i16);
    I64Extend32S: u64 => i64, exact, |x| i64::from(x as i32);
    I32WrapI64: u64 => u32, exact, |x| x as u32;
    I64ExtendI32S: i32 => i64, exact, |x| i64::from(x);

    F32Abs: f32 => f32, exact, |x| x.abs();
    F32Neg: f32 => f32, exact, |x| -x;
    F32Ceil: f32 => f32, nan, |x| f32_ops::ceil(x);
    F32Floor: f32 => f32, nan, |x| f32_ops::floor(x);
    F32Trunc: f32 => f32, nan, |x| f32_ops::trunc(x);
    F32Nearest: f32 => f32, nan, |x| f32_ops::nearest(x);
    F32Sqrt: f32 => f32, nan, |x| x.sqrt();
    // Not instructions of the specification: they follow those that may result in a NaN.
    F32Canonical: f32 => f32, exact, |x| if x.is_nan() { f32::from_bits(0x7fc0_0000) } else { x };
    F64Canonical: f64 => f64, exact, |x| if x.is_nan() { f64::from_bits(0x7ff8 << 48) } else { x };
    F64Abs: f64 => f64, exact, |x| x.abs();
    F64Neg: f64 => f64, exact, |x| -x;
    F64Ceil: f64 => f64, nan, |x| f64_ops::ceil(x);
    F64Floor: f64 => f64, nan, |x| f64_ops::floor(x);
    F64Trunc: f64 => f64, nan, |x| f64_ops::trunc(x);
    F64Nearest: f64 => f64, nan, |x| f64_ops::nearest(x);
    F64Sqrt: f64 => f64, nan, |x| x.sqrt();

    I32TruncF32S: f32 => i32, traps, |x| trunc!(x, -2147483904.0f32, 2147483648.0f32, i32);
    I32TruncF32U: f32 => u32, traps, |x| trunc!(x, -1.0f32, 4294967296.0f32, u32);
    I32TruncF64S: f64 => i32, traps, |x| trunc!(x, -2147483649.0f64, 2147483648.0f64, i32);
    I32TruncF64U: f64 => u32, traps, |x| trunc!(x, -1.0f64, 4294967296.0f64, u32);
    I64TruncF32S: f32 => i64, traps, |x| trunc!(x, -9223373136366403584.0f32, 9223372036854775808.0f32, i64);
    I64TruncF32U: f32 => u64, traps, |x| trunc!(x, -1.0f32, 18446744073709551616.0f32, u64);
    I64TruncF64S: f64 => i64, traps, |x| trunc!(x, -9223372036854777856.0f64, 9223372036854775808.0f64, i64);
    I64TruncF64U: f64 => u64, traps, |x| trunc!(x, -1.0f64, 18446744073709551616.0f64, u64);
    I32TruncSatF32S: f32 => i32, exact, |x| x as i32;
    I32TruncSatF32U: f32 => u32, exact, |x| x as u32;
    I32TruncSatF64S: f64 => i32, exact, |x| x as i32;
    I32TruncSatF64U: f64 => u32, exact, |x| x as u32;
    I64TruncSatF32S: f32 => i64, exact, |x| x as i64;
    I64TruncSatF32U: f32 => u64, exact, |x| x as u64;
    I64TruncSatF64S: f64 => i64, exact, |x| x as i64;
    I64TruncSatF64U: f64 => u64, exact, |x| x as u64;

    F32ConvertI32S: i32 => f32, exact, |x| x as f32;
    F32ConvertI32U: u32 => f32, exact, |x| x as f32;
    F32ConvertI64S: i64 => f32, exact, |x| x as f32;
    F32ConvertI64U: u64 => f32, exact, |x| x as f32;
    F64ConvertI32S: i32 => f64, exact, |x| f64::from(x);
    F64ConvertI32U: u32 => f64, exact, |x| f64::from(x);
    F64ConvertI64S: i64 => f64, exact, |x| x as f64;
    F64ConvertI64U: u64 => f64, exact, |x| x as f64;
    F32DemoteF64: f64 => f32, nan, |x| x as f32;
    F64PromoteF32: f32 => f64, nan, |x| f64::from(x);
    I32ReinterpretF32: f32 => u32, exact, |x| x.to_bits();
    I64ReinterpretF64: f64 => u64, exact, |x| x.to_bits();
    F32ReinterpretI32: u32 => f32, exact, |x| f32::from_bits(x);
    F64ReinterpretI64: u64 => f64, exact, |x| f64::from_bits(x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_traps_where_the_specification_says() {
        assert_eq!(I32DivS::eval(i32::MIN, -1), Err(Trap::IntegerOverflow));
        assert_eq!(I32DivS::eval(7, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(I32RemS::eval(i32::MIN, -1), Ok(0));
        assert_eq!(I64RemU::eval(7, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(I64DivS::eval(-7, 2), Ok(-3));
    }

    #[test]
    fn truncation_traps_at_the_first_value_out_of_range() {
        assert_eq!(I32TruncF32S::eval(-2147483648.0), Ok(i32::MIN));
        assert_eq!(I32TruncF32S::eval(-2147483904.0), Err(Trap::IntegerOverflow));
        assert_eq!(I32TruncF64S::eval(2147483647.9), Ok(i32::MAX));
        assert_eq!(I32TruncF64S::eval(-2147483648.9), Ok(i32::MIN));
        assert_eq!(I64TruncF64U::eval(-0.9), Ok(0));
        assert_eq!(I64TruncF64U::eval(f64::NAN), Err(Trap::BadConversionToInteger));
        assert_eq!(I64TruncF32S::eval(-9223372036854775808.0), Ok(i64::MIN));
    }

    #[test]
    fn a_comparison_and_its_opposite_disagree_on_everything() {
        fn check<C: Compare<Ty = f64>>() {
            for a in [0.0, 1.0, f64::NAN] {
                for b in [0.0, 1.0, f64::NAN] {
                    assert_ne!(C::eval(a, b), C::Not::eval(a, b));
                    assert_eq!(C::eval(a, b), C::Swapped::eval(b, a));
                }
            }
        }
        check::<F64Eq>();
        check::<F64Lt>();
        check::<F64Ge>();
        check::<Not<F64Le>>();
    }
}
