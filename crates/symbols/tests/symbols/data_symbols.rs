//! Variables and data segments by name and by address.

use lineal_symbols::DataSymbol;

use super::Loaded;

/// What `llvm-dwarfdump` says of the variables: name, size in bytes.
const TILES: [(&str, u64); 5] =
    [("counter", 4), ("greeting", 4), ("tiles", 96), ("scale", 48), ("load_level::calls", 4)];

#[test]
fn variables_of_c() {
    for file in ["tiles_O0_dwarf4.wasm", "tiles_O2_dwarf5.wasm"] {
        let module = Loaded::file(file);
        for (name, size) in TILES {
            let symbol = module.data_named(name).unwrap_or_else(|| panic!("{name} in {file}"));
            let range = symbol.range();
            assert_eq!(range.end - range.start, size, "{name} in {file}");
            assert_eq!((symbol.memory(), symbol.is_segment()), (0, false));
            for addr in [range.start, range.end - 1] {
                assert_eq!(module.data_at(0, addr), Some(symbol), "{name} in {file}");
            }
            assert_ne!(module.data_at(0, range.end), Some(symbol));
            assert_eq!(module.data_at(1, range.start), None);
        }
        assert!(std::ptr::eq(
            module.data_named("calls").unwrap(),
            module.data_named("load_level::calls").unwrap()
        ));
        assert_eq!(module.data_named("nothing"), None);
    }
}

#[test]
fn variables_of_cpp() {
    for file in ["shapes_O0_dwarf5.wasm", "shapes_O2_dwarf4.wasm", "shapes_O1_mangled.wasm"] {
        let module = Loaded::file(file);
        for (name, size) in [
            ("geometry::drawn", 4),
            ("geometry::(anonymous namespace)::hidden", 20),
            ("memory", 64),
        ] {
            let symbol = module.data_named(name).unwrap_or_else(|| panic!("{name} in {file}"));
            assert_eq!(symbol.range().end - symbol.range().start, size, "{name} in {file}");
        }
        assert_eq!(module.data_named("drawn"), module.data_named("geometry::drawn"));
    }
    let made =
        Loaded::file("shapes_O0_dwarf5.wasm").data_named("geometry::box<int>::made").cloned();
    assert_eq!(made.map(|made| made.range().end - made.range().start), Some(4));
}

/// The value that the variable starts with is where the symbol says.
#[test]
fn addresses_are_those_of_memory() {
    for file in ["tiles_O0_dwarf4.wasm", "tiles_O2_dwarf5.wasm"] {
        let module = Loaded::file(file);
        let at = |name: &str| module.data_named(name).unwrap().range().start;
        assert_eq!(module.bytes_at(at("counter"), 4), [7, 0, 0, 0]);
        let greeting = module.bytes_at(at("greeting"), 4).try_into().unwrap();
        assert_eq!(module.bytes_at(u32::from_le_bytes(greeting).into(), 6), b"hello\0");
    }
}

#[test]
fn segments_with_names() {
    let module = r#"(module
        (import "host" "base" (global $base i32))
        (memory $first 1) (memory $second i64 1)
        (data $start (i32.const 16) "0123456789")
        (data $inside (i32.const 18) "ab")
        (data $far (memory $second) (i64.const 0x100) "abc")
        (data $moved (global.get $base) "abc")
        (data $passive "abc")
        (data (i32.const 64) "no name"))"#;
    let module = Loaded::new(&wat::parse_str(module).unwrap());
    let name = |symbol: &DataSymbol| symbol.name().to_owned();
    let all: Vec<String> = module.data().iter().map(name).collect();
    assert_eq!(all, ["start", "inside", "far"]);
    let at = |memory, addr| module.data_at(memory, addr).map(name);
    assert_eq!(at(0, 17).as_deref(), Some("start"));
    assert_eq!(at(0, 19).as_deref(), Some("inside"));
    assert_eq!(at(0, 20).as_deref(), Some("start"));
    assert_eq!(at(0, 26), None);
    assert_eq!(at(1, 0x102).as_deref(), Some("far"));
    assert!(module.data().iter().all(DataSymbol::is_segment));
}
