//! The memories of a run.

use lineal_memory::{
    AddressType, BackingKind, LinearMemory, MemoryOptions, MemoryType, PageSize, Pages,
    SharedMemory,
};

use super::common::backings;
use super::memory::Memory;
use super::numbers::Numbers;

/// What a memory is made as; each of the two in a run has its own.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    backing: BackingKind,
    shared: bool,
    address_type: AddressType,
    pub(crate) page_size: PageSize,
    pub(crate) minimum: u64,
    pub(crate) maximum: u64,
    pub(crate) max_bytes: Option<u64>,
    max_reservation_bytes: u64,
}

impl Kind {
    pub(crate) fn random(numbers: &mut Numbers<'_>) -> Kind {
        let (page_size, minimum, maximum) = match numbers.once_in(2) {
            false => (PageSize::DEFAULT, numbers.below(3), 2 + numbers.below(3)),
            true => (PageSize::ONE_BYTE, numbers.below(200), 200 + numbers.below(8_800)),
        };
        let minimum = minimum as u64;
        let max_bytes = numbers.once_in(5).then(|| 9_000 + numbers.below(191_000) as u64);
        Kind {
            backing: numbers.pick(&backings().collect::<Vec<_>>()),
            shared: numbers.once_in(2),
            address_type: numbers.pick(&[AddressType::I32, AddressType::I64]),
            page_size,
            minimum,
            maximum: maximum as u64,
            // A limit below the minimum would leave nothing to test.
            max_bytes: max_bytes.map(|bytes| bytes.max(minimum * page_size.bytes())),
            max_reservation_bytes: match numbers.below(3) {
                0 => 64 << 30,
                1 => 0,
                _ => 1 + numbers.below(99_999) as u64,
            },
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        let ty = MemoryType::builder(Pages(self.minimum))
            .maximum(Pages(self.maximum))
            .address_type(self.address_type)
            .page_size(self.page_size)
            .shared(self.shared)
            .build()
            .unwrap();
        let options = MemoryOptions::new()
            .backing(self.backing)
            .max_bytes(self.max_bytes)
            .max_reservation_bytes(self.max_reservation_bytes);
        if self.shared {
            let memory = SharedMemory::with_options(ty, &options).unwrap();
            assert_eq!(memory.backing_kind(), self.backing);
            Memory::Shared(memory)
        } else {
            let memory = LinearMemory::with_options(ty, &options).unwrap();
            assert_eq!(memory.backing_kind(), self.backing);
            Memory::Linear(memory)
        }
    }
}
