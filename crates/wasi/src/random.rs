//! Where a guest's random numbers come from.

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::errno::Errno;

/// A source of random bytes.
pub(crate) enum Random {
    /// The host's own.
    System,
    /// The embedder's.
    Given(Box<dyn Rng + Send>),
}

impl Random {
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        match self {
            Random::System => getrandom::fill(bytes).map_err(|_| Errno::Io),
            Random::Given(source) => {
                source.fill_bytes(bytes);
                Ok(())
            }
        }
    }
}

/// Random numbers that are the same in every run: a generator (ChaCha with 8 rounds) with a seed.
///
/// ```
/// use lineal_wasi::rand_core::Rng;
///
/// let (mut one, mut other) = (lineal_wasi::seeded_random(7), lineal_wasi::seeded_random(7));
/// assert_eq!(one.next_u64(), other.next_u64());
/// assert_ne!(one.next_u64(), lineal_wasi::seeded_random(8).next_u64());
/// ```
pub fn seeded_random(seed: u64) -> impl Rng + Send + 'static {
    ChaCha8Rng::seed_from_u64(seed)
}
