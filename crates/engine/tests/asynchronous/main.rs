//! Calls that are futures: the same results as without, wherever and however often they wait.

mod dropping;
mod limits;
mod nesting;
mod yields;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lineal::{
    Caller, Config, Engine, Error, ExternRef, Func, FuncType, Instance, Linker, Module, Result,
    Rooted, Store, Trap, Val, ValType, WasmBacktrace,
};

/// Polls a future until it is ready; how often it was pending.
pub(crate) fn run<F: Future>(future: F) -> (F::Output, u64) {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    let mut pending = 0;
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return (output, pending),
            Poll::Pending => pending += 1,
        }
    }
}

/// Is pending so many times.
pub(crate) async fn wait(times: u32) {
    let mut left = times;
    poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(()),
        Some(rest) => {
            left = rest;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// `host.wait` waits as often as it is told, and returns ten times that.
pub(crate) fn linker<T: Send + 'static>(engine: &Engine) -> Linker<T> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap_async("host", "wait", |_: Caller<'_, T>, (times,): (i32,)| {
            Box::new(async move {
                wait(times as u32).await;
                times * 10
            })
        })
        .unwrap();
    linker
        .func_wrap_async("host", "fail", |_: Caller<'_, T>, (times,): (i32,)| {
            Box::new(async move {
                wait(times as u32).await;
                Result::<i32>::Err(Error::msg("after waiting"))
            })
        })
        .unwrap();
    linker
}

pub(crate) const IMPORTS: &str = r#"
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "fail" (func $fail (param i32) (result i32)))"#;

pub(crate) fn instance(body: &str) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, format!("(module {IMPORTS} {body})")).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = run(linker(&engine).instantiate_async(&mut store, &module)).0.unwrap();
    (store, instance)
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn the_guest_waits_for_the_host() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (param i32) (result i32)
            (i32.sub (i32.mul (call $wait (i32.const 5)) (local.get 0)) (call $wait (i32.const 2))))"#,
    );
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let (result, pending) = run(is_send(func.call_async(&mut store, 3)));
    assert_eq!((result.unwrap(), pending), (130, 7));

    let func = func.func();
    let mut results = [Val::I32(0)];
    let (outcome, pending) =
        run(is_send(func.call_async(&mut store, &[Val::I32(1)], &mut results)));
    outcome.unwrap();
    assert_eq!((results[0].unwrap_i32(), pending), (30, 7));
    assert!(run(func.call_async(&mut store, &[], &mut results)).0.is_err());
}

#[test]
fn anything_may_be_on_the_stack() {
    let (mut store, instance) = instance(
        r#"(type $t (func (param i32) (result i32)))
        (tag $e (param i32))
        (table funcref (elem $wait $tail $deep))
        (func $tail (type $t) (return_call $wait (local.get 0)))
        (func $deep (type $t)
            (if (result i32) (i32.eqz (local.get 0))
                (then (return_call_indirect (type $t) (i32.const 3) (i32.const 1)))
                (else (i32.add (i32.const 1)
                    (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
        (func $throws (throw $e (call $wait (i32.const 2))))
        (func (export "run") (result i32)
            (block $caught (result i32)
                (try_table (catch $e $caught)
                    (drop (call_indirect (type $t) (i32.const 1) (i32.const 0)))
                    (call $throws))
                (i32.const 0))
            (i32.add (call_indirect (type $t) (i32.const 300) (i32.const 2))))"#,
    );
    let func = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    let (result, pending) = run(func.call_async(&mut store, ()));
    assert_eq!((result.unwrap(), pending), (20 + 300 + 30, 6));
}

#[test]
fn start_functions_wait() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {IMPORTS} (global $g (export "g") (mut i32) (i32.const 0))
            (func $start (global.set $g (call $wait (i32.const 4)))) (start $start))"#
        ),
    )
    .unwrap();
    let linker = linker(&engine);
    let mut store = Store::new(&engine, ());
    let get = |store: &mut Store<()>, instance: Instance| {
        instance.get_global(&mut *store, "g").unwrap().get(store).unwrap_i32()
    };
    let (instance, pending) = run(is_send(linker.instantiate_async(&mut store, &module)));
    assert_eq!((get(&mut store, instance.unwrap()), pending), (40, 4));

    let pre = linker.instantiate_pre(&module).unwrap();
    let (instance, pending) = run(is_send(pre.instantiate_async(&mut store)));
    assert_eq!((get(&mut store, instance.unwrap()), pending), (40, 4));

    let imports: Vec<_> =
        ["wait", "fail"].map(|name| linker.get(&mut store, "host", name).unwrap()).into();
    let (instance, pending) = run(is_send(Instance::new_async(&mut store, &module, &imports)));
    assert_eq!((get(&mut store, instance.unwrap()), pending), (40, 4));

    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert!(error.root_cause().to_string().contains("call_async"), "{error:?}");
}

#[test]
fn commands_and_reactors_wait() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    let mut store = Store::new(&engine, ());
    let command = Module::new(
        &engine,
        format!(
            r#"(module {IMPORTS}
            (func (export "_start") (drop (call $wait (i32.const 3)))))"#
        ),
    );
    run(linker.module_async(&mut store, "command", &command.unwrap())).0.unwrap();
    let reactor = Module::new(
        &engine,
        format!(
            r#"(module {IMPORTS} (import "command" "_start" (func $start))
            (func (export "_initialize") (drop (call $wait (i32.const 2))))
            (func (export "run") (call $start)))"#
        ),
    );
    let (outcome, pending) = run(linker.module_async(&mut store, "reactor", &reactor.unwrap()));
    outcome.unwrap();
    assert_eq!(pending, 2);
    let func = linker.get(&mut store, "reactor", "run").unwrap().into_func().unwrap();
    let (outcome, pending) = run(func.call_async(&mut store, &[], &mut []));
    outcome.unwrap();
    assert_eq!(pending, 3);
}

#[test]
fn host_functions_are_called_without_a_guest_too() {
    let mut store = Store::<()>::default();
    let func = Func::wrap_async(&mut store, |_, (a, b): (i32, i64)| {
        Box::new(async move {
            wait(2).await;
            (b, a)
        })
    });
    let func = func.typed::<(i32, i64), (i64, i32)>(&store).unwrap();
    let (results, pending) = run(func.call_async(&mut store, (1, 2)));
    assert_eq!((results.unwrap(), pending), ((2, 1), 2));
    let nothing = Func::wrap_async(&mut store, |_, ()| Box::new(wait(1)));
    run(nothing.call_async(&mut store, &[], &mut [])).0.unwrap();

    let ty =
        FuncType::new(store.engine(), [ValType::I32, ValType::V128], [ValType::V128, ValType::I32]);
    let swap = Func::new_async(&mut store, ty, |_, params, results| {
        Box::new(async move {
            wait(1).await;
            results[0] = params[1];
            results[1] = params[0];
            Ok(())
        })
    });
    let mut results = [Val::I32(0), Val::I32(0)];
    let params = [Val::I32(7), Val::V128(5_u128.into())];
    run(swap.call_async(&mut store, &params, &mut results)).0.unwrap();
    assert_eq!(results[1].unwrap_i32(), 7);
    // The results have a wrong type.
    let ty = FuncType::new(store.engine(), [], [ValType::I64]);
    let wrong = Func::new_async(&mut store, ty, |_, _, results| {
        Box::new(async move {
            results[0] = Val::I32(1);
            Ok(())
        })
    });
    assert!(run(wrong.call_async(&mut store, &[], &mut [Val::I64(0)])).0.is_err());
}

#[test]
fn synchronous_calls_are_refused_what_waits() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (result i32) (call $wait (i32.const 1)))
        (func (export "other") (result i32) (i32.const 3))"#,
    );
    let func = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    let error = func.call(&mut store, ()).unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
    assert!(error.is::<WasmBacktrace>());
    // Resumable ones too.
    let lineal::TypedResumableCall::HostTrap(stopped) =
        func.call_resumable(&mut store, ()).unwrap()
    else {
        panic!("it did not stop")
    };
    assert!(stopped.host_error().to_string().contains("`call_async`"));
    // Whatever does not wait is as it was.
    let other = instance.get_typed_func::<(), i32>(&store, "other").unwrap();
    assert_eq!(other.call(&mut store, ()).unwrap(), 3);
    assert_eq!(run(other.call_async(&mut store, ())).0.unwrap(), 3);
}

#[test]
fn errors_and_traps_after_waiting() {
    let (mut store, instance) = instance(
        r#"(func $inner (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (call $fail (i32.const 2)))
                (else (i32.div_u (i32.const 1) (call $wait (i32.const 0))))))
        (func $outer (export "run") (param i32) (result i32) (call $inner (local.get 0)))"#,
    );
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    for _ in 0..3 {
        let error = run(func.call_async(&mut store, 1)).0.unwrap_err();
        assert_eq!(error.root_cause().to_string(), "after waiting");
        let trap = run(func.call_async(&mut store, 0)).0.unwrap_err();
        assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
        for error in [error, trap] {
            let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
            let names: Vec<_> = frames.iter().map(|frame| frame.func_name().unwrap()).collect();
            assert_eq!(names, ["inner", "outer"]);
        }
    }
}

#[test]
fn the_future_of_a_host_function_has_the_store() {
    let engine = Engine::default();
    let mut linker = Linker::<Vec<String>>::new(&engine);
    linker
        .func_wrap_async("host", "log", |mut caller, (addr, len): (u32, u32)| {
            Box::new(async move {
                let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
                let text = memory.read_string(&caller, addr.into(), len.into())?;
                wait(1).await;
                caller.data_mut().push(text);
                wait(1).await;
                memory.grow(&mut caller, 1)?;
                memory.write(&mut caller, addr as usize, b"HELLO")?;
                let size = memory.size(&caller);
                caller.data_mut().push(size.to_string());
                Result::Ok(())
            })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "log" (func $log (param i32 i32)))
            (memory (export "memory") 1) (data (i32.const 8) "hello")
            (func (export "run") (result i32 i32)
                (call $log (i32.const 8) (i32.const 5))
                (i32.load8_u (i32.const 8)) (memory.size)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance.get_typed_func::<(), (i32, i32)>(&store, "run").unwrap();
    let (result, pending) = run(func.call_async(&mut store, ()));
    assert_eq!((result.unwrap(), pending), (('H' as i32, 2), 2));
    assert_eq!(store.data()[..], ["hello", "2"]);
}

/// What the guest and the host's future hold is not collected while either waits.
#[test]
fn references_survive_collections() {
    let engine = Engine::new(Config::new().gc_heap_limit(64 << 10)).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap_async("host", "churn", |mut caller, (value,): (Option<Rooted<ExternRef>>,)| {
            Box::new(async move {
                for round in 0..20 {
                    for _ in 0..200 {
                        let mut scope = lineal::RootScope::new(&mut caller);
                        ExternRef::new(&mut scope, [0_u64; 4])?;
                    }
                    caller.gc(None).unwrap();
                    wait(round % 2).await;
                }
                Result::Ok(value)
            })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "churn" (func $churn (param externref) (result externref)))
            (type $box (struct (field i32)))
            (func (export "run") (param externref) (result externref i32)
                (local (ref null $box))
                (local.set 1 (struct.new $box (i32.const 42)))
                (call $churn (local.get 0))
                (struct.get $box 0 (local.get 1))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let func = instance
        .get_typed_func::<Option<Rooted<ExternRef>>, (Option<Rooted<ExternRef>>, i32)>(
            &store, "run",
        )
        .unwrap();
    let value = ExternRef::new(&mut store, "kept").unwrap();
    let (result, pending) = run(func.call_async(&mut store, Some(value)));
    let (value, number) = result.unwrap();
    assert_eq!((number, pending), (42, 10));
    let data = value.unwrap().data(&store).unwrap().unwrap().downcast_ref::<&str>().copied();
    assert_eq!(data, Some("kept"));
}

#[test]
fn every_poll_may_be_on_another_thread() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (param i32) (result i32) (local i32)
            (loop $next
                (local.set 1 (i32.add (local.get 1) (call $wait (i32.const 1))))
                (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get 1))"#,
    );
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let mut future = Box::pin(async move { (func.call_async(&mut store, 20).await, store) });
    let mut polls = 0;
    let (result, mut store) = loop {
        polls += 1;
        let thread = std::thread::spawn(move || {
            let poll = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            (poll, future)
        });
        let (poll, again) = thread.join().unwrap();
        future = again;
        if let Poll::Ready(output) = poll {
            break output;
        }
    };
    assert_eq!((result.unwrap(), polls), (200, 21));
    assert_eq!(run(func.call_async(&mut store, 1)).0.unwrap(), 10);
}

#[test]
fn guests_share_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let engine = Engine::default();
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap_async("host", "sleep", |caller, (millis,): (u64,)| {
            Box::new(async move {
                tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
                *caller.data()
            })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "sleep" (func $sleep (param i64) (result i32)))
            (func (export "run") (result i32)
                (i32.add (call $sleep (i64.const 2)) (call $sleep (i64.const 1)))))"#,
    )
    .unwrap();
    let pre = linker.instantiate_pre(&module).unwrap();
    let guests: Vec<_> = (0..200)
        .map(|number| {
            let (pre, engine) = (pre.clone(), engine.clone());
            runtime.spawn(async move {
                let mut store = Store::new(&engine, number);
                let instance = pre.instantiate_async(&mut store).await?;
                let func = instance.get_typed_func::<(), u32>(&store, "run")?;
                func.call_async(&mut store, ()).await
            })
        })
        .collect();
    for (number, guest) in guests.into_iter().enumerate() {
        let result = runtime.block_on(guest).unwrap().unwrap();
        assert_eq!(result, 2 * number as u32);
    }
}
