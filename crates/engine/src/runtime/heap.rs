//! The heap of a store: objects that references stand for, and the collector that frees those
//! no longer reachable.
//!
//! A reference is a *handle*: the number of an object's entry in a table, and the entry's
//! generation, which grows each time the object in it is freed. Generations start at 1 and are in
//! the upper half, so that no 32-bit integer is a handle, and a handle that outlived its object
//! is no longer one.
//!
//! ```text
//! 63        32 31             1 0
//! [ generation │ entry          │ 0 ]   a handle
//! [ 0          │ value          │ 1 ]   an i31
//! [ 0                               ]   null
//! ```
//!
//! Collection marks and sweeps. Its roots are conservative: every slot of the guest's stack, and
//! every word of an object that could hold a reference, counts as a reference if it is the handle
//! of a live object. Objects to look into are chained through their own entries, so that marking
//! needs neither memory nor the host's stack, however deep they are linked.

use std::any::Any;
use std::hint::unreachable_unchecked;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use lineal_decoder::{HeapType, TypeIndex};

use super::object::{Array, Exception, Object, Struct};
use super::pool::Pool;
use super::trap::Trap;

/// An entry of the table of objects.
#[repr(C)]
struct Entry {
    /// The one of the object in it, or of the next object that it gets.
    generation: u32,
    /// Of a free entry, the next one. Of an object, [`UNMARKED`], or the next object to look
    /// into.
    link: u32,
    object: Option<Object>,
}

/// What null is looked up in before there is an entry.
struct NoEntries(Entry);

// SAFETY: nothing changes it, and there is no object in it.
unsafe impl Sync for NoEntries {}

static NO_ENTRIES: NoEntries = NoEntries(Entry { generation: 1, link: END, object: None });

/// No entry: the end of a chain.
const END: u32 = u32::MAX;
/// The link of an object that the collector has not reached.
const UNMARKED: u32 = u32::MAX - 1;

/// The most entries: what 31 bits number, without the marks above.
const MAX_ENTRIES: usize = (1 << 31) - 2;

/// How much is allocated at least before the first collection.
const FIRST_THRESHOLD_BYTES: usize = 1 << 20;

/// By how much it grows: as a memory, by whole pages.
const GRANTED_BYTES: usize = 64 << 10;

/// How much is kept for errors.
const FOR_ERRORS_BYTES: usize = 64 << 10;

/// The objects of a store.
pub(crate) struct Heap {
    entries: Vec<Entry>,
    /// Where they are; as long as there are none, [`NO_ENTRIES`].
    table: NonNull<Entry>,
    /// The first free entry.
    free: u32,
    /// Where the parts of objects are.
    pub(crate) pool: Pool,
    /// Given back to the host when it has no more room, so that the guest's trap can be told.
    for_errors: Vec<u8>,
    /// What live objects count for: when to collect.
    used_bytes: usize,
    /// Beyond this, the next allocation collects first.
    threshold_bytes: usize,
    /// How much it may take, as far as the store's limiter was asked.
    granted_bytes: usize,
    /// How much it may be granted.
    limit_bytes: usize,
    /// What host code holds until its scope ends; see [`crate::RootScope`].
    scoped: Mutex<Vec<u64>>,
    owned: Mutex<Owned>,
    /// The exception that host code has yet to deal with; 0 if there is none.
    pub(crate) pending_exception: u64,
}

/// What host code holds as long as something else holds the token too.
#[derive(Debug, Default)]
struct Owned {
    roots: Vec<(Arc<()>, u64)>,
    /// How many there may be before the dead ones are looked for.
    limit: usize,
}

impl Owned {
    fn root(&mut self, bits: u64) -> Arc<()> {
        if self.roots.len() >= self.limit {
            self.forget_dead();
            self.limit = (self.roots.len() * 2).max(16);
        }
        let token = Arc::new(());
        self.roots.push((token.clone(), bits));
        token
    }

    fn forget_dead(&mut self) {
        self.roots.retain(|(token, _)| Arc::strong_count(token) > 1);
    }
}

/// An integer as an `i31` slot value, of which the lower 31 bits count.
pub(crate) const fn from_i31(value: u32) -> u64 {
    ((value as u64) << 1 | 1) & 0xffff_ffff
}

/// The lower 31 bits of an `i31`, sign-extended to 32.
pub(crate) const fn i31_signed(bits: u64) -> i32 {
    bits as i32 >> 1
}

/// The lower 31 bits of an `i31`.
pub(crate) const fn i31_unsigned(bits: u64) -> u32 {
    bits as u32 >> 1
}

/// Whether a slot's value is an `i31`.
pub(crate) const fn is_i31(bits: u64) -> bool {
    bits & 1 == 1
}

impl Heap {
    pub(crate) fn new(limit_bytes: usize) -> Heap {
        Heap {
            entries: Vec::new(),
            table: NonNull::from(&NO_ENTRIES.0),
            free: END,
            pool: Pool::new(),
            for_errors: Vec::new(),
            used_bytes: 0,
            threshold_bytes: FIRST_THRESHOLD_BYTES.min(limit_bytes),
            granted_bytes: 0,
            limit_bytes,
            scoped: Mutex::default(),
            owned: Mutex::default(),
            pending_exception: 0,
        }
    }

    /// Whether to collect before allocating that many bytes.
    pub(crate) fn is_due(&self, bytes: usize) -> bool {
        bytes > self.threshold_bytes.saturating_sub(self.used_bytes)
    }

    /// How much it would take at most with one more object.
    #[inline]
    fn taken_bytes_with(&self, payload_bytes: usize) -> usize {
        let entries = self.entries.len() + usize::from(self.free == END);
        let taken_bytes = entries * size_of::<Entry>() + self.pool.taken_bytes();
        taken_bytes.saturating_add(self.pool.more_bytes(payload_bytes))
    }

    /// Whether there is room for one more object within what is granted.
    #[inline]
    pub(crate) fn has_room(&self, payload_bytes: usize) -> bool {
        let is_ready = self.free != END && self.pool.has_cell(payload_bytes.div_ceil(8));
        is_ready || self.taken_bytes_with(payload_bytes) <= self.granted_bytes
    }

    /// What has to be granted for one more object: how much is, and how much would be. Nothing, if what
    /// can be returned to the host makes room.
    ///
    /// # Errors
    ///
    /// The bytes that would be too much.
    #[cold]
    pub(crate) fn wanted(&mut self, payload_bytes: usize) -> Result<Option<(usize, usize)>, usize> {
        self.pool.free_spare_blocks(payload_bytes);
        let needed_bytes = self.taken_bytes_with(payload_bytes);
        let desired_bytes = needed_bytes.checked_next_multiple_of(GRANTED_BYTES);
        let Some(desired_bytes) = desired_bytes.filter(|_| needed_bytes <= self.limit_bytes) else {
            return Err(needed_bytes);
        };
        let desired_bytes = desired_bytes.min(self.limit_bytes);
        let is_more = needed_bytes > self.granted_bytes;
        Ok(is_more.then_some((self.granted_bytes, desired_bytes)))
    }

    /// The heap may take so many bytes.
    pub(crate) fn grant(&mut self, bytes: usize) {
        self.granted_bytes = bytes;
    }

    /// Takes an object in, which was made with the heap's pool; its handle.
    ///
    /// # Errors
    ///
    /// If there are too many, or the host has no room.
    pub(crate) fn insert(&mut self, object: Object) -> Result<u64, Trap> {
        let bytes = object.size_bytes();
        if self.prepare_entry().is_err() {
            // SAFETY: what goes into the heap was made with its pool.
            unsafe { object.free(&mut self.pool) };
            return Err(Trap::GcHeapOutOfMemory);
        }
        let index = self.free;
        let entry = &mut self.entries[index as usize];
        self.free = std::mem::replace(&mut entry.link, UNMARKED);
        entry.object = Some(object);
        self.used_bytes += bytes;
        Ok(u64::from(entry.generation) << 32 | u64::from(index) << 1)
    }

    /// Makes a structure of `N` slots, 1 to [`MAX_CELL_WORDS`](super::pool::MAX_CELL_WORDS), if
    /// that needs nothing but a free entry and a free cell; its handle.
    #[inline(always)]
    pub(crate) fn insert_at_once<const N: usize>(
        &mut self,
        ty: TypeIndex,
        fields: [u64; N],
    ) -> Option<u64> {
        let bytes = const { Object::counted_bytes(N * 8) };
        let index = self.free;
        if index == END || self.is_due(bytes) {
            return None;
        }
        let first = self.pool.take_ready(N)?;
        // SAFETY: the free list has only entries of the table.
        let entry = unsafe { self.table.add(index as usize).as_mut() };
        self.free = std::mem::replace(&mut entry.link, UNMARKED);
        // SAFETY: it is a cell of so many words; a free entry has no object that would be dropped.
        unsafe {
            first.cast().write(fields);
            let object = Struct::of_cell(ty, first, N as u32);
            (&raw mut entry.object).write(Some(Object::Struct(object)));
        }
        self.used_bytes += bytes;
        Some(u64::from(entry.generation) << 32 | u64::from(index) << 1)
    }

    /// Makes sure that there is a free entry.
    ///
    /// # Errors
    ///
    /// If there are too many, or the host has no room.
    pub(crate) fn prepare_entry(&mut self) -> Result<(), Trap> {
        if self.free != END {
            return Ok(());
        }
        let has_room = self.entries.len() < MAX_ENTRIES
            && self.for_errors.try_reserve_exact(FOR_ERRORS_BYTES).is_ok()
            && self.entries.try_reserve(1).is_ok();
        if !has_room {
            return Err(Trap::GcHeapOutOfMemory);
        }
        self.free = self.entries.len() as u32;
        self.entries.push(Entry { generation: 1, link: END, object: None });
        if let Some(table) = NonNull::new(self.entries.as_mut_ptr()) {
            self.table = table;
        }
        Ok(())
    }

    /// Gives back to the host what is kept for errors.
    pub(crate) fn make_room_for_errors(&mut self) {
        self.for_errors = Vec::new();
    }

    /// The index of the object that a slot's value stands for, if it is the handle of a live one.
    fn find(&self, bits: u64) -> Option<usize> {
        let index = (bits as u32 >> 1) as usize;
        let entry = self.entries.get(index).filter(|_| !is_i31(bits))?;
        (u64::from(entry.generation) == bits >> 32 && entry.object.is_some()).then_some(index)
    }

    /// The object that a slot's value stands for; `None` if it is not the handle of a live one.
    pub(crate) fn get(&self, bits: u64) -> Option<&Object> {
        self.entries[self.find(bits)?].object.as_ref()
    }

    fn get_mut(&mut self, bits: u64) -> Option<&mut Object> {
        let index = self.find(bits)?;
        self.entries[index].object.as_mut()
    }

    /// The object that a reference of the guest stands for, which is no `i31`; `None` if it is null.
    /// One that the collector freed by mistake is `None` too.
    ///
    /// # Safety
    ///
    /// R5 holds for the reference.
    #[inline(always)]
    pub(crate) unsafe fn object(&self, bits: u64) -> Option<&Option<Object>> {
        // SAFETY: R5: it is or was the handle of an object, and the table never shrinks; or it is null,
        // and stands for the first entry with a generation that it never has.
        let entry = unsafe { self.table.add((bits as u32 >> 1) as usize).as_ref() };
        (u64::from(entry.generation) == bits >> 32).then_some(&entry.object)
    }

    /// The structure that a reference of the guest stands for; `None` if it is null.
    ///
    /// # Safety
    ///
    /// R5 holds for the reference, which is to a structure or null.
    #[inline(always)]
    pub(crate) unsafe fn structure_unchecked(&self, bits: u64) -> Option<&Struct> {
        // SAFETY: the caller's promise.
        match unsafe { self.object(bits)? } {
            Some(Object::Struct(object)) => Some(object),
            // SAFETY: the caller's promise: what is live under the handle is a structure.
            _ => unsafe { unreachable_unchecked() },
        }
    }

    /// The array that a reference of the guest stands for; `None` if it is null.
    ///
    /// # Safety
    ///
    /// R5 holds for the reference, which is to an array or null.
    #[inline(always)]
    pub(crate) unsafe fn array_unchecked(&self, bits: u64) -> Option<&Array> {
        // SAFETY: the caller's promise.
        match unsafe { self.object(bits)? } {
            Some(Object::Array(array)) => Some(array),
            // SAFETY: the caller's promise: what is live under the handle is an array.
            _ => unsafe { unreachable_unchecked() },
        }
    }

    /// The value of the host that a slot's value stands for.
    pub(crate) fn host_value(&mut self, bits: u64) -> Option<&mut (dyn Any + Send + Sync)> {
        if let Object::Extern(value) = self.get_mut(bits)? { Some(&mut **value) } else { None }
    }

    /// The exception that a slot's value stands for.
    pub(crate) fn exception(&self, bits: u64) -> Option<&Exception> {
        if let Object::Exception(exception) = self.get(bits)? { Some(exception) } else { None }
    }

    // Roots.

    /// Keeps what a reference stands for until the end of the host's current scope.
    pub(crate) fn root_in_scope(&self, bits: u64) {
        if bits != 0 && !is_i31(bits) {
            self.scoped.lock().unwrap_or_else(PoisonError::into_inner).push(bits);
        }
    }

    /// The start of a new scope, for [`Self::end_scope`].
    pub(crate) fn begin_scope(&mut self) -> usize {
        self.scoped.get_mut().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Makes room for roots in the current scope.
    pub(crate) fn reserve_in_scope(&mut self, additional: usize) {
        self.scoped.get_mut().unwrap_or_else(PoisonError::into_inner).reserve(additional);
    }

    /// Gives up what was kept since the scope began.
    pub(crate) fn end_scope(&mut self, start: usize) {
        self.scoped.get_mut().unwrap_or_else(PoisonError::into_inner).truncate(start);
    }

    /// Keeps what a reference stands for as long as the token is held.
    pub(crate) fn root_owned(&self, bits: u64) -> Arc<()> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner).root(bits)
    }

    // Collection.

    /// Frees every object that cannot be reached from the given words and from what the host
    /// holds.
    ///
    /// # Panics
    ///
    /// If a host value panics when it is dropped; after everything else is done.
    pub(crate) fn collect(&mut self, roots: impl Iterator<Item = u64>) {
        let mut gray = END;
        for bits in roots {
            self.mark(bits, &mut gray);
        }
        self.mark(self.pending_exception, &mut gray);
        let mut owned =
            std::mem::take(self.owned.get_mut().unwrap_or_else(PoisonError::into_inner));
        owned.forget_dead();
        owned.roots.iter().for_each(|root| self.mark(root.1, &mut gray));
        *self.owned.get_mut().unwrap_or_else(PoisonError::into_inner) = owned;
        let scoped = std::mem::take(self.scoped.get_mut().unwrap_or_else(PoisonError::into_inner));
        scoped.iter().for_each(|&bits| self.mark(bits, &mut gray));
        *self.scoped.get_mut().unwrap_or_else(PoisonError::into_inner) = scoped;

        while gray != END {
            let entry = &mut self.entries[gray as usize];
            let next = std::mem::replace(&mut entry.link, END);
            // Out of its entry, so that the entries it refers to can be marked.
            let object = entry.object.take();
            let index = std::mem::replace(&mut gray, next);
            if let Some(object) = &object {
                object.for_each_word(|bits| self.mark(bits, &mut gray));
            }
            self.entries[index as usize].object = object;
        }
        let panic = self.sweep();
        let spare = self.used_bytes.max(FIRST_THRESHOLD_BYTES);
        self.threshold_bytes = self.used_bytes.saturating_add(spare).min(self.limit_bytes);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    /// Puts the object that a word stands for, if it does, among those to look into.
    fn mark(&mut self, bits: u64, gray: &mut u32) {
        if let Some(index) = self.find(bits) {
            let entry = &mut self.entries[index];
            if entry.link == UNMARKED {
                entry.link = std::mem::replace(gray, index as u32);
            }
        }
    }

    /// Frees what is not marked; the payload of the first host value that panicked meanwhile.
    fn sweep(&mut self) -> Option<Box<dyn Any + Send>> {
        let mut panic = None;
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            if entry.object.is_none() {
                continue;
            }
            if entry.link != UNMARKED {
                entry.link = UNMARKED;
                continue;
            }
            let object = entry.object.take();
            entry.generation = entry.generation.wrapping_add(1).max(1);
            entry.link = std::mem::replace(&mut self.free, index as u32);
            let Some(object) = object else { continue };
            self.used_bytes -= object.size_bytes();
            if let Object::Extern(value) = object {
                self.pool.box_is_freed(size_of_val(&*value));
                // Last: this can run the host's code.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                    panic.get_or_insert(payload);
                }
            } else {
                // SAFETY: what is in the heap was made with its pool.
                unsafe { object.free(&mut self.pool) };
            }
        }
        self.pool.release_empty_blocks();
        panic
    }
}

impl Heap {
    /// The structure that a reference stands for.
    ///
    /// # Errors
    ///
    /// If the reference is null.
    pub(crate) fn structure(&mut self, bits: u64) -> Result<&mut Struct, Trap> {
        match self.get_mut(bits) {
            Some(Object::Struct(object)) => Ok(object),
            _ => Err(Trap::NullReference),
        }
    }

    /// The array that a reference stands for.
    ///
    /// # Errors
    ///
    /// If the reference is null.
    pub(crate) fn array(&mut self, bits: u64) -> Result<&mut Array, Trap> {
        match self.get_mut(bits) {
            Some(Object::Array(array)) => Ok(array),
            _ => Err(Trap::NullReference),
        }
    }

    /// Two arrays that are not the same one.
    ///
    /// # Errors
    ///
    /// If one of the references is null.
    pub(crate) fn with_arrays<R>(
        &mut self,
        dst: u64,
        src: u64,
        work: impl FnOnce(&mut Array, &Array) -> R,
    ) -> Result<R, Trap> {
        self.array(src)?;
        self.array(dst)?;
        // Out of its entry, so that the other can be borrowed too.
        let Some(index) = self.find(dst) else { return Err(Trap::NullReference) };
        let mut object = self.entries[index].object.take();
        let result = match (&mut object, self.get(src)) {
            (Some(Object::Array(dst)), Some(Object::Array(src))) => Ok(work(dst, src)),
            _ => Err(Trap::NullReference),
        };
        self.entries[index].object = object;
        result
    }

    /// The narrowest type of what a non-null reference of a hierarchy other than functions'
    /// stands for.
    pub(crate) fn type_of(&self, bits: u64, hierarchy: HeapType) -> HeapType {
        match (hierarchy, self.get(bits)) {
            (HeapType::Any, _) if is_i31(bits) => HeapType::I31,
            (HeapType::Any, Some(Object::Struct(object))) => HeapType::ConcreteStruct(object.ty),
            (HeapType::Any, Some(Object::Array(array))) => HeapType::ConcreteArray(array.ty),
            // A host value among them has no narrower type.
            _ => hierarchy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::pool::BOX_BYTES;

    fn heap() -> Heap {
        Heap::new(1 << 20)
    }

    fn exception(heap: &mut Heap, args: &[u64]) -> Result<u64, Trap> {
        let object = Object::exception(&mut heap.pool, NonNull::dangling(), args).unwrap();
        heap.insert(object)
    }

    #[test]
    fn only_what_is_reachable_survives() {
        let mut heap = heap();
        let inner = exception(&mut heap, &[]).unwrap();
        let outer = exception(&mut heap, &[7, inner]).unwrap();
        let value = Object::host_value(&mut heap.pool, Box::new(1));
        let lost = heap.insert(value).unwrap();
        heap.collect([outer].into_iter());
        assert!(heap.get(outer).is_some() && heap.get(inner).is_some());
        assert!(heap.get(lost).is_none());
        // Its entry is used again, under another handle.
        let new = exception(&mut heap, &[]).unwrap();
        assert_eq!(new as u32, lost as u32);
        assert!(heap.get(lost).is_none() && heap.get(new).is_some());
    }

    #[test]
    fn numbers_are_no_handles() {
        let mut heap = heap();
        exception(&mut heap, &[]).unwrap();
        for bits in [0, 1, 2, u64::from(u32::MAX), 1 << 32 | 1, 2 << 32, u64::MAX] {
            assert!(heap.get(bits).is_none(), "{bits:#x}");
        }
        assert!(heap.get(1 << 32).is_some());
    }

    #[test]
    fn rings_and_long_chains_are_marked_without_recursion() {
        let mut heap = Heap::new(usize::MAX);
        let mut last = 0;
        for _ in 0..1_000_000 {
            last = exception(&mut heap, &[last]).unwrap();
        }
        heap.collect([last].into_iter());
        assert_eq!(heap.entries.iter().filter(|entry| entry.object.is_some()).count(), 1_000_000);
        heap.collect([].into_iter());
        assert_eq!(heap.used_bytes, 0);
    }

    #[test]
    fn integers_keep_31_bits() {
        for (value, signed, unsigned) in
            [(0, 0, 0), (u32::MAX, -1, 0x7fff_ffff), (0x4000_0000, -0x4000_0000, 0x4000_0000)]
        {
            let bits = from_i31(value);
            assert!(is_i31(bits) && heap().get(bits).is_none());
            assert_eq!((i31_signed(bits), i31_unsigned(bits)), (signed, unsigned));
        }
    }

    /// Makes exceptions with arguments like these until there is no room.
    fn fill(heap: &mut Heap, args: &[u64]) -> Vec<u64> {
        let bytes = size_of_val(args);
        let mut made = Vec::new();
        loop {
            if !heap.has_room(bytes) {
                match heap.wanted(bytes) {
                    Ok(None) => {}
                    Ok(Some((_, desired))) => heap.grant(desired),
                    Err(_) => return made,
                }
            }
            made.push(exception(heap, args).unwrap());
            let entries_bytes = heap.entries.len() * size_of::<Entry>();
            assert!(heap.pool.taken_bytes() + entries_bytes <= heap.granted_bytes);
        }
    }

    #[test]
    fn the_limit_holds() {
        let mut heap = Heap::new(1000);
        let made = fill(&mut heap, &[0; 10]);
        assert_eq!(made.len(), 1000 / (10 * 8 + BOX_BYTES + size_of::<Entry>()));
        heap.collect([].into_iter());
        assert_eq!(fill(&mut heap, &[0; 10]).len(), made.len());
    }

    #[test]
    fn the_limit_holds_for_sizes_one_after_the_other() {
        const LIMIT_BYTES: usize = 16 << 20;
        let mut heap = Heap::new(LIMIT_BYTES);
        // The table never becomes smaller, so the largest come first.
        for size in (1..=12).rev().cycle().take(36) {
            let made = fill(&mut heap, &[0; 12][..size]);
            let entries_bytes = heap.entries.len() * size_of::<Entry>();
            assert!(heap.pool.taken_bytes() + entries_bytes <= LIMIT_BYTES, "{size}");
            let each_bytes = size * 8 + if size > 8 { BOX_BYTES } else { 0 };
            let most = (LIMIT_BYTES - entries_bytes) / each_bytes;
            let count = made.len();
            assert!(count * 100 >= most.min(heap.entries.len()) * 97, "{size}: {count} of {most}");
            heap.collect([made[0]].into_iter());
        }
    }

    #[test]
    fn host_roots_last_as_long_as_said() {
        let mut heap = heap();
        let [scoped, owned] = [(); 2].map(|()| exception(&mut heap, &[]).unwrap());
        let start = heap.begin_scope();
        heap.root_in_scope(scoped);
        let token = heap.root_owned(owned);
        heap.collect([].into_iter());
        assert!(heap.get(scoped).is_some() && heap.get(owned).is_some());
        heap.end_scope(start);
        heap.collect([].into_iter());
        assert!(heap.get(scoped).is_none() && heap.get(owned).is_some());
        drop(token);
        heap.collect([].into_iter());
        assert!(heap.get(owned).is_none());
    }
}
