//! What is refused, with the place and the reason.

use lineal_decoder::{Error, Features, Module};

fn refuse(input: impl AsRef<[u8]>) -> Error {
    Module::new(input.as_ref(), &Features::default()).unwrap_err()
}

#[test]
fn what_is_no_module_is_shown_in_one_line() {
    let error = Module::from_binary(b"<!DOCTYPE html>", &Features::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "magic header not detected: a module begins with 00 61 73 6d (\\0asm), but these bytes begin \
         with 3c 21 44 4f (<!DO) (at offset 0x0)"
    );
}

#[test]
fn binary_errors_have_an_offset() {
    let error = refuse(b"\0asm\x02\0\0\0");
    assert_eq!((error.offset(), error.line()), (Some(4), None));
    assert!(error.to_string().ends_with("(at offset 0x4)"), "{error}");

    // A function whose body is `i32.add`, which lies at offset 0x17.
    let bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\x6a\x0b";
    let error = refuse(bytes);
    assert_eq!(error.offset(), Some(0x17));
    assert!(error.message().contains("type mismatch"), "{error}");
}

#[test]
fn nothing_comes_after_the_end_of_a_function() {
    let types = &b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0"[..];
    // With a local, and `local.get` or `nop` behind the `end`, which is at offset 0x19.
    for code in
        [&b"\x0a\x08\x01\x06\x01\x01\x7f\x0b\x20\0"[..], b"\x0a\x07\x01\x05\x01\x01\x7f\x0b\x01"]
    {
        let error = refuse([types, code].concat());
        assert_eq!(error.offset(), Some(0x1a), "{error}");
        assert!(error.message().contains("after end of function"), "{error}");
    }
}

#[test]
fn text_errors_have_a_place_and_show_the_line() {
    let error = refuse("(module\n  (func $f\n    i32.ad))");
    assert_eq!((error.line(), error.column()), (Some(3), Some(5)));
    assert_eq!(error.source_line(), Some("    i32.ad))"));
    assert_eq!(error.offset(), None);
    let shown = error.to_string();
    assert!(shown.ends_with(" --> line 3, column 5\n  |\n3 |     i32.ad))\n  |     ^"), "{shown}");
}

#[test]
fn invalid_texts_have_a_place_and_a_function() {
    let before = "(module\n  (import \"m\" \"f\" (func))\n  (func)\n";
    let module = |body| format!("{before}  (func $sum (param i32) (result i32)\n{body}))");
    let blocks =
        "    (if (result i32) (local.get 0)\n      (then (i64.const 1)) (else i32.const 2))";
    for (body, line, column, message) in [
        ("    local.get 0\n    i32.add", 6, 5, "type mismatch"),
        ("    (i32.add\n      (local.get 0)\n      (f32.const 1))", 5, 6, "type mismatch"),
        ("    (drop (i32.const 1))\n    (local.get 7)", 6, 6, "unknown local"),
        // Nothing is left as the result: the last instruction is shown.
        ("    (nop)\n    (drop (i32.const 1))", 6, 6, "type mismatch"),
        ("", 4, 4, "type mismatch"),
        (blocks, 6, 29, "type mismatch"),
    ] {
        let error = refuse(module(body));
        let place = (error.line(), error.column());
        assert_eq!(place, (Some(line), Some(column)), "{body:?}: {error}");
        assert_eq!(error.function(), Some("$sum"));
        assert!(error.offset().is_some());
        assert!(error.message().contains(message), "{error}");
        let shown = error.to_string();
        let place = format!("--> line {line}, column {column}, in function $sum\n");
        assert!(shown.contains(&place), "{shown}");
    }
    let error = refuse("(module (import \"m\" \"f\" (func)) (func i32.add))");
    assert_eq!(error.function(), Some("1"));
    // What is wrong outside of functions has an offset only.
    let error = refuse("(module (memory 2 1))");
    assert_eq!((error.line(), error.function()), (None, None));
    assert!(error.offset().is_some());
}

#[test]
fn unknown_names_are_text_errors() {
    let error = refuse("(module (func call $nobody))");
    assert_eq!((error.line(), error.column()), (Some(1), Some(20)));
    assert!(error.message().contains("unknown func"), "{error}");
}

#[test]
fn unbalanced_and_unfinished_texts() {
    for text in ["(module", "(module))", "\"", "(module (func) (; open", "(func", ")", "$", ""] {
        let error = refuse(text);
        assert!(error.line().is_some(), "{text:?}: {error}");
    }
}

#[test]
fn neither_text_nor_binary() {
    let error = refuse(b"line\nok \xff\xfe");
    assert_eq!((error.line(), error.column()), (Some(2), Some(4)));
    assert!(error.message().contains("UTF-8"), "{error}");
    assert!(refuse(b"\0").offset().is_some());
    assert!(refuse(b"\0elf").offset().is_some());
    assert!(Module::from_binary(b"(module)", &Features::default()).is_err());
}

#[test]
fn control_characters_are_not_shown() {
    let error = refuse(b"\x1b[31m\t(module)");
    assert_eq!(error.source_line(), Some("\u{fffd}[31m\t(module)"));
}

#[test]
fn a_component_is_refused() {
    let error = refuse(b"\0asm\x0d\0\x01\0");
    assert!(error.offset().is_some());
    assert!(refuse("(component)").to_string().contains("component"));
}

#[test]
fn switched_off_proposals_are_named() {
    type Switch = fn(&mut Features, bool) -> &mut Features;
    let cases: [(Switch, &str, &str); 27] = [
        (
            Features::wasm_mutable_global,
            "mutable-global",
            "(global (export \"g\") (mut i32) (i32.const 0))",
        ),
        (
            Features::wasm_saturating_float_to_int,
            "nontrapping-float-to-int-conversions",
            "(func (drop (i32.trunc_sat_f32_s (f32.const 0))))",
        ),
        (
            Features::wasm_sign_extension,
            "sign-extension-ops",
            "(func (drop (i32.extend8_s (i32.const 0))))",
        ),
        (Features::wasm_reference_types, "reference-types", "(func (param externref))"),
        (Features::wasm_multi_value, "multi-value", "(func (result i32 i32) unreachable)"),
        (
            Features::wasm_bulk_memory,
            "bulk-memory-operations",
            "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        ),
        (Features::wasm_tail_call, "tail-call", "(func $f return_call $f)"),
        (Features::wasm_multi_memory, "multi-memory", "(memory 1) (memory 1)"),
        (Features::wasm_memory64, "memory64", "(memory i64 1)"),
        (
            Features::wasm_extended_const,
            "extended-const",
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        ),
        (Features::wasm_gc, "gc", "(type (struct))"),
        (Features::wasm_gc, "gc", "(type (array i8))"),
        (Features::wasm_gc, "gc", "(func (param anyref))"),
        (Features::wasm_gc, "gc", "(rec (type (func)) (type (func)))"),
        (Features::wasm_gc, "gc", "(type (sub (func)))"),
        (
            Features::wasm_gc,
            "gc",
            "(memory 1) (global i32 (i32.const 0)) (data (global.get 0) \"a\")",
        ),
        (Features::wasm_gc, "gc", "(rec (type (sub (func (result (ref func))))))"),
        (Features::wasm_exceptions, "exception-handling", "(tag)"),
        (Features::wasm_exceptions, "exception-handling", "(import \"m\" \"t\" (tag))"),
        (Features::wasm_exceptions, "exception-handling", "(func (param exnref))"),
        (Features::wasm_simd, "simd", "(func (param v128))"),
        (Features::wasm_simd, "simd", "(func (drop (v128.const i64x2 0 0)))"),
        (
            Features::wasm_relaxed_simd,
            "relaxed-simd",
            "(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))",
        ),
        (
            Features::wasm_wide_arithmetic,
            "wide-arithmetic",
            "(func (param i64 i64 i64 i64) (result i64 i64)
                (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
        ),
        (Features::wasm_threads, "threads", "(memory 1 1 shared)"),
        (
            Features::wasm_threads,
            "threads",
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
        ),
        (Features::wasm_custom_page_sizes, "custom-page-sizes", "(memory 1 (pagesize 1))"),
    ];
    for (switch, name, fields) in cases {
        let text = format!("(module {fields})");
        let mut features = Features::default();
        switch(&mut features, true);
        Module::new(text.as_bytes(), &features).unwrap_or_else(|error| panic!("{name}: {error}"));
        switch(&mut features, false);
        let error = Module::new(text.as_bytes(), &features).unwrap_err();
        assert_eq!(error.missing_proposal(), Some(name), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn unimplemented_proposals_are_named() {
    for (name, fields) in [
        ("legacy-exceptions", "(func try catch_all end)"),
        ("stack-switching", "(type $f (func)) (type (cont $f))"),
    ] {
        let error = refuse(format!("(module {fields})"));
        assert_eq!(error.missing_proposal(), Some(name), "{fields}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_module_wrong_in_itself_lacks_no_proposal() {
    for fields in ["(func i32.add)", "(func (result i32))", "(memory 2 1)"] {
        assert_eq!(refuse(format!("(module {fields})")).missing_proposal(), None, "{fields}");
    }
}

#[test]
fn errors_go_where_errors_go() {
    fn takes(error: impl std::error::Error + Send + Sync + 'static) -> String {
        error.to_string()
    }
    assert!(!takes(refuse("(")).is_empty());
}
