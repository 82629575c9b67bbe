//! [`Guest`]: the memory of the guest that made a call, and whether its time is up.
//!
//! The guest's memory is touched here only, and by exact ranges only, each of which is checked
//! first. A range that is not inside the memory stops the guest: a pointer like that is a fault of
//! the program, as an access of its own would be. Addresses need no alignment, as in WebAssembly.

use std::io::{IoSlice, IoSliceMut};

use lineal::{AsContext as _, Caller, Error, Extern, Memory, Result, SharedMemory};

use crate::Waiting;
use crate::errno::{Errno, Fault, Outcome};

/// The buffers that one call of the operating system gets.
const BATCH: usize = 16;

/// What is copied at once into or out of a memory that threads share.
const BOUNCE_BYTES: usize = 64 << 10;

/// The guest behind a call, whatever the type of its store.
pub(crate) trait Host {
    /// The size of the memory in bytes.
    fn size(&self) -> u64;

    /// The bytes in a range that has been checked; `None` if threads share the memory.
    fn slice(&self, addr: u64, len: u64) -> Option<&[u8]>;

    /// The bytes in a range that has been checked, mutably; `None` if threads share the memory.
    fn slice_mut(&mut self, addr: u64, len: u64) -> Option<&mut [u8]>;

    /// Copies a range that has been checked out of the memory.
    fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<()>;

    /// Copies bytes to a range that has been checked.
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<()>;

    /// Whether an observer is told which bytes are read and written.
    fn is_observed(&mut self) -> bool;

    /// Fails if the guest's time is up; otherwise says whether it can ever be.
    fn check_time(&mut self) -> Result<bool>;
}

/// A call by a guest in a store of some type.
pub(crate) struct Call<'a, 'b, T> {
    caller: &'a mut Caller<'b, T>,
    memory: AnyMemory,
}

enum AnyMemory {
    Own(Memory),
    Shared(SharedMemory),
}

impl<'a, 'b, T> Call<'a, 'b, T> {
    /// # Errors
    ///
    /// If the guest exports no memory as `memory`.
    pub(crate) fn new(caller: &'a mut Caller<'b, T>) -> Result<Call<'a, 'b, T>> {
        let memory = match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => AnyMemory::Own(memory),
            Some(Extern::SharedMemory(memory)) => AnyMemory::Shared(memory),
            _ => return Err(Error::msg("the guest does not export a memory as `memory`")),
        };
        Ok(Call { caller, memory })
    }
}

impl<T> Host for Call<'_, '_, T> {
    fn size(&self) -> u64 {
        match &self.memory {
            AnyMemory::Own(memory) => memory.linear(self.caller.as_context()).byte_len(),
            AnyMemory::Shared(memory) => memory.linear().byte_len(),
        }
    }

    fn slice(&self, addr: u64, len: u64) -> Option<&[u8]> {
        match &self.memory {
            AnyMemory::Own(memory) => memory.slice(self.caller.as_context(), addr, len).ok(),
            AnyMemory::Shared(_) => None,
        }
    }

    fn slice_mut(&mut self, addr: u64, len: u64) -> Option<&mut [u8]> {
        match &self.memory {
            AnyMemory::Own(memory) => memory.slice_mut(&mut *self.caller, addr, len).ok(),
            AnyMemory::Shared(_) => None,
        }
    }

    fn read(&self, addr: u64, buffer: &mut [u8]) -> Result<()> {
        match &self.memory {
            AnyMemory::Own(memory) => {
                memory.read(self.caller.as_context(), addr as usize, buffer)?;
            }
            AnyMemory::Shared(memory) => memory.read(self.caller.as_context(), addr, buffer)?,
        }
        Ok(())
    }

    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<()> {
        match &self.memory {
            // In bounds, so a `usize` holds the address.
            AnyMemory::Own(memory) => memory.write(&mut *self.caller, addr as usize, bytes)?,
            AnyMemory::Shared(memory) => memory.write(&mut *self.caller, addr, bytes)?,
        }
        Ok(())
    }

    fn is_observed(&mut self) -> bool {
        self.caller.moment().is_some()
    }

    fn check_time(&mut self) -> Result<bool> {
        self.caller.check_epoch()
    }
}

/// The guest behind a call.
pub(crate) struct Guest<'a> {
    host: &'a mut dyn Host,
    /// The size of the memory when the call began. It does not shrink.
    size: u64,
}

impl Guest<'_> {
    pub(crate) fn new(host: &mut dyn Host) -> Guest<'_> {
        let size = host.size();
        Guest { host, size }
    }

    /// Stops the guest if its time is up; otherwise says whether it can ever be.
    pub(crate) fn check_time(&mut self) -> Outcome<bool> {
        self.host.check_time().map_err(Fault::Stop)
    }

    /// The same while the guest waits for something.
    pub(crate) fn check_time_waiting(&mut self) -> Outcome<bool> {
        self.host.check_time().map_err(|error| Fault::Stop(error.context(Waiting)))
    }

    /// Checks that a range is inside the memory.
    pub(crate) fn check(&self, addr: u32, len: u64) -> Outcome {
        let size = self.size;
        // Both are far from the end of a `u64`: a `u32`, and at most 2³² items of 56 bytes.
        if u64::from(addr) + len > size {
            return Err(Fault::Stop(Error::msg(format!(
                "a pointer given to WASI is out of bounds: {len} bytes at address {addr:#x} are \
                 not inside the memory of {size} bytes"
            ))));
        }
        Ok(())
    }

    /// Checks an address that a `u32` is written to when all has gone well.
    pub(crate) fn check_u32(&self, addr: u32) -> Outcome {
        self.check(addr, 4)
    }

    /// Checks an address that a `u64` is written to when all has gone well.
    pub(crate) fn check_u64(&self, addr: u32) -> Outcome {
        self.check(addr, 8)
    }

    pub(crate) fn read(&self, addr: u32, buffer: &mut [u8]) -> Outcome {
        self.check(addr, buffer.len() as u64)?;
        self.host.read(addr.into(), buffer).map_err(Fault::Stop)
    }

    pub(crate) fn write(&mut self, addr: u32, bytes: &[u8]) -> Outcome {
        self.check(addr, bytes.len() as u64)?;
        self.host.write(addr.into(), bytes).map_err(Fault::Stop)
    }

    pub(crate) fn write_u32(&mut self, addr: u32, value: u32) -> Outcome {
        self.check_u32(addr)?;
        self.write(addr, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, addr: u32, value: u64) -> Outcome {
        self.check_u64(addr)?;
        self.write(addr, &value.to_le_bytes())
    }

    /// The bytes of a string.
    pub(crate) fn read_vec(&self, addr: u32, len: u32) -> Outcome<Vec<u8>> {
        self.check(addr, len.into())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len as usize).map_err(|_| Errno::Nomem)?;
        bytes.resize(len as usize, 0);
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }

    /// Lets a function write all bytes of a range, in pieces if the memory is shared.
    pub(crate) fn fill(
        &mut self,
        addr: u32,
        len: u32,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), Errno>,
    ) -> Outcome {
        self.check(addr, len.into())?;
        let mut done = 0;
        while done < len {
            self.check_time()?;
            let piece = (len - done).min(1 << 20);
            let at = u64::from(addr) + u64::from(done);
            if let Some(bytes) = self.host.slice_mut(at, piece.into()) {
                fill(bytes)?;
            } else {
                let mut bytes = vec![0; piece as usize];
                fill(&mut bytes)?;
                self.host.write(at, &bytes).map_err(Fault::Stop)?;
            }
            done += piece;
        }
        Ok(())
    }

    /// The buffers of a call that reads or writes, all inside the memory.
    pub(crate) fn buffers(&self, addr: u32, count: u32) -> Outcome<Buffers> {
        self.check(addr, u64::from(count) * Buffers::ITEM_BYTES)?;
        let mut buffers = Buffers { addr, count, skip: 0, left: 0 };
        let mut total = 0_u64;
        for index in 0..count {
            let (addr, len) = buffers.get(self, index)?;
            self.check(addr, len.into())?;
            total += u64::from(len);
        }
        // The result must have room for the number of bytes.
        buffers.left = u32::try_from(total).map_err(|_| Errno::Inval)?;
        Ok(buffers)
    }

    /// Lets a function fill the next buffers, as many as it gets, and returns how many bytes it
    /// has filled and how many it could have.
    pub(crate) fn fill_buffers(
        &mut self,
        buffers: &Buffers,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<usize, Errno>,
    ) -> Outcome<(usize, usize)> {
        if let Some((addr, len)) = buffers.only(self)?
            && let Some(bytes) = self.host.slice_mut(addr, len)
        {
            return Ok((read(&mut [IoSliceMut::new(bytes)])?, len as usize));
        }
        let batch = buffers.batch(self)?;
        let Some((start, end)) = batch.hull() else { return Ok((0, 0)) };
        if self.host.is_observed() {
            // What lies between the buffers is not written.
            return self.fill_copied(&batch, read);
        }
        let Some(mut rest) = self.host.slice_mut(start, end - start) else {
            return self.fill_copied(&batch, read);
        };
        // The buffers as slices: in the order of their addresses they are cut off one by one. Those
        // from the first on that overlaps with one before it have to wait for the next turn.
        let count = batch.disjoint_prefix();
        let mut slices = [const { None }; BATCH];
        let mut order: [usize; BATCH] = std::array::from_fn(|index| index);
        order[..count].sort_unstable_by_key(|&index| batch.items[index].0);
        let mut at = start;
        for &index in &order[..count] {
            let (addr, len) = batch.items[index];
            let (_, from_here) = rest.split_at_mut((addr - at) as usize);
            let (slice, after) = from_here.split_at_mut(len as usize);
            slices[index] = Some(slice);
            rest = after;
            at = addr + len;
        }
        let asked = batch.items[..count].iter().map(|&(_, len)| len as usize).sum();
        let mut slices = slices.map(|slice| IoSliceMut::new(slice.unwrap_or_default()));
        Ok((read(&mut slices[..count])?, asked))
    }

    /// The same by way of a buffer of the host's.
    fn fill_copied(
        &mut self,
        batch: &Batch,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<usize, Errno>,
    ) -> Outcome<(usize, usize)> {
        let asked = batch.total().min(BOUNCE_BYTES);
        let mut bytes = vec![0; asked];
        let done = read(&mut [IoSliceMut::new(&mut bytes)])?;
        let mut rest = &bytes[..done];
        for &(addr, len) in batch.items() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(len as usize));
            self.host.write(addr, piece).map_err(Fault::Stop)?;
            rest = after;
        }
        Ok((done, asked))
    }

    /// Lets a function take the bytes of the next buffers, as many as it gets, and returns how
    /// many bytes it has taken and how many it could have.
    pub(crate) fn take_buffers(
        &self,
        buffers: &Buffers,
        write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) -> Outcome<(usize, usize)> {
        if let Some((addr, len)) = buffers.only(self)?
            && let Some(bytes) = self.host.slice(addr, len)
        {
            return Ok((write(&[IoSlice::new(bytes)])?, len as usize));
        }
        let batch = buffers.batch(self)?;
        let asked = batch.total();
        if asked == 0 {
            return Ok((0, 0));
        }
        let mut slices = [IoSlice::new(&[]); BATCH];
        let mut is_shared = false;
        for (slice, &(addr, len)) in slices.iter_mut().zip(batch.items()) {
            match self.host.slice(addr, len) {
                Some(bytes) => *slice = IoSlice::new(bytes),
                None => is_shared = true,
            }
        }
        if !is_shared {
            return Ok((write(&slices[..batch.count])?, asked));
        }
        let asked = asked.min(BOUNCE_BYTES);
        let mut bytes = vec![0; asked];
        let mut rest = bytes.as_mut_slice();
        for &(addr, len) in batch.items() {
            let (piece, after) = rest.split_at_mut(rest.len().min(len as usize));
            self.host.read(addr, piece).map_err(Fault::Stop)?;
            rest = after;
        }
        Ok((write(&[IoSlice::new(&bytes)])?, asked))
    }
}

/// An array of buffers in the guest's memory, and how much of it is done: `iovec_array` or
/// `ciovec_array`.
pub(crate) struct Buffers {
    addr: u32,
    /// The items from `addr` on.
    count: u32,
    /// The bytes of the first item that are done.
    skip: u32,
    /// The bytes that are not done.
    left: u32,
}

/// The next buffers, without those that have no bytes.
struct Batch {
    items: [(u64, u64); BATCH],
    count: usize,
}

impl Buffers {
    const ITEM_BYTES: u64 = 8;

    fn get(&self, guest: &Guest<'_>, index: u32) -> Outcome<(u32, u32)> {
        let mut item = [0; Buffers::ITEM_BYTES as usize];
        // The array is inside the memory, so its items have addresses of 32 bits.
        guest.read(self.addr + index * Buffers::ITEM_BYTES as u32, &mut item)?;
        let [a, b, c, d, e, f, g, h] = item;
        Ok((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// What is left of an item whose first bytes are done: its address and length. It is checked
    /// again: in a shared memory, another thread can have written to the array.
    fn rest(&self, guest: &Guest<'_>, index: u32, skip: u32) -> Outcome<(u64, u32)> {
        let (addr, len) = self.get(guest, index)?;
        guest.check(addr, len.into())?;
        let skip = skip.min(len);
        Ok((u64::from(addr) + u64::from(skip), len - skip))
    }

    /// What is left, if it is all in one item.
    fn only(&self, guest: &Guest<'_>) -> Outcome<Option<(u64, u64)>> {
        if self.count != 1 || self.left == 0 {
            return Ok(None);
        }
        let (addr, len) = self.rest(guest, 0, self.skip)?;
        Ok(Some((addr, len.min(self.left).into())))
    }

    /// The next buffers, with no more bytes than are left.
    fn batch(&self, guest: &Guest<'_>) -> Outcome<Batch> {
        let mut batch = Batch { items: [(0, 0); BATCH], count: 0 };
        let mut left = self.left;
        for index in 0..self.count {
            if batch.count == BATCH || left == 0 {
                break;
            }
            let (addr, len) = self.rest(guest, index, if index == 0 { self.skip } else { 0 })?;
            let len = len.min(left);
            if len > 0 {
                batch.items[batch.count] = (addr, len.into());
                batch.count += 1;
                left -= len;
            }
        }
        Ok(batch)
    }

    /// Takes note that so many bytes more are done, which are not more than are left.
    pub(crate) fn advance(&mut self, guest: &Guest<'_>, mut bytes: usize) -> Outcome {
        self.left = self.left.saturating_sub(bytes as u32);
        if self.left == 0 {
            self.count = 0;
        }
        while self.count > 0 {
            let (_, len) = self.get(guest, 0)?;
            let left = len.saturating_sub(self.skip) as usize;
            if bytes < left {
                // Less than a length of 32 bits.
                self.skip += bytes as u32;
                return Ok(());
            }
            bytes -= left;
            self.addr += Buffers::ITEM_BYTES as u32;
            self.count -= 1;
            self.skip = 0;
        }
        Ok(())
    }
}

impl Batch {
    fn items(&self) -> &[(u64, u64)] {
        &self.items[..self.count]
    }

    fn total(&self) -> usize {
        self.items().iter().map(|&(_, len)| len as usize).sum()
    }

    /// The range from the first address of any to the last.
    fn hull(&self) -> Option<(u64, u64)> {
        let start = self.items().iter().map(|&(addr, _)| addr).min()?;
        let end = self.items().iter().map(|&(addr, len)| addr + len).max()?;
        Some((start, end))
    }

    /// How many buffers there are before the first that overlaps with one before it.
    fn disjoint_prefix(&self) -> usize {
        let overlap =
            |&(a, a_len): &(u64, u64), &(b, b_len): &(u64, u64)| a < b + b_len && b < a + a_len;
        let items = self.items();
        (1..items.len())
            .find(|&index| items[..index].iter().any(|before| overlap(before, &items[index])))
            .unwrap_or(items.len())
    }
}
