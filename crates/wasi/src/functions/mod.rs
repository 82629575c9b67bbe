//! The functions of preview 1, by what they are about. Each takes the context and the guest first;
//! pointers are addresses in the guest's memory.
//!
//! A function checks every range that it is given before it does anything.

pub(crate) mod fd;
pub(crate) mod path;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod sock;
pub(crate) mod unstable;
