//! Without the feature `simd`: only what moves values that take two slots.

#[allow(unused, reason = "some of it is used by operations on vectors alone")]
pub(super) mod moves;
