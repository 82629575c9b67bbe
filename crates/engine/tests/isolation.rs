//! A failed instantiation or call leaves everything else working.

use lineal::{Engine, Instance, Linker, Module, Ref, Store, Trap};

fn trap(error: &lineal::Error) -> Option<Trap> {
    error.downcast_ref().copied()
}

#[test]
fn functions_of_a_failed_instance_stay_callable() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let host = Module::new(
        &engine,
        r#"(module
            (table (export "table") 4 funcref)
            (memory (export "memory") 1)
            (func (export "call") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0))))"#,
    )
    .unwrap();
    let host = Instance::new(&mut store, &host, &[]).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.instance(&store, "host", host).unwrap();

    // The first two segments fit, the third does not; the fourth is never reached.
    let failing = Module::new(
        &engine,
        r#"(module
            (import "host" "table" (table 4 funcref))
            (import "host" "memory" (memory 1))
            (memory $own 1)
            (data (memory $own) (i32.const 8) "\09")
            (elem (i32.const 1) $own)
            (data (memory 0) (i32.const 0) "first")
            (data (memory 0) (i32.const 65535) "second")
            (data (memory 0) (i32.const 0) "third")
            (func $own (result i32) (i32.load8_u $own (i32.const 8))))"#,
    )
    .unwrap();
    let error = linker.instantiate(&mut store, &failing).unwrap_err();
    assert_eq!(trap(&error), Some(Trap::MemoryOutOfBounds));

    let memory = host.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.linear(&store).read_str(0, 5).unwrap(), "first");
    assert_eq!(memory.data(&store)[65_535], 0);
    let call = host.get_typed_func::<u32, i32>(&store, "call").unwrap();
    assert_eq!(call.call(&mut store, 1).unwrap(), 9);
    assert_eq!(trap(&call.call(&mut store, 0).unwrap_err()), Some(Trap::IndirectCallToNull));
}

#[test]
fn an_element_segment_that_does_not_fit_writes_nothing() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let host = Module::new(&engine, r#"(module (table (export "t") 2 funcref))"#).unwrap();
    let host = Instance::new(&mut store, &host, &[]).unwrap();
    let table = host.get_table(&store, "t").unwrap();
    let failing = Module::new(
        &engine,
        r#"(module (import "" "" (table 2 funcref))
            (func $f) (elem (i32.const 1) $f $f))"#,
    )
    .unwrap();
    let error = Instance::new(&mut store, &failing, &[table.into()]).unwrap_err();
    assert_eq!(trap(&error), Some(Trap::TableOutOfBounds));
    assert!(matches!(table.get(&store, 1), Some(Ref::Func(None))));
}

#[test]
fn mismatched_imports_are_found_before_anything_happens() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let host =
        Module::new(&engine, r#"(module (memory (export "m") 1) (func (export "f")))"#).unwrap();
    let host = Instance::new(&mut store, &host, &[]).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.instance(&store, "host", host).unwrap();
    let failing = Module::new(
        &engine,
        r#"(module
            (import "host" "m" (memory 1))
            (import "host" "f" (func (param i32)))
            (data (i32.const 0) "x"))"#,
    )
    .unwrap();
    linker.instantiate(&mut store, &failing).unwrap_err();
    assert_eq!(host.get_memory(&store, "m").unwrap().data(&store)[0], 0);
}

#[test]
fn instances_of_one_module_share_nothing() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (memory 1) (global $g (mut i32) (i32.const 0)) (table 1 funcref)
            (data $d "\2a")
            (elem $e func $f)
            (func $f)
            (func (export "change")
                (i32.store (i32.const 4) (i32.const 1))
                (global.set $g (i32.const 1))
                (table.set (i32.const 0) (ref.func $f))
                (drop (memory.grow (i32.const 1)))
                (data.drop $d) (elem.drop $e))
            (func (export "state") (result i32)
                (i32.add
                    (i32.add (i32.load (i32.const 4)) (global.get $g))
                    (i32.add (memory.size) (ref.is_null (table.get (i32.const 0))))))
            (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let [first, second] = [0, 1].map(|_| Instance::new(&mut store, &module, &[]).unwrap());
    let call = |store: &mut Store<()>, instance: Instance, name: &str| {
        instance.get_typed_func::<(), ()>(&*store, name).unwrap().call(store, ())
    };
    let state = |store: &mut Store<()>, instance: Instance| {
        instance.get_typed_func::<(), i32>(&*store, "state").unwrap().call(store, ()).unwrap()
    };
    call(&mut store, first, "change").unwrap();
    assert_eq!((state(&mut store, first), state(&mut store, second)), (1 + 1 + 2, 1 + 1));
    assert!(call(&mut store, first, "init").is_err());
    call(&mut store, second, "init").unwrap();
}
