//! Every instruction's place, compared with what llvm-symbolizer says.

use lineal_symbols::FrameSymbol;

use super::{Loaded, program};

/// A line as llvm-symbolizer writes it, without the parts of a path that say nothing.
fn place(symbol: &FrameSymbol) -> String {
    let (line, column) = (symbol.line().unwrap_or(0), symbol.column().unwrap_or(0));
    format!("{}\n{}:{line}:{column}", symbol.name().unwrap_or("??"), symbol.file().unwrap_or("??"))
}

/// What the demangler calls the only lambda.
const LAMBDA: &str = "{lambda(int)#1}";

fn compare(name: &str) {
    let answers = std::fs::read_to_string(program(&format!("{name}.txt"))).unwrap();
    let loaded = Loaded::file(&format!("{name}.wasm"));
    let start = loaded.module.code_section.start;
    let mut inlined = 0;
    let mut compared = 0;
    // The same said otherwise: "here", and the number of a lambda.
    let answers =
        answers.replace("././", "").replace("\n./", "\n").replace("'lambda'(int)", LAMBDA);
    for answer in answers.split_terminator("\n\n") {
        let (address, places) = answer.split_once('\n').unwrap();
        let address = usize::from_str_radix(&address[2..], 16).unwrap();
        let symbols = loaded.locate(start + address);
        let found: Vec<String> = symbols.iter().map(place).collect();
        assert_eq!(found.join("\n"), places, "{name} at {address:#x}");
        compared += 1;
        inlined += usize::from(symbols.len() > 1);
    }
    assert!(compared > 25, "{compared} instructions of {name}");
    assert_eq!(inlined > 0, !name.contains("O0"), "{name} has inlined functions");
}

#[test]
fn c_unoptimised_dwarf_4() {
    compare("tiles_O0_dwarf4");
}

#[test]
fn c_optimised_dwarf_5() {
    compare("tiles_O2_dwarf5");
}

#[test]
fn cpp_unoptimised_dwarf_5() {
    compare("shapes_O0_dwarf5");
}

#[test]
fn cpp_optimised_dwarf_4() {
    compare("shapes_O2_dwarf4");
}

#[test]
fn cpp_with_mangled_names() {
    compare("shapes_O1_mangled");
}

#[test]
fn places_outside_of_functions_have_no_symbols() {
    let loaded = Loaded::file("tiles_O2_dwarf5.wasm");
    let (start, end) = (loaded.module.code_section.start, loaded.module.bytes.len());
    for offset in [0, 8, start, end - 1, end, usize::MAX] {
        assert_eq!(loaded.locate(offset), [], "{offset:#x}");
    }
}

/// Each of many threads asks for the same module's lines first.
#[test]
fn threads_share_what_was_read() {
    let loaded = &Loaded::file("shapes_O2_dwarf4.wasm");
    let offset = loaded.module.code_section.start + 5;
    let expected = Loaded::file("shapes_O2_dwarf4.wasm").locate(offset);
    assert!(!expected.is_empty());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| loaded.locate(offset))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}
