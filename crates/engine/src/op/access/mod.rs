//! Accesses to memory: of numbers, of vectors and their lanes, and atomic ones.

pub(crate) mod atomic;
pub(crate) mod lane;
pub(crate) mod scalar;
