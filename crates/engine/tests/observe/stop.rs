//! Observers stop guests, and panic; the store can be used as before.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lineal::{
    Access, Accesses, Call, Config, Engine, Error, GlobalSet, Growth, Instance, Module, Moment,
    Observe, Observer, Result, Store, WasmBacktrace,
};

/// Stops the guest, or panics, when the n-th thing is reported.
struct Stopper {
    left: u32,
    panics: bool,
}

impl Stopper {
    fn count(&mut self) -> Result<()> {
        if self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        assert!(!self.panics, "an observer's panic");
        Err(Error::msg("that is enough"))
    }
}

impl Observer for Stopper {
    fn access(&mut self, _: &mut Moment<'_>, _: &Access<'_>) -> Result<()> {
        self.count()
    }
    fn grew(&mut self, _: &mut Moment<'_>, _: &Growth) -> Result<()> {
        self.count()
    }
    fn entered(&mut self, _: &mut Moment<'_>, _: &mut Call<'_>) -> Result<()> {
        self.count()
    }
    fn returned(&mut self, _: &mut Moment<'_>, _: &mut Call<'_>) -> Result<()> {
        self.count()
    }
    fn global_set(&mut self, _: &mut Moment<'_>, _: &GlobalSet) -> Result<()> {
        self.count()
    }
}

const PROGRAM: &str = r#"(module
    (memory (export "memory") 1)
    (memory $m64 i64 1)
    (memory $shared 1 1 shared)
    (global $g (mut i32) (i32.const 0))
    (func $inner (param i32) (result i32)
        (i32.store8 (local.get 0) (i32.load16_u offset=2 (local.get 0)))
        (i64.store $m64 (i64.const 8) (i64.load $m64 (i64.const 0)))
        (v128.store (i32.const 64) (v128.load (i32.const 0)))
        (drop (i32.atomic.rmw.add $shared (i32.const 4) (i32.const 1)))
        (memory.fill (i32.const 100) (i32.const 1) (i32.const 10))
        (memory.copy (i32.const 200) (i32.const 100) (i32.const 10))
        (global.set $g (i32.const 1))
        (memory.grow $m64 (i64.const 1)) (drop)
        (i32.load (i32.const 0)))
    (func (export "run") (result i32) (call $inner (i32.const 8)))
    (func (export "fine") (result i32) (i32.const 42)))"#;

fn outcomes(batched: bool, panics: bool) {
    let observe = Observe::new()
        .accesses(Accesses::All)
        .batched(batched)
        .writers(true)
        .functions(|function| function.name() == Some("inner"))
        .globals(|_| true);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(&engine, PROGRAM).unwrap();
    let mut stopped = 0;
    for left in 0.. {
        let mut store = Store::new(&engine, Stopper { left, panics });
        store.observer(|stopper| stopper);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, ())));
        match outcome {
            Ok(Ok(_)) => break,
            Ok(Err(error)) => {
                assert!(!panics);
                assert_eq!(error.root_cause().to_string(), "that is enough");
                let backtrace = error.downcast_ref::<WasmBacktrace>();
                if !batched {
                    assert_eq!(backtrace.unwrap().frames()[0].func_name(), Some("inner"));
                    assert_eq!(backtrace.unwrap().frames().len(), 2, "{error:?}");
                }
            }
            Err(_) => assert!(panics),
        }
        stopped += 1;
        // The store can be used as before.
        store.data_mut().left = u32::MAX;
        let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").unwrap();
        assert_eq!(fine.call(&mut store, ()).unwrap(), 42);
        run.call(&mut store, ()).unwrap();
    }
    assert_eq!(stopped, 15);
}

#[test]
fn an_error_stops_the_guest_at_any_report() {
    outcomes(false, false);
    outcomes(true, false);
}

#[test]
fn a_panic_passes_through_the_guest_at_any_report() {
    outcomes(false, true);
    outcomes(true, true);
}

#[test]
fn an_error_while_the_host_writes_stops_the_next_guest() {
    let observe = Observe::new().accesses(Accesses::All);
    let engine = Engine::new(Config::new().observe(observe)).unwrap();
    let module = Module::new(&engine, PROGRAM).unwrap();
    let mut store = Store::new(&engine, Stopper { left: 0, panics: false });
    store.observer(|stopper| stopper);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.write(&mut store, 0, &[1]).unwrap();
    let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").unwrap();
    assert_eq!(fine.call(&mut store, ()).unwrap_err().to_string(), "that is enough");
    assert_eq!(fine.call(&mut store, ()).unwrap(), 42);
}
