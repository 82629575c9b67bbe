//! Why a module was refused, and where.

use std::fmt;

use crate::features::{Features, proposal_name};
use crate::validate;

/// Why a module was refused.
///
/// An error in a binary carries the byte [`offset`](Self::offset); one in a text carries the
/// [`line`](Self::line) and [`column`](Self::column), and displays that line with a caret below. A
/// text that can be read but is not valid has both, and the [`function`](Self::function).
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    message: String,
    place: Place,
    /// The offset in the binary, if the error was found there.
    offset: Option<u64>,
    /// The function that is wrong, as its text calls it.
    function: Option<String>,
    /// The proposal whose absence is the reason, if that is known.
    missing: Option<&'static str>,
}

#[derive(Debug)]
enum Place {
    Binary { offset: u64 },
    Text(TextPlace),
}

#[derive(Debug)]
struct TextPlace {
    line: usize,
    column: usize,
    /// The line, or a window on it when it is very long.
    source: String,
    /// How many characters of `source` precede the one in error.
    caret: usize,
}

/// The most characters of a source line that an error keeps.
const SOURCE_WINDOW: usize = 160;

impl Error {
    pub(crate) fn binary(offset: u64, message: impl Into<String>) -> Error {
        Error {
            inner: Box::new(Inner {
                message: message.into(),
                place: Place::Binary { offset },
                offset: Some(offset),
                function: None,
                missing: None,
            }),
        }
    }

    /// An error at a byte offset of a text, for readers of formats that contain the text format.
    ///
    /// ```
    /// let error = lineal_decoder::Error::text("one\ntwo", 5, "not here");
    /// assert_eq!((error.line(), error.column()), (Some(2), Some(2)));
    /// ```
    pub fn text(source: &str, offset: usize, message: impl Into<String>) -> Error {
        let place = Place::Text(TextPlace::locate(source, offset));
        let (offset, function, missing) = (None, None, None);
        Error {
            inner: Box::new(Inner { message: message.into(), place, offset, function, missing }),
        }
    }

    /// Adds the place in the text to an error of the binary that was made of it, if the error is in
    /// a function. `input` is the text; if it is the binary itself, nothing is added.
    ///
    /// ```
    /// use lineal_decoder::{Features, Module, to_binary};
    ///
    /// let text = "(module\n  (func $sum (result i32)\n    i32.add))";
    /// let binary = to_binary(text.as_bytes())?;
    /// let error = Module::from_binary(&binary, &Features::default()).unwrap_err();
    /// let error = error.in_text(text.as_bytes(), &binary);
    /// assert_eq!((error.line(), error.column()), (Some(3), Some(5)));
    /// assert_eq!(error.function(), Some("$sum"));
    /// # Ok::<(), lineal_decoder::Error>(())
    /// ```
    pub fn in_text(mut self, input: &[u8], binary: &[u8]) -> Error {
        let Place::Binary { offset } = self.inner.place else { return self };
        if let Some(found) = crate::text::find(input, binary, offset) {
            self.inner.place = Place::Text(TextPlace::locate(found.text, found.text_offset));
            self.inner.function = Some(found.function);
        }
        self
    }

    /// Adds the proposal that the error is about, if it is one that validation did not name:
    /// [`missing_proposal`](Self::missing_proposal). For that, the binary is validated with other
    /// features. `features` are those with which it has the error.
    pub fn find_missing_proposal(self, binary: &[u8], features: &Features) -> Error {
        validate::find_missing_proposal(self, binary, features)
    }

    /// A module that needs a proposal which is absent.
    pub(crate) fn unsupported(offset: u64, what: &str, proposal: &'static str) -> Error {
        let message = format!("{what} needs the {proposal} proposal");
        Error::binary(offset, message).with_missing(Some(proposal))
    }

    pub(crate) fn with_missing(mut self, proposal: Option<&'static str>) -> Error {
        self.inner.missing = proposal;
        self
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The offset in the binary, in bytes; `None` for a text that cannot be read.
    pub fn offset(&self) -> Option<u64> {
        self.inner.offset
    }

    /// The function of a text that is not valid: its identifier (`$sum`), or else its index.
    pub fn function(&self) -> Option<&str> {
        self.inner.function.as_deref()
    }

    /// The line of the text, counted from 1; `None` for an error in a binary.
    pub fn line(&self) -> Option<usize> {
        self.text_place().map(|place| place.line)
    }

    /// The column in [`line`](Self::line), in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.text_place().map(|place| place.column)
    }

    /// The line of the text itself, cut to the part around the column if it is very long, and
    /// with U+FFFD in place of control characters.
    pub fn source_line(&self) -> Option<&str> {
        self.text_place().map(|place| place.source.as_str())
    }

    /// The proposal that the module needs and that is not switched on, as its repository is
    /// called ("simd", "exception-handling"); `None` if the module is wrong in itself.
    pub fn missing_proposal(&self) -> Option<&'static str> {
        self.inner.missing
    }

    /// Writes that a proposal is the reason, unless the message says so.
    fn write_missing(&self, f: &mut fmt::Formatter<'_>, before: &str) -> fmt::Result {
        let after = if before.ends_with('(') { ")" } else { "" };
        let Some(name) = self.inner.missing else { return Ok(()) };
        match Features::left_out_for(name) {
            Some(feature) => write!(
                f,
                "{before}the {name} proposal is left out of this build: it needs the feature `{feature}`{after}"
            ),
            None if self.inner.message.contains(name) => Ok(()),
            None => write!(f, "{before}the {name} proposal is not enabled{after}"),
        }
    }

    fn text_place(&self) -> Option<&TextPlace> {
        match &self.inner.place {
            Place::Text(place) => Some(place),
            Place::Binary { .. } => None,
        }
    }
}

impl TextPlace {
    fn locate(text: &str, offset: usize) -> TextPlace {
        let offset = text.floor_char_boundary(offset);
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let preceding = text[line_start..offset].chars().count();
        let whole = text[line_start..].lines().next().unwrap_or("");
        let skipped = preceding.saturating_sub(SOURCE_WINDOW / 2);
        // Not to be taken for commands by a terminal.
        let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        let source = whole.chars().skip(skipped).take(SOURCE_WINDOW).map(visible).collect();
        TextPlace { line, column: preceding + 1, source, caret: preceding - skipped }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        match &self.inner.place {
            Place::Binary { offset } => {
                write!(f, " (at offset {offset:#x}")?;
                self.write_missing(f, "; ")?;
                f.write_str(")")
            }
            Place::Text(place) => {
                self.write_missing(f, " (")?;
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                write!(f, "\n{margin}--> line {number}, column {}", place.column)?;
                if let Some(function) = &self.inner.function {
                    write!(f, ", in function {function}")?;
                }
                write!(f, "\n{margin} |\n{number} | {}\n{margin} | ", place.source)?;
                // Tabs stay tabs, so that the caret stands under its character.
                for c in place.source.chars().take(place.caret) {
                    f.write_str(if c == '\t' { "\t" } else { " " })?;
                }
                f.write_str("^")
            }
        }
    }
}

impl std::error::Error for Error {}

#[doc(hidden)]
impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Error {
        let missing = error.missing_wasm_feature().and_then(proposal_name).or_else(|| {
            // The parser cannot read them at all.
            let is_vector = error.message().starts_with("unexpected SIMD opcode");
            ["simd"].into_iter().find(|name| is_vector && Features::left_out_for(name).is_some())
        });
        Error::binary(error.offset(), error.message()).with_missing(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn text_place_counts_characters_from_one() {
        let error = Error::text("(module\n\té\t(fnc))\n", "(module\n\té\t(".len(), "unknown field");
        assert_eq!((error.line(), error.column()), (Some(2), Some(5)));
        assert_eq!(error.offset(), None);
        assert_eq!(
            error.to_string(),
            "unknown field\n --> line 2, column 5\n  |\n2 | \té\t(fnc))\n  | \t \t ^"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let text = format!("{}X{}", "a".repeat(10_000), "b".repeat(10_000));
        let error = Error::text(&text, 10_000, "here");
        assert_eq!(error.column(), Some(10_001));
        let source = error.source_line().unwrap();
        assert_eq!(source.chars().count(), SOURCE_WINDOW);
        assert_eq!(source.chars().nth(SOURCE_WINDOW / 2), Some('X'));
    }

    #[test]
    fn offsets_at_the_edges_are_placed() {
        for (text, offset, expected) in
            [("", 0, (1, 1)), ("", 9, (1, 1)), ("ab\n", 3, (2, 1)), ("é", 1, (1, 1))]
        {
            let error = Error::text(text, offset, "");
            assert_eq!((error.line().unwrap(), error.column().unwrap()), expected, "{text:?}");
        }
    }
}
