//! Regions free what was made in them, and nothing else.

use std::sync::Arc;

use lineal::{Func, FuncType, Instance, Module, Ref, Region, Store};

const MODULE: &str = r#"(module
    (import "" "call" (func $call))
    (table (export "table") 2 funcref)
    (memory (export "memory") 1)
    (global (export "global") (mut i32) (i32.const 7))
    (tag (export "tag"))
    (func (export "run") (result i32) (call $call) (i32.load8_u (i32.const 3))))"#;

#[test]
fn a_freed_region_drops_what_was_made_in_it() {
    let mut store = Store::<()>::default();
    let module = Module::new(store.engine(), MODULE).unwrap();
    let alive = Arc::new(());
    let make = |store: &mut Store<()>| {
        let token = alive.clone();
        let ty = FuncType::new(store.engine(), [], []);
        let call = Func::new(&mut *store, ty, move |_, _, _| {
            let _ = &token;
            Ok(())
        });
        Instance::new(store, &module, &[call.into()]).unwrap()
    };
    let kept = make(&mut store);
    let regions = [(); 3].map(|()| {
        let region = store.new_region();
        assert_eq!(store.set_region(region), Region::FIRST);
        let instance = make(&mut store);
        // A cycle: the instance's table refers to its own function.
        let run = instance.get_func(&store, "run").unwrap();
        let table = instance.get_table(&store, "table").unwrap();
        table.set(&mut store, 1, Ref::Func(Some(run))).unwrap();
        instance.get_typed_func::<(), i32>(&store, "run").unwrap().call(&mut store, ()).unwrap();
        store.set_region(Region::FIRST);
        region
    });
    assert_eq!(Arc::strong_count(&alive), 5);
    // SAFETY: the handles of what is in these regions were dropped, and nothing refers to it.
    let freed_bytes = unsafe { store.free_regions(&[regions[2], regions[0]]) };
    assert_eq!(freed_bytes, 2 * (65_536 + 2 * 8));
    assert_eq!(Arc::strong_count(&alive), 3);
    // SAFETY: as above.
    unsafe { store.free_regions(&[regions[1]]) };
    assert_eq!(Arc::strong_count(&alive), 2);
    store.gc(None).unwrap();
    kept.get_memory(&store, "memory").unwrap().data_mut(&mut store)[3] = 42;
    let run = kept.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 42);
}

#[test]
fn keys_tell_entities_apart() {
    let mut store = Store::<()>::default();
    let module = Module::new(store.engine(), MODULE).unwrap();
    let call = Func::wrap(&mut store, || ());
    let [a, b] = [(); 2].map(|()| Instance::new(&mut store, &module, &[call.into()]).unwrap());
    let key = |of: &Instance| of.get_func(&store, "run").unwrap().hash_key(&store);
    assert_eq!(key(&a), key(&a));
    assert_ne!(key(&a), key(&b));
    let key = |of: &Instance| of.get_memory(&store, "memory").unwrap().hash_key(&store);
    assert_ne!(key(&a), key(&b));
    assert_eq!(a.get_func(&store, "run").unwrap().index(&store), Some(1));
    assert_eq!(call.index(&store), None);
}
