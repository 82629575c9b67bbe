//! The memories of a run.

use lineal_memory::{
    AddressType, LinearMemory, MemoryOptions, MemoryType, PageSize, Pages, SharedMemory, StoreKind,
};
use proptest::prelude::*;

use crate::common::stores;
use crate::memory::Memory;

/// What a memory is made as; each of the two in a run has its own.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    store: StoreKind,
    shared: bool,
    address_type: AddressType,
    pub(crate) page_size: PageSize,
    pub(crate) minimum: u64,
    pub(crate) maximum: u64,
    pub(crate) max_bytes: Option<u64>,
    max_reservation_bytes: u64,
}

pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    let store = proptest::sample::select(stores().collect::<Vec<_>>());
    let address_type = proptest::sample::select(vec![AddressType::I32, AddressType::I64]);
    let sizes = prop_oneof![
        (Just(PageSize::ONE_BYTE), 0..200_u64, 200..9_000_u64),
        (Just(PageSize::DEFAULT), 0..3_u64, 2..5_u64),
    ];
    let max_bytes = proptest::option::weighted(0.2, 9_000..200_000_u64);
    let reservation = prop_oneof![Just(0), Just(64 << 30), 1..100_000_u64];
    (store, any::<bool>(), address_type, sizes, max_bytes, reservation).prop_map(
        |(store, shared, address_type, (page_size, minimum, maximum), max_bytes, reservation)| {
            Kind {
                store,
                shared,
                address_type,
                page_size,
                minimum,
                maximum,
                // A limit below the minimum would leave nothing to test.
                max_bytes: max_bytes.map(|bytes| bytes.max(minimum * page_size.bytes())),
                max_reservation_bytes: reservation,
            }
        },
    )
}

impl Kind {
    pub(crate) fn memory(&self) -> Memory {
        let ty = MemoryType::builder(Pages(self.minimum))
            .maximum(Pages(self.maximum))
            .address_type(self.address_type)
            .page_size(self.page_size)
            .shared(self.shared)
            .build()
            .unwrap();
        let options = MemoryOptions::new()
            .store(self.store)
            .max_bytes(self.max_bytes)
            .max_reservation_bytes(self.max_reservation_bytes);
        if self.shared {
            let memory = SharedMemory::with_options(ty, &options).unwrap();
            assert_eq!(memory.store_kind(), self.store);
            Memory::Shared(memory)
        } else {
            let memory = LinearMemory::with_options(ty, &options).unwrap();
            assert_eq!(memory.store_kind(), self.store);
            Memory::Linear(memory)
        }
    }
}
