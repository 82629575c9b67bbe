//! [`Val`] and [`Ref`]: values whose type is known only at run time.

use anyhow::{Result, ensure};
use lineal_decoder::{HeapType, RefType, ValType};

use super::externref::ExternRef;
use super::func::Func;
use super::store::AsContext;
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
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference to a host value, or null.
    ExternRef(Option<ExternRef>),
}

/// A WebAssembly reference of any type.
#[derive(Clone, Copy, Debug)]
pub enum Ref {
    /// A reference to a function, or null.
    Func(Option<Func>),
    /// A reference to a host value, or null.
    Extern(Option<ExternRef>),
}

/// Accessors for one variant each: `name` returns an option, `unwrap_name` panics.
macro_rules! accessors {
    ($($variant:ident($bound:ident) => $name:ident, $unwrap:ident: $ty:ty = $get:expr;)*) => {$(
        #[doc = concat!("The value, if this is a `Val::", stringify!($variant), "`.")]
        pub fn $name(&self) -> Option<$ty> {
            match *self {
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
        I32(v) => i32, unwrap_i32: i32 = v;
        I64(v) => i64, unwrap_i64: i64 = v;
        F32(bits) => f32, unwrap_f32: f32 = f32::from_bits(bits);
        F64(bits) => f64, unwrap_f64: f64 = f64::from_bits(bits);
        FuncRef(func) => func_ref, unwrap_func_ref: Option<Func> = func;
        ExternRef(value) => extern_ref, unwrap_extern_ref: Option<ExternRef> = value;
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
        match ty {
            ValType::I32 => Some(Val::I32(0)),
            ValType::I64 => Some(Val::I64(0)),
            ValType::F32 => Some(Val::F32(0)),
            ValType::F64 => Some(Val::F64(0)),
            ValType::V128 => None,
            ValType::Ref(ty) => ty.nullable.then(|| Ref::null(ty.heap).into()),
        }
    }

    /// The type of the value.
    ///
    /// # Errors
    ///
    /// If the value is a reference that belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType> {
        self.to_slot(store.as_context().core())?;
        Ok(self.own_type())
    }

    /// Whether the value may be used where a type is expected.
    ///
    /// # Errors
    ///
    /// If the value is a reference that belongs to another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool> {
        self.to_slot(store.as_context().core())?;
        Ok(self.has_type(*ty))
    }

    /// The narrowest type the value has.
    pub(crate) fn own_type(&self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::FuncRef(func) => {
                ValType::Ref(RefType { nullable: func.is_none(), heap: HeapType::Func })
            }
            Val::ExternRef(value) => {
                ValType::Ref(RefType { nullable: value.is_none(), heap: HeapType::Extern })
            }
        }
    }

    fn has_type(&self, ty: ValType) -> bool {
        is_subtype(self.own_type(), ty)
    }

    /// The value as a slot of the given type holds it.
    pub(crate) fn to_slot_of(self, store: &StoreCore, ty: ValType) -> Result<u64> {
        ensure!(self.has_type(ty), "type mismatch: expected {ty}, found {}", self.own_type());
        self.to_slot(store)
    }

    /// The value as a slot holds it.
    pub(crate) fn to_slot(self, store: &StoreCore) -> Result<u64> {
        Ok(match self {
            Val::I32(v) => u64::from(v as u32),
            Val::I64(v) => v as u64,
            Val::F32(bits) => u64::from(bits),
            Val::F64(bits) => bits,
            Val::FuncRef(func) => Func::option_to_slot(func, store)?,
            Val::ExternRef(value) => ExternRef::option_to_slot(value, store)?,
        })
    }

    /// The value that a slot of the given type holds.
    ///
    /// # Safety
    ///
    /// The slot's value must be of the type and belong to the store.
    pub(crate) unsafe fn from_slot(store: &StoreCore, ty: ValType, bits: u64) -> Val {
        match ty {
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(bits as i64),
            ValType::F32 => Val::F32(bits as u32),
            ValType::F64 => Val::F64(bits),
            ValType::V128 => unreachable!("modules with vectors are refused"),
            // SAFETY: the caller's promise.
            ValType::Ref(ty) => unsafe { Ref::from_slot(store, ty.heap, bits) }.into(),
        }
    }
}

impl Ref {
    /// The null reference of a kind.
    pub const fn null(heap: HeapType) -> Ref {
        match heap {
            HeapType::Func => Ref::Func(None),
            HeapType::Extern => Ref::Extern(None),
        }
    }

    /// Whether this is a null reference.
    pub fn is_null(&self) -> bool {
        matches!(self, Ref::Func(None) | Ref::Extern(None))
    }

    /// The reference, if it is one to a function or the null one of that kind.
    pub fn as_func(&self) -> Option<Option<Func>> {
        match *self {
            Ref::Func(func) => Some(func),
            Ref::Extern(_) => None,
        }
    }

    /// The reference, if it is one to a host value or the null one of that kind.
    pub fn as_extern(&self) -> Option<Option<ExternRef>> {
        match *self {
            Ref::Func(_) => None,
            Ref::Extern(value) => Some(value),
        }
    }

    /// The reference as a slot of the given type holds it.
    pub(crate) fn to_slot_of(self, store: &StoreCore, ty: RefType) -> Result<u64> {
        Val::from(self).to_slot_of(store, ValType::Ref(ty))
    }

    /// The reference that a slot holds.
    ///
    /// # Safety
    ///
    /// The slot must hold a reference of that kind that belongs to the store.
    pub(crate) unsafe fn from_slot(store: &StoreCore, heap: HeapType, bits: u64) -> Ref {
        match heap {
            // SAFETY: the caller's promise.
            HeapType::Func => Ref::Func(unsafe { Func::option_from_slot(store, bits) }),
            HeapType::Extern => Ref::Extern(ExternRef::option_from_slot(store, bits)),
        }
    }
}

/// Whether values of one type may be used where another is expected.
pub(crate) fn is_subtype(sub: ValType, sup: ValType) -> bool {
    match (sub, sup) {
        (ValType::Ref(sub), ValType::Ref(sup)) => {
            sub.heap == sup.heap && (sup.nullable || !sub.nullable)
        }
        _ => sub == sup,
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
    Func => |value| Val::FuncRef(Some(value));
    Option<Func> => |value| Val::FuncRef(value);
    ExternRef => |value| Val::ExternRef(Some(value));
    Option<ExternRef> => |value| Val::ExternRef(value);
    Ref => |value| match value {
        Ref::Func(func) => Val::FuncRef(func),
        Ref::Extern(value) => Val::ExternRef(value),
    };
}

impl From<Func> for Ref {
    fn from(func: Func) -> Ref {
        Ref::Func(Some(func))
    }
}

impl From<Option<Func>> for Ref {
    fn from(func: Option<Func>) -> Ref {
        Ref::Func(func)
    }
}

impl From<ExternRef> for Ref {
    fn from(value: ExternRef) -> Ref {
        Ref::Extern(Some(value))
    }
}

impl From<Option<ExternRef>> for Ref {
    fn from(value: Option<ExternRef>) -> Ref {
        Ref::Extern(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_null_is_a_subtype_of_nullable() {
        let non_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });
        assert!(is_subtype(non_null, ValType::FUNCREF));
        assert!(!is_subtype(ValType::FUNCREF, non_null));
        assert!(is_subtype(ValType::FUNCREF, ValType::FUNCREF));
        assert!(!is_subtype(non_null, ValType::EXTERNREF));
        assert!(!is_subtype(ValType::I32, ValType::I64));
    }

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
        let non_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });
        assert!(Val::default_for_ty(&non_null).is_none());
    }
}
