//! Runs the suites of the JavaScript Interface in `tests/js/`, which are scripts themselves.
//!
//! A suite imports `harness.js` and checks one promise after the other. Modules are written in the
//! text format between `` wat` `` and `` ` ``: they are replaced by their bytes before the suite
//! runs, in as many lines.
#![cfg(feature = "js")]

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use lineal::{Config, Engine};
use lineal_script::{Error, Language, Options, Output, Report, Script, run};

/// What a script printed.
#[derive(Clone, Default)]
struct Printed(Rc<RefCell<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// A module with a function.
const ADD: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"#;

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let name = format!("lineal-script-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    /// Puts a script in, with its modules compiled.
    fn add(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, compile_modules(text)).unwrap();
        file
    }
}

impl Directory {
    fn add_module(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), wat::parse_str(text).unwrap()).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Replaces each module in the text format by its bytes.
fn compile_modules(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("wat`") {
        let (module, after) = after.split_once('`').expect("the end of a module");
        let bytes = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
        let lines = "\n".repeat(module.matches('\n').count());
        result += &format!("{before}Uint8Array.from({bytes:?}{lines})");
        rest = after;
    }
    result + rest
}

struct Outcome {
    out: String,
    err: String,
    result: Result<Report, Error>,
}

fn run_file(file: &Path, change: impl FnOnce(&mut Options)) -> Outcome {
    // Each time that a guest is entered again takes 4 KiB of its stack.
    let mut config = Config::new();
    config.epoch_interruption(true).shared_memory(true).max_wasm_stack(4 << 20);
    let engine = Engine::new(&config).unwrap();
    let mut options = Options::new(&engine);
    change(&mut options);
    let text = fs::read_to_string(file).unwrap();
    let script = Script { file: file.to_owned(), text, language: Language::JavaScript };
    let (out, err) = (Printed::default(), Printed::default());
    let output = Output { out: Box::new(out.clone()), err: Box::new(err.clone()), colours: false };
    let result = run(&script, options, output);
    Outcome { out: out.text(), err: err.text(), result }
}

/// Runs a script that is given as text.
fn run_text(name: &str, text: &str, change: impl FnOnce(&mut Options)) -> Outcome {
    let directory = Directory::new(name);
    let file = directory.add("main.js", text);
    run_file(&file, change)
}

#[track_caller]
fn message(outcome: &Outcome) -> String {
    match &outcome.result {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the script did not fail: {}", outcome.out),
    }
}

/// Runs a suite, which must make at least so many checks.
fn suite(name: &str, least: usize) {
    suite_of(name, &source(&format!("{name}.js")), least);
}

/// The same with another text.
fn suite_of(name: &str, text: &str, least: usize) {
    let directory = Directory::new(name);
    for file in ["harness.js", "other.js", "data.json"] {
        directory.add(file, &source(file));
    }
    directory.add_module("add.wasm", ADD);
    let file = directory.add(&format!("{name}.js"), text);
    let outcome = run_file(&file, |options| options.args = vec!["one".into(), "two".into()]);
    if let Err(error) = &outcome.result {
        panic!("{name}: {error}\n{}{}", outcome.out, outcome.err);
    }
    let failures: Vec<&str> = outcome.out.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(failures.is_empty(), "{name}:\n{}\n{}", failures.join("\n"), outcome.err);
    let checks: usize = outcome.out.lines().last().and_then(|line| line[3..].parse().ok()).unwrap();
    assert!(checks >= least, "{name}: only {checks} checks");
}

fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

macro_rules! suites {
    ($($name:ident: $least:literal;)*) => {$(
        #[test]
        fn $name() {
            suite(stringify!($name), $least);
        }
    )*};
}

suites! {
    namespace: 400;
    module: 200;
    memory: 150;
    table: 200;
    functions: 150;
    exceptions: 100;
    references: 200;
    environment: 60;
}

#[test]
fn the_console_prints_as_node_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/console.js");
    let outcome = run_file(&file, |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, source("console.expected"));
}

#[test]
fn what_newcomers_try_prints_what_is_expected() {
    let outcome = run_text("newcomers", &compile_modules(&source("newcomers.js")), |_| {});
    if let Err(error) = &outcome.result {
        panic!("{error}\n{}", outcome.out);
    }
    if std::env::var_os("BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/newcomers.expected");
        fs::write(path, &outcome.out).unwrap();
    }
    assert_eq!(outcome.out, source("newcomers.expected"));
}

#[test]
fn the_example_in_the_readme_prints_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).unwrap();
    let block = |kind: &str| {
        let (_, after) = readme.split_once(&format!("```{kind}\n")).unwrap();
        after.split_once("```").unwrap().0.to_owned()
    };
    let directory = Directory::new("readme");
    directory.add_module("add.wasm", ADD);
    let file = directory.add("main.js", &block("js"));
    let outcome = run_file(&file, |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, block("text"));
}

#[test]
fn the_loader_of_assemblyscript_runs_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/assemblyscript");
    let outcome = run_file(&folder.join("main.mjs"), |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, source("assemblyscript/main.expected"));
}

/// The process's memory in bytes, where that can be known.
fn resident_bytes() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

#[test]
fn what_is_forgotten_is_collected() {
    let before = resident_bytes();
    suite("collection", 100);
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        let grown = after.saturating_sub(before);
        assert!(grown < 256 << 20, "the process grew by {grown} bytes");
    }
}

/// A module for `--module`.
const GUEST: &str = r#"(module
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 12) "\06\00\00\00o\00h\00!\00")
    (func (export "readMemory") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "fail") (call $abort (i32.const 16) (i32.const 0) (i32.const 3) (i32.const 7))))"#;

#[test]
fn a_module_that_is_named_is_the_instance() {
    let directory = Directory::new("named");
    let module = directory.0.join("guest.wat");
    fs::write(&module, GUEST).unwrap();
    let file = directory.add(
        "main.js",
        "const { readMemory, memory } = instance;
        new Uint8Array(memory.buffer)[2] = 42;
        document.write(readMemory(2), '<br/>', instance.exports.readMemory === readMemory, '\\n');
        try { instance.fail(); } catch (error) { console.log(error.message); }",
    );
    let outcome = run_file(&file, |options| options.module = Some(module));
    outcome.result.unwrap();
    assert_eq!(outcome.out, "42<br/>true\noh! in the module:3:7\n");
}

#[test]
fn a_module_that_is_missing_is_named() {
    let outcome = run_text("missing", "", |options| options.module = Some("missing.wasm".into()));
    assert!(message(&outcome).contains("missing.wasm"), "{}", message(&outcome));
}

#[test]
fn shared_memories_without_a_maximum_are_warned_about() {
    let text = "const memory = new WebAssembly.Memory({ initial: 1, shared: true });
        const words = new Uint16Array(memory.buffer);
        words[0] = 42;
        console.log(words[0], memory.grow(1));";
    let outcome = run_text("warned", text, |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, "42 1\n");
    assert!(outcome.err.starts_with("warning: a shared memory needs a maximum"), "{}", outcome.err);
    let outcome = run_text("refused", text, |options| options.strict = true);
    let message = message(&outcome);
    assert!(message.starts_with("TypeError: a shared memory needs a maximum"), "{message}");
    assert_eq!(outcome.err, "");
}

#[test]
fn a_trap_shows_the_lines_of_script_and_guest() {
    let text = r#"
        const { f } = new WebAssembly.Instance(new WebAssembly.Module(wat`(module $guest
            (memory 1)
            (func $inner (param i32) (i32.store (local.get 0) (i32.const 1)))
            (func $outer (export "f") (param i32) (call $inner (local.get 0))))`)).exports;
        function start() { f(70000); }
        start();
    "#;
    let outcome = run_text("trap", text, |_| {});
    let message = message(&outcome);
    for part in [
        "RuntimeError: out of bounds memory access",
        "guest!inner",
        "guest!outer",
        "start",
        "main.js:6",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("lineal:"), "{message}");
    let Err(Error::Script(error)) = &outcome.result else { panic!("not an error of the script") };
    let trap = error.cause().and_then(|cause| cause.downcast_ref::<lineal::Trap>());
    assert_eq!(trap, Some(&lineal::Trap::MemoryOutOfBounds));
}

#[test]
fn an_error_through_a_guest_shows_both() {
    let text = r#"
        const { f } = new WebAssembly.Instance(new WebAssembly.Module(wat`(module $guest
            (import "" "g" (func $g)) (func $outer (export "f") (call $g)))`),
            { "": { g() { throw new Error("thrown here"); } } }).exports;
        f();
    "#;
    let message = message(&run_text("through", text, |_| {}));
    for part in ["Error: thrown here", "main.js:4", "main.js:5", "guest!outer"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn failures_of_scripts_are_told() {
    for (name, text, part) in [
        ("syntax", "let x = ;", "SyntaxError"),
        ("thrown", "throw new RangeError('no');", "RangeError: no"),
        ("value", "throw 5;", "uncaught: 5"),
        ("rejected", "Promise.reject(new TypeError('late'));", "TypeError: late"),
        ("timer", "setTimeout(() => { null.x; }, 1);", "TypeError"),
        ("await", "await Promise.reject(new Error('awaited'));", "Error: awaited"),
        ("import", "import './missing.js';", "missing.js"),
        ("outside", "import '../../etc/x.js';", "not in the script's directory"),
        ("bare", "import 'fs';", "only files can be imported"),
        ("pending", "await new Promise(() => {});", "nothing will settle"),
        ("fetch", "await fetch('/etc/hostname');", "not in the script's directory"),
    ] {
        let message = message(&run_text(name, text, |_| {}));
        assert!(message.contains(part), "{name}: {message}");
    }
    // A rejection that is handled later in the same turn is none.
    let text = "const p = Promise.reject(1); setTimeout(() => {}, 0); p.catch(() => {});";
    run_text("handled", text, |_| {}).result.unwrap();
}

#[test]
fn files_that_are_no_script_cannot_be_imported() {
    let directory = Directory::new("no-script");
    directory.add_module("add.wasm", ADD);
    fs::write(directory.0.join("other.bin"), b"\xff\0").unwrap();
    for (name, part) in
        [("add.wasm", "use WebAssembly.instantiateStreaming"), ("other.bin", "not a text in UTF-8")]
    {
        let message =
            message(&run_file(&directory.add("main.js", &format!("import './{name}';")), |_| {}));
        assert!(message.contains(part), "{name}: {message}");
    }
}

#[test]
fn scripts_are_sloppy_unless_they_are_modules() {
    let outcome = run_text("sloppy", "x = 5; console.log(x, this === globalThis);", |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, "5 true\n");
    let outcome =
        run_text("strict", "export {}; try { x = 5; } catch (e) { console.log(e.name); }", |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, "ReferenceError\n");
}

/// Runs a script that must be stopped after 200 ms.
fn stopped(name: &str, text: &str) {
    let start = Instant::now();
    let outcome = run_text(name, text, |options| {
        let limit = Duration::from_millis(200);
        options.deadline = Some(Instant::now() + limit);
        let engine = options.engine.clone();
        std::thread::spawn(move || {
            std::thread::sleep(limit);
            engine.increment_epoch();
        });
    });
    assert!(matches!(outcome.result, Err(Error::TimedOut)), "{name}: {}", message(&outcome));
    assert!(start.elapsed() < Duration::from_secs(20), "{name}");
}

#[test]
fn scripts_and_guests_are_stopped_in_time() {
    let forever = r#"const { forever } = new WebAssembly.Instance(new WebAssembly.Module(wat`(module
        (import "" "f" (func $f))
        (func (export "forever") (loop (call $f) (br 0))))`), { "": { f } }).exports;"#;
    stopped("loop", "for (;;) {}");
    stopped("caught", "for (;;) { try { for (;;) {} } catch {} }");
    stopped("timer", "setInterval(() => {}, 1);");
    stopped("sleep", "setTimeout(() => {}, 1e6);");
    stopped(
        "guest",
        &format!("function f() {{}} {forever} for (;;) try {{ forever(); }} catch {{}}"),
    );
    stopped("waiting", "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0);");
    stopped("callback", &format!("function f() {{ for (;;); }} {forever} forever();"));
}

/// A reader that is gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_script_ends_when_nobody_reads_what_it_prints() {
    let engine = Engine::default();
    let (file, text) = ("main.js".into(), "for (;;) console.log('x');".into());
    let script = Script { file, text, language: Language::JavaScript };
    let output = Output { out: Box::new(Closed), err: Box::new(Closed), colours: false };
    let outcome = run(&script, Options::new(&engine), output);
    assert!(matches!(outcome, Err(Error::Output(_))), "{outcome:?}");
}

#[test]
fn whatever_scripts_do_the_engine_stays_whole() {
    suite("fuzz", 1000);
    // Other seeds: each makes 1,500 calls at least.
    let Ok(seeds) = std::env::var("LINEAL_FUZZ_SEEDS") else { return };
    let (from, to) = seeds.split_once("..").expect("LINEAL_FUZZ_SEEDS is A..B");
    for seed in from.parse::<u32>().expect("a number")..to.parse().expect("a number") {
        let text = source("fuzz.js")
            .replace("state = 20260101", &format!("state = {seed}"))
            .replace("turns = 1000", "turns = 50");
        suite_of(&format!("fuzz {seed}"), &text, 50);
    }
}

#[test]
fn memories_are_limited_together() {
    let text = "const memories = [];
        try { for (;;) memories.push(new WebAssembly.Memory({ initial: 16 })); }
        catch (error) { console.log(error.name, memories.length); }
        try { memories[0].grow(1); } catch (error) { console.log(error.name); }
        memories.length = 0;";
    let outcome = run_text("limited", text, |options| options.max_memory_bytes = Some(8 << 20));
    outcome.result.unwrap();
    assert_eq!(outcome.out, "RangeError 8\nRangeError\n");
    let outcome = run_text("room is told", "new WebAssembly.Memory({ initial: 2 });", |options| {
        options.max_memory_bytes = Some(1 << 16);
    });
    let told = "0 of 65536 bytes for memories, tables and blocks are in use: \
                a memory of 131072 bytes exceeds";
    assert!(message(&outcome).contains(told), "{}", message(&outcome));
    // What is forgotten makes room.
    let text = "for (let i = 0; i < 2000; i++) new WebAssembly.Memory({ initial: 16 });
        console.log('done');";
    let outcome = run_text("room", text, |options| options.max_memory_bytes = Some(8 << 20));
    outcome.result.unwrap();
    assert_eq!(outcome.out, "done\n");
    // Also what is forgotten in a circle, as a memory and its buffer are.
    let text = "for (let i = 0; i < 100; i++) new WebAssembly.Memory({ initial: 16 }).buffer;
        const module = new WebAssembly.Module(wat`(module (memory (export \"m\") 16))`);
        for (let i = 0; i < 100; i++) new WebAssembly.Instance(module).exports.m.buffer;
        console.log('done');";
    let outcome = run_text("circles", text, |options| options.max_memory_bytes = Some(8 << 20));
    outcome.result.unwrap();
    assert_eq!(outcome.out, "done\n");
}

#[test]
fn what_the_linker_defines_need_not_be_given() {
    let text = r#"const bytes = wat`(module (import "host" "seven" (func (result i32))) (export "f" (func 0)))`;
        const module = new WebAssembly.Module(bytes);
        console.log(new WebAssembly.Instance(module).exports.f());
        console.log(new WebAssembly.Instance(module, { host: { seven: () => 8 } }).exports.f());"#;
    let outcome = run_text("linker", text, |options| {
        let mut linker = lineal::Linker::new(&options.engine);
        linker.func_wrap("host", "seven", || 7).unwrap();
        options.linker = Some(linker);
    });
    outcome.result.unwrap();
    assert_eq!(outcome.out, "7\n8\n");
}

#[test]
fn an_error_of_the_host_ends_the_script() {
    let text = r#"const { f } = new WebAssembly.Instance(new WebAssembly.Module(
        wat`(module (import "host" "exit" (func)) (export "f" (func 0)))`)).exports;
        try { f(); } catch { console.log("caught"); } finally { console.log("finally"); }"#;
    let outcome = run_text("exit", text, |options| {
        let mut linker = lineal::Linker::new(&options.engine);
        let exit = || lineal::Result::<()>::Err(lineal::Error::msg("exit 3"));
        linker.func_wrap("host", "exit", exit).unwrap();
        options.linker = Some(linker);
    });
    assert!(message(&outcome).contains("exit 3"));
    assert_eq!(outcome.out, "");
}
