//! The benchmarks' programs compute the same when they stop again and again as when they do not.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lineal::{Config, Engine, Instance, Module, Store, TypedFunc, TypedResumableCall};

/// Programs with a small size each, and their checksums at that.
fn programs() -> Vec<(String, Vec<u8>, i32, i64)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/programs");
    let table = std::fs::read_to_string(format!("{dir}/table.txt")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let programs = rows.map(|row| {
        let fields: Vec<_> = row.split_whitespace().collect();
        let bytes = std::fs::read(format!("{dir}/{}.wasm", fields[0])).unwrap();
        (fields[0].to_owned(), bytes, fields[3].parse().unwrap(), fields[4].parse().unwrap())
    });
    programs.collect()
}

fn setup(engine: &Engine, bytes: &[u8]) -> (Store<()>, TypedFunc<i32, i64>) {
    let module = Module::new(engine, bytes).unwrap();
    let mut store = Store::new(engine, ());
    if store.get_fuel().is_ok() {
        store.set_fuel(u64::MAX).unwrap();
    }
    store.set_epoch_deadline(1);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func(&store, "run").unwrap();
    (store, run)
}

fn run<F: Future>(future: F) -> (F::Output, u64) {
    let mut context = Context::from_waker(Waker::noop());
    let (mut future, mut pending) = (pin!(future), 0);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return (output, pending),
            Poll::Pending => pending += 1,
        }
    }
}

#[test]
fn at_intervals_of_fuel() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    for (name, bytes, size, checksum) in programs() {
        for interval in [1, 1000] {
            let (mut store, func) = setup(&engine, &bytes);
            store.fuel_async_yield_interval(Some(interval)).unwrap();
            let (result, yields) = run(func.call_async(&mut store, size));
            assert_eq!(result.unwrap(), checksum, "{name}, every {interval} units");
            assert!(yields > 0, "{name} did not yield");
        }
    }
}

#[test]
fn at_every_check_of_the_epoch() {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    for (name, bytes, size, checksum) in programs() {
        let (mut store, func) = setup(&engine, &bytes);
        store.epoch_deadline_async_yield_and_update(0);
        store.set_epoch_deadline(0);
        let (result, yields) = run(func.call_async(&mut store, size));
        assert_eq!(result.unwrap(), checksum, "{name}");
        assert!(yields > 0, "{name} did not yield");
    }
}

#[test]
fn as_often_as_fuel_can_run_out() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    for (name, bytes, size, checksum) in programs() {
        let (mut store, func) = setup(&engine, &bytes);
        store.set_fuel(0).unwrap();
        let mut call = func.call_resumable(&mut store, size).unwrap();
        let result = loop {
            call = match call {
                TypedResumableCall::Finished(result) => break result,
                TypedResumableCall::HostTrap(stopped) => panic!("{}", stopped.host_error()),
                TypedResumableCall::OutOfFuel(stopped) => {
                    store.set_fuel(stopped.required_fuel()).unwrap();
                    stopped.resume(&mut store).unwrap()
                }
            };
        };
        assert_eq!(result, checksum, "{name}");
    }
}
