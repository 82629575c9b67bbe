//! The guest's own values: [`AnyRef`], and [`EqRef`] and [`I31`], which it can be narrowed to.

use std::fmt;

use anyhow::Result;
use lineal_decoder as plain;

use crate::api::refs::arrayref::ArrayRef;
use crate::api::refs::externref::ExternRef;
use crate::api::refs::owned::OwnedRooted;
use crate::api::refs::rooting::{HeapRef, Rooted, gc_ref};
use crate::api::refs::structref::StructRef;
use crate::api::store::{AsContext, AsContextMut};
use crate::api::types::HeapType;
use crate::runtime::heap;
use crate::runtime::store::StoreCore;

/// What an `anyref` that is not null refers to: a value of the guest's.
///
/// ```
/// use lineal::{AnyRef, I31, Rooted, Store};
///
/// let mut store = Store::<()>::default();
/// let number: Rooted<AnyRef> = AnyRef::from_i31(&mut store, I31::wrapping_i32(-5));
/// assert!(number.is_i31(&store)?);
/// assert_eq!(number.unwrap_i31(&store)?.get_i32(), -5);
/// assert!(number.as_struct(&store)?.is_none());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct AnyRef(HeapRef);

/// What an `eqref` that is not null refers to: a value that `ref.eq` compares.
#[derive(Debug)]
#[repr(transparent)]
pub struct EqRef(HeapRef);

gc_ref! {
    AnyRef: Any;
    EqRef: Eq;
}

/// An integer of 31 bits, as `i31ref`s hold it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct I31(u32);

impl I31 {
    /// The integer, if it fits without a sign.
    pub const fn new_u32(value: u32) -> Option<I31> {
        if value >> 31 == 0 { Some(I31(value)) } else { None }
    }

    /// The integer, if it fits with a sign.
    pub const fn new_i32(value: i32) -> Option<I31> {
        if value << 1 >> 1 == value { Some(I31::wrapping_i32(value)) } else { None }
    }

    /// The lower 31 bits of an integer.
    pub const fn wrapping_u32(value: u32) -> I31 {
        I31(value & 0x7fff_ffff)
    }

    /// The lower 31 bits of an integer.
    pub const fn wrapping_i32(value: i32) -> I31 {
        I31::wrapping_u32(value as u32)
    }

    /// The integer without a sign.
    pub const fn get_u32(&self) -> u32 {
        self.0
    }

    /// The integer with a sign.
    pub const fn get_i32(&self) -> i32 {
        (self.0 << 1) as i32 >> 1
    }

    pub(crate) const fn to_slot(self) -> u64 {
        heap::from_i31(self.0)
    }

    pub(crate) const fn from_slot(bits: u64) -> I31 {
        I31(heap::i31_unsigned(bits))
    }
}

impl fmt::Debug for I31 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("I31").field(&self.get_i32()).finish()
    }
}

/// The narrowest type of what a reference is to.
pub(crate) fn type_in(store: &StoreCore, reference: HeapRef) -> Result<plain::HeapType> {
    Ok(store.heap.type_of(reference.to_slot(store)?, plain::HeapType::Any))
}

/// The reference, if it is of a narrower type.
fn narrowed(
    store: &impl AsContext,
    reference: HeapRef,
    to: plain::HeapType,
) -> Result<Option<HeapRef>> {
    let store = store.as_context();
    let own = type_in(store.core(), reference)?;
    Ok(store.core().engine.types().is_sub_heap(own, to).then_some(reference))
}

/// Narrows a reference to another.
macro_rules! narrow {
    ($($to:ident: $heap:ident => $is:ident, $as:ident, $unwrap:ident, $what:literal;)*) => {$(
        #[doc = concat!("Whether it is ", $what, ".")]
        ///
        /// # Errors
        ///
        /// As for [`Self::ty`].
        pub fn $is(&self, store: impl AsContext) -> Result<bool> {
            Ok(narrowed(&store, self.0, plain::HeapType::$heap)?.is_some())
        }

        #[doc = concat!("The same as a reference to ", $what, ", if it is one.")]
        ///
        /// # Errors
        ///
        /// As for [`Self::ty`].
        pub fn $as(&self, store: impl AsContext) -> Result<Option<Rooted<$to>>> {
            Ok(narrowed(&store, self.0, plain::HeapType::$heap)?.map(Rooted::new))
        }

        #[doc = concat!("The same as a reference to ", $what, ".")]
        ///
        /// # Errors
        ///
        /// As for [`Self::ty`].
        ///
        /// # Panics
        ///
        /// If it is something else.
        #[track_caller]
        pub fn $unwrap(&self, store: impl AsContext) -> Result<Rooted<$to>> {
            let reference = self.$as(store)?;
            Ok(reference.unwrap_or_else(|| panic!("the reference is not to {}", $what)))
        }
    )*};
}

/// What `AnyRef` and `EqRef` have in common.
macro_rules! any_or_eq {
    ($($ty:ident)*) => {$(
        impl $ty {
            /// The reference that an integer is.
            pub fn from_i31(mut store: impl AsContextMut, value: I31) -> Rooted<$ty> {
                Rooted::new(HeapRef::i31(store.as_context_mut().core(), value.to_slot()))
            }

            /// The narrowest type of what is referred to.
            ///
            /// # Errors
            ///
            /// If the reference belongs to another store, or its object is gone.
            pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
                let store = store.as_context();
                Ok(HeapType::lift(store.engine(), type_in(store.core(), self.0)?))
            }

            /// Whether what is referred to is of a type.
            ///
            /// # Errors
            ///
            /// As for [`Self::ty`].
            ///
            /// # Panics
            ///
            /// If the type belongs to another engine.
            pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
                let to = ty.lower(store.as_context().engine());
                Ok(narrowed(&store, self.0, to)?.is_some())
            }

            /// Whether it is an integer.
            ///
            /// # Errors
            ///
            /// As for [`Self::ty`].
            pub fn is_i31(&self, store: impl AsContext) -> Result<bool> {
                Ok(self.as_i31(store)?.is_some())
            }

            /// The integer, if it is one.
            ///
            /// # Errors
            ///
            /// As for [`Self::ty`].
            pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
                let store = store.as_context();
                let bits = self.0.to_slot(store.core())?;
                Ok(heap::is_i31(bits).then(|| I31::from_slot(bits)))
            }

            /// The integer.
            ///
            /// # Errors
            ///
            /// As for [`Self::ty`].
            ///
            /// # Panics
            ///
            /// If it is something else.
            #[track_caller]
            pub fn unwrap_i31(&self, store: impl AsContext) -> Result<I31> {
                Ok(self.as_i31(store)?.unwrap_or_else(|| panic!("the reference is not an i31")))
            }

            narrow! {
                StructRef: Struct => is_struct, as_struct, unwrap_struct, "a structure";
                ArrayRef: Array => is_array, as_array, unwrap_array, "an array";
            }
        }
    )*};
}

any_or_eq! { AnyRef EqRef }

impl AnyRef {
    /// A host's reference as one of the guest's: `any.convert_extern`.
    ///
    /// # Errors
    ///
    /// If the reference belongs to another store, or its object is gone.
    pub fn convert_extern(
        store: impl AsContext,
        externref: Rooted<ExternRef>,
    ) -> Result<Rooted<AnyRef>> {
        externref.reference().to_slot(store.as_context().core())?;
        Ok(externref.cast())
    }

    narrow! {
        EqRef: Eq => is_eqref, as_eqref, unwrap_eqref, "a value that `ref.eq` compares";
    }
}

/// References to what is of a narrower type are references to what is of a wider one.
macro_rules! widen {
    ($($from:ident => $($to:ident $method:ident)*;)*) => {$(
        impl Rooted<$from> {
            $(
                #[doc = concat!("The same as a reference to an [`", stringify!($to), "`].")]
                pub fn $method(self) -> Rooted<$to> {
                    self.cast()
                }
            )*
        }

        impl OwnedRooted<$from> {
            $(
                #[doc = concat!("The same as a reference to an [`", stringify!($to), "`].")]
                pub fn $method(self) -> OwnedRooted<$to> {
                    self.cast()
                }
            )*
        }

        $(
            impl From<Rooted<$from>> for Rooted<$to> {
                fn from(value: Rooted<$from>) -> Rooted<$to> {
                    value.cast()
                }
            }

            impl From<OwnedRooted<$from>> for OwnedRooted<$to> {
                fn from(value: OwnedRooted<$from>) -> OwnedRooted<$to> {
                    value.cast()
                }
            }
        )*
    )*};
}

widen! {
    EqRef => AnyRef to_anyref;
    StructRef => AnyRef to_anyref EqRef to_eqref;
    ArrayRef => AnyRef to_anyref EqRef to_eqref;
}
