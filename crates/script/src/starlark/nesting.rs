//! How deeply a text nests: parser and evaluator of Starlark go down with it on the host's stack.

use starlark::syntax::Dialect;
use starlark_syntax::codemap::CodeMap;
use starlark_syntax::lexer::{Lexer, Token};

/// What is between two brackets, or a statement.
#[derive(Default)]
struct Level {
    /// Tokens since the last comma that ends an expression. Each can nest what is left or right
    /// of it.
    tokens: usize,
    /// The deepest pair of brackets since then.
    inside: usize,
    /// The deepest expression before.
    deepest: usize,
    /// Between how many words `lambda` and their colons this is: commas are inside of an expression
    /// there.
    lambdas: usize,
    /// The same of `for` and `in`.
    fors: usize,
}

impl Level {
    fn end_expression(&mut self) {
        self.deepest = self.depth();
        (self.tokens, self.inside) = (0, 0);
    }

    fn depth(&self) -> usize {
        self.deepest.max(self.tokens + self.inside)
    }
}

/// A number of levels that expressions and blocks of a text do not exceed. Of a text that
/// has characters that mean nothing, what is before them counts: the parser reads no further either.
pub(super) fn depth_bound(text: &str) -> usize {
    let mut levels = vec![Level::default()];
    let (mut deepest, mut blocks, mut deepest_block, mut branches) = (0, 0_usize, 0, 0);
    let codemap = CodeMap::new(String::new(), text.to_owned());
    for lexeme in Lexer::new(text, &Dialect::AllOptionsInternal, codemap) {
        let Ok((_, token, _)) = lexeme else { break };
        let in_brackets = levels.len() > 1;
        let level = levels.last_mut().expect("the statement is never popped");
        match token {
            Token::OpeningRound
            | Token::OpeningSquare
            | Token::OpeningCurly
            | Token::FStringExprStart => {
                // What is called or indexed is nested too.
                level.tokens += 1;
                levels.push(Level::default());
            }
            Token::ClosingRound
            | Token::ClosingSquare
            | Token::ClosingCurly
            | Token::FStringExprEnd => {
                if in_brackets {
                    let depth = levels.pop().map_or(0, |level| level.depth());
                    let outer = levels.last_mut().expect("there was more than one");
                    outer.inside = outer.inside.max(depth);
                }
            }
            Token::Comma if level.lambdas + level.fors == 0 => level.end_expression(),
            Token::Newline | Token::Semicolon if !in_brackets => {
                deepest = deepest.max(levels[0].depth());
                levels[0] = Level::default();
            }
            Token::Indent => {
                blocks += 1;
                deepest_block = deepest_block.max(blocks);
            }
            Token::Dedent => blocks = blocks.saturating_sub(1),
            // Each branch is inside of the one before.
            Token::Elif => branches += 1,
            Token::Comment(_) => {}
            other => {
                level.tokens += 1;
                match other {
                    Token::Lambda => level.lambdas += 1,
                    Token::Colon => level.lambdas = level.lambdas.saturating_sub(1),
                    Token::For => level.fors += 1,
                    Token::In => level.fors = level.fors.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    // What a text leaves open is parsed before that is noticed.
    let open: usize = levels.iter().map(Level::depth).sum();
    deepest.max(open) + deepest_block + branches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_is_counted() {
        for (text, at_least) in [
            ("x = ((((1))))", 4),
            ("x = f(f(f(1)))", 3),
            ("x = f()()()", 3),
            ("x = ----1", 4),
            ("x = 1 + 1 + 1", 2),
            ("x = lambda a, b: lambda a, b: lambda a, b: 1", 3),
            ("x = lambda a=lambda b=0: 0, c=lambda b=0: 0, d=0: 0", 3),
            ("x = [[1 for a, b in c] for a, b in c]", 2),
            ("x = f'{f(f(1))}'", 3),
            ("x = ((((", 4),
            ("if 1:\n  pass\nelif 2:\n  pass\nelif 3:\n  pass\n", 3),
            ("def f():\n  if 1:\n    if 1:\n      x = -1\n", 4),
        ] {
            let bound = depth_bound(text);
            assert!(bound >= at_least && bound <= 10 * at_least, "{text}: {bound}");
        }
    }

    #[test]
    fn what_is_side_by_side_is_not_counted() {
        let numbers = format!("x = [{}]", "1 + 1, ".repeat(10_000));
        let calls = "f(1, [2, 3], {4: 5})\n".repeat(10_000);
        let string = format!("x = '{}'", "+(".repeat(10_000));
        let comment = format!("# {}", "+(".repeat(10_000));
        let comments = "# a, b\n".repeat(10_000);
        let lambdas = format!("x = [{}]", "lambda a, b: a, ".repeat(10_000));
        let loops = format!("x = [{}]", "[a for a, b in c], ".repeat(10_000));
        for text in [numbers, calls, string, comment, comments, lambdas, loops] {
            assert!(depth_bound(&text) < 20, "{}", &text[..40]);
        }
    }
}
