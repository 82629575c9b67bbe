//! `snapshot` and `diff`, and the pages of `blame` and `heat`.

use crate::{faulty, file, json, lineal};

const PROGRAM: &str = r#"(module
    (memory (export "memory") 1)
    (data $title (i32.const 8) "title")
    (func $step (param i32)
        (i32.store (i32.mul (local.get 0) (i32.const 64)) (i32.const 0x01020304)))
    (func (export "run") (local $n i32)
        (loop $again
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (call $step (local.get $n))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 5)))))
    (func (export "bad") (i32.store8 (i32.const 9) (i32.const 65)) unreachable))"#;

/// Takes a snapshot of the program and returns its file.
fn snapshot(name: &str, at: &str, function: &str, status: i32) -> String {
    let path = file("snapshot.wat", PROGRAM);
    let out = file(name, "");
    let run = lineal(&["snapshot", "--at", at, "-o", &out, "--invoke", function, &path]);
    assert_eq!(run.status, status, "{}", run.stderr);
    assert!(run.stderr.contains(" written to "), "{}", run.stderr);
    out
}

#[test]
fn the_difference_between_two_calls() {
    let second = snapshot("second.snap", "step:2", "run", 0);
    let fourth = snapshot("fourth.snap", "func[0]:4", "run", 0);
    let (report, page) = (file("diff.json", ""), file("diff.html", ""));
    let text = lineal(&["diff", "--json", &report, "--html", &page, &second, &fourth]).success();
    assert!(text.starts_with("from call 2 of `step` to call 4 of `func[0]`\n"), "{text}");
    assert!(text.contains("memory 0 of 65536 bytes: 8 bytes changed in 2 places\n"), "{text}");
    assert!(text.contains("0x80..0x84  memory 0+128  00 00 00 00 -> 04 03 02 01\n"), "{text}");
    let report = json(&report);
    assert_eq!((&report["kind"], &report["version"]), (&"diff".into(), &1.into()));
    assert_eq!(
        (&report["changes"][1]["start"], &report["changes"][1]["new"]),
        (&192.into(), &"04030201".into())
    );
    assert!(std::fs::read_to_string(page).unwrap().contains("What differs"));
    let same = lineal(&["diff", &second, &second]).success();
    assert!(same.contains(": 0 bytes changed in 0 places\n"), "{same}");
}

#[test]
fn snapshots_at_the_end_a_trap_and_some_fuel() {
    let end = snapshot("end.snap", "exit", "run", 0);
    let trap = snapshot("trap.snap", "trap", "bad", 134);
    let text = lineal(&["diff", &end, &trap]).success();
    assert!(text.contains("0x9..0xa  title+1  69 -> 41\n"), "{text}");
    let early = snapshot("early.snap", "fuel=12", "run", 0);
    let text = lineal(&["diff", &early, &end]).success();
    assert!(text.starts_with("from the consumption of 12 fuel to the end\n"), "{text}");
    assert!(!text.contains(": 0 bytes changed"), "{text}");
}

#[test]
fn what_did_not_happen_has_no_snapshot() {
    let path = file("snapshot_missed.wat", PROGRAM);
    let missed =
        lineal(&["snapshot", "--at", "step:9", "-o", "/nowhere/x", "--invoke", "run", &path]);
    assert!(missed.failure(1).contains("call 9 of `step` did not happen"));
    assert_eq!(lineal(&["snapshot", "--at", "step:0", "-o", "x", &path]).status, 2);
    let broken = file("broken.snap", "lineal snapshot 1\n\x01");
    assert!(lineal(&["diff", &broken, &broken]).failure(1).contains("cut off or damaged"));
    assert!(lineal(&["diff", &path, &path]).failure(1).contains("this is no snapshot"));
}

#[test]
fn blocks_are_new_or_gone() {
    let take = |name: &str, at: &str| {
        let out = file(name, "");
        let program = faulty("leaks-O2.wasm");
        let run = lineal(&["snapshot", "--at", at, "-o", &out, &program, "lost_at_once"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        out
    };
    let (before, after) =
        (take("blocks_before.snap", "lost_at_once"), take("blocks_after.snap", "exit"));
    let text = lineal(&["diff", &before, &after]).success();
    assert!(text.contains(" 0 gone, ") && text.contains("    lost_at_once  leaks.c:"), "{text}");
}

#[test]
fn blame_and_heat_have_pages() {
    let path = file("pages.wat", PROGRAM);
    let page = |args: &[&str]| {
        let out = file(&format!("{}.html", args[0]), "");
        let mut all = args.to_vec();
        all.extend(["--html", &out, "--invoke", "run", &path]);
        lineal(&all).success();
        std::fs::read_to_string(out).unwrap()
    };
    let blame = page(&["blame", "--at", "0..256"]);
    assert!(
        blame.contains("Who wrote most") && blame.contains(r#""writers":[[8,13,"#),
        "{}",
        blame.len()
    );
    let heat = page(&["heat", "--piece", "64"]);
    assert!(heat.contains(r#"[64,128,"heat",10]"#), "{}", &heat[heat.find("layers").unwrap()..]);
}
