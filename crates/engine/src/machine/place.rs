//! Where in a cell its operands are: what a cell's length and its check follow from.

/// A part of a granule of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) granule: usize,
    pub(crate) part: Part,
}

/// Which part of a granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// 16 bits: `a`, `d`, the low and the high half of `b`, for indices 0 to 3.
    Half(usize),
    /// `b`, of a granule that is packed as operands are.
    B,
    /// The lower 32 bits, as a number.
    Low,
    /// The upper 32 bits, as a number.
    High,
    All,
    /// No part at all, which stands for zero.
    None,
}

impl Field {
    /// Whether a cell of that many granules has it.
    const fn is_in(self, granules: usize) -> bool {
        let is_part = match self.part {
            Part::Half(index) => index < 4,
            Part::B | Part::Low | Part::High | Part::All | Part::None => true,
        };
        is_part && self.granule < granules
    }

    pub(crate) const A: Field = Field::half(1, 0);
    pub(crate) const D: Field = Field::half(1, 1);
    pub(crate) const B: Field = Field::b(1);
    pub(crate) const B_LOW: Field = Field::half(1, 2);
    pub(crate) const B_HIGH: Field = Field::half(1, 3);
    pub(crate) const NONE: Field = Field { granule: 0, part: Part::None };

    pub(crate) const fn half(granule: usize, index: usize) -> Field {
        Field { granule, part: Part::Half(index) }
    }

    pub(crate) const fn b(granule: usize) -> Field {
        Field { granule, part: Part::B }
    }

    pub(crate) const fn low(granule: usize) -> Field {
        Field { granule, part: Part::Low }
    }

    pub(crate) const fn high(granule: usize) -> Field {
        Field { granule, part: Part::High }
    }

    pub(crate) const fn all(granule: usize) -> Field {
        Field { granule, part: Part::All }
    }
}

/// What an operand is, and where it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere in the cell: it is in a register, or known.
    Register,
    /// A number in the cell.
    Number(Field),
    /// A slot.
    Slot(Field),
    /// A slot and the one after it.
    Pair(Field),
    /// Slots from one on.
    Slots(Field, Count),
    /// A displacement to a cell.
    Target(Field),
    /// Displacements in the granules from 2 on; `b` is the index of the last.
    Table,
    /// The metadata of a call, in a granule.
    Call(usize),
    /// The metadata of a tail call, in a granule.
    TailCall(usize),
}

/// How many slots an operand takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Fixed(usize),
    In(Field),
    /// As many as the low 16 bits of a granule say, but at least so many.
    AtLeast(usize, Field),
}

impl Place {
    /// Operands in the slots that `a`, `d` and granule 2 name.
    pub(crate) const THREE_SLOTS: &'static [Place] =
        &[Place::Slot(Field::A), Place::Slot(Field::D), Place::Slot(Field::all(2))];

    /// How many granules after the second an operand takes in its cell.
    pub(crate) const fn extra(self) -> usize {
        match self {
            Place::Number(Field { part: Part::All, .. })
            | Place::Slot(Field { part: Part::All, .. }) => 1,
            _ => 0,
        }
    }

    /// Whether a cell of that many granules can have the operand, and execution can continue after
    /// it or not, as `goes_on` says.
    pub(super) const fn is_sound(self, granules: usize, goes_on: bool) -> bool {
        match self {
            Place::Register => true,
            Place::Number(field) | Place::Slot(field) | Place::Pair(field) => field.is_in(granules),
            Place::Target(field) => field.is_in(granules),
            Place::Slots(first, Count::Fixed(count)) => {
                first.is_in(granules) && count <= u16::MAX as usize
            }
            Place::Slots(first, Count::In(field)) => first.is_in(granules) && field.is_in(granules),
            Place::Slots(first, Count::AtLeast(least, field)) => {
                first.is_in(granules) && field.is_in(granules) && least <= u16::MAX as usize
            }
            Place::Table => !goes_on,
            Place::Call(granule) => goes_on && granule + 1 == granules,
            Place::TailCall(granule) => !goes_on && granule + 1 == granules,
        }
    }
}
