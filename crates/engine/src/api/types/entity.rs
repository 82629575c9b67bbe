//! The types of what modules import and export.

use anyhow::{Context as _, Result};
use lineal_decoder as plain;

use super::Mutability;
use super::defined::FuncType;
use super::memory::MemoryType;
use super::value::{RefType, ValType, check_engine};
use crate::api::engine::Engine;
use crate::api::module::externs::Extern;
use crate::api::refs::table::Table;
use crate::api::refs::tag::Tag;
use crate::api::store::AsContextMut;
use crate::api::values::global::Global;
use crate::api::values::val::Ref;

/// The type of a global variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

/// The type of a table; its limits count elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    element: RefType,
    minimum: u64,
    maximum: Option<u64>,
    is_64: bool,
}

/// The type of a tag: a function type without results, whose parameters are what exceptions of
/// the tag carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType {
    ty: FuncType,
}

/// The type of an import or an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A global variable.
    Global(GlobalType),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A tag of exceptions.
    Tag(TagType),
}

impl GlobalType {
    /// Builds the type of a global.
    pub fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType { content, mutability }
    }

    pub(crate) fn lift(engine: &Engine, ty: plain::GlobalType) -> GlobalType {
        GlobalType {
            content: ValType::lift(engine, ty.content),
            mutability: Mutability::lift(ty.mutable),
        }
    }

    pub(crate) fn lower(&self, engine: &Engine) -> plain::GlobalType {
        check_engine(self.content.engine(), engine);
        self.plain()
    }

    fn plain(&self) -> plain::GlobalType {
        plain::GlobalType { content: self.content.plain(), mutable: self.mutability.is_var() }
    }

    /// The type of the value it holds.
    pub fn content(&self) -> &ValType {
        &self.content
    }

    /// Whether it can be written after it was created.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// A global of this type that is zero or null.
    ///
    /// # Errors
    ///
    /// If no value of the type is either.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Global> {
        let value = self.content.default_value();
        let value = value
            .with_context(|| format!("a global of type {} has no default value", self.content))?;
        Global::new(store, self.clone(), value)
    }
}

impl TableType {
    /// Builds the type of a table whose elements are addressed by `i32`.
    pub fn new(element: RefType, min: u32, max: Option<u32>) -> TableType {
        TableType { element, minimum: min.into(), maximum: max.map(u64::from), is_64: false }
    }

    /// Builds the type of a table whose elements are addressed by `i64`.
    pub fn new64(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType { element, minimum: min, maximum: max, is_64: true }
    }

    pub(crate) fn lift(engine: &Engine, ty: plain::TableType) -> TableType {
        TableType {
            element: RefType::lift(engine, ty.element),
            minimum: ty.minimum,
            maximum: ty.maximum,
            is_64: ty.table64,
        }
    }

    pub(crate) fn lower(&self, engine: &Engine) -> plain::TableType {
        check_engine(self.element.heap_type().engine(), engine);
        self.plain()
    }

    fn plain(&self) -> plain::TableType {
        plain::TableType {
            element: self.element.plain(),
            minimum: self.minimum,
            maximum: self.maximum,
            table64: self.is_64,
        }
    }

    /// Whether elements are addressed by `i64`.
    pub fn is_64(&self) -> bool {
        self.is_64
    }

    /// The type of the elements.
    pub fn element(&self) -> &RefType {
        &self.element
    }

    /// Elements at the start.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// The most elements it may grow to, if declared.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// A table of this type, as large as its minimum and full of nulls.
    ///
    /// # Errors
    ///
    /// If the elements must not be null, or as for [`Table::new`].
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Table> {
        let element = ValType::Ref(self.element.clone());
        let null = element.default_value().with_context(|| {
            format!("a table with elements of type {element} has no default value")
        })?;
        Table::new(store, self.clone(), null.ref_().unwrap_or(Ref::Func(None)))
    }
}

impl TagType {
    /// Builds the type of a tag.
    pub fn new(ty: FuncType) -> TagType {
        TagType { ty }
    }

    /// The function type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// A new tag of this type.
    ///
    /// # Errors
    ///
    /// As for [`Tag::new`].
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Tag> {
        Tag::new(store, self)
    }
}

/// Accessors for one kind each.
macro_rules! accessors {
    ($($variant:ident($ty:ident) => $get:ident, $unwrap:ident, $what:literal;)*) => {
        impl ExternType {
            $(
                #[doc = concat!("The type of the ", $what, ", if this is one.")]
                pub fn $get(&self) -> Option<&$ty> {
                    if let ExternType::$variant(ty) = self { Some(ty) } else { None }
                }

                #[doc = concat!("The type of the ", $what, ".")]
                ///
                /// # Panics
                ///
                /// If this is the type of something else.
                #[track_caller]
                pub fn $unwrap(&self) -> &$ty {
                    self.$get().unwrap_or_else(|| {
                        panic!("expected the type of a {}, found {self:?}", $what)
                    })
                }
            )*
        }

        $(
            impl From<$ty> for ExternType {
                fn from(ty: $ty) -> ExternType {
                    ExternType::$variant(ty)
                }
            }
        )*
    };
}

accessors! {
    Func(FuncType) => func, unwrap_func, "function";
    Global(GlobalType) => global, unwrap_global, "global";
    Table(TableType) => table, unwrap_table, "table";
    Memory(MemoryType) => memory, unwrap_memory, "memory";
    Tag(TagType) => tag, unwrap_tag, "tag";
}

impl ExternType {
    /// The type for a plain one, whose numbers are the engine's.
    pub(crate) fn lift(engine: &Engine, ty: &plain::ExternType) -> ExternType {
        match ty {
            plain::ExternType::Func(ty) => FuncType::lift(engine, ty).into(),
            plain::ExternType::Global(ty) => GlobalType::lift(engine, *ty).into(),
            plain::ExternType::Table(ty) => TableType::lift(engine, *ty).into(),
            plain::ExternType::Memory(ty) => MemoryType::from(*ty).into(),
            plain::ExternType::Tag(ty) => TagType::new(FuncType::lift(engine, ty.ty())).into(),
        }
    }

    /// The smallest item of this type, with zeros and nulls in it.
    ///
    /// # Errors
    ///
    /// If there is none, or the store has no room for it.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine than the store.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Extern> {
        Ok(match self {
            ExternType::Func(ty) => ty.default_value(store)?.into(),
            ExternType::Global(ty) => ty.default_value(store)?.into(),
            ExternType::Table(ty) => ty.default_value(store)?.into(),
            ExternType::Memory(ty) => ty.default_value(store)?,
            ExternType::Tag(ty) => ty.default_value(store)?.into(),
        })
    }
}

impl From<&ExternType> for plain::ExternType {
    /// The type as the decoder's crate has it, where defined types are numbers of the engine.
    fn from(ty: &ExternType) -> plain::ExternType {
        match ty {
            ExternType::Func(ty) => plain::ExternType::Func(ty.lower(ty.engine())),
            ExternType::Global(ty) => plain::ExternType::Global(ty.plain()),
            ExternType::Table(ty) => plain::ExternType::Table(ty.plain()),
            ExternType::Memory(ty) => plain::ExternType::Memory((*ty).into()),
            ExternType::Tag(ty) => {
                let ty = ty.ty();
                plain::ExternType::Tag(plain::TagType::new(ty.lower(ty.engine())))
            }
        }
    }
}
