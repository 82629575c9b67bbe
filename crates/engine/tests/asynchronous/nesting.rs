//! Guests and hosts that call each other, some of them asynchronously.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use lineal::{Caller, Engine, Linker, Module, Result, Store, Trap, TypedFunc};

use super::{IMPORTS, run, wait};

fn setup(body: &str) -> (Store<u32>, Linker<u32>, Module) {
    let engine = Engine::default();
    let mut linker = super::linker::<u32>(&engine);
    linker
        .func_wrap_async("host", "nest", |mut caller: Caller<'_, u32>, (depth,): (i32,)| {
            Box::new(async move {
                *caller.data_mut() += 1;
                let func = caller.get_export("run").unwrap().into_func().unwrap();
                let func: TypedFunc<i32, i32> = func.typed(&caller)?;
                wait(1).await;
                let result = func.call_async(&mut caller, depth).await?;
                wait(1).await;
                Result::Ok(result + 1)
            })
        })
        .unwrap();
    linker
        .func_wrap("host", "nest_sync", |mut caller: Caller<'_, u32>, depth: i32| -> Result<i32> {
            let func = caller.get_export("run").unwrap().into_func().unwrap();
            func.typed::<i32, i32>(&caller)?.call(&mut caller, depth)
        })
        .unwrap();
    let imports = r#"(import "host" "nest" (func $nest (param i32) (result i32)))
        (import "host" "nest_sync" (func $nest_sync (param i32) (result i32)))"#;
    let module = Module::new(&engine, format!("(module {IMPORTS} {imports} {body})")).unwrap();
    (Store::new(&engine, 0), linker, module)
}

const NEST: &str = r#"(func (export "run") (param i32) (result i32)
    (if (result i32) (local.get 0)
        (then (call $nest (i32.sub (local.get 0) (i32.const 1))))
        (else (call $wait (i32.const 3)))))"#;

#[test]
fn calls_inside_each_other_wait_together() {
    let (mut store, linker, module) = setup(NEST);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let (result, pending) = run(func.call_async(&mut store, 10));
    assert_eq!((result.unwrap(), pending), (40, 23));

    // Dropped at each point of all of them.
    for times in 0..=23 {
        let mut future: Pin<Box<dyn Future<Output = _>>> =
            Box::pin(func.call_async(&mut store, 10));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..times {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        drop(future);
        assert_eq!(run(func.call_async(&mut store, 1)).0.unwrap(), 31);
    }
}

#[test]
fn nesting_is_bounded() {
    let (mut store, linker, module) =
        setup(r#"(func (export "run") (param i32) (result i32) (call $nest (i32.const 0)))"#);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    for _ in 0..2 {
        let error = run(func.call_async(&mut store, 0)).0.unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
        assert!(*store.data() > 20 && *store.data() < 2000, "{}", store.data());
        *store.data_mut() = 0;
    }
}

/// In a call that is not asynchronous nothing waits, although one around it is.
#[test]
fn synchronous_calls_inside() {
    let (mut store, linker, module) = setup(
        r#"(func (export "run") (param i32) (result i32)
            (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 77))))
            (if (i32.eq (local.get 0) (i32.const 2)) (then (return (call $wait (i32.const 1)))))
            (i32.add (call $wait (i32.const 1)) (call $nest_sync (i32.sub (local.get 0) (i32.const 2)))))"#,
    );
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert_eq!(run(func.call_async(&mut store, 3)).0.unwrap(), 87);
    let error = run(func.call_async(&mut store, 4)).0.unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
    assert_eq!(run(func.call_async(&mut store, 3)).0.unwrap(), 87);
}
