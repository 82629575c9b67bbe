//! What a module has and needs, by index and in numbers.

use std::sync::Arc;

use lineal_decoder::ExternIndex;

use super::Module;
use crate::runtime::code::ModuleCode;

/// Which export of a module a name stands for, found once: see [`Module::get_export_index`].
#[derive(Clone, Debug)]
pub struct ModuleExport {
    module: Arc<ModuleCode>,
    index: ExternIndex,
}

impl ModuleExport {
    /// The index, if the module is the one that the export was looked up in.
    pub(crate) fn index_in(&self, module: &Arc<ModuleCode>) -> Option<ExternIndex> {
        Arc::ptr_eq(&self.module, module).then_some(self.index)
    }
}

/// A function that a module defines; see [`Module::functions`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleFunction {
    /// The function's index in the module, where imported functions come first.
    pub index: u32,
    /// The name that the module's name section has for it.
    pub name: Option<String>,
    /// Where its body begins in the module's binary, in bytes.
    pub offset: usize,
    /// How many bytes its body has.
    pub len: usize,
}

/// What an instance of a module needs of its store; see [`Module::resources_required`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourcesRequired {
    /// How many memories it defines.
    pub num_memories: u32,
    /// The minimum of the largest of them, in pages.
    pub max_initial_memory_size: Option<u64>,
    /// How many tables it defines.
    pub num_tables: u32,
    /// The minimum of the largest of them, in elements.
    pub max_initial_table_size: Option<u64>,
}

impl Module {
    /// Finds an export by name for [`Instance::get_module_export`](crate::Instance), which is then
    /// faster than looking the name up in each instance.
    ///
    /// ```
    /// use lineal::{Engine, Instance, Module, Store};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module (memory (export "memory") 1))"#)?;
    /// let memory = module.get_export_index("memory").unwrap();
    ///
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let memory = instance.get_module_export(&mut store, &memory).unwrap();
    /// assert_eq!(memory.into_memory().unwrap().size(&store), 1);
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn get_export_index(&self, name: &str) -> Option<ModuleExport> {
        let index = self.code.decoded.export(name)?;
        Some(ModuleExport { module: self.code.clone(), index })
    }

    /// The functions that the module defines.
    ///
    /// ```
    /// use lineal::{Engine, Module};
    ///
    /// let wat = r#"(module (import "a" "b" (func)) (func $first) (func nop))"#;
    /// let module = Module::new(&Engine::default(), wat)?;
    /// let functions: Vec<_> = module.functions().collect();
    /// assert_eq!((functions[0].index, functions[0].name.as_deref()), (1, Some("first")));
    /// assert_eq!((functions[1].index, functions[1].len), (2, 3));
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn functions(&self) -> impl ExactSizeIterator<Item = ModuleFunction> {
        let decoded = &self.code.decoded;
        decoded.bodies.iter().enumerate().map(|(own, body)| {
            let index = decoded.imported_funcs + own as u32;
            let name = decoded.names().func(index).map(str::to_owned);
            ModuleFunction { index, name, offset: body.range.start, len: body.range.len() }
        })
    }

    /// How many memories and tables an instance of the module makes, and how large they are at
    /// least: for hosts that decide by it whether to instantiate the module.
    ///
    /// ```
    /// use lineal::{Engine, Module};
    ///
    /// let wat = "(module (memory 3) (table 5 funcref) (table 7 funcref))";
    /// let needs = Module::new(&Engine::default(), wat)?.resources_required();
    /// assert_eq!((needs.num_memories, needs.max_initial_memory_size), (1, Some(3)));
    /// assert_eq!((needs.num_tables, needs.max_initial_table_size), (2, Some(7)));
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn resources_required(&self) -> ResourcesRequired {
        let decoded = &self.code.decoded;
        let memories = &decoded.memories[decoded.imported_memories as usize..];
        let tables = &decoded.tables[decoded.imported_tables as usize..];
        ResourcesRequired {
            num_memories: memories.len() as u32,
            max_initial_memory_size: memories.iter().map(|ty| ty.minimum().0).max(),
            num_tables: tables.len() as u32,
            max_initial_table_size: tables.iter().map(|table| table.ty.minimum).max(),
        }
    }

    /// The name and the contents of each custom section, in the order of the binary.
    ///
    /// ```
    /// use lineal::{Engine, Module};
    ///
    /// let module = Module::new(&Engine::default(), r#"(module (@custom "note" "kept"))"#)?;
    /// assert_eq!(module.custom_sections().next(), Some(("note", &b"kept"[..])));
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn custom_sections(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.code.decoded.custom_sections()
    }

    /// Whether two handles stand for one module.
    pub fn same(a: &Module, b: &Module) -> bool {
        Arc::ptr_eq(&a.code, &b.code)
    }
}
