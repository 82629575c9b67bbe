//! Linking by name.

use crate::trap;
use lineal::{
    Caller, Engine, Extern, ExternType, Func, FuncType, Instance, Linker, Module, Store, Trap,
    UnknownImportError, Val, ValType,
};

/// Defines what the second module of each test imports.
const PROVIDER: &str = r#"(module
    (memory (export "memory") 1)
    (table (export "table") 2 funcref)
    (global (export "global") (mut i32) (i32.const 10))
    (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "call") (param i32) (result i32)
        (call_indirect (result i32) (local.get 0)))
    (func (export "add") (param i32)
        (global.set 0 (i32.add (global.get 0) (local.get 0)))))"#;

const CONSUMER: &str = r#"(module
    (import "p" "memory" (memory 1))
    (import "p" "table" (table 2 funcref))
    (import "p" "global" (global $g (mut i32)))
    (import "p" "peek" (func $peek (param i32) (result i32)))
    (import "p" "call" (func $call (param i32) (result i32)))
    (import "p" "add" (func $add (param i32)))
    (data (i32.const 4) "\07\00\00\00")
    (elem (i32.const 1) $own)
    (global $private i32 (i32.const 1000))
    (func $own (result i32) (i32.add (global.get $private) (global.get $g)))
    (func (export "run") (result i32)
        (call $add (i32.const 5))
        (i32.add (call $peek (i32.const 4)) (call $call (i32.const 1))))
    (func (export "grow") (result i32)
        (drop (memory.grow (i32.const 1)))
        (i32.store (i32.const 65536) (i32.const 99))
        (call $peek (i32.const 65536))))"#;

#[test]
fn two_modules_share_memory_table_and_global() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let mut store = Store::new(&engine, ());
    let provider = Module::new(&engine, PROVIDER).unwrap();
    let provider = linker.instantiate(&mut store, &provider).unwrap();
    linker.instance(&store, "p", provider).unwrap();
    let consumer = Module::new(&engine, CONSUMER).unwrap();
    let consumer = linker.instantiate(&mut store, &consumer).unwrap();

    let run = consumer.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 7 + 1000 + 15);
    let memory = provider.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.data(&store)[4], 7);
    let global = provider.get_global(&store, "global").unwrap();
    global.set(&mut store, Val::I32(0)).unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 7 + 1000 + 5);

    // The provider sees growth by the consumer at once, and the other way round.
    let grow = consumer.get_typed_func::<(), i32>(&store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), 99);
    assert_eq!(memory.size(&store), 2);
}

#[test]
fn unknown_imports_are_named() {
    let engine = Engine::default();
    let linker = Linker::<()>::new(&engine);
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, CONSUMER).unwrap();
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert_eq!(error.to_string(), "unknown import: `p::memory` has not been defined");
    let error = error.downcast::<UnknownImportError>().unwrap();
    assert_eq!((error.module(), error.name()), ("p", "memory"));
}

#[test]
fn definitions_are_not_replaced_unless_allowed() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "f", || 1).unwrap();
    let error = linker.func_wrap("m", "f", || 2).unwrap_err();
    assert_eq!(error.to_string(), "`m::f` is defined already");
    linker.func_wrap("m", "g", || 2).unwrap().func_wrap("n", "f", || 3).unwrap();
    linker.allow_shadowing(true).func_wrap("m", "f", || 4).unwrap();

    let mut store = Store::new(&engine, ());
    let mut call = |linker: &Linker<()>, module, name| {
        let func = linker.get(&mut store, module, name).ok()?.into_func().unwrap();
        Some(func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap())
    };
    assert_eq!(call(&linker, "m", "f"), Some(4));
    assert_eq!(call(&linker, "n", "f"), Some(3));
    assert_eq!(call(&linker, "n", "g"), None);
    linker.alias("m", "g", "n", "g").unwrap();
    assert_eq!(call(&linker, "n", "g"), Some(2));
    linker.alias_module("m", "other").unwrap();
    assert_eq!(call(&linker, "other", "f"), Some(4));
    assert!(linker.alias("m", "nothing", "n", "x").is_err());
    let mut names = format!("{linker:?}");
    names.retain(|c| c != '"');
    assert!(names.contains("other::g"), "{names}");
}

#[test]
fn one_linker_serves_many_stores() {
    let engine = Engine::default();
    let mut linker = Linker::<i32>::new(&engine);
    linker.func_wrap("host", "own", |caller: Caller<'_, i32>| *caller.data()).unwrap();
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    linker
        .func_new("host", "plus", ty, |caller, params, results| {
            results[0] = Val::I32(params[0].unwrap_i32() + caller.data());
            Ok(())
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "host" "own" (func $own (result i32)))
            (import "host" "plus" (func $plus (param i32) (result i32)))
            (func (export "run") (result i32) (call $plus (call $own))))"#,
    )
    .unwrap();
    for data in [1, 20, 300] {
        let mut store = Store::new(&engine, data);
        let instance = linker.clone().instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 2 * data);
    }
}

#[test]
fn unknown_functions_can_trap_when_called() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "known" (func $known (result i32)))
            (import "env" "unknown" (func $unknown (param f64) (result i32)))
            (func (export "good") (result i32) (call $known))
            (func (export "bad") (result i32) (call $unknown (f64.const 0))))"#,
    )
    .unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("env", "known", || 5).unwrap();
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let good = instance.get_typed_func::<(), i32>(&store, "good").unwrap();
    assert_eq!(good.call(&mut store, ()).unwrap(), 5);
    let bad = instance.get_typed_func::<(), i32>(&store, "bad").unwrap();
    let error = bad.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<UnknownImportError>().unwrap().name(), "unknown");
}

#[test]
fn reactors_are_initialised_and_commands_are_made_for_each_call() {
    let engine = Engine::default();
    let counter = |entry: &str| {
        let wat = format!(
            r#"(module
                (global $g (mut i32) (i32.const 0))
                (func (export "{entry}") (global.set $g (i32.const 10)))
                (func (export "next") (result i32)
                    (global.set $g (i32.add (global.get $g) (i32.const 1)))
                    (global.get $g)))"#
        );
        Module::new(&engine, wat).unwrap()
    };
    let mut linker = Linker::<()>::new(&engine);
    let mut store = Store::new(&engine, ());
    linker.module(&mut store, "reactor", &counter("_initialize")).unwrap();
    linker.module(&mut store, "command", &counter("_start")).unwrap();
    let mut next = |module| {
        let func = linker.get(&mut store, module, "next").unwrap().into_func().unwrap();
        func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap()
    };
    assert_eq!([next("reactor"), next("reactor")], [11, 12]);
    assert_eq!([next("command"), next("command")], [1, 1]);
}

#[test]
fn calls_between_instances_return_to_the_right_one() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let make = |imports: &str, value: i32, call: &str| {
        Module::new(
            &engine,
            format!(
                r#"(module {imports}
                    (global $g i32 (i32.const {value}))
                    (memory 1) (data (i32.const 0) "\0{value}")
                    (func (export "f") (param i32) (result i32)
                        (i32.add (local.get 0)
                            (i32.add {call}
                                (i32.mul (global.get $g) (i32.load8_u (i32.const 0)))))))"#
            ),
        )
        .unwrap()
    };
    let import = r#"(import "" "f" (func $f (param i32) (result i32)))"#;
    let inner = Instance::new(&mut store, &make("", 2, "(i32.const 0)"), &[]).unwrap();
    let f: Extern = inner.get_func(&store, "f").unwrap().into();
    let call = "(call $f (i32.const 100))";
    let middle = Instance::new(&mut store, &make(import, 3, call), &[f]).unwrap();
    let f: Extern = middle.get_func(&store, "f").unwrap().into();
    let outer = Instance::new(&mut store, &make(import, 5, call), &[f]).unwrap();
    let f = outer.get_typed_func::<i32, i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, 1000).unwrap(), 1000 + (100 + (100 + 4) + 9) + 25);
}

#[test]
fn tail_calls_between_instances_take_no_room() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let wat = r#"(module
        (import "" "table" (table $t 2 funcref))
        (type $f (func (param i32 i32) (result i32)))
        (global $step (mut i32) (i32.const 0))
        (func $f (export "f") (type $f)
            (if (result i32) (i32.eqz (local.get 0))
                (then (local.get 1))
                (else (return_call_indirect $t (type $f)
                    (i32.sub (local.get 0) (i32.const 1))
                    (i32.add (local.get 1) (i32.const 1))
                    (i32.and (local.get 0) (i32.const 1)))))))"#;
    let module = Module::new(&engine, wat).unwrap();
    let element = lineal::RefType::FUNCREF;
    let ty = lineal::TableType::new(element, 2, None);
    let table = lineal::Table::new(&mut store, ty, lineal::Ref::Func(None)).unwrap();
    let mut funcs = Vec::new();
    for index in 0..2 {
        let instance = Instance::new(&mut store, &module, &[table.into()]).unwrap();
        let func: Func = instance.get_func(&store, "f").unwrap();
        table.set(&mut store, index, func.into()).unwrap();
        funcs.push(func);
    }
    let f = funcs[0].typed::<(i32, i32), i32>(&store).unwrap();
    assert_eq!(f.call(&mut store, (1_000_000, 0)).unwrap(), 1_000_000);
    table.set(&mut store, 1, lineal::Ref::Func(None)).unwrap();
    assert_eq!(trap(&f.call(&mut store, (10, 0)).unwrap_err()), Trap::IndirectCallToNull);
}

#[test]
fn what_is_made_of_an_import_s_type_is_of_that_very_type() {
    let engine = Engine::default();
    // A function type that may have subtypes, one of a recursive group, and one that refers to
    // itself; a tag of such a type; a shared memory.
    let module = Module::new(
        &engine,
        r#"(module
            (type $open (sub (func (param i32) (result i32))))
            (rec (type $first (func (result i64))) (type $second (func (param (ref null $first)))))
            (rec (type $payload (func (param f32))) (type (struct)))
            (import "host" "open" (func $open (type $open)))
            (import "host" "first" (func $first (type $first)))
            (import "host" "second" (func (type $second)))
            (import "host" "tag" (tag (type $payload)))
            (import "host" "memory" (memory 1 2 shared))
            (func (export "call") (result i64)
                (i64.add (call $first) (i64.extend_i32_u (call $open (i32.const 5))))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_default_values(&mut store, &module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let call = instance.get_typed_func::<(), i64>(&store, "call").unwrap();
    assert_eq!(call.call(&mut store, ()).unwrap(), 0);

    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_default_values(&mut store, &module).unwrap();
    linker.allow_shadowing(true);
    for import in module.imports() {
        if let ExternType::Func(ty) = import.ty() {
            let answer = ty.result(0).map(|ty| match ty {
                ValType::I32 => Val::I32(2),
                _ => Val::I64(40),
            });
            let host = move |_: Caller<'_, ()>, _: &[Val], results: &mut [Val]| {
                results.iter_mut().zip(answer).for_each(|(result, answer)| *result = answer);
                Ok(())
            };
            linker.func_new(import.module(), import.name(), ty, host).unwrap();
        }
    }
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let call = instance.get_typed_func::<(), i64>(&store, "call").unwrap();
    assert_eq!(call.call(&mut store, ()).unwrap(), 42);
}
