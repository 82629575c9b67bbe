//! What a module's names and debug information say, for tools.

use lineal_symbols::{DataSymbol, FrameSymbol, demangle};

use super::Module;

impl Module {
    /// The function whose body holds a byte of the module's binary, as an index where imported
    /// functions come first. `module_offset` is one of
    /// [`FrameInfo::module_offset`](crate::FrameInfo::module_offset).
    pub fn func_at(&self, module_offset: usize) -> Option<u32> {
        self.code().decoded.func_at(module_offset)
    }

    /// The name of a function as the module's name section has it, if it does. See
    /// [`Module::func_display_name`] for the name to show.
    pub fn func_name(&self, func_index: u32) -> Option<&str> {
        self.code().decoded.names().func(func_index)
    }

    /// A name to show for a function: that of the name section, demangled, or its index.
    pub fn func_display_name(&self, func_index: u32) -> String {
        match self.func_name(func_index) {
            Some(name) => demangle(name).into_owned(),
            None => format!("<wasm function {func_index}>"),
        }
    }

    /// Where in the source an instruction comes from: the innermost of the functions that were
    /// inlined there first, the function itself last. Empty if the module has no debug information
    /// for it.
    ///
    /// `module_offset` is where the instruction begins in the module's binary, in bytes, as
    /// [`FrameInfo::module_offset`](crate::FrameInfo::module_offset) is. The debug information
    /// (DWARF, or the source map that the module names) is read when this is first called. It does
    /// not depend on [`Config::wasm_backtrace_details`](crate::Config::wasm_backtrace_details).
    pub fn symbolize(&self, module_offset: usize) -> Vec<FrameSymbol> {
        let code = self.code();
        code.symbols.locate(&code.decoded, code.file.as_deref(), module_offset)
    }

    /// The variables with a fixed address, by DWARF, and the data segments with a name, ordered by
    /// memory and address; a symbol comes before those that lie inside it.
    ///
    /// ```
    /// use lineal::{Engine, Module};
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(&engine, r#"(module
    ///     (memory 1)
    ///     (data $greeting (i32.const 16) "hello, world"))"#)?;
    /// let greeting = module.data_symbol("greeting").unwrap();
    /// assert_eq!(greeting.range(), 16..28);
    /// assert_eq!(module.data_symbol_at(0, 20), Some(greeting));
    /// # Ok::<(), lineal::Error>(())
    /// ```
    pub fn data_symbols(&self) -> &[DataSymbol] {
        let code = self.code();
        code.symbols.data(&code.decoded)
    }

    /// The variable or data segment with a name. `game::score` is found by its whole name and by
    /// `score`; where several are called so, this is one whose whole name it is, or else the first.
    pub fn data_symbol(&self, name: &str) -> Option<&DataSymbol> {
        let code = self.code();
        code.symbols.data_named(&code.decoded, name)
    }

    /// What lies at an address of a memory: the smallest variable that holds it, or else the
    /// smallest data segment.
    pub fn data_symbol_at(&self, memory: u32, addr: u64) -> Option<&DataSymbol> {
        let code = self.code();
        code.symbols.data_at(&code.decoded, memory, addr)
    }
}
