//! Guests that let others run, without that anything else changes for them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use lineal::{
    Caller, Config, Engine, Instance, Linker, Module, Store, Trap, TypedFunc, UpdateDeadline,
};

use super::run;

const LOOP: &str = r#"(module (memory 1)
    (func (export "run") (param i32) (result i32) (local i32)
        (loop $next
            (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (local.get 0))))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1))
    (func (export "fill") (param i32) (result i32)
        (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
        (i32.load8_u (i32.const 9))))"#;

fn setup(config: &Config) -> (Store<u32>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, LOOP).unwrap();
    let mut store = Store::new(&engine, 0);
    if store.get_fuel().is_ok() {
        store.set_fuel(1_000_000).unwrap();
    }
    store.set_epoch_deadline(1 << 40);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

fn with_fuel() -> (Store<u32>, TypedFunc<i32, i32>) {
    let mut config = Config::new();
    config.consume_fuel(true);
    let (store, instance) = setup(&config);
    let func = instance.get_typed_func(&store, "run").unwrap();
    (store, func)
}

fn sum(count: i32) -> i32 {
    (1..=count).map(|n| n * n).sum()
}

#[test]
fn at_intervals_of_fuel() {
    let (mut store, func) = with_fuel();
    let (result, pending) = run(func.call_async(&mut store, 1000));
    assert_eq!((result.unwrap(), pending), (sum(1000), 0));
    let used = 1_000_000 - store.get_fuel().unwrap();

    for interval in [1, 10, 1000, 1 << 60] {
        store.set_fuel(1_000_000).unwrap();
        store.fuel_async_yield_interval(Some(interval)).unwrap();
        assert_eq!(store.get_fuel().unwrap(), 1_000_000);
        let (result, pending) = run(func.call_async(&mut store, 1000));
        assert_eq!(result.unwrap(), sum(1000));
        assert_eq!(store.get_fuel().unwrap(), 1_000_000 - used, "interval {interval}");
        assert!(pending <= used / interval + 1, "{pending} yields at {interval}");
        assert!(pending >= (used / interval).min(900) / 2, "{pending} yields at {interval}");

        // A call that cannot wait consumes the same.
        store.set_fuel(1_000_000).unwrap();
        assert_eq!(func.call(&mut store, 1000).unwrap(), sum(1000));
        assert_eq!(store.get_fuel().unwrap(), 1_000_000 - used);
    }
    store.fuel_async_yield_interval(None).unwrap();
    assert_eq!(run(func.call_async(&mut store, 1000)).1, 0);
    assert!(store.fuel_async_yield_interval(Some(0)).is_err());
    assert!(Store::<()>::default().fuel_async_yield_interval(Some(1)).is_err());
}

#[test]
fn when_all_fuel_is_consumed_it_traps() {
    let (mut store, func) = with_fuel();
    store.fuel_async_yield_interval(Some(100)).unwrap();
    store.set_fuel(1000).unwrap();
    let (result, pending) = run(func.call_async(&mut store, 1000));
    assert_eq!(result.unwrap_err().downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    assert!((5..=10).contains(&pending), "{pending}");
    assert_eq!(store.get_fuel().unwrap(), 0);
    store.set_fuel(1000).unwrap();
    let error = func.call(&mut store, 1000).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
}

fn with_epochs() -> (Store<u32>, Instance) {
    let mut config = Config::new();
    config.epoch_interruption(true);
    setup(&config)
}

#[test]
fn at_epochs() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    // Each time, at once again.
    store.epoch_deadline_async_yield_and_update(0);
    store.set_epoch_deadline(0);
    let (result, pending) = run(func.call_async(&mut store, 100));
    // Where the function and the loop begin.
    assert_eq!((result.unwrap(), pending), (sum(100), 101));

    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(0);
    let (result, pending) = run(func.call_async(&mut store, 100));
    assert_eq!((result.unwrap(), pending), (sum(100), 1));

    store.set_epoch_deadline(0);
    let error = func.call(&mut store, 100).unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
}

#[test]
fn a_callback_decides() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(match *store.data() {
            1..50 => UpdateDeadline::Continue(0),
            50..80 => UpdateDeadline::Yield(0),
            _ => UpdateDeadline::Interrupt,
        })
    });
    store.set_epoch_deadline(0);
    let (result, pending) = run(func.call_async(&mut store, 1000));
    assert_eq!(result.unwrap_err().downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    assert_eq!(pending, 30);
}

/// A future that is pending so many times, and is woken at once.
fn pending(mut times: u32) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(poll_fn(move |cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }))
}

#[test]
fn a_guest_waits_for_a_future_of_the_callback() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        let is_last = *store.data() >= 4;
        Ok(UpdateDeadline::YieldCustom(u64::from(is_last), pending(*store.data())))
    });
    store.set_epoch_deadline(0);
    let (result, pending_times) = run(func.call_async(&mut store, 100));
    assert_eq!((result.unwrap(), pending_times, *store.data()), (sum(100), 1 + 2 + 3 + 4, 4));
    // A future that is ready at once, and an operation on a range, which cannot wait in the middle.
    let fill = instance.get_typed_func::<i32, i32>(&store, "fill").unwrap();
    for times in [0, 3] {
        store.epoch_deadline_callback(move |_| Ok(UpdateDeadline::YieldCustom(1, pending(times))));
        for call in [&func, &fill] {
            store.set_epoch_deadline(0);
            let (result, pending_times) = run(call.call_async(&mut store, 60_000));
            assert_eq!(pending_times, times as u64);
            result.unwrap();
        }
    }
    // Others cannot wait.
    store.set_epoch_deadline(0);
    let error = func.call(&mut store, 100).unwrap_err();
    assert!(error.root_cause().to_string().contains("`call_async`"), "{error:?}");
}

#[test]
fn the_new_deadline_counts_from_the_end_of_the_wait() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        let engine = store.engine().clone();
        let later = async move { (0..5).for_each(|_| engine.increment_epoch()) };
        Ok(UpdateDeadline::YieldCustom(2, Box::pin(later)))
    });
    store.set_epoch_deadline(0);
    assert_eq!(run(func.call_async(&mut store, 100)).0.unwrap(), sum(100));
    assert_eq!(*store.data(), 1);
}

#[test]
fn a_wait_can_be_given_up_and_can_panic() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    store.epoch_deadline_callback(move |_| {
        let held = Arc::clone(&held);
        let forever = async move {
            let _held = held;
            std::future::pending::<()>().await;
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(forever)))
    });
    store.set_epoch_deadline(0);
    let mut call = Box::pin(func.call_async(&mut store, 100));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_pending());
    // The callback's, and the future's.
    assert_eq!(Arc::strong_count(&token), 3);
    drop(call);
    assert_eq!(Arc::strong_count(&token), 2);

    store.epoch_deadline_callback(|_| {
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(async { panic!("in the future") })))
    });
    store.set_epoch_deadline(0);
    let call = std::panic::AssertUnwindSafe(|| run(func.call_async(&mut store, 100)));
    let payload = std::panic::catch_unwind(call).map(|_| ()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the future"));
    store.set_epoch_deadline(1);
    assert_eq!(run(func.call_async(&mut store, 100)).0.unwrap(), sum(100));
}

/// Runs a guest that is to wait as soon as it can, and meanwhile calls a host function that waits; with
/// what the function does with the call. How often it waited, and how often it was asked to.
fn with_call_under_way(ends: bool) -> (u64, u32) {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let mut linker = Linker::<u32>::new(&engine);
    let define = linker.func_wrap_async("host", "wait", move |_: Caller<'_, u32>, ()| {
        Box::new(async move {
            if !ends {
                std::future::pending::<()>().await;
            }
        })
    });
    define.unwrap();
    let define = linker.func_wrap_async("host", "call", move |mut caller: Caller<'_, u32>, ()| {
        Box::new(async move {
            caller.engine().increment_epoch();
            caller.check_epoch().unwrap();
            let wait = caller.get_export("wait").unwrap().into_func().unwrap();
            let mut call = Box::pin(wait.call_async(&mut caller, &[], &mut []));
            let is_ready = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
            assert_eq!(is_ready, ends);
        })
    });
    define.unwrap();
    let wat = r#"(module (import "host" "wait" (func $wait)) (import "host" "call" (func $call))
        (export "wait" (func $wait))
        (func $next) (func (export "run") (call $call) (call $next)))"#;
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, 0);
    store.set_epoch_deadline(1);
    let instance = run(linker.instantiate_async(&mut store, &module)).0.unwrap();
    let func = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::YieldCustom(1, pending(5)))
    });
    let (result, pending_times) = run(func.call_async(&mut store, ()));
    result.unwrap();
    (pending_times, *store.data())
}

#[test]
fn a_call_leaves_what_its_caller_waits_for() {
    assert_eq!(with_call_under_way(false), (5, 1), "given up");
    assert_eq!(with_call_under_way(true), (5, 1), "ended");
}

#[test]
fn instantiation_goes_on_where_no_guest_can_yield() {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let wat = "(module (elem declare func $f) (func $f) (table 3000000 funcref (ref.func $f)))";
    let module = Module::new(&engine, wat).unwrap();
    let linker = Linker::<u32>::new(&engine);
    let mut store = Store::new(&engine, 0);
    store.epoch_deadline_async_yield_and_update(1);
    run(linker.instantiate_async(&mut store, &module)).0.unwrap();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::YieldCustom(1, pending(5)))
    });
    engine.increment_epoch();
    engine.increment_epoch();
    run(linker.instantiate_async(&mut store, &module)).0.unwrap();
    assert_eq!(*store.data(), 1);
}

#[test]
fn others_interrupt_a_guest_that_yields() {
    let (mut store, instance) = with_epochs();
    let func = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    store.epoch_deadline_async_yield_and_update(0);
    store.set_epoch_deadline(0);
    runtime.block_on(async {
        // -1: about four billion rounds, each of which yields.
        let call = func.call_async(&mut store, -1);
        let outcome = tokio::time::timeout(std::time::Duration::from_millis(50), call).await;
        assert!(outcome.is_err(), "it has ended");
    });
    assert_eq!(run(func.call_async(&mut store, 10)).0.unwrap(), sum(10));
    // An operation on a range has no place to stop at.
    let fill = instance.get_typed_func::<i32, i32>(&store, "fill").unwrap();
    let (result, pending) = run(fill.call_async(&mut store, 60_000));
    assert_eq!((result.unwrap(), pending), (1, 1));
}
