//! Vector operations: specification, section "Vector Instructions".

/// A vector's bytes: those of lane 0 first, each lane's lowest first, as memory holds them.
pub(crate) type Vector = [u8; 16];
