//! [`Place`]: what a site is called.

use std::collections::HashMap;
use std::fmt;

use lineal::{Engine, Escaped, FrameInfo, Origin, Site};
use serde_json::{Value, json};

use crate::mnemonic::instruction_at;

/// Who accessed memory, as a user knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function, `host: name`, `data segment N`, or `never written`.
    pub name: String,
    /// The source file, if the module has debug information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The instruction.
    pub instruction: Option<String>,
    /// Where the instruction is in the module's binary.
    pub offset: Option<usize>,
    /// The functions that this one is inlined in, and their lines.
    pub inlined_in: Vec<(String, Option<String>, Option<u32>)>,
}

impl Place {
    /// What a site stands for.
    pub fn of(engine: &Engine, site: Site) -> Place {
        match engine.origin(site) {
            Origin::Instruction(frame) => Place::of_frame(&frame),
            origin => Place { name: origin.to_string(), ..Place::default() },
        }
    }

    /// Where a frame of a backtrace is.
    pub fn of_frame(frame: &FrameInfo) -> Place {
        let module = frame.module();
        let offset = frame.module_offset();
        let instruction = offset.and_then(|offset| instruction_at(module.binary(), offset));
        let own_name = || match frame.func_name() {
            Some(_) => module.func_display_name(frame.func_index()),
            None => format!("func[{}]", frame.func_index()),
        };
        let symbols = offset.map_or_else(Vec::new, |offset| module.symbolize(offset));
        let mut lines = symbols.iter().map(|symbol| {
            let name = symbol.name().map_or_else(own_name, str::to_owned);
            (name, symbol.file().map(str::to_owned), symbol.line())
        });
        let (name, file, line) = lines.next().unwrap_or_else(|| (own_name(), None, None));
        let inlined_in = lines.collect();
        Place { name, file, line, instruction, offset, inlined_in }
    }

    /// The source file without its folders, and the line.
    pub fn source(&self) -> Option<String> {
        let file = self.file.as_deref()?;
        let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
        Some(match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        })
    }

    /// The place for `--json`.
    pub fn to_json(&self) -> Value {
        let inlined_in: Vec<Value> = self
            .inlined_in
            .iter()
            .map(|(name, file, line)| json!({ "name": name, "file": file, "line": line }))
            .collect();
        json!({
            "name": self.name,
            "file": self.file,
            "line": self.line,
            "instruction": self.instruction,
            "offset": self.offset,
            "inlined_in": inlined_in,
        })
    }
}

impl fmt::Display for Place {
    /// Writes `function   file.c:12   i32.store offset=4 at 0x5f3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.name))?;
        if let Some(source) = self.source() {
            write!(f, "   {}", Escaped(&source))?;
        }
        if let Some(instruction) = &self.instruction {
            write!(f, "   {instruction}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " at {offset:#x}")?;
        }
        Ok(())
    }
}

/// Places that were looked up already.
#[derive(Debug)]
pub struct Places {
    engine: Engine,
    known: HashMap<Site, Place>,
}

impl Places {
    /// Those of an engine.
    pub fn new(engine: &Engine) -> Places {
        Places { engine: engine.clone(), known: HashMap::new() }
    }

    pub(crate) fn origin(&self, site: Site) -> Origin {
        self.engine.origin(site)
    }

    /// What a site stands for.
    pub fn of(&mut self, site: Site) -> &Place {
        let engine = &self.engine;
        self.known.entry(site).or_insert_with(|| Place::of(engine, site))
    }
}
