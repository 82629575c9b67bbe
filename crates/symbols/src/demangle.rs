//! Names as the source has them.

use std::borrow::Cow;
use std::fmt;

use cpp_demangle::{DemangleOptions, Symbol};

/// Longer names are left as they are; so are those that would become longer, because a short name
/// can stand for one of any length.
const MAX_BYTES: usize = 1 << 14;

/// A name of Rust or C++ as the source has it; any other name as it is.
pub fn demangle(name: &str) -> Cow<'_, str> {
    // Linkers put in front of a name what a symbol is.
    let symbol = name.strip_prefix('_').filter(|rest| rest.starts_with("_Z")).unwrap_or(name);
    if !(symbol.starts_with("_Z") || symbol.starts_with("_R")) || symbol.len() > MAX_BYTES {
        return Cow::Borrowed(name);
    }
    let demangled = if is_rust(symbol) { rust(symbol) } else { cpp(symbol) };
    demangled.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// Whether a name is Rust's: its older names look like those of C++, and end with a hash.
fn is_rust(symbol: &str) -> bool {
    let Some((_, hash)) = symbol.rsplit_once("17h") else { return symbol.starts_with("_R") };
    let hash = hash.split('.').next().and_then(|hash| hash.strip_suffix('E'));
    let is_hash = hash.is_some_and(|h| h.len() == 16 && h.bytes().all(|b| b.is_ascii_hexdigit()));
    is_hash || symbol.starts_with("_R")
}

fn rust(symbol: &str) -> Option<String> {
    let demangled = rustc_demangle::try_demangle(symbol).ok()?;
    let mut text = Bounded::default();
    // Without the hash that tells equal names apart.
    fmt::write(&mut text, format_args!("{demangled:#}")).ok()?;
    Some(text.0)
}

fn cpp(symbol: &str) -> Option<String> {
    let mut text = Bounded::default();
    let parsed = Symbol::new(symbol).ok()?;
    parsed.structured_demangle(&mut text, &DemangleOptions::default()).ok()?;
    Some(text.0)
}

/// A text that refuses to become too long.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > MAX_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_each_language() {
        for (name, expected) in [
            ("main", "main"),
            ("_start", "_start"),
            ("_Z3addii", "add(int, int)"),
            ("__Z3addii", "add(int, int)"),
            ("_ZN4game5scoreE", "game::score"),
            ("_ZN4game12_GLOBAL__N_15scoreE", "game::(anonymous namespace)::score"),
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("_Zbroken", "_Zbroken"),
            ("~lib/rt/tlsf/initialize", "~lib/rt/tlsf/initialize"),
        ] {
            assert_eq!(demangle(name), expected);
        }
    }

    #[test]
    fn a_name_that_stands_for_an_endless_one_is_left_alone() {
        // Each pair holds the one before it twice.
        let mut name = "_Z1f4pairIiiE".to_owned();
        for level in 0..30 {
            let last = if level == 0 { "S_".to_owned() } else { format!("S{}_", level - 1) };
            name.push_str(&format!("S_I{last}{last}E"));
        }
        let demangled = demangle(&name);
        assert!(demangled.len() <= MAX_BYTES, "{} bytes", demangled.len());
    }
}
