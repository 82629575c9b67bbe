//! Tables of handlers, by where operands are.
//!
//! A class of operands and its row in a table are written down together, once. What looks a row up
//! names the class, so that a missing row does not compile, and rows cannot change places.

use super::stack::Operand;
use crate::machine::Handler;

/// Defines classes, the table that has a row for each, and a macro that makes such a table of a
/// function of the class's type: `Self::$row::<Before, …, Type>()`.
macro_rules! table {
    (
        $(#[$doc:meta])* $class:ident, $table:ident, $make:ident:
        $($variant:ident $field:ident: $ty:ty;)*
    ) => {
        table! { $(#[$doc])* $class, $table: $($variant $field;)* }
        table! { @make ($) $table, $make: $($field: $ty;)* }
    };
    ($(#[$doc:meta])* $class:ident, $table:ident: $($variant:ident $field:ident;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::translate) enum $class {
            $($variant,)*
        }

        #[doc = concat!("A row for each [`", stringify!($class), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub(in crate::translate) struct $table<R> {
            $(pub(in crate::translate) $field: R,)*
        }

        impl<R> $table<R> {
            pub(in crate::translate) fn at(&self, class: $class) -> &R {
                match class {
                    $($class::$variant => &self.$field,)*
                }
            }
        }
    };
    (@make ($d:tt) $table:ident, $make:ident: $($field:ident: $ty:ty;)*) => {
        macro_rules! $make {
            ($d row:ident $d(, $d before:ty)*) => {
                $table {
                    $($field: Self::$d row::<$d($d before,)* $ty>(),)*
                }
            };
        }
        pub(in crate::translate) use $make;
    };
}
pub(super) use table;

table! {
    /// Where a source is that is no constant.
    Source, Sources, sources:
    Slot slot: crate::machine::operand::SlotA;
    Acc acc: crate::machine::operand::Acc;
    Pin pin: crate::machine::operand::Pin;
}

table! {
    /// What one of two alternatives is.
    Alternative, Alternatives:
    Slot slot;
    Constant constant;
}

impl Source {
    /// Where an operand is, after [`Translator::left_field`](super::Translator::left_field) put
    /// constants in slots.
    pub(super) fn of(operand: Operand) -> Source {
        match operand {
            Operand::Slot(_) | Operand::Const(_) => Source::Slot,
            Operand::Acc => Source::Acc,
            Operand::Pin => Source::Pin,
        }
    }
}

/// The handlers of an operation with given sources, by destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dests {
    /// The accumulator.
    pub(super) acc: Handler,
    /// The accumulator and a slot.
    pub(super) slot: Handler,
    /// The pin and its slot.
    pub(super) pin: Handler,
}

/// The [`Dests`] of an operation whose last type parameter is the destination.
macro_rules! dests {
    ($op:ident $(<$($param:ty),*>)?) => {
        $crate::translate::tables::Dests {
            acc: $crate::machine::handler::<$op<$($($param,)*)? $crate::machine::operand::ToAcc>>(),
            slot: $crate::machine::handler::<$op<$($($param,)*)? $crate::machine::operand::ToSlot>>(),
            pin: $crate::machine::handler::<$op<$($($param,)*)? $crate::machine::operand::ToPin>>(),
        }
    };
}
pub(super) use dests;

/// The handlers of an operation by its only source.
#[derive(Clone, Copy, Debug)]
pub(super) struct BySource {
    pub(super) slot: Handler,
    pub(super) acc: Handler,
    pub(super) pin: Handler,
    pub(super) constant: Handler,
}

/// The [`BySource`] of an operation: its parameters before the source's and after it, and what a
/// slot and a constant are if not in `a` and in granule 2.
macro_rules! by_source {
    ($op:ident [$($before:ty),*] [$($after:ty),*]) => {
        $crate::translate::tables::by_source! {
            $op [$($before),*] [$($after),*]
            $crate::machine::operand::SlotA, $crate::machine::operand::Wide
        }
    };
    ($op:ident [$($before:ty),*] [$($after:ty),*] $slot:ty, $constant:ty) => {
        $crate::translate::tables::BySource {
            slot: $crate::machine::handler::<$op<$($before,)* $slot $(, $after)*>>(),
            acc: $crate::machine::handler::<
                $op<$($before,)* $crate::machine::operand::Acc $(, $after)*>,
            >(),
            pin: $crate::machine::handler::<
                $op<$($before,)* $crate::machine::operand::Pin $(, $after)*>,
            >(),
            constant: $crate::machine::handler::<$op<$($before,)* $constant $(, $after)*>>(),
        }
    };
}
pub(super) use by_source;
