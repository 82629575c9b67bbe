//! Calls that stop where a host function fails, or where there is no fuel left: they go on later as
//! if nothing had happened, and the store can be used in between.

mod frames;
mod fuel;
mod others;

use lineal::{
    Caller, Config, Engine, Error, Instance, Linker, Module, Result, ResumableCall, Store,
    TypedResumableCall, TypedResumableCallHostTrap, Val,
};

/// The error of the host function below.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked(i32);

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "asked {}", self.0)
    }
}

impl std::error::Error for Asked {}

/// A linker with `host.ask`, which fails with [`Asked`], and `host.add`, which does not fail.
pub(crate) fn linker<T: 'static>(engine: &Engine) -> Linker<T> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("host", "ask", |number: i32| -> Result<i32> { Err(Error::new(Asked(number))) })
        .unwrap();
    linker
        .func_wrap("host", "add", |mut caller: Caller<'_, T>, a: i32, b: i32| {
            let _ = caller.get_export("memory");
            a + b
        })
        .unwrap();
    linker
}

pub(crate) const IMPORTS: &str = r#"
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (import "host" "add" (func $add (param i32 i32) (result i32)))"#;

pub(crate) fn instance_with(config: &Config, body: &str) -> (Store<()>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, format!("(module {IMPORTS} {body})")).unwrap();
    let mut store = Store::new(&engine, ());
    if config_has_fuel(&mut store) {
        store.set_fuel(1_000_000).unwrap();
    }
    let instance = linker(&engine).instantiate(&mut store, &module).unwrap();
    (store, instance)
}

fn config_has_fuel(store: &mut Store<()>) -> bool {
    store.get_fuel().is_ok()
}

pub(crate) fn instance(body: &str) -> (Store<()>, Instance) {
    instance_with(&Config::new(), body)
}

/// What the call stopped with.
pub(crate) fn asked<R>(
    call: Result<TypedResumableCall<R>>,
) -> (i32, TypedResumableCallHostTrap<R>) {
    match call.unwrap() {
        TypedResumableCall::HostTrap(stopped) => {
            (stopped.host_error().downcast_ref::<Asked>().unwrap().0, stopped)
        }
        TypedResumableCall::Finished(_) => panic!("it has finished"),
        TypedResumableCall::OutOfFuel(_) => panic!("there is no fuel"),
    }
}

pub(crate) fn finished<R>(call: Result<TypedResumableCall<R>>) -> R {
    match call.unwrap() {
        TypedResumableCall::Finished(results) => results,
        TypedResumableCall::HostTrap(stopped) => panic!("it stopped: {}", stopped.host_error()),
        TypedResumableCall::OutOfFuel(_) => panic!("there is no fuel"),
    }
}

#[test]
fn it_continues_with_what_the_host_gives() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (param i32) (result i32)
            (i32.sub
                (i32.mul (local.get 0) (call $ask (i32.const 7)))
                (call $ask (call $add (local.get 0) (i32.const 1)))))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let (number, stopped) = asked(run.call_resumable(&mut store, 10));
    assert_eq!(number, 7);
    let (number, stopped) = asked(stopped.resume(&mut store, &[Val::I32(100)]));
    assert_eq!(number, 11);
    assert_eq!(finished(stopped.resume(&mut store, &[Val::I32(58)])), 942);
    // An ordinary call fails where this one stopped.
    let error = run.call(&mut store, 10).unwrap_err();
    assert_eq!(error.downcast_ref::<Asked>(), Some(&Asked(7)));
}

#[test]
fn values_in_slices_are_checked() {
    let (mut store, instance) = instance(
        r#"(func (export "run") (param i32 i64) (result i64 i32)
            (local.get 1) (call $ask (local.get 0)))"#,
    );
    let run = instance.get_func(&store, "run").unwrap();
    let params = [Val::I32(5), Val::I64(6)];
    let mut results = [Val::I32(0), Val::I32(0)];
    let begin = |store: &mut Store<()>, results: &mut [Val]| match run
        .call_resumable(store, &params, results)
        .unwrap()
    {
        ResumableCall::HostTrap(stopped) => stopped,
        other => panic!("{other:?}"),
    };
    let stopped = begin(&mut store, &mut results);
    assert_eq!(stopped.host_func().ty(&store).results().len(), 1);
    assert_eq!(stopped.host_error().to_string(), "asked 5");
    let call = stopped.resume(&mut store, &[Val::I32(9)], &mut results).unwrap();
    assert!(matches!(call, ResumableCall::Finished));
    assert_eq!((results[0].unwrap_i64(), results[1].unwrap_i32()), (6, 9));

    // What does not fit gives the call up, and harms nothing.
    for inputs in [&[][..], &[Val::I64(1)], &[Val::I32(1), Val::I32(2)]] {
        let stopped = begin(&mut store, &mut results);
        assert!(stopped.resume(&mut store, inputs, &mut results).is_err());
    }
    let stopped = begin(&mut store, &mut results);
    assert!(stopped.resume(&mut store, &[Val::I32(1)], &mut results[..1]).is_err());
    assert!(run.call_resumable(&mut store, &params[..1], &mut results).is_err());
    assert!(run.call_resumable(&mut store, &params, &mut []).is_err());
    let stopped = begin(&mut store, &mut results);
    assert_eq!(stopped.into_host_error().downcast::<Asked>().unwrap(), Asked(5));
}

#[test]
fn a_host_function_called_by_the_host_is_not_resumed() {
    let (mut store, _) = instance("");
    let ask = linker(&store.engine().clone()).get(&mut store, "host", "ask").unwrap();
    let ask = ask.into_func().unwrap().typed::<i32, i32>(&store).unwrap();
    let error = ask.call_resumable(&mut store, 3).unwrap_err();
    assert_eq!(error.downcast_ref::<Asked>(), Some(&Asked(3)));
}

#[test]
#[should_panic(expected = "wrong store")]
fn another_store_is_refused() {
    let (mut store, instance) =
        instance(r#"(func (export "run") (result i32) (call $ask (i32.const 7)))"#);
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    let (_, stopped) = asked(run.call_resumable(&mut store, ()));
    let (mut other, _) = crate::instance("");
    let _ = stopped.resume(&mut other, &[Val::I32(1)]);
}
