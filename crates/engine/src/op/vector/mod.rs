//! Vector operations: specification, section "Vector Instructions".
//!
//! Each is written on arrays of lanes, which the compiler turns into vector instructions: one
//! lane's semantics, and [`Lanes`] to see a vector as lanes of that type.
//!
//! * `integer`, `float`: lane by lane, and between shapes;
//! * `lane`: single lanes, and their order;
//! * `relaxed`: the operations whose results the relaxed SIMD proposal leaves open.

mod float;
mod integer;
mod lane;
mod relaxed;

#[cfg(test)]
mod tests;

pub(crate) use float::*;
pub(crate) use integer::*;
pub(crate) use lane::*;
pub(crate) use relaxed::*;

pub(crate) use crate::machine::Vector;

/// An operation on vectors without immediates, with what it takes to translate it.
pub(crate) trait VectorOp {
    /// Calls the method for operations of this kind.
    fn lower(to: &mut impl VectorLowering);
}

/// What translates operations on vectors: a method for each kind.
pub(crate) trait VectorLowering {
    fn vector_unary<O: VectorUnary>(&mut self);
    fn vector_binary<O: VectorBinary>(&mut self);
    /// `O` is `i8x16.swizzle`.
    fn swizzle<O: VectorBinary>(&mut self);
    fn vector_ternary<O: VectorTernary>(&mut self);
    /// An operation that calls something.
    fn vector_ternary_slow<O: VectorTernary>(&mut self);
    fn vector_shift<O: VectorShift>(&mut self);
    fn vector_test<O: VectorTest>(&mut self);
    fn splat<O: Splat>(&mut self);
}

/// Says which method translates an operation.
macro_rules! lowered {
    ($($name:ident: $method:ident;)*) => {$(
        impl $crate::op::vector::VectorOp for $name {
            fn lower(to: &mut impl $crate::op::vector::VectorLowering) {
                to.$method::<$name>();
            }
        }
    )*};
}
use lowered;

/// Of which lanes the specification leaves the bits open if they are NaNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nans {
    None,
    F32,
    F64,
}

/// What a group of rows says of NaNs in its results.
macro_rules! nans {
    (exact $lanes:ty) => {
        Nans::None
    };
    (nan $lanes:ty) => {
        <$lanes as Lanes>::NANS
    };
}
use nans;

/// An operation with one operand.
pub(crate) trait VectorUnary {
    const NANS: Nans;
    fn eval(x: Vector) -> Vector;
}

/// An operation with two operands.
pub(crate) trait VectorBinary {
    const NANS: Nans;
    fn eval(a: Vector, b: Vector) -> Vector;
}

/// An operation with three operands.
pub(crate) trait VectorTernary {
    const NANS: Nans;
    fn eval(a: Vector, b: Vector, c: Vector) -> Vector;
}

/// A shift of all lanes by one count, of which only the bits below the lanes' width matter.
pub(crate) trait VectorShift {
    fn eval(x: Vector, count: u32) -> Vector;
}

/// A question about a vector, answered by a number.
pub(crate) trait VectorTest {
    fn eval(x: Vector) -> u32;
}

/// A vector seen as an array of lanes.
pub(crate) trait Lanes: Copy {
    /// Which NaNs there can be.
    const NANS: Nans;
    fn of(vector: Vector) -> Self;
    fn vector(self) -> Vector;
}

macro_rules! lane_types {
    ($($ty:ty: $count:literal $nans:ident;)*) => {$(
        impl Lanes for [$ty; $count] {
            const NANS: Nans = Nans::$nans;

            #[inline(always)]
            fn of(vector: Vector) -> Self {
                let (chunks, _) = vector.as_chunks();
                lanes(|index| <$ty>::from_le_bytes(chunks[index]))
            }

            #[inline(always)]
            fn vector(self) -> Vector {
                let mut vector = Vector::default();
                let (chunks, _) = vector.as_chunks_mut();
                for (chunk, lane) in chunks.iter_mut().zip(self) {
                    *chunk = lane.to_le_bytes();
                }
                vector
            }
        }
    )*};
}

lane_types! {
    i8: 16 None; u8: 16 None;
    i16: 8 None; u16: 8 None;
    i32: 4 None; u32: 4 None; f32: 4 F32;
    i64: 2 None; u64: 2 None; f64: 2 F64;
}

/// An array of lanes, by their indices. (The compiler sees vectors in loops over arrays better
/// than in `std::array::from_fn`.)
#[inline(always)]
fn lanes<U: Copy + Default, const N: usize>(lane: impl Fn(usize) -> U) -> [U; N] {
    let mut lanes = [U::default(); N];
    for (index, place) in lanes.iter_mut().enumerate() {
        *place = lane(index);
    }
    lanes
}

/// A lane at a time.
#[inline(always)]
fn map<T: Copy, U: Copy + Default, const N: usize>(x: [T; N], lane: impl Fn(T) -> U) -> [U; N] {
    lanes(|index| lane(x[index]))
}

/// A lane of each of two vectors at a time.
#[inline(always)]
fn zip<T: Copy, U: Copy + Default, const N: usize>(
    a: [T; N],
    b: [T; N],
    lane: impl Fn(T, T) -> U,
) -> [U; N] {
    lanes(|index| lane(a[index], b[index]))
}

/// The lanes from `start` on, each made another: fewer, and wider.
#[inline(always)]
fn part<T: Copy, U: Copy + Default, const N: usize, const M: usize>(
    x: [T; N],
    start: usize,
    lane: impl Fn(T) -> U,
) -> [U; M] {
    lanes(|index| lane(x[start + index]))
}

/// [`part`] of two vectors, combined.
#[inline(always)]
fn zip_part<T: Copy, U: Copy + Default, const N: usize, const M: usize>(
    a: [T; N],
    b: [T; N],
    start: usize,
    lane: impl Fn(T, T) -> U,
) -> [U; M] {
    lanes(|index| lane(a[start + index], b[start + index]))
}

/// The lanes of one vector, then those of another.
#[inline(always)]
fn join<T: Copy + Default, const N: usize, const M: usize>(low: [T; N], high: [T; N]) -> [T; M] {
    lanes(|index| if index < N { low[index] } else { high[index - N] })
}

/// Combines neighbours: lanes 0 and 1, 2 and 3, and so on.
#[inline(always)]
fn pairwise<T: Copy, U: Copy + Default, const N: usize, const M: usize>(
    x: [T; N],
    combine: impl Fn(T, T) -> U,
) -> [U; M] {
    lanes(|index| combine(x[2 * index], x[2 * index + 1]))
}

/// Defines operations: `Name: implementation by operand bindings`. `x => …` of a lane type works
/// lane by lane; `all` sees whole arrays.
macro_rules! vector_ops {
    // One operand, lane by lane.
    (unary $nans:ident: $($name:ident: $lanes:ty, |$x:ident| $lane:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_unary; }
        impl VectorUnary for $name {
            const NANS: Nans = nans!($nans $lanes);

            #[inline(always)]
            fn eval(x: Vector) -> Vector {
                map(<$lanes>::of(x), |$x| $lane).vector()
            }
        }
    )*};
    // One operand, the lanes of all of it at once.
    (unary all $nans:ident: $($name:ident: $lanes:ty => $out:ty, |$x:ident| $result:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_unary; }
        impl VectorUnary for $name {
            const NANS: Nans = nans!($nans $out);

            #[inline(always)]
            fn eval(x: Vector) -> Vector {
                let $x = <$lanes>::of(x);
                let result: $out = $result;
                result.vector()
            }
        }
    )*};
    // Two operands, lane by lane.
    (binary $nans:ident: $($name:ident: $lanes:ty, |$a:ident, $b:ident| $lane:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_binary; }
        impl VectorBinary for $name {
            const NANS: Nans = nans!($nans $lanes);

            #[inline(always)]
            fn eval(a: Vector, b: Vector) -> Vector {
                zip(<$lanes>::of(a), <$lanes>::of(b), |$a, $b| $lane).vector()
            }
        }
    )*};
    // Two operands, the lanes of all of both at once.
    (binary all $nans:ident: $($name:ident: $lanes:ty => $out:ty, |$a:ident, $b:ident| $result:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_binary; }
        impl VectorBinary for $name {
            const NANS: Nans = nans!($nans $out);

            #[inline(always)]
            fn eval(a: Vector, b: Vector) -> Vector {
                let ($a, $b) = (<$lanes>::of(a), <$lanes>::of(b));
                let result: $out = $result;
                result.vector()
            }
        }
    )*};
    // A shift, lane by lane.
    (shift: $($name:ident: $lanes:ty, |$x:ident, $count:ident| $lane:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_shift; }
        impl VectorShift for $name {
            #[inline(always)]
            fn eval(x: Vector, $count: u32) -> Vector {
                map(<$lanes>::of(x), |$x| $lane).vector()
            }
        }
    )*};
    // A question about the lanes of all of a vector.
    (test: $($name:ident: $lanes:ty, |$x:ident| $answer:expr;)*) => {$(
        pub(crate) struct $name;
        lowered! { $name: vector_test; }
        impl VectorTest for $name {
            #[inline(always)]
            fn eval(x: Vector) -> u32 {
                let $x = <$lanes>::of(x);
                $answer
            }
        }
    )*};
}
use vector_ops;
