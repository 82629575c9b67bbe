//! What observers are told of calls that wait is what they are told of others.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lineal::{
    Access, Accesses, Call, Config, Ending, Engine, Error, Instance, Linker, Module, Moment,
    Observe, Observer, Result, Store, TypedResumableCall, Val,
};

#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn access(&mut self, moment: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        let at = moment.origin(access.site()).to_string();
        self.0.push(format!("{:?} at {} by {at}", access.kind(), access.addr()));
        Ok(())
    }

    fn entered(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let function = moment.origin(call.function).to_string();
        self.0.push(format!("{function}({:?}) at {}", call.values, call.height));
        Ok(())
    }

    fn returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        self.0.push(format!("{} = {:?}", moment.origin(call.function), call.values));
        Ok(())
    }

    fn host_called(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        let (function, caller) = (moment.origin(call.function), moment.origin(call.site));
        let depth = moment.backtrace().frames().len();
        self.0.push(format!("{function}({:?}) from {caller} at depth {depth}", call.values));
        Ok(())
    }

    fn host_returned(&mut self, moment: &mut Moment<'_>, call: &mut Call<'_>) -> Result<()> {
        self.0.push(format!("{} = {:?}", moment.origin(call.function), call.values));
        Ok(())
    }

    fn ended(&mut self, moment: &mut Moment<'_>, ending: Ending) -> Result<()> {
        let depth = moment.backtrace().frames().len();
        self.0.push(format!("{ending:?} at depth {depth}"));
        Ok(())
    }
}

const PROGRAM: &str = r#"(module
    (import "host" "put" (func $put (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $inner (param i32) (result i32) (local i32)
        (loop $next
            (i32.store (i32.const 8) (call $put (local.get 0)))
            (br_if $next (i32.lt_u
                (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 3))))
        (i32.load (i32.const 4)))
    (func $outer (export "run") (param i32) (result i32)
        (i32.add (call $inner (local.get 0)) (i32.const 1))))"#;

fn config() -> Config {
    let mut config = Config::new();
    config.observe(Observe::new().accesses(Accesses::All).functions(|_| true).host_calls(true));
    config.consume_fuel(true);
    config
}

fn store(engine: &Engine, linker: &Linker<Log>) -> (Store<Log>, Instance) {
    let module = Module::new(engine, PROGRAM).unwrap();
    let mut store = Store::new(engine, Log::default());
    store.set_fuel(1_000_000).unwrap();
    store.observer(|log| log);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// What is told of a call that does not wait.
fn expected() -> Vec<String> {
    let engine = Engine::new(&config()).unwrap();
    let mut linker = Linker::<Log>::new(&engine);
    linker
        .func_wrap("host", "put", |mut caller: lineal::Caller<'_, Log>, x: i32| -> Result<i32> {
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            memory.store(&mut caller, 4, x * 2)?;
            Ok(x + 5)
        })
        .unwrap();
    let (mut store, instance) = store(&engine, &linker);
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, 3).unwrap(), 7);
    store.into_data().0
}

async fn wait() {
    let mut first = true;
    std::future::poll_fn(|_| match std::mem::take(&mut first) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

fn waiting() -> (Store<Log>, Instance) {
    let engine = Engine::new(&config()).unwrap();
    let mut linker = Linker::<Log>::new(&engine);
    linker
        .func_wrap_async("host", "put", |mut caller, (x,): (i32,)| {
            Box::new(async move {
                wait().await;
                let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
                memory.store(&mut caller, 4, x * 2)?;
                wait().await;
                Result::Ok(x + 5)
            })
        })
        .unwrap();
    store(&engine, &linker)
}

#[test]
fn asynchronous_calls() {
    let expected = expected();
    assert!(expected.len() > 12, "{expected:#?}");
    for interval in [None, Some(1)] {
        let (mut store, instance) = waiting();
        store.fuel_async_yield_interval(interval).unwrap();
        let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
        let mut pending = 0;
        {
            let mut future = pin!(run.call_async(&mut store, 3));
            let mut context = Context::from_waker(Waker::noop());
            while future.as_mut().poll(&mut context).is_pending() {
                pending += 1;
            }
        }
        assert!(pending >= 6);
        assert_eq!(store.into_data().0, expected);
    }
}

#[test]
fn a_dropped_call_has_ended() {
    let expected = expected();
    for times in 1..6 {
        let (mut store, instance) = waiting();
        let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
        {
            let mut future = pin!(run.call_async(&mut store, 3));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..times {
                assert!(future.as_mut().poll(&mut context).is_pending());
            }
        }
        let lines = store.into_data().0;
        let (last, before) = lines.split_last().unwrap();
        assert_eq!(last, "Failed at depth 2");
        assert_eq!(before, &expected[..before.len()]);
    }
}

#[test]
fn resumable_calls() {
    let engine = Engine::new(&config()).unwrap();
    let mut linker = Linker::<Log>::new(&engine);
    linker.func_wrap("host", "put", |_: i32| -> Result<i32> { Err(Error::msg("later")) }).unwrap();
    let (mut store, instance) = store(&engine, &linker);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let mut call = run.call_resumable(&mut store, 3).unwrap();
    let result = loop {
        call = match call {
            TypedResumableCall::Finished(result) => break result,
            TypedResumableCall::HostTrap(stopped) => {
                memory.store(&mut store, 4, 6).unwrap();
                stopped.resume(&mut store, &[Val::I32(8)]).unwrap()
            }
            TypedResumableCall::OutOfFuel(_) => panic!("there is no fuel"),
        };
    };
    assert_eq!(result, 7);
    // Host functions that fail do not return; what the host writes meanwhile is not theirs.
    let lines = |lines: Vec<String>| -> Vec<String> {
        let guest = |line: &String| !line.contains("put =") && !line.contains("at 4 by");
        lines.into_iter().filter(guest).collect()
    };
    let (seen, expected) = (lines(store.into_data().0), lines(expected()));
    assert_eq!(seen.iter().filter(|line| line.starts_with("Write at 8")).count(), 3, "{seen:#?}");
    let strip = |line: &String| line.replace("env.", "");
    assert!(seen.iter().map(strip).eq(expected.iter().map(strip)), "{seen:#?}\n{expected:#?}");
}
