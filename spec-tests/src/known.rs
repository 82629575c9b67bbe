//! What is known not to pass, and why.

use std::collections::BTreeMap;
use std::fmt;

/// The list in `known.txt`.
#[derive(Debug)]
pub struct Known {
    limits: BTreeMap<String, Limit>,
}

/// What keeps a script from passing as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Directives are skipped that need one of these proposals; nothing fails.
    Needs(Vec<String>),
    /// Directives fail, for this reason.
    Fails(String),
}

impl Known {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// Returns a line that is neither a comment nor an entry, or that lists a file again.
    pub fn load() -> Result<Known, String> {
        Known::parse(include_str!("../known.txt"))
    }

    fn parse(list: &str) -> Result<Known, String> {
        let mut limits = BTreeMap::new();
        for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (file, limit) = parse_line(line).ok_or(line)?;
            if limits.insert(file.to_owned(), limit).is_some() {
                return Err(line.to_owned());
            }
        }
        Ok(Known { limits })
    }

    /// What keeps a script from passing, if anything does.
    pub fn limit(&self, script: &str) -> Option<&Limit> {
        self.limits.get(script)
    }

    /// The scripts on the list.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.limits.keys().map(String::as_str)
    }
}

fn parse_line(line: &str) -> Option<(&str, Limit)> {
    let (file, limit) = line.split_once(' ')?;
    let (kind, rest) = limit.trim_start().split_once(": ")?;
    let limit = match kind {
        "needs" => Limit::Needs(rest.split(", ").map(str::to_owned).collect()),
        "fails" => Limit::Fails(rest.to_owned()),
        _ => return None,
    };
    Some((file, limit))
}

impl fmt::Display for Limit {
    /// Writes the limit as the list does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Needs(proposals) => write!(f, "needs: {}", proposals.join(", ")),
            Limit::Fails(reason) => write!(f, "fails: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_well_formed() {
        let known = Known::load().unwrap();
        assert!(known.scripts().all(|script| script.ends_with(".wast")));
    }

    #[test]
    fn entries_are_read() {
        let list = "# comment\n\na/b.wast   needs: gc, simd\na/c.wast fails: because: so\n";
        let known = Known::parse(list).unwrap();
        assert_eq!(known.limit("a/b.wast"), Some(&Limit::Needs(vec!["gc".into(), "simd".into()])));
        assert_eq!(known.limit("a/c.wast"), Some(&Limit::Fails("because: so".into())));
        assert_eq!(known.limit("a/d.wast"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for list in ["a.wast", "a.wast needs", "a.wast likes: gc", "a needs: b\na fails: c"] {
            assert_eq!(Known::parse(list).unwrap_err(), list.lines().next_back().unwrap());
        }
    }
}
