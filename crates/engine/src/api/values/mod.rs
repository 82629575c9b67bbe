//! Values: as an enum that knows its type at run time ([`val`]), as Rust types ([`wasm_ty`]), and in
//! a global.

pub(crate) mod global;
pub(crate) mod v128;
pub(crate) mod val;
pub(crate) mod wasm_ty;
