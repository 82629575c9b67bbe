//! A call that is dropped leaves the store as if the guest had ended there.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};

use lineal::{
    Caller, Config, Engine, ExternRef, Linker, Module, Result, Rooted, Store, Trap, TypedFunc,
};

use super::{instance, run, wait};

/// Polls a future so many times, then drops it; whether it was ready before.
fn poll_times(future: impl Future, times: u64) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| future.as_mut().poll(&mut context).is_ready())
}

#[test]
fn at_every_point() {
    let (mut store, instance) = instance(
        r#"(memory (export "memory") 1)
        (func $deep (param i32) (result i32)
            (if (local.get 0)
                (then (return (call $deep (i32.sub (local.get 0) (i32.const 1))))))
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
            (i32.add (call $wait (i32.const 3)) (call $wait (i32.const 2))))
        (func (export "run") (result i32)
            (i32.add (call $wait (i32.const 1)) (call $deep (i32.const 100))))"#,
    );
    let func = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    for times in 0..=6 {
        assert!(!poll_times(func.call_async(&mut store, ()), times));
        // Other calls, and this one, work as before.
        store.gc(None).unwrap();
        let (result, pending) = run(func.call_async(&mut store, ()));
        assert_eq!((result.unwrap(), pending), (60, 6));
        assert!(func.call(&mut store, ()).is_err());
    }
    assert!(poll_times(func.call_async(&mut store, ()), 7));
}

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The host's future is dropped with the call, and so is what only the guest referred to.
#[test]
fn nothing_is_kept() {
    let engine = Engine::new(Config::new().gc_heap_limit(1 << 20)).unwrap();
    let (futures, values) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut linker = Linker::<()>::new(&engine);
    let (in_future, in_value) = (futures.clone(), values.clone());
    linker
        .func_wrap_async("host", "make", move |mut caller, ()| {
            let (counted, value) = (Counted(in_future.clone()), Counted(in_value.clone()));
            Box::new(async move {
                let _counted = counted;
                let value = ExternRef::new(&mut caller, value)?;
                wait(1).await;
                Result::Ok(Some(value))
            })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "make" (func $make (result externref)))
            (func (export "run") (result externref externref) (call $make) (call $make)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    type Results = (Option<Rooted<ExternRef>>, Option<Rooted<ExternRef>>);
    let func: TypedFunc<(), Results> = instance.get_typed_func(&store, "run").unwrap();
    for times in 0..=2 {
        futures.store(0, Ordering::SeqCst);
        values.store(0, Ordering::SeqCst);
        assert!(!poll_times(func.call_async(&mut store, ()), times));
        assert_eq!(futures.load(Ordering::SeqCst), times as u32);
        store.gc(None).unwrap();
        assert_eq!(values.load(Ordering::SeqCst), times as u32, "after {times} polls");
    }
}

/// Leaking a call leaks what it has, and nothing else is wrong.
#[test]
fn a_leaked_call_harms_nobody() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (param i32) (result i32)
            (i32.add (call $wait (local.get 0)) (call $wait (i32.const 2))))"#,
    );
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    for _ in 0..20 {
        let mut future = Box::pin(func.call_async(&mut store, 3));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        std::mem::forget(future);
        store.gc(None).unwrap();
        assert_eq!(run(func.call_async(&mut store, 1)).0.unwrap(), 30);
        assert!(func.call(&mut store, 1).is_err());
    }
}

/// The same for calls that are made, and leaked, inside others.
#[test]
fn calls_leaked_inside_others_harm_nobody() {
    let engine = Engine::default();
    let mut linker = super::linker::<()>(&engine);
    fn leak(caller: &mut Caller<'_, ()>) -> Result<()> {
        let func = caller.get_export("other").unwrap().into_func().unwrap();
        let func = func.typed::<(), i32>(&*caller)?;
        let mut future = Box::pin(func.call_async(&mut *caller, ()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        std::mem::forget(future);
        Ok(())
    }
    linker
        .func_wrap("host", "leak", |mut caller: Caller<'_, ()>| {
            leak(&mut caller)?;
            leak(&mut caller)
        })
        .unwrap();
    linker
        .func_wrap_async("host", "leak_async", |mut caller, ()| {
            Box::new(async move {
                leak(&mut caller)?;
                wait(1).await;
                leak(&mut caller)
            })
        })
        .unwrap();
    let inner = Module::new(
        &engine,
        r#"(module (import "host" "wait" (func $wait (param i32) (result i32)))
            (memory 1) (func (export "other") (result i32) (call $wait (i32.const 3))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let inner = linker.instantiate(&mut store, &inner).unwrap();
    linker.instance(&store, "inner", inner).unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "leak" (func $leak))
            (import "host" "leak_async" (func $leak_async))
            (import "inner" "other" (func $other (result i32)))
            (export "other" (func $other))
            (memory 2) (data (i32.const 100000) "\07")
            (func $deep (export "deep") (param i32)
                (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
            (func $check (result i32)
                (call $deep (i32.const 5000))
                (i32.load8_u (i32.const 100000)))
            (func (export "sync") (result i32) (call $leak) (call $check))
            (func (export "async") (result i32) (call $leak_async) (call $leak) (call $check)))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let sync = instance.get_typed_func::<(), i32>(&store, "sync").unwrap();
    let waits = instance.get_typed_func::<(), i32>(&store, "async").unwrap();
    let deep = instance.get_typed_func::<i32, ()>(&store, "deep").unwrap();
    for _ in 0..10 {
        assert_eq!(sync.call(&mut store, ()).unwrap(), 7);
        let (result, pending) = run(waits.call_async(&mut store, ()));
        assert_eq!((result.unwrap(), pending), (7, 1));
        assert!(!poll_times(waits.call_async(&mut store, ()), 1));
        let error = deep.call(&mut store, 1 << 30).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
        store.gc(None).unwrap();
    }
}

#[test]
fn panics_pass_through() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap_async("host", "panic", |_, (when,): (i32,)| {
            assert!(when != 0, "at once");
            Box::new(async move {
                wait(1).await;
                assert!(when != 1, "later");
                struct Bomb(bool);
                impl Drop for Bomb {
                    fn drop(&mut self) {
                        assert!(!self.0, "when dropped");
                    }
                }
                let _bomb = Bomb(when == 2);
                wait(1).await;
            })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "panic" (func $panic (param i32)))
            (func (export "run") (param i32) (call $panic (local.get 0))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<i32, ()>(&store, "run").unwrap();
    for _ in 0..2 {
        for (when, message) in ["at once", "later", "when dropped"].iter().enumerate() {
            let call = || run(func.call_async(&mut store, when as i32));
            let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(message));
        }
        // A panic when the call is dropped.
        let drops = || poll_times(func.call_async(&mut store, 2), 2);
        let payload = catch_unwind(AssertUnwindSafe(drops)).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"when dropped"));
        let (outcome, pending) = run(func.call_async(&mut store, 3));
        outcome.unwrap();
        assert_eq!(pending, 2);
    }
}
