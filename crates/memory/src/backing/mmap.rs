//! The reserved backing: address space taken once, made accessible as the memory grows.

use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size as host_page_bytes;

use super::OutOfMemory;

/// A mapping of the host's: reserved address space, or nothing.
#[derive(Debug)]
struct Mapping {
    base_ptr: NonNull<u8>,
    reserved_bytes: usize,
}

// SAFETY: B1: the mapping is its owner's, whichever thread has that.
unsafe impl Send for Mapping {}

impl Mapping {
    const NOTHING: Mapping = Mapping { base_ptr: NonNull::dangling(), reserved_bytes: 0 };

    fn new(reserved_bytes: usize) -> Result<Mapping, OutOfMemory> {
        let (no_address, no_access) = (ptr::null_mut(), ProtFlags::empty());
        // SAFETY: without an address, the host chooses one that is not in use.
        let base_ptr =
            unsafe { mmap_anonymous(no_address, reserved_bytes, no_access, MapFlags::PRIVATE) };
        let base_ptr = base_ptr.map_err(|_| OutOfMemory)?;
        // Unix never maps the null page for those who did not ask for it.
        let base_ptr = NonNull::new(base_ptr.cast()).ok_or(OutOfMemory)?;
        Ok(Mapping { base_ptr, reserved_bytes })
    }

    /// The mapping of a backing that is gone, zeroed, and its committed bytes, if there is one of
    /// the size.
    fn spare(reserved_bytes: usize) -> Option<(Mapping, usize)> {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(mapping, _): &(Mapping, _)| mapping.reserved_bytes == reserved_bytes;
        let (mapping, committed_bytes) = spare.iter().rposition(fits).map(|at| spare.remove(at))?;
        drop(spare);
        // SAFETY: B1, B2: the bytes are the caller's now, and may be written.
        unsafe { mapping.base_ptr.as_ptr().write_bytes(0, committed_bytes) };
        Some((mapping, committed_bytes))
    }

    /// Makes the first `new_bytes` accessible, of which `old_bytes` are already, for sizes
    /// inside the reservation; how many are accessible then.
    fn commit(&self, old_bytes: usize, new_bytes: usize) -> Result<usize, OutOfMemory> {
        debug_assert!(old_bytes <= new_bytes && new_bytes <= self.reserved_bytes);
        let (committed_bytes, bytes) = (round_up(old_bytes)?, round_up(new_bytes)?);
        if bytes == committed_bytes {
            return Ok(bytes);
        }
        // SAFETY: B2 keeps this inside the mapping.
        let added_ptr = unsafe { self.base_ptr.add(committed_bytes) };
        let access = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: B1, B2: whole pages of this mapping, which are made accessible and never
        // anything else.
        unsafe { mprotect(host_ptr(added_ptr), bytes - committed_bytes, access) }
            .map_err(|_| OutOfMemory)?;
        Ok(bytes)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.reserved_bytes == 0 {
            return;
        }
        // SAFETY: B1, and by S3 nobody uses it any more.
        let unmapped = unsafe { munmap(host_ptr(self.base_ptr), self.reserved_bytes) };
        debug_assert!(unmapped.is_ok(), "a mapping of our own can be unmapped");
    }
}

/// Mappings of small backings that are gone, with their committed bytes, the newest last. Making
/// one, the host's work when its pages are first touched, and unmapping it take longer than all
/// else that a small module needs to start.
static SPARE: Mutex<Vec<(Mapping, usize)>> = Mutex::new(Vec::new());

/// How many mappings are kept at most: together, they keep no more than 4 MiB.
const MOST_SPARE: usize = 32;

/// The committed bytes up to which a mapping is kept: they are zeroed when it is used again.
const LARGEST_SPARE_BYTES: usize = 128 << 10;

/// A mapping whose beginning is committed (may be read and written) and whose rest is only
/// reserved. See [`super`] for what it promises.
///
/// Reserving costs no memory, and committing costs none until a page is touched. Committing
/// asks the host about the added pages only, so it takes as long at any size. Mappings are
/// made without `MAP_NORESERVE`: inaccessible pages are not charged for anyway, and committing
/// is then where a host that has run out says so, rather than killing the process later.
///
/// - B1: `base_ptr` is a private anonymous mapping of `reserved_bytes`, of this backing alone.
/// - B2: the first bytes of it may be read and written: at least as many as the memory has,
///   rounded up to whole pages of the host. This is at most `reserved_bytes`.
/// - B3: `committed_bytes` is how many that are; all bytes after those are zeros that nobody wrote. It is
///   `None` for a backing of several threads, where nobody counts: an atomic counter in a memory
///   would keep compilers from reading the memory's other fields before a loop.
#[derive(Debug)]
pub(crate) struct ReservedBacking {
    mapping: Mapping,
    committed_bytes: Option<usize>,
}

// SAFETY: a shared borrow reads the fields and commits, which the host lets threads do at once.
unsafe impl Sync for ReservedBacking {}

impl ReservedBacking {
    /// Reserves `reservation_bytes`, but at least what `bytes` needs, and commits `bytes`.
    pub(crate) fn new(
        bytes: usize,
        reservation_bytes: usize,
    ) -> Result<ReservedBacking, OutOfMemory> {
        // The host maps no empty ranges.
        let reserved_bytes = round_up(reservation_bytes.max(bytes).max(1))?;
        if let Some((mapping, committed_bytes)) = Mapping::spare(reserved_bytes) {
            let mut backing = ReservedBacking { mapping, committed_bytes: Some(committed_bytes) };
            backing.grow(committed_bytes, bytes.max(committed_bytes))?;
            return Ok(backing);
        }
        let mapping = Mapping::new(reserved_bytes).or_else(|_| {
            SPARE.lock().unwrap_or_else(PoisonError::into_inner).clear();
            Mapping::new(reserved_bytes)
        })?;
        let mut backing = ReservedBacking { mapping, committed_bytes: Some(0) };
        backing.grow(0, bytes)?;
        Ok(backing)
    }

    /// The same backing for several threads, which [`commit`](Self::commit) and never grow it.
    pub(crate) fn into_fixed(mut self) -> ReservedBacking {
        self.committed_bytes = None;
        self
    }

    pub(crate) fn base_ptr(&self) -> NonNull<u8> {
        self.mapping.base_ptr
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        self.mapping.reserved_bytes
    }

    pub(crate) fn grow(&mut self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        if new_bytes > self.mapping.reserved_bytes {
            return self.relocate(old_bytes, new_bytes);
        }
        let bytes = self.mapping.commit(old_bytes, new_bytes)?;
        self.committed_bytes = self.committed_bytes.map(|committed| committed.max(bytes));
        Ok(())
    }

    /// Makes the first `new_bytes` of a [fixed](Self::into_fixed) backing accessible, of which
    /// `old_bytes` are already. Several threads may do so at once, and it may be done again.
    pub(crate) fn commit(&self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        debug_assert!(self.committed_bytes.is_none(), "this would not be counted");
        self.mapping.commit(old_bytes, new_bytes).map(drop)
    }

    /// Moves to a reservation that `new_bytes` fits, with room to spare if the host has it.
    fn relocate(&mut self, old_bytes: usize, new_bytes: usize) -> Result<(), OutOfMemory> {
        let roomy_bytes = self.mapping.reserved_bytes.saturating_mul(2);
        let larger = ReservedBacking::new(new_bytes, roomy_bytes)
            .or_else(|_| ReservedBacking::new(new_bytes, new_bytes))?;
        let (old_ptr, new_ptr) = (self.base_ptr().as_ptr(), larger.base_ptr().as_ptr());
        // SAFETY: B2 for both, as the old size is less than the new one; two mappings do not
        // overlap.
        unsafe { ptr::copy_nonoverlapping(old_ptr, new_ptr, old_bytes) };
        *self = larger;
        Ok(())
    }
}

impl Drop for ReservedBacking {
    /// Keeps the mapping for backings to come, if it is small, in place of the oldest that is kept.
    fn drop(&mut self) {
        let Some(committed_bytes) = self.committed_bytes else { return };
        if committed_bytes > LARGEST_SPARE_BYTES {
            return;
        }
        let mapping = mem::replace(&mut self.mapping, Mapping::NOTHING);
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (spare.len() == MOST_SPARE).then(|| spare.remove(0));
        spare.push((mapping, committed_bytes));
        drop(spare);
        drop(oldest);
    }
}

fn host_ptr(ptr: NonNull<u8>) -> *mut c_void {
    ptr.as_ptr().cast()
}

/// Rounds up to whole pages of the host.
fn round_up(bytes: usize) -> Result<usize, OutOfMemory> {
    bytes
        .checked_next_multiple_of(host_page_bytes())
        .filter(|bytes| *bytes <= super::MAX_BACKING_BYTES)
        .ok_or(OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_stays_within_the_reservation() {
        let mut backing = ReservedBacking::new(1, 1 << 30).unwrap();
        let base_ptr = backing.base_ptr();
        for (old, new) in [(1, 65_536), (65_536, 1 << 29), (1 << 29, 1 << 30)] {
            backing.grow(old, new).unwrap();
            assert_eq!(backing.base_ptr(), base_ptr);
        }
        assert_eq!(backing.capacity_bytes(), 1 << 30);
    }

    #[test]
    fn mappings_that_are_used_again_are_zero() {
        // No other test has a backing of this size.
        let reservation_bytes = 123 << 16;
        let new = |bytes| ReservedBacking::new(bytes, reservation_bytes).unwrap();
        let write = |backing: &ReservedBacking, index| {
            // SAFETY: B2, and the tests pass an index inside the backing's size.
            unsafe { backing.base_ptr().as_ptr().add(index).write(7) };
        };
        let mut backing = new(1);
        backing.grow(1, 65_536).unwrap();
        write(&backing, 0);
        write(&backing, 65_535);
        drop(backing);
        let backing = new(131_072);
        // SAFETY: B2.
        let bytes = unsafe { core::slice::from_raw_parts(backing.base_ptr().as_ptr(), 131_072) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        write(&backing, 131_071);
    }

    #[test]
    fn mappings_of_several_threads_leave_nothing_behind() {
        // No other test has a backing of this size.
        let new = || ReservedBacking::new(1, 125 << 16).unwrap();
        let backing = new().into_fixed();
        backing.commit(1, 131_072).unwrap();
        // SAFETY: B2.
        unsafe { backing.base_ptr().as_ptr().add(131_071).write(7) };
        drop(backing);
        let mut backing = new();
        backing.grow(1, 131_072).unwrap();
        // SAFETY: B2.
        assert_eq!(unsafe { backing.base_ptr().as_ptr().add(131_071).read() }, 0);
    }

    #[test]
    fn commits_whole_host_pages() {
        let mut backing = ReservedBacking::new(0, 1 << 20).unwrap();
        backing.grow(0, 1).unwrap();
        // Committing what is committed changes nothing.
        backing.grow(0, 1).unwrap();
        let last_ptr = backing.base_ptr().as_ptr().wrapping_add(host_page_bytes() - 1);
        // SAFETY: B2: one byte takes a whole page.
        unsafe { last_ptr.write(7) };
        backing.grow(1, host_page_bytes() + 1).unwrap();
        // SAFETY: B2.
        let bytes = unsafe { [last_ptr.read(), last_ptr.add(host_page_bytes()).read()] };
        assert_eq!(bytes, [7, 0]);
    }
}
