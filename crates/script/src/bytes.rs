//! [`Bytes`]: the memories that scripts read and write, allocated ones and those of modules.

use std::cell::RefCell;
use std::fmt;

use lineal::{
    BackingKind, LinearMemory, Memory, MemoryOptions, MemoryType, OutOfBounds, Pages, SharedMemory,
    StoreContextMut,
};

use crate::Host;
use crate::host::Room;
use crate::store;

/// How many bytes are moved between two memories at a time.
const CHUNK_BYTES: usize = 65_536;

/// Accesses the memory of a module, which observers are told. `access` says whether it could.
fn guest(
    memory: &Memory,
    addr: u64,
    len: usize,
    access: impl FnOnce(&mut StoreContextMut<'_, Host>, usize) -> bool,
) -> Result<(), OutOfBounds> {
    store::with(|mut store| {
        let done = usize::try_from(addr).is_ok_and(|at| access(&mut store, at));
        if done {
            return Ok(());
        }
        let memory_bytes = memory.linear(&store).byte_len();
        Err(OutOfBounds { addr, offset: 0, len_bytes: len as u64, memory_bytes })
    })
}

/// A memory that a script works on.
pub(crate) enum Bytes {
    /// One that the script allocated.
    Block(Block),
    /// One of a module.
    Guest(Memory),
    /// One that threads share.
    Shared(SharedMemory),
}

impl Bytes {
    pub(crate) fn byte_len(&self) -> u64 {
        match self {
            Bytes::Block(block) => block.memory.borrow().byte_len(),
            Bytes::Guest(memory) => store::with(|store| memory.linear(&store).byte_len()),
            Bytes::Shared(memory) => memory.linear().byte_len(),
        }
    }

    /// Whether the bytes from `addr` on are there.
    pub(crate) fn check(&self, addr: u64, len_bytes: u64) -> Result<(), OutOfBounds> {
        let memory_bytes = self.byte_len();
        match addr.checked_add(len_bytes) {
            Some(end) if end <= memory_bytes => Ok(()),
            _ => Err(OutOfBounds { addr, offset: 0, len_bytes, memory_bytes }),
        }
    }

    pub(crate) fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        match self {
            Bytes::Block(block) => block.memory.borrow().read(addr, buffer),
            Bytes::Guest(memory) => guest(memory, addr, buffer.len(), |store, at| {
                memory.read(store, at, buffer).is_ok()
            }),
            Bytes::Shared(memory) => memory.linear().read(addr, buffer),
        }
    }

    pub(crate) fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        match self {
            Bytes::Block(block) => block.memory.borrow_mut().write(addr, bytes),
            Bytes::Guest(memory) => {
                guest(memory, addr, bytes.len(), |store, at| memory.write(store, at, bytes).is_ok())
            }
            Bytes::Shared(memory) => memory.linear().write(addr, bytes),
        }
    }

    pub(crate) fn fill(&self, addr: u64, value: u8, len_bytes: u64) -> Result<(), OutOfBounds> {
        match self {
            Bytes::Block(block) => block.memory.borrow_mut().fill(addr, value, len_bytes),
            // In writes, whose addresses observers are told.
            Bytes::Guest(_) => {
                self.check(addr, len_bytes)?;
                let part = vec![value; CHUNK_BYTES.min(len_bytes as usize)];
                let mut done = 0;
                while done < len_bytes {
                    let len = (len_bytes - done).min(CHUNK_BYTES as u64);
                    self.write(addr + done, &part[..len as usize])?;
                    done += len;
                }
                Ok(())
            }
            Bytes::Shared(memory) => memory.linear().fill(addr, value, len_bytes),
        }
    }

    /// A number of fixed width.
    pub(crate) fn load<const N: usize>(&self, addr: u64) -> Result<[u8; N], OutOfBounds> {
        let mut bytes = [0; N];
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }

    /// A copy of a range, which must be inside.
    ///
    /// # Errors
    ///
    /// If the host has no room for it, or the range is not inside after all.
    pub(crate) fn copy_out(&self, addr: u64, len_bytes: u64) -> Result<Vec<u8>, ReadError> {
        self.check(addr, len_bytes)?;
        let mut bytes = Vec::new();
        let len = usize::try_from(len_bytes).unwrap_or(usize::MAX);
        if bytes.try_reserve_exact(len).is_err() {
            return Err(ReadError::NoRoom { len_bytes });
        }
        bytes.resize(len, 0);
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes from `addr` up to a unit of zeros, `width` bytes wide, without that.
    ///
    /// # Errors
    ///
    /// If there is none within `limit_bytes`, or before the memory's end.
    pub(crate) fn until_zero(
        &self,
        addr: u64,
        width: usize,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 256];
        self.check(addr, 0)?;
        let memory_bytes = self.byte_len();
        let end = memory_bytes.min(addr.saturating_add(limit_bytes));
        let mut at = addr;
        loop {
            let whole = (end - at) - (end - at) % width as u64;
            let len = whole.min(chunk.len() as u64) as usize;
            if len == 0 {
                let limit_bytes = end - addr;
                return Err(ReadError::Unterminated { addr, limit_bytes, memory_bytes });
            }
            let part = &mut chunk[..len];
            self.read(at, part)?;
            let units = part.chunks_exact(width);
            let zero = units.enumerate().find(|(_, unit)| unit.iter().all(|&byte| byte == 0));
            let kept = zero.map_or(len, |(index, _)| index * width);
            if bytes.try_reserve(kept).is_err() {
                return Err(ReadError::NoRoom { len_bytes: at - addr + kept as u64 });
            }
            bytes.extend_from_slice(&part[..kept]);
            if kept < len {
                return Ok(bytes);
            }
            at += len as u64;
        }
    }

    /// Copies from another memory, or from this one, whose ranges may overlap.
    ///
    /// # Errors
    ///
    /// If a range is not inside, and nothing is copied then.
    pub(crate) fn copy_from(
        &self,
        addr: u64,
        source: &Bytes,
        source_addr: u64,
        len_bytes: u64,
    ) -> Result<(), CopyError> {
        self.check(addr, len_bytes).map_err(CopyError::Destination)?;
        source.check(source_addr, len_bytes).map_err(CopyError::Source)?;
        // From the end on if the destination could overwrite what is yet to be read.
        let backwards = addr > source_addr;
        let mut buffer = vec![0; CHUNK_BYTES.min(len_bytes as usize)];
        let mut done = 0;
        while done < len_bytes {
            let len = (len_bytes - done).min(CHUNK_BYTES as u64);
            let at = if backwards { len_bytes - done - len } else { done };
            let part = &mut buffer[..len as usize];
            source.read(source_addr + at, part).map_err(CopyError::Source)?;
            self.write(addr + at, part).map_err(CopyError::Destination)?;
            done += len;
        }
        Ok(())
    }
}

/// Why bytes could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    OutOfBounds(OutOfBounds),
    Unterminated { addr: u64, limit_bytes: u64, memory_bytes: u64 },
    NoRoom { len_bytes: u64 },
}

impl From<OutOfBounds> for ReadError {
    fn from(error: OutOfBounds) -> ReadError {
        ReadError::OutOfBounds(error)
    }
}

/// Which range of a copy is not inside.
#[derive(Debug)]
pub(crate) enum CopyError {
    Destination(OutOfBounds),
    Source(OutOfBounds),
}

/// A block that a script allocated: a linear memory with pages of one byte, so that its end is
/// exact. Dropping it gives its bytes back.
pub(crate) struct Block {
    memory: RefCell<LinearMemory>,
    room: Room,
}

/// Why there is no block of a size.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl Block {
    /// A block of zeros.
    pub(crate) fn new(size_bytes: u64, room: &Room) -> Result<Block, NoRoom> {
        if !room.take(size_bytes) {
            return Err(NoRoom);
        }
        match new_memory(size_bytes) {
            Some(memory) => Ok(Block { memory: RefCell::new(memory), room: room.clone() }),
            None => {
                room.give_back(size_bytes);
                Err(NoRoom)
            }
        }
    }

    /// Changes the size. What is beyond a smaller size is lost; new bytes are zero.
    pub(crate) fn resize(&self, size_bytes: u64) -> Result<(), NoRoom> {
        let mut memory = self.memory.borrow_mut();
        let old_bytes = memory.byte_len();
        if !self.room.take(size_bytes.saturating_sub(old_bytes)) {
            return Err(NoRoom);
        }
        let resized = resize(&mut memory, size_bytes);
        let unused = if resized.is_some() { old_bytes } else { size_bytes };
        self.room.give_back(unused.saturating_sub(memory.byte_len()));
        resized.ok_or(NoRoom)
    }
}

fn new_memory(size_bytes: u64) -> Option<LinearMemory> {
    let ty = MemoryType::builder().min(size_bytes).page_size_log2(0).memory64(true).build().ok()?;
    // A reservation of address space for each block would be too much.
    LinearMemory::with_options(ty.into(), &MemoryOptions::new().backing(BackingKind::Heap)).ok()
}

fn resize(memory: &mut LinearMemory, size_bytes: u64) -> Option<()> {
    let old_bytes = memory.byte_len();
    if size_bytes >= old_bytes {
        memory.grow(Pages(size_bytes - old_bytes)).ok()?;
    } else {
        let mut smaller = new_memory(size_bytes)?;
        smaller.write(0, &memory.as_slice()[..size_bytes as usize]).ok()?;
        *memory = smaller;
    }
    Some(())
}

impl Drop for Block {
    fn drop(&mut self) {
        self.room.give_back(self.memory.borrow().byte_len());
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bytes::Block(_) => "Block",
            Bytes::Guest(_) => "Guest",
            Bytes::Shared(_) => "Shared",
        })
    }
}
