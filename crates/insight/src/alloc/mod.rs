//! What a program's allocators do: which functions they are, and which blocks there are.
//!
//! [`recognise`] tells allocator functions by name and signature, [`Registry`] collects those of
//! the modules that an engine makes, [`Hidden`] says why some are missing, [`Tracker`] turns their
//! calls and returns into requests, and [`Blocks`] keeps the blocks.

mod blocks;
mod body;
mod hidden;
mod recognise;
mod registry;
mod tracker;

pub(crate) use blocks::reclaimed;
pub use blocks::{Block, Blocks, Place, StackId};
pub use hidden::Hidden;
pub use recognise::{Family, Recognised, Role, recognise};
pub use registry::{AllocOption, AllocOptionError, AllocatorFunction, How, Registry};
pub use tracker::{Begun, Done, Tracker};
