//! [`Region`]: a part of a store that can be freed before the store is dropped.

use super::{Store, StoreContextMut};
use crate::api::store::AsContextMut;
use crate::runtime::store::RegionId;

/// A part of a store: what was made while it was the current one.
///
/// A store frees what is in it when it is dropped. A host with a garbage collector of its own, for
/// which that is too late, puts what lives and dies together into a region, and frees the region
/// when nothing can reach it any more.
///
/// ```
/// use lineal::{Memory, MemoryType, Region, Store};
///
/// let mut store = Store::<()>::default();
/// let region = store.new_region();
/// let before: Region = store.set_region(region);
/// Memory::new(&mut store, MemoryType::new(1, None))?;
/// store.set_region(before);
/// // SAFETY: the memory's handle was dropped, no instance imports it, and nothing runs.
/// unsafe { store.free_regions(&[region]) };
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region(RegionId);

impl Region {
    /// The region that is the current one of a new store. It is like any other.
    pub const FIRST: Region = Region(0);
}

impl<T> StoreContextMut<'_, T> {
    /// Adds a region, in which nothing is yet.
    pub fn new_region(&mut self) -> Region {
        Region(self.core_mut().new_region())
    }

    /// Makes a region the current one: functions, tables, memories, globals, tags and instances
    /// that are made from now on are in it, by the host or by guests. Returns the one that was
    /// current before.
    pub fn set_region(&mut self, region: Region) -> Region {
        Region(self.core_mut().set_region(region.0))
    }

    /// Frees all functions, tables, memories, globals, tags and instances in some regions. Returns
    /// how many bytes their memories had that are not shared, and their tables, at 8 bytes an
    /// element: what a [limiter](crate::ResourceLimiter) that adds up sizes can take off.
    ///
    /// # Safety
    ///
    /// Nothing may use any of them any more: no handle of the host's; nothing in another region,
    /// that is: no instance there imports them, and no table, global, element segment or object
    /// that can be reached from there refers to them; no exception that the host or a guest can
    /// still catch has a tag of theirs; and no call of a function of theirs has yet to return.
    pub unsafe fn free_regions(&mut self, regions: &[Region]) -> u64 {
        let mut dead: Vec<_> = regions.iter().map(|region| region.0).collect();
        dead.sort_unstable();
        let is_dead = |region| dead.binary_search(&region).is_ok();
        // SAFETY: the caller's promise.
        unsafe { self.core_mut().free_regions(is_dead) }
    }
}

impl<T> Store<T> {
    /// See [`StoreContextMut::new_region`].
    pub fn new_region(&mut self) -> Region {
        self.as_context_mut().new_region()
    }

    /// See [`StoreContextMut::set_region`].
    pub fn set_region(&mut self, region: Region) -> Region {
        self.as_context_mut().set_region(region)
    }

    /// See [`StoreContextMut::free_regions`].
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn free_regions(&mut self, regions: &[Region]) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.as_context_mut().free_regions(regions) }
    }
}
