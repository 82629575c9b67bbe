//! `lineal inspect --json`. What it looks like is in the schema, which is versioned: what is added
//! keeps the version, what is changed or removed raises it.

use std::fmt::Write as _;

use lineal_decoder::ExternIndex;
use serde_json::{Value, json};

use super::{Inspection, address_bits, byte_size, index_of, kind_and_type};
use crate::layout::Place;

/// The version of the schema.
const VERSION: u32 = 1;

/// The JSON Schema of the output.
pub(super) const SCHEMA: &str = include_str!("../../schema/inspect.json");

impl Inspection<'_> {
    pub(super) fn json(&self) -> Value {
        let module = self.module;
        let memories = 0..module.memories.len() as u32;
        let segments = 0..module.data.len() as u32;
        let imports = module.imports.iter().map(|import| {
            let (kind, ty) = kind_and_type(&import.ty);
            json!({ "module": import.module, "name": import.name, "kind": kind, "type": ty })
        });
        let exports = module.exports.iter().map(|export| {
            let (kind, ty) = kind_and_type(&module.extern_type(export.index));
            json!({ "name": export.name, "kind": kind, "index": index_of(export.index), "type": ty })
        });
        let functions = self.functions();
        let functions = functions.iter().map(|function| {
            json!({
                "index": function.index,
                "name": module.names().func(function.index),
                "type": module.func_type(function.index).to_string(),
                "size_bytes": function.size_bytes,
                "exports": self.exported_as(ExternIndex::Func(function.index)).collect::<Vec<_>>(),
            })
        });
        let tables = module.tables.iter().zip(0..).map(|(table, index)| {
            json!({
                "index": index,
                "element": table.ty.element.to_string(),
                "minimum": table.ty.minimum,
                "maximum": table.ty.maximum,
                "address_bits": if table.ty.table64 { 64 } else { 32 },
                "imported": index < module.imported_tables,
                "exports": self.exported_as(ExternIndex::Table(index)).collect::<Vec<_>>(),
            })
        });
        let globals = module.globals.iter().zip(0..).map(|(global, index)| {
            json!({
                "index": index,
                "type": global.ty.content.to_string(),
                "mutable": global.ty.mutable,
                "imported": index < module.imported_globals,
                "exports": self.exported_as(ExternIndex::Global(index)).collect::<Vec<_>>(),
            })
        });
        let custom = module.custom_sections();
        let custom =
            custom.map(|(name, contents)| json!({ "name": name, "size_bytes": contents.len() }));
        json!({
            "version": VERSION,
            "code_bytes": module.code_section.len(),
            "functions": functions.collect::<Vec<_>>(),
            "tables": tables.collect::<Vec<_>>(),
            "globals": globals.collect::<Vec<_>>(),
            "custom_sections": custom.collect::<Vec<_>>(),
            "name": module.names().module(),
            "size_bytes": module.bytes.len(),
            "memories": memories.map(|index| self.memory_json(index)).collect::<Vec<_>>(),
            "data_segments": segments.map(|index| self.segment_json(index)).collect::<Vec<_>>(),
            "imports": imports.collect::<Vec<_>>(),
            "exports": exports.collect::<Vec<_>>(),
        })
    }

    fn memory_json(&self, index: u32) -> Value {
        let ty = &self.module.memories[index as usize];
        let import = self.memory_import(index);
        json!({
            "index": index,
            "import": import.map(|(module, name)| json!({ "module": module, "name": name })),
            "exports": self.exported_as(ExternIndex::Memory(index)).collect::<Vec<_>>(),
            "address_bits": address_bits(ty),
            "page_size_bytes": ty.page_size().bytes(),
            "minimum_pages": ty.minimum().0,
            "minimum_bytes": byte_size(ty, false),
            "maximum_pages": ty.maximum().map(|pages| pages.0),
            "maximum_bytes": byte_size(ty, true),
            "shared": ty.is_shared(),
        })
    }

    fn segment_json(&self, index: u32) -> Value {
        let data = self.module.data_bytes(index);
        let mut hex = String::with_capacity(2 * data.len());
        for byte in data {
            let _ = write!(hex, "{byte:02x}");
        }
        let (mode, memory, start, fits) = match self.layout.places[index as usize] {
            Place::Passive => ("passive", None, None, None),
            Place::Unknown { memory } => ("active", Some(memory), None, None),
            Place::Known { memory, start, fits } => {
                ("active", Some(memory), Some(start), Some(fits))
            }
        };
        json!({
            "index": index,
            "mode": mode,
            "memory": memory,
            "start": start,
            "end": start.and_then(|start| start.checked_add(data.len() as u64)),
            "fits": fits,
            "size_bytes": data.len(),
            "hex": hex,
        })
    }
}
