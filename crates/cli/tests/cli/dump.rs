//! `lineal dump`.

use crate::{example, file, lineal};

const TWO_MEMORIES: &str = r#"(module
    (memory (export "first") 1)
    (memory 1)
    (data (memory 0) (i32.const 0) "first")
    (data (memory 1) (i32.const 0) "second")
    (func (export "write") (param i32 i32) (i32.store8 1 (local.get 0) (local.get 1)))
    (func (export "fail") (i32.store8 (i32.const 1) (i32.const 0x2a)) unreachable)
    (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;

#[test]
fn results_come_first_then_the_range() {
    let path = example("reverse.wat");
    assert_eq!(
        lineal(&["dump", &path, "--invoke", "reverse", "--range", "0..32", "8", "14"]).success(),
        "22
00000000  00 00 00 00 00 00 00 00  21 79 72 6f 6d 65 6d 20  |........!yromem |
00000010  72 61 65 6e 69 6c 00 00  00 00 00 00 00 00 00 00  |raenil..........|
00000020
"
    );
    // The arguments may come before options, too.
    let other = lineal(&["dump", &path, "--invoke", "reverse", "8", "14", "--range", "0..32"]);
    assert!(other.success().starts_with("22\n"));
}

#[test]
fn without_a_function_the_initial_contents_are_shown() {
    let path = example("reverse.wat");
    assert_eq!(
        lineal(&["dump", &path, "--range", "0x8..+7"]).success(),
        "00000000                           6c 69 6e 65 61 72 20     |        linear  |\n0000000f\n"
    );
    let text = lineal(&["dump", &path, "--range", "0..65536"]).success();
    let starts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ["00000000", "00000010", "00000020", "*", "00010000"]);
    assert_eq!(lineal(&["dump", &path, "--range", "5..5"]).success(), "00000005\n");
}

#[test]
fn shared_memories_are_shown() {
    let path = file(
        "shared.wat",
        r#"(module (memory (export "m") 1 1 shared) (data (i32.const 14) "shared")
            (func (export "count") (result i32)
                (i32.atomic.rmw.add (i32.const 0) (i32.const 7))))"#,
    );
    let shown = "0
00000000  07 00 00 00 00 00 00 00  00 00 00 00 00 00 73 68  |..............sh|
00000010  61 72 65 64                                       |ared            |
00000014
";
    for memory in ["m", "0"] {
        let args = ["dump", &path, "--memory", memory, "--invoke", "count", "--range", "0..20"];
        assert_eq!(lineal(&args).success(), shown);
    }
    let report = lineal(&["dump", &path, "--memory", "1", "--range", "0..1"]).failure(1);
    assert!(report.contains("the module has 1, exported as m"), "{report}");
    let report = lineal(&["dump", &path, "--range", "0..65537"]).failure(1);
    assert!(report.contains("65536 bytes"), "{report}");
}

#[test]
fn memories_are_chosen_by_name_or_index() {
    let path = file("two.wat", TWO_MEMORIES);
    let text = |args: &[&str]| {
        let all = [&["dump", &path, "--range", "0..6"], args].concat();
        let text = lineal(&all).success();
        text.split('|').nth(1).unwrap().trim_end().to_owned()
    };
    assert_eq!(text(&[]), "first.");
    assert_eq!(text(&["--memory", "first"]), "first.");
    assert_eq!(text(&["--memory", "0"]), "first.");
    assert_eq!(text(&["--memory", "1"]), "second");
    assert_eq!(text(&["--memory", "1", "--invoke", "write", "0", "0x53"]), "Second");

    let report = lineal(&["dump", &path, "--range", "0..6", "--memory", "2"]).failure(1);
    assert!(report.contains("no memory `2`: the module has 2, exported as first"), "{report}");
    let report = lineal(&["dump", &path, "--range", "0..6", "--memory", "second"]).failure(1);
    assert!(report.contains("no memory `second`"), "{report}");
    let path = file("no-memory.wat", "(module)");
    let report = lineal(&["dump", &path, "--range", "0..1"]).failure(1);
    assert_eq!(report, "error: the module has no memory\n");
}

#[test]
fn a_trap_is_reported_after_the_dump() {
    let path = file("fail.wat", TWO_MEMORIES);
    let outcome = lineal(&["dump", &path, "--invoke", "fail", "--range", "0..5"]);
    assert_eq!(outcome.status, 134);
    assert_eq!(
        outcome.stdout,
        "00000000  66 2a 72 73 74                                    |f*rst           |\n00000005\n"
    );
    assert!(outcome.stderr.starts_with("error: `fail` failed\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`unreachable`"), "{}", outcome.stderr);

    let outcome = lineal(&["dump", &path, "--invoke", "fail", "--range", "0..65537"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (134, ""));
    assert!(outcome.stderr.contains("is not inside memory 0"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`unreachable`"), "{}", outcome.stderr);
}

#[test]
fn ranges_are_checked_against_the_size_after_the_call() {
    let path = file("grow.wat", TWO_MEMORIES);
    let args = ["dump", &path, "--range", "65536..65537"];
    let report = lineal(&args).failure(1);
    assert_eq!(
        report,
        "error: the range 0x10000..0x10001 is not inside memory 0, which has 65536 bytes\n"
    );
    let text = lineal(&[&args[..], &["--invoke", "grow"]].concat()).success();
    assert!(text.starts_with("1\n00010000  00 "), "{text}");
    lineal(&["dump", &path, "--range", "0..18446744073709551615"]).failure(1);
}

#[test]
fn a_range_is_a_variable_or_a_segment_by_its_name() {
    let path = file(
        "named.wat",
        r#"(module (memory 1) (memory 1)
            (data $greeting (i32.const 16) "hello") (data $other (memory 1) (i32.const 32) "other"))"#,
    );
    let shown = |range: &str| lineal(&["dump", &path, "--range", range]);
    assert!(shown("greeting").success().contains("|hello"));
    assert!(shown("greeting+1").success().contains("| ello"));
    assert_eq!(shown("memory1:other").success(), shown("memory1:32..37").success());
    assert!(shown("memory1:other").success().contains("|other"));
    let report = shown("goodbye").failure(1);
    assert!(report.contains("no variable or data segment `goodbye`"), "{report}");
    assert!(report.contains("greeting"), "{report}");
    // The name says which memory it is in.
    let report = lineal(&["dump", &path, "--range", "greeting", "--memory", "1"]).failure(1);
    assert!(report.contains("leave --memory out"), "{report}");
}

#[test]
fn negative_arguments_are_no_options() {
    let path = file("negative.wat", TWO_MEMORIES);
    let args = ["dump", &path, "--range", "0..1", "--memory", "1", "--invoke", "write", "0", "-1"];
    assert!(lineal(&args).success().starts_with("00000000  ff "));
    let outcome = lineal(&["dump", &path, "--range", "0..1", "--invoke", "write", "-1", "0"]);
    assert_eq!(outcome.status, 134);
    let args = ["dump", &path, "--range", "0..1", "--invoke", "write", "--", "-0x1", "0"];
    assert_eq!(lineal(&args).status, 134);
}
