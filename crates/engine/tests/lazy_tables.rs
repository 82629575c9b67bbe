//! Tables take memory where they are used: what a module only declares costs nothing.
#![cfg(target_os = "linux")]

use lineal::{Engine, Instance, Module, Ref, Store};

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_hundred_large_tables_stay_untouched() {
    let mut wat = String::from("(module (func $f)");
    for _ in 0..99 {
        wat += "(table 10000000 funcref)";
    }
    wat += r#"(table (export "t") 100 funcref)
        (func (export "grow") (result i32)
            (table.grow 99 (ref.null func) (i32.const 9000000)))
        (elem (table 50) (i32.const 9000000) func $f))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let before = resident_bytes();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let grow = instance.get_typed_func::<(), i32>(&store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), 100);
    let table = instance.get_table(&store, "t").unwrap();
    assert_eq!(table.size(&store), 9_000_100);
    assert!(table.get(&store, 9_000_099).unwrap().is_null());
    assert_eq!(table.grow(&mut store, 900_000, Ref::Func(None)).unwrap(), 9_000_100);
    // A quarter of one table, of a hundred.
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes");
}
