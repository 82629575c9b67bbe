//! The custom name section.

use std::ops::Range;
use std::sync::Arc;

use wasmparser::{BinaryReader, Name, NameMap, NameSectionReader};

use crate::steps;

/// The names that a module gives to itself and to its parts, for messages and traces.
///
/// Names have no meaning to WebAssembly: a malformed name section counts as absent.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The module's bytes, which the names stay in.
    binary: Arc<[u8]>,
    module: Option<Box<str>>,
    funcs: NameTable,
    tables: NameTable,
    memories: NameTable,
    globals: NameTable,
    data: NameTable,
}

/// Where names are, by index.
#[derive(Clone, Debug, Default)]
struct NameTable {
    /// Indices, and where in the binary the index and the name are; ordered by index.
    items: Box<[(u32, u32)]>,
}

impl Names {
    /// The name of the module.
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// The name of a function, imported ones included.
    pub fn func(&self, index: u32) -> Option<&str> {
        self.funcs.get(&self.binary, index)
    }

    /// The functions that have a name, by index.
    pub fn funcs(&self) -> impl Iterator<Item = (u32, &str)> {
        self.funcs.items.iter().filter_map(|&(index, _)| Some((index, self.func(index)?)))
    }

    /// The name of a table, imported ones included.
    pub fn table(&self, index: u32) -> Option<&str> {
        self.tables.get(&self.binary, index)
    }

    /// The name of a memory, imported ones included.
    pub fn memory(&self, index: u32) -> Option<&str> {
        self.memories.get(&self.binary, index)
    }

    /// The name of a global, imported ones included.
    pub fn global(&self, index: u32) -> Option<&str> {
        self.globals.get(&self.binary, index)
    }

    /// The name of a data segment.
    pub fn data(&self, index: u32) -> Option<&str> {
        self.data.get(&self.binary, index)
    }

    /// Reads the name section that lies there in a binary; `None` if it is malformed.
    pub(crate) fn read(binary: &Arc<[u8]>, section: &Range<usize>) -> Option<Names> {
        let mut names = Names { binary: Arc::clone(binary), ..Names::default() };
        let reader = BinaryReader::new(&binary[section.clone()], section.start as u64);
        for subsection in NameSectionReader::new(reader) {
            match subsection.ok()? {
                Name::Module { name, .. } => names.module = Some(name.into()),
                Name::Function(map) => names.funcs = NameTable::read(map)?,
                Name::Table(map) => names.tables = NameTable::read(map).unwrap_or_default(),
                Name::Memory(map) => names.memories = NameTable::read(map).unwrap_or_default(),
                Name::Global(map) => names.globals = NameTable::read(map).unwrap_or_default(),
                Name::Data(map) => names.data = NameTable::read(map).unwrap_or_default(),
                _ => {}
            }
        }
        Some(names)
    }
}

impl NameTable {
    fn get<'a>(&self, binary: &'a [u8], index: u32) -> Option<&'a str> {
        let at = self.items.binary_search_by_key(&index, |&(named, _)| named).ok()?;
        let item = binary.get(self.items[at].1 as usize..)?;
        let mut reader = BinaryReader::new(item, 0);
        reader.read_var_u32().ok()?;
        reader.read_unlimited_string().ok()
    }

    fn read(mut map: NameMap<'_>) -> Option<NameTable> {
        let mut items: Vec<(u32, u32)> = Vec::new();
        loop {
            steps::count(1);
            let offset = map.names.original_position();
            let Some(naming) = map.next() else { break };
            let naming = naming.ok()?;
            // The specification orders a name map by index and allows each index once.
            if items.last().is_some_and(|&(index, _)| index >= naming.index) {
                return None;
            }
            items.push((naming.index, u32::try_from(offset).ok()?));
        }
        Some(NameTable { items: items.into() })
    }
}
