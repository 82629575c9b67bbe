//! The Rust types that stand for WebAssembly values, and lists of them.
//!
//! [`WasmTy`] is one value. [`WasmParams`] and [`WasmResults`] are none, one or a tuple of them;
//! both are [`sealed::Values`], which moves a list to and from slots. All are sealed: unsafe
//! code relies on what they say.

use anyhow::Result;
use lineal_decoder::{HeapType, RefType, ValType};

use crate::api::func::Func;
use crate::api::refs::anyref::I31;
use crate::api::refs::null::{NoExtern, NoFunc, NoneRef};
use crate::api::refs::owned::OwnedRooted;
use crate::api::refs::rooting::{GcRef, HeapRef, Rooted};
use crate::api::store::sealed::Core;
use crate::api::values::v128::V128;
use crate::runtime::slots::{MAX_SLOTS, slots};

/// A Rust type that stands for a WebAssembly type.
///
/// | Rust                    | WebAssembly |
/// |-------------------------|-------------|
/// | `i32`, `u32`            | `i32`       |
/// | `i64`, `u64`            | `i64`       |
/// | `f32`                   | `f32`       |
/// | `f64`                   | `f64`       |
/// | [`V128`]                | `v128`      |
/// | `Option<`[`Func`]`>`      | `funcref`   |
/// | `Option<Rooted<ExternRef>>` | `externref` |
/// | `Option<Rooted<AnyRef>>`, … | `anyref`, `eqref`, `structref`, `arrayref` |
/// | `Option<`[`I31`]`>`       | `i31ref`    |
/// | `Option<Rooted<ExnRef>>`  | `exnref`    |
/// | `Option<`[`NoFunc`]`>`, … | `nullfuncref`, `nullexternref`, `nullref` |
/// | [`Func`], `Rooted<ExternRef>`, … | the same without null |
///
/// An [`OwnedRooted`] stands for the same as a [`Rooted`].
pub trait WasmTy: sealed::Value + Send {}

/// The parameters of a typed function: a tuple of up to 16 [`WasmTy`], or one without a tuple.
pub trait WasmParams: sealed::Values + Send {}

/// The results of a typed function: a tuple of up to 16 [`WasmTy`], or one without a tuple.
pub trait WasmResults: WasmParams {}

use sealed::{Value, Values};

pub(crate) mod sealed {
    use anyhow::Result;
    use lineal_decoder::ValType;

    use crate::api::store::sealed::Core;

    /// One value.
    ///
    /// # Safety
    ///
    /// `into_slots` gives a value of type `TYPE`, and `Slots` is an array of as many as that
    /// takes.
    pub unsafe trait Value: Sized + 'static {
        const TYPE: ValType;

        /// The slots it takes.
        type Slots: Default + Copy + AsRef<[u64]> + AsMut<[u64]>;

        /// The value as slots hold it; an error if it belongs to another store.
        fn into_slots(self, store: Core<'_>) -> Result<Self::Slots>;

        /// # Safety
        ///
        /// The slots' value must be of type `TYPE` and belong to the store.
        unsafe fn from_slots(store: Core<'_>, slots: Self::Slots) -> Self;
    }

    /// A list of values.
    ///
    /// # Safety
    ///
    /// `lower` gives values of the types `TYPES`, which take `COUNT` slots, and `Slots` is an array
    /// of at least as many.
    pub unsafe trait Values: Sized + 'static {
        const TYPES: &'static [ValType];

        /// How many slots the values take.
        const COUNT: usize;

        /// The slots: the first `COUNT` are used.
        type Slots: Default + AsRef<[u64]> + AsMut<[u64]>;

        /// The values as slots hold them; an error if one belongs to another store.
        fn lower(self, store: Core<'_>) -> Result<Self::Slots>;

        /// # Safety
        ///
        /// The slots' values must be of the types `TYPES` and belong to the store.
        unsafe fn lift(store: Core<'_>, slots: &Self::Slots) -> Self;
    }
}

macro_rules! numbers {
    ($($ty:ty: $wasm:ident, |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => {$(
        // SAFETY: any bits are a number.
        unsafe impl Value for $ty {
            const TYPE: ValType = ValType::$wasm;

            type Slots = [u64; 1];

            #[inline(always)]
            fn into_slots(self, _: Core<'_>) -> Result<[u64; 1]> {
                let $value = self;
                Ok([$to])
            }

            #[inline(always)]
            unsafe fn from_slots(_: Core<'_>, [$bits]: [u64; 1]) -> $ty {
                $from
            }
        }

        impl WasmTy for $ty {}
    )*};
}

numbers! {
    i32: I32, |value| u64::from(value as u32), |bits| bits as i32;
    u32: I32, |value| u64::from(value), |bits| bits as u32;
    i64: I64, |value| value as u64, |bits| bits as i64;
    u64: I64, |value| value, |bits| bits;
    f32: F32, |value| u64::from(value.to_bits()), |bits| f32::from_bits(bits as u32);
    f64: F64, |value| value.to_bits(), |bits| f64::from_bits(bits);
}

// SAFETY: any bits are a vector.
unsafe impl Value for V128 {
    const TYPE: ValType = ValType::V128;

    type Slots = [u64; 2];

    #[inline(always)]
    fn into_slots(self, _: Core<'_>) -> Result<[u64; 2]> {
        Ok(self.to_slots())
    }

    #[inline(always)]
    unsafe fn from_slots(_: Core<'_>, slots: [u64; 2]) -> V128 {
        V128::from_slots(slots)
    }
}

impl WasmTy for V128 {}

// SAFETY: `option_to_slot` gives a `funcref` of the store (R4).
unsafe impl Value for Option<Func> {
    const TYPE: ValType = ValType::FUNCREF;

    type Slots = [u64; 1];

    fn into_slots(self, store: Core<'_>) -> Result<[u64; 1]> {
        Ok([Func::option_to_slot(self, store.0)?])
    }

    unsafe fn from_slots(store: Core<'_>, [bits]: [u64; 1]) -> Option<Func> {
        // SAFETY: the caller's promise.
        unsafe { Func::option_from_slot(store.0, bits) }
    }
}

impl WasmTy for Option<Func> {}

// SAFETY: as above; a `Func` is never null.
unsafe impl Value for Func {
    const TYPE: ValType = reference(HeapType::Func, false);

    type Slots = [u64; 1];

    fn into_slots(self, store: Core<'_>) -> Result<[u64; 1]> {
        Some(self).into_slots(store)
    }

    unsafe fn from_slots(store: Core<'_>, slots: [u64; 1]) -> Func {
        // SAFETY: the caller's promise.
        let func = unsafe { Option::<Func>::from_slots(store, slots) };
        func.expect("a value of a type without null is not null")
    }
}

impl WasmTy for Func {}

/// References: `$ty` is never null, `Option<$ty>` may be.
macro_rules! references {
    ($($ty:ident: |$value:ident, $store:ident| $to:expr, |$in:ident, $bits:ident| $from:expr;)*) => {$(
        // SAFETY: R5: `to_slot` gives a reference of the store, and whoever makes a `$ty<T>` knows
        // that it is to a `T`.
        unsafe impl<T: GcRef> Value for Option<$ty<T>> {
            const TYPE: ValType = reference(T::HEAP, true);

            type Slots = [u64; 1];

            fn into_slots(self, $store: Core<'_>) -> Result<[u64; 1]> {
                Ok([self.map_or(Ok(0), |$value| $to)?])
            }

            unsafe fn from_slots($in: Core<'_>, [$bits]: [u64; 1]) -> Option<$ty<T>> {
                $from
            }
        }

        impl<T: GcRef> WasmTy for Option<$ty<T>> {}

        // SAFETY: as above.
        unsafe impl<T: GcRef> Value for $ty<T> {
            const TYPE: ValType = reference(T::HEAP, false);

            type Slots = [u64; 1];

            fn into_slots(self, store: Core<'_>) -> Result<[u64; 1]> {
                Some(self).into_slots(store)
            }

            unsafe fn from_slots(store: Core<'_>, slots: [u64; 1]) -> $ty<T> {
                // SAFETY: the caller's promise.
                let value = unsafe { Option::<$ty<T>>::from_slots(store, slots) };
                value.expect("a value of a type without null is not null")
            }
        }

        impl<T: GcRef> WasmTy for $ty<T> {}
    )*};
}

references! {
    Rooted: |value, store| value.reference().to_slot(store.0),
        |store, bits| Rooted::from_slot(store.0, bits);
    // The scope keeps the object when the token is gone.
    OwnedRooted: |value, store| {
        let bits = value.reference().to_slot(store.0);
        bits.inspect(|&bits| store.0.heap.root_in_scope(bits))
    }, |store, bits| {
        let reference = HeapRef::from_slot(store.0, bits)?;
        OwnedRooted::keep(store.0, reference).ok()
    };
}

/// The type that typed functions have for a Rust type.
const fn reference(heap: HeapType, nullable: bool) -> ValType {
    ValType::Ref(RefType { nullable, heap })
}

/// References that are always null.
macro_rules! nulls {
    ($($ty:ident: $heap:ident;)*) => {$(
        // SAFETY: null is the only value of the type.
        unsafe impl Value for Option<$ty> {
            const TYPE: ValType = reference(HeapType::$heap, true);

            type Slots = [u64; 1];

            fn into_slots(self, _: Core<'_>) -> Result<[u64; 1]> {
                Ok([0])
            }

            unsafe fn from_slots(_: Core<'_>, _: [u64; 1]) -> Option<$ty> {
                None
            }
        }

        impl WasmTy for Option<$ty> {}
    )*};
}

nulls! {
    NoFunc: NoFunc;
    NoExtern: NoExtern;
    NoneRef: None;
}

// SAFETY: an `i31` is a reference of its type.
unsafe impl Value for Option<I31> {
    const TYPE: ValType = reference(HeapType::I31, true);

    type Slots = [u64; 1];

    fn into_slots(self, _: Core<'_>) -> Result<[u64; 1]> {
        Ok([self.map_or(0, I31::to_slot)])
    }

    unsafe fn from_slots(_: Core<'_>, [bits]: [u64; 1]) -> Option<I31> {
        (bits != 0).then(|| I31::from_slot(bits))
    }
}

impl WasmTy for Option<I31> {}

// SAFETY: as above.
unsafe impl Value for I31 {
    const TYPE: ValType = reference(HeapType::I31, false);

    type Slots = [u64; 1];

    fn into_slots(self, _: Core<'_>) -> Result<[u64; 1]> {
        Ok([self.to_slot()])
    }

    unsafe fn from_slots(_: Core<'_>, [bits]: [u64; 1]) -> I31 {
        I31::from_slot(bits)
    }
}

impl WasmTy for I31 {}

// SAFETY: one value of type `TYPE`.
unsafe impl<V: WasmTy> Values for V {
    const TYPES: &'static [ValType] = &[V::TYPE];

    const COUNT: usize = slots(V::TYPE);

    type Slots = V::Slots;

    #[inline(always)]
    fn lower(self, store: Core<'_>) -> Result<V::Slots> {
        self.into_slots(store)
    }

    #[inline(always)]
    unsafe fn lift(store: Core<'_>, slots: &V::Slots) -> V {
        // SAFETY: the caller's promise.
        unsafe { V::from_slots(store, *slots) }
    }
}

impl<V: WasmTy> WasmParams for V {}
impl<V: WasmTy> WasmResults for V {}

macro_rules! tuple {
    ($count:literal $($name:ident)*) => {
        // SAFETY: the values of the tuple, in order.
        // Not `expect`: the empty tuple has none of either.
        #[allow(non_snake_case, clippy::unused_unit, reason = "types name the variables")]
        unsafe impl<$($name: WasmTy),*> Values for ($($name,)*) {
            const TYPES: &'static [ValType] = &[$($name::TYPE),*];

            const COUNT: usize = 0 $(+ slots($name::TYPE))*;

            type Slots = [u64; MAX_SLOTS * $count];

            #[inline(always)]
            fn lower(self, _store: Core<'_>) -> Result<Self::Slots> {
                let ($($name,)*) = self;
                let mut slots = [0; MAX_SLOTS * $count];
                let _rest = &mut slots[..];
                $(
                    let $name = $name.into_slots(_store)?;
                    let (to, _rest) = _rest.split_at_mut($name.as_ref().len());
                    to.copy_from_slice($name.as_ref());
                )*
                Ok(slots)
            }

            #[inline(always)]
            unsafe fn lift(_store: Core<'_>, slots: &Self::Slots) -> Self {
                let _rest = &slots[..];
                $(
                    let mut value = <$name as Value>::Slots::default();
                    let (from, _rest) = _rest.split_at(value.as_ref().len());
                    value.as_mut().copy_from_slice(from);
                    // SAFETY: the caller's promise.
                    let $name = unsafe { $name::from_slots(_store, value) };
                )*
                ($($name,)*)
            }
        }

        impl<$($name: WasmTy),*> WasmParams for ($($name,)*) {}
        impl<$($name: WasmTy),*> WasmResults for ($($name,)*) {}
    };
}

/// Calls a macro for every number of parameters, with that number and a name for each.
macro_rules! for_each_arity {
    ($call:ident) => {
        $call!(0);
        $call!(1 A1);
        $call!(2 A1 A2);
        $call!(3 A1 A2 A3);
        $call!(4 A1 A2 A3 A4);
        $call!(5 A1 A2 A3 A4 A5);
        $call!(6 A1 A2 A3 A4 A5 A6);
        $call!(7 A1 A2 A3 A4 A5 A6 A7);
        $call!(8 A1 A2 A3 A4 A5 A6 A7 A8);
        $call!(9 A1 A2 A3 A4 A5 A6 A7 A8 A9);
        $call!(10 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
        $call!(11 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
        $call!(12 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
        $call!(13 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13);
        $call!(14 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14);
        $call!(15 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15);
        $call!(16 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16);
    };
}

pub(crate) use for_each_arity;

for_each_arity!(tuple);
