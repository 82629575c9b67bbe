//! Stores, and handles that are used with a store that is not theirs.

use std::sync::Arc;

use crate::{instantiate, panic_message};
use lineal::{
    AsContext, AsContextMut, Engine, ExternRef, Func, Instance, Linker, Memory, MemoryType, Module,
    Ref, Store, StoreContextMut, Val,
};

const MODULE: &str = r#"(module
    (func (export "func"))
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (global (export "global") (mut i32) (i32.const 0)))"#;

#[test]
fn every_handle_notices_another_store() {
    let (store, instance) = instantiate(MODULE);
    let func = instance.get_func(&store, "func").unwrap();
    let typed = func.typed::<(), ()>(&store).unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    let table = instance.get_table(&store, "table").unwrap();
    let global = instance.get_global(&store, "global").unwrap();

    let mut other = Store::<()>::default();
    let engine = other.engine().clone();
    let importing = Module::new(&engine, r#"(module (import "" "" (func)))"#).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    let other = &mut other;
    let messages = [
        panic_message(|| drop(func.ty(&*other))),
        panic_message(|| func.call(&mut *other, &[], &mut []).unwrap()),
        panic_message(|| typed.call(&mut *other, ()).unwrap()),
        panic_message(|| _ = memory.size(&*other)),
        panic_message(|| _ = memory.data(&*other)),
        panic_message(|| _ = memory.grow(&mut *other, 1)),
        panic_message(|| _ = table.get(&*other, 0)),
        panic_message(|| _ = table.set(&mut *other, 0, Ref::Func(None))),
        panic_message(|| _ = global.get(&*other)),
        panic_message(|| _ = global.set(&mut *other, Val::I32(1))),
        panic_message(|| _ = instance.get_export(&*other, "func")),
        panic_message(|| _ = instance.module(&*other)),
        panic_message(|| _ = instance.exports(&*other).len()),
        panic_message(|| _ = Instance::new(&mut *other, &importing, &[func.into()])),
        panic_message(|| _ = linker.define(&*other, "", "", func)),
        panic_message(|| _ = linker.instance(&*other, "", instance)),
    ];
    for (index, message) in messages.iter().enumerate() {
        assert!(message.starts_with("object used with the wrong store"), "{index}: {message}");
    }
}

#[test]
fn a_reference_from_another_store_is_an_error() {
    let (mut store, instance) = instantiate(MODULE);
    let table = instance.get_table(&store, "table").unwrap();
    let mut other = Store::<()>::default();
    let foreign = Func::wrap(&mut other, || ());
    let error = table.set(&mut store, 0, foreign.into()).unwrap_err();
    assert!(error.to_string().contains("another store"));
    let value = ExternRef::new(&mut other, 1).unwrap();
    assert!(value.data(&store).is_err());
    assert!(Val::from(foreign).ty(&store).is_err());
}

#[test]
fn stores_of_another_engine_do_not_take_modules() {
    let module = Module::new(&Engine::default(), "(module)").unwrap();
    let mut store = Store::<()>::default();
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.to_string(), "the module was made with another engine");
    let linker = Linker::<()>::new(module.engine());
    let error = linker.instantiate(&mut store, &module).unwrap_err();
    assert_eq!(error.to_string(), "the store was made with another engine than the linker");
}

#[test]
fn data_is_the_hosts() {
    let mut store = Store::new(&Engine::default(), vec![1]);
    store.data_mut().push(2);
    store.as_context_mut().data_mut().push(3);
    assert_eq!(store.data().len(), 3);
    assert_eq!(store.as_context().data()[2], 3);
    assert_eq!(format!("{store:?}"), "Store { data: [1, 2, 3], .. }");
    assert_eq!(store.into_data(), [1, 2, 3]);
}

#[test]
fn data_may_be_borrowed() {
    let mut log = Vec::new();
    let mut store = Store::new(&Engine::default(), &mut log);
    let push = Func::wrap(&mut store, |mut caller: lineal::Caller<'_, &mut Vec<i32>>, x: i32| {
        caller.data_mut().push(x);
    });
    push.call(&mut store, &[Val::I32(5)], &mut []).unwrap();
    drop(store);
    assert_eq!(log, [5]);
}

#[test]
fn dropping_a_store_drops_what_it_holds() {
    let token = Arc::new(());
    let mut store = Store::new(&Engine::default(), token.clone());
    let captured = token.clone();
    Func::wrap(&mut store, move || drop(captured.clone()));
    ExternRef::new(&mut store, token.clone()).unwrap();
    assert_eq!(Arc::strong_count(&token), 4);
    drop(store);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn contexts_are_taken_in_every_form() {
    fn size_by_context(store: impl AsContext, memory: Memory) -> u64 {
        memory.size(&store)
    }
    fn grow_by_context(mut store: StoreContextMut<'_, ()>, memory: Memory) -> u64 {
        memory.grow(&mut store, 1).unwrap();
        memory.grow(store.as_context_mut(), 1).unwrap();
        memory.data_size(&store) as u64
    }
    let mut store = Store::<()>::default();
    let ty = MemoryType::new(1, None);
    let memory = Memory::new(&mut store, ty).unwrap();
    assert_eq!(grow_by_context(store.as_context_mut(), memory), 3 * 65_536);
    assert_eq!(size_by_context(&store, memory), 3);
    assert_eq!(size_by_context(&mut store, memory), 3);
    assert_eq!(size_by_context(store.as_context(), memory), 3);
    assert_eq!(memory.data(store.as_context()).len(), 3 * 65_536);
    assert_eq!(memory.data_mut(store.as_context_mut()).len(), 3 * 65_536);
}

#[test]
fn a_store_moves_between_threads() {
    let (mut store, instance) = instantiate(
        r#"(module (global $g (mut i32) (i32.const 0))
            (func (export "next") (result i32)
                (global.set $g (i32.add (global.get $g) (i32.const 1)))
                (global.get $g)))"#,
    );
    let next = instance.get_typed_func::<(), i32>(&store, "next").unwrap();
    assert_eq!(next.call(&mut store, ()).unwrap(), 1);
    let mut store = std::thread::spawn(move || {
        assert_eq!(next.call(&mut store, ()).unwrap(), 2);
        store
    })
    .join()
    .unwrap();
    assert_eq!(next.call(&mut store, ()).unwrap(), 3);
}

#[test]
fn a_module_runs_on_several_threads_at_once() {
    let engine = Engine::default();
    let wat = r#"(module (func $fib (export "fib") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add
                (call $fib (i32.sub (local.get 0) (i32.const 1)))
                (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#;
    let mut config = lineal::Config::new();
    config.compilation_mode(lineal::CompilationMode::Lazy);
    for engine in [engine, Engine::new(&config).unwrap()] {
        let module = Module::new(&engine, wat).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut store = Store::new(&engine, ());
                    let instance = Instance::new(&mut store, &module, &[]).unwrap();
                    let fib = instance.get_typed_func::<i32, i32>(&store, "fib").unwrap();
                    assert_eq!(fib.call(&mut store, 15).unwrap(), 610);
                });
            }
        });
    }
}
