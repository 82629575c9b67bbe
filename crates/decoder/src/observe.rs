//! Seeing the operators of functions while they are validated, so that what must know them ahead
//! of time need not read them again.

use wasmparser::{BinaryReader, FrameKind, FrameStack, VisitOperator, VisitSimdOperator};

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

/// Sees the operators of functions, each after it has been found valid.
pub trait BodyObserver: for<'a> VisitOperator<'a, Output = ()> {
    /// The body of the next function begins.
    fn begin(&mut self);

    /// The next operator is at that offset in the binary.
    fn at(&mut self, offset: u32);

    /// The body has ended.
    fn end(&mut self);
}

/// An observer that looks at nothing.
pub(crate) struct Ignore;

impl BodyObserver for Ignore {
    fn begin(&mut self) {}

    fn at(&mut self, _: u32) {}

    fn end(&mut self) {}
}

/// A validator whose operators are observed.
pub(crate) struct Observed<'o, V, O> {
    validator: V,
    observer: &'o mut O,
}

impl<'o, V, O> Observed<'o, V, O> {
    pub(crate) fn new(validator: V, observer: &'o mut O) -> Observed<'o, V, O> {
        Observed { validator, observer }
    }
}

impl<V: FrameStack, O> FrameStack for Observed<'_, V, O> {
    fn current_frame(&self) -> Option<FrameKind> {
        self.validator.current_frame()
    }
}

macro_rules! define_ignored {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        fn $visit(&mut self $($(, _: $ty)*)?) {}
    )*};
}

macro_rules! define_observed {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        #[inline]
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Self::Output {
            self.validator.$visit($($($arg.clone()),*)?)?;
            self.observer.$visit($($($arg),*)?);
            Ok(())
        }
    )*};
}

macro_rules! define_observed_simd {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {$(
        fn $visit(&mut self $($(, $arg: $ty)*)?) -> Self::Output {
            if let Some(validator) = self.validator.simd_visitor() {
                validator.$visit($($($arg),*)?)?;
            }
            if let Some(observer) = self.observer.simd_visitor() {
                observer.$visit($($($arg),*)?);
            }
            Ok(())
        }
    )*};
}

impl<'a> VisitOperator<'a> for Ignore {
    type Output = ();

    wasmparser::for_each_visit_operator!(define_ignored);
}

impl<'a, V, O> VisitOperator<'a> for Observed<'_, V, O>
where
    V: VisitOperator<'a, Output = wasmparser::Result<()>>,
    O: BodyObserver,
{
    type Output = wasmparser::Result<()>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(define_observed);
}

impl<'a, V, O> VisitSimdOperator<'a> for Observed<'_, V, O>
where
    V: VisitOperator<'a, Output = wasmparser::Result<()>>,
    O: BodyObserver,
{
    wasmparser::for_each_visit_simd_operator!(define_observed_simd);
}
