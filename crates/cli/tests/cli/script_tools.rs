//! `lineal script --watch`, `--explain`, `--check`, `--max-memory` and `--timeout`, in all languages.

use crate::{Outcome, file, lineal};

const GUEST: &str = r#"(module $guest
    (memory (export "memory") 1)
    (data $title (i32.const 8) "title")
    (global $free (mut i32) (i32.const 1024))
    (func $poke (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func $peek (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "malloc") (param $size i32) (result i32)
        (global.get $free)
        (global.set $free
            (i32.add (i32.const 8) (i32.add (global.get $free) (local.get $size)))))
    (func (export "free") (param i32)))"#;

/// Two instances of a module in each language: the file, how it begins, how a call ends.
const LANGUAGES: [[&str; 3]; 3] = [
    ["lua", "local a, b = wasm.load('GUEST').exports, wasm.load('GUEST').exports\n", "\n"],
    ["star", "a = load_module('GUEST').exports\nb = load_module('GUEST').exports\n", "\n"],
    [
        "js",
        "const module = await WebAssembly.compileStreaming(fetch('GUEST'));
        const [a, b] = [0, 0].map(() => new WebAssembly.Instance(module).exports);\n",
        ";\n",
    ],
];

/// Runs the same calls in each language.
fn in_all(name: &str, calls: &[&str], options: &[&str], check: impl Fn(&str, Outcome)) {
    let guest = file(&format!("{name}.wasm"), wat::parse_str(GUEST).unwrap());
    let guest = guest.rsplit('/').next().unwrap();
    for [language, start, end] in LANGUAGES {
        let mut text = start.replace("GUEST", guest);
        calls.iter().for_each(|call| text += &format!("{call}{end}"));
        let path = file(&format!("{name}.{language}"), text.as_bytes());
        let mut args = vec!["script"];
        args.extend(options);
        args.push(&path);
        check(language, lineal(&args));
    }
}

#[test]
fn all_instances_are_watched() {
    let calls = ["a.poke(64, 7)", "b.poke(62, 8)", "b.peek(64)", "a.poke(70, 1)"];
    in_all("watch-log", &calls, &["--watch", "64+4"], |language, outcome| {
        assert_eq!(outcome.status, 0, "{language}: {}", outcome.stderr);
        let report = outcome.stderr;
        for part in ["64+4 (1): write of 4 bytes at 0x40", "64+4 (2): write of 4 bytes at 0x3e"] {
            assert!(report.contains(part), "{language}: {report}");
        }
        assert!(report.contains("poke   i32.store at 0x"), "{language}: {report}");
        assert!(report.ends_with("watch 64+4: 2 accesses\n"), "{language}: {report}");
    });
    let options = ["--watch", "title:rw", "--watch", "nothing", "--watch-action", "count"];
    in_all("watch-count", &["a.poke(8, 1)", "b.peek(8)"], &options, |language, outcome| {
        let expected = "watch nothing: no module that was instantiated has it\n\
                        watch title:rw: 2 accesses\n";
        assert_eq!((outcome.status, &*outcome.stderr), (0, expected), "{language}");
    });
    let options = ["--watch", "64+4", "--watch-action", "stop"];
    in_all("watch-stop", &["b.poke(64, 7)", "a.poke(64, 7)"], &options, |language, outcome| {
        assert_eq!(outcome.status, 1, "{language}");
        let report = outcome.stderr;
        assert!(report.contains("stopped at the watchpoint 64+4"), "{language}: {report}");
        assert!(report.contains("watch 64+4: 1 access\n"), "{language}: {report}");
    });
    in_all("watch-wrong", &[], &["--watch", "1..0"], |language, outcome| {
        let report = outcome.failure(1);
        assert!(report.contains("the range `1..0` is empty"), "{language}: {report}");
    });
}

#[test]
fn what_a_script_writes_itself_is_watched() {
    let guest = file("watch-host.wasm", wat::parse_str(GUEST).unwrap());
    let guest = guest.rsplit('/').next().unwrap();
    let lua = format!(
        "local g = wasm.load('{guest}') m.write_int32(g.memory, 64, 7) m.read_uint8(g.memory, 65)"
    );
    let star = format!(
        "g = load_module('{guest}')\ng.memory.write_int32(64, 7)\ng.memory.read_uint8(65)\n"
    );
    for (name, text) in [("watch-host.lua", lua), ("watch-host.star", star)] {
        let path = file(name, text.as_bytes());
        let report = lineal(&["script", "--watch", "64+4:rw", &path]);
        assert_eq!(report.status, 0, "{name}: {}", report.stderr);
        assert!(report.stderr.contains("00 00 00 00 -> 07 00 00 00"), "{name}: {}", report.stderr);
        assert!(report.stderr.contains("watch 64+4:rw: 2 accesses"), "{name}: {}", report.stderr);
    }
}

#[test]
fn the_instance_that_trapped_is_explained() {
    // The first instance has other bytes there.
    let calls = ["a.poke(65532, 1)", "b.poke(65528, 0x41414141)", "b.peek(65534)"];
    in_all("explain", &calls, &["--explain"], |language, outcome| {
        assert_eq!(outcome.status, 1, "{language}");
        let report = outcome.stderr;
        for part in [
            "the last bytes of memory 0, and who wrote them:",
            "41 41 41 41",
            "out of bounds memory access: load of 4 bytes at 0xfffe",
            "guest!peek",
        ] {
            assert!(report.contains(part), "{language}: {part}: {report}");
        }
        assert!(!report.contains("0xfffc  01 00 00 00"), "{language}: {report}");
    });
}

#[test]
fn all_instances_are_checked() {
    let calls = ["a.malloc(10)", "b.free(b.malloc(16))", "b.poke(1028, 1)", "a.poke(1024, 1)"];
    in_all("check", &calls, &["--check"], |language, outcome| {
        assert_eq!(outcome.status, 99, "{language}: {}", outcome.stderr);
        let report = outcome.stderr;
        for part in [
            "allocators: malloc (func[2], export), free (func[3], export)\n",
            "write of 4 bytes at 0x404, 4 bytes inside a freed block of 16 bytes",
            "10 bytes in 1 block are definitely lost",
            "2 allocations, 1 free",
        ] {
            assert!(report.contains(part), "{language}: {part}: {report}");
        }
    });
    let calls = ["a.free(a.malloc(10))", "b.free(b.malloc(16))"];
    in_all("check-clean", &calls, &["--check"], |language, outcome| {
        assert_eq!(outcome.status, 0, "{language}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("no errors"), "{language}: {}", outcome.stderr);
    });
}

#[test]
fn scripts_end_like_programs_when_their_time_is_over() {
    for (name, text) in [
        ("timeout.lua", "while true do end"),
        ("timeout.star", "def f():\n  for i in range(1000000000):\n    pass\nf()\n"),
        ("timeout.js", "for (;;);"),
        ("timeout-promise.js", "const f = () => Promise.resolve().then(f); await f();"),
        ("timeout-timer.mjs", "await new Promise((done) => setTimeout(done, 1e6));"),
        ("timeout-caught.js", "try { for (;;); } catch {} finally { for (;;); }"),
        ("timeout-async.js", "(async () => { for (;;) await 0; })(); for (;;);"),
    ] {
        let path = file(name, text.as_bytes());
        let report = lineal(&["script", "--timeout", "200ms", &path]).failure(134);
        assert!(report.contains("timed out after 200ms"), "{name}: {report}");
    }
}

#[test]
fn the_values_of_scripts_are_limited() {
    for (name, text) in [
        ("heap.lua", "local t = {} for i = 1, 1e9 do t[i] = {i} end"),
        ("heap-string.lua", "local s = 'x' for i = 1, 40 do s = s .. s end"),
        ("heap.js", "const list = []; for (;;) list.push({});"),
        ("heap-buffer.js", "new ArrayBuffer(1e9).byteLength"),
        ("heap-string.js", "const all = []; for (;;) all.push('x'.repeat(1e6) + all.length);"),
        (
            "heap.star",
            "def f():\n  l = []\n  for i in range(1000000000):\n    l.append([i])\nf()\n",
        ),
    ] {
        let path = file(name, text.as_bytes());
        let report = lineal(&["script", "--max-memory", "16MiB", &path]).failure(1);
        assert!(report.to_lowercase().contains("memory"), "{name}: {report}");
    }
    // What fits is no trouble, and what is caught makes room.
    for (name, text, out) in [
        (
            "heap-fits.lua",
            "local s = string.rep('x', 1000000) print(#s, (pcall(string.rep, 'x', 1 << 30)))",
            "1000000\tfalse\n",
        ),
        (
            "heap-fits.js",
            "let a = new ArrayBuffer(1e6); try { new ArrayBuffer(1e9); } catch { console.log(a.byteLength); }",
            "1000000\n",
        ),
        ("heap-fits.star", "print(len('x' * 1000000))", "1000000\n"),
    ] {
        let path = file(name, text.as_bytes());
        assert_eq!(lineal(&["script", "--max-memory", "16MiB", &path]).success(), out, "{name}");
    }
}
