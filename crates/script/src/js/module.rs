//! Modules: compilation, what they import and export, their custom sections, and the functions on
//! strings that they can import from the engine.

use std::ops::Range;
use std::rc::Rc;

use lineal::{
    ArrayType, Engine, ExternType, FieldType, FuncType, HeapType, ImportType, Module, Mutability,
    RefType, StorageType, ValType,
};

/// The name that the functions on strings are imported from.
const STRINGS: &str = "wasm:js-string";

/// What a script asks for when it compiles a module.
#[derive(Clone, Default)]
pub(super) struct CompileOptions {
    /// Whether the functions on strings are defined.
    pub(super) strings: bool,
    /// The module whose globals are strings: their own names.
    pub(super) string_constants: Option<String>,
}

/// A compiled module.
#[derive(Clone)]
pub(super) struct Compiled {
    pub(super) module: Module,
    bytes: Rc<[u8]>,
    options: CompileOptions,
}

/// Where an import comes from.
pub(super) enum Source<'a> {
    /// The script's object of imports.
    Script,
    /// The functions on strings.
    Strings(&'a str),
    /// A string that is the import's name.
    Constant(&'a str),
}

impl Compiled {
    /// Compiles a module of the binary format.
    ///
    /// # Errors
    ///
    /// If it is invalid, or imports something of the engine's with a wrong type.
    pub(super) fn new(
        engine: &Engine,
        bytes: &[u8],
        options: CompileOptions,
    ) -> lineal::Result<Compiled> {
        let module = Module::from_binary(engine, bytes)?;
        let compiled = Compiled { module, bytes: bytes.into(), options };
        compiled.check_sources()?;
        Ok(compiled)
    }

    /// The same for a module that was compiled before, from a file in either format.
    pub(super) fn of(module: Module) -> Compiled {
        Compiled { module, bytes: Rc::default(), options: CompileOptions::default() }
    }

    fn check_sources(&self) -> lineal::Result<()> {
        for import in self.module.imports() {
            let fits = match (self.source(&import), import.ty()) {
                (Source::Script, _) => true,
                (Source::Strings(name), ExternType::Func(ty)) => {
                    is_string_function(self.module.engine(), name, &ty)
                }
                (Source::Constant(_), ExternType::Global(ty)) => {
                    let content = ty.content().as_ref();
                    ty.mutability().is_const()
                        && content.is_some_and(|ty| ty.heap_type().is_extern())
                }
                _ => false,
            };
            let (module, name) = (import.module(), import.name());
            if !fits {
                lineal::Result::Err(lineal::Error::msg(format!(
                    "import `{module}::{name}` is not of the type that the engine defines it with"
                )))?;
            }
        }
        Ok(())
    }

    /// Where an import comes from.
    pub(super) fn source<'a>(&self, import: &ImportType<'a>) -> Source<'a> {
        let (module, name) = (import.module(), import.name());
        if self.options.string_constants.as_deref() == Some(module) {
            Source::Constant(name)
        } else if self.options.strings
            && module == STRINGS
            && STRING_FUNCTIONS.iter().any(|f| f.0 == name)
        {
            Source::Strings(name)
        } else {
            Source::Script
        }
    }

    /// The contents of the custom sections with a name.
    pub(super) fn custom_sections(&self, name: &str) -> Vec<&[u8]> {
        let mut found = Vec::new();
        // After the magic number and the version.
        let mut at = 8;
        while let Some((id, section)) = next_section(&self.bytes, &mut at) {
            if id != 0 {
                continue;
            }
            let (mut start, end) = (section.start, section.end);
            let Some(len) = leb128(&self.bytes[..end], &mut start) else { break };
            let Some(text) = self.bytes[..end].get(start..start.saturating_add(len)) else { break };
            if text == name.as_bytes() {
                found.push(&self.bytes[start + len..end]);
            }
        }
        found
    }
}

/// The next section: its number and where its contents are.
fn next_section(bytes: &[u8], at: &mut usize) -> Option<(u8, Range<usize>)> {
    let id = *bytes.get(*at)?;
    *at += 1;
    let len = leb128(bytes, at)?;
    let range = *at..at.checked_add(len)?;
    *at = range.end;
    (range.end <= bytes.len()).then_some((id, range))
}

fn leb128(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// What `Module.imports` and `Module.exports` call a kind.
pub(super) fn kind_name(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Func(_) => "function",
        ExternType::Table(_) => "table",
        ExternType::Memory(_) => "memory",
        ExternType::Global(_) => "global",
        ExternType::Tag(_) => "tag",
    }
}

/// The types of the functions on strings, a letter a value: `e` and `E` are `externref` and
/// `(ref extern)`, `i` is `i32`, `a` is `(ref null (array (mut i16)))`.
const STRING_FUNCTIONS: [(&str, &str, &str); 13] = [
    ("cast", "e", "E"),
    ("test", "e", "i"),
    ("fromCharCodeArray", "aii", "E"),
    ("intoCharCodeArray", "eai", "i"),
    ("fromCharCode", "i", "E"),
    ("fromCodePoint", "i", "E"),
    ("charCodeAt", "ei", "i"),
    ("codePointAt", "ei", "i"),
    ("length", "e", "i"),
    ("concat", "ee", "E"),
    ("substring", "eii", "E"),
    ("equals", "ee", "i"),
    ("compare", "ee", "i"),
];

/// Whether a function on strings has exactly this type, and not only one that looks like it.
fn is_string_function(engine: &Engine, name: &str, ty: &FuncType) -> bool {
    let Some((_, params, results)) = STRING_FUNCTIONS.iter().find(|f| f.0 == name) else {
        return false;
    };
    let types = |letters: &'static str| letters.chars().map(|letter| value_type(engine, letter));
    *ty == FuncType::new(engine, types(params), types(results))
}

fn value_type(engine: &Engine, letter: char) -> ValType {
    let ty = match letter {
        'i' => return ValType::I32,
        'e' => RefType::EXTERNREF,
        'E' => RefType::new(false, HeapType::Extern),
        _ => {
            let element = FieldType::new(Mutability::Var, StorageType::I16);
            RefType::new(true, HeapType::ConcreteArray(ArrayType::new(engine, element)))
        }
    };
    ValType::Ref(ty)
}
