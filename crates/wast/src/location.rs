//! Places in a script.

use std::fmt;

/// A place in a script: line and column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Location {
    /// Writes `line:column`, the form editors and terminals make a link of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Finds the lines of a text without reading it again for each place.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// The offset of the first byte of each line.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Where the directive starts that has a keyword at a byte offset: at its parenthesis.
    ///
    /// A script that is a module without parentheses starts where it starts.
    pub(crate) fn of_directive(&self, keyword: usize) -> Location {
        let before = self.text.get(..keyword).unwrap_or("");
        self.locate(before.rfind('(').unwrap_or(keyword))
    }

    fn locate(&self, offset: usize) -> Location {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line.saturating_sub(1)];
        let preceding = self.text.get(start..offset).unwrap_or("");
        Location { line, column: preceding.chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_starts_at_its_parenthesis() {
        let text = "(module quote)\n  (é) ( \n invoke \"f\")";
        let lines = Lines::new(text);
        let at = |needle| lines.of_directive(text.find(needle).unwrap());
        assert_eq!(at("module"), Location { line: 1, column: 1 });
        assert_eq!(at("quote"), Location { line: 1, column: 1 });
        assert_eq!(at("invoke"), Location { line: 2, column: 7 });
        assert_eq!(lines.of_directive(0), Location { line: 1, column: 1 });
        assert_eq!(Lines::new("invoke\n").of_directive(10_000).line, 2);
    }

    #[test]
    fn an_empty_text_has_one_line() {
        assert_eq!(Lines::new("").of_directive(0), Location { line: 1, column: 1 });
    }
}
