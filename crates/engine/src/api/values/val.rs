//! [`Val`] and [`Ref`]: values whose type is known only at run time.

use std::fmt;

use anyhow::{Result, ensure};
use lineal_decoder as plain;

use crate::api::func::Func;
use crate::api::refs::anyref::{self, AnyRef, EqRef};
use crate::api::refs::arrayref::ArrayRef;
use crate::api::refs::exnref::ExnRef;
use crate::api::refs::externref::ExternRef;
use crate::api::refs::rooting::Rooted;
use crate::api::refs::structref::StructRef;
use crate::api::store::AsContext;
use crate::api::types::{HeapType, RefType, ValType};
use crate::api::values::v128::V128;
use crate::runtime::slots::{MAX_SLOTS, placed};
use crate::runtime::store::StoreCore;

/// A WebAssembly value of any type.
///
/// Floats are kept as their bits, so that a NaN keeps its payload.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// An `i32`.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// The bits of an `f32`.
    F32(u32),
    /// The bits of an `f64`.
    F64(u64),
    /// A `v128`.
    V128(V128),
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference to a host value, or null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// A reference to a value of the guest's, or null.
    AnyRef(Option<Rooted<AnyRef>>),
    /// A reference to an exception, or null.
    ExnRef(Option<Rooted<ExnRef>>),
}

impl fmt::Display for Val {
    /// Writes the value as the text format writes it after `i32.const` and the like: integers with
    /// their sign, floats with the fewest digits that tell them from others, NaNs with their
    /// payload unless it is the canonical one. A vector is one hexadecimal number. References are
    /// `null` or the name of their type.
    ///
    /// ```
    /// use lineal::{Val, V128};
    ///
    /// assert_eq!(Val::from(-7).to_string(), "-7");
    /// assert_eq!(Val::from(1.5_f64).to_string(), "1.5");
    /// assert_eq!(Val::F32(0xffc0_0001).to_string(), "-nan:0x400001");
    /// assert_eq!(Val::null_func_ref().to_string(), "null");
    /// assert_eq!(Val::V128(V128::from(255)).to_string(), format!("{:#034x}", 255));
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Val::I32(value) => value.fmt(f),
            Val::I64(value) => value.fmt(f),
            Val::F32(bits) => {
                write_float(f, &f32::from_bits(bits), u64::from(bits & 0x7f_ffff), 1 << 22)
            }
            Val::F64(bits) => {
                write_float(f, &f64::from_bits(bits), bits & 0xf_ffff_ffff_ffff, 1 << 51)
            }
            Val::V128(value) => value.fmt(f),
            Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
                f.write_str("null")
            }
            Val::FuncRef(Some(_)) => f.write_str("funcref"),
            Val::ExternRef(Some(_)) => f.write_str("externref"),
            Val::AnyRef(Some(_)) => f.write_str("anyref"),
            Val::ExnRef(Some(_)) => f.write_str("exnref"),
        }
    }
}

/// Writes a float that has the payload if it is a NaN.
fn write_float<F: Into<f64> + Copy + fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    value: &F,
    payload: u64,
    canonical: u64,
) -> fmt::Result {
    let number: f64 = (*value).into();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    match number.is_nan() {
        false => write!(f, "{value:?}"),
        true if payload == canonical => write!(f, "{sign}nan"),
        true => write!(f, "{sign}nan:{payload:#x}"),
    }
}

/// A WebAssembly reference of any type.
#[derive(Clone, Copy, Debug)]
pub enum Ref {
    /// A reference to a function, or null.
    Func(Option<Func>),
    /// A reference to a host value, or null.
    Extern(Option<Rooted<ExternRef>>),
    /// A reference to a value of the guest's, or null.
    Any(Option<Rooted<AnyRef>>),
    /// A reference to an exception, or null.
    Exn(Option<Rooted<ExnRef>>),
}

/// Accessors for one variant each: `name` returns an option, `unwrap_name` panics.
macro_rules! accessors {
    ($($variant:ident($bound:ident) => $name:ident, $unwrap:ident: $ty:ty = $get:expr;)*) => {$(
        #[doc = concat!("The value, if this is a `Val::", stringify!($variant), "`.")]
        pub fn $name(&self) -> Option<$ty> {
            match self {
                Val::$variant($bound) => Some($get),
                _ => None,
            }
        }

        #[doc = concat!("The value of a `Val::", stringify!($variant), "`.")]
        ///
        /// # Panics
        ///
        /// If this is a value of another type.
        #[track_caller]
        pub fn $unwrap(&self) -> $ty {
            self.$name().unwrap_or_else(|| {
                panic!("expected {}, found {self:?}", stringify!($variant))
            })
        }
    )*};
}

impl Val {
    accessors! {
        I32(v) => i32, unwrap_i32: i32 = *v;
        I64(v) => i64, unwrap_i64: i64 = *v;
        F32(bits) => f32, unwrap_f32: f32 = f32::from_bits(*bits);
        F64(bits) => f64, unwrap_f64: f64 = f64::from_bits(*bits);
        V128(v) => v128, unwrap_v128: V128 = *v;
        FuncRef(func) => func_ref, unwrap_func_ref: Option<&Func> = func.as_ref();
        ExternRef(value) =>
            extern_ref, unwrap_extern_ref: Option<&Rooted<ExternRef>> = value.as_ref();
        AnyRef(value) => any_ref, unwrap_any_ref: Option<&Rooted<AnyRef>> = value.as_ref();
        ExnRef(value) => exn_ref, unwrap_exn_ref: Option<&Rooted<ExnRef>> = value.as_ref();
        // The same by the type's name.
        FuncRef(func) => funcref, unwrap_funcref: Option<&Func> = func.as_ref();
        ExternRef(value) => externref, unwrap_externref: Option<&Rooted<ExternRef>> = value.as_ref();
        AnyRef(value) => anyref, unwrap_anyref: Option<&Rooted<AnyRef>> = value.as_ref();
        ExnRef(value) => exnref, unwrap_exnref: Option<&Rooted<ExnRef>> = value.as_ref();
    }

    /// The null reference of a heap type's hierarchy.
    pub fn null_ref(heap_type: &HeapType) -> Val {
        Ref::null(heap_type).into()
    }

    /// The null reference to a value of the guest's.
    pub const fn null_any_ref() -> Val {
        Val::AnyRef(None)
    }

    /// The value as a reference, if it is one.
    pub fn ref_(self) -> Option<Ref> {
        match self {
            Val::FuncRef(func) => Some(Ref::Func(func)),
            Val::ExternRef(value) => Some(Ref::Extern(value)),
            Val::AnyRef(value) => Some(Ref::Any(value)),
            Val::ExnRef(value) => Some(Ref::Exn(value)),
            _ => None,
        }
    }

    /// The null reference to a function.
    pub const fn null_func_ref() -> Val {
        Val::FuncRef(None)
    }

    /// The null reference to a host value.
    pub const fn null_extern_ref() -> Val {
        Val::ExternRef(None)
    }

    /// The value that locals of a type start with: zero or null; `None` if the type has no
    /// such value.
    pub fn default_for_ty(ty: &ValType) -> Option<Val> {
        Val::default_for_plain(ty.plain())
    }

    /// The same for a type of the decoder's.
    pub(crate) fn default_for_plain(ty: plain::ValType) -> Option<Val> {
        match ty {
            plain::ValType::I32 => Some(Val::I32(0)),
            plain::ValType::I64 => Some(Val::I64(0)),
            plain::ValType::F32 => Some(Val::F32(0)),
            plain::ValType::F64 => Some(Val::F64(0)),
            plain::ValType::V128 => Some(Val::V128(V128::from(0))),
            plain::ValType::Ref(ty) => ty.nullable.then(|| Ref::null_of(ty.heap).into()),
        }
    }

    /// The type of the value.
    ///
    /// # Errors
    ///
    /// If the value is a reference that belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType> {
        let store = store.as_context();
        self.to_slots(store.core())?;
        Ok(ValType::lift(store.engine(), self.own_type(store.core())))
    }

    /// Whether the value may be used where a type is expected.
    ///
    /// # Errors
    ///
    /// If the value is a reference that belongs to another store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool> {
        let store = store.as_context();
        self.to_slots(store.core())?;
        let own = self.own_type(store.core());
        Ok(store.engine().types().is_subtype(own, ty.lower(store.engine())))
    }

    /// The narrowest type the value has.
    fn own_type(&self, store: &StoreCore) -> plain::ValType {
        match *self {
            Val::I32(_) => plain::ValType::I32,
            Val::I64(_) => plain::ValType::I64,
            Val::F32(_) => plain::ValType::F32,
            Val::F64(_) => plain::ValType::F64,
            Val::V128(_) => plain::ValType::V128,
            Val::FuncRef(func) => plain::ValType::Ref(Ref::Func(func).own_type(store)),
            Val::ExternRef(value) => plain::ValType::Ref(Ref::Extern(value).own_type(store)),
            Val::AnyRef(value) => plain::ValType::Ref(Ref::Any(value).own_type(store)),
            Val::ExnRef(value) => plain::ValType::Ref(Ref::Exn(value).own_type(store)),
        }
    }

    /// The value as slots of the given type hold it; all but vectors are in the first.
    pub(crate) fn to_slots_of(
        self,
        store: &StoreCore,
        ty: plain::ValType,
    ) -> Result<[u64; MAX_SLOTS]> {
        let slots = self.to_slots(store)?;
        let own = self.own_type(store);
        ensure!(
            store.engine.types().is_subtype(own, ty),
            "type mismatch: expected {ty}, found {own}"
        );
        Ok(slots)
    }

    /// The value as slots hold it; all but vectors are in the first.
    fn to_slots(self, store: &StoreCore) -> Result<[u64; MAX_SLOTS]> {
        let narrow = match self {
            Val::I32(v) => u64::from(v as u32),
            Val::I64(v) => v as u64,
            Val::F32(bits) => u64::from(bits),
            Val::F64(bits) => bits,
            Val::V128(value) => return Ok(value.to_slots()),
            Val::FuncRef(func) => Func::option_to_slot(func, store)?,
            Val::ExternRef(value) => Rooted::option_to_slot(value, store)?,
            Val::AnyRef(value) => Rooted::option_to_slot(value, store)?,
            Val::ExnRef(value) => Rooted::option_to_slot(value, store)?,
        };
        Ok([narrow, 0])
    }

    /// Writes values of the given types to the slots of all of them.
    pub(crate) fn lower(
        vals: &[Val],
        store: &StoreCore,
        types: &[plain::ValType],
        slots: &mut [u64],
    ) -> Result<()> {
        for (&val, (ty, range)) in vals.iter().zip(placed(types)) {
            let value = val.to_slots_of(store, ty)?;
            slots[range.clone()].copy_from_slice(&value[..range.len()]);
        }
        Ok(())
    }

    /// Reads values of the given types from the slots of all of them.
    ///
    /// # Safety
    ///
    /// The slots' values must be of the types and belong to the store.
    pub(crate) unsafe fn lift(
        vals: &mut [Val],
        store: &StoreCore,
        types: &[plain::ValType],
        slots: &[u64],
    ) {
        for (val, (ty, range)) in vals.iter_mut().zip(placed(types)) {
            let high = slots[range.end - 1];
            // SAFETY: the caller's promise.
            *val = unsafe { Val::from_slots(store, ty, [slots[range.start], high]) };
        }
    }

    /// The value that slots of the given type hold; all but vectors are in the first.
    ///
    /// # Safety
    ///
    /// The slots' value must be of the type and belong to the store.
    pub(crate) unsafe fn from_slots(
        store: &StoreCore,
        ty: plain::ValType,
        slots: [u64; MAX_SLOTS],
    ) -> Val {
        let bits = slots[0];
        match ty {
            plain::ValType::I32 => Val::I32(bits as i32),
            plain::ValType::I64 => Val::I64(bits as i64),
            plain::ValType::F32 => Val::F32(bits as u32),
            plain::ValType::F64 => Val::F64(bits),
            plain::ValType::V128 => Val::V128(V128::from_slots(slots)),
            // SAFETY: the caller's promise.
            plain::ValType::Ref(ty) => unsafe { Ref::from_slot(store, ty.heap, bits) }.into(),
        }
    }
}

/// Accessors for one kind of reference each.
macro_rules! ref_accessors {
    ($($variant:ident: $ty:ty => $is:ident, $as:ident, $unwrap:ident, $what:literal;)*) => {$(
        #[doc = concat!("Whether this is a reference to ", $what, ", or the null one of that kind.")]
        pub fn $is(&self) -> bool {
            matches!(self, Ref::$variant(_))
        }

        #[doc = concat!("The reference, if it is one to ", $what, " or the null one of that kind.")]
        pub fn $as(&self) -> Option<Option<&$ty>> {
            match self {
                Ref::$variant(reference) => Some(reference.as_ref()),
                _ => None,
            }
        }

        #[doc = concat!("The reference to ", $what, "; `None` for the null one of that kind.")]
        ///
        /// # Panics
        ///
        /// If this is a reference of another kind.
        #[track_caller]
        pub fn $unwrap(&self) -> Option<&$ty> {
            self.$as().unwrap_or_else(|| panic!("expected {}, found {self:?}", $what))
        }
    )*};
}

impl Ref {
    /// The null reference of a heap type's hierarchy.
    pub fn null(heap_type: &HeapType) -> Ref {
        Ref::null_of(heap_type.plain())
    }

    /// The same for a type of the decoder's.
    pub(crate) const fn null_of(heap: plain::HeapType) -> Ref {
        match heap.top() {
            plain::HeapType::Func => Ref::Func(None),
            plain::HeapType::Exn => Ref::Exn(None),
            plain::HeapType::Extern => Ref::Extern(None),
            _ => Ref::Any(None),
        }
    }

    /// The type of the reference.
    ///
    /// # Errors
    ///
    /// If it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<RefType> {
        let store = store.as_context();
        Val::from(*self).to_slots(store.core())?;
        Ok(RefType::lift(store.engine(), self.own_type(store.core())))
    }

    /// Whether the reference may be used where a type is expected.
    ///
    /// # Errors
    ///
    /// If it belongs to another store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &RefType) -> Result<bool> {
        let store = store.as_context();
        Val::from(*self).to_slots(store.core())?;
        let own = self.own_type(store.core());
        Ok(store.engine().types().is_sub_ref(own, ty.lower(store.engine())))
    }

    /// The narrowest type the reference has.
    fn own_type(&self, store: &StoreCore) -> plain::RefType {
        use plain::HeapType as H;
        let (nullable, heap) = match *self {
            Ref::Func(None) => (true, H::NoFunc),
            Ref::Func(Some(func)) => (false, H::ConcreteFunc(func.type_index(store))),
            Ref::Extern(None) => (true, H::NoExtern),
            Ref::Extern(Some(_)) => (false, H::Extern),
            Ref::Any(None) => (true, H::None),
            // Of another store, it was refused before.
            Ref::Any(Some(value)) => {
                (false, anyref::type_in(store, value.reference()).unwrap_or(H::Any))
            }
            Ref::Exn(None) => (true, H::NoExn),
            Ref::Exn(Some(_)) => (false, H::Exn),
        };
        plain::RefType { nullable, heap }
    }

    /// Whether this is a null reference.
    pub fn is_null(&self) -> bool {
        matches!(self, Ref::Func(None) | Ref::Extern(None) | Ref::Any(None) | Ref::Exn(None))
    }

    /// Whether this refers to something.
    pub fn is_non_null(&self) -> bool {
        !self.is_null()
    }

    ref_accessors! {
        Func: Func => is_func, as_func, unwrap_func, "a function";
        Extern: Rooted<ExternRef> => is_extern, as_extern, unwrap_extern, "a host value";
        Any: Rooted<AnyRef> => is_any, as_any, unwrap_any, "a value of the guest's";
        Exn: Rooted<ExnRef> => is_exn, as_exn, unwrap_exn, "an exception";
    }

    /// The reference as a slot of the given type holds it.
    pub(crate) fn to_slot_of(self, store: &StoreCore, ty: plain::RefType) -> Result<u64> {
        Ok(Val::from(self).to_slots_of(store, plain::ValType::Ref(ty))?[0])
    }

    /// The reference that a slot holds.
    ///
    /// # Safety
    ///
    /// The slot must hold a reference of that kind that belongs to the store.
    pub(crate) unsafe fn from_slot(store: &StoreCore, heap: plain::HeapType, bits: u64) -> Ref {
        match heap.top() {
            // SAFETY: the caller's promise.
            plain::HeapType::Func => Ref::Func(unsafe { Func::option_from_slot(store, bits) }),
            plain::HeapType::Exn => Ref::Exn(Rooted::from_slot(store, bits)),
            plain::HeapType::Any => Ref::Any(Rooted::from_slot(store, bits)),
            _ => Ref::Extern(Rooted::from_slot(store, bits)),
        }
    }
}

macro_rules! val_from {
    ($($ty:ty => |$value:ident| $val:expr;)*) => {$(
        impl From<$ty> for Val {
            fn from($value: $ty) -> Val {
                $val
            }
        }
    )*};
}

val_from! {
    i32 => |value| Val::I32(value);
    u32 => |value| Val::I32(value as i32);
    i64 => |value| Val::I64(value);
    u64 => |value| Val::I64(value as i64);
    f32 => |value| Val::F32(value.to_bits());
    f64 => |value| Val::F64(value.to_bits());
    u128 => |value| Val::V128(value.into());
    V128 => |value| Val::V128(value);
    Ref => |value| match value {
        Ref::Func(func) => Val::FuncRef(func),
        Ref::Extern(value) => Val::ExternRef(value),
        Ref::Any(value) => Val::AnyRef(value),
        Ref::Exn(value) => Val::ExnRef(value),
    };
}

/// References that are not null, and those that may be.
macro_rules! from_reference {
    ($($ty:ty => $reference:ident, $val:ident;)*) => {$(
        impl From<$ty> for Val {
            fn from(value: $ty) -> Val {
                Val::$val(Some(value.into()))
            }
        }

        impl From<Option<$ty>> for Val {
            fn from(value: Option<$ty>) -> Val {
                Val::$val(value.map(Into::into))
            }
        }

        impl From<$ty> for Ref {
            fn from(value: $ty) -> Ref {
                Ref::$reference(Some(value.into()))
            }
        }

        impl From<Option<$ty>> for Ref {
            fn from(value: Option<$ty>) -> Ref {
                Ref::$reference(value.map(Into::into))
            }
        }
    )*};
}

from_reference! {
    Func => Func, FuncRef;
    Rooted<ExternRef> => Extern, ExternRef;
    Rooted<AnyRef> => Any, AnyRef;
    Rooted<EqRef> => Any, AnyRef;
    Rooted<StructRef> => Any, AnyRef;
    Rooted<ArrayRef> => Any, AnyRef;
    Rooted<ExnRef> => Exn, ExnRef;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accessors_take_their_variant_only() {
        assert_eq!(Val::from(-1).i32(), Some(-1));
        assert_eq!(Val::from(u32::MAX).unwrap_i32(), -1);
        assert_eq!(Val::from(1.5_f32).f32(), Some(1.5));
        assert_eq!(Val::from(1.5_f64).i64(), None);
        assert!(Val::null_func_ref().unwrap_func_ref().is_none());
        assert!(Val::null_extern_ref().func_ref().is_none());
    }

    #[test]
    fn defaults_are_zero_or_null() {
        assert_eq!(Val::default_for_ty(&ValType::I64).unwrap().unwrap_i64(), 0);
        assert!(matches!(Val::default_for_ty(&ValType::EXTERNREF), Some(Val::ExternRef(None))));
        let non_null = ValType::Ref(RefType::new(false, HeapType::Func));
        assert!(Val::default_for_ty(&non_null).is_none());
    }
}
