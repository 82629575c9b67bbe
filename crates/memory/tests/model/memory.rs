//! A memory of either kind.

use lineal_memory::{LinearMemory, OutOfBounds, SharedMemory};

pub(crate) enum Memory {
    Linear(LinearMemory),
    Shared(SharedMemory),
}

/// Runs `$body` with the memory as `$inner`: the two kinds have the same methods.
macro_rules! with_memory {
    ($memory:expr, $inner:ident => $body:expr) => {
        match $memory {
            Memory::Linear($inner) => $body,
            Memory::Shared($inner) => $body,
        }
    };
}
pub(crate) use with_memory;

impl Memory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        with_memory!(self, memory => {
            let mut bytes = vec![0; memory.byte_len() as usize];
            memory.read(0, &mut bytes).unwrap();
            bytes
        })
    }

    pub(crate) fn copy_from(
        &mut self,
        dst: u64,
        other: &Memory,
        src: u64,
        len: u64,
    ) -> Result<(), OutOfBounds> {
        match (self, other) {
            (Memory::Linear(to), Memory::Linear(from)) => to.copy_from(dst, from, src, len),
            (Memory::Linear(to), Memory::Shared(from)) => to.copy_from_shared(dst, from, src, len),
            (Memory::Shared(to), Memory::Linear(from)) => to.copy_from_linear(dst, from, src, len),
            (Memory::Shared(to), Memory::Shared(from)) => to.copy_from(dst, from, src, len),
        }
    }
}
