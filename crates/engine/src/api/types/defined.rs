//! The types that modules and hosts define: functions, structures, arrays; and those of exceptions.

use std::fmt;
use std::hash::{Hash, Hasher};

use anyhow::Result;
use lineal_decoder as plain;
use lineal_decoder::{CompositeType, SubType, TypeIndex};

use super::Finality;
use super::Mutability;
use super::entity::TagType;
use super::field::{FieldType, StorageType};
use super::value::ValType;
use crate::api::engine::Engine;
use crate::api::func::Func;
use crate::api::linker::default_func;
use crate::api::store::AsContextMut;

/// A defined type: its number in the engine that knows it.
#[derive(Clone)]
struct Defined {
    engine: Engine,
    index: TypeIndex,
}

impl Defined {
    fn register(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Defined>,
        composite: CompositeType,
    ) -> Result<Defined> {
        let supertype = supertype.map(|ty| {
            assert!(Engine::same(&ty.engine, engine), "the supertype belongs to another engine");
            ty.index
        });
        let ty = SubType { is_final: finality.is_final(), supertype, composite };
        Ok(Defined { engine: engine.clone(), index: engine.types().register_one(&ty)? })
    }

    /// The same for a final type without a supertype, which is always right.
    fn plain(engine: &Engine, composite: CompositeType) -> Defined {
        let index = engine.types().register_plain(&composite.into());
        Defined { engine: engine.clone(), index }
    }

    fn ty(&self) -> &SubType {
        &self.engine.types().def(self.index).ty
    }

    fn finality(&self) -> Finality {
        if self.ty().is_final { Finality::Final } else { Finality::NonFinal }
    }

    fn supertype(&self) -> Option<Defined> {
        let index = self.ty().supertype?;
        Some(Defined { engine: self.engine.clone(), index })
    }

    fn matches(&self, other: &Defined) -> bool {
        assert!(
            Engine::same(&self.engine, &other.engine),
            "the two types belong to different engines"
        );
        self.engine.types().is_sub_index(self.index, other.index)
    }
}

impl PartialEq for Defined {
    fn eq(&self, other: &Defined) -> bool {
        self.index == other.index && Engine::same(&self.engine, &other.engine)
    }
}

impl Eq for Defined {}

impl Hash for Defined {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}

/// A function type: parameters and results, in order.
///
/// Equal types of one engine are the same type, whoever defined them.
///
/// ```
/// use lineal::{Engine, FuncType, ValType};
///
/// let engine = Engine::default();
/// let ty = FuncType::new(&engine, [ValType::I32, ValType::I64], [ValType::F64]);
/// assert_eq!(ty.params().count(), 2);
/// assert!(ty.result(0).unwrap().is_f64());
/// assert_eq!(ty.to_string(), "(i32, i64) -> f64");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FuncType {
    defined: Defined,
}

/// A structure type: its fields, in order.
///
/// ```
/// use lineal::{Engine, FieldType, Finality, Mutability, StorageType, StructType, ValType};
///
/// let engine = Engine::default();
/// let x = FieldType::new(Mutability::Var, StorageType::ValType(ValType::F32));
/// let y = FieldType::new(Mutability::Const, StorageType::I8);
/// let base =
///     StructType::with_finality_and_supertype(&engine, Finality::NonFinal, None, [x.clone()])?;
/// let ty = StructType::with_finality_and_supertype(&engine, Finality::Final, Some(&base), [x, y])?;
/// assert!(ty.matches(&base) && !base.matches(&ty));
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StructType {
    defined: Defined,
}

/// An array type: what its elements are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ArrayType {
    defined: Defined,
}

/// What all three kinds have.
macro_rules! defined {
    ($($ty:ident: $as:ident;)*) => {$(
        impl $ty {
            /// The type with a number of the engine, which is of this kind.
            pub(crate) fn at(engine: &Engine, index: TypeIndex) -> $ty {
                $ty { defined: Defined { engine: engine.clone(), index } }
            }

            /// The type's number in its engine.
            pub(crate) fn index(&self) -> TypeIndex {
                self.defined.index
            }

            /// The type's number, for use with an engine.
            ///
            /// # Panics
            ///
            /// If the type belongs to another engine.
            pub(crate) fn index_in(&self, engine: &Engine) -> TypeIndex {
                assert!(Engine::same(self.engine(), engine), "the type belongs to another engine");
                self.index()
            }

            pub(crate) fn plain(&self) -> &plain::$ty {
                self.defined.ty().$as().expect("the number is that of a type of this kind")
            }

            /// The engine that the type belongs to.
            pub fn engine(&self) -> &Engine {
                &self.defined.engine
            }

            /// Whether the type can have subtypes.
            pub fn finality(&self) -> Finality {
                self.defined.finality()
            }

            /// The type that this one was declared a subtype of.
            pub fn supertype(&self) -> Option<$ty> {
                self.defined.supertype().map(|defined| $ty { defined })
            }

            /// Whether this type is another, or was declared a subtype of it.
            ///
            /// # Panics
            ///
            /// If the types belong to different engines.
            pub fn matches(&self, other: &$ty) -> bool {
                self.defined.matches(&other.defined)
            }
        }

        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

defined! {
    FuncType: as_func;
    StructType: as_struct;
    ArrayType: as_array;
}

impl FuncType {
    /// The function type with these parameters and results, without subtypes.
    ///
    /// # Panics
    ///
    /// If one of the types belongs to another engine.
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let ty = FuncType::composite(engine, params, results);
        FuncType { defined: Defined::plain(engine, ty) }
    }

    /// Does the same as [`FuncType::new`].
    ///
    /// # Errors
    ///
    /// None at present: running out of memory aborts the program.
    ///
    /// # Panics
    ///
    /// As [`FuncType::new`].
    pub fn try_new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        Ok(FuncType::new(engine, params, results))
    }

    /// A function type that is declared a subtype of another, or can have subtypes.
    ///
    /// # Errors
    ///
    /// If the supertype is final, or the type does not match it.
    ///
    /// # Panics
    ///
    /// As [`FuncType::new`].
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&FuncType>,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        let ty = FuncType::composite(engine, params, results);
        let supertype = supertype.map(|ty| &ty.defined);
        Ok(FuncType { defined: Defined::register(engine, finality, supertype, ty)? })
    }

    fn composite(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> CompositeType {
        CompositeType::Func(plain::FuncType::new(
            params.into_iter().map(|ty| ty.lower(engine)),
            results.into_iter().map(|ty| ty.lower(engine)),
        ))
    }

    /// The type that the engine has for a plain one, whose numbers are the engine's.
    pub(crate) fn lift(engine: &Engine, ty: &plain::FuncType) -> FuncType {
        FuncType::at(engine, engine.register_func_type(ty))
    }

    /// The plain type, which knows its number.
    pub(crate) fn lower(&self, engine: &Engine) -> plain::FuncType {
        self.plain().defined_as(self.index_in(engine))
    }

    /// The type of a parameter.
    pub fn param(&self, index: usize) -> Option<ValType> {
        self.plain().params().get(index).map(|&ty| ValType::lift(self.engine(), ty))
    }

    /// The types of the parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.plain().params().iter().map(|&ty| ValType::lift(self.engine(), ty))
    }

    /// The type of a result.
    pub fn result(&self, index: usize) -> Option<ValType> {
        self.plain().results().get(index).map(|&ty| ValType::lift(self.engine(), ty))
    }

    /// The types of the results.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.plain().results().iter().map(|&ty| ValType::lift(self.engine(), ty))
    }

    /// A host function of this type, which returns zeros and nulls.
    ///
    /// # Errors
    ///
    /// If a result can be neither zero nor null.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn default_value(&self, mut store: impl AsContextMut) -> Result<Func> {
        let mut store = store.as_context_mut();
        let def = default_func(&store, self.lower(store.engine()))?;
        Ok(Func::from_def(&mut store, &def))
    }
}

impl StructType {
    /// The structure type with these fields, without subtypes.
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// If one of the types belongs to another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = FieldType>) -> Result<StructType> {
        Ok(StructType { defined: Defined::plain(engine, StructType::composite(engine, fields)) })
    }

    /// A structure type that is declared a subtype of another, or can have subtypes.
    ///
    /// # Errors
    ///
    /// If the supertype is final, or the type does not match it.
    ///
    /// # Panics
    ///
    /// As [`StructType::new`].
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&StructType>,
        fields: impl IntoIterator<Item = FieldType>,
    ) -> Result<StructType> {
        let ty = StructType::composite(engine, fields);
        let supertype = supertype.map(|ty| &ty.defined);
        Ok(StructType { defined: Defined::register(engine, finality, supertype, ty)? })
    }

    fn composite(engine: &Engine, fields: impl IntoIterator<Item = FieldType>) -> CompositeType {
        let fields = fields.into_iter().map(|field| field.lower(engine));
        CompositeType::Struct(plain::StructType::new(fields))
    }

    /// The type of a field.
    pub fn field(&self, index: usize) -> Option<FieldType> {
        self.plain().fields().get(index).map(|&field| FieldType::lift(self.engine(), field))
    }

    /// The types of the fields.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        self.plain().fields().iter().map(|&field| FieldType::lift(self.engine(), field))
    }
}

impl ArrayType {
    /// The array type with these elements, without subtypes.
    ///
    /// # Panics
    ///
    /// If the elements' type belongs to another engine.
    pub fn new(engine: &Engine, field_type: FieldType) -> ArrayType {
        let ty = CompositeType::Array(plain::ArrayType::new(field_type.lower(engine)));
        ArrayType { defined: Defined::plain(engine, ty) }
    }

    /// An array type that is declared a subtype of another, or can have subtypes.
    ///
    /// # Errors
    ///
    /// If the supertype is final, or the type does not match it.
    ///
    /// # Panics
    ///
    /// As [`ArrayType::new`].
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&ArrayType>,
        field_type: FieldType,
    ) -> Result<ArrayType> {
        let ty = CompositeType::Array(plain::ArrayType::new(field_type.lower(engine)));
        let supertype = supertype.map(|ty| &ty.defined);
        Ok(ArrayType { defined: Defined::register(engine, finality, supertype, ty)? })
    }

    /// What the elements are.
    pub fn field_type(&self) -> FieldType {
        FieldType::lift(self.engine(), self.plain().field())
    }

    /// Whether elements can be written after the array was created.
    pub fn mutability(&self) -> Mutability {
        self.field_type().mutability()
    }

    /// What the elements store.
    pub fn element_type(&self) -> StorageType {
        self.field_type().element_type().clone()
    }
}

impl fmt::Display for FuncType {
    /// Writes the type as `(i32, i32) -> i64`, the way signatures are read aloud.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}

impl fmt::Display for StructType {
    /// Writes the type as the text format does: `(struct (field i8) (field (mut f64)))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(struct")?;
        self.fields().try_for_each(|field| write!(f, " (field {field})"))?;
        f.write_str(")")
    }
}

impl fmt::Display for ArrayType {
    /// Writes the type as the text format does: `(array (mut i8))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(array {})", self.field_type())
    }
}

/// The type of the exceptions of a tag: the values that they carry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExnType {
    ty: FuncType,
}

impl ExnType {
    /// The type of exceptions that carry these values.
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// If one of the types belongs to another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = ValType>) -> Result<ExnType> {
        Ok(ExnType { ty: FuncType::new(engine, fields, []) })
    }

    /// The type of the exceptions of a tag.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn from_tag_type(tag: &TagType) -> Result<ExnType> {
        Ok(ExnType { ty: tag.ty().clone() })
    }

    /// The type of the tag.
    pub fn tag_type(&self) -> TagType {
        TagType::new(self.ty.clone())
    }

    /// The type of one of the values.
    pub fn field(&self, index: usize) -> Option<FieldType> {
        self.fields().nth(index)
    }

    /// The types of the values.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        self.ty.params().map(|ty| FieldType::new(Mutability::Const, StorageType::ValType(ty)))
    }

    /// The engine that the type belongs to.
    pub fn engine(&self) -> &Engine {
        self.ty.engine()
    }

    /// Whether this type is another.
    pub fn matches(&self, other: &ExnType) -> bool {
        self == other
    }
}

impl fmt::Display for ExnType {
    /// Writes the type as `(exn (field i32))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(exn")?;
        self.fields().try_for_each(|field| write!(f, " (field {field})"))?;
        f.write_str(")")
    }
}

impl fmt::Debug for ExnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
