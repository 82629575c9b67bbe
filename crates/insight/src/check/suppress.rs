//! Suppressions: findings that a user has decided not to see, in Valgrind's file format.
//!
//! ```text
//! {
//!    name of the suppression
//!    lineal:invalid-read
//!    fun:strlen
//!    ...
//!    src:main.c*
//! }
//! ```
//!
//! Each line after the kind is one frame, innermost first: `fun:` with a pattern for the
//! function's name, `src:` with one for `FILE` or `FILE:LINE`, or `...` for any number of frames.
//! Frames that are not mentioned at the end match anything. `*` and `?` are wildcards. The kind
//! `lineal:*` is any, and `lineal:leak` any leak.

use std::fmt;

use lineal::Escaped;

use super::finding::{Finding, Frame};

/// Suppressions, with how often each was used.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    list: Vec<Suppression>,
}

/// What libraries keep to the end on purpose: wasi-libc the program's arguments. And its `localtime`
/// writes to address 0, which harms nobody and is no fault of the program.
const BUILT_IN: &str = "
{
   arguments of the program
   lineal:leak
   fun:*alloc
   fun:__main_void
}
{
   arguments of the program, where the allocator was inlined
   lineal:leak
   fun:*alloc
   fun:*alloc
   fun:__main_void
}
{
   localtime of wasi-libc
   lineal:null-page
   fun:__secs_to_zone
   fun:__localtime_r
}
";

#[derive(Clone, Debug)]
struct Suppression {
    name: String,
    kind: String,
    frames: Vec<Pattern>,
    used: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Function(String),
    Source(String),
    Any,
}

/// Why a file of suppressions could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionError {
    /// The line, from 1.
    pub line: usize,
    message: String,
}

impl fmt::Display for SuppressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for SuppressionError {}

impl Suppressions {
    /// Reads a file's text and adds what it says.
    ///
    /// # Errors
    ///
    /// If the text is not in the format that the module describes.
    pub fn read(&mut self, text: &str) -> Result<(), SuppressionError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        while let Some((number, line)) = lines.next() {
            let error =
                |line, message: &str| SuppressionError { line, message: message.to_owned() };
            if line != "{" {
                return Err(error(number, "expected `{`"));
            }
            let (_, name) = lines.next().ok_or_else(|| error(number, "the file ends after `{`"))?;
            let (at, kind) =
                lines.next().ok_or_else(|| error(number, "the file ends before the kind"))?;
            let kind = kind.strip_prefix("lineal:").ok_or_else(|| {
                error(at, "expected the kind, such as `lineal:invalid-read` or `lineal:*`")
            })?;
            let mut frames = Vec::new();
            loop {
                let (at, line) = lines
                    .next()
                    .ok_or_else(|| error(number, "this suppression does not end with `}`"))?;
                match line.split_once(':') {
                    _ if line == "}" => break,
                    _ if line == "..." => frames.push(Pattern::Any),
                    Some(("fun", pattern)) => frames.push(Pattern::Function(pattern.to_owned())),
                    Some(("src", pattern)) => frames.push(Pattern::Source(pattern.to_owned())),
                    _ => return Err(error(at, "expected `fun:…`, `src:…`, `...` or `}`")),
                }
            }
            self.list.push(Suppression {
                name: name.to_owned(),
                kind: kind.to_owned(),
                frames,
                used: 0,
            });
        }
        Ok(())
    }

    /// The suppressions of what is known to be intended, which nobody needs to hear of.
    pub(super) fn built_in() -> Suppressions {
        let mut all = Suppressions::default();
        let read = all.read(BUILT_IN);
        debug_assert_eq!(read, Ok(()));
        all
    }

    /// Whether a finding is suppressed; takes note of the use.
    pub fn suppress(&mut self, finding: &Finding) -> bool {
        let found = self.list.iter_mut().find(|s| s.matches(finding));
        found.map(|s| s.used += finding.count).is_some()
    }

    /// The names of the suppressions that were used, with how often.
    pub fn used(&self) -> impl Iterator<Item = (&str, u64)> {
        self.list.iter().filter(|s| s.used > 0).map(|s| (s.name.as_str(), s.used))
    }
}

impl Suppression {
    fn matches(&self, finding: &Finding) -> bool {
        let kind = finding.kind.name();
        let kind_fits =
            glob(&self.kind, kind) || (self.kind == "leak" && kind.starts_with("leak-"));
        kind_fits && frames_match(&self.frames, &finding.stack)
    }
}

fn frames_match(patterns: &[Pattern], frames: &[Frame]) -> bool {
    match patterns.split_first() {
        None => true,
        Some((Pattern::Any, rest)) => {
            (0..=frames.len()).any(|skip| frames_match(rest, &frames[skip..]))
        }
        Some((pattern, rest)) => match frames.split_first() {
            Some((frame, frames)) => pattern.matches(frame) && frames_match(rest, frames),
            None => false,
        },
    }
}

impl Pattern {
    fn matches(&self, frame: &Frame) -> bool {
        match self {
            Pattern::Any => true,
            // Names are compared as reports print them.
            Pattern::Function(pattern) => glob(pattern, &Escaped(&frame.function).to_string()),
            Pattern::Source(pattern) => frame.file.as_ref().is_some_and(|file| {
                let (file, line) = (Escaped(file).to_string(), frame.line.unwrap_or(0));
                glob(pattern, &file) || glob(pattern, &format!("{file}:{line}"))
            }),
        }
    }
}

/// Whether a text fits a pattern with `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// A suppression for a finding, in the form that [`Suppressions::read`] takes.
pub fn suppression_of(finding: &Finding) -> String {
    let mut text =
        format!("{{\n   finding {}\n   lineal:{}\n", finding.number, finding.kind.name());
    for frame in &finding.stack {
        text.push_str(&format!("   fun:{}\n", Escaped(&frame.function)));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Kind;

    fn finding(functions: &[&str]) -> Finding {
        let frame = |function: &&str| Frame {
            function: (*function).to_owned(),
            file: Some("src/main.c".to_owned()),
            line: Some(12),
            ..Frame::default()
        };
        Finding {
            number: 1,
            kind: Kind::InvalidRead,
            message: String::new(),
            addr: None,
            len_bytes: None,
            stack: functions.iter().map(frame).collect(),
            block: None,
            bytes_addr: 0,
            bytes: Vec::new(),
            count: 1,
        }
    }

    fn suppresses(body: &str, functions: &[&str]) -> bool {
        let mut all = Suppressions::default();
        all.read(&format!("# a comment\n{{\n a name\n {body}\n}}\n")).unwrap();
        all.suppress(&finding(functions))
    }

    #[test]
    fn frames_and_wildcards() {
        let stack = ["strlen", "print", "main"];
        assert!(suppresses("lineal:invalid-read\nfun:strlen", &stack));
        assert!(suppresses("lineal:*\nfun:str*\n...\nfun:main", &stack));
        assert!(suppresses("lineal:*\n...\nsrc:*main.c:12", &stack));
        assert!(suppresses("lineal:*", &stack));
        assert!(!suppresses("lineal:invalid-write\nfun:strlen", &stack));
        assert!(!suppresses("lineal:*\nfun:print", &stack));
        assert!(!suppresses("lineal:*\n...\nfun:other", &stack));
        assert!(!suppresses("lineal:leak", &stack));
    }

    #[test]
    fn what_is_generated_suppresses_its_finding() {
        let finding = finding(&["a", "b"]);
        let mut all = Suppressions::default();
        all.read(&suppression_of(&finding)).unwrap();
        assert!(all.suppress(&finding));
        assert_eq!(all.used().collect::<Vec<_>>(), [("finding 1", 1)]);
    }

    #[test]
    fn errors_name_the_line() {
        let line = |text: &str| Suppressions::default().read(text).unwrap_err().line;
        assert_eq!(line("oops"), 1);
        assert_eq!(line("{\nname\nMemcheck:Addr4\n}"), 3);
        assert_eq!(line("{\nname\nlineal:*\nobj:x\n}"), 4);
        assert_eq!(line("{\nname\nlineal:*\nfun:x"), 1);
    }
}
