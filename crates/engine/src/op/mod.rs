//! What operations compute: one definition each, safe, without a machine.
//!
//! An operation is a type without values; [`exec`](crate::exec) wraps it in handlers that differ
//! in where operands come from and where the result goes, and
//! [`translate`](crate::translate) picks among those. Names are the specification's, in
//! camel case: `i32.add` is [`scalar::I32Add`], `i64.load8_s` is [`access::scalar::I64Load8S`].

pub(crate) mod access;
pub(crate) mod float;
pub(crate) mod gc;
pub(crate) mod scalar;
#[cfg(feature = "simd")]
pub(crate) mod vector;
pub(crate) mod wide;
