//! A panic in a host function passes through the guest and leaves the store usable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lineal::{Caller, Engine, Func, Linker, Module, Store, TypedFunc};

const MODULE: &str = r#"(module
    (import "host" "f" (func $f (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $deep (param i32 i32) (result i32)
        (if (result i32) (local.get 1)
            (then (i32.add (i32.const 1)
                (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1)))))
            (else (call $f (local.get 0)))))
    (func (export "run") (param i32) (result i32)
        (call $deep (local.get 0) (i32.const 10))))"#;

fn setup(
    f: impl Fn(Caller<'_, ()>, i32) -> i32 + Send + Sync + 'static,
) -> (Store<()>, TypedFunc<i32, i32>) {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "f", f).unwrap();
    let module = Module::new(&engine, MODULE).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func(&store, "run").unwrap();
    (store, run)
}

#[test]
fn the_payload_arrives_and_the_store_works_on() {
    let token = Arc::new(());
    let captured = token.clone();
    let (mut store, run) = setup(move |_, x| {
        let _guard = captured.clone();
        assert!(x != 0, "zero");
        x
    });
    for _ in 0..3 {
        assert_eq!(run.call(&mut store, 5).unwrap(), 15);
        let payload = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, 0))).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"zero"));
    }
    drop(store);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_panic_passes_through_several_guests() {
    let (mut store, run) = setup(|mut caller, x| {
        let run = caller.get_export("memory").map(|_| ());
        assert!(run.is_some());
        if x == 0 {
            std::panic::panic_any(7_i32);
        }
        let inner = Func::wrap(&mut caller, |_: i32| -> i32 { std::panic::panic_any(8_i32) });
        inner.typed::<i32, i32>(&caller).unwrap().call(&mut caller, x).unwrap()
    });
    for (argument, expected) in [(0, 7), (1, 8)] {
        let payload = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, argument)));
        assert_eq!(payload.unwrap_err().downcast_ref::<i32>(), Some(&expected));
    }
}
