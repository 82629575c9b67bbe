//! Tools that see what guests do to their memories, on the public API of `lineal` alone.
//!
//! Nothing is rebuilt: a tool is an [`Observer`](lineal::Observer) of a store, and works on any
//! module. Each says with `observe` what the engine has to report for it.
//!
//! | tool | answers |
//! | --- | --- |
//! | [`watch`] | Who reads or writes these bytes, and when? |
//! | [`blame`] | Who wrote each byte last? |
//! | [`heat`] | Which addresses are read and written how often? |
//! | [`trace`] | What was accessed, one after the other? |

#![forbid(unsafe_code)]

pub mod blame;
pub mod heat;
mod memories;
mod mnemonic;
mod place;
mod range;
pub mod trace;
pub mod watch;

pub use memories::Memories;
pub use place::{Place, Places};
pub use range::{AddressRange, RangeError};
