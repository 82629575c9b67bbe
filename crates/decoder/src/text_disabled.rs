//! The text format, left out of this build.

use std::borrow::Cow;

use crate::error::Error;

/// Leaves a binary as it is and refuses anything else.
///
/// # Errors
///
/// Returns an [`Error`] if the input does not start with a zero byte.
pub fn to_binary(input: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if input.first() == Some(&0) {
        return Ok(Cow::Borrowed(input));
    }
    let text = str::from_utf8(input).unwrap_or("");
    Err(Error::text(
        text,
        0,
        "not a WebAssembly binary, and this build does not read the text format",
    ))
}

/// Where in a text an error is.
pub(crate) struct Found<'a> {
    pub(crate) text: &'a str,
    pub(crate) text_offset: usize,
    pub(crate) function: String,
}

/// Nothing is a text.
pub(crate) fn find<'a>(_: &'a [u8], _: &[u8], _: u64) -> Option<Found<'a>> {
    None
}
