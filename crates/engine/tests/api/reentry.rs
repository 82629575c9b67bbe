//! Host functions that call the guest again.

use crate::trap;
use lineal::{Caller, Engine, Func, Linker, Module, Result, Store, Trap};

/// The guest counts down in calls to the host, which calls the guest again.
const PING_PONG: &str = r#"(module
    (import "host" "ping" (func $ping (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "pong") (param $n i32) (result i32)
        (local $before i32)
        (local.set $before (i32.load (i32.const 0)))
        (i32.store (i32.const 0) (i32.add (local.get $before) (i32.const 1)))
        (if (result i32) (local.get $n)
            (then
                (i32.add
                    (i32.mul (local.get $n) (i32.const 10)) ;; kept across the call
                    (call $ping (i32.sub (local.get $n) (i32.const 1)))))
            (else (i32.load (i32.const 0))))))"#;

fn ping(mut caller: Caller<'_, u32>, n: i32) -> Result<i32> {
    *caller.data_mut() += 1;
    let pong = caller.get_export("pong").unwrap().into_func().unwrap();
    pong.typed::<i32, i32>(&caller)?.call(&mut caller, n)
}

fn ping_pong() -> (Store<u32>, lineal::TypedFunc<i32, i32>) {
    let engine = Engine::default();
    let mut linker = Linker::<u32>::new(&engine);
    linker.func_wrap("host", "ping", ping).unwrap();
    let module = Module::new(&engine, PING_PONG).unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let pong = instance.get_typed_func(&store, "pong").unwrap();
    (store, pong)
}

#[test]
fn guest_and_host_call_each_other() {
    let (mut store, pong) = ping_pong();
    assert_eq!(pong.call(&mut store, 0).unwrap(), 1);
    assert_eq!(pong.call(&mut store, 4).unwrap(), 40 + 30 + 20 + 10 + 6);
    assert_eq!(*store.data(), 4);
}

#[test]
fn endless_mutual_recursion_overflows_the_stack() {
    let (mut store, pong) = ping_pong();
    let error = pong.call(&mut store, 1_000_000).unwrap_err();
    assert_eq!(trap(&error), Trap::StackOverflow);
    // The store works as before.
    *store.data_mut() = 0;
    pong.call(&mut store, 3).unwrap();
    assert_eq!(*store.data(), 3);
}

#[test]
fn a_nested_trap_can_be_caught_by_the_host() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "try", |mut caller: Caller<'_, ()>, func: Option<Func>| {
            match func.unwrap().call(&mut caller, &[], &mut []) {
                Ok(()) => 0,
                Err(error) => trap(&error) as i32,
            }
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "try" (func $try (param funcref) (result i32)))
            (elem declare func $bad $good)
            (global $g (mut i32) (i32.const 0))
            (func $deep (param i32)
                (if (local.get 0)
                    (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
                    (else unreachable)))
            (func $bad (global.set $g (i32.const 100)) (call $deep (i32.const 50)))
            (func $good (global.set $g (i32.add (global.get $g) (i32.const 1))))
            (func (export "run") (param $x i64) (result i64)
                (local $traps i32)
                (local.set $traps (call $try (ref.func $bad)))
                (local.set $traps
                    (i32.add (local.get $traps) (call $try (ref.func $good))))
                (i64.add (local.get $x)
                    (i64.extend_i32_u (i32.add (local.get $traps) (global.get $g))))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i64, i64>(&store, "run").unwrap();
    let expected = 1000 + Trap::UnreachableCodeReached as i64 + 101;
    assert_eq!(run.call(&mut store, 1000).unwrap(), expected);
}

#[test]
fn a_nested_guest_sees_its_own_instance() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let cell = |value: u32| {
        let wat = format!(
            r#"(module
                (import "host" "other" (func $other (result i32)))
                (memory 1) (data (i32.const 0) "\0{value}")
                (global $g (mut i32) (i32.const {value}))
                (func (export "own") (result i32)
                    (i32.add (global.get $g) (i32.load8_u (i32.const 0))))
                (func (export "both") (result i32)
                    (i32.add
                        (i32.mul (call $other) (i32.const 100))
                        (i32.add (global.get $g) (i32.load8_u (i32.const 0))))))"#
        );
        Module::new(&engine, wat).unwrap()
    };
    let mut store = Store::new(&engine, ());
    let unused = Func::wrap(&mut store, || 0);
    let two = lineal::Instance::new(&mut store, &cell(2), &[unused.into()]).unwrap();
    let own = two.get_typed_func::<(), i32>(&store, "own").unwrap();
    linker
        .func_wrap("host", "other", move |mut caller: Caller<'_, ()>| own.call(&mut caller, ()))
        .unwrap();
    let one = linker.instantiate(&mut store, &cell(1)).unwrap();
    let both = one.get_typed_func::<(), i32>(&store, "both").unwrap();
    assert_eq!(both.call(&mut store, ()).unwrap(), 402);
}

#[test]
fn host_functions_can_instantiate() {
    let engine = Engine::default();
    let inner = Module::new(
        &engine,
        r#"(module (memory (export "m") 1) (data (i32.const 0) "\2a")
            (func (export "get") (result i32) (i32.load (i32.const 0))))"#,
    )
    .unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "spawn", move |mut caller: Caller<'_, ()>| -> Result<i32> {
            let instance = lineal::Instance::new(&mut caller, &inner, &[])?;
            instance.get_typed_func::<(), i32>(&caller, "get")?.call(&mut caller, ())
        })
        .unwrap();
    let outer = Module::new(
        &engine,
        r#"(module (import "host" "spawn" (func $spawn (result i32)))
            (memory 1) (data (i32.const 0) "\01")
            (func (export "run") (result i32)
                (i32.add (call $spawn) (i32.load (i32.const 0)))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &outer).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 43);
}
