//! Visiting the operators on vectors.

use wasmparser::{VisitOperator, VisitSimdOperator};

use super::{BodyVisitor, Visited};

/// What the parser shows operators on vectors to.
pub(super) type Visitor<'v, 'a, R> = &'v mut dyn VisitSimdOperator<'a, Output = R>;

macro_rules! define_visited_simd {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Self::Output {
            if let Some(validator) = self.validator.simd_visitor() {
                validator.$visit($($($arg),*)?)?;
            }
            if let Some(visitor) = self.visitor.simd_visitor() {
                visitor.$visit($($($arg),*)?);
            }
            Ok(())
        }
    )*};
}

impl<'a, V, O> VisitSimdOperator<'a> for Visited<'_, V, O>
where
    V: VisitOperator<'a, Output = wasmparser::Result<()>>,
    O: BodyVisitor,
{
    wasmparser::for_each_visit_simd_operator!(define_visited_simd);
}
