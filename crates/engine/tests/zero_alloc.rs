//! Calls between host and guest do not allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use lineal::{Caller, Engine, Linker, Module, Store, Val};

/// The system's allocator, which counts.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // Fails only while the thread ends, when nobody looks any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_bytes) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often a closure allocates on this thread.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

const MODULE: &str = r#"(module
    (import "host" "add" (func $add (param i32 i32) (result i32)))
    (import "host" "scale" (func $scale (param f64) (result f64)))
    (import "host" "dynamic" (func $dynamic (param i64) (result i64)))
    (memory (export "memory") 1)
    (table 1 funcref) (elem (i32.const 0) $add)
    (func (export "sum") (param i32 i64 f64) (result f64)
        (f64.add (local.get 2)
            (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))))
    (func (export "host") (param i32) (result i32)
        (call $add (local.get 0) (i32.trunc_f64_s (call $scale (f64.const 2)))))
    (func (export "indirect") (param i32) (result i32)
        (call_indirect (param i32 i32) (result i32)
            (local.get 0) (i32.const 1) (i32.const 0)))
    (func (export "dynamic") (param i64) (result i64) (call $dynamic (local.get 0)))
    (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
    (func (export "touch") (param i32)
        (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))))"#;

/// Something that should not allocate.
type Run<'a> = &'a mut dyn FnMut(&mut Store<i32>);

#[test]
fn calls_do_not_allocate() {
    let engine = Engine::default();
    let mut linker = Linker::<i32>::new(&engine);
    linker
        .func_wrap("host", "add", |mut caller: Caller<'_, i32>, a: i32, b: i32| {
            *caller.data_mut() += 1;
            let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
            memory.write(&mut caller, 0, &a.to_le_bytes()).unwrap();
            lineal::Result::Ok(a + b)
        })
        .unwrap();
    linker.func_wrap("host", "scale", |x: f64| 2.0 * x).unwrap();
    let ty = lineal::FuncType::new(&engine, [lineal::ValType::I64], [lineal::ValType::I64]);
    linker
        .func_new("host", "dynamic", ty, |_, params, results| {
            results[0] = Val::I64(params[0].unwrap_i64() + 1);
            Ok(())
        })
        .unwrap();
    let module = Module::new(&engine, MODULE).unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();

    let sum = instance.get_typed_func::<(i32, i64, f64), f64>(&store, "sum").unwrap();
    let host = instance.get_typed_func::<i32, i32>(&store, "host").unwrap();
    let indirect = instance.get_typed_func::<i32, i32>(&store, "indirect").unwrap();
    let dynamic = instance.get_typed_func::<i64, i64>(&store, "dynamic").unwrap();
    let swap = instance.get_typed_func::<(i32, i64), (i64, i32)>(&store, "swap").unwrap();
    let touch = instance.get_typed_func::<u32, ()>(&store, "touch").unwrap();
    let untyped = instance.get_func(&store, "swap").unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    // The first call makes the stack.
    touch.call(&mut store, 8).unwrap();

    let cases: [(&str, Run<'_>); 7] = [
        ("typed", &mut |store| assert_eq!(sum.call(store, (1, 2, 0.5)).unwrap(), 3.5)),
        ("host function", &mut |store| assert_eq!(host.call(store, 38).unwrap(), 42)),
        ("indirect", &mut |store| assert_eq!(indirect.call(store, 41).unwrap(), 42)),
        ("dynamic host function", &mut |store| assert_eq!(dynamic.call(store, 1).unwrap(), 2)),
        ("several results", &mut |store| assert_eq!(swap.call(store, (1, 2)).unwrap(), (2, 1))),
        ("memory", &mut |store| {
            touch.call(&mut *store, 8).unwrap();
            assert_ne!(memory.data(&*store)[8], 0);
        }),
        ("untyped", &mut |store| {
            let mut results = [Val::I32(0), Val::I32(0)];
            untyped.call(store, &[Val::I32(1), Val::I64(2)], &mut results).unwrap();
            assert_eq!(results[0].unwrap_i64(), 2);
        }),
    ];
    for (name, run) in cases {
        let allocated = allocations(|| (0..100).for_each(|_| run(&mut store)));
        assert_eq!(allocated, 0, "{name}");
    }
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}
