//! From validated sections to the parts of a module.

use std::sync::OnceLock;

use wasmparser::{
    DataKind, DataSectionReader, ElementKind, ElementSectionReader, ExportSectionReader,
    ExternalKind, FunctionSectionReader, GlobalSectionReader, ImportSectionReader,
    MemorySectionReader, Payload, TableInit, TableSectionReader, TagSectionReader, TypeRef,
    TypeSectionReader,
};

use crate::convert;
use crate::error::Error;
use crate::features::Features;
use crate::module::{
    DataSegment, ElementSegment, Export, ExternIndex, FuncBody, Global, Import, Module,
    ModuleParts, SegmentMode, Table,
};
use crate::observe::BodyObserver;
use crate::types::ExternType;
use crate::validate;

/// Validates a binary and keeps what it says.
pub(crate) fn decode(
    bytes: &[u8],
    features: &Features,
    observer: &mut impl BodyObserver,
) -> Result<Module, Error> {
    let mut decoder = Decoder { parts: ModuleParts::empty(), observer };
    validate::walk(bytes, features.flags(), &mut decoder)
        .map_err(|error| validate::find_missing_proposal(error, bytes, features))?;
    let mut parts = decoder.parts;
    parts.sort_exports();
    parts.bytes = bytes.into();
    Ok(Module::from_parts(parts))
}

/// The parts so far, and what sees the functions.
struct Decoder<'o, O> {
    parts: ModuleParts,
    observer: &'o mut O,
}

impl<'a, O: BodyObserver> validate::Visit<'a> for Decoder<'_, O> {
    type Observer = O;

    fn part(&mut self, payload: Payload<'a>) -> Result<(), Error> {
        self.parts.add(payload)
    }

    fn observer(&mut self) -> &mut O {
        self.observer
    }
}

impl ModuleParts {
    fn empty() -> ModuleParts {
        ModuleParts {
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
            name_section: 0..0,
            names: OnceLock::new(),
            exports_by_name: [].into(),
            known: convert::Types::new(),
        }
    }

    fn add(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        match payload {
            Payload::TypeSection(section) => self.add_types(section),
            Payload::ImportSection(section) => self.add_imports(section),
            Payload::FunctionSection(section) => self.add_funcs(section),
            Payload::TableSection(section) => self.add_tables(section),
            Payload::MemorySection(section) => self.add_memories(section),
            Payload::GlobalSection(section) => self.add_globals(section),
            Payload::ExportSection(section) => self.add_exports(section),
            Payload::StartSection { func, .. } => {
                self.start = Some(func);
                Ok(())
            }
            Payload::ElementSection(section) => self.add_elements(section),
            Payload::DataSection(section) => self.add_data(section),
            Payload::CodeSectionEntry(body) => {
                self.bodies.push(FuncBody { range: convert::range(body.range()) });
                Ok(())
            }
            Payload::CustomSection(section) => {
                if section.name() == "name" {
                    let data_start = section.data_offset() as usize;
                    self.name_section = data_start..data_start + section.data().len();
                }
                Ok(())
            }
            Payload::TagSection(section) => self.add_tags(section),
            // The version, counts that validation has compared, and the end.
            _ => Ok(()),
        }
    }

    fn add_types(&mut self, section: TypeSectionReader<'_>) -> Result<(), Error> {
        for group in section {
            let group = group?.into_types_and_offsets().collect();
            self.types.extend(self.known.add_group(group)?);
            self.type_groups.push(self.types.len() as u32);
        }
        Ok(())
    }

    fn add_imports(&mut self, section: ImportSectionReader<'_>) -> Result<(), Error> {
        for import in section.into_imports_with_offsets() {
            let (offset, import) = import?;
            let ty = match import.ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                    self.funcs.push(index);
                    self.imported_funcs += 1;
                    ExternType::Func(self.defined_func_type(index))
                }
                TypeRef::Table(ty) => {
                    let ty = self.known.table_type(ty, offset)?;
                    self.tables.push(Table { ty, init: None });
                    self.imported_tables += 1;
                    ExternType::Table(ty)
                }
                TypeRef::Memory(ty) => {
                    let ty = convert::memory_type(ty, offset)?;
                    self.memories.push(ty);
                    self.imported_memories += 1;
                    ExternType::Memory(ty)
                }
                TypeRef::Global(ty) => {
                    let ty = self.known.global_type(ty, offset)?;
                    self.globals.push(Global { ty, init: None });
                    self.imported_globals += 1;
                    ExternType::Global(ty)
                }
                TypeRef::Tag(ty) => {
                    self.tags.push(ty.func_type_idx);
                    self.imported_tags += 1;
                    ExternType::Tag(self.tag_type(self.imported_tags - 1))
                }
            };
            let (module, name) = (import.module.into(), import.name.into());
            self.imports.push(Import { module, name, ty });
        }
        Ok(())
    }

    fn add_funcs(&mut self, section: FunctionSectionReader<'_>) -> Result<(), Error> {
        for index in section {
            self.funcs.push(index?);
        }
        Ok(())
    }

    fn add_tables(&mut self, section: TableSectionReader<'_>) -> Result<(), Error> {
        for table in section.into_iter_with_offsets() {
            let (offset, table) = table?;
            let ty = self.known.table_type(table.ty, offset)?;
            let init = match table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expr) => Some(self.known.const_expr(&expr)?),
            };
            self.tables.push(Table { ty, init });
        }
        Ok(())
    }

    fn add_memories(&mut self, section: MemorySectionReader<'_>) -> Result<(), Error> {
        for memory in section.into_iter_with_offsets() {
            let (offset, ty) = memory?;
            self.memories.push(convert::memory_type(ty, offset)?);
        }
        Ok(())
    }

    fn add_globals(&mut self, section: GlobalSectionReader<'_>) -> Result<(), Error> {
        for global in section.into_iter_with_offsets() {
            let (offset, global) = global?;
            let ty = self.known.global_type(global.ty, offset)?;
            let init = Some(self.known.const_expr(&global.init_expr)?);
            self.globals.push(Global { ty, init });
        }
        Ok(())
    }

    fn add_tags(&mut self, section: TagSectionReader<'_>) -> Result<(), Error> {
        for tag in section {
            self.tags.push(tag?.func_type_idx);
        }
        Ok(())
    }

    fn add_exports(&mut self, section: ExportSectionReader<'_>) -> Result<(), Error> {
        for export in section {
            let export = export?;
            let index = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => ExternIndex::Func(export.index),
                ExternalKind::Table => ExternIndex::Table(export.index),
                ExternalKind::Memory => ExternIndex::Memory(export.index),
                ExternalKind::Global => ExternIndex::Global(export.index),
                ExternalKind::Tag => ExternIndex::Tag(export.index),
            };
            self.exports.push(Export { name: export.name.into(), index });
        }
        Ok(())
    }

    fn add_elements(&mut self, section: ElementSectionReader<'_>) -> Result<(), Error> {
        for element in section {
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
            self.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    fn add_data(&mut self, section: DataSectionReader<'_>) -> Result<(), Error> {
        for segment in section {
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
            self.data.push(DataSegment { mode, range });
        }
        Ok(())
    }

    fn sort_exports(&mut self) {
        let mut order: Vec<u32> = (0u32..).take(self.exports.len()).collect();
        order.sort_by_key(|&position| &self.exports[position as usize].name);
        self.exports_by_name = order.into();
    }
}
