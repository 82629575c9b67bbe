//! Sizes: which ones the memory type, the host's limit and the host's address space allow.

use crate::backing::MAX_BACKING_BYTES;
use crate::error::{CreateError, GrowError};
use crate::memory_type::MemoryType;
use crate::options::MemoryOptions;
use crate::types::Pages;

/// The bytes of a new memory.
pub(crate) fn minimum_bytes(
    ty: &MemoryType,
    options: &MemoryOptions,
) -> Result<usize, CreateError> {
    if options.backing.is_some_and(|kind| !kind.is_available()) {
        return Err(CreateError::ReservedUnavailable);
    }
    let minimum = ty.minimum();
    host_bytes(ty, minimum, options.max_bytes).map_err(|refusal| match refusal {
        Refusal::HostLimit { limit_bytes } => CreateError::OverHostLimit { minimum, limit_bytes },
        Refusal::OutOfMemory => CreateError::OutOfMemory { minimum },
    })
}

/// The bytes of a memory that grows by `delta` from `current`.
pub(crate) fn grown_bytes(
    ty: &MemoryType,
    current: Pages,
    delta: Pages,
    max_bytes: Option<u64>,
) -> Result<usize, GrowError> {
    let maximum = ty.growth_limit();
    let new = match current.checked_add(delta) {
        Some(new) if new <= maximum => new,
        _ => return Err(GrowError::OverMaximum { current, delta, maximum }),
    };
    host_bytes(ty, new, max_bytes).map_err(|refusal| match refusal {
        Refusal::HostLimit { limit_bytes } => {
            GrowError::OverHostLimit { current, delta, limit_bytes }
        }
        Refusal::OutOfMemory => GrowError::OutOfMemory { current, delta },
    })
}

/// The address space to reserve: as much as the memory may ever need, up to the cap.
pub(crate) fn reservation_bytes(ty: &MemoryType, options: &MemoryOptions) -> usize {
    let growth_limit_bytes = ty.growth_limit().to_bytes(ty.page_size()).unwrap_or(u64::MAX);
    let bytes = growth_limit_bytes
        .min(options.max_bytes.unwrap_or(u64::MAX))
        .min(options.max_reservation_bytes);
    usize::try_from(bytes).unwrap_or(MAX_BACKING_BYTES)
}

/// Why a size is refused before the backing is asked.
enum Refusal {
    HostLimit { limit_bytes: u64 },
    OutOfMemory,
}

/// The bytes of a size, if the host's limit and address space allow them.
fn host_bytes(ty: &MemoryType, size: Pages, max_bytes: Option<u64>) -> Result<usize, Refusal> {
    let bytes = size.to_bytes(ty.page_size());
    if let Some(limit_bytes) = max_bytes
        && bytes.is_none_or(|bytes| bytes > limit_bytes)
    {
        return Err(Refusal::HostLimit { limit_bytes });
    }
    bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| *bytes <= MAX_BACKING_BYTES)
        .ok_or(Refusal::OutOfMemory)
}
