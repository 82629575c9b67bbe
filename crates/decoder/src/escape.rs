//! Names in messages: a name is the module's own and may be any text.

use std::fmt::{self, Write as _};

/// A name on one line, whatever is in it.
///
/// What would control a terminal, end a line, or change the direction of text is written as
/// `\u{…}`; all else as it is.
///
/// ```
/// use lineal_decoder::Escaped;
///
/// assert_eq!(Escaped("grüße").to_string(), "grüße");
/// assert_eq!(Escaped("two\nlines").to_string(), r"two\nlines");
/// assert_eq!(Escaped("\u{1b}[31mred").to_string(), r"\u{1b}[31mred");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Escaped<'_> {
    /// Whether a character does something else than be shown on its line.
    pub fn is_needed_for(c: char) -> bool {
        // Separators of lines and paragraphs, and what is about the direction of text.
        let directs = matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || directs
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(Self::is_needed_for) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = special.chars();
            for escape in chars.next().into_iter().flat_map(char::escape_default) {
                f.write_char(escape)?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}
