//! Fuel: what is charged, and what becomes of a guest that has none.

use lineal::{Caller, Config, Engine, Linker, Module, Store, Trap};

use crate::trap;

/// A store with fuel, and an instance of a module that may call `host::fuel`, which results in
/// the fuel that is left, and `host::refuel`.
fn instantiate(wat: &str, fuel: u64) -> (Store<()>, lineal::Instance) {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let mut linker = Linker::new(&engine);
    let left = |caller: Caller<'_, ()>| caller.get_fuel();
    linker.func_wrap("host", "fuel", left).unwrap();
    let refuel = |mut caller: Caller<'_, ()>, fuel: u64| caller.set_fuel(fuel);
    linker.func_wrap("host", "refuel", refuel).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(fuel).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// Calls `f` with an argument: what it consumes, or the trap.
fn consumed(wat: &str, argument: i32) -> Result<u64, Trap> {
    let (mut store, instance) = instantiate(wat, 1_000_000);
    let f = instance.get_typed_func::<i32, ()>(&store, "f").unwrap();
    match f.call(&mut store, argument) {
        Ok(()) => Ok(1_000_000 - store.get_fuel().unwrap()),
        Err(error) => Err(trap(&error)),
    }
}

#[test]
fn every_instruction_that_does_something_costs_one() {
    let cost = |body: &str| {
        consumed(&format!("(module (func (export \"f\") (param i32) {body}))"), 3).unwrap()
    };
    // The function itself costs one.
    assert_eq!(cost(""), 1);
    assert_eq!(cost("nop (block (nop))"), 1);
    assert_eq!(cost("(drop (i32.const 1))"), 2);
    assert_eq!(cost("(drop (i32.add (local.get 0) (i32.const 1)))"), 4);
    assert_eq!(cost("return"), 1);
    // Only what runs is charged.
    assert_eq!(cost("(br 0) (drop (i32.const 1))"), 2);
    assert_eq!(cost("(if (local.get 0) (then (local.set 0 (i32.const 7))))"), 5);
    assert_eq!(cost("(if (i32.eqz (local.get 0)) (then (local.set 0 (i32.const 7))))"), 4);
    assert_eq!(
        cost("(if (local.get 0) (then (drop (i32.const 7))) (else nop (drop (i64.const 1))))"),
        4
    );
    assert_eq!(cost("(block (br_if 0 (local.get 0)) (local.set 0 (i32.const 7)))"), 3);
    assert_eq!(
        cost("(block (br_if 0 (i32.const 0)) (local.set 0 (i32.const 7))) (drop (i32.const 1))"),
        6
    );
    // Three rounds of four.
    let countdown = "(loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    assert_eq!(cost(countdown), 1 + 3 * 5);
}

#[test]
fn operations_on_ranges_cost_what_they_work_on() {
    let cost = |body: &str| {
        let wat = format!(
            "(module (memory 1) (table $t 20 funcref) (data $d \"hello\") (elem $e func)
                (func (export \"f\") (param i32) {body}))"
        );
        consumed(&wat, 3).unwrap()
    };
    assert_eq!(cost("(memory.fill (i32.const 0) (i32.const 1) (i32.const 1000))"), 5 + 1000);
    assert_eq!(cost("(memory.copy (i32.const 0) (i32.const 1) (local.get 0))"), 5 + 3);
    assert_eq!(cost("(memory.init $d (i32.const 0) (i32.const 1) (i32.const 4))"), 5 + 4);
    assert_eq!(cost("(table.fill $t (i32.const 0) (ref.null func) (i32.const 20))"), 5 + 20);
    assert_eq!(cost("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 9))"), 5 + 9);
    assert_eq!(cost("(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0))"), 5);
    assert_eq!(cost("(drop (table.grow $t (ref.null func) (i32.const 30)))"), 4 + 30);
    assert_eq!(cost("(drop (memory.grow (i32.const 30)))"), 3);
    let arrays = |body: &str| {
        let wat =
            format!("(module (type $a (array (mut i8))) (func (export \"f\") (param i32) {body}))");
        consumed(&wat, 7).unwrap()
    };
    assert_eq!(arrays("(drop (array.new_default $a (i32.const 100)))"), 3 + 100);
    assert_eq!(arrays("(drop (array.new $a (i32.const 1) (local.get 0)))"), 4 + 7);
    // There is not enough for this, so nothing is written.
    let wat = r#"(module (memory 100) (func (export "f") (param i32)
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 2000000))))"#;
    assert_eq!(consumed(wat, 0), Err(Trap::OutOfFuel));
}

#[test]
fn callees_are_charged_too() {
    let wat = r#"(module
        (func $leaf)
        (func (export "f") (param i32) (call $leaf) (call $leaf)))"#;
    assert_eq!(consumed(wat, 0), Ok(1 + 2 + 2));
}

#[test]
fn a_table_of_branches_charges_the_block_that_it_goes_to() {
    let wat = r#"(module (func (export "f") (param i32)
        (block $two (block $one (block $zero
            (br_table $zero $one $two (local.get 0)))
            (drop (i32.const 10)) (drop (i32.const 10)))
            (drop (i32.const 11)))))"#;
    assert_eq!(consumed(wat, 0), Ok(3 + 2 + 1));
    assert_eq!(consumed(wat, 1), Ok(3 + 1));
    assert_eq!(consumed(wat, 2), Ok(3));
}

#[test]
fn fuel_that_is_not_enough_is_a_trap_and_gone() {
    let wat = r#"(module (func (export "f") (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
    for (fuel, enough) in [(0, false), (15, false), (16, true), (17, true)] {
        let (mut store, instance) = instantiate(wat, fuel);
        let f = instance.get_typed_func::<i32, ()>(&store, "f").unwrap();
        match f.call(&mut store, 3) {
            Ok(()) => assert!(enough, "{fuel}"),
            Err(error) => {
                assert!(!enough, "{fuel}");
                assert_eq!(trap(&error), Trap::OutOfFuel);
                assert_eq!(store.get_fuel().unwrap(), 0);
            }
        }
        // The guest goes on with more.
        store.set_fuel(16).unwrap();
        f.call(&mut store, 3).unwrap();
        assert_eq!(store.get_fuel().unwrap(), 0);
    }
}

#[test]
fn recursion_and_tail_calls_run_out() {
    for call in ["call", "return_call"] {
        let wat =
            format!("(module (func $f (export \"f\") (param i32) ({call} $f (local.get 0))))");
        let mut config = Config::new();
        config.consume_fuel(true).max_wasm_stack(64 << 20);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(10_000).unwrap();
        let instance = lineal::Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<i32, ()>(&store, "f").unwrap();
        assert_eq!(trap(&f.call(&mut store, 0).unwrap_err()), Trap::OutOfFuel);
    }
}

#[test]
fn host_functions_see_and_change_the_fuel() {
    let wat = r#"(module
        (import "host" "fuel" (func $fuel (result i64)))
        (import "host" "refuel" (func $refuel (param i64)))
        (func (export "f") (result i64)
            (call $refuel (i64.const 500))
            (call $fuel)))"#;
    let (mut store, instance) = instantiate(wat, 100);
    let f = instance.get_typed_func::<(), u64>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 500);
    assert_eq!(store.get_fuel().unwrap(), 500);
}

#[test]
fn the_start_function_needs_fuel() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let module = Module::new(&engine, "(module (func $start) (start $start))").unwrap();
    let mut store = Store::new(&engine, ());
    let error = lineal::Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(trap(&error), Trap::OutOfFuel);
}

#[test]
fn fuel_needs_the_configuration() {
    let mut store = Store::<()>::default();
    let message = store.set_fuel(1).unwrap_err().to_string();
    assert!(message.contains("fuel is not configured"), "{message}");
    assert!(store.get_fuel().is_err());
}

#[test]
fn a_function_with_fuel_computes_the_same() {
    // Blocks begin in the midst of expressions whose operands are in registers.
    let wat = r#"(module (func (export "f") (param i32 i32) (result i32) (local $x i32)
        (i32.add
            (i32.mul (local.get 0) (local.get 1))
            (block $out (result i32)
                (local.set $x (i32.xor (local.get 1) (i32.const 5)))
                (br_if $out (i32.const 100) (i32.lt_s (local.get 0) (local.get $x)))
                (drop)
                (if (result i32) (i32.and (local.get 0) (i32.const 1))
                    (then (i32.sub (local.get 0) (local.get $x)))
                    (else (loop $again (result i32)
                        (local.set $x (i32.add (local.get $x) (i32.const 3)))
                        (br_if $again (i32.lt_s (local.get $x) (local.get 0)))
                        (local.get $x))))))))"#;
    let run = |config: &mut Config| {
        let engine = Engine::new(config).unwrap();
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let _ = store.set_fuel(1_000_000);
        let instance = lineal::Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<(i32, i32), i32>(&store, "f").unwrap();
        let mut results = Vec::new();
        for a in -9..20 {
            for b in -9..20 {
                results.push(f.call(&mut store, (a, b)).unwrap());
            }
        }
        results
    };
    let plain = run(&mut Config::new());
    assert_eq!(run(Config::new().consume_fuel(true)), plain);
    assert_eq!(run(Config::new().epoch_interruption(true)), plain);
    assert_eq!(run(Config::new().consume_fuel(true).epoch_interruption(true)), plain);
}

/// Runs `f` with an argument and some fuel: its result, or the trap, and the fuel that is left.
fn with_fuel(wat: &str, argument: i32, fuel: u64) -> (Result<i32, Trap>, u64) {
    let (mut store, instance) = instantiate(wat, fuel);
    let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
    let result = f.call(&mut store, argument).map_err(|error| trap(&error));
    (result, store.get_fuel().unwrap())
}

/// What cannot be done is no matter of fuel, however large the number is: the trap of each
/// operation on a range, if the count that it is given is larger than the fuel.
#[test]
fn bounds_are_checked_before_a_count_is_charged() {
    let operations = [
        ("(memory.fill (i32.const 0) (i32.const 1) (local.get 0))", Trap::MemoryOutOfBounds),
        ("(memory.copy (i32.const 0) (i32.const 1) (local.get 0))", Trap::MemoryOutOfBounds),
        ("(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))", Trap::MemoryOutOfBounds),
        ("(table.fill $t (i32.const 0) (ref.null func) (local.get 0))", Trap::TableOutOfBounds),
        ("(table.copy $t $t (i32.const 0) (i32.const 1) (local.get 0))", Trap::TableOutOfBounds),
        ("(table.init $t $e (i32.const 0) (i32.const 0) (local.get 0))", Trap::TableOutOfBounds),
        ("(drop (array.new $a (i32.const 7) (local.get 0)))", Trap::GcHeapOutOfMemory),
        ("(drop (array.new_default $a (local.get 0)))", Trap::GcHeapOutOfMemory),
        ("(drop (array.new_data $a $d (i32.const 0) (local.get 0)))", Trap::MemoryOutOfBounds),
        ("(drop (array.new_elem $r $e (i32.const 0) (local.get 0)))", Trap::TableOutOfBounds),
        (
            "(array.fill $a (global.get $g) (i32.const 0) (i32.const 7) (local.get 0))",
            Trap::ArrayOutOfBounds,
        ),
        (
            "(array.copy $a $a (global.get $g) (i32.const 0) (global.get $g) (i32.const 0)
                (local.get 0))",
            Trap::ArrayOutOfBounds,
        ),
        (
            "(array.init_data $a $d (global.get $g) (i32.const 0) (i32.const 0) (local.get 0))",
            Trap::ArrayOutOfBounds,
        ),
    ];
    for (operation, expected) in operations {
        let wat = format!(
            r#"(module
                (type $a (array (mut i32)))
                (type $r (array (mut funcref)))
                (memory 1) (table $t 2 funcref)
                (data $d "data") (elem $e func $f)
                (global $g (mut (ref null $a)) (array.new_default $a (i32.const 3)))
                (func $f (export "f") (param i32) (result i32) {operation} (i32.const 5)))"#
        );
        assert_eq!(with_fuel(&wat, 2_000_000_000, 1000).0, Err(expected), "{operation}");
        // One more than there is can be charged, but not done.
        let (result, left) = with_fuel(&wat, 70_000, 1_000_000);
        if result.is_err() {
            assert!(left > 999_000, "{operation}: {left}");
        }
        // What can be done is charged.
        assert_eq!(with_fuel(&wat, 1, 1000).0, Ok(5), "{operation}");
        let (none, one) = (with_fuel(&wat, 0, 1000).1, with_fuel(&wat, 1, 1000).1);
        assert_eq!(none - one, 1, "{operation}");
    }
}

#[test]
fn a_table_that_cannot_grow_costs_nothing() {
    let wat = r#"(module (table $t 2 10 funcref)
        (func (export "f") (param i32) (result i32)
            (table.grow $t (ref.null func) (local.get 0))))"#;
    assert_eq!(with_fuel(wat, 2_000_000_000, 100), (Ok(-1), 100 - 4));
    assert_eq!(with_fuel(wat, 8, 100), (Ok(2), 100 - 4 - 8));
    // There is too little fuel for what could be done: the table stays as it is.
    assert_eq!(with_fuel(wat, 8, 10).0, Err(Trap::OutOfFuel));
}

#[test]
fn a_throw_costs_fuel_for_each_frame() {
    let wat = r#"(module
        (tag $e) (tag $other)
        (func $down (param i32)
            (block $no
                (try_table (catch $other $no)
                    (if (i32.eqz (local.get 0)) (then (throw $e)))
                    (call $down (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "f") (param i32) (result i32)
            (block $caught
                (try_table (catch $e $caught) (call $down (local.get 0))))
            (i32.const 5)))"#;
    let cost = |depth| {
        let (result, left) = with_fuel(wat, depth, 1_000_000);
        assert_eq!(result, Ok(5));
        1_000_000 - left
    };
    // Going down costs the same each time; so does going up, a frame and a clause.
    let (way_down, step) = (cost(0), cost(1) - cost(0));
    assert_eq!(cost(1000), way_down + 1000 * step);
    assert!(step >= 8 + 2, "{step}");
    // There is fuel for the way down, but not for the way up.
    assert_eq!(with_fuel(wat, 1000, cost(1000) - 500).0, Err(Trap::OutOfFuel));
}
