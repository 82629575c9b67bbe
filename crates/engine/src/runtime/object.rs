//! The objects of the heap.

use std::any::Any;
use std::ops::Range;
use std::ptr::NonNull;

use lineal_decoder::{StorageType, TypeIndex, ValType};

use super::entity::TagEntity;
use super::room;
use super::slots::MAX_SLOTS;
use super::trap::Trap;

/// An object of the heap.
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
pub(crate) struct Struct {
    pub(crate) ty: TypeIndex,
    pub(crate) fields: Box<[u64]>,
}

/// An array: its elements as memory would hold them.
pub(crate) struct Array {
    pub(crate) ty: TypeIndex,
    pub(crate) storage: Storage,
    bytes: Box<[u8]>,
}

/// An exception: its tag and the values it carries, as slots hold them.
pub(crate) struct Exception {
    pub(crate) tag: NonNull<TagEntity>,
    pub(crate) args: Box<[u64]>,
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
    pub(crate) fn structure(ty: TypeIndex, fields: &[u64]) -> Option<Object> {
        let fields = room::collect(fields.iter().copied()).ok()?;
        Some(Object::Struct(Struct { ty, fields }))
    }

    /// An exception with the given values; `None` if the host has no room.
    pub(crate) fn exception(tag: NonNull<TagEntity>, args: &[u64]) -> Option<Object> {
        let args = room::collect(args.iter().copied()).ok()?;
        Some(Object::Exception(Exception { tag, args }))
    }
}

impl Array {
    /// An array of zeros and nulls; `None` if the host has no room.
    pub(crate) fn zeroed(ty: TypeIndex, storage: Storage, len: u32) -> Option<Array> {
        let count = (len as usize).checked_mul(storage.bytes())?;
        Some(Array { ty, storage, bytes: room::zeros(count).ok()? })
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> u32 {
        (self.bytes.len() / self.storage.bytes()) as u32
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
        let bytes = &self.bytes[self.range(index, 1)?];
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
        let bytes = self.storage.bytes();
        for target in self.bytes[range].chunks_exact_mut(bytes) {
            target.copy_from_slice(&element[..bytes]);
        }
        Ok(())
    }

    /// Copies elements from `src` on to `dst` on.
    pub(crate) fn copy_within(&mut self, dst: u32, src: u32, count: u32) -> Result<(), Trap> {
        let (dst, src) = (self.range(dst, count)?, self.range(src, count)?);
        self.bytes.copy_within(src, dst.start);
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
        self.bytes[dst].copy_from_slice(&from.bytes[src]);
        Ok(())
    }

    /// Sets elements from `dst` on to what bytes say; those after a whole number of elements are
    /// left out.
    pub(crate) fn init_bytes(&mut self, dst: u32, bytes: &[u8]) -> Result<(), Trap> {
        let dst = self.range(dst, (bytes.len() / self.storage.bytes()) as u32)?;
        let len = dst.len();
        self.bytes[dst].copy_from_slice(&bytes[..len]);
        Ok(())
    }

    /// Sets elements from `dst` on to references.
    pub(crate) fn init_refs(&mut self, dst: u32, refs: &[u64]) -> Result<(), Trap> {
        let dst = self.range(dst, refs.len() as u32)?;
        for (bytes, bits) in self.bytes[dst].chunks_exact_mut(8).zip(refs) {
            bytes.copy_from_slice(&bits.to_le_bytes());
        }
        Ok(())
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
            Object::Struct(object) => size_of_val(&*object.fields),
            Object::Array(array) => array.bytes.len(),
            Object::Extern(value) => size_of_val(&**value),
            Object::Exception(exception) => size_of_val(&*exception.args),
        })
    }

    /// Shows each word that may be a reference.
    pub(crate) fn for_each_word(&self, mut see: impl FnMut(u64)) {
        match self {
            Object::Struct(object) => object.fields.iter().for_each(|&bits| see(bits)),
            Object::Array(array) if array.storage == Storage::Ref => {
                array.bytes.chunks_exact(8).for_each(|bytes| see(word(bytes)));
            }
            Object::Exception(exception) => exception.args.iter().for_each(|&bits| see(bits)),
            Object::Array(_) | Object::Extern(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(storage: Storage, len: u32) -> Array {
        Array::zeroed(TypeIndex(0), storage, len).unwrap()
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
