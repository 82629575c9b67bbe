//! [`AddressRange`]: how a user says which bytes are meant.

use std::fmt;
use std::ops::Range;

use lineal::{Escaped, Module};

/// A range of addresses of one of a module's memories.
///
/// | text | means |
/// | --- | --- |
/// | `0x1f40..0x1f44`, `8000..8004` | from the first address up to and without the second |
/// | `0x1f40+4`, `0x1f40..+4` | 4 bytes from the address on |
/// | `0x1f40` | one byte |
/// | `counter` | a variable with a fixed address, or a named data segment |
/// | `counter+8` | the rest of it from its ninth byte on |
/// | `memory1:0x10..0x20` | of the memory with index 1 |
///
/// ```
/// use lineal::{Engine, Module};
/// use lineal_insight::AddressRange;
///
/// let module = Module::new(&Engine::default(), r#"(module (memory 1)
///     (data $greeting (i32.const 16) "hello, world"))"#)?;
/// let range = |text: &str| AddressRange::parse(text, &module).map(|range| range.addresses);
/// assert_eq!(range("0x10..0x1c")?, 16..28);
/// assert_eq!(range("greeting")?, 16..28);
/// assert_eq!(range("greeting+7")?, 23..28);
/// assert_eq!(range("0x10+4")?, 16..20);
/// assert!(range("goodbye").is_err());
/// # Ok::<(), lineal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The index of the memory in the module.
    pub memory: u32,
    /// The addresses, up to and without the last.
    pub addresses: Range<u64>,
}

/// Why a text is not an [`AddressRange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeError {
    message: String,
    is_unknown: bool,
}

impl RangeError {
    fn new(message: String) -> RangeError {
        RangeError { message, is_unknown: false }
    }

    /// Whether it has the form of a range, but names what the module does not have.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RangeError {}

impl AddressRange {
    /// Reads a range; names are those of the module.
    ///
    /// # Errors
    ///
    /// If it is none of the forms above, is empty, or names what the module does not have.
    pub fn parse(text: &str, module: &Module) -> Result<AddressRange, RangeError> {
        let (memory, rest) = memory_prefix(text);
        let (start, end) = match rest.split_once("..") {
            Some((start, end)) => {
                let start = address(start, memory, module)?.start;
                let end = match end.strip_prefix('+') {
                    Some(len) => start.checked_add(number(len).ok_or_else(|| bad(text))?),
                    None => Some(address(end, memory, module)?.start),
                };
                (start, end.ok_or_else(|| bad(text))?)
            }
            None => {
                let Range { start, end } = address(rest, memory, module)?;
                (start, end)
            }
        };
        if start >= end {
            return Err(RangeError::new(format!(
                "the range `{text}` is empty: it begins at {start:#x} and ends at {end:#x}"
            )));
        }
        Ok(AddressRange { memory, addresses: start..end })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.memory != 0 {
            write!(f, "memory{}:", self.memory)?;
        }
        write!(f, "{:#x}..{:#x}", self.addresses.start, self.addresses.end)
    }
}

/// The memory that a text names, and what comes after that.
fn memory_prefix(text: &str) -> (u32, &str) {
    text.strip_prefix("memory")
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(index, rest)| Some((index.parse().ok()?, rest)))
        .unwrap_or((0, text))
}

fn bad(text: &str) -> RangeError {
    RangeError::new(format!(
        "`{text}` is not a range of addresses: write `0x1f40..0x1f44`, `0x1f40+4`, or the name of \
         a variable"
    ))
}

/// A number, in hexadecimal after `0x`.
fn number(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// What an address or a name with what is added to it stands for.
fn address(text: &str, memory: u32, module: &Module) -> Result<Range<u64>, RangeError> {
    let (name, plus) = match text.rsplit_once('+') {
        Some((name, plus)) => (name, Some(number(plus).ok_or_else(|| bad(text))?)),
        None => (text, None),
    };
    if let Some(start) = number(name) {
        let end = start.checked_add(plus.unwrap_or(1)).ok_or_else(|| bad(text))?;
        return Ok(start..end);
    }
    let symbol = module.data_symbol(name).filter(|symbol| symbol.memory() == memory);
    let Some(symbol) = symbol else { return Err(unknown(name, memory, module)) };
    let Range { start, end } = symbol.range();
    let from = start.saturating_add(plus.unwrap_or(0));
    if from >= end {
        return Err(RangeError::new(format!(
            "`{text}` is beyond the {} bytes of `{name}`",
            end - start
        )));
    }
    Ok(from..end)
}

fn unknown(name: &str, memory: u32, module: &Module) -> RangeError {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return bad(name);
    }
    let symbols = module.data_symbols().iter().filter(|symbol| symbol.memory() == memory);
    let names = symbols.map(|symbol| Escaped(symbol.name()).to_string());
    let names: Vec<String> = names.take(8).collect();
    let known = if names.is_empty() {
        "the module names none; compile it with -g, or give an address".to_owned()
    } else {
        format!("it names {}, for instance", names.join(", "))
    };
    RangeError {
        message: format!("the module has no variable or data segment `{name}`: {known}"),
        is_unknown: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<AddressRange, RangeError> {
        let wat = r#"(module (memory 1) (memory 1) (data $a (i32.const 8) "abcd"))"#;
        AddressRange::parse(text, &Module::new(&lineal::Engine::default(), wat).unwrap())
    }

    #[test]
    fn ranges_have_several_forms() {
        for (text, memory, addresses) in [
            ("1..5", 0, 1..5),
            ("0x1_0..0x20", 0, 16..32),
            ("16..+4", 0, 16..20),
            ("16+4", 0, 16..20),
            ("16", 0, 16..17),
            ("a", 0, 8..12),
            ("a+1", 0, 9..12),
            ("a+1..a+3", 0, 9..11),
            ("memory1:0..8", 1, 0..8),
        ] {
            assert_eq!(parse(text), Ok(AddressRange { memory, addresses }), "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "..",
            "5..5",
            "6..5",
            "a+4",
            "b",
            "memory1:a",
            "0x",
            "-1",
            "1..+0",
            "+4",
            "18446744073709551615+2",
            "1..x",
            "memory1:",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().len() > 20, "{error}");
        }
    }
}
