//! The custom name section.

use std::ops::Range;

use wasmparser::{BinaryReader, Name, NameMap, NameSectionReader};

/// The names that a module gives to itself and to its parts, for messages and traces.
///
/// Names have no meaning to WebAssembly: a malformed name section counts as absent.
#[derive(Clone, Debug, Default)]
pub struct Names {
    module: Option<Box<str>>,
    funcs: NameTable,
    tables: NameTable,
    memories: NameTable,
    globals: NameTable,
    data: NameTable,
}

/// Names by index, in two allocations.
#[derive(Clone, Debug, Default)]
struct NameTable {
    /// Every name, one after the other.
    text: Box<str>,
    /// Index and the end of its name in `text`, where the next name starts; ordered by index.
    ends: Box<[(u32, u32)]>,
}

impl Names {
    /// The name of the module.
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// The name of a function, imported ones included.
    pub fn func(&self, index: u32) -> Option<&str> {
        self.funcs.get(index)
    }

    /// The functions that have a name, by index.
    pub fn funcs(&self) -> impl Iterator<Item = (u32, &str)> {
        self.funcs.ends.iter().filter_map(|&(index, _)| Some((index, self.func(index)?)))
    }

    /// The name of a table, imported ones included.
    pub fn table(&self, index: u32) -> Option<&str> {
        self.tables.get(index)
    }

    /// The name of a memory, imported ones included.
    pub fn memory(&self, index: u32) -> Option<&str> {
        self.memories.get(index)
    }

    /// The name of a global, imported ones included.
    pub fn global(&self, index: u32) -> Option<&str> {
        self.globals.get(index)
    }

    /// The name of a data segment.
    pub fn data(&self, index: u32) -> Option<&str> {
        self.data.get(index)
    }

    /// Reads the name section that lies there in a binary; `None` if it is malformed.
    pub(crate) fn read(binary: &[u8], section: &Range<usize>) -> Option<Names> {
        let mut names = Names::default();
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
    fn get(&self, index: u32) -> Option<&str> {
        let at = self.ends.binary_search_by_key(&index, |&(named, _)| named).ok()?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        self.text.get(start as usize..self.ends[at].1 as usize)
    }

    fn read(map: NameMap<'_>) -> Option<NameTable> {
        let mut text = String::new();
        let mut ends: Vec<(u32, u32)> = Vec::new();
        for naming in map {
            let naming = naming.ok()?;
            // The specification orders a name map by index and allows each index once.
            if ends.last().is_some_and(|&(index, _)| index >= naming.index) {
                return None;
            }
            text.push_str(naming.name);
            ends.push((naming.index, u32::try_from(text.len()).ok()?));
        }
        Some(NameTable { text: text.into(), ends: ends.into() })
    }
}
