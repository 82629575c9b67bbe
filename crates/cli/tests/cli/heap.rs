//! `heap`: the profile in each of its forms.

use crate::{faulty, file, json, lineal};

/// Allocates a block of 100 bytes for 10 rounds and frees all but one.
const PROGRAM: &str = r#"(module
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func $malloc (param $size i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get $size))))
    (func $free (param i32))
    (func $make (result i32) (call $malloc (i32.const 100)))
    (func (export "run") (local $n i32) (local $block i32)
        (loop $again
            (local.set $block (call $make))
            (i32.store (local.get $block) (i32.const 1))
            (if (local.get $n) (then (call $free (local.get $block))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 10))))))"#;

#[test]
fn the_profile_counts_blocks_by_call_stack() {
    let path = file("heap.wat", PROGRAM);
    let files =
        ["json", "html", "dhat", "pprof", "folded"].map(|kind| file(&format!("heap.{kind}"), ""));
    let [profile, page, dhat, pprof, folded] = &files;
    let run = lineal(&[
        "heap",
        "--accesses",
        "--json",
        profile,
        "--html",
        page,
        "--dhat",
        dhat,
        "--pprof",
        pprof,
        "--folded",
        folded,
        "--weight",
        "leaked",
        &path,
    ]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    for line in [
        "total               1000 bytes in 10 blocks",
        "peak                 200 bytes in 2 blocks",
        "not freed            100 bytes in 1 block",
        "temporary              9 blocks",
        "40 written; 10 blocks never read, 0 never written",
    ] {
        assert!(run.stderr.contains(line), "{line}\n{}", run.stderr);
    }
    let profile = json(profile);
    assert_eq!(profile["kind"], "heap");
    let site = &profile["sites"][0];
    assert_eq!(site["stack"][1]["function"], "make", "{profile}");
    assert_eq!(json(dhat)["dhatFileVersion"], 2);
    assert!(std::fs::read_to_string(page).unwrap().contains("Who allocates"));
    assert!(!std::fs::read(pprof).unwrap().is_empty());
    let folded = std::fs::read_to_string(folded).unwrap();
    assert!(folded.trim_end().ends_with("make;malloc 100"), "{folded}");
}

#[test]
fn an_allocator_that_is_not_recognised_is_named() {
    let path =
        file("heap_unknown.wat", PROGRAM.replace("$malloc", "$take").replace("$free", "$drop"));
    let unknown = lineal(&["heap", &path]);
    assert_eq!(unknown.status, 0);
    assert!(
        unknown.stderr.starts_with("no allocator functions were recognised"),
        "{}",
        unknown.stderr
    );
    let named = lineal(&["heap", "--alloc", "malloc=take", "--alloc", "free=drop", &path]);
    assert!(named.stderr.starts_with("allocators: malloc (func[0], --alloc)"), "{}", named.stderr);
    assert!(named.stderr.contains("1000 bytes in 10 blocks"), "{}", named.stderr);
}

#[test]
fn a_compiled_program_has_lines_and_a_stack() {
    let run = lineal(&["heap", &faulty("leaks-O2.wasm"), "lost_at_once", "fixed"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("leaks.c:"), "{}", run.stderr);
    assert!(run.stderr.contains("bytes at most of "), "{}", run.stderr);
}
