//! The types of values, and what references refer to.

use std::fmt;
use std::sync::LazyLock;

use lineal_decoder as plain;

use super::defined::{ArrayType, FuncType, StructType};
use crate::api::engine::Engine;
use crate::api::values::val::Val;
use crate::runtime::types::TypeRegistry;

/// For types that name no defined type.
static NO_TYPES: LazyLock<TypeRegistry> = LazyLock::new(TypeRegistry::default);

/// Asks the types of the engine that one of two types belongs to.
pub(super) fn compare(
    engines: [Option<&Engine>; 2],
    ask: impl FnOnce(&TypeRegistry) -> bool,
) -> bool {
    match engines {
        [Some(a), Some(b)] => {
            assert!(Engine::same(a, b), "the two types belong to different engines");
            ask(a.types())
        }
        [Some(engine), None] | [None, Some(engine)] => ask(engine.types()),
        [None, None] => ask(&NO_TYPES),
    }
}

/// Checks that a type can be used with an engine.
///
/// # Panics
///
/// If it belongs to another.
pub(super) fn check_engine(own: Option<&Engine>, engine: &Engine) {
    if let Some(own) = own {
        assert!(Engine::same(own, engine), "the type belongs to another engine");
    }
}

/// A value type.
///
/// ```
/// use lineal::{HeapType, RefType, ValType};
///
/// let non_null = ValType::Ref(RefType::new(false, HeapType::Func));
/// assert!(non_null.matches(&ValType::FUNCREF) && !ValType::FUNCREF.matches(&non_null));
/// assert_eq!(non_null.to_string(), "(ref func)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ValType {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit IEEE 754 float.
    F32,
    /// A 64-bit IEEE 754 float.
    F64,
    /// A 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

/// A reference type: what it refers to and whether it may be null.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RefType {
    is_nullable: bool,
    heap_type: HeapType,
}

/// What a reference refers to: an abstract heap type, or a defined type of an engine.
///
/// The abstract ones form four hierarchies, whose types share no values but null:
///
/// ```text
/// any ─► eq ─┬► i31 ────────────────────┐
///            ├► struct ─► defined ones ─┼► none
///            └► array ──► defined ones ─┘
/// func ─► defined ones ─► nofunc      extern ─► noextern      exn ─► noexn
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// Any host value.
    Extern,
    /// No host value: only null.
    NoExtern,
    /// Any function.
    Func,
    /// A function of a type.
    ConcreteFunc(FuncType),
    /// No function: only null.
    NoFunc,
    /// Any value of the guest's heap.
    Any,
    /// Anything that `ref.eq` compares.
    Eq,
    /// An integer of 31 bits.
    I31,
    /// Any array.
    Array,
    /// An array of a type.
    ConcreteArray(ArrayType),
    /// Any structure.
    Struct,
    /// A structure of a type.
    ConcreteStruct(StructType),
    /// Any exception.
    Exn,
    /// No exception: only null.
    NoExn,
    /// No value of the guest's heap: only null.
    None,
}

/// The names of nullable references to abstract heap types.
macro_rules! constants {
    ($($name:ident = $heap:ident, $text:literal;)*) => {
        impl RefType {
            $(
                #[doc = concat!("`", $text, "`.")]
                pub const $name: RefType = RefType { is_nullable: true, heap_type: HeapType::$heap };
            )*
        }

        impl ValType {
            $(
                #[doc = concat!("`", $text, "`.")]
                pub const $name: ValType = ValType::Ref(RefType::$name);
            )*
        }
    };
}

constants! {
    EXTERNREF = Extern, "externref";
    NULLEXTERNREF = NoExtern, "nullexternref";
    FUNCREF = Func, "funcref";
    NULLFUNCREF = NoFunc, "nullfuncref";
    ANYREF = Any, "anyref";
    EQREF = Eq, "eqref";
    I31REF = I31, "i31ref";
    ARRAYREF = Array, "arrayref";
    STRUCTREF = Struct, "structref";
    NULLREF = None, "nullref";
    EXNREF = Exn, "exnref";
    NULLEXNREF = NoExn, "nullexnref";
}

impl ValType {
    pub(crate) fn lift(engine: &Engine, ty: plain::ValType) -> ValType {
        match ty {
            plain::ValType::I32 => ValType::I32,
            plain::ValType::I64 => ValType::I64,
            plain::ValType::F32 => ValType::F32,
            plain::ValType::F64 => ValType::F64,
            plain::ValType::V128 => ValType::V128,
            plain::ValType::Ref(ty) => ValType::Ref(RefType::lift(engine, ty)),
        }
    }

    pub(crate) fn lower(&self, engine: &Engine) -> plain::ValType {
        check_engine(self.engine(), engine);
        self.plain()
    }

    pub(crate) fn plain(&self) -> plain::ValType {
        match self {
            ValType::I32 => plain::ValType::I32,
            ValType::I64 => plain::ValType::I64,
            ValType::F32 => plain::ValType::F32,
            ValType::F64 => plain::ValType::F64,
            ValType::V128 => plain::ValType::V128,
            ValType::Ref(ty) => plain::ValType::Ref(ty.plain()),
        }
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        if let ValType::Ref(ty) = self { ty.heap_type.engine() } else { None }
    }

    /// Whether this is a number: neither a vector nor a reference.
    pub fn is_num(&self) -> bool {
        matches!(self, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)
    }

    /// Whether this is `i32`.
    pub fn is_i32(&self) -> bool {
        matches!(self, ValType::I32)
    }

    /// Whether this is `i64`.
    pub fn is_i64(&self) -> bool {
        matches!(self, ValType::I64)
    }

    /// Whether this is `f32`.
    pub fn is_f32(&self) -> bool {
        matches!(self, ValType::F32)
    }

    /// Whether this is `f64`.
    pub fn is_f64(&self) -> bool {
        matches!(self, ValType::F64)
    }

    /// Whether this is `v128`.
    pub fn is_v128(&self) -> bool {
        matches!(self, ValType::V128)
    }

    /// Whether this is a reference type.
    pub fn is_ref(&self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Whether this is `funcref`.
    pub fn is_funcref(&self) -> bool {
        *self == ValType::FUNCREF
    }

    /// Whether this is `externref`.
    pub fn is_externref(&self) -> bool {
        *self == ValType::EXTERNREF
    }

    /// Whether this is `anyref`.
    pub fn is_anyref(&self) -> bool {
        *self == ValType::ANYREF
    }

    /// The reference type, if this is one.
    pub fn as_ref(&self) -> Option<&RefType> {
        if let ValType::Ref(ty) = self { Some(ty) } else { None }
    }

    /// The reference type.
    ///
    /// # Panics
    ///
    /// If this is not one.
    #[track_caller]
    pub fn unwrap_ref(&self) -> &RefType {
        self.as_ref().unwrap_or_else(|| panic!("expected a reference type, found {self}"))
    }

    /// Whether values of this type may be used where another type is expected.
    ///
    /// # Panics
    ///
    /// If the types belong to different engines.
    pub fn matches(&self, other: &ValType) -> bool {
        compare([self.engine(), other.engine()], |types| {
            types.is_subtype(self.plain(), other.plain())
        })
    }

    /// The value that locals of the type start with: zero or null; `None` if it has no such value.
    pub fn default_value(&self) -> Option<Val> {
        Val::default_for_ty(self)
    }
}

impl RefType {
    /// Builds a reference type.
    pub fn new(is_nullable: bool, heap_type: HeapType) -> RefType {
        RefType { is_nullable, heap_type }
    }

    pub(crate) fn lift(engine: &Engine, ty: plain::RefType) -> RefType {
        RefType { is_nullable: ty.nullable, heap_type: HeapType::lift(engine, ty.heap) }
    }

    pub(crate) fn lower(&self, engine: &Engine) -> plain::RefType {
        check_engine(self.heap_type.engine(), engine);
        self.plain()
    }

    pub(super) fn plain(&self) -> plain::RefType {
        plain::RefType { nullable: self.is_nullable, heap: self.heap_type.plain() }
    }

    /// Whether the null reference belongs to the type.
    pub fn is_nullable(&self) -> bool {
        self.is_nullable
    }

    /// What a non-null reference refers to.
    pub fn heap_type(&self) -> &HeapType {
        &self.heap_type
    }

    /// Whether references of this type may be used where another type is expected.
    ///
    /// # Panics
    ///
    /// If the types belong to different engines.
    pub fn matches(&self, other: &RefType) -> bool {
        compare([self.heap_type.engine(), other.heap_type.engine()], |types| {
            types.is_sub_ref(self.plain(), other.plain())
        })
    }
}

/// Accessors for one kind of defined type each.
macro_rules! concrete {
    ($($variant:ident($ty:ident) => $is:ident, $as:ident, $unwrap:ident, $what:literal;)*) => {$(
        #[doc = concat!("Whether this is a type of ", $what, " that a module or host defined.")]
        pub fn $is(&self) -> bool {
            matches!(self, HeapType::$variant(_))
        }

        #[doc = concat!("The defined type of ", $what, ", if this is one.")]
        pub fn $as(&self) -> Option<&$ty> {
            if let HeapType::$variant(ty) = self { Some(ty) } else { None }
        }

        #[doc = concat!("The defined type of ", $what, ".")]
        ///
        /// # Panics
        ///
        /// If this is another heap type.
        #[track_caller]
        pub fn $unwrap(&self) -> &$ty {
            self.$as().unwrap_or_else(|| panic!("expected a type of {}, found {self}", $what))
        }
    )*};
}

impl HeapType {
    pub(crate) fn lift(engine: &Engine, ty: plain::HeapType) -> HeapType {
        match ty {
            plain::HeapType::Func => HeapType::Func,
            plain::HeapType::ConcreteFunc(index) => {
                HeapType::ConcreteFunc(FuncType::at(engine, index))
            }
            plain::HeapType::NoFunc => HeapType::NoFunc,
            plain::HeapType::Extern => HeapType::Extern,
            plain::HeapType::NoExtern => HeapType::NoExtern,
            plain::HeapType::Any => HeapType::Any,
            plain::HeapType::Eq => HeapType::Eq,
            plain::HeapType::I31 => HeapType::I31,
            plain::HeapType::Struct => HeapType::Struct,
            plain::HeapType::ConcreteStruct(index) => {
                HeapType::ConcreteStruct(StructType::at(engine, index))
            }
            plain::HeapType::Array => HeapType::Array,
            plain::HeapType::ConcreteArray(index) => {
                HeapType::ConcreteArray(ArrayType::at(engine, index))
            }
            plain::HeapType::None => HeapType::None,
            plain::HeapType::Exn => HeapType::Exn,
            plain::HeapType::NoExn => HeapType::NoExn,
        }
    }

    pub(crate) fn lower(&self, engine: &Engine) -> plain::HeapType {
        check_engine(self.engine(), engine);
        self.plain()
    }

    pub(crate) fn plain(&self) -> plain::HeapType {
        match self {
            HeapType::Func => plain::HeapType::Func,
            HeapType::ConcreteFunc(ty) => plain::HeapType::ConcreteFunc(ty.index()),
            HeapType::NoFunc => plain::HeapType::NoFunc,
            HeapType::Extern => plain::HeapType::Extern,
            HeapType::NoExtern => plain::HeapType::NoExtern,
            HeapType::Any => plain::HeapType::Any,
            HeapType::Eq => plain::HeapType::Eq,
            HeapType::I31 => plain::HeapType::I31,
            HeapType::Struct => plain::HeapType::Struct,
            HeapType::ConcreteStruct(ty) => plain::HeapType::ConcreteStruct(ty.index()),
            HeapType::Array => plain::HeapType::Array,
            HeapType::ConcreteArray(ty) => plain::HeapType::ConcreteArray(ty.index()),
            HeapType::None => plain::HeapType::None,
            HeapType::Exn => plain::HeapType::Exn,
            HeapType::NoExn => plain::HeapType::NoExn,
        }
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        match self {
            HeapType::ConcreteFunc(ty) => Some(ty.engine()),
            HeapType::ConcreteStruct(ty) => Some(ty.engine()),
            HeapType::ConcreteArray(ty) => Some(ty.engine()),
            _ => None,
        }
    }

    concrete! {
        ConcreteFunc(FuncType) =>
            is_concrete_func, as_concrete_func, unwrap_concrete_func, "functions";
        ConcreteArray(ArrayType) =>
            is_concrete_array, as_concrete_array, unwrap_concrete_array, "arrays";
        ConcreteStruct(StructType) =>
            is_concrete_struct, as_concrete_struct, unwrap_concrete_struct, "structures";
    }

    /// Whether this is a type that a module or host defined.
    pub fn is_concrete(&self) -> bool {
        self.engine().is_some()
    }

    /// Whether this is a type that WebAssembly itself has.
    pub fn is_abstract(&self) -> bool {
        !self.is_concrete()
    }

    /// Whether this is [`HeapType::Extern`].
    pub fn is_extern(&self) -> bool {
        matches!(self, HeapType::Extern)
    }

    /// Whether this is [`HeapType::Func`].
    pub fn is_func(&self) -> bool {
        matches!(self, HeapType::Func)
    }

    /// Whether this is [`HeapType::NoFunc`].
    pub fn is_no_func(&self) -> bool {
        matches!(self, HeapType::NoFunc)
    }

    /// Whether this is [`HeapType::Any`].
    pub fn is_any(&self) -> bool {
        matches!(self, HeapType::Any)
    }

    /// Whether this is [`HeapType::I31`].
    pub fn is_i31(&self) -> bool {
        matches!(self, HeapType::I31)
    }

    /// Whether this is [`HeapType::None`].
    pub fn is_none(&self) -> bool {
        matches!(self, HeapType::None)
    }

    /// Whether this is [`HeapType::Exn`].
    pub fn is_exn(&self) -> bool {
        matches!(self, HeapType::Exn)
    }

    /// Whether this is [`HeapType::NoExn`].
    pub fn is_no_exn(&self) -> bool {
        matches!(self, HeapType::NoExn)
    }

    /// The type that all of this type's hierarchy are subtypes of.
    pub fn top(&self) -> HeapType {
        match self.plain().top() {
            plain::HeapType::Func => HeapType::Func,
            plain::HeapType::Extern => HeapType::Extern,
            plain::HeapType::Exn => HeapType::Exn,
            _ => HeapType::Any,
        }
    }

    /// Whether this is the top of its hierarchy.
    pub fn is_top(&self) -> bool {
        matches!(self, HeapType::Any | HeapType::Extern | HeapType::Func | HeapType::Exn)
    }

    /// The type that is a subtype of all of this type's hierarchy.
    pub fn bottom(&self) -> HeapType {
        match self.top() {
            HeapType::Func => HeapType::NoFunc,
            HeapType::Extern => HeapType::NoExtern,
            HeapType::Exn => HeapType::NoExn,
            _ => HeapType::None,
        }
    }

    /// Whether this is the bottom of its hierarchy.
    pub fn is_bottom(&self) -> bool {
        matches!(self, HeapType::None | HeapType::NoExtern | HeapType::NoFunc | HeapType::NoExn)
    }

    /// Whether what this type stands for belongs to another.
    ///
    /// # Panics
    ///
    /// If the types belong to different engines.
    pub fn matches(&self, other: &HeapType) -> bool {
        compare([self.engine(), other.engine()], |types| {
            types.is_sub_heap(self.plain(), other.plain())
        })
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

impl From<FuncType> for HeapType {
    fn from(ty: FuncType) -> HeapType {
        HeapType::ConcreteFunc(ty)
    }
}

impl From<ArrayType> for HeapType {
    fn from(ty: ArrayType) -> HeapType {
        HeapType::ConcreteArray(ty)
    }
}

impl From<StructType> for HeapType {
    fn from(ty: StructType) -> HeapType {
        HeapType::ConcreteStruct(ty)
    }
}

impl fmt::Display for ValType {
    /// Writes the type as the text format does; a defined type is a number of the engine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}

impl fmt::Debug for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RefType {
    /// Writes the type as the text format does, with its abbreviations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}

impl fmt::Debug for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HeapType {
    /// Writes an abstract type's name, a defined type's number in the engine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}
