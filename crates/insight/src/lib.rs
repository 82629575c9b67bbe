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
//! | [`recent`] | What did the failing function read last? |
//! | [`trace`] | What was accessed, one after the other? |
//! | [`check`] | Which accesses and frees are wrong, and what leaks? |
//! | [`heap`] | Who allocates, how much, and for how long? |
//! | [`snapshot`] | What did the memory contain, and what changed in between? |
//!
//! [`page`] shows results as a page for a browser.

#![forbid(unsafe_code)]

pub mod alloc;
pub mod blame;
pub mod check;
mod event;
mod hash;
pub mod heap;
pub mod heat;
mod layout;
mod memories;
mod mnemonic;
pub mod page;
mod place;
mod range;
pub mod recent;
pub mod snapshot;
mod stacks;
pub mod trace;
pub mod watch;
mod words;

pub use event::{CallEvent, Event, EventError};
pub use layout::{Layout, Segment, StackPointer};
pub use memories::Memories;
pub use place::{Place, Places};
pub use range::{AddressRange, RangeError};

/// The README's examples, run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
