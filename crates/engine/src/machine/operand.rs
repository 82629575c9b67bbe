//! Where an operation's operands come from and where its result goes.
//!
//! Operations are generic over these classes; the translator picks them, so that reading an
//! operand is a register or one load, never a decision.
//!
//! | source | is |
//! | --- | --- |
//! | [`SlotA`], [`SlotB`], [`SlotD`] | the slot that `a`, `b`, `d` names |
//! | [`SlotBLow`], [`SlotBHigh`] | the slot that a half of `b` names |
//! | [`ImmB`], [`ImmD`] | the immediate in `b` (32 bits) or `d` (16 bits), sign-extended |
//! | [`UImmA`], [`UImmB`], [`UImmBLow`] | the immediate in `a` (16 bits), `b` (32) or `b`'s low half (16), zero-extended, as a slot holds it |
//! | [`Wide`], [`Wide3`] | the immediate in granule 2, 3 |
//! | [`WideSlot`] | the slot that granule 2 names |
//! | [`Zero`] | zero |
//! | [`Acc`] | the accumulator of the type's bank |
//! | [`Pin`] | the pinned local of the type's bank |
//!
//! | destination | is |
//! | --- | --- |
//! | [`ToAcc`] | the accumulator |
//! | [`ToSlot`] | the accumulator, and the slot that `d` names |
//! | [`ToPin`] | the pinned local, and its slot, which `d` names |

use super::place::{Field, Place};
use super::{Bank, Machine};

/// A type of values that slots and registers hold.
pub(crate) trait SlotValue: Copy {
    /// The registers that hold such values.
    const BANK: Bank;
    /// The class of a constant that fits in 32 bits, sign-extended (or as `f32` bits).
    type Imm: Src<Self>;
    /// The class of any other constant.
    type Wide: Src<Self>;
    /// The class of a constant that fits in 16 bits, sign-extended.
    type Imm16: Src<Self>;
    /// The class of the constant zero.
    type Zero: Src<Self>;

    /// A constant as [`Self::Imm`] holds it, if it fits.
    fn imm(bits: u64) -> Option<u32>;
    /// A constant as [`Self::Imm16`] holds it, if it fits.
    fn imm16(bits: u64) -> Option<u16>;
    /// Whether a constant is what [`Self::Zero`] stands for.
    fn is_zero(bits: u64) -> bool;

    fn from_slot(bits: u64) -> Self;
    fn to_slot(self) -> u64;
    fn acc(m: &Machine) -> Self;
    fn set_acc(self, m: &mut Machine);
    fn pin(m: &Machine) -> Self;
    fn set_pin(self, m: &mut Machine);
}

/// The type of an address in a memory or a table: `u32` or `u64`.
pub(crate) trait AddrType: SlotValue + Into<u64> {}
impl AddrType for u32 {}
impl AddrType for u64 {}

/// Integers. An `i32` is zero-extended in slots and registers, so that `i64.extend_i32_u` is no
/// operation, and truncated when read.
macro_rules! int_scalar {
    ($($ty:ty, $unsigned:ty, $wide:ty;)*) => {$(
        impl SlotValue for $ty {
            const BANK: Bank = Bank::Int;
            type Imm = ImmB;
            type Wide = $wide;
            type Imm16 = ImmD;
            type Zero = Zero;

            fn imm(bits: u64) -> Option<u32> {
                let value = bits as $ty;
                (value as i32 as $ty == value).then_some(value as u32)
            }
            fn imm16(bits: u64) -> Option<u16> {
                let value = bits as $ty;
                (value as i16 as $ty == value).then_some(value as u16)
            }
            fn is_zero(bits: u64) -> bool {
                bits as $ty == 0
            }

            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                bits as $ty
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                self as $unsigned as u64
            }
            #[inline(always)]
            fn acc(m: &Machine) -> Self {
                m.acc as $ty
            }
            #[inline(always)]
            fn set_acc(self, m: &mut Machine) {
                m.acc = self.to_slot();
            }
            #[inline(always)]
            fn pin(m: &Machine) -> Self {
                m.pin as $ty
            }
            #[inline(always)]
            fn set_pin(self, m: &mut Machine) {
                m.pin = self.to_slot();
            }
        }

        impl Src<$ty> for ImmB {
            const PLACE: Place = Place::Number(Field::B);
            #[inline(always)]
            unsafe fn get(m: &Machine) -> $ty {
                // SAFETY: E1.
                unsafe { m.ip.b() as i32 as $ty }
            }
        }

        impl Src<$ty> for ImmD {
            const PLACE: Place = Place::Number(Field::D);
            #[inline(always)]
            unsafe fn get(m: &Machine) -> $ty {
                // SAFETY: E1.
                unsafe { m.ip.d() as i16 as $ty }
            }
        }

        impl Src<$ty> for Zero {
            const PLACE: Place = Place::Register;
            #[inline(always)]
            unsafe fn get(_: &Machine) -> $ty {
                0
            }
        }
    )*};
}

int_scalar! {
    u32, u32, ImmB;
    i32, u32, ImmB;
    u64, u64, Wide;
    i64, u64, Wide;
}

macro_rules! float_scalar {
    ($ty:ty, $bits:ty, $bank:ident, $acc:ident, $pin:ident, $imm:ty, $to_imm:expr) => {
        impl SlotValue for $ty {
            const BANK: Bank = Bank::$bank;
            type Imm = $imm;
            type Wide = Wide;
            type Imm16 = Wide;
            type Zero = Wide;

            fn imm(bits: u64) -> Option<u32> {
                let to_imm: fn(u64) -> Option<u32> = $to_imm;
                to_imm(bits)
            }
            fn imm16(_: u64) -> Option<u16> {
                None
            }
            fn is_zero(_: u64) -> bool {
                false
            }

            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                <$ty>::from_bits(bits as $bits)
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                self.to_bits() as u64
            }
            #[inline(always)]
            fn acc(m: &Machine) -> Self {
                m.$acc
            }
            #[inline(always)]
            fn set_acc(self, m: &mut Machine) {
                m.$acc = self;
            }
            #[inline(always)]
            fn pin(m: &Machine) -> Self {
                m.$pin
            }
            #[inline(always)]
            fn set_pin(self, m: &mut Machine) {
                m.$pin = self;
            }
        }
    };
}

float_scalar!(f32, u32, F32, acc32, pin32, ImmB, |bits| Some(bits as u32));
float_scalar!(f64, u64, F64, acc64, pin64, Wide, |_| None);

impl Src<f32> for ImmB {
    const PLACE: Place = Place::Number(Field::B);
    #[inline(always)]
    unsafe fn get(m: &Machine) -> f32 {
        // SAFETY: E1.
        unsafe { f32::from_bits(m.ip.b()) }
    }
}

/// A class of source operands.
pub(crate) trait Src<T> {
    /// Where the cell names the operand.
    const PLACE: Place;
    /// How many granules after the second it takes in the cell.
    const EXTRA: usize = Self::PLACE.extra();

    /// Reads the operand.
    ///
    /// # Safety
    ///
    /// E1 and E2 hold, and the cell's operation has an operand of this class.
    unsafe fn get(m: &Machine) -> T;
}

/// The slot that `a` names.
pub(crate) struct SlotA;
/// The slot that `b` names.
pub(crate) struct SlotB;
/// The slot that `d` names.
pub(crate) struct SlotD;
/// The slot that the low half of `b` names.
pub(crate) struct SlotBLow;
/// The slot that the high half of `b` names.
pub(crate) struct SlotBHigh;
/// The immediate in `b`.
pub(crate) struct ImmB;
/// The immediate in `d`.
pub(crate) struct ImmD;
/// The immediate in `a`, zero-extended.
pub(crate) struct UImmA;
/// The immediate in `b`, zero-extended.
pub(crate) struct UImmB;
/// The immediate in the low half of `b`, zero-extended.
pub(crate) struct UImmBLow;
/// The immediate in granule 2.
pub(crate) struct Wide;
/// The immediate in granule 3, where granule 2 is another operand's.
pub(crate) struct Wide3;
/// The slot that granule 2 names.
pub(crate) struct WideSlot;
/// Zero.
pub(crate) struct Zero;
/// The accumulator.
pub(crate) struct Acc;
/// The pinned local.
pub(crate) struct Pin;

macro_rules! slot_source {
    ($($class:ident: $field:ident, $place:ident;)*) => {$(
        impl<T: SlotValue> Src<T> for $class {
            const PLACE: Place = Place::Slot(Field::$place);
            #[inline(always)]
            unsafe fn get(m: &Machine) -> T {
                // SAFETY: E1 and E2.
                unsafe { T::from_slot(m.fp.get(m.ip.$field() as usize)) }
            }
        }
    )*};
}

slot_source! {
    SlotA: a, A;
    SlotB: b, B;
    SlotD: d, D;
}

impl<T: SlotValue> Src<T> for SlotBLow {
    const PLACE: Place = Place::Slot(Field::B_LOW);
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        // SAFETY: E1 and E2.
        unsafe { T::from_slot(m.fp.get(m.ip.b_halves().0)) }
    }
}

impl<T: SlotValue> Src<T> for SlotBHigh {
    const PLACE: Place = Place::Slot(Field::B_HIGH);
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        // SAFETY: E1 and E2.
        unsafe { T::from_slot(m.fp.get(m.ip.b_halves().1)) }
    }
}

macro_rules! zero_extended_immediate {
    ($($class:ident: $place:ident, $m:ident => $bits:expr;)*) => {$(
        impl<T: SlotValue> Src<T> for $class {
            const PLACE: Place = Place::Number(Field::$place);
            #[inline(always)]
            unsafe fn get($m: &Machine) -> T {
                // SAFETY: E1.
                T::from_slot(unsafe { $bits } as u64)
            }
        }
    )*};
}

zero_extended_immediate! {
    UImmA: A, m => m.ip.a();
    UImmB: B, m => m.ip.b();
    UImmBLow: B_LOW, m => m.ip.b_halves().0;
}

impl<T: SlotValue> Src<T> for WideSlot {
    const PLACE: Place = Place::Slot(Field::all(2));
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        // SAFETY: E1 and E2.
        unsafe { T::from_slot(m.fp.get(m.ip.granule(2) as usize)) }
    }
}

/// The length of a range in two memories or tables, in the slot that granule 2 names: it is of the
/// narrower one of their address types.
///
/// # Safety
///
/// As for [`Src::get`] of [`WideSlot`].
#[inline(always)]
pub(crate) unsafe fn narrower_len<D: AddrType, S: AddrType>(m: &Machine) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { <WideSlot as Src<D>>::get(m).into().min(<WideSlot as Src<S>>::get(m).into()) }
}

impl<T: SlotValue> Src<T> for Wide3 {
    const PLACE: Place = Place::Number(Field::all(3));
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        // SAFETY: E1.
        unsafe { T::from_slot(m.ip.granule(3)) }
    }
}

impl<T: SlotValue> Src<T> for Wide {
    const PLACE: Place = Place::Number(Field::all(2));
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        // SAFETY: E1.
        unsafe { T::from_slot(m.ip.granule(2)) }
    }
}

impl<T: SlotValue> Src<T> for Acc {
    const PLACE: Place = Place::Register;
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        T::acc(m)
    }
}

impl<T: SlotValue> Src<T> for Pin {
    const PLACE: Place = Place::Register;
    #[inline(always)]
    unsafe fn get(m: &Machine) -> T {
        T::pin(m)
    }
}

/// A class of destinations.
pub(crate) trait Dst<T> {
    /// Where the cell names the destination.
    const PLACE: Place;

    /// Writes the result.
    ///
    /// # Safety
    ///
    /// E1 and E2 hold, and the cell's operation has a destination of this class.
    unsafe fn put(m: &mut Machine, value: T);
}

/// The accumulator.
pub(crate) struct ToAcc;
/// The accumulator and the slot that `d` names.
pub(crate) struct ToSlot;
/// The pinned local and its slot, which `d` names.
pub(crate) struct ToPin;

impl<T: SlotValue> Dst<T> for ToAcc {
    const PLACE: Place = Place::Register;

    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: T) {
        value.set_acc(m);
    }
}

impl<T: SlotValue> Dst<T> for ToSlot {
    const PLACE: Place = Place::Slot(Field::D);

    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: T) {
        // SAFETY: E1 and E2.
        unsafe { m.fp.set(m.ip.d() as usize, value.to_slot()) };
        value.set_acc(m);
    }
}

impl<T: SlotValue> Dst<T> for ToPin {
    const PLACE: Place = Place::Slot(Field::D);

    #[inline(always)]
    unsafe fn put(m: &mut Machine, value: T) {
        // SAFETY: E1 and E2.
        unsafe { m.fp.set(m.ip.d() as usize, value.to_slot()) };
        value.set_pin(m);
    }
}
