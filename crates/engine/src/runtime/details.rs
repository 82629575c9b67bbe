//! What a trap tells of the access that was out of bounds.

use std::fmt;

use super::trap::Trap;

/// The access to a memory that was the reason of a trap: outside the memory, or (an atomic one) not
/// aligned.
///
/// Errors returned by calls into the guest hold one with the trap:
///
/// ```
/// use lineal::{Engine, Instance, MemoryAccess, MemoryTrap, Module, Store, Trap};
///
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (memory 1)
///     (func (export "read") (param i32) (result i32) (i32.load offset=2 (local.get 0))))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let read = instance.get_typed_func::<u32, u32>(&store, "read")?;
///
/// let error = read.call(&mut store, 0x10000).unwrap_err();
/// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
/// let details = error.downcast_ref::<MemoryTrap>().unwrap();
/// assert_eq!(details.access(), MemoryAccess::Load);
/// assert_eq!((details.effective_address(), details.len_bytes()), (0x10002, 4));
/// assert_eq!(
///     details.to_string(),
///     "out of bounds memory access: load of 4 bytes at 0x10002 in memory 0 of 65536 bytes"
/// );
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryTrap {
    pub(crate) trap: Trap,
    pub(crate) access: MemoryAccess,
    pub(crate) addr: u64,
    pub(crate) offset: u64,
    pub(crate) len_bytes: u64,
    pub(crate) memory: u32,
    pub(crate) size_bytes: u64,
}

/// What is known of a trap besides its code.
pub(crate) enum Details {
    Memory(MemoryTrap),
    Element(ElementTrap),
}

/// What an access to a memory was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemoryAccess {
    /// To read a number or a vector.
    Load,
    /// To write a number or a vector.
    Store,
    /// To read a number atomically.
    AtomicLoad,
    /// To write a number atomically.
    AtomicStore,
    /// To read and write a number atomically.
    AtomicRmw,
    /// `memory.atomic.wait32` or `wait64`.
    AtomicWait,
    /// `memory.atomic.notify`.
    AtomicNotify,
    /// To write the range of a `memory.fill`.
    Fill,
    /// To write the range of a `memory.copy`.
    CopyTo,
    /// To read the range of a `memory.copy`.
    CopyFrom,
    /// To write the range of a `memory.init`, or of an active data segment.
    Init,
    /// To read the data segment with this index, for `memory.init` or an array.
    InitFrom(u32),
}

impl MemoryTrap {
    /// An active data segment that does not fit.
    pub(super) fn of_segment(
        memory: u32,
        addr: u64,
        len_bytes: u64,
        size_bytes: u64,
    ) -> MemoryTrap {
        let (trap, access) = (Trap::MemoryOutOfBounds, MemoryAccess::Init);
        MemoryTrap { trap, access, addr, offset: 0, len_bytes, memory, size_bytes }
    }

    /// What the access was to do.
    pub fn access(&self) -> MemoryAccess {
        self.access
    }

    /// The address that the instruction was given, in bytes.
    pub fn addr(&self) -> u64 {
        self.addr
    }

    /// What the instruction itself adds to the address, in bytes; 0 for ranges.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The first byte to be accessed: `addr + offset`. A `u64` cannot always hold it.
    pub fn effective_address(&self) -> u128 {
        u128::from(self.addr) + u128::from(self.offset)
    }

    /// How many bytes were to be accessed.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The index of the memory in its module; `None` if the access was to a data segment.
    pub fn memory(&self) -> Option<u32> {
        match self.access {
            MemoryAccess::InitFrom(_) => None,
            _ => Some(self.memory),
        }
    }

    /// How many bytes the memory had, or the data segment.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl fmt::Display for MemoryTrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = Count(self.len_bytes, "byte");
        let size = Count(self.size_bytes, "byte");
        let first = self.effective_address();
        write!(f, "{}: ", self.trap.message())?;
        let what = match self.access {
            MemoryAccess::Load => "load",
            MemoryAccess::Store => "store",
            MemoryAccess::AtomicLoad => "atomic load",
            MemoryAccess::AtomicStore => "atomic store",
            MemoryAccess::AtomicRmw => "atomic read-modify-write",
            MemoryAccess::AtomicWait => "atomic wait",
            MemoryAccess::AtomicNotify => "atomic notify",
            MemoryAccess::Fill => "fill",
            MemoryAccess::CopyTo | MemoryAccess::CopyFrom => "copy",
            MemoryAccess::Init => "init",
            MemoryAccess::InitFrom(segment) => {
                return write!(
                    f,
                    "init of {len} from offset {first:#x} of data segment {segment} of {size}"
                );
            }
        };
        let at = match self.access {
            MemoryAccess::CopyTo => "to",
            MemoryAccess::CopyFrom => "from",
            _ => "at",
        };
        write!(f, "{what} of {len} {at} {first:#x} in memory {} of {size}", self.memory)
    }
}

impl std::error::Error for MemoryTrap {}

/// The access to a table, an array or an element segment that was the reason of a trap.
///
/// Errors returned by calls into the guest hold one with the trap:
/// `error.downcast_ref::<ElementTrap>()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementTrap {
    pub(crate) trap: Trap,
    pub(crate) access: ElementAccess,
    pub(crate) place: ElementPlace,
    pub(crate) index: u64,
    pub(crate) count: u64,
    pub(crate) len: u64,
}

/// What an access to elements was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementAccess {
    /// To read one.
    Get,
    /// To write one.
    Set,
    /// To call the function that one refers to.
    Call,
    /// To write the range of a `table.fill` or `array.fill`.
    Fill,
    /// To write the range of a `table.copy` or `array.copy`.
    CopyTo,
    /// To read the range of a `table.copy` or `array.copy`.
    CopyFrom,
    /// To write what a segment has.
    Init,
    /// To read what an element segment has.
    InitFrom,
}

/// Where elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementPlace {
    /// The table with this index in its module.
    Table(u32),
    /// An array.
    Array,
    /// The element segment with this index in its module.
    Segment(u32),
}

impl ElementTrap {
    /// What the access was to do.
    pub fn access(&self) -> ElementAccess {
        self.access
    }

    /// Where the elements are.
    pub fn place(&self) -> ElementPlace {
        self.place
    }

    /// The first element.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many elements were to be accessed.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many elements there were.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there was no element at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Display for ElementTrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ElementTrap { trap, access, place, index, .. } = *self;
        let (count, len) = (Count(self.count, "element"), Count(self.len, "element"));
        f.write_str(match (trap, access) {
            (Trap::TableOutOfBounds, ElementAccess::Call) => "undefined element",
            (Trap::TableOutOfBounds, _) => "out of bounds table access",
            _ => trap.message(),
        })?;
        match access {
            ElementAccess::Get | ElementAccess::Set | ElementAccess::Call => {
                write!(f, ": index {index}")?;
            }
            ElementAccess::Fill => write!(f, ": fill of {count} at index {index}")?,
            ElementAccess::CopyTo => write!(f, ": copy of {count} to index {index}")?,
            ElementAccess::CopyFrom => write!(f, ": copy of {count} from index {index}")?,
            ElementAccess::Init => write!(f, ": init of {count} at index {index}")?,
            ElementAccess::InitFrom => write!(f, ": init of {count} from index {index}")?,
        }
        match place {
            ElementPlace::Table(table) => write!(f, " in table {table} of {len}"),
            ElementPlace::Array => write!(f, " in an array of {len}"),
            ElementPlace::Segment(segment) => write!(f, " of element segment {segment} of {len}"),
        }
    }
}

impl std::error::Error for ElementTrap {}

/// A number of things.
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}
