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
    let ty = lineal::FuncType::new(&engine, params, []);
    let func = Func::new(&mut store, ty, |_, _, _| Ok(()));
    let vals = vec![lineal::Val::I64(0); 1000];
    let error = func.call(&mut store, &vals, &mut []).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}

/// A guest that calls a host function, which takes `FRAME_BYTES` of the thread's stack and calls the
/// guest again, and so on.
fn mutual<const FRAME_BYTES: usize>(guest_stack_bytes: usize) -> (Linker<u32>, Module) {
    let engine = engine(guest_stack_bytes);
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("host", "again", |mut caller: Caller<'_, u32>| {
            let frame = [1_u8; FRAME_BYTES];
            std::hint::black_box(&frame);
            *caller.data_mut() += 1;
            let run = caller.get_export("run").unwrap().into_func().unwrap();
            let result = run.call(&mut caller, &[], &mut []);
            std::hint::black_box(&frame);
            result
        })
        .unwrap();
    let wat = r#"(module (import "host" "again" (func $again))
        (func (export "run") (call $again)))"#;
    let module = Module::new(&engine, wat).unwrap();
    (linker, module)
}

/// How often the host function was called before the stack ended, which is a trap.
fn depth_on((linker, module): &(Linker<u32>, Module)) -> u32 {
    let mut store = Store::new(module.engine(), 0);
    let instance = linker.instantiate(&mut store, module).unwrap();
    let run = instance.get_typed_func::<(), ()>(&store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
    // The store works on.
    let first = std::mem::take(store.data_mut());
    assert!(run.call(&mut store, ()).is_err());
    assert_eq!(first, *store.data());
    first
}

#[test]
fn the_threads_own_stack_bounds_mutual_recursion_too() {
    for guest_stack_bytes in [1 << 20, 16 << 20, 32 << 20, 256 << 20] {
        let (small, large) = (mutual::<16>(guest_stack_bytes), mutual::<16_384>(guest_stack_bytes));
        let huge = mutual::<65_536>(guest_stack_bytes);
        for thread_kib in [128, 256, 1024, 8192, 65_536] {
            let run = || {
                let (small, large) = (depth_on(&small), depth_on(&large));
                assert!(small >= large && large >= 1, "{thread_kib} KiB: {small}, {large}");
                // A thread that has more lets them go deeper.
                let least = (thread_kib / 64).min(guest_stack_bytes as u32 / 8192);
                assert!(small >= least, "{thread_kib} KiB: {small}");
                if thread_kib >= 512 {
                    let huge = depth_on(&huge);
                    assert!(large >= huge && huge >= 1, "{thread_kib} KiB: {large}, {huge}");
                }
            };
            std::thread::scope(|scope| {
                let size = thread_kib as usize * 1024;
                let thread = std::thread::Builder::new().stack_size(size);
                thread.spawn_scoped(scope, run).unwrap().join().unwrap();
            });
        }
    }
}

#[test]
fn a_host_function_may_go_on_on_another_thread() {
    let engine = engine(1 << 20);
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("host", "elsewhere", |mut caller: Caller<'_, ()>| {
            std::thread::scope(|scope| {
                scope
                    .spawn(|| {
                        let inner = caller.get_export("inner").unwrap().into_func().unwrap();
                        inner.typed::<(), u32>(&caller)?.call(&mut caller, ())
                    })
                    .join()
                    .unwrap()
            })
        })
        .unwrap();
    let wat = r#"(module (import "host" "elsewhere" (func $elsewhere (result i32)))
        (func (export "inner") (result i32) (i32.const 7))
        (func (export "run") (result i32) (call $elsewhere)))"#;
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), u32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 7);
}
