//! The decoded module: everything the binary says, owned, immutable and cheap to share.
//!
//! [`Module`] is a handle; cloning it copies a pointer. Index spaces list imports first, as the
//! specification does. Function bodies and data segments stay in the module's bytes and are
//! named by range, so decoding copies nothing that can be large.

use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use lineal_memory::MemoryType;

use crate::names::Names;
use crate::steps;
use crate::types::{
    ExternType, FuncType, GlobalType, RefType, SubType, TableType, TagType, TypeIndex,
};

/// A validated module.
#[derive(Clone, Debug)]
pub struct Module {
    inner: Arc<ModuleParts>,
}

impl Deref for Module {
    type Target = ModuleParts;

    fn deref(&self) -> &ModuleParts {
        &self.inner
    }
}

/// The contents of a [`Module`].
#[derive(Debug)]
pub struct ModuleParts {
    /// The binary the module was decoded from (text is translated to binary first).
    pub bytes: Arc<[u8]>,
    /// The type section.
    pub types: Vec<SubType>,
    /// Where each recursive group of [`types`](Self::types) ends, which is where the next one
    /// begins. A type that is defined alone is a group of one.
    pub type_groups: Vec<u32>,
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The type index of every function, imported ones first.
    pub funcs: Vec<u32>,
    /// Every table, imported ones first.
    pub tables: Vec<Table>,
    /// Every memory, imported ones first.
    pub memories: Vec<MemoryType>,
    /// The type index of every tag, imported ones first.
    pub tags: Vec<u32>,
    /// Every global, imported ones first.
    pub globals: Vec<Global>,
    /// The exports, in order.
    pub exports: Vec<Export>,
    /// The element segments.
    pub elements: Vec<ElementSegment>,
    /// The data segments.
    pub data: Vec<DataSegment>,
    /// The start function's index.
    pub start: Option<u32>,
    /// The bodies of the functions that are not imported, in order.
    pub bodies: Vec<FuncBody>,
    /// How many of [`funcs`](Self::funcs) are imported.
    pub imported_funcs: u32,
    /// How many of [`tables`](Self::tables) are imported.
    pub imported_tables: u32,
    /// How many of [`memories`](Self::memories) are imported.
    pub imported_memories: u32,
    /// How many of [`globals`](Self::globals) are imported.
    pub imported_globals: u32,
    /// How many of [`tags`](Self::tags) are imported.
    pub imported_tags: u32,
    pub(crate) custom_sections: Vec<CustomSection>,
    /// Where the contents of the code section lie in [`bytes`](Self::bytes); empty without one.
    /// Addresses in debug information count from its start.
    pub code_section: Range<usize>,
    pub(crate) names: OnceLock<Names>,
    /// Positions in [`exports`](Self::exports), ordered by name.
    pub(crate) exports_by_name: Box<[u32]>,
}

/// Where the name and the contents of a custom section lie in [`ModuleParts::bytes`].
#[derive(Debug)]
pub(crate) struct CustomSection {
    pub(crate) name: Range<usize>,
    pub(crate) contents: Range<usize>,
}

/// One import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Import {
    /// The module part of the two-level name.
    pub module: Box<str>,
    /// The field part of the two-level name.
    pub name: Box<str>,
    /// What is imported.
    pub ty: ExternType,
}

/// One export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Export {
    /// The name it is exported under.
    pub name: Box<str>,
    /// What kind of entity it is, with its index in that kind's index space.
    pub index: ExternIndex,
}

/// An index into one of the module's index spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExternIndex {
    /// A function.
    Func(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// A table with the value its elements start as.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// Its type.
    pub ty: TableType,
    /// The initial element; null when absent. Imported tables have none.
    pub init: Option<ConstExpr>,
}

/// A global with its initial value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Global {
    /// Its type.
    pub ty: GlobalType,
    /// The initial value. Imported globals have none.
    pub init: Option<ConstExpr>,
}

/// What instantiation does with a segment.
#[derive(Clone, Debug)]
pub enum SegmentMode {
    /// Copied at instantiation into the table or memory with this index, at this offset.
    Active {
        /// Table or memory index.
        target: u32,
        /// Where the segment starts.
        offset: ConstExpr,
    },
    /// Copied on request, by `table.init` or `memory.init`.
    Passive,
    /// Only declares functions for `ref.func` (element segments).
    Declared,
}

/// An element segment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ElementSegment {
    /// What instantiation does with it.
    pub mode: SegmentMode,
    /// The type of its items.
    pub ty: RefType,
    /// The items.
    pub items: ElementItems,
}

/// The items of an element segment.
#[derive(Clone, Debug)]
pub enum ElementItems {
    /// Function indices.
    Funcs(Box<[u32]>),
    /// Constant expressions.
    Exprs(Box<[ConstExpr]>),
}

/// A data segment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DataSegment {
    /// What instantiation does with it.
    pub mode: SegmentMode,
    /// Where its contents lie in [`ModuleParts::bytes`].
    pub range: Range<usize>,
}

/// The body of a function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FuncBody {
    /// Where the body (local declarations, then operators) lies in [`ModuleParts::bytes`].
    pub range: Range<usize>,
}

/// A constant expression, in postfix order, without its `end`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstExpr {
    ops: ConstOps,
}

/// Most expressions are one instruction, and a module can have millions of them.
#[derive(Clone, Debug, PartialEq)]
enum ConstOps {
    One(ConstOp),
    Many(Box<[ConstOp]>),
}

const _: () = assert!(size_of::<ConstExpr>() == 24, "a module can have millions of them");

impl ConstExpr {
    /// The instructions.
    pub fn ops(&self) -> &[ConstOp] {
        match &self.ops {
            ConstOps::One(op) => std::slice::from_ref(op),
            ConstOps::Many(ops) => ops,
        }
    }
}

impl FromIterator<ConstOp> for ConstExpr {
    fn from_iter<I: IntoIterator<Item = ConstOp>>(ops: I) -> ConstExpr {
        let mut ops = ops.into_iter();
        let ops = match (ops.next(), ops.next()) {
            (Some(only), None) => ConstOps::One(only),
            (first, second) => ConstOps::Many(first.into_iter().chain(second).chain(ops).collect()),
        };
        ConstExpr { ops }
    }
}

/// An instruction of a constant expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstOp {
    /// `i32.const`
    I32Const(i32),
    /// `i64.const`
    I64Const(i64),
    /// `f32.const`, as bits
    F32Const(u32),
    /// `f64.const`, as bits
    F64Const(u64),
    /// `v128.const`, the low half first
    V128Const([u64; 2]),
    /// `global.get`
    GlobalGet(u32),
    /// `ref.null`
    RefNull(RefType),
    /// `ref.func`
    RefFunc(u32),
    /// `struct.new` of the type with that index
    StructNew(u32),
    /// `struct.new_default`
    StructNewDefault(u32),
    /// `array.new`
    ArrayNew(u32),
    /// `array.new_default`
    ArrayNewDefault(u32),
    /// `array.new_fixed` of the type with that index, with that many elements
    ArrayNewFixed(u32, u32),
    /// `ref.i31`
    RefI31,
    /// `any.convert_extern`
    AnyConvertExtern,
    /// `extern.convert_any`
    ExternConvertAny,
    /// `i32.add`
    I32Add,
    /// `i32.sub`
    I32Sub,
    /// `i32.mul`
    I32Mul,
    /// `i64.add`
    I64Add,
    /// `i64.sub`
    I64Sub,
    /// `i64.mul`
    I64Mul,
}

impl From<ModuleParts> for Module {
    fn from(parts: ModuleParts) -> Module {
        Module { inner: Arc::new(parts) }
    }
}

impl ModuleParts {
    /// What the module exports under a name.
    pub fn export(&self, name: &str) -> Option<ExternIndex> {
        let export_at = |position: &u32| &self.exports[*position as usize];
        self.exports_by_name
            .binary_search_by(|position| (*export_at(position).name).cmp(name))
            .ok()
            .map(|at| export_at(&self.exports_by_name[at]).index)
    }

    /// The names that the module gives to its parts. The name section is read at the first call.
    pub fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let is_name = |section: &&CustomSection| {
                steps::count(1);
                &self.bytes[section.name.clone()] == b"name"
            };
            // If there are several, the last one counts.
            let section = self.custom_sections.iter().rfind(is_name);
            section.and_then(|at| Names::read(&self.bytes, &at.contents)).unwrap_or_default()
        })
    }

    /// The name and the contents of each custom section, in the order of the binary. Several may
    /// have the same name.
    ///
    /// ```
    /// use lineal_decoder::{Features, Module};
    ///
    /// let text = br#"(module (@custom "note" "kept as it is"))"#;
    /// let module = Module::new(text, &Features::default())?;
    /// assert_eq!(module.custom_sections().next(), Some(("note", &b"kept as it is"[..])));
    /// # Ok::<(), lineal_decoder::Error>(())
    /// ```
    pub fn custom_sections(&self) -> impl DoubleEndedIterator<Item = (&str, &[u8])> {
        self.custom_sections.iter().map(|section| {
            steps::count(1);
            let name = str::from_utf8(&self.bytes[section.name.clone()]);
            (name.expect("validated to be UTF-8"), &self.bytes[section.contents.clone()])
        })
    }

    /// The contents of the first custom section with a name.
    pub fn custom_section(&self, name: &str) -> Option<&[u8]> {
        self.custom_sections().find(|section| section.0 == name).map(|section| section.1)
    }

    /// The function whose body holds a byte of the binary.
    pub fn func_at(&self, offset: usize) -> Option<u32> {
        let after = self.bodies.partition_point(|body| body.range.start <= offset);
        let index = after.checked_sub(1)?;
        let holds = self.bodies[index].range.contains(&offset);
        holds.then_some(self.imported_funcs + index as u32)
    }

    /// The type of a function.
    ///
    /// # Panics
    ///
    /// Panics if the index is out of range.
    pub fn func_type(&self, func: u32) -> &FuncType {
        self.type_as_func(self.funcs[func as usize])
    }

    /// The function type with an index among [`types`](Self::types).
    ///
    /// # Panics
    ///
    /// Panics if the index is out of range, or that of a type of another kind.
    pub fn type_as_func(&self, index: u32) -> &FuncType {
        self.types[index as usize].as_func().expect("validated to be a function type")
    }

    /// The function type with an index, which knows that it has it.
    pub(crate) fn defined_func_type(&self, index: u32) -> FuncType {
        self.type_as_func(index).defined_as(TypeIndex(index))
    }

    /// The type of a tag.
    ///
    /// # Panics
    ///
    /// Panics if the index is out of range.
    pub fn tag_type(&self, tag: u32) -> TagType {
        TagType::new(self.defined_func_type(self.tags[tag as usize]))
    }

    /// The type of an exported entity.
    ///
    /// # Panics
    ///
    /// Panics if the index is out of range.
    pub fn extern_type(&self, index: ExternIndex) -> ExternType {
        match index {
            ExternIndex::Func(i) => {
                ExternType::Func(self.defined_func_type(self.funcs[i as usize]))
            }
            ExternIndex::Table(i) => ExternType::Table(self.tables[i as usize].ty),
            ExternIndex::Memory(i) => ExternType::Memory(self.memories[i as usize]),
            ExternIndex::Global(i) => ExternType::Global(self.globals[i as usize].ty),
            ExternIndex::Tag(i) => ExternType::Tag(self.tag_type(i)),
        }
    }

    /// The body of a function; `None` for an imported one.
    pub fn body(&self, func: u32) -> Option<&FuncBody> {
        func.checked_sub(self.imported_funcs).and_then(|i| self.bodies.get(i as usize))
    }

    /// The contents of a data segment.
    ///
    /// # Panics
    ///
    /// Panics if the index is out of range.
    pub fn data_bytes(&self, segment: u32) -> &[u8] {
        &self.bytes[self.data[segment as usize].range.clone()]
    }
}
