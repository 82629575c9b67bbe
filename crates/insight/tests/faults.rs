//! Faulty programs and their corrected twins, and correct programs: what is found, and what is not.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lineal::{Engine, Instance, Module, Store};
use lineal_insight::alloc::Hidden;
use lineal_insight::check::{Check, Kind, LeakKind, Options, Report, to_json};

/// What a source says has to be found.
#[derive(Debug)]
struct Expected {
    file: String,
    line: u32,
    kind: String,
    len_bytes: Option<u64>,
    /// Whether it is found without a place.
    no_line: bool,
    /// What else is found there, because the same fault reads and writes.
    also: Option<String>,
}

/// The cases of a source file, by name.
fn cases(file: &str) -> BTreeMap<String, Expected> {
    let source = fs::read_to_string(common::program("faults", file)).unwrap();
    let mut cases = BTreeMap::new();
    let mut name = String::new();
    // What helper functions before a case have to say belongs to it.
    let mut waiting: Option<Expected> = None;
    for (number, line) in (1..).zip(source.lines()) {
        let mut words = line.split(['(', ')', ',', ' ']).filter(|word| !word.is_empty());
        let first = words.next().unwrap_or("");
        // Those of AssemblyScript and Zig are functions that a module exports.
        if let Some((_, function)) =
            line.split_once("export function ").or_else(|| line.split_once("export fn "))
        {
            name = function.split('(').next().unwrap().to_owned();
        }
        let is_case = !line.starts_with([' ', '#', '/'])
            && first.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            && !first.is_empty();
        if is_case {
            name = words.next().unwrap().to_owned();
            if let Some(expected) = waiting.take() {
                cases.insert(name.clone(), expected);
            }
        }
        if line.starts_with('}') {
            name.clear();
        }
        let Some((_, mark)) = line.split_once("// ERROR ").or_else(|| line.split_once("// LEAK "))
        else {
            continue;
        };
        let mark = mark.trim_end_matches(" // NO LINE");
        let (mark, also) = match mark.split_once(" // ALSO ") {
            Some((mark, also)) => (mark, Some(also)),
            None => (mark, None),
        };
        let mut words = mark.split(' ');
        let kind = words.next().unwrap();
        let leak = line.contains("// LEAK ");
        let expected = Expected {
            file: file.to_owned(),
            line: number,
            kind: if leak { format!("leak-{kind}") } else { kind.to_owned() },
            len_bytes: words.next().map(|word| word.parse().unwrap()),
            no_line: line.ends_with("// NO LINE"),
            also: also.map(str::to_owned),
        };
        if name.is_empty() {
            waiting = Some(expected);
        } else {
            cases.insert(name.clone(), expected);
        }
    }
    assert!(!cases.is_empty(), "{file} has no cases");
    cases
}

/// Why a report is not what was expected.
fn problem(report: &Report, expected: &Expected, any_line: bool) -> Option<String> {
    let found = report.findings.iter().find(|finding| {
        finding.kind.name() == expected.kind
            && expected.len_bytes.is_none_or(|len| finding.len_bytes == Some(len))
            && (expected.no_line
                || finding.stack.iter().any(|frame| {
                    (any_line || frame.line == Some(expected.line))
                        && frame.file.as_ref().is_some_and(|file| file.ends_with(&expected.file))
                }))
    });
    if found.is_none() {
        return Some(format!("not found: {expected:?} in\n{report}"));
    }
    // One fault may be met at several places, as by a function that calls itself, and what is not
    // freed because of a wrong free is lost.
    let follows = |kind: &str| {
        kind == expected.kind
            || Some(kind) == expected.also.as_deref()
            || expected.kind == "invalid-free" && kind == "leak-definite"
    };
    let other =
        report.findings.iter().map(|finding| finding.kind.name()).find(|kind| !follows(kind));
    other.map(|other| format!("{other} was not expected beside {expected:?} in\n{report}"))
}

fn options(source: &str) -> Options {
    let mut options = Options::default();
    if source == "leaks.c" {
        options.show_leak_kinds.push(LeakKind::Reachable);
    }
    options
}

/// Runs all cases of a program at both levels of optimisation.
fn all_cases(source: &str, program: &str) {
    let mut problems = Vec::new();
    let only = std::env::var("CASE").ok();
    for level in ["O0", "O2"] {
        let file = common::program("faults", &format!("{program}-{level}.wasm"));
        for (name, expected) in cases(source) {
            if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            let report = common::check(&file, &[&name], options(source));
            // A function may write to its frame, or be stopped, before its first line.
            let any_line = source == "stacks.c" && (level == "O0" || program == "stacks-first");
            if let Some(problem) = problem(&report, &expected, any_line) {
                problems.push(format!("{program}-{level} {name}: {problem}"));
            }
            let twin = common::check(&file, &[&name, "fixed"], options(source));
            if !twin.is_clean() {
                problems.push(format!("{program}-{level} {name} fixed:\n{}", twin));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn accesses_beyond_the_ends_of_blocks() {
    all_cases("bounds.c", "bounds");
}

#[test]
fn uses_after_free_and_bad_frees() {
    all_cases("lifetime.c", "lifetime");
}

#[test]
fn faults_in_functions_of_the_c_library() {
    all_cases("strings.c", "strings");
}

#[test]
fn structures_callbacks_and_aligned_blocks() {
    all_cases("shapes.c", "shapes");
}

#[test]
fn redzones_and_quarantine_find_more() {
    let options = || Options { redzone_bytes: 64, quarantine_bytes: 4096, ..Options::default() };
    for level in ["O0", "O2"] {
        let file = common::program("faults", &format!("shapes-{level}.wasm"));
        for (case, kind) in [
            ("far_beyond_the_end", Kind::InvalidWrite),
            ("long_after_it_was_freed", Kind::UseAfterFree),
        ] {
            let report = common::check(&file, &[case], Options::default());
            assert!(report.is_clean(), "{case} is found without redzone or quarantine:\n{report}");
            let report = common::check(&file, &[case], options());
            let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
            assert_eq!(kinds, [kind], "{case}:\n{report}");
            let twin = common::check(&file, &[case, "fixed"], options());
            assert!(twin.is_clean(), "{case} fixed:\n{twin}");
        }
    }
}

#[test]
fn library_functions_wrapped_sizes_and_vectors() {
    all_cases("kinds.c", "kinds");
}

#[test]
fn leaks() {
    all_cases("leaks.c", "leaks");
}

#[test]
fn null_pages_and_constants() {
    all_cases("regions.c", "regions");
}

#[test]
fn stacks_that_are_too_small() {
    all_cases("stacks.c", "stacks");
}

#[test]
fn stacks_that_end_at_address_0() {
    all_cases("stacks.c", "stacks-first");
}

#[test]
fn objects_and_containers() {
    all_cases("cpp.cpp", "cpp");
}

/// Calls each exported function of a module with 0 and with 1: the faulty form and its twin. Where the
/// library's functions are inlined, source maps know their lines only, so those in `no_line_of` are
/// found without theirs.
fn all_exports(source: &str, program: &str, no_line_of: &[&str]) {
    let mut problems = Vec::new();
    for (name, mut expected) in cases(source) {
        expected.no_line |= no_line_of.contains(&&*expected.kind);
        let file = common::program("faults", program);
        let report = common::check_export(&file, &name, 0);
        problems.extend(problem(&report, &expected, false).map(|it| format!("{name}: {it}")));
        let twin = common::check_export(&file, &name, 1);
        if !twin.is_clean() {
            problems.push(format!("{name} fixed:\n{twin}"));
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn assembly_script() {
    all_exports("assembly.ts", "assembly-O0.wasm", &[]);
    let by_the_library = ["double-free", "invalid-free", "leak-definite"];
    all_exports("assembly.ts", "assembly-O2.wasm", &by_the_library);
}

#[test]
fn zig() {
    all_exports("zig.zig", "zig.wasm", &[]);
}

#[test]
fn correct_programs_have_no_findings() {
    let names = [
        "libc-O0",
        "libc-O2",
        "more-O0",
        "more-O2",
        "containers-O0",
        "containers-O2",
        "objects-O2",
        "operators-Oz",
        "values",
    ];
    for name in names {
        let file = common::program("correct", &format!("{name}.wasm"));
        let report = common::check(&file, &[], Options::default());
        let errors =
            report.findings.iter().filter(|finding| !matches!(finding.kind, Kind::Leak(_)));
        assert_eq!(errors.count(), 0, "{name}:\n{}", report);
        assert_eq!(report.hidden, [], "{name}");
        assert!(report.heap.allocations > 10, "{name}:\n{report}");
    }
}

#[test]
fn collected_objects_have_no_findings() {
    let file = common::program("correct", "collected.wasm");
    let report = common::check_export(&file, "run", 2);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.hidden, []);
    // The collector's work is seen, and nearly all objects are garbage.
    let heap = &report.heap;
    assert!(heap.frees * 10 > heap.allocations * 9, "{report}");
    assert_eq!(heap.frees + heap.live_blocks, heap.allocations, "{report}");
}

/// With the compiler's default exports, in objects that own memory, and with the minimal runtime, which
/// collects only when it is asked to.
#[test]
fn what_a_collector_frees_is_free() {
    for (name, least_frees) in
        [("garbage-O2", 5_000), ("garbage-minimal", 2), ("finalize-O0", 150), ("finalize-O2", 150)]
    {
        let file = common::program("correct", &format!("{name}.wasm"));
        let report = common::check_export(&file, "run", 3);
        assert!(report.is_clean(), "{name}: {report}");
        assert_eq!(report.hidden, [], "{name}");
        let heap = &report.heap;
        assert!(heap.frees >= least_frees && heap.allocations > 150, "{name}: {report}");
    }
}

/// The functions of an allocator that cannot be followed are checked like all others.
#[test]
fn a_null_pointer_is_found_in_an_allocator_that_is_not_followed() {
    let text = r#"(module (memory 2)
        (global $__stack_pointer (mut i32) (i32.const 70000))
        (func $malloc (export "malloc") (param i32) (result i32)
            (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (local.get 0)))
            (i32.const 4096))
        (func $free (param i32) (i32.store (i32.sub (local.get 0) (i32.const 4)) (i32.const 0)))
        (data $.data (i32.const 2048) "top")
        (func $used (result i32) (i32.load (i32.const 2048)))
        (func (export "run") (param i32)
            (drop (call $malloc (call $used))) (call $free (i32.const 8))))"#;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-allocator.wasm");
    fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    let report = common::check_export(&path, "run", 0);
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::NullPage], "{report}");
    assert!(matches!(&*report.hidden, [Hidden::Inlined { .. }]), "{report}");
}

#[test]
fn allocators_that_are_inlined_or_have_no_names_are_not_followed() {
    let file = |name| common::program("correct", name);
    let collected = |name| common::check_export(&file(name), "run", 2);
    let pool = |name| common::check(&file(name), &[], Options::default());
    for (name, report, is_nameless) in [
        ("collected-O3", collected("collected-O3.wasm"), false),
        ("collected-stripped", collected("collected-stripped.wasm"), true),
        ("pool-Oz", pool("pool-Oz.wasm"), false),
        ("pool-stripped", pool("pool-stripped.wasm"), true),
    ] {
        assert!(report.is_clean(), "{name}:\n{report}");
        assert!(!report.allocators.is_empty(), "{name}");
        assert_eq!(report.heap.allocations, 0, "{name}");
        let text = report.to_string();
        assert!(text.contains("heap: not followed") && !text.contains("0 bytes"), "{name}: {text}");
        let json = to_json(&report);
        assert!(json["heap"].is_null() && json["leaks"].is_null(), "{name}: {json}");
        assert_eq!(json["heap_not_checked"].as_array().map(Vec::len), Some(1), "{name}: {json}");
        match &*report.hidden {
            [Hidden::Nameless] => assert!(is_nameless, "{name}"),
            [Hidden::Inlined { .. }] => assert!(!is_nameless, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The first module's memory is used again for the second one's binary.
#[test]
fn a_module_is_not_taken_for_one_that_is_gone() {
    let module = |allocator: &str, work: &str| {
        let text = format!(
            "(module (memory 1) {allocator} (func $work (export \"work\") {work}
                (call $free (call $malloc (i32.const 8)))))"
        );
        wat::parse_str(text).unwrap()
    };
    let malloc = "(func $malloc (param $n i32) (result i32) (i32.const 4096))";
    let user = "(func $user (param $n i32) (result i32) (i32.load offset=2048 (i32.const 0)))";
    let free = "(func $free (param $p i32))";
    let load = "(drop (i32.load offset=2048 (i32.const 0)))";
    let first = module(&format!("{malloc}{user}{free}"), load);
    let second = module(&format!("{user}{malloc}{free}"), load);
    assert_eq!(first.len(), second.len());

    let tool = Check::new(Options::default());
    let engine = Engine::new(lineal::Config::new().observe(tool.observe())).unwrap();
    let mut store = Store::new(&engine, tool);
    store.observer(|tool| tool);
    for _ in 0..50 {
        Module::from_binary(&engine, &first).unwrap();
    }
    for _ in 0..20 {
        let module = Module::from_binary(&engine, &second).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let work = instance.get_typed_func::<(), ()>(&mut store, "work").unwrap();
        work.call(&mut store, ()).unwrap();
    }
    let (mut moment, tool) = store.moment_and_data().expect("the engine observes");
    let report = tool.report(&mut moment);
    assert_eq!(report.hidden, []);
    assert_eq!(report.heap.allocations, 20);
}

#[test]
fn a_reason_is_given_once_for_all_modules_that_have_it() {
    let tool = Check::new(Options::default());
    let engine = Engine::new(lineal::Config::new().observe(tool.observe())).unwrap();
    let mut store = Store::new(&engine, tool);
    store.observer(|tool| tool);
    for _ in 0..3 {
        let module = Module::from_binary(
            &engine,
            &wat::parse_str(
                "(module (memory 1)
                    (func $malloc (param i32) (result i32) (i32.load (i32.const 2048)))
                    (func $free (param i32))
                    (func $main (drop (i32.load (i32.const 2048)))))",
            )
            .unwrap(),
        )
        .unwrap();
        Instance::new(&mut store, &module, &[]).unwrap();
    }
    let (mut moment, tool) = store.moment_and_data().expect("the engine observes");
    assert_eq!(tool.report(&mut moment).hidden.len(), 1);
}
