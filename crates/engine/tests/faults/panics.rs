//! A panic of host code passes through the guest to whoever called it, and leaves the store as a
//! trap would: what was done remains done, and everything can be used.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;

use lineal::{
    Caller, Config, Engine, ExternRef, Instance, Linker, Module, OwnedRooted, RootScope, Rooted,
    Store, Trap,
};

use crate::{call, trap};

/// The payload that a closure panics with, which is a number.
#[track_caller]
fn payload(run: impl FnOnce()) -> i32 {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
    *payload.downcast_ref().expect("a number")
}

/// Host functions that panic, call back, or do both, by what the guest says.
const NESTED: &str = r#"(module
    (import "host" "again" (func $again (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global (export "depth") (mut i32) (i32.const 0))
    (func $run (export "run") (param i32 i32) (result i32)
        (global.set 0 (i32.add (global.get 0) (i32.const 1)))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (i32.add (i32.const 1) (call $again (local.get 0) (local.get 1))))
    (func (export "sum") (param i32) (result i32) (local i32)
        (loop (result i32)
            (local.set 1 (i32.add (local.get 1) (local.get 0)))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if 0 (local.get 0))
            (local.get 1))))"#;

/// Calls the guest until `depth` is 0, then panics with `code`, if that is not 0. The panic is
/// caught by the host where the depth is `code / 1000`, if it is.
fn again(mut caller: Caller<'_, Vec<i32>>, depth: i32, code: i32) -> lineal::Result<i32> {
    // Something of the host's that is to be dropped.
    let _guard = Guard(Arc::clone(&DROPPED));
    if depth == 0 {
        if code != 0 {
            panic_any(code);
        }
        return Ok(0);
    }
    let run = caller.get_export("run").unwrap().into_func().unwrap();
    let run = run.typed::<(i32, i32), i32>(&caller).unwrap();
    let mut next = || run.call(&mut caller, (depth - 1, code));
    if depth != code / 1000 {
        return next();
    }
    let caught = payload(|| drop(next()));
    caller.data_mut().push(caught);
    // The guest can be called from here as if nothing had been.
    let sum = caller.get_export("sum").unwrap().into_func().unwrap();
    sum.typed::<i32, i32>(&caller).unwrap().call(&mut caller, 4)
}

static DROPPED: std::sync::LazyLock<Arc<()>> = std::sync::LazyLock::new(Arc::default);

struct Guard(#[expect(dead_code, reason = "it is counted")] Arc<()>);

fn nested(config: &Config) -> (Store<Vec<i32>>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, NESTED).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "again", again).unwrap();
    let mut store = Store::new(&engine, Vec::new());
    store.set_epoch_deadline(10);
    if config_counts_fuel(&store) {
        store.set_fuel(1_000_000).unwrap();
    }
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

fn config_counts_fuel(store: &Store<Vec<i32>>) -> bool {
    store.get_fuel().is_ok()
}

#[test]
fn a_panic_passes_through_guests_and_hosts_in_turn() {
    let (mut store, instance) = nested(&Config::new());
    let run = instance.get_typed_func::<(i32, i32), i32>(&store, "run").unwrap();
    // So often that a stack that is not given back would be used up.
    for _ in 0..200 {
        assert_eq!(payload(|| drop(run.call(&mut store, (20, 7)))), 7);
        assert_eq!(run.call(&mut store, (20, 0)).unwrap(), 21);
    }
    assert_eq!(Arc::strong_count(&DROPPED), 1);
    // What the guest did before remains.
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.load::<u32>(&store, 0).unwrap(), 200 * 2 * 21);
    let depth = instance.get_global(&store, "depth").unwrap();
    assert_eq!(depth.get(&mut store).unwrap_i32(), 200 * 2 * 21);
}

#[test]
fn a_host_function_can_catch_the_panic_of_another() {
    let (mut store, instance) = nested(&Config::new());
    // Where the depth is 5, the host catches it and returns the sum of 1 to 4.
    let result = call::<_, _, i32>(&mut store, instance, "run", (8, 5_000)).unwrap();
    assert_eq!((result, &store.data()[..]), (4 + 10, &[5_000][..]));
}

#[test]
fn depth_fuel_and_deadline_are_what_they_were() {
    let (mut store, instance) =
        nested(Config::new().consume_fuel(true).epoch_interruption(true).max_wasm_stack(128 << 10));
    let run = instance.get_typed_func::<(i32, i32), i32>(&store, "run").unwrap();
    // How deep guest and host can call each other.
    let depth = |store: &mut Store<Vec<i32>>| {
        (1..).find(|&depth| run.call(&mut *store, (depth, 0)).is_err()).unwrap()
    };
    let before = depth(&mut store);
    store.set_fuel(1_000).unwrap();
    assert_eq!(payload(|| drop(run.call(&mut store, (2, 9)))), 9);
    // Fuel that was consumed is gone, and no more than that.
    let per_call = (1_000 - store.get_fuel().unwrap()) / 3;
    assert!((5..100).contains(&per_call), "{per_call} units");
    let left = store.get_fuel().unwrap();
    assert_eq!(run.call(&mut store, (0, 0)).unwrap(), 1);
    assert!(left - store.get_fuel().unwrap() >= per_call);
    store.set_fuel(1_000_000).unwrap();
    assert_eq!(depth(&mut store), before);
    // The deadline is where it was.
    (0..10).for_each(|_| store.engine().increment_epoch());
    assert_eq!(trap(run.call(&mut store, (0, 0))), Trap::Interrupt);
}

#[test]
fn a_panic_in_a_start_function_passes_through_the_instantiation() {
    let engine = Engine::default();
    let mut linker = Linker::<bool>::new(&engine);
    linker
        .func_wrap("host", "f", |caller: Caller<'_, bool>| {
            if *caller.data() {
                panic_any(3);
            }
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "f" (func $f)) (import "host" "memory" (memory 1))
            (global $g (mut i32) (i32.const 1))
            (func $start (i32.store (i32.const 4) (i32.const 5)) (call $f)
                (i32.store (i32.const 4) (i32.const 6)))
            (start $start))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, true);
    let memory = lineal::MemoryType::new(1, None);
    let memory = lineal::Memory::new(&mut store, memory).unwrap();
    linker.define(&store, "host", "memory", memory).unwrap();
    assert_eq!(payload(|| drop(linker.instantiate(&mut store, &module))), 3);
    assert_eq!(memory.load::<u32>(&store, 4).unwrap(), 5);
    *store.data_mut() = false;
    linker.instantiate(&mut store, &module).unwrap();
    assert_eq!(memory.load::<u32>(&store, 4).unwrap(), 6);
}

#[test]
fn references_live_as_long_as_their_scopes_after_a_panic() {
    let engine = Engine::default();
    let token = Arc::new(());
    let mut linker = Linker::<(Arc<()>, Vec<OwnedRooted<ExternRef>>)>::new(&engine);
    linker
        .func_wrap(
            "host",
            "f",
            |mut caller: Caller<'_, (Arc<()>, Vec<OwnedRooted<ExternRef>>)>,
             given: Option<Rooted<ExternRef>>|
             -> () {
                let given = given.expect("not null");
                let token = caller.data().0.clone();
                // One in the function's scope, one in a scope inside it, one that is kept.
                ExternRef::new(&mut caller, token.clone()).unwrap();
                let mut scope = RootScope::new(&mut caller);
                let kept = ExternRef::new(&mut scope, token).unwrap();
                let kept = kept.to_owned_rooted(&mut scope).unwrap();
                lineal::AsContextMut::as_context_mut(&mut scope).data_mut().1.push(kept);
                assert!(given.data(&scope).unwrap().is_some());
                panic_any(4);
            },
        )
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "f" (func $f (param externref)))
            (func (export "run") (param externref) (call $f (local.get 0))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, (token.clone(), Vec::new()));
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<Option<Rooted<ExternRef>>, ()>(&store, "run").unwrap();
    for round in 1..=3 {
        let mut scope = RootScope::new(&mut store);
        let given = ExternRef::new(&mut scope, token.clone()).unwrap();
        assert_eq!(payload(|| drop(run.call(&mut scope, Some(given)))), 4);
        assert!(given.data(&scope).unwrap().is_some());
        drop(scope);
        store.gc(None).unwrap();
        // This one, the store's own, and those that the host keeps.
        assert_eq!(Arc::strong_count(&token), 2 + round);
    }
    let kept = store.data().1[0].clone().to_rooted(&mut store);
    assert!(kept.data(&store).unwrap().is_some());
    drop(store);
    assert_eq!(Arc::strong_count(&token), 1);
}

/// A host value that panics when it is dropped, if it is told to.
struct Bomb(Option<i32>, #[expect(dead_code, reason = "it is counted")] Arc<()>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(code) = self.0.take() {
            panic_any(code);
        }
    }
}

#[test]
fn a_value_that_panics_while_it_is_collected_spoils_nothing() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (type $node (struct (field (ref null $node)) (field externref)))
            (type $bytes (array i8))
            (global $list (mut (ref null $node)) (ref.null $node))
            (func (export "keep") (param externref)
                (global.set $list (struct.new $node (global.get $list) (local.get 0))))
            (func (export "waste") (param i32)
                (loop
                    (drop (array.new_default $bytes (i32.const 10000)))
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "len") (result i32) (local $at (ref null $node)) (local $len i32)
                (local.set $at (global.get $list))
                (block (loop
                    (br_if 1 (ref.is_null (local.get $at)))
                    (drop (ref.as_non_null (struct.get $node 1 (local.get $at))))
                    (local.set $at (struct.get $node 0 (local.get $at)))
                    (local.set $len (i32.add (local.get $len) (i32.const 1)))
                    (br 0)))
                (local.get $len)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let token = Arc::new(());
    let fill = |store: &mut Store<()>, kept: usize| {
        for index in 0..kept {
            let mut scope = RootScope::new(&mut *store);
            ExternRef::new(&mut scope, Bomb((index == 2).then_some(6), token.clone())).unwrap();
            let kept = ExternRef::new(&mut scope, Bomb(None, token.clone())).unwrap();
            let keep =
                instance.get_typed_func::<Option<Rooted<ExternRef>>, ()>(&scope, "keep").unwrap();
            keep.call(&mut scope, Some(kept)).unwrap();
        }
    };
    // Collected for the host.
    fill(&mut store, 10);
    assert_eq!(payload(|| store.gc(None).unwrap()), 6);
    assert_eq!(Arc::strong_count(&token), 11);
    // Collected for the guest.
    fill(&mut store, 10);
    assert_eq!(payload(|| drop(call::<_, i32, ()>(&mut store, instance, "waste", 1_000))), 6);
    call::<_, i32, ()>(&mut store, instance, "waste", 1_000).unwrap();
    store.gc(None).unwrap();
    assert_eq!(Arc::strong_count(&token), 21);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "len", ()).unwrap(), 20);
    drop(store);
    assert_eq!(Arc::strong_count(&token), 1);
}
