//! Runs the scripts beside this file and compares what they print, and tries what goes wrong.
//!
//! `BLESS=1` writes what they print to the `.expected` files.

#![cfg(any(feature = "lua", feature = "starlark"))]

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use lineal::{Config, Engine};
use lineal_script::{Error, Language, Options, Output, Report, Script, run};

/// What a script prints, kept.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// What came of a script.
struct Outcome {
    result: Result<Report, Error>,
    out: String,
    #[cfg_attr(not(feature = "lua"), expect(dead_code, reason = "only tests of Lua look at it"))]
    err: String,
}

fn run_with(
    file: &Path,
    text: String,
    language: Language,
    change: impl FnOnce(&mut Options),
) -> Outcome {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let mut options = Options::new(&engine);
    change(&mut options);
    let (out, err) = (Kept::default(), Kept::default());
    let output = Output { out: Box::new(out.clone()), err: Box::new(err.clone()), colours: false };
    let script = Script { file: file.to_owned(), text, language };
    let ticker = options.deadline.map(|deadline| {
        let engine = engine.clone();
        std::thread::spawn(move || {
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            engine.increment_epoch();
        })
    });
    let result = run(&script, options, output);
    if let Some(ticker) = ticker {
        ticker.join().unwrap();
    }
    Outcome { result, out: out.text(), err: err.text() }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Runs a text as a script in a language's folder.
fn run_text(language: Language, text: &str, change: impl FnOnce(&mut Options)) -> Outcome {
    let (name, ending) = match language {
        Language::Lua => ("lua", "lua"),
        Language::Starlark => ("starlark", "star"),
        Language::JavaScript => ("js", "js"),
    };
    let file = folder(name).join(format!("script.{ending}"));
    run_with(&file, text.to_owned(), language, change)
}

fn message(outcome: &Outcome) -> String {
    let message = outcome.result.as_ref().unwrap_err().to_string();
    // Where the project is does not matter.
    message.replace(&format!("{}/", folder("lua").display()), "")
}

fn compare(name: &str, files: &[&str]) {
    let folder = folder(name);
    for file in files {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let outcome = run_with(&path, text, Language::of_file(&path).unwrap(), |_| {});
        if let Err(error) = &outcome.result {
            panic!("{file}: {error}\n{}", outcome.out);
        }
        // Names of files begin at the folder, wherever that is.
        let out = outcome.out.replace(&format!("{}/", folder.display()), "");
        let expected_path = path.with_extension("expected");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected_path, &out).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap();
        assert_eq!(out, expected, "{file}");
    }
}

#[test]
#[cfg(feature = "lua")]
fn lua_scripts_print_what_is_expected() {
    compare("lua", &["blocks.lua", "errors.lua", "module.lua", "callbacks.lua", "newcomers.lua"]);
}

#[test]
#[cfg(feature = "starlark")]
fn starlark_scripts_print_what_is_expected() {
    compare("starlark", &["memory.star", "callbacks.star", "newcomers.star"]);
}

#[test]
#[cfg(feature = "lua")]
fn blocks_that_were_never_freed_are_listed() {
    let text = "local kept = m.alloc(10)\nfor _ = 1, 3 do m.alloc(4) end\nm.free(m.alloc(7))\n\
                m.resize(kept, 20)";
    let outcome = run_text(Language::Lua, text, |options| options.check = true);
    assert_eq!(outcome.result.unwrap().findings, 4);
    let err = outcome.err.replace(&format!("{}/", folder("lua").display()), "");
    assert_eq!(
        err,
        "4 blocks of 32 bytes were never freed:\n  \
         1 block of 20 bytes, allocated at script.lua:1\n  \
         3 blocks of 12 bytes, allocated at script.lua:2\n"
    );
    let outcome = run_text(Language::Lua, "m.free(m.alloc(1))", |options| options.check = true);
    assert_eq!(outcome.result.unwrap().findings, 0);
    assert_eq!(outcome.err, "all blocks were freed\n");
}

#[test]
#[cfg(feature = "lua")]
fn memory_is_limited_and_forgotten_blocks_are_collected() {
    let limited = |options: &mut Options| options.max_memory_bytes = Some(1 << 20);
    let text = "assert(not m.alloc(1048577))\nlocal all = m.alloc(1048576)\nassert(all)\n\
                assert(not m.alloc(1))\nm.free(all)\nall = nil\n\
                for _ = 1, 1000 do assert(m.alloc(300000)) end\n\
                local h = m.alloc(10)\ncollectgarbage()\nassert(not m.resize(h, 1048577))\n\
                assert(m.resize(h, 1000000))\nm.free(h)\n\
                local g = wasm.load('../modules/guest.wat', \
                {env = {visit = print, scale = 1}})\n\
                assert(not m.alloc(1048576 - 65535 - 16))\n\
                assert(m.resize(g.memory, 131072))\n\
                assert(m.alloc(1048576 - 131072 - 16))\nassert(g.exports.grow(1) == -1)";
    let outcome = run_text(Language::Lua, text, limited);
    outcome.result.unwrap();
}

#[test]
#[cfg(feature = "starlark")]
fn memories_of_starlark_are_limited() {
    let text = "g = load_module('../modules/guest.wat', imports = {'env': {'visit': print, \
                'scale': 1}})\ng.memory.grow(1)\ng.memory.grow(1)";
    let outcome = run_text(Language::Starlark, text, |options| {
        options.max_memory_bytes = Some(140_000);
    });
    let message = message(&outcome);
    let told = "of 140000 bytes for memories, tables and blocks are in use: \
                a memory of 196608 bytes exceeds";
    assert!(message.contains("Memory.grow: 131") && message.contains(told), "{message}");
}

/// Runs a script for 100 ms, in which it does not end.
fn times_out(language: Language, text: &str) {
    let outcome = run_text(language, text, |options| {
        options.deadline = Some(Instant::now() + Duration::from_millis(100));
    });
    assert!(matches!(outcome.result, Err(Error::TimedOut)), "{text}: {:?}", outcome.result);
}

#[test]
#[cfg(feature = "lua")]
fn lua_ends_in_time() {
    let guest = "local g = wasm.load('../modules/guest.wat', {env = {visit = print, scale = 1}})\n";
    for text in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end)\nwhile true do pcall(co) end",
        "while true do pcall(error, 'x') end",
    ] {
        times_out(Language::Lua, text);
    }
    for text in ["g.exports.forever()", "while true do pcall(g.exports.forever) end"] {
        times_out(Language::Lua, &format!("{guest}{text}"));
    }
}

#[test]
#[cfg(feature = "starlark")]
fn starlark_ends_in_time() {
    let guest = "g = load_module('../modules/guest.wat', imports = {'env': {'visit': print, \
                 'scale': 1}})\n";
    for text in ["g.exports.forever()", "def f():\n  for a in range(1 << 30):\n    pass\nf()"] {
        times_out(Language::Starlark, &format!("{guest}{text}"));
    }
}

#[test]
#[cfg(feature = "lua")]
fn scripts_end_with_a_status() {
    for (text, status) in [
        ("os.exit(3)", 3),
        ("pcall(os.exit, 4)", 4),
        ("os.exit()", 0),
        ("os.exit(true)", 0),
        ("os.exit(false)", 1),
        ("coroutine.resume(coroutine.create(function() os.exit(5) end)) error('no')", 5),
        ("xpcall(function() os.exit(6) end, print) error('no')", 6),
    ] {
        let outcome = run_text(Language::Lua, text, |_| {});
        match outcome.result {
            Err(Error::Exit(exit)) => assert_eq!(exit, status, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
#[cfg(feature = "lua")]
fn errors_of_lua_name_the_line_and_the_call() {
    let outcome = run_text(Language::Lua, "\nlocal x =", |_| {});
    assert!(
        message(&outcome).starts_with("script.lua:2: unexpected symbol"),
        "{}",
        message(&outcome)
    );

    let text = "local function inner(h)\n  m.read_int32(h, 2)\nend\ninner(m.alloc(4))";
    let outcome = run_text(Language::Lua, text, |_| {});
    let text = message(&outcome);
    let first = "script.lua:2: m.read_int32: 4 bytes at offset 2 (2..6) are outside the block of 4 \
                 bytes\nstack traceback:\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("script.lua:2: in ") && text.contains("script.lua:4: in "), "{text}");
    assert!(!text.contains("lineal:") && !text.contains("[C]"), "{text}");

    for (text, expected) in [
        ("error()", "the script failed with the error nil"),
        ("error({})", "table:"),
        ("error(setmetatable({}, {__tostring = function() return 'mine' end}))", "mine"),
    ] {
        let outcome = run_text(Language::Lua, text, |_| {});
        assert!(message(&outcome).contains(expected), "{text}: {}", message(&outcome));
    }
}

#[test]
#[cfg(feature = "starlark")]
fn errors_of_starlark_name_the_line_and_the_call() {
    let guest = "def visit(n):\n  return g.missing\ng = load_module('../modules/guest.wat', \
                 imports = {'env': {'visit': visit, 'scale': 1}})\nmem = g.memory\ne = g.exports\n";
    for (text, expected) in [
        (
            "mem.read(65530, 7)",
            "Memory.read: 7 bytes at offset 65530 (65530..65537) are outside the memory of 65536 bytes",
        ),
        ("mem.read(-1, 7)", "Memory.read: offset must be an int that is not negative, got -1"),
        ("mem.read(1 << 70, 7)", "Memory.read: offset must be an int that is not negative"),
        ("mem.read(1.5, 7)", "got 1.5"),
        ("mem.read(0, 1 << 63)", "are outside the memory"),
        ("mem.read('x', 7)", "got string"),
        ("mem.read_cstring(16, max_len = 4)", "no NUL ends the string at offset 16 within 5 bytes"),
        ("mem.write(0, [1, 256])", "element 1 must be an int from 0 to 255, got 256"),
        ("mem.write(0, 5)", "expected Bytes, a list of ints or a string, got int"),
        ("mem.write_string(0, 5)", "expected a string, got int"),
        ("mem.write_int8(0, 128)", "value must be an int from -128 to 127, got 128"),
        ("mem.write_float(0, 'x')", "write_float"),
        ("mem.grow(-1)", "by must be an int that is not negative"),
        ("mem.grow(100)", "Memory.grow: a memory of 1 page cannot grow by 100 pages"),
        ("mem.read(0, 4)[4]", "index 4 is outside the Bytes, whose length is 4"),
        ("mem.read(0, 4)['x']", "must be an int, got string"),
        ("mem.read(0, 4)[::0]", "must not be 0"),
        ("e.add(1)", "add: expected 2 arguments, got 1"),
        ("e.add(1, 'x')", "argument 2 must be an i32, got string"),
        ("e.add(1, 1 << 32)", "argument 2 must be an i32, got 4294967296"),
        ("e.add(1, b = 2)", "named"),
        ("e.missing", "missing"),
        ("e.divide(1, 0)", "divide by zero"),
        ("e.call_visit(1)", "has no attribute `missing`"),
        ("e.fixed.set(1)", "wasm_global.set"),
        ("e.table.get(99)", "index 99 is outside the table of 2 elements"),
        ("e.table.set(0, 5)", "wasm_table.set: the value must be"),
        ("load_module('missing.wasm')", "cannot read"),
        ("load_module('memory.star')", "is not a valid module"),
        ("load_module('../modules/guest.wat')", "env.visit: function"),
        (
            "load_module('../modules/guest.wat', imports = {'env': {'visit': 5}})",
            "the import `env.visit` must be a function, got int",
        ),
        ("load_module('../modules/guest.wat', imports = {'env': 5})", "must be a dict, got int"),
        ("load('missing.star', 'x')", "cannot read"),
        ("Bytes([-1])", "element 0 must be an int from 0 to 255, got -1"),
    ] {
        let outcome = run_text(Language::Starlark, &format!("{guest}{text}\n"), |_| {});
        let message = message(&outcome);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(message.contains("script.star:6"), "{text}: {message}");
    }
}

/// Runs a test on a thread with a small stack, too.
fn also_on_a_small_stack(test: fn()) {
    test();
    let small = std::thread::Builder::new().stack_size(128 << 10);
    small.spawn(test).unwrap().join().unwrap();
}

#[test]
#[cfg(feature = "starlark")]
fn calls_of_starlark_in_each_other_have_a_limit() {
    also_on_a_small_stack(starlark_calls_deeply);
}

#[test]
#[cfg(feature = "lua")]
fn calls_of_lua_in_each_other_have_a_limit() {
    also_on_a_small_stack(lua_calls_deeply);
}

#[cfg(feature = "starlark")]
fn starlark_calls_deeply() {
    let text = "def visit(n):\n  return g['it'].exports.call_visit(n + 1)\ng = {}\n\
                g['it'] = load_module('../modules/guest.wat', \
                imports = {'env': {'visit': visit, 'scale': 1}})\n\
                g['it'].exports.call_visit(0)";
    let outcome = run_text(Language::Starlark, text, |_| {});
    let message = message(&outcome);
    assert!(message.contains("call each other too deeply"), "{message}");

    // The innermost calls are shown, not all of them.
    assert!(message.len() < 5000, "{} bytes", message.len());

    let text = "def f(n):\n  return f(n + 1)\nf(0)";
    let outcome = run_text(Language::Starlark, text, |_| {});
    assert!(outcome.result.is_err());
}

#[cfg(feature = "lua")]
fn lua_calls_deeply() {
    let text = "local g\nlocal function visit(n) return g.exports.call_visit(n + 1) end\n\
                g = wasm.load('../modules/guest.wat', {env = {visit = visit, scale = 1}})\n\
                g.exports.call_visit(0)";
    let outcome = run_text(Language::Lua, text, |_| {});
    let message = message(&outcome);
    assert!(message.contains("call each other too deeply"), "{message}");
    assert!(message.len() < 3000, "{} bytes", message.len());
    let Err(Error::Script(error)) = &outcome.result else { panic!("{message}") };
    let trap = error.cause().and_then(|cause| cause.downcast_ref::<lineal::Trap>());
    assert!(trap.is_none() || trap == Some(&lineal::Trap::StackOverflow), "{trap:?}");

    let outcome = run_text(Language::Lua, "local function f() return 1 + f() end f()", |_| {});
    assert!(outcome.result.is_err());
}

#[test]
#[cfg(feature = "starlark")]
fn texts_of_starlark_may_nest_deeply() {
    let minus = format!("x = {}1\nprint(x)", "-".repeat(50_000));
    let sum = format!("x = 0{}\nprint(x)", " + 1".repeat(20_000));
    let branches =
        format!("def f():\n  if 0:\n    pass\n{}f()", "  elif 0:\n    pass\n".repeat(5_000));
    let brackets = format!("x = {}1{}\nprint(x)", "(".repeat(20_000), ")".repeat(20_000));
    for (text, out) in [(minus, "1\n"), (sum, "20000\n"), (branches, ""), (brackets, "1\n")] {
        let outcome = run_text(Language::Starlark, &text, |_| {});
        outcome.result.unwrap();
        assert_eq!(outcome.out, out);
    }
}

#[test]
#[cfg(feature = "starlark")]
fn texts_of_starlark_that_nest_too_deeply_are_refused() {
    let n = 1_000_000;
    let texts = [
        format!("x = {}1", "-".repeat(n)),
        format!("x = 0{}", " + 1".repeat(n)),
        format!("x = {}1{}", "(".repeat(n), ")".repeat(n)),
        format!("x = {}", "[".repeat(n)),
        format!("x = {}1", "lambda a, b: ".repeat(n)),
        format!("def f():\n  if 0:\n    pass\n{}", "  elif 0:\n    pass\n".repeat(n)),
    ];
    let folder = std::env::temp_dir().join(format!("lineal-nesting-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let loaded = folder.join("deep.star");
    for text in texts {
        std::fs::write(&loaded, &text).unwrap();
        for text in [text, format!("load('{}', 'x')", loaded.display())] {
            let outcome = run_text(Language::Starlark, &text, |_| {});
            let message = message(&outcome);
            assert!(message.contains("levels deep, 100000 are possible"), "{}", &message[..200]);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[cfg(feature = "starlark")]
fn values_of_starlark_may_nest_deeply() {
    // Without optimisation, the evaluator takes more of the stack for each level.
    let depth = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    let text = "def nested(n):\n  x = []\n  for i in range(n):\n    x = [x]\n  return x\n\
                x = nested(DEPTH)\nprint(len(str(x)))";
    let text = text.replace("DEPTH", &depth.to_string());
    let outcome = run_text(Language::Starlark, &text, |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, format!("{}\n", 2 * depth + 2));
}

#[test]
#[cfg(feature = "lua")]
fn texts_of_lua_that_nest_deeply_are_refused() {
    let text = format!("return {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let outcome = run_text(Language::Lua, &text, |_| {});
    assert!(message(&outcome).contains("overflow"), "{}", message(&outcome));
}

#[test]
fn the_module_of_the_options_is_there_from_the_start() {
    let module = |options: &mut Options| {
        options.module = Some(folder("modules").join("data.wat"));
        options.args = vec!["a".to_owned(), "b c".to_owned()];
    };
    for (language, text, out) in [
        (
            Language::Starlark,
            "print(str(memory.read(1024, 4)), wasm_instance.exports.get(), args)",
            "data 12884902912 [\"a\", \"b c\"]\n",
        ),
        (
            Language::Lua,
            "print(m.read_string(wasm_instance.memory, 1024, 4), wasm_instance.exports.get(), \
             arg[1], ...)",
            "data\t12884902912\ta\ta\tb c\n",
        ),
    ] {
        if !language.is_available() {
            continue;
        }
        let outcome = run_text(language, text, module);
        outcome.result.unwrap();
        assert_eq!(outcome.out, out);
        let outcome = run_text(language, "", |options| {
            options.module = Some(folder("modules").join("importer.wat"));
        });
        let message = outcome.result.unwrap_err().to_string();
        assert!(message.contains("guest.memory: memory"), "{message}");
    }
}

#[test]
#[cfg(feature = "lua")]
fn compiled_chunks_are_refused() {
    let text = "local code = string.dump(function() end)\nprint(load(code))\n\
                print(load(code, 'x', 'b'))\nprint(load('return 1', 'x', 'b', {})())";
    let outcome = run_text(Language::Lua, text, |_| {});
    outcome.result.unwrap();
    let refused = "nil\tattempt to load a binary chunk (mode is 't')\n";
    assert_eq!(outcome.out, format!("{refused}{refused}1\n"));
}

#[test]
#[cfg(feature = "lua")]
fn text_is_logged_in_colour_on_a_terminal_alone() {
    let text = "engine.log('plain')\nengine.log('red', 255, 0, 0, 255)\nengine.log(5, 0, 255, 0, 128)\n\
                io.write('a', 1, '\\n')";
    let outcome = run_text(Language::Lua, text, |_| {});
    outcome.result.unwrap();
    assert_eq!(outcome.out, "plain\nred\n5\na1\n");

    let engine = Engine::default();
    let out = Kept::default();
    let output = Output { out: Box::new(out.clone()), err: Box::new(io::sink()), colours: true };
    let script =
        Script { file: "script.lua".into(), text: text.to_owned(), language: Language::Lua };
    run(&script, Options::new(&engine), output).unwrap();
    assert_eq!(out.text(), "plain\n\x1b[38;2;255;0;0mred\x1b[0m\n\x1b[38;2;0;128;0m5\x1b[0m\na1\n");
}
