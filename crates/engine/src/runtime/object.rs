//! The objects of the heap.

use std::any::Any;
use std::ops::Range;
use std::ptr::NonNull;

use lineal_decoder::{StorageType, TypeIndex, ValType};

use super::entity::TagEntity;
use super::pool::{MAX_CELL_WORDS, Pool};
use super::slots::MAX_SLOTS;
use super::trap::Trap;

/// An object of the heap. It is as small as can be: there is one in each entry of the heap's table,
/// which handlers look into.
#[repr(u32)]
pub(crate) enum Object {
    /// A structure.
    Struct(Struct),
    /// An array.
    Array(Array),
    /// A host value.
    Extern(Box<dyn Any + Send + Sync>),
    /// An exception.
    Exception(Exception),
}

/// A structure: its fields as slots hold them, vectors in two. What a packed field has beyond its
/// bits has no meaning.
#[repr(C, packed(4))]
pub(crate) struct Struct {
    pub(crate) ty: TypeIndex,
    fields: Words,
}

/// An array: its elements as memory would hold them.
#[repr(C, packed(4))]
pub(crate) struct Array {
    pub(crate) ty: TypeIndex,
    /// The words that the elements are in, as many as they need.
    first: NonNull<u64>,
    len: u32,
    pub(crate) storage: Storage,
}

/// An exception: its tag and the values it carries, as slots hold them.
#[repr(C, packed(4))]
pub(crate) struct Exception {
    pub(crate) tag: NonNull<TagEntity>,
    args: Words,
}

/// Words of a [`Pool`]'s cell, or if they are too many, in a box.
#[repr(C, packed(4))]
struct Words {
    first: NonNull<u64>,
    len: u32,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Option<Object>>() == 24, "a cell of the table is 32 bytes");

/// So many words, whatever they hold; `None` if the pool or the host has no room. Few are a cell of the pool,
/// more a box.
fn words(pool: &mut Pool, count: usize) -> Option<NonNull<u64>> {
    match count {
        ..=MAX_CELL_WORDS => pool.take(count),
        _ => Some(NonNull::from(Box::leak(pool.take_box(count)?)).cast()),
    }
}

/// Frees words that are a box.
///
/// # Safety
///
/// They are from [`words`], and nobody uses them any more.
unsafe fn free_words(first: NonNull<u64>, count: usize) {
    if count > MAX_CELL_WORDS {
        // SAFETY: the caller's promise: so many are a box.
        drop(unsafe { Box::from_raw(NonNull::slice_from_raw_parts(first, count).as_ptr()) });
    }
}

impl Words {
    /// As many as there are in a slice; `None` if the host has no room, or they are too many.
    fn new(pool: &mut Pool, from: &[u64]) -> Option<Words> {
        let mut words = Words::zeroed(pool, from.len())?;
        words.as_mut_slice().copy_from_slice(from);
        Some(words)
    }

    /// The same with zeros.
    fn zeroed(pool: &mut Pool, count: usize) -> Option<Words> {
        let len = u32::try_from(count).ok()?;
        let mut words = Words { first: words(pool, count)?, len };
        words.as_mut_slice().fill(0);
        Some(words)
    }

    fn as_slice(&self) -> &[u64] {
        // SAFETY: all of them are numbers, and nobody else's.
        unsafe { std::slice::from_raw_parts({ self.first }.as_ptr(), self.len as usize) }
    }

    fn as_mut_slice(&mut self) -> &mut [u64] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut({ self.first }.as_ptr(), self.len as usize) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: they are from `words`, and nobody uses them any more.
        unsafe { free_words(self.first, self.len as usize) };
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        // SAFETY: they are from `words`, and nobody uses them any more.
        unsafe { free_words(self.first, self.word_count()) };
    }
}

impl Struct {
    /// A structure of up to [`MAX_CELL_WORDS`] fields, whose slots are a cell of the heap's pool.
    #[inline(always)]
    pub(crate) fn of_cell(ty: TypeIndex, first: NonNull<u64>, len: u32) -> Struct {
        Struct { ty, fields: Words { first, len } }
    }

    pub(crate) fn fields(&self) -> &[u64] {
        self.fields.as_slice()
    }

    pub(crate) fn fields_mut(&mut self) -> &mut [u64] {
        self.fields.as_mut_slice()
    }

    /// The slot of the first field.
    #[inline(always)]
    pub(crate) fn first_field(&self) -> *mut u64 {
        { self.fields.first }.as_ptr()
    }
}

impl Exception {
    pub(crate) fn args(&self) -> &[u64] {
        self.args.as_slice()
    }
}

/// How a field or an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    I8,
    I16,
    /// `i32` and `f32`.
    Word32,
    /// `i64` and `f64`.
    Word64,
    Ref,
    Vector,
}

impl Storage {
    pub(crate) fn of(ty: StorageType) -> Storage {
        match ty {
            StorageType::I8 => Storage::I8,
            StorageType::I16 => Storage::I16,
            StorageType::ValType(ValType::I32 | ValType::F32) => Storage::Word32,
            StorageType::ValType(ValType::I64 | ValType::F64) => Storage::Word64,
            StorageType::ValType(ValType::V128) => Storage::Vector,
            StorageType::ValType(ValType::Ref(_)) => Storage::Ref,
        }
    }

    /// How many bytes an element takes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Storage::I8 => 1,
            Storage::I16 => 2,
            Storage::Word32 => 4,
            Storage::Word64 | Storage::Ref => 8,
            Storage::Vector => 16,
        }
    }

    /// How many slots a value takes.
    pub(crate) const fn slots(self) -> usize {
        if matches!(self, Storage::Vector) { 2 } else { 1 }
    }

    /// A stored value as `get_u` (or `get`) gives it, or `get_s`.
    pub(crate) const fn extend(self, bits: u64, signed: bool) -> u64 {
        match (self, signed) {
            (Storage::I8, false) => bits as u8 as u64,
            (Storage::I8, true) => bits as i8 as i32 as u32 as u64,
            (Storage::I16, false) => bits as u16 as u64,
            (Storage::I16, true) => bits as i16 as i32 as u32 as u64,
            _ => bits,
        }
    }
}

impl Object {
    /// A structure with the given fields; `None` if the host has no room.
    pub(crate) fn structure(pool: &mut Pool, ty: TypeIndex, fields: &[u64]) -> Option<Object> {
        Some(Object::Struct(Struct { ty, fields: Words::new(pool, fields)? }))
    }

    /// The same with zeros and nulls in so many slots.
    pub(crate) fn default_structure(
        pool: &mut Pool,
        ty: TypeIndex,
        slots: usize,
    ) -> Option<Object> {
        Some(Object::Struct(Struct { ty, fields: Words::zeroed(pool, slots)? }))
    }

    /// A value of the host's.
    pub(crate) fn host_value(pool: &mut Pool, value: Box<dyn Any + Send + Sync>) -> Object {
        pool.count_box(size_of_val(&*value));
        Object::Extern(value)
    }

    /// Frees the object, which is no value of the host's; its words may be a cell of the pool.
    ///
    /// # Safety
    ///
    /// It was made with this pool.
    pub(crate) unsafe fn free(self, pool: &mut Pool) {
        let (first, count) = match &self {
            Object::Struct(Struct { fields: words, .. })
            | Object::Exception(Exception { args: words, .. }) => (words.first, words.len as usize),
            Object::Array(array) => (array.first, array.word_count()),
            Object::Extern(_) => (NonNull::dangling(), 0),
        };
        drop(self);
        if count <= MAX_CELL_WORDS {
            // SAFETY: the caller's promise: so few words are a cell, and the object is gone.
            unsafe { pool.give_back(first, count) };
        } else {
            pool.box_is_freed(count * size_of::<u64>());
        }
    }

    /// An exception with the given values; `None` if the host has no room.
    pub(crate) fn exception(
        pool: &mut Pool,
        tag: NonNull<TagEntity>,
        args: &[u64],
    ) -> Option<Object> {
        Some(Object::Exception(Exception { tag, args: Words::new(pool, args)? }))
    }
}

impl Array {
    /// An array of zeros and nulls; `None` if the host has no room.
    pub(crate) fn zeroed(
        pool: &mut Pool,
        ty: TypeIndex,
        storage: Storage,
        len: u32,
    ) -> Option<Array> {
        let count = (len as usize).checked_mul(storage.bytes())?.div_ceil(8);
        let first = words(pool, count)?;
        if count <= MAX_CELL_WORDS {
            // SAFETY: it is a cell of so many words.
            unsafe { first.write_bytes(0, count) };
        }
        Some(Array { ty, storage, first, len })
    }

    /// How many words the elements are in.
    fn word_count(&self) -> usize {
        (self.len as usize * self.storage.bytes()).div_ceil(8)
    }

    /// How many elements there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The first byte of the first element.
    #[inline(always)]
    pub(crate) fn first_byte(&self) -> *mut u8 {
        { self.first }.as_ptr().cast()
    }

    fn bytes(&self) -> &[u8] {
        let len = self.len as usize * self.storage.bytes();
        // SAFETY: all of them are numbers, and nobody else's.
        unsafe { std::slice::from_raw_parts(self.first_byte(), len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.len as usize * self.storage.bytes();
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.first_byte(), len) }
    }

    /// Whether there are `count` elements from `start` on.
    ///
    /// # Errors
    ///
    /// If there are not.
    pub(crate) fn check(&self, start: u32, count: u32) -> Result<(), Trap> {
        self.range(start, count).map(drop)
    }

    /// Where `count` elements from `start` on are, in bytes.
    fn range(&self, start: u32, count: u32) -> Result<Range<usize>, Trap> {
        let end = start.checked_add(count).filter(|&end| end <= self.len());
        let end = end.ok_or(Trap::ArrayOutOfBounds)? as usize;
        let bytes = self.storage.bytes();
        Ok(start as usize * bytes..end * bytes)
    }

    /// The element at an index, as slots hold it; a packed one is zero-extended.
    pub(crate) fn get(&self, index: u32) -> Result<[u64; MAX_SLOTS], Trap> {
        let bytes = &self.bytes()[self.range(index, 1)?];
        Ok(match *bytes {
            [a] => [u64::from(a), 0],
            [a, b] => [u64::from(u16::from_le_bytes([a, b])), 0],
            [a, b, c, d] => [u64::from(u32::from_le_bytes([a, b, c, d])), 0],
            _ => {
                let mut words = bytes.chunks_exact(8).map(word);
                [words.next().unwrap_or(0), words.next().unwrap_or(0)]
            }
        })
    }

    /// Sets the element at an index.
    pub(crate) fn set(&mut self, index: u32, value: &[u64]) -> Result<(), Trap> {
        self.fill(index, value, 1)
    }

    /// Sets `count` elements from `start` on.
    pub(crate) fn fill(&mut self, start: u32, value: &[u64], count: u32) -> Result<(), Trap> {
        let range = self.range(start, count)?;
        let mut element = [0; 16];
        for (bytes, slot) in element.chunks_exact_mut(8).zip(value) {
            bytes.copy_from_slice(&slot.to_le_bytes());
        }
        let storage = self.storage;
        let targets = &mut self.bytes_mut()[range];
        // For each width by itself, which takes a fraction of the time.
        match storage.bytes() {
            1 => targets.fill(element[0]),
            2 => fill_with::<2>(targets, &element),
            4 => fill_with::<4>(targets, &element),
            8 => fill_with::<8>(targets, &element),
            _ => fill_with::<16>(targets, &element),
        }
        Ok(())
    }

    /// Copies elements from `src` on to `dst` on.
    pub(crate) fn copy_within(&mut self, dst: u32, src: u32, count: u32) -> Result<(), Trap> {
        let (dst, src) = (self.range(dst, count)?, self.range(src, count)?);
        self.bytes_mut().copy_within(src, dst.start);
        Ok(())
    }

    /// Copies elements from another array of the same storage.
    pub(crate) fn copy_from(
        &mut self,
        dst: u32,
        from: &Array,
        src: u32,
        count: u32,
    ) -> Result<(), Trap> {
        let (dst, src) = (self.range(dst, count)?, from.range(src, count)?);
        self.bytes_mut()[dst].copy_from_slice(&from.bytes()[src]);
        Ok(())
    }

    /// Sets elements from `dst` on to what bytes say; those after a whole number of elements are
    /// left out.
    pub(crate) fn init_bytes(&mut self, dst: u32, bytes: &[u8]) -> Result<(), Trap> {
        let dst = self.range(dst, (bytes.len() / self.storage.bytes()) as u32)?;
        let len = dst.len();
        self.bytes_mut()[dst].copy_from_slice(&bytes[..len]);
        Ok(())
    }

    /// Sets elements from `dst` on to references.
    pub(crate) fn init_refs(&mut self, dst: u32, refs: &[u64]) -> Result<(), Trap> {
        let dst = self.range(dst, refs.len() as u32)?;
        for (bytes, bits) in self.bytes_mut()[dst].chunks_exact_mut(8).zip(refs) {
            bytes.copy_from_slice(&bits.to_le_bytes());
        }
        Ok(())
    }
}

/// Sets elements of `N` bytes.
fn fill_with<const N: usize>(targets: &mut [u8], element: &[u8; 16]) {
    for target in targets.chunks_exact_mut(N) {
        target.copy_from_slice(&element[..N]);
    }
}

/// The word that eight bytes are.
fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

impl Object {
    /// What an object of some payload counts for, its entry in the heap included.
    pub(crate) const fn counted_bytes(payload_bytes: usize) -> usize {
        payload_bytes.saturating_add(size_of::<Object>() + 16)
    }

    /// What the object counts for, its entry in the heap included.
    pub(crate) fn size_bytes(&self) -> usize {
        Object::counted_bytes(match self {
            Object::Struct(object) => size_of_val(object.fields()),
            Object::Array(array) => array.bytes().len(),
            Object::Extern(value) => size_of_val(&**value),
            Object::Exception(exception) => size_of_val(exception.args()),
        })
    }

    /// Shows each word that may be a reference.
    pub(crate) fn for_each_word(&self, mut see: impl FnMut(u64)) {
        match self {
            Object::Struct(object) => object.fields().iter().for_each(|&bits| see(bits)),
            Object::Array(array) if array.storage == Storage::Ref => {
                array.bytes().chunks_exact(8).for_each(|bytes| see(word(bytes)));
            }
            Object::Exception(exception) => exception.args().iter().for_each(|&bits| see(bits)),
            Object::Array(_) | Object::Extern(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(storage: Storage, len: u32) -> Array {
        // What is in a cell is the pool's, which outlives the test.
        let pool = Box::leak(Box::new(Pool::new()));
        Array::zeroed(pool, TypeIndex(0), storage, len).unwrap()
    }

    #[test]
    fn elements_take_their_width() {
        for (storage, stored) in [
            (Storage::I8, [0xdd, 0]),
            (Storage::I16, [0xccdd, 0]),
            (Storage::Word32, [0xaabb_ccdd, 0]),
            (Storage::Word64, [0x8899_aabb_ccdd, 0]),
            (Storage::Vector, [0x8899_aabb_ccdd, 7]),
        ] {
            let mut array = array(storage, 3);
            array.set(1, &[0x8899_aabb_ccdd, 7]).unwrap();
            assert_eq!(array.get(1).unwrap(), stored, "{storage:?}");
            assert_eq!((array.get(0).unwrap(), array.get(2).unwrap()), ([0; 2], [0; 2]));
            assert_eq!(array.len(), 3);
        }
        assert_eq!(Storage::I8.extend(0x1ff, true), 0xffff_ffff);
        assert_eq!(Storage::I16.extend(0x1_8000, false), 0x8000);
    }

    #[test]
    fn ranges_end_at_the_length() {
        let mut array = array(Storage::I16, 4);
        assert!(array.fill(1, &[5], 3).is_ok() && array.fill(4, &[5], 0).is_ok());
        assert_eq!(array.fill(2, &[5], 3), Err(Trap::ArrayOutOfBounds));
        assert_eq!(array.copy_within(0, u32::MAX, 2), Err(Trap::ArrayOutOfBounds));
        assert!(array.get(4).is_err() && array.set(u32::MAX, &[0]).is_err());
        array.copy_within(0, 1, 2).unwrap();
        assert_eq!(array.get(0).unwrap()[0], 5);
    }
}
