//! Observers: what they are told is all that happens, and no more.

mod calls;
mod host;
mod model;
mod program;
mod replay;
mod stacks;
mod stop;
mod waits;
