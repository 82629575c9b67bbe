//! Calls that stop for want of fuel.

use lineal::{
    BackingKind, Config, Engine, Instance, MemoryOptions, Module, Store, Trap, TypedResumableCall,
};

use super::{finished, instance_with};

fn config() -> Config {
    let mut config = Config::new();
    config.consume_fuel(true);
    config
}

/// Calls `run` with fuel in pieces; the result and how often it stopped.
fn in_pieces(store: &mut Store<()>, instance: &Instance, piece: u64) -> (i64, u32) {
    let run = instance.get_typed_func::<(), i64>(&mut *store, "run").unwrap();
    store.set_fuel(0).unwrap();
    let (mut call, mut stops) = (run.call_resumable(&mut *store, ()).unwrap(), 0);
    loop {
        call = match call {
            TypedResumableCall::Finished(result) => return (result, stops),
            TypedResumableCall::OutOfFuel(stopped) => {
                stops += 1;
                // Less than required does not help.
                let required = stopped.required_fuel();
                assert!(store.get_fuel().unwrap() < required);
                store.set_fuel(required - 1).unwrap();
                let stopped = match stopped.resume(&mut *store).unwrap() {
                    TypedResumableCall::OutOfFuel(stopped) => stopped,
                    other => panic!("it needed less fuel: {other:?}"),
                };
                assert_eq!(stopped.required_fuel(), required);
                store.gc(None).unwrap();
                store.set_fuel(required.max(piece)).unwrap();
                stopped.resume(&mut *store).unwrap()
            }
            TypedResumableCall::HostTrap(stopped) => panic!("{}", stopped.host_error()),
        }
    }
}

/// The result is the same with as little fuel at a time as can be, and with enough of it.
fn check(body: &str) {
    let (mut store, instance) = instance_with(&config(), body);
    let run = instance.get_typed_func::<(), i64>(&store, "run").unwrap();
    store.set_fuel(u64::MAX).unwrap();
    let expected = run.call(&mut store, ()).unwrap();
    for piece in [1, 7, 100] {
        let (mut store, instance) = instance_with(&config(), body);
        let (result, stops) = in_pieces(&mut store, &instance, piece);
        assert_eq!(result, expected, "pieces of {piece}");
        assert!(stops > 2, "{stops} stops");
        // And once more in the same store, in its changed state.
        let run = instance.get_typed_func::<(), i64>(&store, "run").unwrap();
        store.set_fuel(u64::MAX).unwrap();
        run.call(&mut store, ()).unwrap();
    }
}

#[test]
fn all_registers_are_kept() {
    check(
        r#"(func $mix (param i64 f64 f32 i64) (result i64) (local i32 v128)
            (local.set 5 (i64x2.splat (local.get 0)))
            (loop $next
                (local.set 0 (i64.add (i64.mul (local.get 0) (i64.const 31)) (local.get 3)))
                (local.set 1 (f64.add (f64.sqrt (local.get 1)) (f64.const 1.5)))
                (local.set 2 (f32.mul (local.get 2) (f32.const 1.0625)))
                (local.set 5 (i64x2.add (local.get 5) (i64x2.splat (local.get 0))))
                (if (i64.eqz (i64.and (local.get 0) (i64.const 1)))
                    (then (local.set 3 (i64.add (local.get 3) (i64.const 3))))
                    (else (local.set 1 (f64.add (local.get 1) (f64.const 0.25)))))
                (br_if $next (i32.lt_u
                    (local.tee 4 (i32.add (local.get 4) (i32.const 1))) (i32.const 50))))
            (i64.add (local.get 0) (i64.add (i64.reinterpret_f64 (local.get 1))
                (i64.add (i64x2.extract_lane 1 (local.get 5))
                    (i64.extend_i32_u (i32.reinterpret_f32 (local.get 2)))))))
        (func $fib (param i64) (result i64)
            (if (result i64) (i64.lt_u (local.get 0) (i64.const 2))
                (then (local.get 0))
                (else (i64.add
                    (call $fib (i64.sub (local.get 0) (i64.const 1)))
                    (call $fib (i64.sub (local.get 0) (i64.const 2)))))))
        (func (export "run") (result i64)
            (i64.add (call $fib (i64.const 12))
                (call $mix (i64.const 12345) (f64.const 3.5) (f32.const 1.5) (i64.const 7))))"#,
    );
}

#[test]
fn operations_on_ranges_begin_again() {
    check(
        r#"(memory 1)
        (table $t 10 funcref)
        (type $bytes (array (mut i8)))
        (data $d "0123456789abcdef")
        (func (export "run") (result i64) (local $a (ref null $bytes)) (local i64 f64 f32)
            (local.set 1 (i64.const 11))
            (local.set 2 (f64.const 2.5))
            (local.set 3 (f32.const 4.5))
            (memory.fill (i32.const 100) (i32.const 7) (i32.const 3000))
            (memory.copy (i32.const 50) (i32.const 90) (i32.const 1000))
            (memory.copy (i32.const 2000) (i32.const 1500) (i32.const 1000))
            (memory.init $d (i32.const 0) (i32.const 3) (i32.const 10))
            (drop (table.grow $t (ref.null func) (i32.const 500)))
            (table.fill $t (i32.const 3) (ref.null func) (i32.const 400))
            (local.set $a (array.new $bytes (i32.const 9) (i32.const 700)))
            (array.fill $bytes (local.get $a) (i32.const 5) (i32.const 3) (i32.const 600))
            (array.copy $bytes $bytes (local.get $a) (i32.const 1) (local.get $a) (i32.const 2)
                (i32.const 300))
            (i64.add (i64.load (i32.const 60)) (i64.add (i64.load (i32.const 2))
                (i64.add (i64.extend_i32_u (table.size $t))
                    (i64.add (i64.extend_i32_u (array.get_u $bytes (local.get $a) (i32.const 604)))
                        (i64.add (local.get 1) (i64.add (i64.trunc_f64_s (local.get 2))
                            (i64.trunc_f32_s (local.get 3)))))))))"#,
    );
}

#[test]
fn exceptions_are_looked_for_again() {
    check(
        r#"(tag $e (param i64))
        (func $deep (param i64)
            (if (i64.eqz (local.get 0)) (then (throw $e (i64.const 77))))
            (call $deep (i64.sub (local.get 0) (i64.const 1))))
        (func (export "run") (result i64)
            (block $caught (result i64)
                (try_table (catch $e $caught) (call $deep (i64.const 30)))
                (i64.const 0)))"#,
    );
}

#[test]
fn other_calls_do_not_stop() {
    let (mut store, instance) = instance_with(
        &config(),
        r#"(func (export "run") (result i32) (loop (br 0)) (unreachable))"#,
    );
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    store.set_fuel(100).unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    assert_eq!(store.get_fuel().unwrap(), 0);
}

#[test]
fn a_stopped_call_can_be_dropped() {
    let engine = Engine::new(&config()).unwrap();
    let module = Module::new(&engine, r#"(module (func (export "run") (loop (br 0))))"#).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    for _ in 0..100 {
        store.set_fuel(100).unwrap();
        let call = run.call_resumable(&mut store, ()).unwrap();
        assert!(matches!(call, TypedResumableCall::OutOfFuel(_)));
    }
    let ok = Module::new(&engine, r#"(module (func (export "run") (result i32) i32.const 3))"#);
    let instance = Instance::new(&mut store, &ok.unwrap(), &[]).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    store.set_fuel(100).unwrap();
    assert_eq!(finished(run.call_resumable(&mut store, ())), 3);
}

#[test]
fn memory_that_moved_meanwhile_is_seen() {
    let mut config = config();
    config.memory_options(MemoryOptions::new().backing(BackingKind::Heap));
    let (mut store, instance) = instance_with(
        &config,
        r#"(memory (export "memory") 1)
        (func (export "run") (result i64) (local i32)
            (i64.store (i32.const 0) (i64.const 7))
            (local.set 0 (i32.const 100))
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (i64.load (i32.const 0)))"#,
    );
    let run = instance.get_typed_func::<(), i64>(&store, "run").unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    store.set_fuel(50).unwrap();
    let TypedResumableCall::OutOfFuel(stopped) = run.call_resumable(&mut store, ()).unwrap() else {
        panic!("50 units were enough")
    };
    memory.grow(&mut store, 100).unwrap();
    memory.write(&mut store, 0, &9_i64.to_le_bytes()).unwrap();
    store.set_fuel(10_000).unwrap();
    assert_eq!(finished(stopped.resume(&mut store)), 9);
}

#[test]
fn a_reference_in_a_register_is_kept() {
    let mut stops_behind = 0;
    for fuel in 0..40 {
        let (mut store, instance) = instance_with(
            &config(),
            r#"(type $s (struct (field i32)))
            (global $g (mut (ref null $s)) (struct.new $s (i32.const 42)))
            (global $n (mut i32) (i32.const 0))
            (func $pick (param i32) (result (ref null $s))
                (global.get $g)
                (br_if 0 (local.get 0))
                (global.set $n (i32.const 1)))
            (func (export "clear") (param i32) (result i32)
                (global.set $g (ref.null $s)) (i32.const 0))
            (func (export "run") (result i64) (local $r (ref null $s))
                (local.set $r (call $pick (i32.const 0)))
                (if (result i64) (ref.is_null (local.get $r))
                    (then (i64.const -1))
                    (else (i64.extend_i32_u (struct.get $s 0 (local.get $r))))))"#,
        );
        let run = instance.get_typed_func::<(), i64>(&store, "run").unwrap();
        let clear = instance.get_typed_func::<i32, i32>(&store, "clear").unwrap();
        store.set_fuel(fuel).unwrap();
        match run.call_resumable(&mut store, ()).unwrap() {
            TypedResumableCall::OutOfFuel(stopped) => {
                store.set_fuel(1000).unwrap();
                clear.call(&mut store, 0).unwrap();
                store.gc(None).unwrap();
                match finished(stopped.resume(&mut store)) {
                    42 => stops_behind += 1,
                    other => assert_eq!(other, -1, "stopped after {fuel}"),
                }
            }
            TypedResumableCall::Finished(result) => assert_eq!(result, 42),
            TypedResumableCall::HostTrap(stopped) => panic!("{}", stopped.host_error()),
        }
    }
    assert!(stops_behind > 0, "no call stopped with the reference");
}
