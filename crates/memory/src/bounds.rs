//! The bounds check: the only one in this crate, and the one an engine should use.

use crate::error::OutOfBounds;

/// The effective address `addr + offset` of an access to `len_bytes` bytes of a memory that
/// has `memory_bytes` bytes, or `None` when the access is out of bounds.
///
/// This is the bounds check of every load, store and bulk operation. All arguments are 64 bits
/// wide and nothing wraps around, so it serves 32-bit addresses (zero-extended) and 64-bit
/// ones alike. An access is in bounds if and only if it *ends* inside the memory or exactly at
/// its end; an empty access at the end is therefore in bounds, and one past the end is not.
///
/// A result is at most `memory_bytes`.
///
/// ```
/// use lineal_memory::effective_address;
///
/// assert_eq!(effective_address(8, 4, 4, 16), Some(12));
/// assert_eq!(effective_address(8, 5, 4, 16), None);
/// assert_eq!(effective_address(u64::MAX, 1, 4, 16), None);
/// assert_eq!(effective_address(16, 0, 0, 16), Some(16));
/// ```
#[inline(always)]
#[must_use]
pub const fn effective_address(
    addr: u64,
    offset: u64,
    len_bytes: u64,
    memory_bytes: u64,
) -> Option<u64> {
    let Some(ea) = addr.checked_add(offset) else {
        return None;
    };
    // Of a loop's accesses of one width, this part is done once.
    let Some(last) = memory_bytes.checked_sub(len_bytes) else {
        return None;
    };
    if ea > last {
        return None;
    }
    Some(ea)
}

/// [`effective_address`] for a memory of this host: the result is an index, or the error to
/// report.
#[inline(always)]
pub(crate) fn check(
    addr: u64,
    offset: u64,
    len_bytes: u64,
    memory_bytes: usize,
) -> Result<usize, OutOfBounds> {
    match effective_address(addr, offset, len_bytes, memory_bytes as u64) {
        // At most `memory_bytes`, so a `usize` holds it on every host.
        Some(ea) => Ok(ea as usize),
        None => Err(out_of_bounds(addr, offset, len_bytes, memory_bytes)),
    }
}

#[cold]
#[inline(never)]
fn out_of_bounds(addr: u64, offset: u64, len_bytes: u64, memory_bytes: usize) -> OutOfBounds {
    OutOfBounds { addr, offset, len_bytes, memory_bytes: memory_bytes as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_unbounded_arithmetic() {
        let edges = [0, 1, 2, 4, 15, 16, 17, u64::MAX / 2, u64::MAX - 16, u64::MAX - 1, u64::MAX];
        for addr in edges {
            for offset in edges {
                for len_bytes in edges {
                    for memory_bytes in edges {
                        let ea = u128::from(addr) + u128::from(offset);
                        let fits = ea + u128::from(len_bytes) <= u128::from(memory_bytes);
                        assert_eq!(
                            effective_address(addr, offset, len_bytes, memory_bytes),
                            fits.then_some(ea as u64),
                            "{addr} + {offset}, {len_bytes} of {memory_bytes}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn error_carries_what_was_asked() {
        assert_eq!(
            check(1, 2, 3, 4),
            Err(OutOfBounds { addr: 1, offset: 2, len_bytes: 3, memory_bytes: 4 })
        );
    }
}
