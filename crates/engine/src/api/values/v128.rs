//! [`V128`]: a 128-bit vector.

use std::fmt;

use crate::runtime::slots::{vector_of, vector_slots};

/// A 128-bit vector, the value of WebAssembly's type `v128`.
///
/// It is kept as a number whose lowest bits are lane 0, as in memory.
///
/// ```
/// use lineal::{Func, Store, V128};
///
/// let mut store = Store::<()>::default();
/// let not = Func::wrap(&mut store, |v: V128| V128::from(!v.as_u128()));
/// let not = not.typed::<V128, V128>(&store)?;
/// assert_eq!(not.call(&mut store, V128::from(0))?, V128::from(u128::MAX));
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct V128(u128);

impl V128 {
    /// The bits as a number.
    pub const fn as_u128(&self) -> u128 {
        self.0
    }

    /// As a vector's two slots hold it.
    pub(crate) fn to_slots(self) -> [u64; 2] {
        vector_slots(self.0)
    }

    pub(crate) fn from_slots(slots: [u64; 2]) -> V128 {
        V128(vector_of(slots))
    }
}

impl From<u128> for V128 {
    fn from(bits: u128) -> V128 {
        V128(bits)
    }
}

impl From<V128> for u128 {
    fn from(vector: V128) -> u128 {
        vector.0
    }
}

impl fmt::Display for V128 {
    /// Writes the bits as a hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#034x}", self.0)
    }
}

impl fmt::Debug for V128 {
    /// Writes the bits as a hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V128({:#034x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_hold_the_bytes_of_memory() {
        let bits = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;
        let slots = V128::from(bits).to_slots();
        let bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_ne_bytes()).collect();
        assert!(bytes.iter().copied().eq(0..16));
        assert_eq!(V128::from_slots(slots).as_u128(), bits);
    }
}
