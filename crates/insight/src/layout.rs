//! Where a module keeps its data, its stack and its heap, as far as its binary says.

use std::ops::Range;

use wasmparser::{DataKind, Name, Operator, Parser, Payload, TypeRef, ValType};

/// The parts of memory 0 of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Whether addresses have 64 bits.
    pub is_64: bool,
    /// The size of memory 0 at the start, in bytes.
    pub initial_bytes: u64,
    /// The active data segments, with their names.
    pub segments: Vec<Segment>,
    /// The global that holds the stack pointer, if there seems to be one.
    pub stack_pointer: Option<StackPointer>,
    /// Where the heap begins, if a global says so.
    pub heap_base: Option<u64>,
    /// Where static data ends, if a global says so.
    pub data_end: Option<u64>,
    /// Where the stack ends, if a global says so.
    pub stack_low: Option<u64>,
    /// Whether AssemblyScript's compiler laid the memory out, as names of globals say.
    pub is_assembly_script: bool,
}

/// An active data segment of memory 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The addresses that it fills.
    pub range: Range<u64>,
    /// Its name, such as `.rodata`.
    pub name: Option<String>,
}

/// The global that holds the stack pointer of LLVM's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackPointer {
    /// The index of the global.
    pub global: u32,
    /// Its first value: where the stack begins, to grow towards address 0.
    pub start: u64,
}

#[derive(Default)]
struct Global {
    mutable: bool,
    value: Option<u64>,
    names: Vec<String>,
}

impl Layout {
    /// Reads a module's binary. What cannot be read is as if it were not there.
    pub fn of(binary: &[u8]) -> Layout {
        let mut layout = Layout::default();
        let mut globals: Vec<Global> = Vec::new();
        let mut imported_globals = 0;
        let mut data: Vec<(usize, Range<u64>)> = Vec::new();
        let mut names: Vec<(usize, String)> = Vec::new();
        let mut memories = 0;
        for payload in Parser::new(0).parse_all(binary) {
            let Ok(payload) = payload else { break };
            match payload {
                Payload::ImportSection(section) => {
                    for import in section.into_imports().flatten() {
                        match import.ty {
                            TypeRef::Global(_) => {
                                imported_globals += 1;
                                globals.push(Global {
                                    names: vec![import.name.to_owned()],
                                    ..Global::default()
                                });
                            }
                            TypeRef::Memory(ty) => layout.memory(&ty, &mut memories),
                            _ => {}
                        }
                    }
                }
                Payload::MemorySection(section) => {
                    for ty in section.into_iter().flatten() {
                        layout.memory(&ty, &mut memories);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section.into_iter().flatten() {
                        let integer = matches!(global.ty.content_type, ValType::I32 | ValType::I64);
                        globals.push(Global {
                            mutable: global.ty.mutable,
                            value: constant(&global.init_expr).filter(|_| integer),
                            names: Vec::new(),
                        });
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.into_iter().flatten() {
                        if export.kind == wasmparser::ExternalKind::Global
                            && let Some(global) = globals.get_mut(export.index as usize)
                        {
                            global.names.push(export.name.to_owned());
                        }
                    }
                }
                Payload::DataSection(section) => {
                    for (index, segment) in section.into_iter().flatten().enumerate() {
                        if let DataKind::Active { memory_index: 0, offset_expr } = segment.kind
                            && let Some(start) = constant(&offset_expr)
                        {
                            let end = start.saturating_add(segment.data.len() as u64);
                            data.push((index, start..end));
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    if let wasmparser::KnownCustom::Name(section) = section.as_known() {
                        for name in section.into_iter().flatten() {
                            match name {
                                Name::Global(map) => {
                                    for naming in map.into_iter().flatten() {
                                        if let Some(global) = globals.get_mut(naming.index as usize)
                                        {
                                            global.names.push(naming.name.to_owned());
                                        }
                                    }
                                }
                                Name::Data(map) => {
                                    names.extend(map.into_iter().flatten().map(|naming| {
                                        (naming.index as usize, naming.name.to_owned())
                                    }))
                                }
                                _ => {}
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, range) in data {
            let name = names.iter().find(|name| name.0 == index).map(|name| name.1.clone());
            layout.segments.push(Segment { range, name });
        }
        let named = |wanted: &[&str]| {
            let has = |global: &Global| global.names.iter().any(|name| wanted.contains(&&**name));
            globals.iter().find(|global| has(global)).and_then(|global| global.value)
        };
        layout.heap_base = named(&["__heap_base", "~lib/memory/__heap_base"]);
        layout.data_end = named(&["__data_end", "~lib/memory/__data_end"]);
        layout.stack_low = named(&["__stack_low", "__stack_end"]);
        layout.is_assembly_script =
            globals.iter().flat_map(|global| &global.names).any(|name| name.starts_with("~lib/"));
        layout.stack_pointer = layout.find_stack_pointer(&globals, imported_globals);
        layout
    }

    fn memory(&mut self, ty: &wasmparser::MemoryType, memories: &mut u32) {
        if *memories == 0 {
            self.is_64 = ty.memory64;
            let page_bytes = 1_u64.checked_shl(ty.page_size_log2.unwrap_or(16)).unwrap_or(0);
            self.initial_bytes = ty.initial.saturating_mul(page_bytes);
        }
        *memories += 1;
    }

    /// The global called `__stack_pointer`; without names, LLVM's is the first that a module
    /// defines: mutable, not exported, and an aligned address in the memory.
    fn find_stack_pointer(&self, globals: &[Global], imported: usize) -> Option<StackPointer> {
        let has_name = |global: &Global, wanted| global.names.iter().any(|name| name == wanted);
        let position = globals
            .iter()
            .position(|global| {
                has_name(global, "__stack_pointer")
                    || has_name(global, "~lib/memory/__stack_pointer")
            })
            .or_else(|| {
                let first = globals.get(imported)?;
                let start = first.value?;
                let plausible = first.mutable
                    && first.names.is_empty()
                    && start.is_multiple_of(16)
                    && (1024..=self.initial_bytes).contains(&start);
                plausible.then_some(imported)
            })?;
        let start = globals[position].value?;
        Some(StackPointer { global: position as u32, start })
    }

    /// Where the data segments end, or 0.
    pub fn segments_end(&self) -> u64 {
        self.segments.iter().map(|segment| segment.range.end).max().unwrap_or(0)
    }

    /// Whether the stack lies below all data, so that it cannot grow into any.
    pub fn is_stack_first(&self) -> bool {
        let first = self.segments.iter().map(|segment| segment.range.start).min();
        match (self.stack_pointer, first) {
            (Some(stack), Some(first)) => stack.start <= first,
            _ => false,
        }
    }

    /// The lowest address that the stack may use, if that is known. `variables_end` is where the
    /// known variables that lie below the stack end.
    pub fn stack_end(&self, variables_end: u64) -> Option<u64> {
        let stack = self.stack_pointer?;
        if self.is_stack_first() {
            return Some(0);
        }
        let data_end = self
            .segments
            .iter()
            .map(|segment| segment.range.end)
            .filter(|&end| end <= stack.start)
            .max()
            .unwrap_or(0);
        let known = self.data_end.filter(|&end| end <= stack.start);
        let low = self.stack_low.filter(|&low| low < stack.start);
        low.or(known).or(Some(data_end.max(variables_end)))
    }

    /// The first address after the null page: accesses below it are errors. Modules that no linker
    /// has laid out have none: whoever writes them by hand may use address 0.
    pub fn null_page_end(&self) -> u64 {
        let is_linked = self.stack_pointer.is_some()
            || self.heap_base.is_some()
            || self.data_end.is_some()
            || self.segments.iter().any(|segment| segment.name.is_some());
        if !is_linked {
            return 0;
        }
        let first = self.segments.iter().map(|segment| segment.range.start).min().unwrap_or(0);
        // AssemblyScript has variables that need no segment from address 8 on.
        first.min(if self.is_assembly_script { 8 } else { 1024 })
    }

    /// Where the heap may begin at the earliest, if that is certain.
    pub fn heap_start(&self) -> Option<u64> {
        if self.heap_base.is_some() {
            return self.heap_base;
        }
        // The usual order is data, stack, heap.
        let stack = self.stack_pointer?;
        (!self.segments.is_empty() && self.segments_end() <= stack.start).then_some(stack.start)
    }

    /// The ranges of constant data.
    pub fn read_only(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let constant = |segment: &&Segment| {
            segment.name.as_ref().is_some_and(|name| name.starts_with(".rodata"))
        };
        self.segments.iter().filter(constant).map(|segment| segment.range.clone())
    }
}

/// The value of an expression that is a single constant.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Option<u64> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value as u32)),
        Operator::I64Const { value } => Some(value as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Layout {
        Layout::of(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn the_usual_order_of_a_linker() {
        let layout = of(r#"(module
            (memory 2)
            (global $__stack_pointer (mut i32) (i32.const 70000))
            (data $.rodata (i32.const 1024) "constant")
            (data $.data (i32.const 1032) "data"))"#);
        assert_eq!(layout.stack_pointer, Some(StackPointer { global: 0, start: 70_000 }));
        assert_eq!(layout.stack_end(0), Some(1036));
        assert_eq!(layout.stack_end(4464), Some(4464));
        assert_eq!(layout.heap_start(), Some(70_000));
        assert_eq!(layout.null_page_end(), 1024);
        assert_eq!(layout.read_only().next(), Some(1024..1032));
        assert_eq!(layout.read_only().count(), 1);
        assert!(!layout.is_stack_first());
    }

    #[test]
    fn the_stack_may_come_first() {
        let layout = of(r#"(module
            (memory 2)
            (global $__stack_pointer (mut i32) (i32.const 65536))
            (data (i32.const 65536) "data"))"#);
        assert!(layout.is_stack_first());
        assert_eq!(layout.stack_end(0), Some(0));
        assert_eq!(layout.heap_start(), None);
    }

    #[test]
    fn a_stripped_module_has_a_stack_pointer_too() {
        let layout = of("(module (memory 2) (global (mut i32) (i32.const 66560)))");
        assert_eq!(layout.stack_pointer.unwrap().start, 66_560);
        for other in ["(global i32 (i32.const 66560))", "(global (mut i32) (i32.const 3))"] {
            assert_eq!(of(&format!("(module (memory 2) {other})")).stack_pointer, None, "{other}");
        }
    }

    #[test]
    fn what_is_broken_says_nothing() {
        assert_eq!(Layout::of(b"not wasm"), Layout::default());
    }
}
