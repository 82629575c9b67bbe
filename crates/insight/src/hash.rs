//! Hashes of numbers that are much faster than the standard library's, for tables of sites and of
//! addresses of blocks.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table by sites, or by hashes of lists of them.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// A table by addresses.
pub(crate) type AddressMap<V> = HashMap<u64, V, BuildHasherDefault<AddressHasher>>;

/// An odd number with bits all over, as they are in the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes numbers: a multiplication for each.
#[derive(Default)]
pub(crate) struct FastHasher(u64);

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(MULTIPLIER);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// Hashes an address so that neighbours are neighbours in the table, too: programs use what they
/// allocated together, and the table may be larger than the cache.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        let granule = self.0 >> 3;
        // Addresses that are all multiples of a large number differ in their higher bits alone.
        let place = granule ^ granule >> 8 ^ granule >> 13 ^ granule >> 17;
        // The table looks at the highest bits before it compares keys.
        place ^ granule.wrapping_mul(MULTIPLIER) & 0xfe << 56
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0 << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, addr: u64) {
        self.0 = addr;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn addresses_spread_over_a_table_whatever_lies_between_them() {
        let hasher = BuildHasherDefault::<AddressHasher>::default();
        for step in [8, 16, 24, 48, 64, 1000, 1024, 4096, 65_536, 1 << 20] {
            let hashes = (0..4096_u64).map(|number| hasher.hash_one(number * step));
            let places: HashSet<u64> = hashes.map(|hash| hash % 8192).collect();
            assert!(places.len() > 3000, "{} places for steps of {step} bytes", places.len());
        }
    }
}
