//! How many slots values take: two for a vector, its low half first, and one for any other.

use lineal_decoder::ValType;

/// The most slots that a value takes.
pub(crate) const MAX_SLOTS: usize = 2;

/// How many slots a value of a type takes.
pub(crate) const fn slots(ty: ValType) -> usize {
    match ty {
        ValType::V128 => 2,
        _ => 1,
    }
}

/// How many slots values of some types take together.
pub(crate) fn slot_count(types: &[ValType]) -> usize {
    types.iter().map(|&ty| slots(ty)).sum()
}

/// Each type with where its value is among the slots of all of them.
pub(crate) fn placed(types: &[ValType]) -> impl Iterator<Item = (ValType, std::ops::Range<usize>)> {
    types.iter().scan(0, |start, &ty| {
        let range = *start..*start + slots(ty);
        *start = range.end;
        Some((ty, range))
    })
}

/// A vector as its two slots hold it: its bytes in the order in which memory holds them.
pub(crate) const fn vector_slots(bits: u128) -> [u64; 2] {
    [(bits as u64).to_le(), ((bits >> 64) as u64).to_le()]
}

/// The vector that two slots hold.
pub(crate) const fn vector_of([low, high]: [u64; 2]) -> u128 {
    u64::from_le(low) as u128 | (u64::from_le(high) as u128) << 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_take_two_slots() {
        let types = [ValType::I32, ValType::V128, ValType::FUNCREF];
        assert_eq!(slot_count(&types), 4);
        let ranges: Vec<_> = placed(&types).map(|(_, range)| range).collect();
        assert_eq!(ranges, [0..1, 1..3, 3..4]);
    }
}
