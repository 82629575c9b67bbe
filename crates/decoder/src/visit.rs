//! Visiting the operators of functions while they are validated, so that code which needs them later
//! does not have to decode them again.

#[cfg(feature = "simd")]
mod simd;

use wasmparser::{BinaryReader, FrameKind, FrameStack, VisitOperator};

/// Reads the next operator in a function of `binary` and shows it to a visitor, as
/// [`BinaryReader::visit_operator`] does. For the most frequent operator, choosing among all of
/// them would be most of the work.
///
/// # Errors
///
/// As for [`BinaryReader::visit_operator`].
#[inline]
pub fn visit_operator<'a, V: VisitOperator<'a> + FrameStack>(
    reader: &mut BinaryReader<'a>,
    binary: &[u8],
    visitor: &mut V,
) -> wasmparser::Result<V::Output> {
    const LOCAL_GET: u8 = 0x20;
    let code = binary.get(reader.original_position() as usize);
    if code == Some(&LOCAL_GET) && visitor.current_frame().is_some() {
        reader.read_u8()?;
        return Ok(visitor.visit_local_get(reader.read_var_u32()?));
    }
    reader.visit_operator(visitor)
}

/// Visits the operators of functions, each right after it was validated.
///
/// The methods for operators are those of [`wasmparser::VisitOperator`].
pub trait BodyVisitor: for<'a> VisitOperator<'a, Output = ()> {
    /// The body of the next function begins.
    fn begin(&mut self);

    /// The next operator is at this offset in the binary.
    fn at(&mut self, offset: u32);

    /// The body has ended.
    fn end(&mut self);
}

/// A visitor that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoVisitor;

impl BodyVisitor for NoVisitor {
    fn begin(&mut self) {}

    fn at(&mut self, _: u32) {}

    fn end(&mut self) {}
}

/// A validator that passes each operator on to a visitor.
pub(crate) struct Visited<'v, V, O> {
    validator: V,
    visitor: &'v mut O,
}

impl<'v, V, O> Visited<'v, V, O> {
    pub(crate) fn new(validator: V, visitor: &'v mut O) -> Visited<'v, V, O> {
        Visited { validator, visitor }
    }
}

impl<V: FrameStack, O> FrameStack for Visited<'_, V, O> {
    fn current_frame(&self) -> Option<FrameKind> {
        self.validator.current_frame()
    }
}

macro_rules! define_ignored {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        fn $visit(&mut self $($(, _: $ty)*)?) {}
    )*};
}

macro_rules! define_visited {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        #[inline]
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Self::Output {
            self.validator.$visit($($($arg.clone()),*)?)?;
            self.visitor.$visit($($($arg),*)?);
            Ok(())
        }
    )*};
}

impl<'a> VisitOperator<'a> for NoVisitor {
    type Output = ();

    wasmparser::for_each_visit_operator!(define_ignored);
}

impl<'a, V, O> VisitOperator<'a> for Visited<'_, V, O>
where
    V: VisitOperator<'a, Output = wasmparser::Result<()>>,
    O: BodyVisitor,
{
    type Output = wasmparser::Result<()>;

    #[cfg(feature = "simd")]
    fn simd_visitor(&mut self) -> Option<simd::Visitor<'_, 'a, Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define_visited);
}
