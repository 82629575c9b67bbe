//! What may be on the stack of a call that has stopped.

use lineal::{
    Config, Engine, Error, ExternRef, Instance, Linker, Module, Result, RootScope, Rooted, Store,
    Trap, Val, WasmBacktrace,
};

use super::{asked, finished, instance, instance_with};

/// Runs `run` of a module, with 100 for each question; the questions and the result.
fn questions(body: &str) -> (Vec<i32>, i32) {
    let (mut store, instance) = instance(body);
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let mut questions = Vec::new();
    let mut call = run.call_resumable(&mut store, 1);
    loop {
        match call.unwrap() {
            lineal::TypedResumableCall::Finished(result) => return (questions, result),
            stopped => {
                let (number, stopped) = asked(Ok(stopped));
                questions.push(number);
                // A collection of nothing, and a call, in between.
                store.gc(None).unwrap();
                call = stopped.resume(&mut store, &[Val::I32(100)]);
            }
        }
    }
}

#[test]
fn any_depth() {
    let (questions, result) = questions(
        r#"(func $deep (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 500))
                (then (i32.add
                    (call $deep (i32.add (local.get 0) (i32.const 1)))
                    (local.get 0)))
                (else (i32.add (call $ask (i32.const 1)) (call $ask (i32.const 2))))))
        (export "run" (func $deep))"#,
    );
    assert_eq!(questions, [1, 2]);
    assert_eq!(result, 200 + 499 * 500 / 2);
}

#[test]
fn tables_references_and_tail_calls() {
    let (questions, result) = questions(
        r#"(type $t (func (param i32) (result i32)))
        (table funcref (elem $ask $tail $by_ref))
        (elem declare func $tail $ask)
        (func $tail (type $t) (return_call $ask (i32.add (local.get 0) (i32.const 10))))
        (func $by_ref (type $t) (call_ref $t (local.get 0) (ref.func $ask)))
        (func $tail_ref (type $t) (return_call_ref $t (local.get 0) (ref.func $tail)))
        (func $tail_table (type $t)
            (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
        (func (export "run") (param i32) (result i32)
            (call_indirect (type $t) (i32.const 1) (i32.const 0))
            (i32.add (call_indirect (type $t) (i32.const 2) (i32.const 1)))
            (i32.add (call_indirect (type $t) (i32.const 3) (i32.const 2)))
            (i32.add (call $tail_ref (i32.const 4)))
            (i32.add (call $tail_table (i32.const 5)))
            (i32.add (return_call $tail (i32.const 6))))"#,
    );
    assert_eq!(questions, [1, 12, 3, 14, 5, 16]);
    assert_eq!(result, 100);
}

#[test]
fn exceptions_on_their_way_and_after() {
    let (questions, result) = questions(
        r#"(tag $e (param i32))
        (func $throws (param i32) (throw $e (call $ask (local.get 0))))
        (func (export "run") (param i32) (result i32) (local i32)
            (block $caught (result i32)
                (try_table (catch $e $caught)
                    (call $throws (i32.const 1)))
                (i32.const 0))
            (local.set 1)
            (block $again (result i32)
                (try_table (result i32) (catch $e $again)
                    (i32.add (call $ask (i32.const 2)) (local.get 1))
                    (throw $e))))"#,
    );
    assert_eq!(questions, [1, 2]);
    assert_eq!(result, 200);
}

#[test]
fn pinned_locals_and_floats_are_kept() {
    let (questions, result) = questions(
        r#"(func (export "run") (param i32) (result i32)
                (local $i i32) (local $f f64) (local $g f32) (local $v v128)
            (local.set $v (v128.const i32x4 1 2 3 4))
            (loop $next
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $f (f64.add (local.get $f) (f64.const 0.5)))
                (local.set $g (f32.add (local.get $g) (f32.const 0.25)))
                (local.set $v (i32x4.add (local.get $v) (i32x4.splat
                    (call $ask (local.get $i)))))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 4))))
            (i32.trunc_f64_s (local.get $f))
            (i32.add (i32.trunc_f32_s (local.get $g)))
            (i32.add (i32x4.extract_lane 3 (local.get $v))))"#,
    );
    assert_eq!(questions, [1, 2, 3, 4]);
    assert_eq!(result, 2 + 1 + 404);
}

#[test]
fn several_instances() {
    let engine = Engine::default();
    let mut linker = super::linker::<()>(&engine);
    let mut store = Store::new(&engine, ());
    let inner = Module::new(
        &engine,
        r#"(module (import "host" "ask" (func $ask (param i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "\2a")
            (func (export "inner") (result i32)
                (i32.add (call $ask (i32.const 3)) (i32.load8_u (i32.const 0))))
            (func (export "tail") (result i32) (return_call $ask (i32.const 4))))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &inner).unwrap();
    linker.instance(&mut store, "inner", instance).unwrap();
    let outer = Module::new(
        &engine,
        r#"(module (import "inner" "inner" (func $inner (result i32)))
            (import "inner" "tail" (func $tail (result i32)))
            (memory 1) (data (i32.const 0) "\01")
            (func (export "run") (result i32)
                (i32.sub (i32.mul (call $inner) (i32.load8_u (i32.const 0))) (call $tail))))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &outer).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    let (number, stopped) = asked(run.call_resumable(&mut store, ()));
    assert_eq!(number, 3);
    // Another call of the same functions in between.
    assert!(run.call(&mut store, ()).is_err());
    let (number, stopped) = asked(stopped.resume(&mut store, &[Val::I32(8)]));
    assert_eq!(number, 4);
    assert_eq!(finished(stopped.resume(&mut store, &[Val::I32(10)])), 40);
}

#[test]
fn references_on_the_stack_survive_collections() {
    let mut config = Config::new();
    config.gc_heap_limit(64 << 10);
    let (mut store, instance) = instance_with(
        &config,
        r#"(type $box (struct (field i32)))
        (type $garbage (array (mut i64)))
        (func $churn (export "churn") (local $n i32)
            (local.set $n (i32.const 2000))
            (loop $next
                (drop (array.new_default $garbage (i32.const 100)))
                (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (func $deep (param $n i32) (param (ref $box)) (result i32) (local (ref null $box))
            (local.set 2 (struct.new $box (local.get $n)))
            (if (result i32) (local.get $n)
                (then (call $deep (i32.sub (local.get $n) (i32.const 1))
                    (ref.as_non_null (local.get 2))))
                (else (call $ask (i32.const 1))))
            (i32.add (struct.get $box 0 (local.get 1)))
            (i32.add (struct.get $box 0 (local.get 2))))
        (func (export "run") (param i32) (result i32)
            (call $deep (local.get 0) (struct.new $box (i32.const 1000))))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let churn = instance.get_typed_func::<(), ()>(&store, "churn").unwrap();
    let mut calls = Vec::new();
    for depth in 0..10 {
        calls.push((depth, asked(run.call_resumable(&mut store, depth)).1));
    }
    churn.call(&mut store, ()).unwrap();
    store.gc(None).unwrap();
    // In another order than that of the calls.
    calls.rotate_left(3);
    for (depth, call) in calls {
        churn.call(&mut store, ()).unwrap();
        let sum: i32 = 1000 + (0..=depth).sum::<i32>() * 2;
        assert_eq!(finished(call.resume(&mut store, &[Val::I32(0)])), sum, "depth {depth}");
    }
    // What they held can be collected now: a dropped call keeps nothing.
    drop(asked(run.call_resumable(&mut store, 3)));
    churn.call(&mut store, ()).unwrap();
}

#[test]
fn references_go_in_and_out() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap(
            "host",
            "swap",
            |_: Option<Rooted<ExternRef>>| -> Result<Option<Rooted<ExternRef>>> {
                Err(Error::msg("wait"))
            },
        )
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "swap" (func $swap (param externref) (result externref)))
            (func (export "run") (param externref) (result externref externref)
                (call $swap (local.get 0)) (local.get 0)))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance
        .get_typed_func::<Option<Rooted<ExternRef>>, (Option<Rooted<ExternRef>>, Option<Rooted<ExternRef>>)>(&store, "run")
        .unwrap();
    let call = {
        let mut scope = RootScope::new(&mut store);
        let value = ExternRef::new(&mut scope, "first").unwrap();
        run.call_resumable(&mut scope, Some(value)).unwrap()
    };
    let lineal::TypedResumableCall::HostTrap(stopped) = call else { panic!("it has finished") };
    store.gc(None).unwrap();
    let second = ExternRef::new(&mut store, "second").unwrap();
    let (second, first) = finished(stopped.resume(&mut store, &[Val::ExternRef(Some(second))]));
    let text = |value: Option<Rooted<ExternRef>>| {
        let data = value.unwrap().data(&store).unwrap().unwrap();
        *data.downcast_ref::<&str>().unwrap()
    };
    assert_eq!((text(first), text(second)), ("first", "second"));
}

#[test]
fn traps_after_a_stop_have_their_backtrace() {
    let (mut store, instance) = instance(
        r#"(func $inner (param i32) (result i32)
            (i32.div_u (i32.const 1) (call $ask (local.get 0))))
        (func $outer (export "run") (param i32) (result i32)
            (call $inner (local.get 0)))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let expected = run.call(&mut store, 0).unwrap_err();
    let (_, stopped) = asked(run.call_resumable(&mut store, 0));
    let error = stopped.resume(&mut store, &[Val::I32(0)]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
    let names = |error: &Error| -> Vec<String> {
        let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
        frames.iter().map(|frame| frame.func_name().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&error), ["inner", "outer"]);
    assert_eq!(names(&expected), ["inner", "outer"]);
    assert_eq!(finished(call_with(&run, &mut store, 1)), 1);
}

fn call_with(
    run: &lineal::TypedFunc<i32, i32>,
    store: &mut Store<()>,
    answer: i32,
) -> Result<lineal::TypedResumableCall<i32>> {
    asked(run.call_resumable(&mut *store, 0)).1.resume(store, &[Val::I32(answer)])
}

#[test]
fn a_stack_that_is_too_deep_traps_after_a_stop_too() {
    let (mut store, instance) = instance(
        r#"(func $forever (param i32) (result i32)
            (call $forever (i32.add (local.get 0) (i32.const 1))))
        (func (export "run") (param i32) (result i32)
            (call $forever (call $ask (i32.const 0))))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    for _ in 0..3 {
        let error = call_with(&run, &mut store, 1).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
    }
}

#[test]
fn memory_that_grew_meanwhile_is_seen() {
    let (mut store, instance) = instance(
        r#"(memory (export "memory") 1)
        (func (export "run") (param i32) (result i32)
            (i32.store (i32.const 65532) (i32.const 5))
            (drop (call $ask (i32.const 0)))
            (i32.add (i32.load (i32.const 65532)) (i32.load (i32.const 131068))))"#,
    );
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    let (_, stopped) = asked(run.call_resumable(&mut store, 0));
    memory.grow(&mut store, 1).unwrap();
    memory.write(&mut store, 131_068, &37_i32.to_le_bytes()).unwrap();
    assert_eq!(finished(stopped.resume(&mut store, &[Val::I32(0)])), 42);
}

#[test]
fn an_instance_of_a_module_that_is_dropped_stays() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let run = {
        let module = Module::new(
            &engine,
            r#"(module (import "host" "ask" (func $ask (param i32) (result i32)))
                (func (export "run") (param i32) (result i32) (call $ask (local.get 0))))"#,
        )
        .unwrap();
        let instance: Instance = super::linker(&engine).instantiate(&mut store, &module).unwrap();
        instance.get_typed_func::<i32, i32>(&store, "run").unwrap()
    };
    drop(engine);
    let (number, stopped) = asked(run.call_resumable(&mut store, 4));
    assert_eq!(number, 4);
    assert_eq!(finished(stopped.resume(&mut store, &[Val::I32(6)])), 6);
}
