//! `run --watch`, `run --explain`, `blame`, `dump --blame`, `heat` and `trace`.

use crate::{example, file, lineal};

const PROGRAM: &str = r#"(module $demo
    (memory (export "memory") 1)
    (data (i32.const 8) "title")
    (func $set (param $addr i32) (param $value i32)
        (i32.store (local.get $addr) (local.get $value)))
    (func (export "set") (param i32 i32) (result i32)
        (call $set (local.get 0) (local.get 1)) (i32.load (local.get 0)))
    (func (export "bad") (result i32)
        (call $set (i32.const 400) (i32.const 0x41414141))
        (i32.load (i32.load (i32.const 400))))
    (func (export "assert")
        (call $set (i32.const 96) (i32.const 5)) unreachable))"#;

#[test]
fn a_watchpoint_tells_who_writes() {
    let path = file("watch.wat", PROGRAM);
    let args = ["run", "--invoke", "set", "--watch", "0x64..0x66", &path, "100", "-1"];
    let run = lineal(&args);
    assert_eq!((run.status, &*run.stdout), (0, "-1\n"));
    assert!(
        run.stderr.contains("write of 4 bytes at 0x64: 00 00 00 00 -> ff ff ff ff"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("set   i32.store at 0x"), "{}", run.stderr);
    assert!(run.stderr.contains("called by func[1]   call at 0x"), "{}", run.stderr);
    assert!(run.stderr.ends_with("watch 0x64..0x66: 1 access\n"), "{}", run.stderr);
}

#[test]
fn watchpoints_stop_count_and_compare() {
    let path = file("watch_stop.wat", PROGRAM);
    let run = |options: &[&str]| {
        let mut args = vec!["run", "--invoke", "set"];
        args.extend(options);
        args.extend([path.as_str(), "100", "7"]);
        lineal(&args)
    };
    let stopped = run(&["--watch", "100+4", "--watch-action", "stop"]);
    assert_eq!((stopped.status, &*stopped.stdout), (1, ""));
    assert!(stopped.stderr.contains("stopped at the watchpoint 100+4"), "{}", stopped.stderr);
    let counted = run(&["--watch", "100+4:rw", "--watch-action", "count"]);
    assert_eq!(&*counted.stderr, "watch 100+4:rw: 2 accesses\n");
    let missed = run(&["--watch", "100+4 == 8", "--watch", "104+4:r"]);
    assert_eq!(&*missed.stderr, "watch 100+4 == 8: 0 accesses\nwatch 104+4:r: 0 accesses\n");
    let json = file("watch.json", "");
    run(&["--watch", "100+4", "--json", &json]);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&json["version"], &json["hits"][0]["new"][0]), (&1.into(), &7.into()));
    for wrong in ["", "nowhere", "5..4", "1..2:x", "memory9:0..4", "1..2 =="] {
        let report = run(&["--watch", wrong]).failure(1);
        assert!(report.len() > 30, "{report}");
    }
}

#[test]
fn blame_names_writers_also_after_a_trap() {
    let path = file("blame.wat", PROGRAM);
    let args = ["blame", "--at", "8..16", "--invoke", "set", &path, "10", "1"];
    let text = lineal(&args).success();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "1");
    assert!(lines[1].starts_with("0x8  74 69") && lines[1].ends_with("data segment 0"), "{text}");
    assert!(lines[2].starts_with("0xa  01 00 00 00") && lines[2].contains("   set   i32.store at"));
    assert!(lines[3].ends_with("never written"), "{text}");
    let trapped = lineal(&["blame", "--at", "96+4", "--stacks", "--invoke", "assert", &path]);
    assert_eq!(trapped.status, 134, "{}", trapped.stderr);
    assert!(trapped.stdout.contains("05 00 00 00"), "{}", trapped.stdout);
    assert!(trapped.stdout.contains("called by func[3]"), "{}", trapped.stdout);
    let outside = lineal(&["blame", "--at", "65536+4", "--invoke", "set", &path, "10", "1"]);
    assert!(outside.success().contains("is outside the memory"));
    let dump =
        lineal(&["dump", "--blame", "--range", "8..16", &path, "--invoke", "set", "10", "1"]);
    assert!(dump.success().contains("set   i32.store at 0x"));
}

#[test]
fn a_failure_is_explained() {
    let path = file("explain.wat", PROGRAM);
    let bad = lineal(&["run", "--explain", "--invoke", "bad", &path]);
    assert_eq!(bad.status, 134);
    assert!(
        bad.stderr.contains("the address 0x41414141 lies in memory, written by:"),
        "{}",
        bad.stderr
    );
    assert!(bad.stderr.contains("0x190  41 41 41 41"), "{}", bad.stderr);
    assert!(bad.stderr.contains("   set   i32.store at"), "{}", bad.stderr);
    let assertion = lineal(&["run", "--explain", "--invoke", "assert", &path]);
    assert_eq!(assertion.status, 134);
}

/// What an assertion compared was read by the function that failed: who wrote it is the question.
/// Some programs end by a trap then, some by `proc_exit`, some say nothing of the sort.
#[test]
fn a_failed_assertion_is_explained() {
    let program = |end: &str| {
        file(
            "assertion.wat",
            format!(
                r#"(module
                    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                    (memory (export "memory") 1)
                    (func $guilty (i32.store16 (i32.const 0x2000) (i32.const 7)))
                    (func $print (drop (i32.load (i32.const 0x3000))))
                    (func $abort {end})
                    (func $check (param $at i32)
                        (if (i32.eq (i32.load (local.get $at)) (i32.const 7))
                            (then (call $print) (call $abort))))
                    (func (export "_start") (call $guilty) (call $check (i32.const 0x2000))))"#
            ),
        )
    };
    let explained = |end: &str| lineal(&["run", "--explain", &program(end)]);
    for (end, status) in [("unreachable", 134), ("(call $exit (i32.const 134))", 134)] {
        let run = explained(end);
        assert_eq!(run.status, status, "{}", run.stderr);
        let read = run.stderr.find("bytes that check read last:").expect("what it read");
        let rest = &run.stderr[read..];
        let line = rest.lines().find(|line| line.contains("0x2000  07 00")).expect("the bytes");
        assert!(line.contains("   guilty   i32.store16 at"), "{rest}");
        assert!(!rest.contains("0x3000"), "{rest}");
    }
    let exited = explained("(call $exit (i32.const 3))");
    assert_eq!((exited.status, exited.stderr.contains("read last")), (3, false));
    let path = program("(loop $again (br $again))");
    let slow = lineal(&["run", "--explain", "--fuel", "1000", &path]);
    assert!(slow.stderr.contains("fuel") && !slow.stderr.contains("read last"), "{}", slow.stderr);
}

#[test]
fn heat_and_trace_count_accesses() {
    let path = file("heat.wat", PROGRAM);
    let heat = lineal(&["heat", "--invoke", "set", &path, "100", "7"]).success();
    assert!(heat.contains("0x0..0x1000"), "{heat}");
    let trace = file("set.ltrace", "");
    let run = lineal(&["trace", "-o", &trace, "--invoke", "set", &path, "100", "7"]);
    assert_eq!((run.status, &*run.stdout), (0, "7\n"));
    assert!(run.stderr.starts_with("3 accesses written to "), "{}", run.stderr);
    let printed = lineal(&["trace", &trace]).success();
    assert_eq!(printed.lines().count(), 3);
    let writes = lineal(&["trace", "--writes", "--range", "100..101", "--module", &path, &trace]);
    let writes = writes.success();
    assert!(writes.starts_with("write  0x64  4  set at 0x"), "{writes}");
    let cut = file("cut.ltrace", &std::fs::read(&trace).unwrap()[..20]);
    assert!(lineal(&["trace", &cut]).failure(1).contains("cannot read"));
}

/// However the program is stopped, its memory is as it left it.
#[test]
fn blame_names_writers_when_the_program_is_stopped() {
    let path = file(
        "blame_stopped.wat",
        r#"(module (memory (export "memory") 1)
            (func $fill (i32.store8 (i32.const 41) (i32.const 6)))
            (func (export "run") (call $fill) (loop $again (br $again))))"#,
    );
    for limit in [["--fuel", "10000"], ["--timeout", "100ms"]] {
        let mut args = vec!["blame", "--at", "40..44", "--stacks", "--invoke", "run"];
        args.extend(limit);
        args.push(&path);
        let run = lineal(&args);
        assert_ne!(run.status, 0, "{}", run.stderr);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert!(lines[0].ends_with("never written"), "{}", run.stdout);
        let written =
            lines[1].starts_with("0x29  06 ") && lines[1].contains("fill   i32.store8 at");
        assert!(written, "{}", run.stdout);
        assert!(lines[2].contains("called by func[1]"), "{}", run.stdout);
    }
}

/// Each thread has a store of its own: what one writes is seen whoever asked.
#[test]
fn threads_are_watched() {
    let path = file(
        "watch_threads.wat",
        r#"(module
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (import "env" "memory" (memory 1 1 shared))
            (export "memory" (memory 0))
            (func $count (param $by i32)
                (drop (i32.atomic.rmw.add (i32.const 64) (local.get $by))))
            (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
                (call $count (local.get $arg))
                (i32.atomic.store (i32.const 0) (i32.const 1))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
            (func (export "run") (result i32)
                (drop (call $spawn (i32.const 5)))
                (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
                (call $count (i32.const 1))
                (i32.atomic.load (i32.const 64))))"#,
    );
    let watch = ["run", "-S", "threads=y", "--watch", "64+4", "--invoke", "run", &path];
    let run = lineal(&watch);
    assert_eq!((run.status, &*run.stdout), (0, "6\n"), "{}", run.stderr);
    for change in ["00 00 00 00 -> 05 00 00 00", "05 00 00 00 -> 06 00 00 00"] {
        assert!(run.stderr.contains(change), "{}", run.stderr);
    }
    assert!(run.stderr.ends_with("watch 64+4: 2 accesses\n"), "{}", run.stderr);
    let blame = lineal(&["blame", "-S", "threads=y", "--at", "0..4", "--invoke", "run", &path]);
    let text = blame.success();
    assert!(text.contains("i32.atomic.store at"), "{text}");
}

/// The README's bug hunt, with and without debug information.
#[test]
fn the_bug_hunt_finds_the_overflow() {
    let hit = |name: &str, at: &str| {
        let run = lineal(&["run", "--watch", at, &example(name)]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        run.stderr
    };
    let blame = lineal(&["blame", "--at", "game", &example("counter.wasm")]).success();
    assert!(blame.contains("cpy"), "{blame}");
    let watched = hit("counter.wasm", "game+12");
    assert!(watched.contains("load_level   counter.c:"), "{watched}");
    // The address that the other run printed.
    let start = blame.lines().find(|line| line.starts_with("0x")).unwrap();
    let start = u64::from_str_radix(&start[2..start.find("  ").unwrap()], 16).unwrap();
    let stripped = hit("counter-stripped.wasm", &format!("{:#x}+4", start + 12));
    assert!(stripped.contains("func["), "{stripped}");
}
