//! Instances: imports, exports and initialisation.

use crate::{instantiate, trap};
use lineal::{
    Engine, Extern, Func, Global, GlobalType, IncompatibleImport, Instance, Memory, MemoryType,
    Module, Mutability, Ref, RefType, Store, Table, TableType, Trap, Val, ValType,
};

#[test]
fn exports_are_listed_in_order() {
    let (mut store, instance) = instantiate(
        r#"(module
            (func (export "f")) (memory (export "m") 1)
            (table (export "t") 1 funcref) (global (export "g") i32 (i32.const 3)))"#,
    );
    let exports: Vec<_> = instance.exports(&store).collect();
    let names: Vec<&str> = exports.iter().map(|export| export.name()).collect();
    assert_eq!(names, ["f", "m", "t", "g"]);
    let [func, memory, table, global] = <[_; 4]>::try_from(exports).unwrap();
    assert!(func.clone().into_func().is_some() && func.into_memory().is_none());
    assert!(memory.clone().into_memory().is_some() && memory.into_shared_memory().is_none());
    assert!(table.into_table().is_some());
    let global = global.into_global().unwrap();
    assert_eq!(global.get(&store).unwrap_i32(), 3);
    assert_eq!(instance.exports(&mut store).len(), 4);
    assert!(instance.get_func(&store, "m").is_none());
    assert!(instance.get_memory(&store, "nothing").is_none());
    assert!(instance.get_table(&store, "t").is_some());
    assert_eq!(instance.module(&store).exports().len(), 4);
}

#[test]
fn memories_can_be_looked_at_without_an_export() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let imported = MemoryType::new(3, None);
    let imported = Memory::new(&mut store, imported).unwrap();
    let wat =
        r#"(module (import "" "" (memory 1)) (memory 2) (data (memory 1) (i32.const 0) "x"))"#;
    let module = Module::new(&engine, wat).unwrap();
    let instance = Instance::new(&mut store, &module, &[imported.into()]).unwrap();
    assert_eq!(instance.debug_memory(&store, 0).unwrap().size(&store), 3);
    assert_eq!(instance.debug_memory(&store, 1).unwrap().data(&store)[0], b'x');
    assert!(instance.debug_memory(&store, 2).is_none());
}

/// Tries to satisfy an import written in the text format; `None` if that works.
fn mismatch(store: &mut Store<()>, import: &str, item: Extern) -> Option<String> {
    let wat = format!(r#"(module (import "m" "n" {import}))"#);
    let module = Module::new(store.engine(), wat).unwrap();
    let error = Instance::new(store, &module, &[item]).err()?;
    let error = error.downcast::<IncompatibleImport>().unwrap();
    assert_eq!((error.module(), error.name()), ("m", "n"));
    let message = error.to_string();
    Some(message.strip_prefix("incompatible import type for `m::n`: ").unwrap().to_owned())
}

#[test]
fn imported_functions_and_globals_match_by_type() {
    let mut store = Store::<()>::default();
    let func: Extern = Func::wrap(&mut store, |x: i32| i64::from(x)).into();
    let mut check = |import: &str| mismatch(&mut store, import, func.clone());
    assert_eq!(check("(func (param i32) (result i64))"), None);
    assert_eq!(
        check("(func (param i32) (result i32))").unwrap(),
        "expected a function of type (i32) -> i32, found a function of type (i32) -> i64"
    );
    assert_eq!(
        check("(memory 1)").unwrap(),
        "expected a memory of at least 1 page, found a function of type (i32) -> i64"
    );
    for mutable in [false, true] {
        let mutability = if mutable { Mutability::Var } else { Mutability::Const };
        let ty = GlobalType::new(ValType::I32, mutability);
        let global: Extern = Global::new(&mut store, ty, Val::I32(0)).unwrap().into();
        let mut check = |import: &str| mismatch(&mut store, import, global.clone());
        assert_eq!(check("(global i32)").is_none(), !mutable);
        assert_eq!(check("(global (mut i32))").is_none(), mutable);
        assert!(check("(global i64)").unwrap().starts_with("expected an immutable global"));
        assert!(check("(func)").is_some());
    }
}

#[test]
fn imported_memories_and_tables_match_by_limits() {
    let mut store = Store::<()>::default();
    let ty = MemoryType::new(1, Some(4));
    let memory = Memory::new(&mut store, ty).unwrap();
    memory.grow(&mut store, 1).unwrap();
    let element = RefType::FUNCREF;
    let ty = TableType::new(element, 1, Some(4));
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    table.grow(&mut store, 1, Ref::Func(None)).unwrap();
    for (limits, fits) in [
        ("0", true),
        ("2", true), // the current size counts
        ("3", false),
        ("2 4", true),
        ("1 9", true),
        ("1 3", false),
    ] {
        let memory = mismatch(&mut store, &format!("(memory {limits})"), memory.into());
        assert_eq!(memory.is_none(), fits, "memory {limits}: {memory:?}");
        let table = mismatch(&mut store, &format!("(table {limits} funcref)"), table.into());
        assert_eq!(table.is_none(), fits, "table {limits}: {table:?}");
    }
    assert!(mismatch(&mut store, "(memory i64 1)", memory.into()).is_some());
    assert!(mismatch(&mut store, "(table 1 externref)", table.into()).is_some());
    assert!(mismatch(&mut store, "(table i64 1 funcref)", table.into()).is_some());
    let unlimited = MemoryType::new(1, None);
    let unlimited = Memory::new(&mut store, unlimited).unwrap();
    assert!(mismatch(&mut store, "(memory 1 65536)", unlimited.into()).is_some());
}

#[test]
fn imports_are_counted() {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (import "a" "b" (func)))"#).unwrap();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 imports, found 0");
}

#[test]
fn the_start_function_runs_last() {
    let (store, instance) = instantiate(
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 0) "\05")
            (table 1 funcref) (elem (i32.const 0) $double)
            (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
            (func $start
                (i32.store8 (i32.const 1)
                    (call_indirect (param i32) (result i32)
                        (i32.load8_u (i32.const 0)) (i32.const 0))))
            (start $start))"#,
    );
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.data(&store)[..2], [5, 10]);
}

#[test]
fn segments_that_do_not_fit_trap() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    for (fields, expected) in [
        (r#"(memory 1) (data (i32.const 65535) "ab")"#, Some(Trap::MemoryOutOfBounds)),
        (r#"(memory 1) (data (i32.const 65536) "")"#, None),
        (r#"(memory 1) (data (i32.const 65537) "")"#, Some(Trap::MemoryOutOfBounds)),
        (r#"(memory 1) (data (i32.const -1) "a")"#, Some(Trap::MemoryOutOfBounds)),
        (r#"(memory i64 1) (data (i64.const -1) "a")"#, Some(Trap::MemoryOutOfBounds)),
        ("(table 1 funcref) (func) (elem (i32.const 1) 0)", Some(Trap::TableOutOfBounds)),
        ("(table 1 funcref) (elem (i32.const 1))", None),
        ("(table 1 funcref) (elem (i32.const 2))", Some(Trap::TableOutOfBounds)),
        ("(table 1 funcref) (func) (elem (i32.const -1) 0 0)", Some(Trap::TableOutOfBounds)),
    ] {
        let module = Module::new(&engine, format!("(module {fields})")).unwrap();
        let result = Instance::new(&mut store, &module, &[]);
        assert_eq!(result.as_ref().err().map(trap), expected, "{fields}");
        if let Err(error) = result {
            assert!(error.to_string().contains("segment 0 does not fit"), "{error}");
        }
    }
}

#[test]
fn tables_are_initialised_from_segments() {
    let (mut store, instance) = instantiate(
        r#"(module
            (table (export "t") 3 funcref)
            (elem (i32.const 0) funcref (ref.func $one) (ref.null func) (ref.func $one))
            (elem (i32.const 1) func $two)
            (elem $passive func $two $one)
            (func $one (result i32) (i32.const 1))
            (func $two (result i32) (i32.const 2))
            (func (export "init") (table.init $passive (i32.const 0) (i32.const 0) (i32.const 2)))
            (func (export "call") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0))))"#,
    );
    let call = instance.get_typed_func::<u32, i32>(&store, "call").unwrap();
    let all = |store: &mut _| [0, 1, 2].map(|i| call.call(&mut *store, i).unwrap());
    assert_eq!(all(&mut store), [1, 2, 1]);
    instance.get_typed_func::<(), ()>(&store, "init").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(all(&mut store), [2, 1, 1]);
}

#[test]
fn impossible_tables_are_errors() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    for table in ["(table 0xffffffff funcref)", "(table i64 0xffff_ffff_ffff_ffff funcref)"] {
        let module = Module::new(&engine, format!("(module {table})")).unwrap();
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert!(error.to_string().contains("no room"), "{error}");
    }
}
