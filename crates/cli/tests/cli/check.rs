//! `check`: what it prints and writes, its exit status, its options.

use crate::{Outcome, example, faulty, file, json, lineal};

/// Checks a case of a faulty program.
fn check(options: &[&str], program: &str, args: &[&str]) -> Outcome {
    let program = faulty(program);
    let mut all = vec!["check"];
    all.extend(options);
    all.push(&program);
    all.extend(args);
    lineal(&all)
}

/// A module without its custom sections, and so without names.
fn stripped(program: &str) -> Vec<u8> {
    let binary = std::fs::read(faulty(program)).unwrap();
    let (header, mut rest) = binary.split_at(8);
    let mut out = header.to_vec();
    while let [id, after_id @ ..] = rest {
        let (mut len, mut shift, mut len_bytes) = (0, 0, 0);
        for byte in after_id {
            len |= usize::from(byte & 0x7f) << shift;
            (shift, len_bytes) = (shift + 7, len_bytes + 1);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (section, next) = rest.split_at(1 + len_bytes + len);
        if *id != 0 {
            out.extend_from_slice(section);
        }
        rest = next;
    }
    out
}

#[test]
fn the_exit_status_says_whether_something_was_found() {
    let found = check(&[], "lifetime-O2.wasm", &["double_free"]);
    assert_eq!(found.status, 99, "{}", found.stderr);
    assert!(found.stderr.starts_with("allocators: malloc (func["), "{}", found.stderr);
    assert!(found.stderr.contains("a block that was freed already"), "{}", found.stderr);
    assert!(found.stderr.contains("double_free  lifetime.c:"), "{}", found.stderr);
    assert!(found.stderr.ends_with("1 error\n"), "{}", found.stderr);
    let clean = check(&[], "lifetime-O2.wasm", &["double_free", "fixed"]);
    assert_eq!(clean.status, 0, "{}", clean.stderr);
    assert!(clean.stderr.ends_with("no errors\n"), "{}", clean.stderr);
    let chosen = check(&["--error-exitcode", "3"], "lifetime-O2.wasm", &["double_free"]);
    assert_eq!(chosen.status, 3);
    // A trap says more than findings do.
    let trapped = check(&[], "stacks-first-O2.wasm", &["large_array"]);
    assert_eq!(trapped.status, 134, "{}", trapped.stderr);
    assert!(trapped.stderr.contains("the stack grew beyond address 0"), "{}", trapped.stderr);
}

#[test]
fn json_and_html_have_the_report() {
    let (report, page) = (file("check.json", ""), file("check.html", ""));
    check(&["--json", &report, "--html", &page], "bounds-O2.wasm", &["write_across_the_end"]);
    let report = json(&report);
    assert_eq!((&report["kind"], &report["version"]), (&"check".into(), &1.into()));
    let finding = &report["findings"][0];
    assert_eq!(finding["kind"], "invalid-write", "{report}");
    assert_eq!((&finding["number"], &finding["count"]), (&1.into(), &1.into()));
    assert!(finding["len"].is_u64() && finding["addr"].is_u64());
    let stack = finding["stack"].as_array().unwrap();
    assert!(stack.iter().any(|frame| frame["file"] == "bounds.c" && frame["line"].is_u64()));
    assert!(finding["block"]["size"].is_u64() && finding["block"]["allocated_at"].is_array());
    assert!(report["heap"]["allocations"].as_u64() > Some(0));
    for kind in ["definite", "indirect", "possible", "reachable", "suppressed"] {
        assert!(report["leaks"][kind]["blocks"].is_u64(), "{kind}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("invalid-write"));
}

#[test]
fn findings_can_be_suppressed() {
    let printed = check(&["--gen-suppressions"], "lifetime-O2.wasm", &["double_free"]);
    let start = printed.stderr.find("{\n").expect("a suppression");
    let suppressions = file("double_free.supp", &printed.stderr[start..]);
    let options = ["--suppressions", &*suppressions];
    let suppressed = check(&options, "lifetime-O2.wasm", &["double_free"]);
    assert_eq!(suppressed.status, 0, "{}", suppressed.stderr);
    assert!(suppressed.stderr.ends_with("no errors (1 suppressed)\n"), "{}", suppressed.stderr);
    let other = check(&options, "lifetime-O2.wasm", &["free_inside_a_block"]);
    assert_eq!(other.status, 99);
    let wrong = file("wrong.supp", "{\n");
    let wrong = check(&["--suppressions", &wrong], "lifetime-O2.wasm", &["double_free"]);
    assert!(wrong.failure(1).contains("is not a file of suppressions"));
}

#[test]
fn leaks_are_counted_shown_or_left_out() {
    let leak = |options: &[&str]| check(options, "leaks-O2.wasm", &["lost_at_once"]);
    let full = leak(&[]);
    assert_eq!(full.status, 99, "{}", full.stderr);
    assert!(full.stderr.contains("definitely lost, allocated at"), "{}", full.stderr);
    let summary = leak(&["--leak-check", "summary"]);
    assert_eq!(summary.status, 0);
    assert!(summary.stderr.contains("  definitely lost: "), "{}", summary.stderr);
    assert!(!leak(&["--leak-check", "no"]).stderr.contains("definitely lost"));
    assert_eq!(leak(&["--show-leak-kinds", "none"]).status, 0);
    assert_eq!(leak(&["--show-leak-kinds", "reachable,indirect"]).status, 0);
    assert!(leak(&["--show-leak-kinds", "all"]).status == 99);
    assert_eq!(leak(&["--show-leak-kinds", "some"]).status, 2);
    // It is lost only after the call.
    let before = leak(&["--leak-check-at", "lost_at_once"]);
    assert_eq!(before.status, 0, "{}", before.stderr);
    let at_exit = leak(&["--leak-check-at", "__wasm_call_dtors"]);
    assert_eq!(at_exit.status, 99, "{}", at_exit.stderr);
    let never = leak(&["--leak-check-at", "lost_at_once:7"]);
    assert_eq!(never.status, 0);
    let missed = "leaks were not looked for: call 7 of `lost_at_once` did not happen";
    assert!(never.stderr.contains(missed), "{}", never.stderr);
}

#[test]
fn the_first_error_can_stop_the_program() {
    let stopped = check(&["--stop-on-error"], "strings-O2.wasm", &["qsort_too_many"]);
    assert_eq!(stopped.status, 99, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("1 error\n"), "{}", stopped.stderr);
    let limited = check(&["--error-limit", "1"], "strings-O2.wasm", &["qsort_too_many"]);
    assert!(limited.stderr.contains("--error-limit allows"), "{}", limited.stderr);
}

#[test]
fn a_stripped_module_is_told_its_allocator() {
    let names = file("names.json", "");
    check(&["--json", &names], "lifetime-O2.wasm", &["double_free"]);
    let names = json(&names);
    let index = |name: &str| {
        let functions = names["allocators"].as_array().unwrap();
        let function = functions.iter().find(|function| function["name"] == name).unwrap();
        function["index"].as_u64().unwrap()
    };
    let module = file("stripped.wasm", stripped("lifetime-O2.wasm"));
    let unknown = lineal(&["check", &module, "double_free"]);
    assert_eq!(unknown.status, 0, "{}", unknown.stderr);
    assert!(unknown.stderr.starts_with("no allocator functions were recognised"));
    let malloc = format!("malloc=func[{}]", index("malloc"));
    let free = format!("free=func[{}]", index("free"));
    let told = lineal(&["check", "--alloc", &malloc, "--alloc", &free, &module, "double_free"]);
    assert_eq!(told.status, 99, "{}", told.stderr);
    assert!(told.stderr.contains("a block that was freed already"), "{}", told.stderr);
    // The wrong number of parameters, no such function, no such role.
    for wrong in ["calloc=func[0]", "free=nowhere", "mallok=func[1]"] {
        let told = lineal(&["check", "--alloc", wrong, &module, "double_free"]);
        assert!(
            told.stderr.starts_with(&format!("--alloc {wrong} has no effect")),
            "{}",
            told.stderr
        );
    }
    assert_eq!(lineal(&["check", "--alloc", "malloc", &module]).status, 2);
}

/// The page `examples/memory-bug.md`: what it shows is what is printed.
#[test]
fn the_page_about_a_memory_bug_is_true() {
    let run = lineal(&["check", &example("tiles.wasm")]);
    assert_eq!((run.status, &*run.stdout), (99, "The Cellar: 16x4\n"));
    let page = std::fs::read_to_string(example("memory-bug.md")).unwrap();
    let shown: Vec<&str> = page.split("```text\n").skip(1).collect();
    assert!(shown.len() > 4);
    for block in shown {
        let block = block.split("```").next().unwrap();
        assert!(run.stderr.contains(block), "{block}\nis not in\n{}", run.stderr);
    }
}

/// A program in whose names are line ends, commands for terminals, and changes of direction.
fn with_hostile_names() -> String {
    let mut binary = std::fs::read(faulty("lifetime-O0.wasm")).unwrap();
    for (old, new) in [
        ("lifetime.c", "life\ntim.c"),
        ("main.c", "m\u{202e}.c"),
        ("__original_main", "__orig\u{1b}[31mmain"),
        ("\u{4}push", "\u{4}p\rsh"),
        ("push\0", "p\rsh\0"),
    ] {
        assert_eq!(old.len(), new.len());
        let starts: Vec<usize> = (0..binary.len())
            .filter(|&start| binary[start..].starts_with(old.as_bytes()))
            .collect();
        assert!(!starts.is_empty(), "{old:?}");
        starts
            .iter()
            .for_each(|&start| binary[start..][..new.len()].copy_from_slice(new.as_bytes()));
    }
    file("hostile-names.wasm", binary)
}

#[test]
fn names_from_a_module_keep_to_their_lines_in_every_report() {
    let program = with_hostile_names();
    let case = "freed_in_another_function";
    let trace = file("hostile-names.ltrace", "");
    let folded = file("hostile-names.folded", "");
    let snapshots = ["1", "2"].map(|number| file(&format!("hostile-names-{number}.snap"), ""));
    let mut texts = Vec::new();
    for (args, expected) in [
        (vec!["check", "--gen-suppressions", &*program, case], r"p\rsh  life\ntim.c:"),
        (vec!["heap", "--folded", &folded, &program, case], r"p\rsh  life\ntim.c:"),
        (vec!["blame", "--at", "0x400..0x20000", &program, case], r"life\ntim.c:"),
        (vec!["run", "--watch", "0x400..0x20000:rw", &program, case], r"life\ntim.c:"),
        (vec!["trace", "--output", &trace, &program, case], ""),
        (vec!["trace", "--module", &program, &trace], r"life\ntim.c:"),
        (vec!["snapshot", "--at", "malloc", "--output", &snapshots[0], &program, case], ""),
        (vec!["snapshot", "--at", "exit", "--output", &snapshots[1], &program, case], ""),
        (vec!["diff", &snapshots[0], &snapshots[1]], r"m\u{202e}.c:"),
        (vec!["inspect", "--all", &program], r"p\rsh"),
    ] {
        let run = lineal(&args);
        let text = run.stdout + &run.stderr;
        assert!(text.contains(expected), "{args:?}: {text}");
        texts.push(text);
    }
    texts.push(std::fs::read_to_string(folded).unwrap());
    for text in texts {
        let special = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}' || c == '\u{fffd}');
        assert!(!text.contains(special), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("tim.c")), "{text}");
    }
}

#[test]
fn a_heap_that_cannot_be_followed_is_not_checked() {
    let path =
        |name: &str| format!("{}/../insight/tests/correct/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    for (name, why) in [
        ("pool-Oz", "contains code of the allocator (it uses `0x"),
        ("pool-stripped", "the module has no names"),
    ] {
        let found = lineal(&["check", &path(name)]);
        assert_eq!(found.status, 0, "{}", found.stderr);
        assert!(found.stderr.contains("\nthe heap is not checked: "), "{}", found.stderr);
        assert!(found.stderr.contains(why), "{}", found.stderr);
    }
    let profiled = lineal(&["heap", &path("pool-Oz")]);
    assert!(
        profiled.stderr.contains("\nsome allocations are not in the profile: "),
        "{}",
        profiled.stderr
    );
}
