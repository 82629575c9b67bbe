//! The text format.

use std::borrow::Cow;

use wasmparser::{Parser, Payload, TypeRef};
use wast::Wat;
use wast::core::{FuncKind, ModuleField, ModuleKind};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};

use crate::error::Error;
use crate::steps;

/// Every binary starts with this; a text cannot, since it may not contain a zero byte.
const BINARY_START: u8 = 0;

/// Turns a text into a binary, and leaves a binary as it is.
///
/// Input that starts with a zero byte is taken for a binary, anything else for text.
///
/// # Errors
///
/// Returns an [`Error`] if a text is malformed, or the feature `wat` is off.
pub fn to_binary(input: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if input.first() == Some(&BINARY_START) {
        return Ok(Cow::Borrowed(input));
    }
    match str::from_utf8(input) {
        Ok(text) => assemble(text).map(Cow::Owned),
        Err(error) => Err(not_a_text(input, error.valid_up_to())),
    }
}

fn assemble(text: &str) -> Result<Vec<u8>, Error> {
    let locate = |error: wast::Error| Error::text(text, error.span().offset(), error.message());
    let mut lexer = Lexer::new(text);
    // A warning of the parser's, not a rule of the format: names may hold any character.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(locate)?;
    let mut module = parser::parse::<Wat<'_>>(&buffer).map_err(locate)?;
    module.encode().map_err(locate)
}

/// Where in a text an error of its binary is.
pub(crate) struct Found<'a> {
    pub(crate) text: &'a str,
    /// Where it is in the text, in bytes.
    pub(crate) text_offset: usize,
    /// The function, by its identifier or else its index.
    pub(crate) function: String,
}

/// Finds the instruction of a text that lies at an offset in its binary. The text is read once more.
pub(crate) fn find<'a>(input: &'a [u8], binary: &[u8], offset: u64) -> Option<Found<'a>> {
    if input.first() == Some(&BINARY_START) {
        return None;
    }
    let text = str::from_utf8(input).ok()?;
    let place = instruction_at(binary, offset)?;
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let mut buffer = ParseBuffer::new_with_lexer(lexer).ok()?;
    buffer.track_instr_spans(true);
    let Ok(Wat::Module(module)) = parser::parse::<Wat<'_>>(&buffer) else { return None };
    let ModuleKind::Text(fields) = &module.kind else { return None };
    let mut functions = fields.iter().filter_map(|field| {
        steps::count(1);
        match field {
            ModuleField::Func(func) => match &func.kind {
                FuncKind::Inline { expression, .. } => Some((func, expression)),
                FuncKind::Import(..) => None,
            },
            _ => None,
        }
    });
    let (func, expression) = functions.nth(place.body)?;
    // The `end` of a function has no place of its own.
    let spans = expression.instr_spans.as_deref().unwrap_or_default();
    let span = spans.get(place.instruction).or(spans.last()).unwrap_or(&func.span);
    let function = match &func.id {
        Some(id) => format!("${}", id.name()),
        None => (place.imported + place.body).to_string(),
    };
    Some(Found { text, text_offset: span.offset(), function })
}

/// An instruction of a binary.
struct Instruction {
    /// The function, among those that are not imported.
    body: usize,
    /// How many instructions are before it.
    instruction: usize,
    /// How many functions are imported.
    imported: usize,
}

/// The instruction at an offset.
fn instruction_at(binary: &[u8], offset: u64) -> Option<Instruction> {
    let (mut bodies, mut imported) = (0, 0);
    for payload in Parser::new(0).parse_all(binary) {
        steps::count(1);
        match payload.ok()? {
            Payload::ImportSection(imports) => {
                let is_func = |ty| matches!(ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                let imports = imports.into_imports_with_offsets().flatten();
                imported = imports.filter(|(_, import)| is_func(import.ty)).count();
            }
            Payload::CodeSectionEntry(body) => {
                // An error after the last instruction is one of the function too.
                if body.range().start <= offset && offset <= body.range().end {
                    let mut operators = body.get_operators_reader().ok()?;
                    let mut instruction = 0;
                    while operators.original_position() < offset && operators.read().is_ok() {
                        steps::count(1);
                        instruction += 1;
                    }
                    return Some(Instruction { body: bodies, instruction, imported });
                }
                bodies += 1;
            }
            _ => {}
        }
    }
    None
}

fn not_a_text(input: &[u8], valid: usize) -> Error {
    // Few bytes precede a stray one in something that was never meant as text.
    let text = str::from_utf8(&input[..valid]).unwrap_or("");
    Error::text(text, valid, "neither a WebAssembly binary nor UTF-8 text")
}
