//! References that are always null: of the types at the bottom of each hierarchy.

use crate::api::values::val::{Ref, Val};

macro_rules! null {
    ($($ty:ident: $text:literal, $reference:ident, $val:ident;)*) => {$(
        #[doc = concat!("A reference of the type `", $text, "` that is not null: there is none.")]
        ///
        /// As a parameter or a result of typed functions, `Option` of this type stands for the type
        /// of references that are always null.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $ty {}

        impl $ty {
            /// The null reference, for typed functions.
            pub const fn null() -> Option<$ty> {
                None
            }

            /// The null reference.
            pub const fn null_ref() -> Ref {
                Ref::$reference(None)
            }

            /// The null reference as a value.
            pub const fn null_val() -> Val {
                Val::$val(None)
            }
        }
    )*};
}

null! {
    NoFunc: "nofunc", Func, FuncRef;
    NoExtern: "noextern", Extern, ExternRef;
    NoneRef: "none", Any, AnyRef;
}
