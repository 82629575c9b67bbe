//! What operators do besides computing a value: what fuel, and code that cannot be reached, depend
//! on. An operator that is in no row does not compile.

use wasmparser::Operator;

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Continues after itself, and costs one unit of fuel.
    Plain,
    /// The same, but needs no work, and costs nothing.
    Free,
    Block,
    TryTable,
    Loop,
    If,
    Else,
    End,
    /// Goes to a label.
    Br,
    /// Goes to a label, or continues after itself.
    BrIf,
    /// Goes to one of several labels.
    BrTable,
    /// Leaves the function, and costs nothing.
    Return,
    /// Leaves the function by a tail call or an exception.
    Leave,
    /// Traps, and costs nothing.
    Trap,
    /// Belongs to a proposal that is not supported: validation refuses it.
    Unsupported,
}

/// The effect of an operator, by the proposal that brought it and its name. Proposals that are part
/// of the standard get no new operators: those that only compute are one row.
#[rustfmt::skip]
macro_rules! effect_of {
    (mvp Nop) => { Effect::Free };
    (mvp Drop) => { Effect::Free };
    (mvp Unreachable) => { Effect::Trap };
    (mvp Block) => { Effect::Block };
    (mvp Loop) => { Effect::Loop };
    (mvp If) => { Effect::If };
    (mvp Else) => { Effect::Else };
    (mvp End) => { Effect::End };
    (mvp Br) => { Effect::Br };
    (mvp BrIf) => { Effect::BrIf };
    (mvp BrTable) => { Effect::BrTable };
    (mvp Return) => { Effect::Return };
    (mvp $plain:ident) => { Effect::Plain };
    (sign_extension $plain:ident) => { Effect::Plain };
    (saturating_float_to_int $plain:ident) => { Effect::Plain };
    (simd $plain:ident) => { Effect::Plain };
    (relaxed_simd $plain:ident) => { Effect::Plain };
    (threads $plain:ident) => { Effect::Plain };
    (wide_arithmetic I64Add128) => { Effect::Plain };
    (wide_arithmetic I64Sub128) => { Effect::Plain };
    (wide_arithmetic I64MulWideS) => { Effect::Plain };
    (wide_arithmetic I64MulWideU) => { Effect::Plain };
    (bulk_memory $plain:ident) => { Effect::Plain };
    (reference_types TypedSelectMulti) => { Effect::Unsupported };
    (reference_types $plain:ident) => { Effect::Plain };
    (tail_call ReturnCall) => { Effect::Leave };
    (tail_call ReturnCallIndirect) => { Effect::Leave };
    (exceptions TryTable) => { Effect::TryTable };
    (exceptions Throw) => { Effect::Leave };
    (exceptions ThrowRef) => { Effect::Leave };
    (function_references CallRef) => { Effect::Plain };
    (function_references ReturnCallRef) => { Effect::Leave };
    (function_references RefAsNonNull) => { Effect::Plain };
    (function_references BrOnNull) => { Effect::BrIf };
    (function_references BrOnNonNull) => { Effect::BrIf };
    (gc BrOnCast) => { Effect::BrIf };
    (gc BrOnCastFail) => { Effect::BrIf };
    (gc $plain:ident) => { Effect::Plain };
    (legacy_exceptions $other:ident) => { Effect::Unsupported };
    (memory_control $other:ident) => { Effect::Unsupported };
    (stack_switching $other:ident) => { Effect::Unsupported };
    (custom_descriptors $other:ident) => { Effect::Unsupported };
    (shared_everything_threads $other:ident) => { Effect::Unsupported };
    (acquire_release_atomics $other:ident) => { Effect::Unsupported };
}
pub(super) use effect_of;

macro_rules! define_effect {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {
        impl Effect {
            /// What an operator does.
            pub(super) fn of(operator: &Operator<'_>) -> Effect {
                match operator {
                    $(Operator::$op { .. } => effect_of!($proposal $op),)*
                    // The list above has all there are.
                    _ => Effect::Unsupported,
                }
            }
        }
    };
}

wasmparser::for_each_operator!(define_effect);

impl Effect {
    /// The fuel that an operator costs: what needs no work costs nothing.
    pub(super) fn cost(self) -> u32 {
        match self {
            Effect::Free | Effect::Block | Effect::Loop | Effect::Else | Effect::End => 0,
            Effect::Return | Effect::Trap => 0,
            Effect::Plain | Effect::TryTable | Effect::If => 1,
            Effect::Br | Effect::BrIf | Effect::BrTable | Effect::Leave => 1,
            Effect::Unsupported => 0,
        }
    }
}
