//! From validated sections to the parts of a module.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use wasmparser::{
    DataKind, DataSectionReader, ElementKind, ElementSectionReader, ExportSectionReader,
    ExternalKind, FunctionSectionReader, GlobalSectionReader, ImportSectionReader,
    MemorySectionReader, Payload, TableInit, TableSectionReader, TagSectionReader, TypeRef,
    TypeSectionReader,
};

use crate::error::Error;
use crate::features::Features;
use crate::module::{
    CustomSection, DataSegment, ElementSegment, Export, ExternIndex, Global, Import, Module,
    ModuleParts, SegmentMode, Table,
};
use crate::steps;
use crate::types::ExternType;
use crate::validate::UnvalidatedBodies;
use crate::{convert, text, validate};

impl Module {
    /// Decodes and validates a module in the binary or (with the feature `wat`) text format.
    ///
    /// Input that starts with a zero byte is taken for a binary, anything else for text.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the input is malformed or invalid, or uses a proposal that is not
    /// among `features`.
    pub fn new(bytes: &[u8], features: &Features) -> Result<Module, Error> {
        let binary = text::to_binary(bytes)?;
        Module::from_binary(&binary, features).map_err(|error| error.in_text(bytes, &binary))
    }

    /// Does the same as [`Module::new`], and keeps the bytes of a binary instead of a copy.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn from_shared(bytes: Arc<[u8]>, features: &Features) -> Result<Module, Error> {
        match text::to_binary(&bytes)? {
            Cow::Borrowed(_) => Module::whole(bytes, features),
            Cow::Owned(binary) => Module::from_binary(&binary, features)
                .map_err(|error| error.in_text(&bytes, &binary)),
        }
    }

    /// Decodes and validates a module in the binary format.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the binary is malformed or invalid, or uses a proposal that is not
    /// among `features`.
    pub fn from_binary(bytes: &[u8], features: &Features) -> Result<Module, Error> {
        Module::whole(bytes.into(), features)
    }

    fn whole(bytes: Arc<[u8]>, features: &Features) -> Result<Module, Error> {
        let (module, bodies) = Module::without_bodies(bytes, features)?;
        match bodies.validate_all(&module) {
            Ok(()) => Ok(module),
            Err(error) => Err(error.find_missing_proposal(&module.bytes, features)),
        }
    }

    /// Decodes a binary, and validates all of it but the bodies of functions. The second part of the
    /// result validates them: all or some, on any number of threads.
    ///
    /// ```
    /// use lineal_decoder::{Features, Module, NoVisitor, to_binary};
    ///
    /// let binary = to_binary(b"(module (func) (func i32.add))")?;
    /// let (module, bodies) = Module::without_bodies(binary.into(), &Features::default())?;
    /// let mut validator = bodies.validator(&module);
    /// assert!(validator.validate(0, &mut NoVisitor).is_ok());
    /// assert!(validator.validate(1, &mut NoVisitor).is_err());
    /// # Ok::<(), lineal_decoder::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first [`Error`] in the binary, if there is one outside the bodies. That is an error
    /// in a body if one comes before.
    pub fn without_bodies(
        bytes: Arc<[u8]>,
        features: &Features,
    ) -> Result<(Module, UnvalidatedBodies), Error> {
        let mut builder = Builder::new();
        let (bodies, unvalidated) =
            validate::walk(&bytes, features.flags(), |payload| builder.add(payload))
                .map_err(|error| error.find_missing_proposal(&bytes, features))?;
        builder.parts.bodies = bodies;
        Ok((builder.finish(bytes), unvalidated))
    }
}

/// A module of which the sections so far were kept.
struct Builder {
    parts: ModuleParts,
    /// The types that later sections refer to.
    known: convert::Types,
}

impl Builder {
    fn new() -> Builder {
        let parts = ModuleParts {
            bytes: [].into(),
            types: Vec::new(),
            type_groups: Vec::new(),
            imports: Vec::new(),
            funcs: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            tags: Vec::new(),
            globals: Vec::new(),
            exports: Vec::new(),
            elements: Vec::new(),
            data: Vec::new(),
            start: None,
            bodies: Vec::new(),
            imported_funcs: 0,
            imported_tables: 0,
            imported_memories: 0,
            imported_globals: 0,
            imported_tags: 0,
            custom_sections: Vec::new(),
            code_section: 0..0,
            names: OnceLock::new(),
            exports_by_name: [].into(),
        };
        Builder { parts, known: convert::Types::new() }
    }

    /// The module of a binary whose sections were all added.
    fn finish(mut self, bytes: Arc<[u8]>) -> Module {
        let exports = &self.parts.exports;
        let mut order: Vec<u32> = (0u32..).take(exports.len()).collect();
        order.sort_by_key(|&position| {
            steps::count(1);
            &exports[position as usize].name
        });
        self.parts.exports_by_name = order.into();
        self.parts.bytes = bytes;
        self.parts.into()
    }

    fn add(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        steps::count(1);
        match payload {
            Payload::TypeSection(section) => self.add_types(section),
            Payload::ImportSection(section) => self.add_imports(section),
            Payload::FunctionSection(section) => self.add_funcs(section),
            Payload::TableSection(section) => self.add_tables(section),
            Payload::MemorySection(section) => self.add_memories(section),
            Payload::GlobalSection(section) => self.add_globals(section),
            Payload::ExportSection(section) => self.add_exports(section),
            Payload::StartSection { func, .. } => {
                self.parts.start = Some(func);
                Ok(())
            }
            Payload::ElementSection(section) => self.add_elements(section),
            Payload::DataSection(section) => self.add_data(section),
            Payload::CodeSectionStart { unchecked_range, .. } => {
                self.parts.code_section = convert::range(unchecked_range);
                Ok(())
            }
            Payload::CustomSection(section) => {
                // The name is right before the contents.
                let contents_start = section.data_offset() as usize;
                self.parts.custom_sections.push(CustomSection {
                    name: contents_start - section.name().len()..contents_start,
                    contents: contents_start..contents_start + section.data().len(),
                });
                Ok(())
            }
            Payload::TagSection(section) => self.add_tags(section),
            // The version, counts that validation has compared, and the end.
            _ => Ok(()),
        }
    }

    fn add_types(&mut self, section: TypeSectionReader<'_>) -> Result<(), Error> {
        for group in section {
            steps::count(1);
            let group = group?.into_types_and_offsets().collect();
            self.parts.types.extend(self.known.add_group(group)?);
            self.parts.type_groups.push(self.parts.types.len() as u32);
        }
        Ok(())
    }

    fn add_imports(&mut self, section: ImportSectionReader<'_>) -> Result<(), Error> {
        for import in section.into_imports_with_offsets() {
            steps::count(1);
            let (offset, import) = import?;
            let ty = match import.ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                    self.parts.funcs.push(index);
                    self.parts.imported_funcs += 1;
                    ExternType::Func(self.parts.defined_func_type(index))
                }
                TypeRef::Table(ty) => {
                    let ty = self.known.table_type(ty, offset)?;
                    self.parts.tables.push(Table { ty, init: None });
                    self.parts.imported_tables += 1;
                    ExternType::Table(ty)
                }
                TypeRef::Memory(ty) => {
                    let ty = convert::memory_type(ty, offset)?;
                    self.parts.memories.push(ty);
                    self.parts.imported_memories += 1;
                    ExternType::Memory(ty)
                }
                TypeRef::Global(ty) => {
                    let ty = self.known.global_type(ty, offset)?;
                    self.parts.globals.push(Global { ty, init: None });
                    self.parts.imported_globals += 1;
                    ExternType::Global(ty)
                }
                TypeRef::Tag(ty) => {
                    self.parts.tags.push(ty.func_type_idx);
                    self.parts.imported_tags += 1;
                    ExternType::Tag(self.parts.tag_type(self.parts.imported_tags - 1))
                }
            };
            let (module, name) = (import.module.into(), import.name.into());
            self.parts.imports.push(Import { module, name, ty });
        }
        Ok(())
    }

    fn add_funcs(&mut self, section: FunctionSectionReader<'_>) -> Result<(), Error> {
        for index in section {
            steps::count(1);
            self.parts.funcs.push(index?);
        }
        Ok(())
    }

    fn add_tables(&mut self, section: TableSectionReader<'_>) -> Result<(), Error> {
        for table in section.into_iter_with_offsets() {
            steps::count(1);
            let (offset, table) = table?;
            let ty = self.known.table_type(table.ty, offset)?;
            let init = match table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expr) => Some(self.known.const_expr(&expr)?),
            };
            self.parts.tables.push(Table { ty, init });
        }
        Ok(())
    }

    fn add_memories(&mut self, section: MemorySectionReader<'_>) -> Result<(), Error> {
        for memory in section.into_iter_with_offsets() {
            steps::count(1);
            let (offset, ty) = memory?;
            self.parts.memories.push(convert::memory_type(ty, offset)?);
        }
        Ok(())
    }

    fn add_globals(&mut self, section: GlobalSectionReader<'_>) -> Result<(), Error> {
        for global in section.into_iter_with_offsets() {
            steps::count(1);
            let (offset, global) = global?;
            let ty = self.known.global_type(global.ty, offset)?;
            let init = Some(self.known.const_expr(&global.init_expr)?);
            self.parts.globals.push(Global { ty, init });
        }
        Ok(())
    }

    fn add_tags(&mut self, section: TagSectionReader<'_>) -> Result<(), Error> {
        for tag in section {
            steps::count(1);
            self.parts.tags.push(tag?.func_type_idx);
        }
        Ok(())
    }

    fn add_exports(&mut self, section: ExportSectionReader<'_>) -> Result<(), Error> {
        for export in section {
            steps::count(1);
            let export = export?;
            let index = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => ExternIndex::Func(export.index),
                ExternalKind::Table => ExternIndex::Table(export.index),
                ExternalKind::Memory => ExternIndex::Memory(export.index),
                ExternalKind::Global => ExternIndex::Global(export.index),
                ExternalKind::Tag => ExternIndex::Tag(export.index),
            };
            self.parts.exports.push(Export { name: export.name.into(), index });
        }
        Ok(())
    }

    fn add_elements(&mut self, section: ElementSectionReader<'_>) -> Result<(), Error> {
        for element in section {
            steps::count(1);
            let element = element?;
            let mode = match element.kind {
                ElementKind::Passive => SegmentMode::Passive,
                ElementKind::Declared => SegmentMode::Declared,
                ElementKind::Active { table_index, offset_expr } => SegmentMode::Active {
                    target: table_index.unwrap_or(0),
                    offset: self.known.const_expr(&offset_expr)?,
                },
            };
            let (ty, items) = self.known.element_items(element.items, element.range.start)?;
            self.parts.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    fn add_data(&mut self, section: DataSectionReader<'_>) -> Result<(), Error> {
        for segment in section {
            steps::count(1);
            let segment = segment?;
            let mode = match segment.kind {
                DataKind::Passive => SegmentMode::Passive,
                DataKind::Active { memory_index, offset_expr } => SegmentMode::Active {
                    target: memory_index,
                    offset: self.known.const_expr(&offset_expr)?,
                },
            };
            // The contents come last in a segment.
            let whole = convert::range(segment.range);
            let range = whole.end - segment.data.len()..whole.end;
            self.parts.data.push(DataSegment { mode, range });
        }
        Ok(())
    }
}
