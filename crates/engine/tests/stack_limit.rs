//! The guest's stack has a limit of its own, and reaching it is a trap, whatever the host's
//! stack is like.

use lineal::{Caller, Config, Engine, Func, Instance, Linker, Module, Store, Trap};

const RECURSION: &str = r#"(module
    (func $down (export "down") (param i64) (result i64)
        (if (result i64) (i64.eqz (local.get 0))
            (then (i64.const 0))
            (else (i64.add (i64.const 1)
                (call $down (i64.sub (local.get 0) (i64.const 1))))))))"#;

fn engine(stack_bytes: usize) -> Engine {
    Engine::new(Config::new().max_wasm_stack(stack_bytes)).unwrap()
}

/// The deepest recursion that works.
fn depth(stack_bytes: usize) -> i64 {
    let engine = engine(stack_bytes);
    let module = Module::new(&engine, RECURSION).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let down = instance.get_typed_func::<i64, i64>(&store, "down").unwrap();
    let (mut works, mut fails) = (0, 1 << 40);
    while fails - works > 1 {
        let middle = works + (fails - works) / 2;
        match down.call(&mut store, middle) {
            Ok(result) => {
                assert_eq!(result, middle);
                works = middle;
            }
            Err(error) => {
                assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
                fails = middle;
            }
        }
    }
    works
}

#[test]
fn the_depth_follows_the_limit() {
    let (small, large) = (depth(64 << 10), depth(1 << 20));
    assert!(small > 500, "{small}");
    assert!((large / small - 16).abs() <= 1, "{small}, {large}");
}

#[test]
fn deep_recursion_needs_no_host_stack() {
    let run = || assert!(depth(64 << 20) > 500_000);
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn mutual_recursion_with_the_host_is_bounded() {
    let run = || {
        let engine = engine(1 << 20);
        let mut linker = Linker::<u32>::new(&engine);
        linker
            .func_wrap("host", "again", |mut caller: Caller<'_, u32>| {
                *caller.data_mut() += 1;
                let run = caller.get_export("run").unwrap().into_func().unwrap();
                run.call(&mut caller, &[], &mut [])
            })
            .unwrap();
        let module = Module::new(
            &engine,
            r#"(module (import "host" "again" (func $again))
                (func (export "run") (call $again)))"#,
        )
        .unwrap();
        let mut store = Store::new(&engine, 0);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
        assert!(*store.data() > 50, "{}", store.data());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn host_functions_that_call_themselves_are_bounded() {
    let run = || {
        let engine = engine(1 << 20);
        let mut store = Store::new(&engine, None::<Func>);
        let func = Func::wrap(&mut store, |mut caller: Caller<'_, Option<Func>>| {
            let itself = caller.data().unwrap();
            itself.call(&mut caller, &[], &mut [])
        });
        *store.data_mut() = Some(func);
        let error = func.call(&mut store, &[], &mut []).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_frame_that_cannot_fit_is_a_trap() {
    let engine = engine(64 << 10);
    let locals = " i64".repeat(40_000);
    let wat = format!(r#"(module (func (export "run") (local{locals})))"#);
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}

#[test]
fn a_tiny_stack_is_enough_for_a_call_or_traps() {
    for bytes in [1, 8, 512, 4096] {
        let engine = engine(bytes);
        let module = Module::new(&engine, RECURSION).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let down = instance.get_typed_func::<i64, i64>(&store, "down").unwrap();
        assert_eq!(down.call(&mut store, 1).unwrap(), 1);
        assert!(down.call(&mut store, 100_000).is_err());
    }
}

#[test]
fn arguments_that_do_not_fit_are_a_trap() {
    let engine = engine(1);
    let mut store = Store::new(&engine, ());
    let params = vec![lineal::ValType::I64; 1000];
    let ty = lineal::FuncType::new(params, []);
    let func = Func::new(&mut store, ty, |_, _, _| Ok(()));
    let vals = vec![lineal::Val::I64(0); 1000];
    let error = func.call(&mut store, &vals, &mut []).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}
