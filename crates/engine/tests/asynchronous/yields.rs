//! Guests that let others run, without that anything else changes for them.

use lineal::{Config, Engine, Instance, Module, Store, Trap, TypedFunc, UpdateDeadline};

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
