//! Accesses to memory: of numbers, of vectors and their lanes, and atomic ones.

pub(crate) mod atomic;
#[cfg(feature = "simd")]
pub(crate) mod lane;
pub(crate) mod scalar;
