//! Host values that the guest passes around.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::instantiate;
use lineal::{
    AsContextMut, Caller, Config, Engine, ExternRef, Linker, Module, Ref, RootScope, Rooted, Store,
    Val,
};

#[test]
fn values_survive_in_tables_and_globals() {
    let (mut store, instance) = instantiate(
        r#"(module
            (table (export "table") 2 externref)
            (global (export "global") (mut externref) (ref.null extern))
            (func (export "put") (param externref)
                (table.set (i32.const 1) (local.get 0))
                (global.set 0 (local.get 0)))
            (func (export "is_null") (param externref) (result i32)
                (ref.is_null (local.get 0))))"#,
    );
    let put = instance.get_typed_func::<Option<Rooted<ExternRef>>, ()>(&store, "put").unwrap();
    let is_null =
        instance.get_typed_func::<Option<Rooted<ExternRef>>, i32>(&store, "is_null").unwrap();
    let first = ExternRef::new(&mut store, String::from("first")).unwrap();
    let second = ExternRef::new(&mut store, 2.5_f64).unwrap();
    assert_eq!(is_null.call(&mut store, None).unwrap(), 1);
    assert_eq!(is_null.call(&mut store, Some(first)).unwrap(), 0);

    put.call(&mut store, Some(first)).unwrap();
    let table = instance.get_table(&store, "table").unwrap();
    assert!(matches!(table.get(&store, 0), Some(Ref::Extern(None))));
    let element = table.get(&store, 1).unwrap();
    let value = element.unwrap_extern().unwrap();
    let text = value.data(&store).unwrap().unwrap().downcast_ref::<String>().unwrap();
    assert_eq!(text, "first");

    let global = instance.get_global(&store, "global").unwrap();
    global.set(&mut store, second.into()).unwrap();
    let Val::ExternRef(Some(value)) = global.get(&store) else { panic!() };
    assert_eq!(value.data(&store).unwrap().unwrap().downcast_ref(), Some(&2.5_f64));
}

/// Counts how many of it are dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn values_are_dropped_when_nothing_refers_to_them() {
    let (mut store, instance) = instantiate(
        r#"(module (table (export "table") 1 externref)
            (func (export "pass") (param externref) (result externref) (local.get 0)))"#,
    );
    let pass = instance
        .get_typed_func::<Option<Rooted<ExternRef>>, Option<Rooted<ExternRef>>>(&store, "pass");
    let (pass, table) = (pass.unwrap(), instance.get_table(&store, "table").unwrap());
    let dropped = Arc::new(AtomicUsize::new(0));
    let (owned, last) = {
        let mut scope = RootScope::new(&mut store);
        let [kept, held, last] =
            [(); 3].map(|()| ExternRef::new(&mut scope, Counted(dropped.clone())).unwrap());
        table.set(&mut scope, 0, kept.into()).unwrap();
        let held = pass.call(&mut scope, Some(held)).unwrap().unwrap();
        scope.as_context_mut().gc(None).unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
        (held.to_owned_rooted(&mut scope).unwrap(), last)
    };
    store.gc(None).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    assert!(last.data(&store).is_err());
    assert!(pass.call(&mut store, Some(last)).is_err());
    drop(owned);
    table.set(&mut store, 0, Ref::Extern(None)).unwrap();
    store.gc(None).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}

#[test]
fn a_host_function_may_make_values_without_end() {
    let engine = Engine::new(Config::new().gc_heap_limit(1 << 20)).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("", "new", |mut caller: Caller<'_, ()>| {
            lineal::Result::Ok(Some(ExternRef::new(&mut caller, [0_u8; 100])?))
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "" "new" (func $new (result externref)))
            (func (export "run") (param $n i32)
                (loop $next
                    (drop (call $new))
                    (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, ()>(&store, "run").unwrap();
    run.call(&mut store, 100_000).unwrap();
}
