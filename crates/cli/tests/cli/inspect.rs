//! `lineal inspect`.

use crate::{file, lineal, lineal_with_input};
use serde_json::{Value, json};

const MODULE: &str = r#"(module $shown
    (import "env" "log" (func (param i32 i64) (result f32)))
    (import "env" "where" (global i32))
    (import "env" "shared" (memory 2))
    (memory (export "memory") (export "heap") 1 16)
    (data (memory 1) (i32.const 0x10) "hello, world, and more")
    (data (memory 1) (i32.const 0x8000) "\01\02\03")
    (data (memory 1) (global.get 0) "?")
    (data "passive")
    (data (memory 1) (i32.const 0xffff) "ab")
    (table (export "table") 2 5 funcref)
    (global (export "counter") (mut i64) (i64.const 0))
    (func (export "run") (param f64)))"#;

#[test]
fn memories_come_with_segments_and_contents() {
    let path = file("inspect.wat", MODULE);
    let text = lineal(&["inspect", &path]).success();
    let (size, rest) = text.split_once('\n').unwrap();
    assert!(size.starts_with("module shown, ") && size.ends_with(" bytes"), "{size}");
    assert_eq!(
        rest,
        "
memory 0, imported from env::shared: 2 pages (131072 bytes)
  what it holds at first is up to who provides it

memory 1, exported as memory, exported as heap: 1 page (65536 bytes), at most 16 pages (1048576 bytes)
  segment 0: 0x10..0x26, 22 bytes
  segment 1: 0x8000..0x8003, 3 bytes
  segment 2: at an address that depends on imports, 1 byte
  segment 4: 0xffff..0x10001, 2 bytes; does not fit the minimum size
00000010  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 2c 20 61 6e  |hello, world, an|
00000020  64 20 6d 6f 72 65 00 00  00 00 00 00 00 00 00 00  |d more..........|
*
00008000  01 02 03 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00010000

segment 3, passive: 7 bytes

functions: 1 of 2 bytes, 1 imported
  1: 2 bytes, (f64) -> (), exported as run

tables
  0: 2 of funcref, at most 5, exported as table

globals
  0: i32
  1: mut i64, exported as counter

imports
  env::log: function (i32, i64) -> f32
  env::where: global i32
  env::shared: memory 2 pages (131072 bytes)

exports
  memory: memory 1 page (65536 bytes), at most 16 pages (1048576 bytes)
  heap: memory 1 page (65536 bytes), at most 16 pages (1048576 bytes)
  table: table 2 of funcref, at most 5
  counter: global mut i64
  run: function (f64) -> ()

parts of the file, the biggest first
  data: 35 bytes (16%)
  custom section name: 8 bytes (4%)
  code: 4 bytes (2%)
"
    );
}

#[test]
fn names_do_not_control_the_terminal() {
    let path = file(
        "names.wat",
        r#"(module (import "\1b[2J" "a\0d\0ab" (func)) (memory (export "\07m") 0) (func (export "f")))"#,
    );
    let text = lineal(&["inspect", &path]).success();
    for expected in ["\\u{1b}[2J::a\\r\\nb: function", "exported as \\u{7}m:"] {
        assert!(text.contains(expected), "{text:?}");
    }
    let error = lineal(&["run", &path]).failure(1);
    assert!(error.contains("unknown import: \\u{1b}[2J.a\\r\\nb (function () -> ())"), "{error:?}");
    assert!(!text.contains('\x1b') && !error.contains('\x1b'));
}

#[test]
fn shared_memories_are_named_as_such() {
    let path = file(
        "inspect-shared.wat",
        r#"(module (import "env" "m" (memory 1 4 shared)) (memory (export "own") i64 0 1 shared))"#,
    );
    let text = lineal(&["inspect", &path]).success();
    for line in [
        "memory 0, imported from env::m: 1 page (65536 bytes), at most 4 pages (262144 bytes), shared",
        "  env::m: memory 1 page (65536 bytes), at most 4 pages (262144 bytes), shared",
        "  own: memory 0 pages (0 bytes), at most 1 page (65536 bytes), 64-bit, shared",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let json: Value =
        serde_json::from_str(&lineal(&["inspect", "--json", &path]).success()).unwrap();
    assert_eq!(json["memories"][1]["shared"], true);
}

#[test]
fn json_says_the_same() {
    let path = file("inspect-json.wat", MODULE);
    let text = lineal(&["inspect", "--json", &path]).success();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["name"], "shown");
    assert_eq!(
        json["memories"][0],
        json!({
            "index": 0,
            "import": { "module": "env", "name": "shared" },
            "exports": [],
            "address_bits": 32,
            "page_size_bytes": 65_536,
            "minimum_pages": 2,
            "minimum_bytes": 131_072,
            "maximum_pages": null,
            "maximum_bytes": null,
            "shared": false,
        })
    );
    assert_eq!(json["memories"][1]["exports"], json!(["memory", "heap"]));
    assert_eq!(json["memories"][1]["maximum_bytes"], 1_048_576);
    let segments = json["data_segments"].as_array().unwrap();
    let parts = |index: usize| {
        let segment = &segments[index];
        json!([
            segment["mode"],
            segment["memory"],
            segment["start"],
            segment["end"],
            segment["fits"]
        ])
    };
    assert_eq!(parts(1), json!(["active", 1, 0x8000, 0x8003, true]));
    assert_eq!(parts(2), json!(["active", 1, null, null, null]));
    assert_eq!(parts(3), json!(["passive", null, null, null, null]));
    assert_eq!(parts(4), json!(["active", 1, 0xffff, 0x10001, false]));
    assert_eq!(segments[1]["hex"], "010203");
    assert_eq!(
        json["imports"][0],
        json!({ "module": "env", "name": "log", "kind": "function", "type": "(i32, i64) -> f32" })
    );
    assert_eq!(
        json["exports"][4],
        json!({ "name": "run", "kind": "function", "index": 1, "type": "(f64) -> ()" })
    );
}

#[test]
fn enormous_memories_are_not_allocated() {
    let wat = r#"(module (memory i64 0x1_0000_0000_0000)
        (data (i64.const 0xffff_ffff_ffff_fff0) "0123456789abcdef"))"#;
    let text = lineal_with_input(&["inspect", "-"], wat.as_bytes()).success();
    assert!(text.contains("281474976710656 pages (2^64 bytes), 64-bit\n"), "{text}");
    assert!(text.contains("0xfffffffffffffff0..0x10000000000000000, 16 bytes\n"), "{text}");
    assert!(text.contains("fffffffffffffff0  30 31 32"), "{text}");
    lineal_with_input(&["inspect", "--json", "-"], wat.as_bytes()).success();
}

#[test]
fn an_empty_module_is_a_module() {
    let text = lineal_with_input(&["inspect", "-"], b"(module)").success();
    assert_eq!(text, "module without a name, 8 bytes\n");
}

#[test]
fn bad_modules_are_explained() {
    let report = lineal_with_input(&["inspect", "-"], b"(module (memory 65537))").failure(1);
    assert!(report.starts_with("error: <stdin> is not a valid module\n"), "{report}");
    lineal(&["inspect", "no-such-file"]).failure(1);
}

/// Whether a value is as a schema has it, as far as our schemas go: a keyword that is not known
/// here fails.
fn check(schema: &Value, value: &Value, path: &str) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "title" | "description" => {}
            "type" => {
                let allowed = match rule {
                    Value::Array(kinds) => kinds.iter().any(|allowed| allowed == kind),
                    allowed => allowed == kind,
                };
                assert!(allowed, "{path} is of type {kind}, not {rule}");
            }
            "const" => assert_eq!(value, rule, "{path}"),
            "enum" => assert!(rule.as_array().unwrap().contains(value), "{path}: {value}"),
            "minimum" => assert!(value.is_null() || value.as_u64() >= rule.as_u64(), "{path}"),
            "pattern" => {
                assert_eq!(rule, "^([0-9a-f]{2})*$");
                let text = value.as_str().unwrap();
                let is_hex = text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
                assert!(is_hex && text.len().is_multiple_of(2), "{path}: {text}");
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{path}[{index}]"));
                }
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    check(&rule[name], value, &format!("{path}.{name}"));
                }
            }
            "required" => {
                if let Some(object) = value.as_object() {
                    let name = |name: &Value| name.as_str().unwrap().to_owned();
                    let missing = rule.as_array().unwrap().iter().map(name);
                    let missing: Vec<_> =
                        missing.filter(|name| !object.contains_key(name)).collect();
                    assert!(missing.is_empty(), "{path} lacks {missing:?}");
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    assert!(known.contains_key(name), "{path} has {name}");
                }
            }
            keyword => panic!("unknown keyword {keyword}"),
        }
    }
}

#[test]
fn json_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(&lineal(&["inspect", "--schema"]).success()).unwrap();
    let mut paths = vec![
        file("inspect-schema.wat", MODULE),
        file("inspect-empty.wat", "(module)"),
        file(
            "inspect-wide.wat",
            r#"(module (memory i64 0x1_0000_0000_0000) (table i64 1 funcref) (tag (export "t"))
                (memory 1 1 shared) (data (i64.const -1) "x"))"#,
        ),
    ];
    paths.extend(["posix.wasm", "lisp.wasm", "words.wasm"].map(crate::wasi::program));
    for path in paths {
        let json = lineal(&["inspect", "--json", &path]).success();
        check(&schema, &serde_json::from_str(&json).unwrap(), "");
    }
    // The check itself finds what is wrong.
    for wrong in [json!({}), json!({ "version": 2 }), json!([])] {
        let found = std::panic::catch_unwind(|| check(&schema, &wrong, ""));
        assert!(found.is_err(), "{wrong}");
    }
}

#[test]
fn the_biggest_come_first() {
    let mut wat = String::from("(module ");
    for index in 0..50 {
        let size = index * 7 % 50;
        wat += &format!("(func $f{index} {}) (global i32 (i32.const 0))", "nop ".repeat(size));
    }
    let path = file("biggest.wat", wat + "(@custom \"notes\" \"some text\"))");
    let text = lineal(&["inspect", &path]).success();
    assert!(text.contains("\nfunctions: 50 of "), "{text}");
    assert!(text.contains("\n  7 f7: 51 bytes, () -> ()\n  14 f14: 50 bytes, "), "{text}");
    assert!(text.contains("\n  and 30 smaller ones (--all shows them)\n"), "{text}");
    assert!(text.contains("\n  and 30 more (--all shows them)\n"), "{text}");
    assert!(text.contains("\n  custom section notes: 9 bytes ("), "{text}");
    let text = lineal(&["inspect", "--all", &path]).success();
    assert!(text.contains("\n  0 f0: 2 bytes, () -> ()\n") && !text.contains("--all"), "{text}");
}

#[test]
fn a_memory_that_does_not_come_to_be_is_not_all_zero() {
    let contents = |wat: &str| {
        let text = lineal_with_input(&["inspect", "-"], wat.as_bytes()).success();
        text.lines()
            .find(|line| line.contains("at first") || line.contains("nothing"))
            .map(str::to_owned)
    };
    assert_eq!(
        contents(r#"(module (memory 1) (data (i32.const 65536) "x"))"#).unwrap(),
        "  nothing: a segment does not fit, so the module cannot be instantiated"
    );
    assert_eq!(
        contents(r#"(module (import "" "" (global i32)) (memory 1) (data (global.get 0) "x"))"#)
            .unwrap(),
        "  all zero at first, but for segments at addresses that depend on imports"
    );
    assert_eq!(contents("(module (memory 1))").unwrap(), "  all zero at first");
}

/// A file is in memory once, whatever its segments hold.
#[cfg(target_os = "linux")]
#[test]
fn a_large_segment_takes_less_than_twice_the_file() {
    let count = 200 << 20;
    let size = |bytes: u32| {
        let group = |index: u32| (bytes >> (7 * index)) as u8 & 0x7f;
        [group(0) | 0x80, group(1) | 0x80, group(2) | 0x80, group(3) | 0x80, group(4)]
    };
    // A memory of 4,000 pages, and a segment at 0.
    let mut binary = b"\0asm\x01\0\0\0\x05\x04\x01\x00\xa0\x1f\x0b".to_vec();
    binary.extend(size(count + 10));
    binary.extend([1, 0, 0x41, 0, 0x0b]);
    binary.extend(size(count));
    binary.resize(binary.len() + count as usize, b'x');
    let path = crate::file("large-segment.wasm", &binary);
    let limit_kib = 2 * binary.len() / 1024;
    let program = env!("CARGO_BIN_EXE_lineal");
    let limited = format!("ulimit -v {limit_kib}; exec '{program}' inspect '{path}'");
    let output = std::process::Command::new("sh").args(["-c", &limited]).output().unwrap();
    let text = crate::Outcome::of(output).success();
    assert!(text.contains("segment 0: 0x0..0xc800000"), "{text}");
    assert!(text.contains("|xxxxxxxxxxxxxxxx|\n*\n"), "{text}");
    std::fs::remove_file(path).unwrap();
}
