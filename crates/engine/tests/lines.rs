//! Lines of the source in backtraces.

use std::path::PathBuf;

use lineal::{
    Config, Engine, Error, FrameInfo, Instance, Module, Store, WasmBacktrace, WasmBacktraceDetails,
};

/// A file of the programs that the crate of symbols is tested with.
fn program(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../symbols/tests/symbols/programs", name].iter().collect()
}

fn load(name: &str) -> Module {
    Module::from_file(&Engine::default(), program(name)).unwrap()
}

/// The error of `run(index)`.
fn failure(module: &Module, index: u32) -> Error {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let run = instance.get_typed_func::<u32, u32>(&store, "run").unwrap();
    run.call(&mut store, index).unwrap_err()
}

/// The places of a frame's symbols, as `name file:line`.
fn places(frame: &FrameInfo) -> Vec<String> {
    let places = frame.symbols().iter().map(|symbol| {
        let name = symbol.name().unwrap_or("?");
        format!("{name} {}:{}", symbol.file().unwrap_or("?"), symbol.line().unwrap_or(0))
    });
    places.collect()
}

#[test]
fn inlined_functions_come_before_the_one_they_are_in() {
    let error = failure(&load("tiles_O2_dwarf5.wasm"), 0x1000_0000);
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let frames = backtrace.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].func_name(), Some("load_level"));
    assert_eq!(places(&frames[0]), ["store_tile tiles.c:19", "load_level tiles.c:25"]);
    assert_eq!(places(&frames[1]), ["run tiles.c:33"]);
    let text = backtrace.to_string();
    let text: Vec<&str> = text.lines().collect();
    assert!(text[1].ends_with("!store_tile"), "{text:?}");
    assert_eq!(text[2], "                    at tiles.c:19:11");
    assert_eq!(text[3], "                 - load_level");
    assert_eq!(text[4], "                    at tiles.c:25:3");
    assert!(text[5].ends_with("!run"), "{text:?}");
}

#[test]
fn names_are_demangled() {
    let error = failure(&load("shapes_O1_mangled.wasm"), 0x1000_0000);
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let innermost = &backtrace.frames()[0];
    assert_eq!(innermost.func_name(), Some("_ZN8geometry6canvas4drawEii"));
    let symbols = innermost.symbols();
    assert_eq!(symbols.last().unwrap().name(), Some("geometry::canvas::draw(int, int)"));
    assert_eq!(symbols[0].name(), Some("geometry::box<int>::set(int, int)"));
    let display = innermost.module().func_display_name(innermost.func_index());
    assert_eq!(display, "geometry::canvas::draw(int, int)");
}

#[test]
fn details_can_be_switched_off() {
    for (details, expected) in [
        (WasmBacktraceDetails::Enable, 2),
        (WasmBacktraceDetails::Disable, 0),
        // The variable is not set where tests run.
        (WasmBacktraceDetails::Environment, 0),
    ] {
        let engine = Engine::new(Config::new().wasm_backtrace_details(details)).unwrap();
        let module = Module::from_file(&engine, program("tiles_O2_dwarf5.wasm")).unwrap();
        let error = failure(&module, 0x1000_0000);
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        assert_eq!(backtrace.frames()[0].symbols().len(), expected, "{details:?}");
        assert_eq!(backtrace.to_string().contains("tiles.c"), expected != 0);
    }
}

#[test]
fn assemblyscript_by_its_source_map() {
    let error = failure(&load("queue.wasm"), 0x1000_0000);
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let frames = backtrace.frames();
    assert_eq!(frames[0].func_name(), Some("queue/Ring#push"));
    assert_eq!(places(&frames[0]), ["? queue/queue.ts:12"]);
    assert_eq!(places(&frames[1]), ["? queue/queue.ts:20"]);
    assert_eq!(frames[0].symbols()[0].column(), Some(5));
    let text = backtrace.to_string();
    assert!(text.contains("queue/Ring#push\n                    at queue/queue.ts:12:5"), "{text}");
}

/// The map is found next to the file that the bytes came from, and only there.
#[test]
fn source_maps_are_looked_for_next_to_the_module() {
    let engine = Engine::default();
    let bytes = std::fs::read(program("queue.wasm")).unwrap();
    let alone = Module::new(&engine, &bytes).unwrap();
    let with_file = Module::new_with_file(&engine, &bytes, program("queue.wasm")).unwrap();
    let elsewhere = Module::new_with_file(&engine, &bytes, "nowhere/queue.wasm").unwrap();
    let places = |module: &Module| {
        let error = failure(module, 0x1000_0000);
        places(&error.downcast_ref::<WasmBacktrace>().unwrap().frames()[0])
    };
    assert_eq!(places(&alone), Vec::<String>::new());
    assert_eq!(places(&with_file), ["? queue/queue.ts:12"]);
    assert_eq!(places(&elsewhere), Vec::<String>::new());
}

/// A binary in which some texts are exchanged for others of the same length.
fn with_texts(binary: &[u8], texts: &[(&str, &str)]) -> Vec<u8> {
    let mut binary = binary.to_vec();
    for (old, new) in texts {
        assert_eq!(old.len(), new.len());
        let starts: Vec<usize> = (0..binary.len())
            .filter(|&start| binary[start..].starts_with(old.as_bytes()))
            .collect();
        assert!(!starts.is_empty(), "{old}");
        starts
            .iter()
            .for_each(|&start| binary[start..][..new.len()].copy_from_slice(new.as_bytes()));
    }
    binary
}

#[test]
fn names_in_debug_information_keep_to_their_lines() {
    let texts = [
        ("tiles.c", "t\n1:x!y"),
        ("store_tile", "s\u{1b}[31m\u{202e}e"),
        ("load_level", "load\r\nevel"),
    ];
    let binary = std::fs::read(program("tiles_O2_dwarf5.wasm")).unwrap();
    let module = Module::new(&Engine::default(), with_texts(&binary, &texts)).unwrap();
    let error = failure(&module, 0x1000_0000);
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    // They are as they were for whoever asks for them.
    assert_eq!(places(&backtrace.frames()[1]), ["run t\n1:x!y:33"]);
    let text = backtrace.to_string();
    let text: Vec<&str> = text.split('\n').collect();
    assert!(text[1].ends_with(r"!s\u{1b}[31m\u{202e}e"), "{text:?}");
    assert_eq!(text[2], r"                    at t\n1:x!y:19:11");
    assert_eq!(text[3], r"                 - load\r\nevel");
    assert_eq!(text[4], r"                    at t\n1:x!y:25:3");
    assert!(text[5].ends_with("!run"), "{text:?}");
    assert_eq!(text.len(), 7, "{text:?}");
}

#[test]
fn names_in_source_maps_keep_to_their_lines() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let map = std::fs::read_to_string(program("queue.wasm.map")).unwrap();
    let file = folder.join("queue.wasm");
    std::fs::write(folder.join("queue.wasm.map"), map.replace("queue.ts", r"queue\n.ts")).unwrap();
    std::fs::copy(program("queue.wasm"), &file).unwrap();
    let error = failure(&Module::from_file(&Engine::default(), file).unwrap(), 0x1000_0000);
    let text = error.downcast_ref::<WasmBacktrace>().unwrap().to_string();
    assert!(text.contains(r"at queue/queue\n.ts:12:5"), "{text}");
}
