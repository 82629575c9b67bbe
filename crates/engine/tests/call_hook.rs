//! The hook for calls sees every passage between guest and host, and can stop each.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lineal::CallHook::{self, CallingHost, CallingWasm, ReturningFromHost, ReturningFromWasm};
use lineal::{
    Caller, Engine, Error, Instance, Linker, Module, Result, Store, Trap, TypedResumableCall,
    TypedResumableCallHostTrap, Val,
};

/// What the hook saw, at which number it fails, and calls that stopped.
#[derive(Default)]
struct Seen {
    hooks: Vec<CallHook>,
    fails_at: Option<usize>,
    stopped: Vec<TypedResumableCallHostTrap<i32>>,
}

fn setup() -> (Store<Seen>, Instance) {
    let engine = Engine::default();
    let mut linker = Linker::<Seen>::new(&engine);
    linker.func_wrap("host", "f", |x: i32| x + 1).unwrap();
    linker.func_wrap("host", "fails", || -> Result<i32> { Err(Error::msg("failed")) }).unwrap();
    linker
        .func_wrap("host", "again", |mut caller: Caller<'_, Seen>| -> Result<i32> {
            let run = caller.get_export("simple").unwrap().into_func().unwrap();
            run.typed::<(), i32>(&caller)?.call(&mut caller, ())
        })
        .unwrap();
    linker
        .func_wrap("host", "deeper", |mut caller: Caller<'_, Seen>| -> Result<i32> {
            let run = caller.get_export("deeper").unwrap().into_func().unwrap();
            run.typed::<(), i32>(&caller)?.call(&mut caller, ())
        })
        .unwrap();
    linker
        .func_wrap_async("host", "wait", |_, ()| {
            Box::new(async {
                let mut first = true;
                std::future::poll_fn(|_| match std::mem::take(&mut first) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                })
                .await;
                5
            })
        })
        .unwrap();
    linker
        .func_wrap_async("host", "wait_fails", |_, ()| {
            Box::new(async { Result::<i32>::Err(Error::msg("failed")) })
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "f" (func $f (param i32) (result i32)))
            (import "host" "fails" (func $fails (result i32)))
            (import "host" "again" (func $again (result i32)))
            (import "host" "deeper" (func $deeper (result i32)))
            (import "host" "wait" (func $wait (result i32)))
            (import "host" "wait_fails" (func $wait_fails (result i32)))
            (func (export "simple") (result i32) (call $f (i32.const 1)))
            (func (export "fails") (result i32) (call $fails))
            (func (export "traps") (result i32) unreachable)
            (func (export "again") (result i32) (call $again))
            (func (export "deeper") (result i32) (call $deeper))
            (func (export "wait") (result i32) (call $wait))
            (func (export "wait_fails") (result i32) (call $wait_fails))
            (export "f" (func $f)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, Seen::default());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    store.call_hook(|mut store, hook| {
        let seen = store.data_mut();
        seen.hooks.push(hook);
        match seen.fails_at == Some(seen.hooks.len()) {
            true => Err(Error::msg("the hook failed")),
            false => Ok(()),
        }
    });
    (store, instance)
}

fn call(store: &mut Store<Seen>, instance: &Instance, name: &str) -> (Result<i32>, Vec<CallHook>) {
    store.data_mut().hooks.clear();
    let func = instance.get_typed_func::<(), i32>(&mut *store, name).unwrap();
    let result = func.call(&mut *store, ());
    (result, std::mem::take(&mut store.data_mut().hooks))
}

fn run<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

const SIMPLE: [CallHook; 4] = [CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm];

#[test]
fn passages_in_their_order() {
    let (mut store, instance) = setup();
    let (result, hooks) = call(&mut store, &instance, "simple");
    assert_eq!((result.unwrap(), &hooks[..]), (2, &SIMPLE[..]));
    let (result, hooks) = call(&mut store, &instance, "again");
    let inside = [&SIMPLE[..2], &SIMPLE[..], &SIMPLE[2..]].concat();
    assert_eq!((result.unwrap(), hooks), (2, inside));
    // Failures return as well.
    let (result, hooks) = call(&mut store, &instance, "fails");
    assert_eq!(result.unwrap_err().root_cause().to_string(), "failed");
    assert_eq!(hooks, SIMPLE);
    let (result, hooks) = call(&mut store, &instance, "traps");
    assert!(result.is_err());
    assert_eq!(hooks, [CallingWasm, ReturningFromWasm]);
    // A host function that the host calls.
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, 1).unwrap(), 2);
    assert_eq!(store.data().hooks, SIMPLE);
    assert!(CallingHost.entering_host() && ReturningFromWasm.entering_host());
    assert!(CallingWasm.exiting_host() && ReturningFromHost.exiting_host());
}

#[test]
fn each_can_fail() {
    let (mut store, instance) = setup();
    let hooks_until = [
        &SIMPLE[..1],
        // What fails on its way to the host returns from the guest.
        &[CallingWasm, CallingHost, ReturningFromWasm],
        &SIMPLE[..],
        &SIMPLE[..],
    ];
    for (index, expected) in hooks_until.into_iter().enumerate() {
        store.data_mut().fails_at = Some(index + 1);
        let (result, hooks) = call(&mut store, &instance, "simple");
        assert_eq!(result.unwrap_err().root_cause().to_string(), "the hook failed");
        assert_eq!(hooks, expected);
        store.data_mut().fails_at = None;
        assert_eq!(call(&mut store, &instance, "simple").0.unwrap(), 2);
    }
    // The hook's error takes the place of another.
    store.data_mut().fails_at = Some(4);
    let (result, _) = call(&mut store, &instance, "fails");
    assert_eq!(result.unwrap_err().root_cause().to_string(), "the hook failed");
}

#[test]
fn resumable_calls_return_where_they_stop() {
    let (mut store, instance) = setup();
    let func = instance.get_typed_func::<(), i32>(&store, "fails").unwrap();
    let TypedResumableCall::HostTrap(stopped) = func.call_resumable(&mut store, ()).unwrap() else {
        panic!("it did not stop")
    };
    assert_eq!(std::mem::take(&mut store.data_mut().hooks), SIMPLE);
    let call = stopped.resume(&mut store, &[Val::I32(4)]).unwrap();
    assert!(matches!(call, TypedResumableCall::Finished(4)));
    assert_eq!(store.data().hooks, [CallingWasm, ReturningFromWasm]);

    // What fails around the host function, at 2 and 3, still returns from the guest.
    for (fails_at, hooks) in [(1, 1), (2, 3), (3, 4), (4, 4), (5, 5), (6, 6)] {
        *store.data_mut() = Seen { fails_at: Some(fails_at), ..Seen::default() };
        let error = match func.call_resumable(&mut store, ()) {
            Ok(TypedResumableCall::HostTrap(stopped)) => {
                assert!(fails_at > 4, "it stopped at {fails_at}");
                stopped.resume(&mut store, &[Val::I32(4)]).map(|_| ()).unwrap_err()
            }
            Ok(_) => panic!("it did not stop"),
            Err(error) => error,
        };
        assert_eq!(error.root_cause().to_string(), "the hook failed");
        assert_eq!(store.data().hooks.len(), hooks);
    }
}

#[test]
fn the_hook_can_make_calls_that_stop() {
    for keeps in [false, true] {
        let (mut store, instance) = setup();
        let fails = instance.get_typed_func::<(), i32>(&store, "fails").unwrap();
        store.call_hook(move |mut store, hook| {
            if hook == CallingWasm {
                let TypedResumableCall::HostTrap(stopped) = fails.call_resumable(&mut store, ())?
                else {
                    panic!("it did not stop")
                };
                store.data_mut().stopped.extend(keeps.then_some(stopped));
            }
            Ok(())
        });
        assert_eq!(call(&mut store, &instance, "simple").0.unwrap(), 2);
        assert_eq!(call(&mut store, &instance, "again").0.unwrap(), 2);
        let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
        assert_eq!(f.call(&mut store, 1).unwrap(), 2);
        let stopped = std::mem::take(&mut store.data_mut().stopped);
        // One for each call from outside, and one for that by `again`.
        assert_eq!(stopped.len(), if keeps { 4 } else { 0 });
        for (stopped, result) in stopped.into_iter().zip(7..) {
            let call = stopped.resume(&mut store, &[Val::I32(result)]).unwrap();
            assert!(matches!(call, TypedResumableCall::Finished(it) if it == result));
        }
    }
}

#[test]
fn a_call_without_room_returns_as_well() {
    let (mut store, instance) = setup();
    let (result, hooks) = call(&mut store, &instance, "deeper");
    assert_eq!(result.unwrap_err().root_cause().downcast_ref(), Some(&Trap::StackOverflow));
    let half = hooks.len() / 2;
    assert!(half > 20);
    // It goes in all the way, and comes out the same way; the innermost call never ran.
    assert_eq!(hooks[half - 1..=half], [CallingWasm, ReturningFromWasm]);
    assert!(hooks[..half].iter().all(|hook| matches!(hook, CallingWasm | CallingHost)));
    let count = |at| hooks.iter().filter(|&&hook| hook == at).count();
    assert_eq!(count(CallingWasm), count(ReturningFromWasm));
    assert_eq!(count(CallingHost), count(ReturningFromHost));
}

#[test]
fn asynchronous_host_functions_return_when_they_are_ready() {
    let (mut store, instance) = setup();
    let func = instance.get_typed_func::<(), i32>(&store, "wait").unwrap();
    assert_eq!(run(func.call_async(&mut store, ())).unwrap(), 5);
    assert_eq!(store.data().hooks, SIMPLE);
    for fails_at in 1..=4 {
        *store.data_mut() = Seen { fails_at: Some(fails_at), ..Seen::default() };
        let error = run(func.call_async(&mut store, ())).unwrap_err();
        assert_eq!(error.root_cause().to_string(), "the hook failed");
    }
    *store.data_mut() = Seen::default();
    assert_eq!(run(func.call_async(&mut store, ())).unwrap(), 5);
    assert_eq!(store.data().hooks, SIMPLE);
}

#[test]
fn asynchronous_host_functions_that_fail_return_as_well() {
    let (mut store, instance) = setup();
    let func = instance.get_typed_func::<(), i32>(&store, "wait_fails").unwrap();
    let error = run(func.call_async(&mut store, ())).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "failed");
    assert_eq!(store.data().hooks, SIMPLE);
    // The hook's error takes the place of another.
    *store.data_mut() = Seen { fails_at: Some(3), ..Seen::default() };
    let error = run(func.call_async(&mut store, ())).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "the hook failed");
    assert_eq!(store.data().hooks, SIMPLE);
}
