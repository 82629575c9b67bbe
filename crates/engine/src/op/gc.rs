//! Integers in references: specification, section "Reference Instructions".

use super::scalar::{Outcome, Unary};
use crate::runtime::heap;
use crate::runtime::trap::Trap;

/// `ref.i31`
pub(crate) struct RefI31;

impl Unary for RefI31 {
    type In = u32;
    type Out = u64;
    const OUTCOME: Outcome = Outcome::Exact;

    #[inline(always)]
    fn eval(x: u32) -> Result<u64, Trap> {
        Ok(heap::from_i31(x))
    }
}

macro_rules! gets {
    ($($name:ident: $doc:literal, $out:ty, $get:ident;)*) => {$(
        #[doc = $doc]
        pub(crate) struct $name;

        impl Unary for $name {
            type In = u64;
            type Out = $out;
            const OUTCOME: Outcome = Outcome::Trap;

            #[inline(always)]
            fn eval(x: u64) -> Result<$out, Trap> {
                if x == 0 { Err(Trap::NullReference) } else { Ok(heap::$get(x)) }
            }
        }
    )*};
}

gets! {
    I31GetS: "`i31.get_s`", i32, i31_signed;
    I31GetU: "`i31.get_u`", u32, i31_unsigned;
}
