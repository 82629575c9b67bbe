//! AssemblyScript's source map, next to the module.

use lineal_symbols::FrameSymbol;

use super::{Loaded, program};

#[test]
fn instructions_of_assemblyscript() {
    let loaded = Loaded::file("queue.wasm");
    let file = program("queue.wasm");
    let push = loaded.module.names().funcs().find(|(_, name)| *name == "queue/Ring#push").unwrap();
    let body = loaded.module.body(push.0).unwrap().range.clone();
    let lines: Vec<u32> = body
        .flat_map(|offset| loaded.symbols.locate(&loaded.module, Some(&file), offset))
        .inspect(|symbol| assert_eq!(symbol.file(), Some("queue/queue.ts")))
        .filter_map(|symbol| symbol.line())
        .collect();
    assert!(lines.contains(&12), "{lines:?}");
    assert!(lines.contains(&8), "the inlined `slot`: {lines:?}");
    assert!(lines.iter().all(|line| (8..=12).contains(line)), "{lines:?}");
}

#[test]
fn without_the_file_there_is_no_map() {
    let loaded = Loaded::file("queue.wasm");
    let offset = loaded.module.bodies[0].range.start + 2;
    assert_eq!(loaded.locate(offset), Vec::<FrameSymbol>::new());
}
