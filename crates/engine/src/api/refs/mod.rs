//! References, and what holds or carries them: the objects of the heap, how long host code keeps
//! them, tables, and the tags of exceptions.

pub(crate) mod exnref;
pub(crate) mod externref;
pub(crate) mod gcref;
pub(crate) mod rooting;
pub(crate) mod table;
pub(crate) mod tag;
