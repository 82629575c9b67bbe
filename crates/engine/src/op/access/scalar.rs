//! Loads and stores: specification, section "Memory Instructions".
//!
//! A load reads a [`Raw`] of its width and extends it; a store narrows its operand to one.

use crate::machine::Vector;
use crate::machine::operand::SlotValue;

/// A little-endian number as memory holds it, or bytes.
///
/// # Safety
///
/// Every pattern of its bytes is a value of the type.
pub(crate) unsafe trait Raw: Copy + lineal_memory::Scalar {
    /// Whether it has a sign.
    const SIGNED: bool;
    /// Its bits, as a number with zeros above it, low half first.
    fn bits(self) -> [u64; 2];
    /// Corrects the byte order of a value read from memory, or to be written to it.
    fn little_endian(self) -> Self;
}

macro_rules! raw {
    ($($ty:ty: $unsigned:ty),*) => {$(
        // SAFETY: an integer has no invalid patterns.
        unsafe impl Raw for $ty {
            const SIGNED: bool = <$ty>::MIN != 0;
            #[inline(always)]
            fn bits(self) -> [u64; 2] {
                [self as $unsigned as u64, 0]
            }
            #[inline(always)]
            fn little_endian(self) -> Self {
                self.to_le()
            }
        }
    )*};
}

raw!(u8: u8, i8: u8, u16: u16, i16: u16, u32: u32, i32: u32, u64: u64);

// SAFETY: any bytes are bytes.
unsafe impl Raw for [u8; 16] {
    const SIGNED: bool = false;

    #[inline(always)]
    fn bits(self) -> [u64; 2] {
        let bits = u128::from_le_bytes(self);
        [bits as u64, (bits >> 64) as u64]
    }

    #[inline(always)]
    fn little_endian(self) -> Self {
        self
    }
}

/// A load.
pub(crate) trait MemoryLoad {
    /// What is in memory.
    type Raw: Raw;
    /// The result's type.
    type Out;
    /// Extends to the result.
    fn extend(raw: Self::Raw) -> Self::Out;
}

/// A store.
pub(crate) trait MemoryStore {
    /// What goes to memory.
    type Raw: Raw;
    /// The operand's type.
    type In;
    /// Narrows the operand.
    fn narrow(value: Self::In) -> Self::Raw;
}

macro_rules! loads {
    ($($name:ident: $raw:ty => $out:ty, |$x:ident| $extend:expr;)*) => {$(
        pub(crate) struct $name;
        impl MemoryLoad for $name {
            type Raw = $raw;
            type Out = $out;
            #[inline(always)]
            fn extend($x: $raw) -> $out {
                $extend
            }
        }
    )*};
}

macro_rules! stores {
    ($($name:ident: $in:ty => $raw:ty, |$x:ident| $narrow:expr;)*) => {$(
        pub(crate) struct $name;
        impl MemoryStore for $name {
            type Raw = $raw;
            type In = $in;
            #[inline(always)]
            fn narrow($x: $in) -> $raw {
                $narrow
            }
        }
    )*};
}

loads! {
    I32Load: u32 => u32, |x| x;
    I64Load: u64 => u64, |x| x;
    F32Load: u32 => f32, |x| f32::from_bits(x);
    F64Load: u64 => f64, |x| f64::from_bits(x);
    I32Load8S: i8 => i32, |x| i32::from(x);
    I32Load8U: u8 => u32, |x| u32::from(x);
    I32Load16S: i16 => i32, |x| i32::from(x);
    I32Load16U: u16 => u32, |x| u32::from(x);
    I64Load8S: i8 => i64, |x| i64::from(x);
    I64Load8U: u8 => u64, |x| u64::from(x);
    I64Load16S: i16 => i64, |x| i64::from(x);
    I64Load16U: u16 => u64, |x| u64::from(x);
    I64Load32S: i32 => i64, |x| i64::from(x);
    I64Load32U: u32 => u64, |x| u64::from(x);
    V128Load: Vector => Vector, |x| x;
}

stores! {
    I32Store: u32 => u32, |x| x;
    I64Store: u64 => u64, |x| x;
    F32Store: f32 => u32, |x| x.to_bits();
    F64Store: f64 => u64, |x| x.to_bits();
    I32Store8: u32 => u8, |x| x as u8;
    I32Store16: u32 => u16, |x| x as u16;
    I64Store8: u64 => u8, |x| x as u8;
    I64Store16: u64 => u16, |x| x as u16;
    I64Store32: u64 => u32, |x| x as u32;
    V128Store: Vector => Vector, |x| x;
}

/// The loads that operations of a type can fold.
pub(crate) trait Loaded: SlotValue {
    /// Of its own width.
    type Full: MemoryLoad<Out = Self>;
    /// Of an unsigned byte; the full load again for a type that has none.
    type Byte: MemoryLoad<Out = Self>;
    /// Of the unsigned number half as wide; the full load again for a type that has none.
    type Half: MemoryLoad<Out = Self>;
}

macro_rules! loaded {
    ($($ty:ty: $full:ident, $byte:ident, $half:ident;)*) => {$(
        impl Loaded for $ty {
            type Full = $full;
            type Byte = $byte;
            type Half = $half;
        }
    )*};
}

loaded! {
    u32: I32Load, I32Load8U, I32Load16U;
    u64: I64Load, I64Load8U, I64Load32U;
    f32: F32Load, F32Load, F32Load;
    f64: F64Load, F64Load, F64Load;
}
