//! The text format.

use std::borrow::Cow;

use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};

use crate::error::Error;

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
    let mut module = parser::parse::<wast::Wat<'_>>(&buffer).map_err(locate)?;
    module.encode().map_err(locate)
}

fn not_a_text(input: &[u8], valid: usize) -> Error {
    // Few bytes precede a stray one in something that was never meant as text.
    let text = str::from_utf8(&input[..valid]).unwrap_or("");
    Error::text(text, valid, "neither a WebAssembly binary nor UTF-8 text")
}
