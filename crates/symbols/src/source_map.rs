//! Lines from a source map, as AssemblyScript and Emscripten write them.
//!
//! The custom section `sourceMappingURL` names the map: a file next to the module, or the map itself
//! as a `data:` URL. A map is JSON by
//! [ECMA-426](https://tc39.es/ecma426/); its one generated line is the module's binary, and a
//! column is an offset in it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use lineal_decoder::Module as Decoded;
use serde_json::Value;

use super::FrameSymbol;

/// Larger files are no source maps.
const MAX_FILE_BYTES: u64 = 1 << 28;

/// A source map.
#[derive(Debug)]
pub(super) struct SourceMap {
    sources: Vec<Box<str>>,
    /// By offset.
    mappings: Vec<Mapping>,
    /// Where the bodies of functions begin, ascending.
    bodies: Vec<usize>,
}

/// From an offset in the binary on, the code comes from a place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    offset: usize,
    /// Index of the source, line and column, counted from 0; none where the code is the compiler's.
    place: Option<(usize, u32, u32)>,
}

impl SourceMap {
    /// Reads the map that a module names. `file` is the module's own file.
    pub(super) fn load(module: &Decoded, file: Option<&Path>) -> Option<SourceMap> {
        let url = url(module.custom_section("sourceMappingURL")?)?;
        let bytes = match url.strip_prefix("data:") {
            Some(data) => inline(data)?,
            None => next_to(file?, url)?,
        };
        let bodies = module.bodies.iter().map(|body| body.range.start).collect();
        SourceMap::parse(&bytes, bodies)
    }

    fn parse(json: &[u8], bodies: Vec<usize>) -> Option<SourceMap> {
        // A line that keeps browsers from running the file.
        let json = match json.strip_prefix(b")]}'") {
            Some(rest) => &rest[rest.iter().position(|&byte| byte == b'\n')?..],
            None => json,
        };
        let map: Value = serde_json::from_slice(json).ok()?;
        let root = map.get("sourceRoot").and_then(Value::as_str).unwrap_or("");
        let root_end = if root.is_empty() || root.ends_with('/') { "" } else { "/" };
        let source = |name: &Value| match name.as_str() {
            Some(name) => format!("{root}{root_end}{name}").trim_start_matches("./").into(),
            None => "".into(),
        };
        let sources = map.get("sources")?.as_array()?.iter().map(source).collect();
        let mut mappings = mappings(map.get("mappings")?.as_str()?);
        mappings.sort_by_key(|mapping| mapping.offset);
        Some(SourceMap { sources, mappings, bodies })
    }

    /// The place that the instruction at an offset comes from.
    pub(super) fn locate(&self, offset: usize) -> Option<FrameSymbol> {
        let body = self.bodies[..self.bodies.partition_point(|&body| body <= offset)].last()?;
        let after = self.mappings.partition_point(|mapping| mapping.offset <= offset);
        let mapping = self.mappings[..after].last().filter(|mapping| mapping.offset >= *body)?;
        let (source, line, column) = mapping.place?;
        let file = self.sources.get(source).filter(|file| !file.is_empty())?;
        Some(FrameSymbol {
            name: None,
            file: Some(file.clone()),
            line: line.checked_add(1),
            column: column.checked_add(1),
        })
    }
}

/// The URL in the contents of the section: a string after its length.
fn url(section: &[u8]) -> Option<&str> {
    wasmparser::BinaryReader::new(section, 0).read_string().ok()
}

/// The contents of a `data:` URL.
fn inline(data: &str) -> Option<Vec<u8>> {
    let (kind, text) = data.split_once(',')?;
    let text = percent_decoded(text);
    if kind.ends_with(";base64") { base64(&text) } else { Some(text) }
}

/// The contents of a file next to the module or below; no URL makes us read anything else.
fn next_to(module: &Path, url: &str) -> Option<Vec<u8>> {
    let directory = module.parent()?;
    let url = url.split(['?', '#']).next()?;
    let url = String::from_utf8(percent_decoded(url)).ok()?;
    let is_below = |path: &Path| {
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    let last = url.rsplit(['/', '\\']).next()?;
    let named_after_module = {
        let mut name = module.file_name()?.to_owned();
        name.push(".map");
        PathBuf::from(name)
    };
    let candidates = [PathBuf::from(&url), PathBuf::from(last), named_after_module];
    candidates.iter().filter(|path| is_below(path)).find_map(|path| {
        let path = directory.join(path);
        let file = fs::metadata(&path).ok()?;
        // Reading something else than a file could take forever.
        let is_readable = file.is_file() && file.len() <= MAX_FILE_BYTES;
        if is_readable { fs::read(path).ok() } else { None }
    })
}

/// A text with `%41` and the like replaced by what they stand for.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| byte == b'%');
        let code = code.and_then(|code| u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// The value of a digit of base 64.
fn digit(byte: u8) -> Option<u32> {
    Some(match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let digits = text.trim_ascii_end();
    let digits = &digits[..digits.iter().rposition(|&byte| byte != b'=').map_or(0, |at| at + 1)];
    for group in digits.chunks(4) {
        let mut bits = 0;
        for &byte in group {
            bits = bits << 6 | digit(byte)?;
        }
        let missing = 4 - group.len() as u32;
        let whole = (bits << (6 * missing)).to_be_bytes();
        bytes.extend_from_slice(&whole[1..group.len()]);
    }
    Some(bytes)
}

/// The mappings of the first line; what comes after something damaged is left out.
fn mappings(text: &str) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    let (mut offset, mut source, mut line, mut column) = (0_i64, 0_i64, 0_i64, 0_i64);
    let first_line = text.split(';').next().unwrap_or("");
    for segment in first_line.split(',').filter(|segment| !segment.is_empty()) {
        let mut numbers = Numbers(segment.bytes());
        let Some(delta) = numbers.next() else { break };
        offset += delta;
        let mut place = None;
        if let Some(delta) = numbers.next() {
            let (Some(line_delta), Some(column_delta)) = (numbers.next(), numbers.next()) else {
                break;
            };
            source += delta;
            line += line_delta;
            column += column_delta;
            place = (|| {
                Some((source.try_into().ok()?, line.try_into().ok()?, column.try_into().ok()?))
            })();
        }
        let Ok(offset) = usize::try_from(offset) else { break };
        mappings.push(Mapping { offset, place });
    }
    mappings
}

/// The numbers of a segment: base 64, five bits a digit, the lowest first, the sign in the lowest.
struct Numbers<'a>(std::str::Bytes<'a>);

impl Iterator for Numbers<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(5) {
            let digit = digit(self.0.next()?)?;
            number |= u64::from(digit & 31) << shift;
            if digit & 32 == 0 {
                let magnitude = (number >> 1) as i64;
                return Some(if number & 1 == 1 { -magnitude } else { magnitude });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_differences() {
        // 16 → source 0, 3:1; 18 → compiler's; 20 → source 1, 2:11.
        let found = mappings("gBAEA,E,ECFU;AAAA");
        let expected = [(16, Some((0, 2, 0))), (18, None), (20, Some((1, 0, 10)))];
        // Lines: 2, then −2.
        assert_eq!(found.iter().map(|it| (it.offset, it.place)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn damaged_maps_are_ignored() {
        assert_eq!(mappings("gBAEA,!!"), [Mapping { offset: 16, place: Some((0, 2, 0)) }]);
        assert_eq!(mappings("ggggggggggggggggggggggB"), []);
        assert_eq!(mappings("D"), [], "a negative offset");
        for json in ["", "{", "[]", "{}", r#"{"sources":3,"mappings":""}"#, ")]}'"] {
            assert!(SourceMap::parse(json.as_bytes(), Vec::new()).is_none(), "{json}");
        }
    }

    #[test]
    fn a_place_is_that_of_the_mapping_before_in_the_same_function() {
        let json =
            r#"{"version":3,"sources":["a.ts",null],"sourceRoot":"src","mappings":"gBAEA,U"}"#;
        let map = SourceMap::parse(json.as_bytes(), vec![10, 30]).unwrap();
        let place = map.locate(18).unwrap();
        assert_eq!(
            (place.file(), place.line(), place.column()),
            (Some("src/a.ts"), Some(3), Some(1))
        );
        assert_eq!(map.locate(12), None, "before the first mapping");
        assert_eq!(map.locate(26), None, "a mapping to nothing");
        assert_eq!(map.locate(31), None, "another function");
        assert_eq!(map.locate(9), None, "no function");
    }

    #[test]
    fn urls_that_hold_the_map() {
        assert_eq!(inline("application/json;base64,eyJhIjoxfQ==").unwrap(), b"{\"a\":1}");
        assert_eq!(inline("application/json,%7B%7d").unwrap(), b"{}");
        assert_eq!(inline("application/json;base64,?"), None);
        assert_eq!(inline("no comma"), None);
        assert_eq!(base64(b""), Some(Vec::new()));
        assert_eq!(percent_decoded("100%, %zz"), b"100%, %zz");
    }

    #[test]
    fn only_files_next_to_the_module_are_read() {
        let directory = std::env::temp_dir().join(format!("lineal-maps-{}", std::process::id()));
        fs::create_dir_all(directory.join("sub")).unwrap();
        let module = directory.join("sub/a.wasm");
        fs::write(directory.join("outside.map"), "outside").unwrap();
        fs::write(directory.join("sub/inside.map"), "inside").unwrap();
        for url in ["inside.map", "./inside.map", "http://localhost:8000/inside.map?v=1"] {
            assert_eq!(next_to(&module, url).unwrap(), b"inside", "{url}");
        }
        let outside = directory.join("outside.map");
        for url in ["../outside.map", outside.to_str().unwrap(), "", "."] {
            assert_eq!(next_to(&module, url), None, "{url}");
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
