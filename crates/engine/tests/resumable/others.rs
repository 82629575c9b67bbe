//! What can happen between a stop and what comes after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use lineal::{
    Caller, Engine, Error, Func, Linker, Module, Result, Store, StoreLimits, StoreLimitsBuilder,
    Trap, TypedFunc, TypedResumableCall, TypedResumableCallHostTrap, Val,
};

use super::{Asked, asked, finished, instance};

const RUN: &str = r#"(func (export "run") (param i32) (result i32)
    (i32.add (local.get 0) (call $ask (local.get 0))))"#;

#[test]
fn stops_are_resumed_in_any_order() {
    let (mut store, instance) = instance(RUN);
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let mut calls: Vec<_> =
        (0..50).map(|number| asked(run.call_resumable(&mut store, number))).collect();
    // Some are never resumed.
    for index in (0..50).rev().step_by(7) {
        calls.remove(index);
    }
    let half = calls.len() / 2;
    calls.rotate_left(half);
    for (number, stopped) in calls {
        let result = finished(stopped.resume(&mut store, &[Val::I32(1000)]));
        assert_eq!(result, number + 1000);
    }
}

#[test]
fn another_thread_resumes() {
    let (mut store, instance) = instance(RUN);
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let (_, stopped) = asked(run.call_resumable(&mut store, 5));
    let thread = std::thread::spawn(move || {
        let result = finished(stopped.resume(&mut store, &[Val::I32(6)]));
        let (_, stopped) = asked(run.call_resumable(&mut store, 1));
        (result, store, stopped)
    });
    let (result, mut store, stopped) = thread.join().unwrap();
    assert_eq!(result, 11);
    assert_eq!(finished(stopped.resume(&mut store, &[Val::I32(2)])), 3);
}

#[test]
fn a_store_with_stopped_calls_can_be_dropped() {
    let (mut store, instance) = instance(RUN);
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let (_, stopped) = asked(run.call_resumable(&mut store, 5));
    drop(store);
    assert_eq!(stopped.host_error().downcast_ref::<Asked>(), Some(&Asked(5)));
}

/// A host function calls a guest that stops, keeps the call, and stops itself.
#[test]
fn calls_that_begin_inside_a_host_function_outlive_it() {
    type Kept = Arc<Mutex<Vec<TypedResumableCallHostTrap<i32>>>>;
    let engine = Engine::default();
    let mut store = Store::<Kept>::new(&engine, Kept::default());
    let mut linker = super::linker::<Kept>(&engine);
    linker
        .func_wrap("host", "nest", |mut caller: Caller<'_, Kept>, depth: i32| -> Result<i32> {
            let run = caller.get_export("run").unwrap().into_func().unwrap();
            let run: TypedFunc<i32, i32> = run.typed(&caller)?;
            match run.call_resumable(&mut caller, depth - 1)? {
                TypedResumableCall::HostTrap(stopped) => {
                    caller.data().lock().unwrap().push(stopped);
                    Err(Error::msg("nested"))
                }
                _ => Err(Error::msg("it did not stop")),
            }
        })
        .unwrap();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {} (import "host" "nest" (func $nest (param i32) (result i32)))
            (func (export "run") (param i32) (result i32)
                (i32.add (i32.mul (local.get 0) (i32.const 1000)) (if (result i32) (local.get 0)
                    (then (call $nest (local.get 0)))
                    (else (call $ask (local.get 0)))))))"#,
            super::IMPORTS
        ),
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let TypedResumableCall::HostTrap(outermost) = run.call_resumable(&mut store, 4).unwrap() else {
        panic!("it did not stop")
    };
    let kept: Vec<_> = store.data().lock().unwrap().drain(..).collect();
    assert_eq!(kept.len(), 4);
    assert_eq!(finished(outermost.resume(&mut store, &[Val::I32(9)])), 4009);
    for (depth, stopped) in kept.into_iter().enumerate() {
        let result = finished(stopped.resume(&mut store, &[Val::I32(depth as i32)]));
        assert_eq!(result, depth as i32 * 1001);
    }
}

/// Guests and hosts that call each other this way end by a trap, not by using up the host's stack.
#[test]
fn nesting_is_bounded() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, 0_u32);
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("host", "nest", |mut caller: Caller<'_, u32>| -> Result<()> {
            *caller.data_mut() += 1;
            let run = caller.get_export("run").unwrap().into_func().unwrap();
            let run: TypedFunc<(), ()> = run.typed(&caller)?;
            match run.call_resumable(&mut caller, ())? {
                TypedResumableCall::HostTrap(stopped) => Err(stopped.into_host_error()),
                _ => Ok(()),
            }
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "nest" (func $nest)) (func (export "run") (call $nest)))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    for _ in 0..2 {
        let TypedResumableCall::HostTrap(stopped) = run.call_resumable(&mut store, ()).unwrap()
        else {
            panic!("it did not stop")
        };
        let error = stopped.into_host_error();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
        assert!(*store.data() > 20 && *store.data() < 2000, "{}", store.data());
        *store.data_mut() = 0;
    }
}

#[test]
fn a_panic_ends_the_call() {
    let engine = Engine::default();
    let mut linker = super::linker::<()>(&engine);
    linker.func_wrap("host", "panic", |_: i32| -> i32 { panic!("as told") }).unwrap();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {} (import "host" "panic" (func $panic (param i32) (result i32)))
            (func (export "run") (param i32) (result i32) (call $panic (call $ask (local.get 0)))))"#,
            super::IMPORTS
        ),
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    for _ in 0..3 {
        let (_, stopped) = asked(run.call_resumable(&mut store, 5));
        let resume = || stopped.resume(&mut store, &[Val::I32(6)]);
        let payload = catch_unwind(AssertUnwindSafe(resume)).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"as told"));
    }
    assert!(run.call(&mut store, 1).is_err());
}

#[test]
fn the_error_of_a_limiter_is_no_stop() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {} (memory 1)
            (func (export "run") (result i32)
                (drop (call $ask (i32.const 1)))
                (memory.grow (i32.const 1))))"#,
            super::IMPORTS
        ),
    )
    .unwrap();
    let limits = StoreLimitsBuilder::new().memory_size(1 << 16).trap_on_grow_failure(true).build();
    let mut store = Store::<StoreLimits>::new(&engine, limits);
    store.limiter(|limits| limits);
    let instance = super::linker(&engine).instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    let (_, stopped) = asked(run.call_resumable(&mut store, ()));
    let error = stopped.resume(&mut store, &[Val::I32(6)]).unwrap_err();
    assert!(error.downcast_ref::<Asked>().is_none(), "{error:?}");
}

/// A host function whose call of a guest fails, and that goes on, stops nothing.
#[test]
fn failures_that_a_host_function_handles_are_its_own() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let fails = Func::wrap(&mut store, || -> Result<()> { Err(Error::msg("inner")) });
    let mut linker = super::linker::<()>(&engine);
    linker.define(&store, "host", "fails", fails).unwrap();
    linker
        .func_wrap("host", "tries", |mut caller: Caller<'_, ()>| -> Result<i32> {
            let inner = caller.get_export("inner").unwrap().into_func().unwrap();
            Ok(inner.call(&mut caller, &[], &mut []).is_err() as i32)
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "fails" (func $fails))
            (import "host" "tries" (func $tries (result i32)))
            (func (export "inner") (call $fails))
            (func (export "run") (result i32) (call $tries)))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(finished(run.call_resumable(&mut store, ())), 1);
}
